"""Asking the graph as one party would, without HTTP: with every scope that its kind may have."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from auth.scopes import BY_KIND
from auth.settings import AuthSettings
from auth.tokens.principal import Principal
from ledger.feed.cursors import FeedCursor, find_ends
from ledger.feed.reading import read_entries
from ledger.storage.database import Database
from ledger.viewer import MemberKind, Viewer
from resolvers.context import Context
from resolvers.sources import EventBatch, Message, Source
from schema.graph import schema
from tests.support.country import Parties
from tests.support.statements import count_statements


@dataclass
class Answer:
    data: Any
    errors: list[Any]
    statements: list[str]

    @property
    def problems(self) -> list[str]:
        return [getattr(error.original_error, "code", type(error.original_error).__name__) for error in self.errors]


@dataclass
class Stream:
    """What a subscription told, message by message."""

    messages: list[Any]
    errors: list[Any]
    statements: list[str]


def principal_of(viewer: Viewer, as_of: datetime) -> Principal:
    kind = MemberKind(viewer.kind.value)
    return Principal(
        client_id=viewer.client_id,
        member_id=viewer.member_id,
        member_kind=kind,
        scopes=BY_KIND[kind],
        token_id="token",
        expires_at=as_of + timedelta(minutes=10),
        officer_id=viewer.officer_id,
        office_id=viewer.office_id,
        brand_id=viewer.brand_id,
    )


@dataclass
class Desk:
    database: Database
    parties: Parties
    as_of: datetime
    auth_settings: AuthSettings = field(default_factory=lambda: AuthSettings(second_factor="optional"))

    async def ask(
        self, viewer: Viewer | None, query: str, *, later: timedelta = timedelta(), **variables: Any
    ) -> Answer:
        as_of = self.as_of + later
        statements: list[str] = []
        stop: Callable[[], None] = count_statements(self.database, statements.append)
        principal = principal_of(viewer, as_of) if viewer else None
        try:
            async with self.open_context(principal, as_of) as context:
                result = await schema.execute(query, variable_values=variables, context_value=context)
                await context.record_accesses(document=query, operation_name=None)
        finally:
            stop()
        return Answer(result.data, list(result.errors or []), _count(statements))

    def open_context(self, principal: Principal | None, as_of: datetime) -> Context:
        return Context(
            database=self.database,
            auth_settings=self.auth_settings,
            principal=principal,
            as_of=as_of,
            request_id="r",
        )

    async def follow(
        self, viewer: Viewer, query: str, batch: EventBatch, *, later: timedelta = timedelta(), **variables: Any
    ) -> Stream:
        """Run a subscription over a batch, as the gateway does."""
        as_of = self.as_of + later
        statements: list[str] = []
        stop: Callable[[], None] = count_statements(self.database, statements.append)
        try:
            async with self.open_context(principal_of(viewer, as_of), as_of) as context:
                context.batch = batch
                results = await schema.subscribe(query, variable_values=variables, context_value=context)
                told = [result async for result in results]
                await context.record_accesses(document=query, operation_name=None)
        finally:
            stop()
        errors = [error for result in told for error in result.errors or []]
        return Stream([result.data for result in told], errors, _count(statements))

    async def read_history(self, viewer: Viewer, source: Source) -> list[Message]:
        """What the viewer may get of a source from the beginning, as the gateway hands it in."""
        async with self.database.reading(viewer, as_of=self.as_of) as tx:
            start, _ = await find_ends(tx)
            found = await read_entries(tx, after=start.position, limit=1_000, kinds=source.kinds)
        entries = [entry for entry in found.entries if source.takes(entry)]
        return [
            Message(FeedCursor.of(start.feed_id, entry.position, entry.leaf_hash).render(), entry) for entry in entries
        ]


def _count(statements: list[str]) -> list[str]:
    return [statement for statement in statements if "set_config" not in statement]
