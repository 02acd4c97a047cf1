"""What the fields of one operation share: the caller, the time, and how to read and write.

The gateway makes one for each operation and closes it when the operation ends. It knows nothing about HTTP.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from types import TracebackType
from typing import Concatenate, ParamSpec, Self, TypeVar

from auth.settings import AuthSettings
from auth.tokens.principal import Principal
from ledger.access_records.recording import ShownBy, has_records, is_recorded, record_accesses
from ledger.accesses import Accesses
from ledger.answers import AnswerSize
from ledger.storage.database import Database, Transaction
from ledger.storage.roles import Role
from ledger.storage.wire import FailedStatementError, Statement
from ledger.viewer import Viewer
from resolvers.loaders import Loaders
from resolvers.reads import OperationReader
from resolvers.sources import EventBatch

T = TypeVar("T")
P = ParamSpec("P")


class ViewerMissingError(RuntimeError):
    """A field that reads or writes ran without a token: the check before execution has failed."""


class Context:
    """The context of one operation.

    viewer is the party for which the ledger is read and written, None without a token. as_of is the operation's clock
    reading, aware and in UTC. batch is what a subscription sends, None for every other operation. answer counts
    how large the answer becomes; the gateway sets the one that has a bound.
    """

    def __init__(
        self,
        *,
        database: Database,
        auth_settings: AuthSettings,
        principal: Principal | None,
        as_of: datetime,
        request_id: str,
    ) -> None:
        """Open nothing yet."""
        self.database = database
        self.auth_settings = auth_settings
        self.principal = principal
        self.as_of = as_of
        self.request_id = request_id
        self.batch: EventBatch | None = None
        self.answer = AnswerSize()
        self._viewer = principal.viewer if principal else None
        self.accesses = Accesses()
        self._reader = (
            OperationReader(database, self._viewer, as_of=as_of, accesses=self.accesses) if self._viewer else None
        )
        self._loaders: Loaders | None = None

    @property
    def loaders(self) -> Loaders:
        """The loaders of the present snapshot, made when a field first needs one."""
        if self._loaders is None:
            self._loaders = Loaders(self.read)
        return self._loaders

    @property
    def viewer(self) -> Viewer:
        """The calling party. Errors: ViewerMissingError without a token."""
        if self._viewer is None:
            raise ViewerMissingError
        return self._viewer

    async def read(
        self, work: Callable[Concatenate[Transaction, P], Awaitable[T]], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run work(transaction, ...) on the operation's one snapshot.

        Errors: ViewerMissingError; AnswerTooLargeError once the answer is; what the work raises.
        """
        if self._reader is None:
            raise ViewerMissingError
        self.answer.check()

        def count(tx: Transaction) -> Awaitable[T]:
            tx.answer = self.answer
            return work(tx, *args, **kwargs)

        return await self._reader.read(count)

    @property
    def has_direct_reads(self) -> bool:
        """Whether compiled statements can be read over connections of their own."""
        return self.database.direct_reads is not None

    async def read_directly(
        self, statements: Sequence[Statement], *, before: Statement | None
    ) -> list[Sequence[bytes | None] | None]:
        """Return the first row, or None, of each compiled statement; of what is written before them, the first of all.

        Errors: ViewerMissingError; UnavailableError; FailedStatementError.
        """
        direct = self.database.direct_reads
        if direct is None:
            raise RuntimeError("There are no connections for it.")
        return [*await direct.fetch(self.viewer, statements, before=before)]

    async def read_texts(self, statements: Sequence[Statement]) -> list[Sequence[bytes | None] | None]:
        """Return the first row, or None, of each compiled statement, on the operation's one snapshot.

        Errors: FailedStatementError, after which later reads have another snapshot; as read.
        """

        async def fetch(tx: Transaction) -> list[Sequence[bytes | None] | None]:
            return [await tx.fetch_compiled(sql, values) for sql, values in statements]

        try:
            return await self.read(fetch)
        except FailedStatementError:
            await self._forget_readings()
            raise

    async def write(
        self, work: Callable[Concatenate[Transaction, P], Awaitable[T]], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run work(transaction, ...) in its own transaction and commit it; later reads see the result.

        The work may run several times. Errors: ViewerMissingError; ContentionError; what the work raises.
        """
        await self._forget_readings()

        def run(tx: Transaction) -> Awaitable[T]:
            tx.accesses = self.accesses
            return work(tx, *args, **kwargs)

        try:
            return await self.database.run(self.viewer, as_of=self.as_of, work=run)
        finally:
            await self._forget_readings()

    @property
    def has_accesses_to_record(self) -> bool:
        """Whether anything that the operation showed so far is to be recorded."""
        if self._viewer is None or not is_recorded(self._viewer):
            return False
        return has_records(self.accesses, self.database.policies)

    async def record_accesses(self, *, document: str, operation_name: str | None, is_always: bool = False) -> None:
        """Record what the operation showed, in a transaction of its own; nothing may be sent if this fails.

        is_always: whoever asks, and not only the regulator's people and systems. The snapshot is released first.
        Errors: DatabaseUnavailableError; whatever keeps the records from being written.
        """
        if self._viewer is None or not (is_always or is_recorded(self._viewer)):
            return
        if not has_records(self.accesses, self.database.policies):
            return
        await self._forget_readings()
        shown_by = ShownBy(request_id=self.request_id, document=document, operation_name=operation_name)
        async with self.database.system(Role.TRANSITION, as_of=self.as_of) as tx:
            await record_accesses(tx, self.accesses, viewer=self._viewer, shown_by=shown_by)

    async def aclose(self) -> None:
        """Release what the operation holds; it may be called again."""
        self._release_loaders()
        if self._reader is not None:
            await self._reader.aclose()

    async def _forget_readings(self) -> None:
        if self._reader is not None:
            await self._reader.reset()
        self._release_loaders()

    def _release_loaders(self) -> None:
        if self._loaders is not None:
            self._loaders.release()
            self._loaders = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()
