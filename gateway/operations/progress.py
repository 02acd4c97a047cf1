"""How far an operation has come: one type per step, which adds to what the previous steps established.

Each step takes the type that the previous one returns, so every value it reads is present. All of these types are
immutable. `describe` returns what the log records about an operation that came this far and no further.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeVar

from graphql import DocumentNode, GraphQLError, OperationDefinitionNode, OperationType

from auth.tokens.principal import Principal
from gateway.operations.media_types import MediaType
from gateway.operations.plans import Plan
from ledger.numbers.lookups import CountedLookups

_OPERATION_NAME_CHARACTERS_MAX = 100


class Transport(StrEnum):
    """What carries an operation's answer; all but the first also carry subscriptions."""

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
    """A well-formed GraphQL request, whatever its transport: it has a document's text, or its id, or both."""

    query: str | None
    operation_name: str | None = None
    variables: Mapping[str, Any] = field(default_factory=dict)
    extensions: Mapping[str, Any] = field(default_factory=dict)
    document_id: str | None = None

    def with_variables(self, declared: AbstractSet[str]) -> "GraphQLRequest":
        """Return the request with no other variables than these."""
        if self.variables.keys() <= declared:
            return self
        return replace(self, variables={name: value for name, value in self.variables.items() if name in declared})


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed document. Once validated it is shared between requests with the same text, so it is never changed."""

    text: str
    node: DocumentNode


@dataclass(frozen=True, slots=True, eq=False)
class Outline:
    """One operation of a valid document, and the names of the variables that it declares."""

    document: Document
    operation: OperationDefinitionNode
    declared: frozenset[str]


@dataclass(frozen=True, slots=True)
class Known:
    """What is true of every operation like one that was authorized; recall_operation.py says which are alike.

    Shapes: the plan's cost is without the objects in variables. The denials are shared, so they are never changed.
    """

    plan: Plan
    denials: tuple[GraphQLError, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of execution; data is None when a non-null root field failed."""

    data: Mapping[str, Any] | None
    errors: tuple[GraphQLError, ...] = ()
    extensions: Mapping[str, Any] = field(default_factory=dict)


Weigh = Callable[[int], None]
"""Called with the size of a body in bytes before it is parsed, and before it is read if its length is declared."""


async def read_nothing(_bytes_max: int, _weigh: Weigh) -> GraphQLRequest:
    """Stand in for the request where there is none, as in an upgrade to a WebSocket."""
    raise RuntimeError("There is no request to read.")


@dataclass(frozen=True, kw_only=True)
class Received:
    """What a transport knows about an operation before reading it.

    Shapes: path is the request's own, as a proof is made for it. authorization, proofs and if_none_match hold all
    Authorization, DPoP and If-None-Match headers of the request. read takes the most bytes that a body may have, since
    that depends on the caller.
    Units: as_of is the operation's only clock reading, aware UTC.
    """

    request_id: str
    as_of: datetime
    method: str
    media_type: MediaType
    transport: Transport
    peer: str
    path: str = "/graphql"
    authorization: tuple[str, ...] = ()
    proofs: tuple[str, ...] = ()
    if_none_match: tuple[str, ...] = ()
    read: Callable[[int, Weigh], Awaitable[GraphQLRequest]] = read_nothing

    def describe(self) -> dict[str, Any]:
        """Return what the log records about it."""
        return {"operation": "none", "operation_name": None, "client_id": None, "officer_id": None, "cost": None}


S = TypeVar("S", bound=Received)


def advance(reached: Received, step: type[S], **found: Any) -> S:
    """Return what a step made of what was reached: all of that, and what it found, which has to be all that is new.

    A frozen type sets its fields one by one, each by a call; over all steps that is a tenth of a request.
    """
    made = object.__new__(step)
    vars(made).update(vars(reached), **found)
    return made


@dataclass(frozen=True, kw_only=True)
class Called(Received):
    """The caller is known; principal is None for a caller without a token."""

    principal: Principal | None

    @property
    def scopes(self) -> frozenset[str] | None:
        """The scopes of the caller's token; None where there is no token."""
        return None if self.principal is None else self.principal.scopes

    @property
    def client(self) -> str:
        """What its limits are counted by: the client, or the address of a caller without a token."""
        return self.peer if self.principal is None else self.principal.client_id

    def describe(self) -> dict[str, Any]:
        """Return what the log records about it."""
        told, caller = super().describe(), self.principal
        if caller is not None:
            told["client_id"], told["officer_id"] = caller.client_id, caller.officer_id
        return told


@dataclass(frozen=True, kw_only=True)
class Read(Called):
    """The request was read; text is that of its document."""

    request: GraphQLRequest
    text: str


@dataclass(frozen=True, kw_only=True)
class Parsed(Read):
    """The document is parsed; operation is the one in it to run."""

    document: Document
    operation: OperationDefinitionNode

    @property
    def kind(self) -> OperationType:
        """Query, mutation or subscription."""
        return self.operation.operation

    @property
    def operation_name(self) -> str | None:
        """The operation's own name, shortened, if it has one."""
        return self.operation.name.value[:_OPERATION_NAME_CHARACTERS_MAX] if self.operation.name else None

    def describe(self) -> dict[str, Any]:
        """Return what the log records about it."""
        told = super().describe()
        told["operation"], told["operation_name"] = self.kind.value, self.operation_name
        return told


@dataclass(frozen=True, kw_only=True)
class Planned(Parsed):
    """The operation is valid against the schema and within the limits."""

    plan: Plan
    cost: int

    def describe(self) -> dict[str, Any]:
        """Return what the log records about it."""
        told = super().describe()
        told["cost"] = self.cost
        return told


@dataclass(frozen=True, kw_only=True)
class Authorized(Planned):
    """The caller may run it, except for the fields in denials and for entities of the refused types."""

    denials: tuple[GraphQLError, ...]
    refused_entities: frozenset[str]


@dataclass(frozen=True, kw_only=True)
class Unchanged(Authorized):
    """The operation need not run: its caller holds the answer that it would have, which has this tag."""

    tag: str


@dataclass(frozen=True, kw_only=True)
class Executed(Authorized):
    """The operation has run.

    lookups are the numbers that it looked up, where they count; tag is the answer's, if it has one.
    """

    outcome: Outcome
    lookups: CountedLookups | None = None
    tag: str | None = None

    def describe(self) -> dict[str, Any]:
        """Return what the log records about it."""
        told = super().describe()
        if self.lookups is not None:
            told["lookups"] = self.lookups.asked
        return told


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent for an operation that ran (is_result), or for one that was refused or failed.

    Shapes: errors are those in the body, for a transport that frames them itself.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    errors: Sequence[Mapping[str, Any]] = ()
    is_result: bool = False

    @property
    def codes(self) -> tuple[str, ...]:
        """The distinct error codes, for log and metrics."""
        return tuple(dict.fromkeys(error["extensions"]["code"] for error in self.errors))
