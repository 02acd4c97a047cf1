"""Transactions bound to a viewer: the only way to access rows.

The login itself may read nothing. Before anything else runs, a transaction assumes its viewer's database
role and sets the viewer's ids, in one statement and for this transaction only, so that nothing leaks to
the next user of a pooled connection. Time is one value per transaction (`as_of`).
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, TypeVar

import asyncpg
from sqlalchemy import Executable, event, text
from sqlalchemy.engine import CursorResult, make_url
from sqlalchemy.exc import DBAPIError, InterfaceError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from ledger.accesses import Accesses
from ledger.answers import AnswerSize
from ledger.bounds.backoff import Backoff
from ledger.errors import DatabaseUnavailableError, UnavailableError
from ledger.policies import Policies
from ledger.settings import LedgerSettings
from ledger.storage.roles import ROLE_OF_VIEWER, Role, role_name
from ledger.storage.sealing import Keyring
from ledger.viewer import Viewer

T = TypeVar("T")
_BACKOFF = Backoff(0.01, 1.0)
_logger = logging.getLogger(__name__)

_BIND = text(
    "SELECT set_config('jembatan.member_id', :member_id, true), set_config('jembatan.brand_id', :brand_id, true), "
    "set_config('jembatan.officer_id', :officer_id, true), set_config('TimeZone', 'UTC', true), "
    "set_config('statement_timeout', :statement_timeout, true), set_config('role', :role, true)"
)
_SWITCH = text("SELECT set_config('role', :role, true)")

_TRY_LOCK = text("SELECT pg_try_advisory_xact_lock(hashtextextended(:name, 0))")

_SERIALIZATION_FAILURE = "40001"
_DEADLOCK = "40P01"
_STATEMENT_TIMEOUT = "57014"
_RETRIED = frozenset({_SERIALIZATION_FAILURE, _DEADLOCK})
_RETRIES_MAX = 5
_APPLICATION_NAME = "jembatan"
# Connection exceptions, operator intervention, and a server that is out of connections or memory.
_AWAY = ("08", "57P", "53")


class StatementTimeoutError(UnavailableError):
    """A statement exceeded its time limit; nothing was written."""

    code = "STATEMENT_TIMEOUT"
    hint = "Ask for less in one call."


class ContentionError(UnavailableError):
    """Concurrent calls were changing the same rows; nothing was written."""

    code = "CONTENTION"
    hint = "Try the same call again."


class Transaction:
    """One transaction on behalf of one viewer (or one system role), with one value for the time.

    Owned by the task that opened it. After a failure inside `role` it refuses further statements, because
    it may still be running as the other role.
    """

    def __init__(
        self,
        connection: AsyncConnection,
        *,
        role: Role,
        role_prefix: str,
        viewer: Viewer | None,
        as_of: datetime,
        keyring: Keyring,
        policies: Policies,
    ) -> None:
        """Only Database creates transactions."""
        self.connection = connection
        self.as_of = as_of
        self.keyring = keyring
        self.policies = policies
        self.answer = AnswerSize()
        """What long texts are counted against as they are read; whoever reads for an answer sets it."""
        self.accesses = Accesses()
        """What was read that is recorded; an operation replaces it with its own, for all of its transactions."""
        self._viewer = viewer
        self._role = role
        self._role_prefix = role_prefix
        self._is_doomed = False
        self._unrecorded: set[tuple[str, str]] = set()

    @property
    def viewer(self) -> Viewer:
        """The viewer that the transaction is bound to. Errors: RuntimeError for a system transaction."""
        if self._viewer is None:
            raise RuntimeError("This is a system transaction; it has no viewer.")
        return self._viewer

    @property
    def present_role(self) -> Role:
        """The database role that statements currently run as."""
        return self._role

    async def execute(
        self, statement: Executable, parameters: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None
    ) -> CursorResult[Any]:
        """Run one statement as the present role."""
        if self._is_doomed:
            raise RuntimeError("A failure under another role ended this transaction.")
        return await self.connection.execute(statement, parameters)

    def note_written(self, subject: str, subject_ids: Iterable[str]) -> None:
        """Remember that rows that entries about these subjects commit to were written: an event must follow."""
        self._unrecorded.update((subject, subject_id) for subject_id in subject_ids)

    def note_recorded(self, subject: str, subject_id: str) -> None:
        """Remember that an event about the subject commits to what was written of it so far."""
        self._unrecorded.discard((subject, subject_id))

    def check_recorded(self) -> None:
        """Errors: RuntimeError if the log would not commit to something that this transaction wrote."""
        if self._unrecorded:
            subject, subject_id = min(self._unrecorded)
            raise RuntimeError(f"No event commits to what was written of {subject} {subject_id}; nothing was written.")

    async def try_lock(self, name: str) -> bool:
        """Take the advisory lock of that name until the transaction ends; False if another transaction holds it."""
        taken = await self.execute(_TRY_LOCK, {"name": name})
        return bool(taken.scalar_one())

    @asynccontextmanager
    async def role(self, role: Role) -> AsyncIterator[None]:
        """Run the block as another role in the same transaction; the caller has checked the viewer's rights before."""
        before = self._role
        await self._switch(role)
        try:
            yield
        except BaseException:
            self._is_doomed = True
            raise
        await self._switch(before)

    async def _switch(self, role: Role) -> None:
        if role is not self._role:
            await self.execute(_SWITCH, {"role": role_name(self._role_prefix, role)})
            self._role = role


