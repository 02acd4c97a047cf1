"""Deciding about reported reassignments: an officer confirms one, and the number's next epoch begins, or refuses it.

The new subscriber inherits nothing: executed orders of the previous epoch end as RECYCLED, unanswered referrals are
withdrawn, and status, risk and verified count are those of the new epoch, so that its signals expire. Orders not yet
executed stay open: the carrier answers them with IMPOSSIBLE and RECYCLED_SINCE_INCIDENT. A block of another carrier,
which an override took the number from, isn't ended by this one's word: officers lift it. All of it happens in one
transaction, or none of it. Locks: reports, then orders, referrals, complaints and numbers (docs/adr/0010).
Source: domain.md, Assignment epoch; docs/adr/0090.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from sqlalchemy import select, text

from ledger.complaints.recounting import recount_reassigned
from ledger.errors import ConflictError, LedgerError, Problem, UnknownError
from ledger.feed.events import EventDraft
from ledger.feed.vocabulary import EventKind
from ledger.identifiers import OfficerId, parse_id
from ledger.moves import Change, Moved, Rules, move_records
from ledger.numbers.reading import lock_numbers
from ledger.numbers.table import NumberEpoch, PhoneNumber
from ledger.orders.moves import check_words, order_event, settle
from ledger.orders.states import OPEN_ORDER_STATES, OrderMove, next_order_state
from ledger.orders.table import BlockOrder, block_orders
from ledger.permissions import require_officer
from ledger.reassignments.bounds import EXECUTED, Bound, read_bounds
from ledger.reassignments.reporting import report_event
from ledger.reassignments.states import ReportMove, ReportState, next_report_state
from ledger.reassignments.table import ReassignmentReport
from ledger.referrals.ending import lock_unanswered, withdraw_locked
from ledger.referrals.moves import refresh_numbers
from ledger.referrals.table import Referral, referrals
from ledger.referrals.vocabulary import WithdrawalReason
from ledger.storage.columns import is_any
from ledger.storage.database import Transaction
from ledger.storage.rows import insert_records, lock_records, update_records

REASON_LENGTH_MAX = 500

_LOCK_COMPLAINTS = text("""
SELECT id FROM complaints WHERE id IN (SELECT complaint_id FROM order_complaints WHERE order_id = ANY(
  CAST(:ids AS uuid[]))) ORDER BY id FOR NO KEY UPDATE
