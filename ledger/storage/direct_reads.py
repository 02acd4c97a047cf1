"""Reading for one viewer over connections of its own, in one round trip: for statements that are compiled to text.

The viewer's role and ids, the statements and the end of the transaction are written together, and PostgreSQL answers
them together: half of what such a read costs otherwise is the way there and back. A connection keeps nothing of a
viewer beyond the transaction, since a pooler may stand between; behind one, statements are prepared without a name.
A reader that gives up leaves its connection to finish by itself, and the connection's place is free only then.
Source: docs/adr/0143.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, cast

import asyncpg

from ledger.bounds.recent import Recent
from ledger.settings import LedgerSettings
from ledger.storage.engine import APPLICATION_NAME, UNNAMED_ONLY, read_driver_arguments
from ledger.storage.failures import DatabaseBusyError, translated
from ledger.storage.roles import ROLE_OF_VIEWER, Role, role_name
from ledger.storage.wire import (
    SYNC,
    TERMINATE,
    Reply,
    Statement,
    close_message,
    encode_values,
    parse_message,
    run_message,
)
from ledger.viewer import Viewer

Row = list[bytes | None]
_CLOSE_SECONDS_MAX = 1.0
_VIEWERS_MAX = 1_000
"""For how many viewers the values that bind them are kept."""
_STATEMENTS_MAX = 128
"""How many statements one connection keeps prepared."""
_PREPARED_SQL_MAX = 16_384
"""The longest of them; PostgreSQL's plan of a statement takes far more memory than its text."""
_BEGIN, _COMMIT = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", "COMMIT"
_BIND = (
    "SELECT set_config('role', $1, true), set_config('jembatan.member_id', $2, true), "
    "set_config('jembatan.brand_id', $3, true), set_config('jembatan.officer_id', $4, true), "
    "set_config('statement_timeout', $5, true), set_config('transaction_read_only', $6, true), "
    "set_config('TimeZone', 'UTC', true), set_config('jit', 'off', true)"
)
_logger = logging.getLogger(__name__)


class DirectReads:
    """At most so many connections, opened as they are needed. Owned by one event loop."""

    def __init__(self, settings: LedgerSettings, *, connections_max: int) -> None:
        """Connect to nothing yet."""
        self._settings = settings
        self._free: list[_Connection] = []
        self._room = asyncio.Semaphore(connections_max)
        self.connections_max = connections_max
        self.used = 0
        self._is_closed = False
        self._bound: Recent[tuple[Role, bool, str | None, str | None, str | None], bytes] = Recent(_VIEWERS_MAX)

    @property
    def idle(self) -> int:
        """How many connections are open and not in use."""
        return len(self._free)

    async def fetch(
        self, viewer: Viewer, statements: Sequence[Statement], *, before: Statement | None = None
    ) -> list[Row | None]:
        """The first row of each statement, its columns as text, or None; all on one snapshot.

        before is written for the viewer as TRANSITION, and committed before anything is read; its row is the first
        of the result. Errors: as ledger/storage/failures.py says.
        """
        written: list[Statement] = []
        if before is not None:
            written = [self._bind(Role.TRANSITION, viewer, is_read_only=False), before]
        read = [self._bind(ROLE_OF_VIEWER[viewer.kind], viewer, is_read_only=True), *statements]
        first = 1
        if len(statements) > 1:
            # One statement sees one snapshot anyway; several need a transaction that keeps it.
            read, first = [(_BEGIN, ()), *read, (_COMMIT, ())], first + 1
        with translated(is_read_only=before is None):
            await self._take_room()
            rows = await self._ask([written, read] if written else [read])
        first += len(written)
        return [*rows[1 : len(written)], *rows[first : first + len(statements)]]

    async def close(self) -> None:
        """Close every connection; those in use are closed once they have finished."""
        self._is_closed = True
        free, self._free = self._free, []
        for connection in free:
            connection.close()
        if free:
            await asyncio.wait([connection.lost for connection in free], timeout=_CLOSE_SECONDS_MAX)

    async def _ask(self, sent: Sequence[Sequence[Statement]]) -> list[Row | None]:
        """Send transactions on a free connection. One that was closed while it was idle is replaced."""
        while True:
            is_new = not self._free
            try:
                connection = self._free.pop() if self._free else await self._connect()
            except BaseException:
                self._give_room_back()
                raise
            try:
                return await connection.run(sent, self._give_back)
            except ConnectionError:
                if is_new or connection.has_answered:
                    raise
                await self._take_room()

    def _bind(self, role: Role, viewer: Viewer, *, is_read_only: bool) -> Statement:
        ids = (viewer.member_id, viewer.brand_id, viewer.officer_id)
        bound = self._bound.find((role, is_read_only, *ids))
        if bound is None:
            settings = self._settings
            read_only = "on" if is_read_only else "off"
            name, timeout = role_name(settings.role_prefix, role), str(settings.statement_timeout_ms)
            bound = encode_values([name, *(each or "" for each in ids), timeout, read_only])
            self._bound.keep((role, is_read_only, *ids), bound)
        return _BIND, bound

    def _give_back(self, connection: "_Connection") -> None:
        """Take a connection that has finished, whoever still waits for it."""
        self._give_room_back()
        if connection.is_usable and not self._is_closed:
            self._free.append(connection)
        else:
            connection.close()

    def _give_room_back(self) -> None:
        self.used -= 1
        self._room.release()

    async def _take_room(self) -> None:
        if self._room.locked():
            try:
                async with asyncio.timeout(self._settings.database_pool_timeout_seconds):
                    await self._room.acquire()
            except TimeoutError:
                raise DatabaseBusyError from None
        else:
            await self._room.acquire()
        self.used += 1

    async def _connect(self) -> "_Connection":
        settings = self._settings
        unnamed = {"statement_cache_size": UNNAMED_ONLY["statement_cache_size"]} if settings.is_pooled else {}
        with translated(is_connecting=True):
            driver: asyncpg.Connection[Any] = await asyncpg.connect(
                **read_driver_arguments(settings.application_url),
                **unnamed,
                timeout=settings.database_connect_timeout_seconds,
                server_settings={"application_name": APPLICATION_NAME},
            )
        # A pooler may let it wait for a connection of the server first.
        answer_seconds = settings.database_pool_timeout_seconds + settings.statement_timeout_ms / 1000
        return _Connection(driver, is_named=not settings.is_pooled, answer_seconds=answer_seconds)