class Database:
    """A pool of connections to one PostgreSQL database, and the transactions on it."""

    def __init__(self, engine: AsyncEngine, settings: LedgerSettings, keyring: Keyring) -> None:
        """Use connect."""
        self.engine = engine
        self.settings = settings
        self.keyring = keyring
        self.policies: Policies = settings

    @classmethod
    def connect(cls, settings: LedgerSettings, keyring: Keyring) -> "Database":
        """Create a pool, which connects when it is first used."""
        engine = create_async_engine(
            async_url(settings.application_url),
            pool_size=settings.database_pool_size,
            max_overflow=settings.database_pool_overflow,
            pool_timeout=settings.database_pool_timeout_seconds,
            connect_args={
                "timeout": settings.database_connect_timeout_seconds,
                "server_settings": {"application_name": _APPLICATION_NAME},
            },
        )
        event.listen(engine.sync_engine, "connect", _decode_ids_as_text)
        return cls(engine, settings, keyring)

    async def close(self) -> None:
        """Close every connection of the pool."""
        await self.engine.dispose()

    @asynccontextmanager
    async def transaction(self, viewer: Viewer, *, as_of: datetime) -> AsyncIterator[Transaction]:
        """A read-write transaction bound to the viewer; commits on a clean exit.

        Errors: DatabaseUnavailableError, StatementTimeoutError; ContentionError after a deadlock or serialization
        failure, which the caller may retry.
        """
        async with self._begin(ROLE_OF_VIEWER[viewer.kind], viewer=viewer, as_of=as_of, options={}) as tx:
            yield tx

    @asynccontextmanager
    async def reading(self, viewer: Viewer, *, as_of: datetime) -> AsyncIterator[Transaction]:
        """A read-only transaction on one snapshot, bound to the viewer."""
        options = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        async with self._begin(ROLE_OF_VIEWER[viewer.kind], viewer=viewer, as_of=as_of, options=options) as tx:
            yield tx

    @asynccontextmanager
    async def system(self, role: Role, *, as_of: datetime) -> AsyncIterator[Transaction]:
        """A read-write transaction for a system role, without a viewer."""
        async with self._begin(role, viewer=None, as_of=as_of, options={}) as tx:
            yield tx

    @asynccontextmanager
    async def snapshot(self, role: Role, *, as_of: datetime) -> AsyncIterator[Transaction]:
        """A read-only transaction on one snapshot for a system role, without a viewer."""
        options = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        async with self._begin(role, viewer=None, as_of=as_of, options=options) as tx:
            yield tx

    async def run(self, viewer: Viewer, *, as_of: datetime, work: Callable[[Transaction], Awaitable[T]]) -> T:
        """Run work in a transaction bound to the viewer, and retry it after a serialization failure or deadlock.

        Errors: those of work; ContentionError if every retry failed in the same way.
        """
        for attempt in range(_RETRIES_MAX):
            try:
                async with self.transaction(viewer, as_of=as_of) as tx:
                    return await work(tx)
            except ContentionError:
                _logger.info("transaction_retried", extra={"attempt": attempt})
            await asyncio.sleep(_BACKOFF.choose_seconds(attempt))
        async with self.transaction(viewer, as_of=as_of) as tx:
            return await work(tx)

    async def ping(self) -> None:
        """One round trip. Errors: DatabaseUnavailableError."""
        try:
            with _translated():
                async with self.engine.connect() as connection:
                    await connection.execute(text("SELECT 1"))
        except OSError as error:
            raise DatabaseUnavailableError from error

    @asynccontextmanager
    async def _begin(
        self, role: Role, *, viewer: Viewer | None, as_of: datetime, options: Mapping[str, Any]
    ) -> AsyncIterator[Transaction]:
        with _translated():
            connection = await self._bind(role, viewer=viewer, options=options)
            try:
                tx = Transaction(
                    connection,
                    role=role,
                    role_prefix=self.settings.role_prefix,
                    viewer=viewer,
                    as_of=as_of,
                    keyring=self.keyring,
                    policies=self.policies,
                )
                yield tx
                tx.check_recorded()
                await connection.commit()
            finally:
                await asyncio.shield(connection.close())

    async def _bind(self, role: Role, *, viewer: Viewer | None, options: Mapping[str, Any]) -> AsyncConnection:
        """A connection inside a bound transaction; a broken pooled connection is replaced once."""
        parameters = {
            "role": role_name(self.settings.role_prefix, role),
            "member_id": (viewer.member_id if viewer else None) or "",
            "brand_id": (viewer.brand_id if viewer else None) or "",
            "officer_id": (viewer.officer_id if viewer else None) or "",
            "statement_timeout": str(self.settings.statement_timeout_ms),
        }
        for attempt in (1, 2):
            try:
                connection = await self.engine.connect()
            except OSError as error:  # includes TimeoutError
                raise DatabaseUnavailableError from error
            try:
                if options:
                    await connection.execution_options(**options)
                await connection.execute(_BIND, parameters)
            except BaseException as error:
                await connection.close()
                if attempt == 1 and isinstance(error, DBAPIError) and error.connection_invalidated:
                    continue
                raise
            return connection
        raise DatabaseUnavailableError  # pragma: no cover - the loop returns or raises


