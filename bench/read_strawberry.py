"""Plain Strawberry over SQLAlchemy's ORM, as their documentations show them: what is asked for is loaded eagerly.

It runs in its own process, is told in its first argument where the database is and which tokens to take, and reports
its port as a line of JSON. A token is verified once and remembered until it expires, as by the gateway.
"""

import asyncio
import socket
import sys
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import datetime
from enum import StrEnum
from typing import Any, NewType, cast
from uuid import UUID

import orjson
import strawberry
import uvicorn
import uvloop
from joserfc import jwt
from joserfc.jwk import KeySet
from sqlalchemy import ForeignKey, func, literal_column, select, text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, column_property, mapped_column, relationship, selectinload
from starlette.requests import Request
from strawberry.asgi import GraphQL
from strawberry.extensions import ParserCache, ValidationCache
from strawberry.schema.config import StrawberryConfig
from strawberry.types.nodes import InlineFragment

from bench.json_lines import open_standard_input, tell

_TOLD = orjson.loads(sys.argv[1])
_BIND = text("SELECT set_config(key, value, true) FROM json_each_text(:settings)")


class Base(DeclarativeBase):
    """The mapped tables, with the columns that are asked for."""


def _derive(name: str) -> Any:
    return column_property(literal_column(_TOLD["derived"][name].replace("{o}", "block_orders")))


class NumberRow(Base):
    """A number."""

    __tablename__ = "phone_numbers"
    e164: Mapped[str] = mapped_column(primary_key=True)
    status: Mapped[str]
    risk: Mapped[str]
    block_orders: Mapped[list["OrderRow"]] = relationship(order_by="OrderRow.id", viewonly=True)


class OrderRow(Base):
    """An order."""

    __tablename__ = "block_orders"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    version: Mapped[int]
    state: Mapped[str]
    due_at: Mapped[datetime]
    e164: Mapped[str] = mapped_column(ForeignKey("phone_numbers.e164"))
    order_no: Mapped[str] = _derive("orderNo")
    status: Mapped[str] = _derive("status")
    acknowledgements: Mapped[list["AcknowledgementRow"]] = relationship(order_by="AcknowledgementRow.id", viewonly=True)
    number: Mapped[NumberRow | None] = relationship(viewonly=True)


class AcknowledgementRow(Base):
    """What a carrier said."""

    __tablename__ = "order_acknowledgements"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    order_id: Mapped[UUID] = mapped_column(ForeignKey("block_orders.id"))
    kind: Mapped[str]
    reference: Mapped[str]
    recorded_at: Mapped[datetime]
    is_late: Mapped[bool]


class ComplaintRow(Base):
    """A complaint."""

    __tablename__ = "complaints"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    source_reference: Mapped[str]
    medium: Mapped[str]
    category: Mapped[str]
    state: Mapped[str]
    filed_at: Mapped[datetime]
    e164: Mapped[str] = mapped_column(ForeignKey("phone_numbers.e164"))
    number: Mapped[NumberRow | None] = relationship(viewonly=True)


_url = "postgresql+asyncpg://{user}@/{database}?host={host}".format(**_TOLD["database"])
_engine = create_async_engine(_url, pool_size=_TOLD["database"]["max"], max_overflow=0)
_sessions = async_sessionmaker(_engine, expire_on_commit=False)
_keys = KeySet.import_key_set(_TOLD["keys"])
_verified: dict[str, dict[str, Any]] = {}


def _authenticate(authorization: str | None) -> str:
    """Return the settings of the transaction that reads for a bearer, as JSON. Errors: PermissionError, JoseError."""
    scheme, _, token = (authorization or "").partition(" ")
    if scheme != "Bearer":
        raise PermissionError
    claims = _verified.get(token)
    if claims is None:
        claims = jwt.decode(token, _keys, algorithms=["ES256"]).claims
        if (claims["iss"], claims["aud"]) != (_TOLD["issuer"], _TOLD["audience"]):
            raise PermissionError
        _verified[token] = claims
    if claims["exp"] <= time.time():
        raise PermissionError
    role = f"jembatan_{claims['member_kind'].lower()}"
    settings = {"role": role, "jembatan.member_id": claims["member_id"], "TimeZone": "UTC"}
    return orjson.dumps(settings).decode()


@asynccontextmanager
async def _reading(info: "Info") -> AsyncGenerator[AsyncSession, None]:
    async with _sessions() as session, session.begin():
        await session.execute(_BIND, {"settings": info.context["settings"]})
        yield session


E164 = NewType("E164", str)
Info = strawberry.Info[dict[str, Any], None]


