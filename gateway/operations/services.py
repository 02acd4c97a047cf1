"""What the stages need besides the exchange itself: one bundle, made once by gateway/app.py, never changed."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from graphql import GraphQLSchema
from strawberry.federation import Schema

from gateway.operations.costs import CostModel
from gateway.operations.exchange import Document
from gateway.operations.plans import Plan, Planner
from gateway.operations.protection import Protection
from gateway.operations.rates import RateLimiter
from gateway.operations.recent import Recent
from gateway.process.metrics import Metrics
from gateway.settings import Settings

# The verdict is a value with a truth: a true one has .principal, a false one .reason.
VerifyToken = Callable[[str, datetime], Awaitable[Any]]


class BoundTokens(Protocol):
    """Verification of tokens that are bound to a client's key (RFC 9449); auth.tokens.bound_tokens has one."""

    async def verify(self, token: str, *, proofs: Sequence[str], method: str, uri: str, as_of: datetime) -> Any:
        """A verdict as VerifyToken gives one."""
        ...

    def issue_nonce(self, as_of: datetime) -> str:
        """The nonce for a client's next proof."""
        ...


# An operation's context, entered when the operation starts and left when it ends.
MakeContext = Callable[[Any, datetime, str], AbstractAsyncContextManager[Any]]


@dataclass(slots=True)
class InFlight:
    """How many operations run now, out of how many may. Owned by one event loop."""

    running_max: int
    running: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Everything that stages use. A stage reads nothing that isn't here or in its exchange."""

    settings: Settings
    schema: Schema
    protection: Protection
    costs: CostModel
    planner: Planner
    verify_token: VerifyToken
    bound_tokens: BoundTokens | None
    make_context: MakeContext
    metrics: Metrics
    documents: Recent[str, Document]
    plans: Recent[tuple[Any, ...], Plan]
    clients: RateLimiter
    anonymous: RateLimiter
    in_flight: InFlight

    @property
    def graph(self) -> GraphQLSchema:
        """The graphql-core schema beneath."""
        return self.schema._schema  # noqa: SLF001 - Strawberry has no public name for it


def make_services(
    settings: Settings,
    schema: Schema,
    *,
    verify_token: VerifyToken,
    bound_tokens: BoundTokens | None = None,
    make_context: MakeContext,
    metrics: Metrics,
) -> Services:
    """The bundle for one application; schema is a prepared one (gateway/operations/executor.py)."""
    graph = schema._schema  # noqa: SLF001 - as above
    protection = Protection(graph)
    costs = CostModel(
        graph,
        page_size_max=settings.page_size_max,
        list_items_max=settings.list_items_max,
        list_size_assumed=settings.cost_list_size_assumed,
    )
    return Services(
        settings=settings,
        schema=schema,
        protection=protection,
        costs=costs,
        planner=Planner(graph, protection, costs, selections_max=settings.document_selections_max),
        verify_token=verify_token,
        bound_tokens=bound_tokens,
        make_context=make_context,
        metrics=metrics,
        documents=Recent(settings.document_cache_entries),
        plans=Recent(settings.document_cache_entries),
        clients=RateLimiter(
            rate_per_second=settings.rate_per_second, burst=settings.rate_burst, clients_max=settings.rate_clients_max
        ),
        anonymous=RateLimiter(
            rate_per_second=settings.rate_anonymous_per_second,
            burst=settings.rate_anonymous_burst,
            clients_max=settings.rate_clients_max,
        ),
        in_flight=InFlight(settings.in_flight_max),
    )
