"""Importing a file of complaints in batches, each in its own transaction, so that an interrupted import can be rerun.

Nothing is filed twice: a complaint is recognised by the source's reference or, without one, by content and occurrence
in the file. The account adds up: read = filed + already filed + rejected; blank rows are counted apart. Memory is
bounded, except for an eight-byte mark for each distinct row without a reference, in a table at most two thirds full.
"""

import asyncio
from array import array
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice

from ledger.complaints.drafts import ComplaintDraft, PreparedComplaint, prepare_complaint
from ledger.complaints.files import FileRow
from ledger.complaints.filing import Filing, file_prepared
from ledger.copies import replace
from ledger.errors import LedgerError, Problem
from ledger.permissions import require_source
from ledger.storage.database import Database, Transaction
from ledger.viewer import Viewer

BATCH_SIZE = 1000


@dataclass(slots=True, kw_only=True)
class ImportAccount:
    """The totals of an import so far. Blank rows are not among those read."""

    read: int = 0
    blank_rows_passed_over: int = 0
    filed: int = 0
    already_filed: int = 0
    rejected: Counter[str] = field(default_factory=Counter)

    @property
    def rejected_count(self) -> int:
        """The number of rejected rows, for any reason."""
        return self.rejected.total()

    @property
    def adds_up(self) -> bool:
        """Whether every row that was read is accounted for."""
        return self.read == self.filed + self.already_filed + self.rejected_count


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A row that was not filed: the line on which it begins, the problem, and its text."""

    line: int
    problem: Problem
    text: str


def _ignore(_: object) -> None:
    return None


async def import_complaints(
    database: Database,
    viewer: Viewer,
    rows: Iterator[FileRow],
    *,
    as_of: datetime,
    record: Callable[[Transaction], Awaitable[None]] | None = None,
    on_progress: Callable[[ImportAccount], None] = _ignore,
    on_rejected: Callable[[RejectedRow], None] = _ignore,
    account: ImportAccount | None = None,
) -> ImportAccount:
    """File every row of a file for the viewer's member.

    record is called in the first transaction that files, before it does, and says there who imports. on_rejected
    receives rejected rows in the file's order, on_progress the account after each batch. A caller that passes its own
    account still has the totals if the file turns out to be unreadable part-way.
    Errors: ForbiddenError; SpreadsheetError, after the rows before it were filed; DatabaseUnavailableError.
    """
    require_source(viewer)
    total = ImportAccount() if account is None else account
    preparer = _Preparer(database, as_of)
    failure: Exception | None = None
    batch, failure = await asyncio.to_thread(preparer.take, rows)
    while batch:
        # While PostgreSQL works on this batch, the next one is read and checked.
        filing = asyncio.create_task(_file_batch(database, viewer, batch, as_of=as_of, record=record))
        if any(isinstance(item, PreparedComplaint) for _, item in batch):
            record = None
        try:
            following: _Batch = []
            if failure is None:
                following, failure = await asyncio.to_thread(preparer.take, rows)
        finally:
            outcomes = await filing
        _enter(total, batch, outcomes, on_rejected)
        on_progress(total)
        batch = following
    if failure is not None:
        raise failure
    return total


_Item = PreparedComplaint | Problem | None
_Batch = list[tuple[FileRow, _Item]]


class _Preparer:
    """Reads and checks a batch at a time. Used by one thread at a time."""

    def __init__(self, database: Database, as_of: datetime) -> None:
        self._keyring = database.keyring
        self._as_of = as_of
        self._policy = database.policies
        self._occurrences = OccurrenceCounter()

    def take(self, rows: Iterator[FileRow]) -> tuple[_Batch, Exception | None]:
        """Return the next rows, and the error that ended reading early, if any."""
        batch: _Batch = []
        try:
            for row in islice(rows, BATCH_SIZE):
                batch.append((row, self._prepare(row.content)))
        except LedgerError as error:
            return batch, error
        return batch, None

    def _prepare(self, content: ComplaintDraft | Problem | None) -> _Item:
        if content is None or isinstance(content, Problem):
            return content
        try:
            item = prepare_complaint(content, policy=self._policy, keyring=self._keyring, as_of=self._as_of)
        except LedgerError as error:
            return error.problem()
        if item.draft.source_reference is not None:
            return item
        occurrence = self._occurrences.count(item.content_hash)
        return item if occurrence == item.occurrence else replace(item, occurrence=occurrence)


async def _file_batch(
    database: Database,
    viewer: Viewer,
    batch: _Batch,
    *,
    as_of: datetime,
    record: Callable[[Transaction], Awaitable[None]] | None,
) -> Iterator[Filing | Problem]:
    items = [item for _, item in batch if isinstance(item, PreparedComplaint)]

    async def work(tx: Transaction) -> list[Filing | Problem]:
        if record is not None:
            await record(tx)
        return await file_prepared(tx, items)

    return iter(await database.run(viewer, as_of=as_of, work=work) if items else [])


def _enter(
    total: ImportAccount,
    batch: Sequence[tuple[FileRow, _Item]],
    outcomes: Iterator[Filing | Problem],
    on_rejected: Callable[[RejectedRow], None],
) -> None:
    """Add a committed batch to the account."""
    for row, item in batch:
        if item is None:
            total.blank_rows_passed_over += 1
            continue
        outcome = next(outcomes) if isinstance(item, PreparedComplaint) else item
        total.read += 1
        if isinstance(outcome, Problem):
            total.rejected[outcome.code] += 1
            on_rejected(RejectedRow(row.line, outcome, row.text))
        elif outcome.was_known:
            total.already_filed += 1
        else:
            total.filed += 1


class OccurrenceCounter:
    """Counts occurrences of each content, in 12 to 24 bytes per distinct content: open addressing over 64-bit marks.

    Two contents with the same mark (about three chances in a million for ten million rows) would count as
    occurrences of each other: still two complaints, and the same ones in every run.
    """

    _SIZE_FIRST = 1 << 14

    def __init__(self) -> None:
        self._marks = array("Q", bytes(8 * self._SIZE_FIRST))
        self._used = 0
        self._repeated: dict[int, int] = {}

    def count(self, content_hash: str) -> int:
        """Return 1 for a new content, 2 for its first repetition, and so on."""
        mark = int(content_hash[:16], 16) or 1
        if not self._add(mark):
            self._repeated[mark] = self._repeated.get(mark, 1) + 1
            return self._repeated[mark]
        if self._used * 3 > len(self._marks) * 2:
            self._grow()
        return 1

    def _add(self, mark: int) -> bool:
        marks, last = self._marks, len(self._marks) - 1
        place = mark & last
        while marks[place]:
            if marks[place] == mark:
                return False
            place = (place + 1) & last
        marks[place] = mark
        self._used += 1
        return True

    def _grow(self) -> None:
        before, self._used = self._marks, 0
        self._marks = array("Q", bytes(16 * len(before)))
        for mark in before:
            if mark:
                self._add(mark)