class ComplaintState(StrEnum):
    """Where a complaint stands."""

    SUBMITTED = "SUBMITTED"
    VERIFIED = "VERIFIED"
    ESCALATED = "ESCALATED"
    RESOLVED = "RESOLVED"


class Category(StrEnum):
    """What is complained of."""

    FRAUD = "FRAUD"
    IMPERSONATION = "IMPERSONATION"
    SPAM_ADVERT = "SPAM_ADVERT"
    OTHER = "OTHER"


strawberry.enum(ComplaintState)
strawberry.enum(Category)


@strawberry.type
class Acknowledgement:
    """What a carrier said."""

    kind: str
    reference: str
    recorded_at: datetime
    is_late: bool


@strawberry.type
class PhoneNumber:
    """A number."""

    e164: str
    status: str | None
    risk: str
    block_orders: list["BlockOrder"]


@strawberry.type
class BlockOrder:
    """An order."""

    id: strawberry.ID
    order_no: str
    version: int
    state: str
    status: str
    due_at: datetime | None
    number: PhoneNumber | None
    acknowledgements: list[Acknowledgement]


@strawberry.type
class Complaint:
    """A complaint."""

    id: strawberry.ID
    source_reference: str | None
    medium: str
    category: str
    state: str
    filed_at: datetime
    number: PhoneNumber | None


@strawberry.type
class BlockOrderConnection:
    """One page of orders."""

    first: strawberry.Private[int]

    @strawberry.field
    async def nodes(self, info: Info) -> list[BlockOrder]:
        """Read the page, with what is selected of it."""
        asked = {field.name for field in info.selected_fields[0].selections if not isinstance(field, InlineFragment)}
        statement = select(OrderRow).order_by(OrderRow.due_at, OrderRow.id).limit(self.first)
        if "acknowledgements" in asked:
            statement = statement.options(selectinload(OrderRow.acknowledgements))
        if "number" in asked:
            statement = statement.options(selectinload(OrderRow.number))
        async with _reading(info) as session:
            return list(await session.scalars(statement))

    @strawberry.field
    async def total_count(self, info: Info) -> int:
        """Count all of them."""
        async with _reading(info) as session:
            return (await session.execute(select(func.count()).select_from(OrderRow))).scalar_one()


@strawberry.type
class ComplaintConnection:
    """One page of complaints."""

    nodes: list[Complaint]


@strawberry.input
class ComplaintFilter:
    """Which complaints."""

    states: list[ComplaintState]
    categories: list[Category]


@strawberry.type
class Query:
    """What can be asked."""

    @strawberry.field
    def block_orders(self, first: int) -> BlockOrderConnection:
        """Return the orders due soonest."""
        return BlockOrderConnection(first=first)

    @strawberry.field
    async def number(self, info: Info, e164: E164) -> PhoneNumber | None:
        """Return one number with its orders."""
        statement = select(NumberRow).where(NumberRow.e164 == e164).options(selectinload(NumberRow.block_orders))
        async with _reading(info) as session:
            return cast("PhoneNumber | None", await session.scalar(statement))

    @strawberry.field
    async def complaints(self, info: Info, first: int, filter: ComplaintFilter) -> ComplaintConnection:  # noqa: A002
        """Return the newest complaints of some kinds."""
        statement = (
            select(ComplaintRow)
            .where(ComplaintRow.state.in_(filter.states), ComplaintRow.category.in_(filter.categories))
            .order_by(ComplaintRow.id.desc())
            .limit(first)
            .options(selectinload(ComplaintRow.number))
        )
        async with _reading(info) as session:
            return ComplaintConnection(nodes=list(await session.scalars(statement)))


class Application(GraphQL[dict[str, Any], None]):
    """Strawberry's own ASGI application, which checks the token first."""

    async def get_context(self, request: Any, response: Any) -> dict[str, Any]:
        """Return the viewer's settings."""
        assert isinstance(request, Request), response
        return {"settings": _authenticate(request.headers.get("authorization"))}


async def serve() -> None:
    """Serve until standard input ends."""
    named: dict[object, Any] = {E164: strawberry.scalar(name="E164", serialize=str, parse_value=str)}
    schema = strawberry.Schema(
        query=Query, extensions=[ParserCache, ValidationCache], config=StrawberryConfig(scalar_map=named)
    )
    application = Application(schema, graphql_ide=None)
    config = uvicorn.Config(application, lifespan="off", log_level="warning", access_log=False)
    listener = socket.create_server(("127.0.0.1", 0), backlog=2048)
    serving = asyncio.create_task(uvicorn.Server(config).serve([listener]))
    lines = await open_standard_input()
    tell({"port": listener.getsockname()[1]})
    await lines.read()
    serving.cancel()


if __name__ == "__main__":
    uvloop.run(serve())
