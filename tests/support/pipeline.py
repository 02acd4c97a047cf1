"""Operations through the gateway's own steps, without HTTP: compiled, or the ordinary way, over one database."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from auth.tokens.principal import Principal
from auth.tokens.verification import Success, Verdict
from gateway.operations.executor import prepare_schema
from gateway.operations.media_types import MediaType
from gateway.operations.pipeline import Run
from gateway.operations.progress import Answer, GraphQLRequest, Received, Transport, Weigh
from gateway.operations.services import Services, make_services
from gateway.process.metrics import Metrics
from gateway.settings import Settings
from ledger.storage.database import Database
from resolvers.context import Context
from schema.graph import schema

_PREPARED = prepare_schema(schema)


class Watched(Context):
    """A context that keeps what was noted and which compiled statements it read."""

    last: "Watched"
    sql: list[str]
    trips = 0

    async def read_directly(self, statements: Any, *, before: Any) -> list[Any]:
        self.trips += 1
        self.sql = [sql for sql, _ in statements]
        return await super().read_directly(statements, before=before)

    async def read_texts(self, statements: Any) -> list[Any]:
        self.sql = [sql for sql, _ in statements]
        return await super().read_texts(statements)


@dataclass
class Way:
    """One of the two ways. principal is the caller of the operation that is being run."""

    services: Services
    contexts: list[Watched]
    callers: list[Principal | None] = field(default_factory=lambda: [None])

    async def run(
        self,
        principal: Principal | None,
        query: str,
        variables: dict[str, Any] | None = None,
        *,
        as_of: datetime,
        operation_name: str | None = None,
        if_none_match: tuple[str, ...] = (),
        transport: Transport = Transport.RESPONSE,
    ) -> Answer:
        """The answer to one operation; contexts[-1] is the one that it ran with."""
        self.callers[0] = principal

        async def read(_bytes_max: int, _weigh: Weigh) -> GraphQLRequest:
            return GraphQLRequest(query, operation_name, variables or {})

        received = Received(
            request_id="request",
            as_of=as_of,
            method="POST",
            media_type=MediaType.GRAPHQL_RESPONSE,
            transport=transport,
            peer="peer",
            authorization=() if principal is None else ("Bearer token",),
            if_none_match=if_none_match,
            read=read,
        )

        async def refuse(_: Any) -> Any:
            raise AssertionError("It is no subscription.")

        return await Run(received, self.services).take(refuse)

    @property
    def sql(self) -> list[str]:
        """The compiled statements of the last operation."""
        return getattr(self.contexts[-1], "sql", []) if self.contexts else []

    @property
    def trips(self) -> int:
        """How often the last operation asked the database directly."""
        return self.contexts[-1].trips if self.contexts else 0


def make_way(database: Database, *, compiled: bool, **settings: Any) -> Way:
    """One way over a database, with limits that no test meets by chance."""
    contexts: list[Watched] = []
    own = Settings(
        compiled_reads=compiled, rate_per_second=100_000, rate_burst=100_000, cost_max=10_000_000, **settings
    )
    callers: list[Principal | None] = [None]

    def make_context(principal: Principal | None, as_of: datetime, request_id: str) -> Watched:
        contexts[:] = [
            Watched(database=database, auth_settings=own, principal=principal, as_of=as_of, request_id=request_id)
        ]
        return contexts[0]

    async def verify(_bearer: str, _as_of: datetime) -> Verdict:
        (principal,) = callers
        assert principal is not None
        return Success(principal)

    services = make_services(own, _PREPARED, verify_token=verify, make_context=make_context, metrics=Metrics())
    return Way(services, contexts, callers)
