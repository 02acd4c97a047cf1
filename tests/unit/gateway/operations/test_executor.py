"""The executor's own check, without the stage before it, and fields that it reads at once beside the general way."""

import enum
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest
import strawberry
from graphql import parse
from hypothesis import given
from hypothesis import strategies as st
from strawberry import federation
from strawberry.extensions import SchemaExtension

from gateway.operations.errors import ScopesMissingError
from gateway.operations.executor import PREPARED, Prepared, prepare_schema
from gateway.operations.progress import Document
from gateway.operations.protection import Protection, Requirement
from ledger.answers import AnswerSize
from ledger.closed_lists import ClosedList
from schema.scalars import SCALARS

READ, AUDIT = "orders:read", "audit:read"
MISSING = ScopesMissingError.code


class Shade(ClosedList):
    """How dark it is."""

    LIGHT = "LIGHT", "Nearly white."
    DARK = "DARK", "Nearly black."


@strawberry.enum
class Odd(enum.Enum):
    FIRST = 1
    SECOND = "two"


@federation.interface
class Thing:
    name: str | None = "thing"


@federation.type
class Open(Thing):
    secret: str | None = "open"


@federation.type
class Guarded(Thing):
    secret: str | None = federation.field(requires_scopes=[[AUDIT]], default="secret")


@federation.type
class Leaves:
    text: str | None = None
    number: int | None = None
    flag: bool | None = None
    moment: datetime | None = None
    shade: Shade | None = None
    odd: Odd | None = None
    needed: str = "needed"
    id: strawberry.ID | None = None


@dataclass
class Held:
    """What the resolvers return; tests put it here."""

    things: list[Any] = field(default_factory=list)
    leaves: Any = None


@federation.type
class Query:
    @strawberry.field
    def things(self, info: strawberry.Info[Held, None]) -> list[Thing]:
        return info.context.things

    @federation.field(requires_scopes=[[READ]])
    def leaves(self, info: strawberry.Info[Held, None]) -> Leaves | None:
        return info.context.leaves


class Onlooker(SchemaExtension):
    """Sees each field, so that all take the general way."""

    def resolve(self, _next: Callable[..., Any], root: Any, info: Any, *args: str, **kwargs: Any) -> Any:
        return _next(root, info, *args, **kwargs)


def make_schema(**more: Any) -> federation.Schema:
    return federation.Schema(
        query=Query,
        types=[Open, Guarded],
        federation_version="2.9",
        config=strawberry.schema.config.StrawberryConfig(scalar_map=dict(SCALARS)),
        **more,
    )


AT_ONCE, GENERAL = prepare_schema(make_schema()), prepare_schema(make_schema(extensions=[Onlooker]))
PROTECTION = Protection(AT_ONCE._schema)
LEAVES = "{ leaves { text number flag moment shade odd needed id } }"


async def run(schema: federation.Schema, query: str, held: Held, *scopes: str, bytes_max: float = 10**9) -> Any:
    answer = AnswerSize(bytes_max)
    prepared = Prepared(Document(query, parse(query)), PROTECTION, frozenset(scopes), answer=answer)
    result = await schema.execute(query, context_value=held, operation_extensions={PREPARED: prepared})
    return result.data, result.errors or [], answer


def codes(errors: list[Any]) -> list[str]:
    return [getattr(error.original_error, "code", type(error.original_error).__name__) for error in errors]


class TestPlainFieldThatTheAnalysisMissed:
    QUERY = "{ things { ... on Open { secret } ... on Guarded { secret hidden: secret name } } }"

    async def test_is_refused_for_every_object_under_every_name(self):
        held = Held(things=[Guarded(), Open(), Guarded()])
        data, errors, _ = await run(AT_ONCE, self.QUERY, held)
        refused = {"secret": None, "hidden": None, "name": "thing"}
        assert data == {"things": [refused, {"secret": "open"}, refused]}
        assert codes(errors) == [MISSING] * 4
        assert errors[0].path == ["things", 0, "secret"]

    async def test_is_answered_with_the_scope(self):
        data, errors, _ = await run(AT_ONCE, self.QUERY, Held(things=[Guarded()]), AUDIT)
        assert (data, errors) == ({"things": [{"secret": "secret", "hidden": "secret", "name": "thing"}]}, [])

    async def test_behind_an_interface_is_judged_by_the_concrete_type(self):
        query = "{ things { __typename ...F } } fragment F on Thing { ... on Guarded { secret } }"
        data, errors, _ = await run(AT_ONCE, query, Held(things=[Open(), Guarded()]))
        assert data == {"things": [{"__typename": "Open"}, {"__typename": "Guarded", "secret": None}]}
        assert codes(errors) == [MISSING]


