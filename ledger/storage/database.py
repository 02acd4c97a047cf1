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

from sqlalchemy import Executable, Row, text
from sqlalchemy.engine import CursorResult
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ledger.accesses import Accesses
from ledger.answers import AnswerSize
from ledger.bounds.backoff import Backoff
from ledger.errors import DatabaseUnavailableError
from ledger.policies import Policies
from ledger.settings import LedgerSettings
from ledger.storage.direct_reads import DirectReads
from ledger.storage.engine import make_pool
from ledger.storage.failures import (
    ContentionError,
    DatabaseBusyError,
    DatabaseReadOnlyError,
    explain,
    find_sqlstate,
    translated,
)
from ledger.storage.roles import ROLE_OF_VIEWER, Role, role_name
from ledger.storage.sealing import Keyring
from ledger.storage.wire import FailedStatementError
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

_IS_READ_ONLY = text("SELECT current_setting('transaction_read_only')::boolean")
_RETRIES_MAX = 5


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

    async def fetch_compiled(self, sql: str, values: Sequence[Any]) -> Any:
        """Run a statement with numbered parameters, and return its first row, the columns as text, or None.

        Errors: FailedStatementError, after which the transaction is of no more use.
        """
        if self._is_doomed:
            raise RuntimeError("A failure under another role ended this transaction.")
        try:
            row = (await self.connection.exec_driver_sql(sql, tuple(values))).first()
        except DBAPIError as error:
            if explain(error) is not None:
                raise
            raise FailedStatementError({"C": find_sqlstate(error), "M": str(error.orig)}) from error
        return None if row is None else [None if each is None else str(each).encode() for each in row]

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
        own = settings.direct_read_connections
        self.direct_reads = DirectReads(settings, connections_max=own) if own else None

    @classmethod
    def connect(cls, settings: LedgerSettings, keyring: Keyring) -> "Database":
        """Create a pool, which connects when it is first used."""
        return cls(make_pool(settings), settings, keyring)

    async def close(self) -> None:
        """Close every connection of the pool."""
        if self.direct_reads is not None:
            await self.direct_reads.close()
        await self.engine.dispose()

    @asynccontextmanager
    async def transaction(self, viewer: Viewer, *, as_of: datetime) -> AsyncIterator[Transaction]:
        """A read-write transaction bound to the viewer; commits on a clean exit.

        Errors: UnavailableError, of a kind that ledger/storage/failures.py lists; after ContentionError, a deadlock or
        serialization failure, the caller may retry.
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
        """One round trip. Errors: DatabaseUnavailableError, also where nothing can be written; DatabaseRefusedError."""
        if (await self.ask_unbound(_IS_READ_ONLY))[0]:
            raise DatabaseReadOnlyError

    async def ask_unbound(self, statement: Executable) -> Row[Any]:
        """The one row of a statement that runs as the login itself, which may read nothing but catalogs.

        Errors: as ledger/storage/failures.py says.
        """
        with translated():
            connection, found = await self._open(statement, {}, options={})
            try:
                return found.one()
            finally:
                await asyncio.shield(connection.close())

    @asynccontextmanager
    async def _begin(
        self, role: Role, *, viewer: Viewer | None, as_of: datetime, options: Mapping[str, Any]
    ) -> AsyncIterator[Transaction]:
        with translated(is_read_only=options.get("postgresql_readonly", False)):
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
        """A connection inside a transaction that is bound to the viewer."""
        parameters = {
            "role": role_name(self.settings.role_prefix, role),
            "member_id": (viewer.member_id if viewer else None) or "",
            "brand_id": (viewer.brand_id if viewer else None) or "",
            "officer_id": (viewer.officer_id if viewer else None) or "",
            "statement_timeout": str(self.settings.statement_timeout_ms),
        }
        connection, _ = await self._open(_BIND, parameters, options=options)
        return connection

    async def _open(
        self, statement: Executable, parameters: Mapping[str, Any], *, options: Mapping[str, Any]
    ) -> tuple[AsyncConnection, CursorResult[Any]]:
        """A connection of the pool, and what its first statement returned; a broken connection is replaced once.

        Errors: as ledger/storage/failures.py says, and the driver's own.
        """
        own = self.settings
        wait_seconds = own.database_pool_timeout_seconds
        for attempt in (1, 2):
            with translated(is_connecting=True):
                # A new connection asks for the server's version and the like first.
                connecting_seconds = wait_seconds + own.database_connect_timeout_seconds
                connection = await _wait(self.engine.connect(), seconds=connecting_seconds)
            try:
                if options:
                    await connection.execution_options(**options)
                return connection, await _wait(connection.execute(statement, parameters), seconds=wait_seconds)
            except BaseException as error:
                await connection.close()
                if attempt == 1 and isinstance(error, DBAPIError) and error.connection_invalidated:
                    continue
                raise
        raise DatabaseUnavailableError  # pragma: no cover - the loop returns or raises


async def _wait(begun: Awaitable[T], *, seconds: float) -> T:
    """Await what begins a transaction: behind a pooler it waits for a connection of the server.

    Errors: DatabaseBusyError; the connection then can't be used again.
    """
    try:
        async with asyncio.timeout(seconds) as timer:
            return await begun
    except TimeoutError:
        if timer.expired():
            raise DatabaseBusyError from None
        raise