""")


class ReportOutdatedError(ConflictError):
    """Since the report, the number moved to another carrier or another of its assignments began."""

    code = "REASSIGNMENT_OUTDATED"
    hint = "Refuse the report; the number's present carrier can report anew."


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportRefusal:
    """A report that an officer refuses, and why, which its carrier reads."""

    report_id: str
    reason: str


async def confirm_reassignments(tx: Transaction, report_ids: Sequence[str]) -> list[ReassignmentReport | Problem]:
    """Begin the epochs that carriers reported and end the executed orders of the epochs before, item by item.

    Shapes: 1..1000; results in the order given. Errors: OfficerRequiredError, ForbiddenError, TooManyItemsError for
    the call; for an item NOT_FOUND, INCOMPATIBLE_STATE, REASSIGNMENT_OUTDATED, REASSIGNMENT_BACKDATED.
    """
    batch = _Confirmations(tx, require_officer(tx.viewer))
    rules = Rules(
        move=batch.confirm,
        unknown=_refuse_unknown,
        repeated=_refuse_repeated,
        prepare=batch.lock,
        follow=batch.write,
    )
    return await move_records(tx, ReassignmentReport, [parse_id(report_id) for report_id in report_ids], rules)


async def refuse_reassignments(
    tx: Transaction, refusals: Sequence[ReportRefusal]
) -> list[ReassignmentReport | Problem]:
    """Refuse reports with a reason; nothing else changes. Shapes and errors: as confirm_reassignments."""
    officer_id = require_officer(tx.viewer)

    def refuse(place: int, report: ReassignmentReport) -> Moved[ReassignmentReport]:
        refused = replace(
            report,
            state=next_report_state(report.state, ReportMove.REFUSE),
            decided_by=officer_id,
            decided_at=tx.as_of,
            refusal_reason=check_words(refusals[place].reason, field="reason", length_max=REASON_LENGTH_MAX),
        )
        return Moved(refused, report_event(refused, EventKind.REASSIGNMENT_REFUSED))

    rules = Rules(move=refuse, unknown=_refuse_unknown, repeated=_refuse_repeated)
    keys = [parse_id(refusal.report_id) for refusal in refusals]
    return await move_records(tx, ReassignmentReport, keys, rules)


def _refuse_unknown(_place: int) -> LedgerError:
    return UnknownError("There is no such report.", field="reportId")


def _refuse_repeated() -> LedgerError:
    return ConflictError("The same report appears twice in this call.", field="reportId")


@dataclass(slots=True)
class _Confirmations:
    """The confirmations of one call: the numbers, their orders, and what to write."""

    tx: Transaction
    officer_id: OfficerId
    numbers: Mapping[str, PhoneNumber] = field(default_factory=dict)
    orders: Sequence[BlockOrder] = ()
    referrals: Sequence[Referral] = ()
    bounds: Mapping[tuple[str, int], Sequence[Bound]] = field(default_factory=dict)
    ended: list[tuple[BlockOrder, BlockOrder]] = field(default_factory=list)

    async def lock(self, reports: Mapping[str, ReassignmentReport]) -> None:
        """Lock the open orders of the numbers, the complaints behind them, and the numbers."""
        e164s = sorted(report.e164 for report in reports.values() if report.state is ReportState.REPORTED)
        c = block_orders.c
        is_open = c.state.in_([state.value for state in sorted(OPEN_ORDER_STATES)])
        ids = (await self.tx.execute(select(c.id).where(is_any(c.e164, e164s), is_open))).scalars()
        self.orders = list((await lock_records(self.tx, BlockOrder, list(ids))).values())
        self.referrals = await lock_unanswered(self.tx, is_any(referrals.c.e164, e164s))
        await self.tx.execute(_LOCK_COMPLAINTS, {"ids": [order.id for order in self.orders]})
        self.numbers = await lock_numbers(self.tx, e164s)
        self.bounds = await read_bounds(self.tx, self.orders)

    def confirm(self, _place: int, report: ReassignmentReport) -> Moved[ReassignmentReport]:
        """Judge one confirmation. Errors: a LedgerError."""
        state = next_report_state(report.state, ReportMove.CONFIRM)
        number = self.numbers[report.e164]
        epoch = report.epoch - 1
        if (number.holder_id, number.epoch) != (report.carrier_id, epoch):
            raise ReportOutdatedError(field="reportId")
        for bound in self.bounds.get((report.e164, epoch), ()):
            bound.check(report.starts_at, field="reportId")
        ended = [
            (order, self._end(order))
            for order in self.orders
            if (order.e164, order.epoch, order.carrier_id) == (report.e164, epoch, report.carrier_id)
            and order.state in EXECUTED
        ]
        self.ended.extend(ended)
        confirmed = replace(
            report,
            state=state,
            decided_by=self.officer_id,
            decided_at=self.tx.as_of,
            ended_order_count=len(ended),
        )
        return Moved(confirmed, report_event(confirmed, EventKind.NUMBER_REASSIGNED))

    def _end(self, order: BlockOrder) -> BlockOrder:
        return replace(
            order,
            state=next_order_state(order.state, OrderMove.END_RECYCLED),
            ended_at=self.tx.as_of,
            ended_by=self.tx.viewer.officer_id,
            end_note="The number was given to another subscriber.",
        )

    async def write(self, changes: Sequence[Change[ReassignmentReport]]) -> list[EventDraft]:
        """Write the epochs, end the orders, and update status, risk, counts and signals."""
        confirmed = [change.after for change in changes]
        begun = [
            NumberEpoch(
                e164=report.e164,
                epoch=report.epoch,
                reported_by=report.carrier_id,
                starts_at=report.starts_at,
                recorded_at=self.tx.as_of,
            )
            for report in confirmed
        ]
        await insert_records(self.tx, begun)
        present = [self.numbers[report.e164] for report in confirmed]
        moved = [replace(number, epoch=(number.epoch or 0) + 1, is_disputed=False) for number in present]
        await update_records(self.tx, list(zip(present, moved, strict=True)))
        ended = await update_records(self.tx, self.ended)
        events = [order_event(order, EventKind.ORDER_ENDED, reason="RECYCLED") for order in ended]
        former = [each for each in self.referrals if each.e164 in {report.e164 for report in confirmed}]
        events.extend(await withdraw_locked(self.tx, former, WithdrawalReason.NUMBER_REASSIGNED))
        await refresh_numbers(self.tx, [report.e164 for report in confirmed])
        events.extend(await settle(self.tx, ended))
        await recount_reassigned(self.tx, sorted(report.e164 for report in confirmed))
        return events
