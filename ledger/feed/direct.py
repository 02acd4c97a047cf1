"""A driver session outside every pool, for LISTEN, session-level advisory locks, and session timeouts.

Its role and settings last as long as the session, so that it must never be shared or reused. Owned by one task.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import asyncpg
from asyncpg.transaction import Transaction as DriverTransaction

from ledger.settings import DatabaseSettings
from ledger.storage.engine import read_driver_arguments
from ledger.storage.roles import Role, role_name

FAILURES = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
"""What a session raises if the server is unreachable, closed it or rejected a statement; TimeoutError is an OSError."""

_CLOSE_SECONDS_MAX = 1.0
_ANSWER_MARGIN_SECONDS = 1.0
_BIND = """
SELECT set_config('role', $1, false), set_config('TimeZone', 'UTC', false),
  set_config('statement_timeout', $2, false), set_config('idle_in_transaction_session_timeout', $3, false)
"""


class DirectSession:
    """A connection that runs as one role for its entire lifetime."""

    def __init__(self, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        """Use open."""
        self._connection = connection

    @classmethod
    async def open(
        cls, settings: DatabaseSettings, role: Role, *, application_name: str, idle_transaction_s: float = 0
    ) -> "DirectSession":
        """Connect as that role. The server closes it after a transaction was idle for idle_transaction_s; 0: never.

        Errors: FAILURES.
        """
        statement_timeout_s = settings.statement_timeout_ms / 1000
        connection = await asyncpg.connect(
            **read_driver_arguments(settings.direct_url),
            timeout=settings.database_connect_timeout_seconds,
            command_timeout=statement_timeout_s + _ANSWER_MARGIN_SECONDS,
            server_settings={"application_name": application_name},
        )
        try:
            await connection.execute(
                _BIND,
                role_name(settings.role_prefix, role),
                str(settings.statement_timeout_ms),
                str(int(idle_transaction_s * 1000)),
            )
        except BaseException:
            connection.terminate()
            raise
        return cls(connection)

    @property
    def is_closed(self) -> bool:
        """Whether it was closed, by either side."""
        return self._connection.is_closed()

    @property
    def process_id(self) -> int:
        """The id of the server process that serves it."""
        return self._connection.get_server_pid()

    def transaction(self) -> DriverTransaction:
        """A transaction, to be used with `async with`. Errors: FAILURES."""
        return self._connection.transaction()

    async def fetch(self, statement: str, *arguments: Any) -> Sequence[Mapping[Any, Any]]:
        """Run one statement and return all rows. Errors: FAILURES."""
        rows: Any = await self._connection.fetch(statement, *arguments)
        return rows  # type: ignore[no-any-return] # the driver's record is a mapping in all but name

    async def fetch_row(self, statement: str, *arguments: Any) -> Mapping[Any, Any] | None:
        """Run one statement and return the first row. Errors: FAILURES."""
        row: Any = await self._connection.fetchrow(statement, *arguments)
        return row  # type: ignore[no-any-return] # as above

    async def fetch_value(self, statement: str, *arguments: Any) -> Any:
        """Run one statement and return the first column of the first row. Errors: FAILURES."""
        return await self._connection.fetchval(statement, *arguments)

    async def execute(self, statement: str, *arguments: Any) -> None:
        """Run one statement. Errors: FAILURES."""
        await self._connection.execute(statement, *arguments)

    async def execute_many(self, statement: str, rows: Sequence[Sequence[Any]]) -> None:
        """Run one statement for each row, all or none. Errors: FAILURES."""
        await self._connection.executemany(statement, rows)

    async def listen(self, channel: str, wake: asyncio.Event) -> None:
        """Set the event at each notification on the channel, and when the session ends. Errors: FAILURES."""
        self._connection.add_termination_listener(lambda _connection: wake.set())
        await self._connection.add_listener(channel, lambda *_: wake.set())

    async def close(self) -> None:
        """Close it; the server then releases its locks and rolls back an open transaction."""
        if self._connection.is_closed():
            return
        try:
            await self._connection.close(timeout=_CLOSE_SECONDS_MAX)
        except FAILURES:
            self._connection.terminate()
        except BaseException:
            self._connection.terminate()
            raise


async def wait_for_notice(wake: asyncio.Event, *, seconds: float) -> bool:
    """Wait until the event is set by a notification or the session's end; False if that takes longer than seconds."""
    try:
        async with asyncio.timeout(seconds):
            await wake.wait()
    except TimeoutError:
        return False
    return True
