"""Taking back complaints that were verified by mistake, as long as no order about them stands issued.

A draft about such a complaint was made on a mistaken ground: it is discarded, and the other complaints behind it are
VERIFIED again, so that the next forwarding run drafts anew and the guard judges what is left. An unanswered referral on
which no other complaint stands is withdrawn; what a provider acted on stays. Locks orders and referrals before
complaints before numbers, as everything does, so that an approval of the draft and this wait for each other.
Source: domain.md, Complaint and Referral; docs/adr/0092, 0155.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from sqlalchemy import select

from ledger.complaints.moves import complaint_event, refuse_repeated, refuse_unknown
from ledger.complaints.recounting import recount_verified
from ledger.complaints.resolution import resolve_complaints
from ledger.complaints.states import ComplaintMove, ComplaintState, next_complaint_state
from ledger.complaints.table import Complaint
from ledger.errors import Problem, StateConflictError
from ledger.feed.events import EventDraft
from ledger.feed.vocabulary import EventKind
from ledger.forwarding.standing_referrals import StandingReferrals, find_standing_referrals
from ledger.identifiers import ComplaintId, OrderId, parse_id
from ledger.moves import Change, Moved, Rules, move_records
from ledger.orders.moves import check_words, order_event
from ledger.orders.states import BLOCK_ORDERS, OPEN_ORDER_STATES, OrderMove, OrderState, next_order_state
from ledger.orders.table import BlockOrder, block_orders, order_complaints
from ledger.permissions import require_batch, require_officer
from ledger.referrals.ending import withdraw_locked
from ledger.referrals.vocabulary import WithdrawalReason
from ledger.storage.columns import is_any
from ledger.storage.database import Transaction
from ledger.storage.roles import Role
from ledger.storage.rows import lock_records, update_records

_END_NOTE = "The verification of a complaint behind this draft was taken back."


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeBack:
    """One complaint whose verification is taken back, and why; only the regulator sees the note."""

    complaint_id: str
    note: str


async def take_back_complaints(tx: Transaction, items: Sequence[TakeBack]) -> list[Complaint | Problem]:
    """Take back verifications, item by item: the complaints await an officer again, with a new verification time.

    Their numbers' counts, risk and signals follow. Shapes: 1..1000 items; the result has their order and length.
    Errors: NoItemsError, TooManyItemsError, ForbiddenError, OfficerRequiredError, with nothing written; for an item
    NOT_FOUND, INCOMPATIBLE_STATE (also while an order about it stands issued), and those of the note.
    """
    require_officer(tx.viewer)
    require_batch(items)
    wanted = [parse_id(item.complaint_id) for item in items]
    batch = _Batch(tx, items)
    async with tx.role(Role.TRANSITION):
        open_orders = await _find_open_orders(tx, [known for known in wanted if known is not None])
        batch.orders = await lock_records(
            tx, BlockOrder, sorted({each for ids in open_orders.values() for each in ids})
        )
        batch.behind = await _find_behind(tx, batch.drafts())
        batch.referrals = await find_standing_referrals(tx, [known for known in wanted if known is not None])
    rules = Rules(
        move=batch.take,
        unknown=refuse_unknown,
        repeated=refuse_repeated,
        also={each for ids in batch.behind.values() for each in ids},
        prepare=batch.find_open_orders,
        follow=batch.write,
    )
    return await move_records(tx, Complaint, wanted, rules)


@dataclass(slots=True)
class _Batch:
    """The complaints of one call, the open orders about them, and what is behind those that are drafts."""

    tx: Transaction
    items: Sequence[TakeBack]
    orders: Mapping[str, BlockOrder] = field(default_factory=dict)
    behind: Mapping[OrderId, Sequence[ComplaintId]] = field(default_factory=dict)
    present: Mapping[str, Complaint] = field(default_factory=dict)
    open_orders: Mapping[ComplaintId, Sequence[OrderId]] = field(default_factory=dict)
    discarded: set[OrderId] = field(default_factory=set)
    referrals: StandingReferrals = field(default_factory=StandingReferrals)
    taken: set[ComplaintId] = field(default_factory=set)

    def drafts(self) -> list[OrderId]:
        """The locked orders that are drafts."""
        return [order.id for order in self.orders.values() if order.state is OrderState.DRAFT]

    async def find_open_orders(self, locked: Mapping[str, Complaint]) -> None:
        """Read the open orders about the complaints again, now that nobody can link another."""
        self.present = locked
        self.open_orders = await _find_open_orders(self.tx, list(locked))

    def take(self, place: int, complaint: Complaint) -> Moved[Complaint]:
        """Take one back. Errors: a LedgerError."""
        state = next_complaint_state(complaint.state, ComplaintMove.TAKE_BACK)
        note = check_words(self.items[place].note, field="note")
        self.referrals.check_taken_back(complaint.id)
        orders = self.open_orders.get(complaint.id, ())
        if complaint.state is ComplaintState.ESCALATED and (orders or not self.referrals.stand_on(complaint.id)):
            self._discard(orders)
        self.taken.add(complaint.id)
        taken = replace(
            complaint,
            state=state,
            decision_note=note,
            decided_by=None,
            decided_at=None,
            complete_at=self.tx.as_of,
            verification_due_at=self.tx.as_of + self.tx.policies.verification_due,
        )
        return Moved(taken, complaint_event(taken, EventKind.COMPLAINT_TAKEN_BACK))

    def _discard(self, order_ids: Sequence[OrderId]) -> None:
        """Errors: StateConflictError if one was issued, or drafted after the orders of this call were locked."""
        drafts = {order_id for order_id in order_ids if order_id in self.behind}
        if not drafts or len(drafts) != len(order_ids):
            raise StateConflictError("A block order about this complaint stands issued.", field="complaintId")
        self.discarded |= drafts

    async def write(self, changes: Sequence[Change[Complaint]]) -> list[EventDraft]:
        """Discard the drafts, release the other complaints behind them, and bring numbers and accounts into line."""
        events = await self._write_discarded() if self.discarded else []
        groundless = await self.referrals.find_groundless(self.tx, self.taken)
        reason, officer_id = WithdrawalReason.COMPLAINT_TAKEN_BACK, self.tx.viewer.officer_id
        events.extend(await withdraw_locked(self.tx, groundless, reason, officer_id=officer_id))
        await recount_verified(self.tx, [change.after for change in changes])
        return events

    async def _write_discarded(self) -> list[EventDraft]:
        pairs = [(self.orders[order_id], self._end(self.orders[order_id])) for order_id in sorted(self.discarded)]
        orders = await update_records(self.tx, pairs)
        released = await self._release()
        events = [order_event(order, EventKind.ORDER_DISCARDED) for order in orders]
        events.extend(complaint_event(complaint, EventKind.COMPLAINT_RELEASED) for complaint in released)
        # A complaint that an order in force is about as well is not released, and may have come to its end.
        return events + await resolve_complaints(self.tx, BLOCK_ORDERS, sorted(self.discarded))

    def _end(self, draft: BlockOrder) -> BlockOrder:
        state = next_order_state(draft.state, OrderMove.DISCARD)
        return replace(
            draft, state=state, end_note=_END_NOTE, ended_at=self.tx.as_of, ended_by=self.tx.viewer.officer_id
        )

    async def _release(self) -> list[Complaint]:
        """Return the other complaints to VERIFIED, except those that another open order is about."""
        others = sorted({each for order_id in self.discarded for each in self.behind[order_id]})
        pairs = [
            (before, replace(before, state=next_complaint_state(before.state, ComplaintMove.RELEASE)))
            for each in others
            if (before := self.present[each]).state is ComplaintState.ESCALATED
            and self.discarded.issuperset(self.open_orders.get(each, ()))
        ]
        return await update_records(self.tx, pairs)


async def _find_open_orders(tx: Transaction, complaint_ids: Sequence[str]) -> dict[ComplaintId, list[OrderId]]:
    """Return the ids of the open orders about complaints."""
    link, order = order_complaints.c, block_orders.c
    statement = (
        select(link.complaint_id, link.order_id)
        .join(block_orders, order.id == link.order_id)
        .where(is_any(link.complaint_id, complaint_ids), order.state.in_([each.value for each in OPEN_ORDER_STATES]))
    )
    found: dict[ComplaintId, list[OrderId]] = defaultdict(list)
    for row in await tx.execute(statement):
        found[row.complaint_id].append(row.order_id)
    return found


async def _find_behind(tx: Transaction, order_ids: Sequence[OrderId]) -> dict[OrderId, list[ComplaintId]]:
    """Return the complaints behind each order, which is locked, so that none can join it."""
    c = order_complaints.c
    found: dict[OrderId, list[ComplaintId]] = {order_id: [] for order_id in order_ids}
    for row in await tx.execute(select(c.order_id, c.complaint_id).where(is_any(c.order_id, order_ids))):
        found[row.order_id].append(row.complaint_id)
    return found