def async_url(url: str) -> str:
    """The URL with our driver, whichever variant of postgresql:// was given."""
    return make_url(url).set(drivername="postgresql+asyncpg").render_as_string(hide_password=False)


def sqlstate(error: DBAPIError) -> str:
    """The SQLSTATE that PostgreSQL reported, or an empty string."""
    return str(getattr(error.orig, "sqlstate", None) or getattr(error.orig, "pgcode", None) or "")


def violated_constraint(error: DBAPIError) -> str | None:
    """The name of the constraint that the row violated, if the error is about one."""
    cause = error.orig.__cause__ if error.orig is not None else None
    return getattr(cause, "constraint_name", None)


def _decode_ids_as_text(connection: Any, _record: Any) -> None:
    """Make the connection decode UUIDs as text, the form of ids in Python, so that no other code converts them."""
    connection.run_async(
        lambda driver: driver.set_type_codec("uuid", encoder=str, decoder=str, schema="pg_catalog", format="text")
    )


class _translated:  # noqa: N801 - used as a statement: `with _translated():`
    """Translates the driver's errors: to DatabaseUnavailableError, StatementTimeoutError or ContentionError."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is None:
            return
        if isinstance(error, PoolTimeoutError | InterfaceError | asyncpg.InterfaceError):
            raise DatabaseUnavailableError from error
        state = sqlstate(error) if isinstance(error, DBAPIError) else str(getattr(error, "sqlstate", None) or "")
        if state in _RETRIED:
            raise ContentionError from error
        if state == _STATEMENT_TIMEOUT:
            raise StatementTimeoutError from error
        if state.startswith(_AWAY) or (isinstance(error, DBAPIError) and error.connection_invalidated):
            raise DatabaseUnavailableError from error
