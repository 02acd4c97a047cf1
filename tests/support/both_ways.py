"""The same operation asked of two applications over one database, and whether they answer alike, in everything.

The two differ in one setting. Between the two answers the database is put back to what it was: what an operation notes
about itself (who read what, how many numbers a client looked up) is compared, and taken away again.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg
from starlette.applications import Starlette

from auth.tokens.principal import Principal
from auth.tokens.verification import Failure, Refusal, Success, Verdict
from tests.support.asgi import call


@dataclass(frozen=True)
class Operation:
    """A document with its variables; name is that of the operation to run, where the document has several."""

    document: str
    variables: Mapping[str, Any]
    name: str | None = None

    def body(self) -> bytes:
        """The request's body."""
        named = {} if self.name is None else {"operationName": self.name}
        return json.dumps({"query": self.document, "variables": self.variables, **named}).encode()


REQUEST_ID = "request-of-both-ways"
_OF_TAGS = frozenset({"etag", "cache-control"})
"""Headers of answers that have a tag, which only compiled ones do."""
_CONTEXT = 200
_READ_NOTES = """
SELECT kind, listed, recorded_at::text, member_id::text, officer_id::text, client_id, operation_name, document_hash,
  array_agg(subject ORDER BY subject)
FROM access_records, unnest(subject_ids) subject WHERE request_id = $1 GROUP BY 1, 2, 3, 4, 5, 6, 7, 8 ORDER BY 1, 2
"""
"""What was noted of each kind and list; the order in which an operation came upon its records says nothing."""
_READ_LOOKUPS = "SELECT client_id, day::text, used FROM number_lookups ORDER BY client_id"


@dataclass(frozen=True)
class Answered:
    """All that one operation gave and left behind."""

    status: int
    headers: Mapping[str, str]
    body: str
    accesses: tuple[Any, ...]
    lookups: tuple[Any, ...]

    def tell_difference(self, other: "Answered") -> str | None:
        """In what this answer differs from another, in short; None if it doesn't."""
        if self == other:
            return None
        for name in ("status", "headers", "accesses", "lookups"):
            ours, theirs = getattr(self, name), getattr(other, name)
            if ours != theirs:
                return f"{name}: {ours!r:.1500}\n  not: {theirs!r:.1500}\n{self.body[:300]}\n{other.body[:300]}"
        at = next((at for at, (a, b) in enumerate(zip(self.body, other.body, strict=False)) if a != b), -1)
        begin = max(0, at - _CONTEXT)
        return f"body at {at}: {self.body[begin : at + _CONTEXT]}\n  not: {other.body[begin : at + _CONTEXT]}"


@dataclass
class Callers:
    """Tokens of callers, each of which stands for what a verified token says; whatever else is sent is no token."""

    principals: Mapping[str, Principal]

    async def verify(self, bearer: str, _as_of: datetime) -> Verdict:
        principal = self.principals.get(bearer)
        return Failure(Refusal.EXPIRED) if principal is None else Success(principal)


@dataclass
class BothWays:
    """The two applications. lookups are the rows of counted look-ups that stand in the database beforehand."""

    compiled: Starlette
    ordinary: Starlette
    owner: asyncpg.Connection
    lookups: tuple[tuple[str, str, int], ...] = ()

    async def begin(self) -> None:
        """Put the look-ups in place."""
        await self._put_back()

    async def ask(self, operation: Operation, token: str | None, *, accept: str) -> tuple[Answered, Answered]:
        """The compiled answer and the ordinary one."""
        return (
            await self._ask(self.compiled, operation, token, accept),
            await self._ask(self.ordinary, operation, token, accept),
        )

    async def _ask(self, app: Starlette, operation: Operation, token: str | None, accept: str) -> Answered:
        headers = {"content_type": "application/json", "accept": accept, "x_request_id": REQUEST_ID}
        if token is not None:
            headers["authorization"] = f"Bearer {token}"
        try:
            status, head, body = await call(app, "POST", "/graphql", body=operation.body(), **headers)
            accesses = await self.owner.fetch(_READ_NOTES, REQUEST_ID)
            lookups = await self.owner.fetch(_READ_LOOKUPS)
        finally:
            await self._put_back()
        told = {name: value for name, value in head.items() if name not in _OF_TAGS}
        return Answered(status, told, body, tuple(map(tuple, accesses)), tuple(map(tuple, lookups)))

    async def _put_back(self) -> None:
        await self.owner.execute("DELETE FROM number_lookups")
        await self.owner.execute(f"DELETE FROM access_records WHERE request_id = '{REQUEST_ID}'")
        for client_id, day, used in self.lookups:
            await self.owner.execute(
                "INSERT INTO number_lookups VALUES ($1, CAST($2::text AS date), $3)", client_id, day, used
            )
