"""Reading for one viewer over connections of its own, in three round trips: for statements that are compiled to text.

The driver alone is used, without SQLAlchemy: half of what such a read costs would be the way through it. A connection
keeps nothing of a viewer: role and ids are set within each transaction, as a pooler may stand between.
Source: docs/adr/0143.
"""

import asyncio
import re
from collections.abc import Sequence
from typing import Any

import asyncpg

from ledger.settings import LedgerSettings
from ledger.storage.engine import APPLICATION_NAME, UNNAMED_ONLY, read_driver_arguments
from ledger.storage.failures import DatabaseBusyError, translated
from ledger.storage.roles import ROLE_OF_VIEWER, role_name
from ledger.viewer import Viewer

_ID = re.compile(r"[0-9a-f-]{36}")
_ANSWER_MARGIN_SECONDS = 1.0
_CLOSED = (OSError, asyncpg.InterfaceError, asyncpg.PostgresConnectionError, asyncpg.OperatorInterventionError)
Statement = tuple[str, Sequence[Any]]


class DirectReads:
    """At most so many connections, opened as they are needed. Owned by one event loop."""

    def __init__(self, settings: LedgerSettings, *, connections_max: int) -> None:
        """Connect to nothing yet."""
        self._settings = settings
        self._free: list[asyncpg.Connection[Any]] = []
        self._room = asyncio.Semaphore(connections_max)
        self.connections_max = connections_max
        self.used = 0
        self._is_closed = False

    @property
    def idle(self) -> int:
        """How many connections are open and not in use."""
        return len(self._free)

    async def fetch(self, viewer: Viewer, statements: Sequence[Statement]) -> list[Any]:
        """The one row of each statement, or None, all on one snapshot.

        Errors: as ledger/storage/failures.py says, and the driver's own.
        """
        begin = self._render_begin(viewer, is_one=len(statements) == 1)
        with translated(is_read_only=True):
            await self._take_room()
            try:
                return await self._read(await self._begin(begin), statements)
            finally:
                self.used -= 1
                self._room.release()

    async def close(self) -> None:
        """Close every connection that is not in use; those in use are closed as they are given back."""
        self._is_closed = True
        free, self._free = self._free, []
        for connection in free:
            try:
                await connection.close(timeout=_ANSWER_MARGIN_SECONDS)
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                connection.terminate()

    async def _begin(self, begin: str) -> "asyncpg.Connection[Any]":
        """A connection within a transaction. One that was closed while it was idle is replaced."""
        while True:
            is_new = not self._free
            connection = await self._connect() if is_new else self._free.pop()
            try:
                await connection.execute(begin)
            except BaseException as error:
                connection.terminate()
                if is_new or not isinstance(error, _CLOSED):
                    raise
            else:
                return connection

    async def _read(self, connection: "asyncpg.Connection[Any]", statements: Sequence[Statement]) -> list[Any]:
        try:
            rows = [await connection.fetchrow(sql, *values) for sql, values in statements]
            await connection.execute("COMMIT")
        except BaseException:
            # Whatever it was doing is of no use to anybody, and it must not be given to another viewer.
            connection.terminate()
            raise
        if self._is_closed:
            connection.terminate()
        else:
            self._free.append(connection)
        return rows

    async def _take_room(self) -> None:
        try:
            async with asyncio.timeout(self._settings.database_pool_timeout_seconds):
                await self._room.acquire()
        except TimeoutError:
            raise DatabaseBusyError from None
        self.used += 1

    async def _connect(self) -> "asyncpg.Connection[Any]":
        settings = self._settings
        unnamed = {"statement_cache_size": UNNAMED_ONLY["statement_cache_size"]} if settings.is_pooled else {}
        with translated(is_connecting=True):
            connection: asyncpg.Connection[Any] = await asyncpg.connect(
                **read_driver_arguments(settings.application_url),
                **unnamed,
                timeout=settings.database_connect_timeout_seconds,
                command_timeout=settings.statement_timeout_ms / 1000 + _ANSWER_MARGIN_SECONDS,
                server_settings={"application_name": APPLICATION_NAME},
            )
        await connection.set_type_codec("uuid", encoder=str, decoder=str, schema="pg_catalog", format="text")
        return connection

    def _render_begin(self, viewer: Viewer, *, is_one: bool) -> str:
        """One statement sees one snapshot anyway; several need a transaction that keeps it."""
        level = "" if is_one else " ISOLATION LEVEL REPEATABLE READ"
        settings = {
            "role": role_name(self._settings.role_prefix, ROLE_OF_VIEWER[viewer.kind]),
            "jembatan.member_id": _check_id(viewer.member_id),
            "jembatan.brand_id": _check_id(viewer.brand_id),
            "jembatan.officer_id": _check_id(viewer.officer_id),
            "TimeZone": "UTC",
            "statement_timeout": str(self._settings.statement_timeout_ms),
            "jit": "off",
        }
        bound = ", ".join(f"set_config('{name}', '{value}', true)" for name, value in settings.items())
        return f"BEGIN{level} READ ONLY; SELECT {bound}"


def _check_id(value: str | None) -> str:
    """An id that stands in the statement's text. Errors: ValueError for anything else."""
    if value is None:
        return ""
    if not _ID.fullmatch(value):
        raise ValueError("An id of the viewer is malformed.")
    return value
