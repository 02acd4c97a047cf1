"""What a failure of PostgreSQL, or of a pooler before it, means to whoever asked, and under which code it is told.

    UnavailableError
    +-- StatementTimeoutError        STATEMENT_TIMEOUT
    +-- ContentionError              CONTENTION
    +-- DatabaseRefusedError         DATABASE_REFUSED
    +-- PoolerUndeclaredError        POOLER_UNDECLARED
    +-- DatabaseUnavailableError     DATABASE_UNAVAILABLE (ledger/errors.py)
        +-- DatabaseBusyError        DATABASE_BUSY
        +-- DatabaseReadOnlyError    DATABASE_READ_ONLY
        +-- DatabaseFullError        DATABASE_FULL

All are of the kind UNAVAILABLE, so that over HTTP they are a 503 with Retry-After. Those under DatabaseUnavailableError
pass by themselves, and a start waits for them. Whatever isn't listed here is a fault of ours and stays internal.
Source: PostgreSQL, appendix A, error codes; PgBouncer reports its own failures as 08P01.
"""

from types import TracebackType

import asyncpg
from sqlalchemy.exc import DBAPIError, InterfaceError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from ledger.errors import DatabaseUnavailableError, UnavailableError

_SERIALIZATION_FAILURE = "40001"
_DEADLOCK = "40P01"
_RETRIED = frozenset({_SERIALIZATION_FAILURE, _DEADLOCK})
_STATEMENT_TIMEOUT = "57014"
_READ_ONLY = "25006"
_DISK_FULL = "53100"
_TOO_MANY_CONNECTIONS = "53300"
# Prepared statements that are there already, or no longer: another client's, or on another server connection.
_FOREIGN_STATEMENT = frozenset({"42P05", "26000"})
# Invalid authorization, and an unknown database: no retry would help.
_REFUSED = ("28", "3D000")
# Connection exceptions, operator intervention, a server out of resources, a failing disk, and sessions that were ended
# for being idle in a transaction or for its length.
_AWAY = ("08", "57P", "53", "58030", "25P03", "25P04")


class StatementTimeoutError(UnavailableError):
    """A statement exceeded its time limit; nothing was written."""

    code = "STATEMENT_TIMEOUT"
    hint = "Ask for less in one call. The bound is JEMBATAN_STATEMENT_TIMEOUT_MS."


class ContentionError(UnavailableError):
    """Concurrent calls were changing the same rows; nothing was written."""

    code = "CONTENTION"
    hint = "Try the same call again."


class DatabaseRefusedError(UnavailableError):
    """PostgreSQL refused the login."""

    code = "DATABASE_REFUSED"
    hint = "The operator should check the user, password and database name in JEMBATAN_DATABASE_URL."


class PoolerUndeclaredError(UnavailableError):
    """JEMBATAN_DATABASE_URL leads through a pooler that gives each transaction another connection."""

    code = "POOLER_UNDECLARED"
    hint = "The operator should set JEMBATAN_DATABASE_DIRECT_URL to the database's own address, around the pooler."


class DatabaseBusyError(DatabaseUnavailableError):
    """No connection to the database is free."""

    code = "DATABASE_BUSY"


class DatabaseReadOnlyError(DatabaseUnavailableError):
    """The database accepts no changes at present."""

    code = "DATABASE_READ_ONLY"


class DatabaseFullError(DatabaseUnavailableError):
    """The database has no space left; nothing was written."""

    code = "DATABASE_FULL"


def find_sqlstate(error: BaseException) -> str:
    """Return the SQLSTATE that PostgreSQL or a pooler reported, or an empty string."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    return str(getattr(cause, "sqlstate", None) or "")


def find_violated_constraint(error: DBAPIError) -> str | None:
    """Return the name of the constraint that the row violated, if the error is about one."""
    cause = error.orig.__cause__ if error.orig is not None else None
    return getattr(cause, "constraint_name", None)


def explain(
    error: BaseException, *, is_connecting: bool = False, is_read_only: bool = False
) -> UnavailableError | None:
    """Return what a failure means to the caller; None for one that is no outage, or not the database's.

    is_connecting: it happened while connecting, where an OSError is the network's. is_read_only: the transaction may
    only read, so that an attempt to write is a fault of ours.
    """
    if isinstance(error, PoolTimeoutError):
        return DatabaseBusyError()
    state = find_sqlstate(error)
    kind = _find_kind(state, is_connecting=is_connecting, is_read_only=is_read_only)
    if kind is not None:
        return kind()
    if isinstance(error, InterfaceError | asyncpg.InterfaceError | ConnectionError):
        return DatabaseUnavailableError()
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return DatabaseUnavailableError()
    # TimeoutError is an OSError, too.
    return DatabaseUnavailableError() if is_connecting and isinstance(error, OSError) else None


def _find_kind(state: str, *, is_connecting: bool, is_read_only: bool) -> type[UnavailableError] | None:
    exact: dict[str, type[UnavailableError]] = {
        _STATEMENT_TIMEOUT: StatementTimeoutError,
        _TOO_MANY_CONNECTIONS: DatabaseBusyError,
        _DISK_FULL: DatabaseFullError,
    }
    if state in exact:
        return exact[state]
    if state in _RETRIED:
        return ContentionError
    if state in _FOREIGN_STATEMENT:
        return PoolerUndeclaredError
    if state == _READ_ONLY and not is_read_only:
        return DatabaseReadOnlyError
    if state.startswith(_AWAY):
        return DatabaseUnavailableError
    return DatabaseRefusedError if state.startswith(_REFUSED) or (is_connecting and state) else None


class translated:  # noqa: N801 - used as a statement: `with translated():`
    """Raises what a failure inside the block means instead of the driver's error, where that is an outage."""

    def __init__(self, *, is_connecting: bool = False, is_read_only: bool = False) -> None:
        """As explain."""
        self._is_connecting = is_connecting
        self._is_read_only = is_read_only

    def __enter__(self) -> None:
        """Enter the block."""

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        """Errors: UnavailableError."""
        if error is None:
            return
        told = explain(error, is_connecting=self._is_connecting, is_read_only=self._is_read_only)
        if told is not None:
            raise told from error
