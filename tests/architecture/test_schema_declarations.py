"""What every type, field and argument of the graph must be like."""

from collections.abc import Iterator

import pytest
from graphql import (
    GraphQLField,
    GraphQLNamedType,
    get_named_type,
    is_enum_type,
    is_input_object_type,
    is_interface_type,
    is_introspection_type,
    is_list_type,
    is_non_null_type,
    is_object_type,
    is_specified_scalar_type,
)
from strawberry.federation.schema_directives import Authenticated, Cost, ListSize, RequiresScopes

from auth.scopes import BY_KIND, WORDS
from gateway.operations.protection import check_declarations
from ledger.viewer import MemberKind
from schema import authority
from schema.graph import schema

GRAPH = schema._schema
BACKREF = "strawberry-definition"
SUBGRAPH_MACHINERY = {"_Any", "_Entity", "_Service", "_FieldSet", "_entities", "_service"}


def list_types() -> list[GraphQLNamedType]:
    return [
        type_
        for name, type_ in GRAPH.type_map.items()
        if not is_introspection_type(type_) and not is_specified_scalar_type(type_) and name not in SUBGRAPH_MACHINERY
        if not name.startswith(("federation__", "link__"))
    ]


def list_fields() -> Iterator[tuple[str, GraphQLField]]:
    for type_ in list_types():
        if is_object_type(type_) or is_interface_type(type_):
            for name, field in type_.fields.items():
                if name not in SUBGRAPH_MACHINERY:
                    yield f"{type_.name}.{name}", field


def directives_of(holder) -> list[object]:
    return list(getattr(holder.extensions.get(BACKREF), "directives", None) or ())


def is_protected(holder) -> bool:
    return any(isinstance(directive, Authenticated | RequiresScopes) for directive in directives_of(holder))


class TestDescriptions:
    def test_stand_on_every_type(self):
        assert [type_.name for type_ in list_types() if not (type_.description or "").strip()] == []

    def test_stand_on_every_field(self):
        assert [name for name, field in list_fields() if not (field.description or "").strip()] == []

    def test_stand_on_every_argument(self):
        bare = [
            f"{name}({argument_name})"
            for name, field in list_fields()
            for argument_name, argument in field.args.items()
            if not (argument.description or "").strip()
        ]
        assert bare == []

    def test_stand_on_every_input_field_and_enum_value(self):
        bare = [
            f"{type_.name}.{name}"
            for type_ in list_types()
            if is_input_object_type(type_) or is_enum_type(type_)
            for name, part in (type_.fields if is_input_object_type(type_) else type_.values).items()
            if not (part.description or "").strip()
        ]
        assert bare == []


class TestProtection:
    def test_leaves_every_protected_field_nullable(self):
        refused = [
            name
            for name, field in list_fields()
            if is_non_null_type(field.type) and (is_protected(field) or is_protected(get_named_type(field.type)))
        ]
        assert refused == []

    def test_is_declared_on_every_field_of_the_roots(self):
        open_fields = [
            name
            for name, field in list_fields()
            if name.startswith(("Query.", "Mutation.", "Subscription.")) and not is_protected(field)
        ]
        assert open_fields == []

    def test_can_be_enforced_by_the_gateway(self):
        assert check_declarations(GRAPH) == []

    def test_names_no_scope_that_does_not_exist(self):
        named = {
            str(scope)
            for holder in [*list_types(), *(field for _, field in list_fields())]
            for directive in directives_of(holder)
            if isinstance(directive, RequiresScopes)
            for group in directive.scopes
            for scope in group
        }
        assert named <= set(WORDS)

    @pytest.mark.parametrize("need", sorted(name for name in vars(authority) if name.endswith("_STAFF")))
    def test_keeps_what_is_the_regulators_alone_from_every_other_kind(self, need):
        others = set().union(*(BY_KIND[kind] for kind in MemberKind if kind is not MemberKind.REGULATOR))
        assert not any(set(group) & others for group in getattr(authority, need))

    def test_needs_only_a_token_for_the_viewer(self):
        viewer = GRAPH.query_type.fields["viewer"]
        assert [type(directive) for directive in directives_of(viewer)] == [Authenticated]


class TestTypes:
    def test_hold_no_float(self):
        assert "Float" not in GRAPH.type_map

    def test_of_mutations_take_one_input_and_answer_a_payload_of_their_own(self):
        for name, field in GRAPH.mutation_type.fields.items():
            pascal = name[0].upper() + name[1:]
            assert list(field.args) == ["input"], name
            assert str(field.args["input"].type) == f"{pascal}Input!", name
            assert str(field.type) == f"{pascal}Payload", name

    def test_of_subscriptions_are_messages_with_a_cursor_that_may_tell_the_place_alone(self):
        for name, field in GRAPH.subscription_type.fields.items():
            assert str(field.args["after"].type) == "FeedCursor", name
            message = get_named_type(field.type)
            assert message.name.endswith("Message"), name
            assert str(message.fields["cursor"].type) == "FeedCursor!", name
            told = [part for part in message.fields if part != "cursor"]
            assert len(told) == 1, name
            assert not is_non_null_type(message.fields[told[0]].type), name

    def test_of_connections_have_what_relay_asks_for(self):
        connections = [type_ for type_ in list_types() if type_.name.endswith("Connection")]
        assert connections
        for type_ in connections:
            assert {"nodes", "edges", "pageInfo"} <= set(type_.fields), type_.name


class TestSizes:
    def test_are_declared_on_every_list_of_things(self):
        unsized = [
            name
            for name, field in list_fields()
            if is_list_type(field.type.of_type if is_non_null_type(field.type) else field.type)
            and not name.split(".")[0].endswith("Connection")
            and not any(isinstance(directive, ListSize) for directive in directives_of(field))
        ]
        assert unsized == []

    def test_of_pages_have_no_default_beside_their_slicing_argument(self):
        for name, field in list_fields():
            if str(get_named_type(field.type)).endswith("Connection"):
                (size,) = [d for d in directives_of(field) if isinstance(d, ListSize)]
                assert size.slicing_arguments == ["first"], name
                assert size.require_one_slicing_argument is False, name
                assert str(field.args["first"].type) == "Int", name
                assert field.args["first"].default is None, name

    def test_have_no_price_on_an_interface_which_apollos_composition_refuses(self):
        interfaces = {type_.name for type_ in list_types() if is_interface_type(type_)}
        priced = [name for name, field in list_fields() if any(isinstance(d, Cost) for d in directives_of(field))]
        assert [name for name in priced if name.split(".")[0] in interfaces] == []
        assert "BlockOrder.summary" in priced

    def test_have_a_price_where_a_field_costs_more_than_a_lookup(self):
        priced = {name for name, field in list_fields() if any(isinstance(d, Cost) for d in directives_of(field))}
        counts = {"BlockOrderConnection.totalCount", "BlockOrderConnection.isExact", "ComplaintConnection.totalCount"}
        assert counts | {"Complaint.chronology", "Query.statistics"} <= priced
