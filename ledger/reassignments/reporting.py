"""Reporting reassignments: a carrier says that a number of its own now belongs to another subscriber.

A report changes nothing but itself: the epoch begins, and executed orders end, when an officer confirms it
(confirming.py). A number of another carrier, or of another brand than the client's, or one that nobody complained
about, is reported as unknown. Source: domain.md, Assignment epoch; field.md section 3.1; docs/adr/0090.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from ledger.errors import ConflictError, ForbiddenError, LedgerError, Problem, UnknownError
from ledger.feed.events import EventDraft, append_events
from ledger.feed.vocabulary import EventKind, Subject
from ledger.identifiers import MemberId, ReassignmentReportId, new_id
from ledger.numbers.forms import find_number, parse_number
from ledger.numbers.reading import lock_numbers
from ledger.numbers.table import NumberEpoch, PhoneNumber, number_epochs, of_own, phone_numbers
from ledger.orders.reading import visible_orders
from ledger.orders.table import BlockOrder, block_orders
from ledger.permissions import require_batch
from ledger.reassignments.bounds import Bound, ReassignmentTimeError, read_bounds
from ledger.reassignments.states import ReportState
from ledger.reassignments.table import ReassignmentReport, reassignment_reports
from ledger.storage.columns import is_any
from ledger.storage.database import Transaction
from ledger.storage.records import hide
from ledger.storage.roles import Role
from ledger.storage.rows import fetch_records, insert_records, select_records
from ledger.viewer import ViewerKind


class ReportOpenError(ConflictError):
    """Another report about this number, with another time, waits for an officer."""

    code = "REASSIGNMENT_ALREADY_REPORTED"
    hint = "Wait until the regulator has decided about it; reassignmentReports shows it."


@dataclass(frozen=True, slots=True, kw_only=True)
class ReassignmentDraft:
    """A number as written, and when it was assigned to another subscriber, with a UTC offset."""

    number: str
    reassigned_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedReassignment:
    """The report that a draft became. was_known: it had been recorded before, and may have been decided since."""

    report: ReassignmentReport
    was_known: bool


async def report_reassignments(
    tx: Transaction, drafts: Sequence[ReassignmentDraft]
) -> list[ReportedReassignment | Problem]:
    """Record what the carrier reports of its own numbers, item by item. Safe to repeat.

    Shapes: 1..1000; results in the order given. Errors: ForbiddenError for any party but a carrier,
    TooManyItemsError; for an item NUMBER_INVALID, NOT_FOUND, REASSIGNMENT_TIME_INVALID, REASSIGNMENT_BACKDATED,
    REASSIGNMENT_ALREADY_REPORTED.
    """
    carrier_id = tx.viewer.member_id
    if tx.viewer.kind is not ViewerKind.CARRIER or carrier_id is None:
        raise ForbiddenError
    require_batch(drafts)
    named = {number.e164 for draft in drafts if (number := find_number(draft.number))}
    c = phone_numbers.c
    own = await tx.execute(select(c.e164).where(is_any(c.e164, sorted(named)), of_own(tx.viewer, c)))
    batch = await _open_batch(tx, carrier_id, sorted(own.scalars()))
    results: list[ReportedReassignment | Problem] = []
    for draft in drafts:
        try:
            results.append(batch.take(draft))
        except LedgerError as error:
            results.append(error.problem())
    # Under the carrier's own role, so that row-level security applies.
    await insert_records(tx, batch.reported)
    await append_events(tx, [report_event(report, EventKind.REASSIGNMENT_REPORTED) for report in batch.reported])
    return results


async def _open_batch(tx: Transaction, carrier_id: MemberId, e164s: Sequence[str]) -> "_Batch":
    """Lock the numbers, and read what reports of them are checked against."""
    async with tx.role(Role.TRANSITION):
        locked = await lock_numbers(tx, e164s)
        # An override may have moved one while the lock was awaited.
        numbers = {e164: number for e164, number in locked.items() if number.holder_id == carrier_id}
        e, r, o = number_epochs.c, reassignment_reports.c, block_orders.c
        epochs = await fetch_records(
            tx, NumberEpoch, select_records(tx, NumberEpoch).where(is_any(e.e164, sorted(numbers)))
        )
        reports = await fetch_records(
            tx,
            ReassignmentReport,
            select_records(tx, ReassignmentReport).where(is_any(r.e164, sorted(numbers)), r.carrier_id == carrier_id),
        )
        # A bound names its order, so that those of another carrier or brand are left to the confirmation.
        seen = select_records(tx, BlockOrder).where(is_any(o.e164, sorted(numbers)), visible_orders(tx.viewer))
        bounds = await read_bounds(tx, await fetch_records(tx, BlockOrder, seen))
    return _Batch(
        tx=tx,
        carrier_id=carrier_id,
        numbers=numbers,
        began={epoch.e164: epoch.starts_at for epoch in epochs if epoch.epoch == numbers[epoch.e164].epoch},
        known={(report.e164, report.starts_at): report for report in reports},
        waiting={report.e164 for report in reports if report.state is ReportState.REPORTED},
        bounds=bounds,
        reported=[],
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Batch:
    """The reports of one call: the numbers, when their present epochs began, and earlier reports."""

    tx: Transaction
    carrier_id: MemberId
    numbers: Mapping[str, PhoneNumber]
    began: Mapping[str, datetime | None]
    known: dict[tuple[str, datetime], ReassignmentReport]
    waiting: set[str]
    bounds: Mapping[tuple[str, int], Sequence[Bound]]
    reported: list[ReassignmentReport]

    def take(self, draft: ReassignmentDraft) -> ReportedReassignment:
        """Check one draft. Errors: a LedgerError."""
        e164 = parse_number(draft.number).e164
        number = self.numbers.get(e164)
        if number is None or number.epoch is None:
            raise UnknownError("There is no such number.", field="number")
        starts_at = draft.reassigned_at
        if starts_at.tzinfo is None or starts_at > self.tx.as_of:
            raise ReassignmentTimeError(
                "The reassignment is in the future, or its UTC offset is missing.", field="reassignedAt"
            )
        if (known := self.known.get((e164, starts_at))) is not None:
            return ReportedReassignment(report=hide(known, Role.CARRIER), was_known=True)
        began = self.began.get(e164)
        if began is not None and starts_at <= began:
            raise ReassignmentTimeError(
                "This reassignment of the number, or a later one, is already recorded.", field="reassignedAt"
            )
        for bound in self.bounds.get((e164, number.epoch), ()):
            bound.check(starts_at, field="reassignedAt")
        if e164 in self.waiting:
            raise ReportOpenError(field="number")
        report = ReassignmentReport(
            id=ReassignmentReportId(new_id()),
            e164=e164,
            epoch=number.epoch + 1,
            starts_at=starts_at,
            carrier_id=self.carrier_id,
            brand_id=number.brand_id,
            client_id=self.tx.viewer.client_id,
            reported_at=self.tx.as_of,
        )
        self.known[e164, starts_at] = report
        self.waiting.add(e164)
        self.reported.append(report)
        return ReportedReassignment(report=report, was_known=False)


def report_event(report: ReassignmentReport, kind: EventKind) -> EventDraft:
    """Return an event about a report, which its carrier receives, and of its brand's clients those of that brand."""
    return EventDraft(
        kind=kind,
        subject=Subject.NUMBER,
        subject_id=report.e164,
        state=report.state,
        audience=[report.carrier_id],
        brand_id=report.brand_id,
        payload={"reportId": report.id, "epoch": report.epoch, "startsAt": report.starts_at.isoformat()},
    )
