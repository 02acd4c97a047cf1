"""Whether a pooler stands between us and PostgreSQL, and whether it gives each transaction another connection.

Behind such a pooler a session's lock, a notification or a named statement is lost or becomes somebody else's, without
an error at first; so a start asks before anything else runs. Nothing is left on the connections that it asks on.
Source: docs/adr/0116.
"""

from enum import StrEnum

import asyncpg

from ledger.errors import UnavailableError
from ledger.settings import DatabaseSettings
from ledger.storage.engine import APPLICATION_NAME, UNNAMED_ONLY, read_driver_arguments
from ledger.storage.failures import PoolerUndeclaredError, translated

_TRIES = 8
_CLOSE_SECONDS_MAX = 1.0
_SECOND_SECONDS_MAX = 2.0
"""A second client waits for as long as the first one is there if each keeps the only connection of the server."""


class Between(StrEnum):
    """What stands between us and the server."""

    NOTHING = "NOTHING"
    SESSIONS = "SESSIONS"
    """A pooler that leaves a client its connection of the server until the client goes."""
    TRANSACTIONS = "TRANSACTIONS"
    """A pooler that gives each transaction another one."""


class PoolerNotBypassedError(UnavailableError):
    """JEMBATAN_DATABASE_DIRECT_URL leads through a pooler that gives each transaction another connection, too."""

    code = "POOLER_NOT_BYPASSED"
    hint = "Set it to the address of PostgreSQL itself, or of a pool in session mode."


async def check_poolers(settings: DatabaseSettings) -> None:
    """Check that a pooler is declared where there is one, and that the direct address goes around it.

    Errors: PoolerUndeclaredError, PoolerNotBypassedError; as ledger/storage/failures.py says.
    """
    if settings.is_pooled:
        if await find_between(settings.direct_url, settings) is Between.TRANSACTIONS:
            raise PoolerNotBypassedError
    elif await find_between(settings.application_url, settings) is Between.TRANSACTIONS:
        raise PoolerUndeclaredError


async def find_between(url: str, settings: DatabaseSettings) -> Between:
    """Find out by connecting. Errors: as ledger/storage/failures.py says.

    A pooler gives its clients process ids of its own making. Of two clients that are there at the same time, it lets
    the second use the connection of the first only if it takes that back after each transaction; if others use the pool
    at the same moment, that may take a few tries to be seen.
    """
    with translated(is_connecting=True):
        first = await _connect(url, settings.database_connect_timeout_seconds)
        try:
            if await first.fetchval("SELECT pg_backend_pid()") == first.get_server_pid():
                return Between.NOTHING
            for _ in range(_TRIES):
                server = await first.fetchval("SELECT pg_backend_pid()")
                if await _ask_another(url) == server:
                    return Between.TRANSACTIONS
            return Between.SESSIONS
        finally:
            await _close(first)


async def _ask_another(url: str) -> int | None:
    """The process that serves another client; None if it gets none while the first client is there."""
    try:
        other = await _connect(url, _SECOND_SECONDS_MAX)
    except TimeoutError:
        return None
    try:
        process_id: int = await other.fetchval("SELECT pg_backend_pid()", timeout=_SECOND_SECONDS_MAX)
    except TimeoutError:
        return None
    else:
        return process_id
    finally:
        await _close(other)


async def _connect(url: str, timeout_seconds: float) -> "asyncpg.Connection[asyncpg.Record]":
    return await asyncpg.connect(
        **read_driver_arguments(url),
        timeout=timeout_seconds,
        server_settings={"application_name": APPLICATION_NAME},
        statement_cache_size=UNNAMED_ONLY["statement_cache_size"],
    )


async def _close(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    try:
        await connection.close(timeout=_CLOSE_SECONDS_MAX)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        connection.terminate()