async def test_a_requirement_is_judged_once_however_many_objects_there_are(monkeypatch: pytest.MonkeyPatch):
    judged: list[Requirement] = []
    is_met_by = Requirement.is_met_by
    monkeypatch.setattr(Requirement, "is_met_by", lambda self, scopes: judged.append(self) or is_met_by(self, scopes))
    query = "{ things { ... on Guarded { secret } } }"
    await run(AT_ONCE, query, Held(things=[Guarded() for _ in range(3)]), AUDIT)
    few = len(judged)
    judged.clear()
    await run(AT_ONCE, query, Held(things=[Guarded() for _ in range(30)]), AUDIT)
    assert len(judged) == few


def build(values: dict[str, Any]) -> Leaves:
    leaves = Leaves()
    vars(leaves).update(values)
    return leaves


moments = st.datetimes(timezones=st.timezones())
anything = st.one_of(
    st.none(), st.text(), st.booleans(), st.integers(), st.floats(), st.binary(), st.datetimes(), st.dates(), moments,
    st.sampled_from(Shade), st.sampled_from(Odd), st.lists(st.text(), max_size=2), st.just(object()),
)  # fmt: skip
fitting = st.fixed_dictionaries(
    {
        "text": st.text(), "number": st.integers(-(2**31), 2**31 - 1), "flag": st.booleans(), "moment": moments,
        "shade": st.sampled_from(Shade), "odd": st.sampled_from(Odd), "needed": st.text(), "id": st.text(),
    }
)  # fmt: skip
NAMES = ["text", "number", "flag", "moment", "shade", "odd", "needed", "id"]


class TestPlainFields:
    @given(values=st.one_of(fitting, st.dictionaries(st.sampled_from(NAMES), anything)))
    async def test_are_answered_and_counted_as_in_the_general_way(self, values: dict[str, Any]):
        at_once = await run(AT_ONCE, LEAVES, Held(leaves=build(values)), READ)
        general = await run(GENERAL, LEAVES, Held(leaves=build(values)), READ)
        assert at_once[0] == general[0]
        assert [(error.path, codes([error])) for error in at_once[1]] == [
            (error.path, codes([error])) for error in general[1]
        ]
        assert at_once[2].built == general[2].built

    @pytest.mark.parametrize("wrong", [{"number": 2**31}, {"shade": "PURPLE"}, {"moment": "yesterday"}])
    async def test_that_do_not_fit_are_internal_faults_of_their_own(self, wrong: dict[str, Any]):
        data, errors, _ = await run(AT_ONCE, LEAVES, Held(leaves=build(wrong)), READ)
        (name,) = wrong
        assert data["leaves"][name] is None
        assert data["leaves"]["needed"] == "needed"
        assert errors[0].path == ["leaves", name]
        assert not hasattr(errors[0].original_error, "code")

    async def test_that_are_missing_where_one_is_needed_null_their_parent(self):
        data, errors, _ = await run(AT_ONCE, LEAVES, Held(leaves=build({"needed": None})), READ)
        assert data == {"leaves": None}
        assert errors[0].path == ["leaves", "needed"]

    async def test_whose_values_come_later_are_awaited(self):
        async def come() -> str:
            return "late"

        def read(value: Awaitable[str]) -> Leaves:
            return build({"text": value})

        data, errors, _ = await run(AT_ONCE, LEAVES, Held(leaves=read(come())), READ)
        assert (data["leaves"]["text"], errors) == ("late", [])

    async def test_are_left_out_once_the_answer_is_too_large(self):
        data, _, answer = await run(AT_ONCE, LEAVES, Held(leaves=build({"text": "x" * 100})), READ, bytes_max=80)
        assert answer.is_exceeded
        assert data == {"leaves": None} or data["leaves"]["id"] is None