class _Connection(asyncio.Protocol):
    """A connection that asyncpg opened, and on which we speak ourselves: asyncpg sends nothing together."""

    def __init__(self, driver: "asyncpg.Connection[Any]", *, is_named: bool, answer_seconds: float) -> None:
        self._driver = driver  # held, since asyncpg warns of a connection that nobody holds
        self._answer_seconds = answer_seconds
        self._timer: asyncio.TimerHandle | None = None
        self._is_named = is_named
        self._prepared: OrderedDict[str, str] = OrderedDict()
        self._count = 0
        self._reply: Reply | None = None
        self._waiting: asyncio.Future[list[Row | None]] | None = None
        self._finish: Any = None
        self.is_usable = True
        self.has_answered = False
        self._transport = cast("asyncio.Transport", driver._transport)  # type: ignore[attr-defined]  # noqa: SLF001 - asyncpg has no other way to it
        self._drivers_own = cast("asyncio.Protocol", self._transport.get_protocol())
        self._transport.set_protocol(self)
        self.lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def run(self, sent: Sequence[Sequence[Statement]], finish: Any) -> "asyncio.Future[list[Row | None]]":
        """Send transactions together; finish(self) is called once PostgreSQL is ready for more, or is gone.

        Errors: those of a value that no statement takes; of the future, FailedStatementError and ConnectionError.
        """
        try:
            message = b"".join(b"".join([*map(self._render, each), SYNC]) for each in sent)
        except BaseException:
            # What was to be prepared wasn't.
            self.is_usable = False
            finish(self)
            raise
        loop = asyncio.get_running_loop()
        self._waiting = loop.create_future()
        self._reply, self._finish, self.has_answered = Reply(len(sent)), finish, False
        waiting = self._waiting
        if self._transport.is_closing():
            self._end(ConnectionResetError("PostgreSQL closed the connection."))
        else:
            self._timer = loop.call_later(self._answer_seconds, self._transport.abort)
            self._transport.write(message)
        return waiting

    def data_received(self, data: bytes) -> None:
        """Read what PostgreSQL answers."""
        if self._reply is None:
            return  # a notice, or why it ends the connection
        self.has_answered = True
        self._reply.feed(data)
        if self._reply.is_ready:
            self._end(self._reply.failure)

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail whoever waits, and tell asyncpg, which would otherwise believe that it is connected."""
        self.is_usable = False
        self._drivers_own.connection_lost(exc)
        if not self.lost.done():
            self.lost.set_result(None)
        if self._reply is not None:
            failure = self._reply.failure
            self._end(failure or ConnectionResetError(f"PostgreSQL closed the connection: {exc}"))

    def close(self) -> None:
        """Say good-bye and close."""
        self.is_usable = False
        if not self._transport.is_closing():
            self._transport.write(TERMINATE)
            self._transport.close()

    def _end(self, failure: Exception | None) -> None:
        reply, waiting, finish = self._reply, self._waiting, self._finish
        self._reply = self._waiting = self._finish = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if failure is not None:
            # What is prepared, and whether a transaction is open, isn't known any more.
            self.is_usable = False
        finish(self)
        if waiting is None or waiting.done():
            if failure is not None:
                _logger.info("abandoned_read_failed", extra={"reason": type(failure).__name__})
        elif failure is not None:
            waiting.set_exception(failure)
        else:
            waiting.set_result(reply.rows if reply is not None else [])

    def _render(self, statement: Statement) -> bytes:
        sql, values = statement
        if not self._is_named or len(sql) > _PREPARED_SQL_MAX:
            return parse_message("", sql) + run_message("", values)
        name = self._prepared.get(sql)
        if name is not None:
            self._prepared.move_to_end(sql)
            return run_message(name, values)
        self._count += 1
        name = self._prepared[sql] = f"jembatan_{self._count}"
        dropped = b""
        if len(self._prepared) > _STATEMENTS_MAX:
            dropped = close_message(self._prepared.popitem(last=False)[1])
        return dropped + parse_message(name, sql) + run_message(name, values)
