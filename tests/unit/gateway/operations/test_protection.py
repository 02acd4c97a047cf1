"""What a schema declares is what is enforced, and a schema that can't be enforced is refused."""

import pytest
import strawberry
from strawberry import federation
from strawberry.federation.schema_directives import Policy, RequiresScopes
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.name_converter import NameConverter

from gateway.app import SchemaUnsafeError, create_app
from gateway.operations.protection import Protection, Requirement, check_declarations
from gateway.settings import Settings


def groups(*wanted: list[list[str]]) -> Requirement:
    return Requirement(frozenset(frozenset(frozenset(one) for one in group) for group in wanted))


def graph_of(query: type, **more) -> federation.Schema:
    return federation.Schema(query=query, federation_version="2.9", **more)


def faults_of(query: type, **more) -> list[str]:
    return check_declarations(graph_of(query, **more)._schema)


class TestRequirement:
    def test_of_no_scopes_is_met_by_any_token_and_by_no_absence_of_one(self) -> None:
        assert Requirement().is_met_by(frozenset())
        assert not Requirement().is_met_by(None)

    def test_is_met_by_one_whole_alternative_of_each_group(self) -> None:
        requirement = groups([["a", "b"], ["c"]], [["d"]])
        assert requirement.is_met_by(frozenset("abd"))
        assert requirement.is_met_by(frozenset("cd"))
        assert not requirement.is_met_by(frozenset("abc"))
        assert not requirement.is_met_by(frozenset("ad"))

    def test_misses_the_fewest_scopes(self) -> None:
        requirement = groups([["a", "b"], ["c", "d", "e"]])
        assert requirement.list_missing(frozenset()) == ["a", "b"]
        assert requirement.list_missing(frozenset({"c", "d"})) == ["e"]

    def test_misses_of_equally_few_what_most_kinds_of_member_may_hold(self) -> None:
        requirement = groups([["audit:read"], ["signals:read"], ["participations:manage"]])
        assert requirement.list_missing(frozenset()) == ["signals:read"]

    def test_implies_what_every_token_that_meets_it_meets(self) -> None:
        assert groups([["a", "b"]]).implies(groups([["a"]]))
        assert groups([["a"]]).implies(groups([["a"], ["b"]]))
        assert not groups([["a"], ["b"]]).implies(groups([["a"]]))
        assert groups([["a"]]).implies(Requirement())
        assert not Requirement().implies(groups([["a"]]))


@federation.interface
class Thing:
    name: str | None = federation.field(requires_scopes=[["interface:read"]], default=None)


@federation.type(requires_scopes=[["type:read"]])
class Guarded(Thing):
    other: int | None = federation.field(requires_scopes=[["field:read"]], default=None)


@strawberry.type
class GuardedQuery:
    guarded: Guarded | None = None
    open: int = 1


class TestProtection:
    protection = Protection(graph_of(GuardedQuery)._schema)

    def test_of_a_field_holds_that_of_the_type_it_returns(self) -> None:
        assert self.protection.find_requirement("Query", "guarded") == groups([["type:read"]])

    def test_of_a_field_holds_that_of_its_own_type(self) -> None:
        assert self.protection.find_requirement("Guarded", "other") == groups([["type:read"]], [["field:read"]])

    def test_of_a_field_holds_what_the_interface_declares_for_it(self) -> None:
        assert self.protection.find_requirement("Guarded", "name") == groups([["type:read"]], [["interface:read"]])

    def test_of_an_open_field_is_none(self) -> None:
        assert self.protection.find_requirement("Query", "open") is None

    def test_is_read_from_the_declaration_whatever_link_calls_the_directive(self) -> None:
        class Renamed(NameConverter):
            def from_directive(self, directive):
                return f"federation__{super().from_directive(directive)}"

        schema = graph_of(GuardedQuery, config=StrawberryConfig(name_converter=Renamed()))
        assert "federation__requiresScopes" in schema.as_str()
        assert Protection(schema._schema).find_requirement("Guarded", "other") is not None

    def test_is_read_from_a_subclass_of_the_directive(self) -> None:
        class Stricter(RequiresScopes):
            pass

        @strawberry.type
        class Query:
            field: int | None = strawberry.field(default=None, directives=[Stricter(scopes=[["a"]])])

        # Strawberry's own definition stands on the class, and a subclass inherits it.
        schema = graph_of(Query)
        assert Protection(schema._schema).find_requirement("Query", "field") == groups([["a"]])


class TestCheckDeclarations:
    def test_finds_nothing_in_a_sound_schema(self) -> None:
        assert faults_of(GuardedQuery) == []

    def test_refuses_a_protected_field_that_is_not_nullable(self) -> None:
        @strawberry.type
        class Query:
            secret: int = federation.field(requires_scopes=[["a"]], default=1)

        assert faults_of(Query) == ["Query.secret needs a scope, or its type does, and must be nullable."]

    def test_refuses_a_field_of_a_protected_type_that_is_not_nullable(self) -> None:
        @strawberry.type
        class Query:
            guarded: Guarded

        assert faults_of(Query) == ["Query.guarded needs a scope, or its type does, and must be nullable."]

    def test_refuses_an_entity_that_is_more_open_than_its_root_field(self) -> None:
        @federation.type(keys=["id"])
        class Entity:
            id: strawberry.ID

        @strawberry.type
        class Query:
            entity: Entity | None = federation.field(requires_scopes=[["a"]], default=None)

        assert faults_of(Query) == ["Entity is an entity and must itself declare what Query.entity needs."]

    def test_refuses_a_field_that_reads_a_protected_one_through_requires(self) -> None:
        @federation.type(keys=["id"])
        class Entity:
            id: strawberry.ID
            secret: str | None = federation.field(external=True, requires_scopes=[["a"]], default=None)

            @federation.field(requires=["secret"])
            def derived(self) -> str | None:
                return self.secret

        @strawberry.type
        class Query:
            entity: Entity | None = None

        assert faults_of(Query) == ["Entity.derived requires secret and must need what that needs."]

    def test_refuses_policy_which_nothing_would_enforce(self) -> None:
        @strawberry.type
        class Query:
            field: int | None = strawberry.field(default=None, directives=[Policy(policies=[["p"]])])

        assert faults_of(Query) == ["Query declares @policy, which is not enforced here."]


class TestCreateApp:
    def test_refuses_an_unsound_schema(self) -> None:
        @strawberry.type
        class Query:
            secret: int = federation.field(authenticated=True, default=1)

        with pytest.raises(SchemaUnsafeError, match=r"Query\.secret"):
            create_app(Settings(), schema=graph_of(Query), verify_token=None, make_context=None)

    def test_cannot_be_made_without_a_verifier_so_that_directives_are_never_inert(self) -> None:
        with pytest.raises(TypeError, match="verify_token"):
            create_app(Settings(), schema=graph_of(GuardedQuery), make_context=None)
