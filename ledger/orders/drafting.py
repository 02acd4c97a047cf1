"""Drafting block orders: an officer drafts one for a number, from its verified complaints or to supersede another.

A draft belongs to the officer's office. A foreign or protected number, or one without a known holder, is refused
here, as is a draft that no verified complaint supports.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from sqlalchemy import select

from ledger.complaints.states import ComplaintState
from ledger.complaints.table import Complaint, complaints
from ledger.errors import (
    ConflictError,
    InvalidInputError,
    LedgerError,
    NumberNotDomesticError,
    NumberProtectedError,
    Problem,
    StateConflictError,
    UnknownError,
)
from ledger.feed.events import append_events
from ledger.feed.vocabulary import EventKind
from ledger.identifiers import parse_id
from ledger.numbers.forms import ParsedNumber, find_number, parse_number
from ledger.numbers.table import PhoneNumber
from ledger.numbers.vocabulary import HolderStatus
from ledger.orders.drafts import NumberNotHeldError, PreparedDraft, append_drafts
from ledger.orders.moves import check_words, order_event
from ledger.orders.revisions import SUMMARY_LENGTH_MAX
from ledger.orders.states import OrderMove, next_order_state
from ledger.orders.table import BlockOrder, OrderComplaint, order_complaints
from ledger.orders.vocabulary import BlockScope
from ledger.permissions import require_batch, require_drafter
from ledger.storage.columns import is_any
from ledger.storage.database import Transaction
from ledger.storage.roles import Role
from ledger.storage.rows import fetch_records, load_records, lock_records, select_records, update_records
from ledger.vocabulary import Category


class OrderOpenError(ConflictError):
    """An order for this number is already open."""

    code = "ORDER_ALREADY_OPEN"


class NoVerifiedComplaintError(ConflictError):
    """No verified complaint about this number is waiting for an order."""

    code = "NO_VERIFIED_COMPLAINT"


class HolderUnchangedError(ConflictError):
    """The numbering plan still names the carrier that says it does not hold the number."""

    code = "HOLDER_UNCHANGED"
    hint = "Have an override of the number approved first (proposeNumberOverrides)."


class GroundsUnclearError(InvalidInputError):
    """A draft must name exactly one of these: a number, complaints, or an order that it supersedes."""

    code = "GROUNDS_UNCLEAR"


class NumbersMixedError(InvalidInputError):
    """The complaints concern more than one number, or a number that has since changed subscribers."""

    code = "NUMBERS_MIXED"


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderDraft:
    """What an officer wants to order. category defaults to the superseded order's or the complaints' most frequent."""

    legal_basis: str
    summary: str
    subscriber_notice: str
    number: str | None = None
    complaint_ids: tuple[str, ...] = ()
    supersedes_id: str | None = None
    scope: BlockScope = BlockScope.OUTGOING_VOICE_SMS
    category: Category | None = None


async def draft_block_orders(tx: Transaction, drafts: Sequence[OrderDraft]) -> list[BlockOrder | Problem]:
    """Draft orders, item by item.

    Shapes: 1..1000; results in the order given. Errors: OfficerRequiredError, ForbiddenError, TooManyItemsError for
    the call; NOT_DOMESTIC, NUMBER_PROTECTED, NO_HOLDER, ORDER_ALREADY_OPEN, NO_VERIFIED_COMPLAINT for an item.
    """
    officer_id, office_id = require_drafter(tx.viewer)
    require_batch(drafts)
    async with tx.role(Role.TRANSITION):
        grounds = await _find_grounds(tx, drafts)
        results: dict[int, BlockOrder | Problem] = {}
        prepared: dict[int, PreparedDraft] = {}
        for place, draft in enumerate(drafts):
            try:
                prepared[place] = grounds.prepare(draft)
            except LedgerError as error:
                results[place] = error.problem()
        orders, events = await append_drafts(tx, list(prepared.values()), officer_id=officer_id, office_id=office_id)
        for place, order in zip(prepared, orders, strict=True):
            results[place] = order if order is not None else OrderOpenError().problem()
        closed = await _close_superseded(tx, grounds, [order for order in orders if order is not None])
        events.extend(order_event(order, EventKind.ORDER_CLOSED) for order in closed)
        await append_events(tx, events)
    return [results[place] for place in range(len(drafts))]


@dataclass(slots=True)
class Grounds:
    """The records that the drafts of one call are based on; orders and complaints are locked."""

    superseded: dict[str, BlockOrder]
    complaints: dict[str, Complaint]
    numbers: dict[str, PhoneNumber]
    linked: dict[str, list[Complaint]]
    """The complaints behind each superseded order."""
    verified: dict[str, list[Complaint]] = field(init=False, default_factory=lambda: defaultdict(list))
    """The verified complaints of each number."""

    def __post_init__(self) -> None:
        for complaint in self.complaints.values():
            if complaint.state is ComplaintState.VERIFIED and complaint.e164 is not None:
                self.verified[complaint.e164].append(complaint)

    def prepare(self, draft: OrderDraft) -> PreparedDraft:
        """Check one draft against its grounds. Errors: a LedgerError that says what is wrong."""
        if sum((draft.number is not None, bool(draft.complaint_ids), draft.supersedes_id is not None)) != 1:
            raise GroundsUnclearError
        words = {
            name: check_words(getattr(draft, name), field=name, length_max=SUMMARY_LENGTH_MAX)
            for name in ("legal_basis", "summary", "subscriber_notice")
        }
        behind, old = self._complaints_of(draft)
        number = self._number_of(behind)
        if old is not None and number.holder_id == old.carrier_id:
            raise HolderUnchangedError(field="supersedesId")
        frequent = Counter(complaint.category for complaint in behind).most_common(1)[0][0]
        return PreparedDraft(
            number=number,
            complaints=behind,
            category=draft.category or (old.category if old is not None else frequent),
            scope=draft.scope,
            supersedes=old,
            **words,
        )

    def _complaints_of(self, draft: OrderDraft) -> tuple[list[Complaint], BlockOrder | None]:
        if draft.supersedes_id is not None:
            old = self.superseded.get(parse_id(draft.supersedes_id) or "")
            if old is None:
                raise UnknownError(field="supersedesId")
            next_order_state(old.state, OrderMove.CLOSE)
            return self.linked[old.id], old
        if draft.number is not None:
            return self._verified_of(draft.number), None
        return [self._verified(complaint_id) for complaint_id in dict.fromkeys(draft.complaint_ids)], None

    def _verified_of(self, written: str) -> list[Complaint]:
        parsed = parse_number(written)
        _check_form(parsed)
        number = self.numbers.get(parsed.e164)
        if number is None:
            raise NoVerifiedComplaintError(field="number")
        _check_orderable(number)
        found = [complaint for complaint in self.verified[parsed.e164] if complaint.epoch == number.epoch]
        if not found:
            raise NoVerifiedComplaintError(field="number")
        return found

    def _verified(self, complaint_id: str) -> Complaint:
        complaint = self.complaints.get(parse_id(complaint_id) or "")
        if complaint is None:
            raise UnknownError("There is no such complaint.", field="complaintIds")
        if complaint.state is not ComplaintState.VERIFIED:
            raise StateConflictError(
                f"A complaint that is {complaint.state} can't support an order.", field="complaintIds"
            )
        return complaint

    def _number_of(self, behind: Sequence[Complaint]) -> PhoneNumber:
        numbers = {(complaint.e164, complaint.epoch) for complaint in behind}
        if len(numbers) != 1:
            raise NumbersMixedError(field="complaintIds")
        e164, epoch = numbers.pop()
        number = self.numbers.get(e164 or "")
        if number is None or number.epoch != epoch:
            raise NumbersMixedError(field="complaintIds")
        _check_orderable(number)
        return number


def _check_orderable(number: PhoneNumber) -> None:
    if not number.is_domestic:
        raise NumberNotDomesticError(field="number")
    if number.protected_reason is not None:
        raise NumberProtectedError(f"The number is protected: {number.protected_reason}.", field="number")
    if number.holder_status is not HolderStatus.HELD:
        raise NumberNotHeldError(field="number")


def _check_form(parsed: ParsedNumber) -> None:
    """Refuse what the number's form alone rules out, whether or not anyone ever complained about it."""
    if not parsed.is_domestic:
        raise NumberNotDomesticError(field="number")
    if parsed.protected_reason is not None:
        raise NumberProtectedError(f"The number is protected: {parsed.protected_reason}.", field="number")


