"""What the steps need besides the operation itself: one bundle, made once by gateway/app.py."""

from collections.abc import Awaitable, Callable, Hashable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from graphql import GraphQLSchema
from strawberry.federation import Schema

from auth.tokens.bound_tokens import BoundTokenVerifier
from auth.tokens.principal import Principal
from auth.tokens.verification import Verdict
from gateway.operations.compiling import QueryCompiler
from gateway.operations.costs import CostModel
from gateway.operations.plans import Plan, Planner
from gateway.operations.progress import Document, Known, Outcome, Outline
from gateway.operations.protection import Protection, Requirement
from gateway.operations.trusted_documents import TrustedDocuments, load_trusted_documents
from gateway.operations.turns import Turns
from gateway.process.metrics import Metrics
from gateway.settings import Settings
from ledger.bounds.rates import RateLimiter
from ledger.bounds.recent import Recent
from schema.compiled import find_compilable

VerifyToken = Callable[[str, datetime], Awaitable[Verdict]]

CONSTANTS_MAX = 16
"""How many results that depend on nothing but the document are kept."""

# Makes an operation's context, entered when the operation starts and exited when it ends; its content is the graph's.
MakeContext = Callable[[Principal | None, datetime, str], AbstractAsyncContextManager[Any]]


@dataclass(slots=True)
class InFlight:
    """How many operations are running, and how many may. Owned by one event loop."""

    running_max: int
    running: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Everything the steps use. A step reads nothing else besides what the previous step returned."""

    settings: Settings
    schema: Schema
    protection: Protection
    costs: CostModel
    planner: Planner
    verify_token: VerifyToken
    bound_tokens: BoundTokenVerifier | None
    make_context: MakeContext
    metrics: Metrics
    trusted: TrustedDocuments
    documents: Recent[str, Document]
    plans: Recent[tuple[Any, ...], Plan]
    outlines: Recent[tuple[str, str | None], Outline]
    known: Recent[tuple[Hashable, ...], Known]
    constants: Recent[tuple[str, str | None], Outcome]
    clients: RateLimiter
    anonymous: RateLimiter
    in_flight: InFlight
    turns: Turns
    compiler: QueryCompiler | None

    @property
    def graph(self) -> GraphQLSchema:
        """The underlying graphql-core schema."""
        return self.schema._schema  # noqa: SLF001 - Strawberry has no public name for it


def make_services(
    settings: Settings,
    schema: Schema,
    *,
    verify_token: VerifyToken,
    bound_tokens: BoundTokenVerifier | None = None,
    make_context: MakeContext,
    metrics: Metrics,
) -> Services:
    """Make the bundle for one application; schema is a prepared one (gateway/operations/executor.py).

    Errors: SettingsError, for a manifest of trusted documents that can't be used.
    """
    graph = schema._schema  # noqa: SLF001 - as above
    protection = Protection(graph, introspection=None if settings.introspection_public else Requirement())
    costs = CostModel(graph, page_size_max=settings.page_size_max, list_items_max=settings.list_items_max)
    return Services(
        settings=settings,
        schema=schema,
        protection=protection,
        costs=costs,
        planner=Planner(
            graph, protection, costs, selections_max=settings.document_selections_max, cost_max=settings.cost_max
        ),
        verify_token=verify_token,
        bound_tokens=bound_tokens,
        make_context=make_context,
        metrics=metrics,
        trusted=load_trusted_documents(settings),
        documents=Recent(settings.document_cache_entries),
        plans=Recent(settings.document_cache_entries),
        outlines=Recent(settings.document_cache_entries),
        known=Recent(settings.document_cache_entries),
        constants=Recent(min(settings.document_cache_entries, CONSTANTS_MAX)),
        clients=RateLimiter(rate_per_second=settings.rate_per_second, burst=settings.rate_burst),
        anonymous=RateLimiter(rate_per_second=settings.rate_anonymous_per_second, burst=settings.rate_anonymous_burst),
        in_flight=InFlight(settings.in_flight_max),
        turns=Turns(settings.at_once_per_client_max),
        compiler=(
            QueryCompiler(
                graph,
                protection,
                find_compilable(schema),
                entries_max=settings.document_cache_entries,
                tags=settings.entity_tags,
            )
            if settings.compiled_reads
            else None
        ),
    )
