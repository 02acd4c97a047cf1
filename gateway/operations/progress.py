"""How far an operation has come: one type for each step, which holds what the steps before it found out and adds to it.

A step takes the type that the step before it made, so whatever it reads is there. Nothing here is ever changed in
place. `describe` says what the log keeps of an operation that came so far and no further.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from graphql import DocumentNode, GraphQLError, OperationDefinitionNode, OperationType

from auth.tokens.principal import Principal
from gateway.operations.media_types import MediaType
from gateway.operations.plans import Plan

_OPERATION_NAME_CHARACTERS_MAX = 100


class Transport(StrEnum):
    """What carries an operation's answer; all but the first carry subscriptions too."""

    RESPONSE = "response"
    EVENT_STREAM = "event_stream"
    MULTIPART = "multipart"
    WEBSOCKET = "websocket"

    @property
    def is_stream(self) -> bool:
        """Whether it can carry more than one result."""
        return self is not Transport.RESPONSE


@dataclass(frozen=True, slots=True)
class GraphQLRequest:
    """A well-formed GraphQL request, whatever carried it."""

    query: str
    operation_name: str | None = None
    variables: Mapping[str, Any] = field(default_factory=dict)
    extensions: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed document that fits the schema; shared between requests with the same text, so never changed."""

    text: str
    node: DocumentNode


@dataclass(frozen=True, slots=True)
class Outcome:
    """What executing gave: data is None when a non-null root field failed."""

    data: Mapping[str, Any] | None
    errors: tuple[GraphQLError, ...] = ()
    extensions: Mapping[str, Any] = field(default_factory=dict)


async def read_nothing() -> GraphQLRequest:
    """Stands for the request of whatever holds none, as an upgrade to a WebSocket."""
    raise RuntimeError("There is no request to read.")


@dataclass(frozen=True, kw_only=True)
class Received:
    """What a transport knows of an operation before anything of it is read.

    Shapes: authorization and proofs hold every Authorization and every DPoP header of the request.
    Units: as_of is the operation's only clock, aware UTC.
    """

    request_id: str
    as_of: datetime
    method: str
    media_type: MediaType
    transport: Transport
    peer: str
    authorization: tuple[str, ...] = ()
    proofs: tuple[str, ...] = ()
    read: Callable[[], Awaitable[GraphQLRequest]] = read_nothing

    def describe(self) -> dict[str, Any]:
        """What the log keeps of it."""
        return {"operation": "none", "operation_name": None, "client_id": None, "cost": None}


@dataclass(frozen=True, kw_only=True)
class Called(Received):
    """It is known who calls; principal is None for a caller without a token."""

    principal: Principal | None

    @property
    def scopes(self) -> frozenset[str] | None:
        """The scopes of the caller's token; None where there is no token."""
        return None if self.principal is None else self.principal.scopes

    @property
    def client(self) -> str:
        """Whose limits it counts against: the client, or the address of a caller without a token."""
        return self.peer if self.principal is None else self.principal.client_id

    def describe(self) -> dict[str, Any]:
        """What the log keeps of it."""
        return {**super().describe(), "client_id": None if self.principal is None else self.principal.client_id}


@dataclass(frozen=True, kw_only=True)
class Parsed(Called):
    """The request was read and its document parsed; operation is the one of its operations that is asked for."""

    request: GraphQLRequest
    document: Document
    operation: OperationDefinitionNode

    @property
    def kind(self) -> OperationType:
        """Query, mutation or subscription."""
        return self.operation.operation

    def describe(self) -> dict[str, Any]:
        """What the log keeps of it."""
        name = self.operation.name.value[:_OPERATION_NAME_CHARACTERS_MAX] if self.operation.name else None
        return {**super().describe(), "operation": self.kind.value, "operation_name": name}


@dataclass(frozen=True, kw_only=True)
class Planned(Parsed):
    """The operation fits the schema and the limits."""

    plan: Plan
    cost: int

    def describe(self) -> dict[str, Any]:
        """What the log keeps of it."""
        return {**super().describe(), "cost": self.cost}


@dataclass(frozen=True, kw_only=True)
class Authorized(Planned):
    """The caller may run it, without the fields of denials and without entities of the refused types."""

    denials: tuple[GraphQLError, ...]
    refused_entities: frozenset[str]


@dataclass(frozen=True, kw_only=True)
class Executed(Authorized):
    """It ran."""

    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes over the wire: of an operation that ran (is_result), or of one that was refused or failed.

    Shapes: errors are those in the body, for a transport that frames them itself.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    errors: Sequence[Mapping[str, Any]] = ()
    is_result: bool = False

    @property
    def codes(self) -> tuple[str, ...]:
        """The codes in it, each once, for log and metrics."""
        return tuple(dict.fromkeys(error["extensions"]["code"] for error in self.errors))