async def _find_grounds(tx: Transaction, drafts: Sequence[OrderDraft]) -> Grounds:
    old_ids = [known for draft in drafts if (known := parse_id(draft.supersedes_id or ""))]
    ids = {known for draft in drafts for text_id in draft.complaint_ids[:1000] if (known := parse_id(text_id))}
    e164s = {number.e164 for draft in drafts if draft.number and (number := find_number(draft.number))}
    superseded = await lock_records(tx, BlockOrder, old_ids)
    locked = await _lock_complaints(tx, ids, e164s, old_ids)
    e164s |= {complaint.e164 for complaint in locked.values() if complaint.e164 is not None}
    numbers = await load_records(tx, PhoneNumber, sorted(e164s))
    linked: dict[str, list[Complaint]] = defaultdict(list)
    if superseded:
        behind = select_records(tx, OrderComplaint).where(is_any(order_complaints.c.order_id, list(superseded)))
        for link in await fetch_records(tx, OrderComplaint, behind):
            linked[link.order_id].append(locked[link.complaint_id])
    return Grounds(superseded, locked, numbers, linked)


async def _lock_complaints(
    tx: Transaction, ids: set[str], e164s: set[str], old_ids: Sequence[str]
) -> dict[str, Complaint]:
    """Lock the named complaints, the verified ones about the numbers, and those behind the superseded orders."""
    c = complaints.c
    behind = select(order_complaints.c.complaint_id).where(is_any(order_complaints.c.order_id, old_ids))
    verified = is_any(c.e164, sorted(e164s)) & (c.state == ComplaintState.VERIFIED.value)
    named = select(c.id).where(is_any(c.id, sorted(ids)))
    wanted = named.union(select(c.id).where(verified), behind)
    statement = select_records(tx, Complaint).where(c.id.in_(wanted)).order_by(c.id).with_for_update()
    return {complaint.id: complaint for complaint in await fetch_records(tx, Complaint, statement)}


async def _close_superseded(tx: Transaction, grounds: Grounds, drafted: Sequence[BlockOrder]) -> list[BlockOrder]:
    """Close the orders that now have a successor, which takes over their complaints."""
    changes: dict[str, tuple[BlockOrder, BlockOrder]] = {}
    for successor in drafted:
        if successor.supersedes_id is not None:
            old = grounds.superseded[successor.supersedes_id]
            closed = replace(
                old,
                state=next_order_state(old.state, OrderMove.CLOSE),
                ended_at=tx.as_of,
                ended_by=tx.viewer.officer_id,
                end_note="Superseded by an order to another carrier.",
            )
            changes[old.id] = (old, closed)
    return await update_records(tx, list(changes.values()))
