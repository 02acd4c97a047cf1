"""A small graph with one of everything that the gateway must guard: scopes of all kinds, lists, entities, failures."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Self, Union

import strawberry
from strawberry.federation.schema_directives import Cost, ListSize

from ledger.errors import DatabaseUnavailableError, FourEyesError, UnknownError

READ, WRITE, AUDIT = "orders:read", "orders:acknowledge", "audit:read"


@dataclass
class SampleContext:
    principal: Any
    as_of: datetime
    request_id: str
    calls: list[str]

    async def record_accesses(self, *, document: str, operation_name: str | None) -> None:
        """The sample graph shows nothing that is recorded."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.calls.append("closed")


def called(info: strawberry.Info[SampleContext, None], name: str) -> None:
    info.context.calls.append(name)


@strawberry.federation.interface
class BlockRequest:
    id: strawberry.ID
    reason: str | None = None


@strawberry.federation.type(keys=["id"], requires_scopes=[[READ]])
class Order(BlockRequest):
    due_in_hours: int = 24

    @strawberry.federation.field(requires_scopes=[[AUDIT]])
    def audit(self, info: strawberry.Info[SampleContext, None]) -> str | None:
        called(info, f"audit {self.id}")
        return "trail"

    @classmethod
    def resolve_reference(cls, info: strawberry.Info[SampleContext, None], id: strawberry.ID) -> "Order":  # noqa: A002
        called(info, f"reference {id}")
        return Order(id=id, reason="by reference")


@strawberry.federation.type
class Referral(BlockRequest):
    partner: str = "partner"


@strawberry.federation.type(keys=["e164"])
class PhoneNumber:
    e164: strawberry.ID
    risk: str = "NONE"

    @strawberry.federation.field(requires_scopes=[["numbers:read"]])
    def holder(self) -> str | None:
        return "holder"

    @classmethod
    def resolve_reference(cls, info: strawberry.Info[SampleContext, None], e164: strawberry.ID) -> "PhoneNumber":
        called(info, f"reference {e164}")
        return PhoneNumber(e164=e164)


@strawberry.type
class OrderConnection:
    nodes: list[Order] | None
    total_count: int = 3


@strawberry.type
class Nested:
    value: str = "value"

    @strawberry.field
    def inner(self) -> "Nested":
        return Nested()

    @strawberry.federation.field(requires_scopes=[[AUDIT]])
    def secret(self, info: strawberry.Info[SampleContext, None]) -> str | None:
        called(info, "secret")
        return "secret"


Found = Annotated[Union[Order, Referral], strawberry.union("Found")]  # noqa: UP007 - Strawberry's own form


@strawberry.type
class Query:
    @strawberry.field
    def open(self, info: strawberry.Info[SampleContext, None]) -> str:
        called(info, "open")
        return "open"

    @strawberry.federation.field(authenticated=True)
    def viewer(self, info: strawberry.Info[SampleContext, None]) -> str | None:
        called(info, "viewer")
        return info.context.principal.client_id

    @strawberry.federation.field(
        requires_scopes=[[READ]],
        directives=[
            ListSize(
                assumed_size=10,
                slicing_arguments=["first"],
                sized_fields=["nodes"],
                require_one_slicing_argument=False,
            )
        ],
    )
    def orders(self, info: strawberry.Info[SampleContext, None], first: int | None = 3) -> OrderConnection | None:
        called(info, "orders")
        return OrderConnection(nodes=[Order(id=strawberry.ID(str(n))) for n in range(min(first or 3, 3))])

    @strawberry.federation.field(requires_scopes=[[READ, "members:read"], [AUDIT]])
    def either(self, info: strawberry.Info[SampleContext, None]) -> str | None:
        called(info, "either")
        return "either"

    @strawberry.field
    def requests(self, info: strawberry.Info[SampleContext, None]) -> list[BlockRequest | None]:
        called(info, "requests")
        return [Order(id=strawberry.ID("o1"), reason="order"), Referral(id=strawberry.ID("r1"), reason="referral")]

    @strawberry.field
    def search(self, info: strawberry.Info[SampleContext, None]) -> list[Found | None]:
        called(info, "search")
        return [Order(id=strawberry.ID("o1")), Referral(id=strawberry.ID("r1"))]

    @strawberry.field(directives=[ListSize(slicing_arguments=["first", "last"])])
    def pages(self, first: int | None = None, last: int | None = None) -> list[Nested]:
        return [Nested()] * (first or last or 0)

    @strawberry.field
    def nested(self) -> Nested:
        return Nested()

    @strawberry.federation.field(directives=[Cost(weight=500)])
    def expensive(self) -> str:
        return "done"

    @strawberry.field
    def echo(self, text: str | None = None, numbers: list[int] | None = None) -> str | None:
        return text if numbers is None else str(len(numbers))

    @strawberry.field
    def boom(self, at: int = 0) -> str | None:
        raise RuntimeError(f"the password is hunter{at}")

    @strawberry.field
    def booms(self) -> list["Failing"]:
        return [Failing() for _ in range(200)]

    @strawberry.field
    def broken_leaf(self) -> int | None:
        return "password hunter2"  # type: ignore[return-value]

    @strawberry.field
    def away(self) -> str | None:
        raise DatabaseUnavailableError

    @strawberry.field
    def unknown(self) -> str | None:
        raise UnknownError("There is no such order.", field="id")

    @strawberry.field
    async def slow(self, info: strawberry.Info[SampleContext, None]) -> str | None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            called(info, "slow was cancelled")
            raise
        return None


@strawberry.type
class Failing:
    @strawberry.field
    def value(self) -> str | None:
        raise RuntimeError("one cause, many fields")


@strawberry.input
class ItemInput:
    id: strawberry.ID
    note: str | None = None


@strawberry.type
class Mutation:
    @strawberry.federation.mutation(requires_scopes=[[WRITE]])
    def acknowledge(self, info: strawberry.Info[SampleContext, None], items: list[ItemInput]) -> int:
        called(info, "acknowledge")
        return len(items)

    @strawberry.mutation
    def touch(self, info: strawberry.Info[SampleContext, None]) -> Nested:
        called(info, "touch")
        return Nested()

    @strawberry.mutation
    def approve_own(self) -> str | None:
        raise FourEyesError

    @strawberry.mutation
    def away(self) -> str | None:
        raise DatabaseUnavailableError


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def ticks(self) -> AsyncGenerator[int, None]:
        yield 1


def make_schema() -> strawberry.federation.Schema:
    return strawberry.federation.Schema(
        query=Query,
        mutation=Mutation,
        subscription=Subscription,
        types=[Order, Referral, PhoneNumber],
        federation_version="2.9",
    )
