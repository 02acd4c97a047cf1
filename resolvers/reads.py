"""Reading within one operation: one snapshot for all of it, opened when the first field needs it.

All reads of an operation run in one READ ONLY transaction on one snapshot, so that a page and what it refers to are
consistent. It never writes, and it releases its connection before the operation writes: an operation that held two
connections could wait for itself when the pool is exhausted.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import TypeVar

from ledger.accesses import Accesses
from ledger.errors import LedgerError
from ledger.storage.database import Database, Transaction
from ledger.viewer import Viewer

T = TypeVar("T")


class ReaderClosedError(RuntimeError):
    """The operation is over and reads nothing more."""


class OperationReader:
    """The snapshot of one operation. Owned by the operation; its fields may read from any task.

    The lock guarantees that one statement at a time runs on the connection, and that no one reads while the transaction
    is being opened or released.
    """

    def __init__(self, database: Database, viewer: Viewer, *, as_of: datetime, accesses: Accesses) -> None:
        """Open nothing yet. What is read and recorded is noted in accesses."""
        self._accesses = accesses
        self._database = database
        self._viewer = viewer
        self._as_of = as_of
        self._lock = asyncio.Lock()
        self._opened: AbstractAsyncContextManager[Transaction] | None = None
        self._tx: Transaction | None = None
        self._failure: Exception | None = None
        self._is_closed = False

    async def read(self, work: Callable[[Transaction], Awaitable[T]]) -> T:
        """Run the work on the operation's snapshot.

        Errors: what the work raises. After an error that broke the transaction, every later read fails with the same
        error until reset, so that one cause is one error and not a queue of time-outs.
        """
        async with self._lock:
            if self._is_closed:
                raise ReaderClosedError
            if self._failure is not None:
                raise self._failure
            try:
                return await work(await self._transaction())
            except LedgerError as error:
                if error.category == "UNAVAILABLE":
                    await self._give_back(error)
                    self._failure = error
                raise
            except BaseException as error:  # noqa: BLE001 - a cancellation must end the transaction, too
                translated = await self._give_back(error)
                self._failure = translated if isinstance(translated, Exception) else None
                raise translated from translated.__cause__

    async def reset(self) -> None:
        """Release the snapshot; the next read opens a new one and sees what was written since."""
        async with self._lock:
            self._failure = None
            await self._give_back(None)

    async def aclose(self) -> None:
        """Release the snapshot for good; it may be called again."""
        async with self._lock:
            self._is_closed = True
            await self._give_back(None)

    async def _transaction(self) -> Transaction:
        if self._tx is None:
            opened = self._database.reading(self._viewer, as_of=self._as_of)
            self._tx = await opened.__aenter__()
            self._tx.accesses = self._accesses
            self._opened = opened
        return self._tx

    async def _give_back(self, error: BaseException | None) -> BaseException:
        """End the transaction, passing it the error, and return the error to raise."""
        opened, self._opened, self._tx = self._opened, None, None
        if opened is None:
            return error or RuntimeError()
        try:
            await opened.__aexit__(type(error) if error else None, error, error.__traceback__ if error else None)
        except BaseException as made:
            if error is None:
                raise
            return made
        return error or RuntimeError()
