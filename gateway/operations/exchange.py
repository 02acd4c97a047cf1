"""What travels through the stages: one operation on its way from request to answer.

A stage takes an Exchange and the Services, and returns a fuller Exchange. Exchanges are never changed in place.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol, TypeVar

from graphql import DocumentNode, GraphQLError, OperationDefinitionNode

from gateway.operations.media_types import MediaType
from gateway.operations.plans import Plan

T = TypeVar("T")


def filled(value: T | None) -> T:
    """A field that an earlier stage filled in; stages out of order are a fault of ours, never of a client."""
    if value is None:
        raise RuntimeError("A stage ran before the one whose work it needs.")
    return value


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


class Principal(Protocol):
    """Who a token speaks for, as far as this layer must know; auth.tokens.principal.Principal is one."""

    @property
    def client_id(self) -> str:
        """The client that the token was issued to."""
        ...

    @property
    def scopes(self) -> frozenset[str]:
        """The scopes that the token carries."""
        ...


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One operation; the fields below `read` are filled stage by stage.

    Shapes: media_type None means that nothing acceptable was asked for. authorization and proofs hold every
    Authorization and every DPoP header of the request.
    Units: as_of is the operation's only clock, aware UTC.
    """

    request_id: str
    as_of: datetime
    method: str
    media_type: MediaType
    peer: str
    authorization: tuple[str, ...]
    proofs: tuple[str, ...] = ()
    read: Callable[[], Awaitable[GraphQLRequest]]
    transport: Transport = Transport.RESPONSE

    principal: Principal | None = None
    request: GraphQLRequest | None = None
    document: Document | None = None
    operation: OperationDefinitionNode | None = None
    plan: Plan | None = None
    cost: int | None = None
    denials: tuple[GraphQLError, ...] = ()
    refused_entities: frozenset[str] = frozenset()
    outcome: Outcome | None = None
    failure: Exception | None = None
    answer: "Answer | None" = None

    @property
    def scopes(self) -> frozenset[str] | None:
        """The scopes of the caller's token; None where there is no token."""
        return None if self.principal is None else self.principal.scopes


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes over the wire, and the codes in it for log and metrics."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    codes: tuple[str, ...] = ()
