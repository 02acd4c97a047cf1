"""Drafting block orders: an officer's draft for one number, from its verified complaints or in place of another.

A draft belongs to the office. A foreign or protected number, or one without a known holder, is refused here; a
draft that rests on no verified complaint can't be made.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text

from ledger.complaints.states import ComplaintState
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
from ledger.numbers.forms import ParsedNumber, parse_number
from ledger.numbers.vocabulary import HolderStatus
from ledger.orders.approval import SUMMARY_LENGTH_MAX
from ledger.orders.drafts import PreparedDraft, append_drafts
from ledger.orders.moves import Row, lock_orders, order_event, plain_row, write_orders
from ledger.orders.reading import BlockOrder
from ledger.orders.states import OrderMove, OrderState, next_order_state
from ledger.orders.vocabulary import BlockScope
from ledger.permissions import require_batch, require_drafter
from ledger.storage.database import Transaction
from ledger.storage.roles import Role
from ledger.texts import check_text
from ledger.vocabulary import Category

_LOCK_COMPLAINTS = text("""
SELECT id, source_id, e164, epoch, state, category, complainant_ref, incident_at, chronology_digest, marks
FROM complaints
WHERE id IN (
  SELECT unnest(CAST(:ids AS uuid[]))
  UNION SELECT id FROM complaints WHERE e164 = ANY(:e164s) AND state = 'VERIFIED'
  UNION SELECT complaint_id FROM order_complaints WHERE order_id = ANY(CAST(:order_ids AS uuid[]))
)
ORDER BY id FOR UPDATE
""")

FIND_NUMBERS = text("SELECT * FROM phone_numbers WHERE e164 = ANY(:e164s) ORDER BY e164")


class NumberNotHeldError(ConflictError):
    """The numbering plan knows no holder to address."""

    code = "NO_HOLDER"
    hint = "Complete the numbering plan, or set an override for this number."


class OrderOpenError(ConflictError):
    """An order for this number is open already."""

    code = "ORDER_ALREADY_OPEN"


class NoVerifiedComplaintError(ConflictError):
    """No verified complaint of this number awaits an order."""

    code = "NO_VERIFIED_COMPLAINT"


class HolderUnchangedError(ConflictError):
    """The numbering plan still names the carrier that says it does not hold the number."""

    code = "HOLDER_UNCHANGED"
    hint = "Correct the numbering plan first."


class GroundsUnclearError(InvalidInputError):
    """A draft names a number, or complaints, or the order that it supersedes: exactly one of them."""

    code = "GROUNDS_UNCLEAR"


class NumbersMixedError(InvalidInputError):
    """The complaints of one draft concern more than one number, or a number that meant someone else then."""

    code = "NUMBERS_MIXED"


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderDraft:
    """What an officer wants ordered, and on which grounds; category defaults to the complaints' most frequent."""

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
        rows, events = await append_drafts(tx, list(prepared.values()), officer_id=officer_id, office_id=office_id)
        for place, row in zip(prepared, rows, strict=True):
            results[place] = BlockOrder.of(row) if row is not None else OrderOpenError().problem()
        closed = await _close_superseded(tx, grounds, [row for row in rows if row is not None])
        events.extend(order_event(row, EventKind.ORDER_CLOSED) for row in closed)
        await append_events(tx, events)
    return [results[place] for place in range(len(drafts))]


class _Grounds:
    """What the drafts of one call rest on, as locked rows."""

    def __init__(self, superseded: dict[str, Row], complaints: Sequence[Row], numbers: dict[str, Row]) -> None:
        self.superseded = superseded
        self.numbers = numbers
        self.complaints = {row["id"]: row for row in complaints}
        self.verified: dict[str, list[Row]] = defaultdict(list)
        for row in complaints:
            if row["state"] == ComplaintState.VERIFIED and row["e164"] is not None:
                self.verified[row["e164"]].append(row)
        self.linked: dict[str, list[Row]] = {}

    def prepare(self, draft: OrderDraft) -> PreparedDraft:
        """Check one draft against its grounds. Errors: a LedgerError that says what is wrong."""
        if sum((draft.number is not None, bool(draft.complaint_ids), draft.supersedes_id is not None)) != 1:
            raise GroundsUnclearError
        words = {
            name: check_words(getattr(draft, name), field=name)
            for name in ("legal_basis", "summary", "subscriber_notice")
        }
        complaints, old = self._complaints_of(draft)
        number = self._number_of(complaints)
        if old is not None and number["holder_id"] == old["carrier_id"]:
            raise HolderUnchangedError(field="supersedesId")
        frequent = Counter(Category(row["category"]) for row in complaints).most_common(1)[0][0]
        return PreparedDraft(
            number=number,
            complaints=complaints,
            category=draft.category or (Category(old["category"]) if old is not None else frequent),
            scope=draft.scope,
            supersedes_id=old["id"] if old is not None else None,
            directive_id=old["directive_id"] if old is not None else None,
            **words,
        )

    def _complaints_of(self, draft: OrderDraft) -> tuple[list[Row], Row | None]:
        if draft.supersedes_id is not None:
            old = self.superseded.get(parse_id(draft.supersedes_id) or "")
            if old is None:
                raise UnknownError(field="supersedesId")
            next_order_state(OrderState(old["state"]), OrderMove.CLOSE)
            return self.linked.get(old["id"], []), old
        if draft.number is not None:
            parsed = parse_number(draft.number)
            _check_form(parsed)
            number = self.numbers.get(parsed.e164)
            if number is None:
                raise NoVerifiedComplaintError(field="number")
            self._check_orderable(number)
            found = [row for row in self.verified[parsed.e164] if row["epoch"] == number["epoch"]]
            if not found:
                raise NoVerifiedComplaintError(field="number")
            return found, None
        found = []
        for complaint_id in dict.fromkeys(draft.complaint_ids):
            row = self.complaints.get(parse_id(complaint_id) or "")
            if row is None:
                raise UnknownError("There is no such complaint.", field="complaintIds")
            if row["state"] != ComplaintState.VERIFIED:
                raise StateConflictError(f"A complaint that is {row['state']} can't be ordered.", field="complaintIds")
            found.append(row)
        return found, None

    def _number_of(self, complaints: Sequence[Row]) -> Row:
        numbers = {(row["e164"], row["epoch"]) for row in complaints}
        if len(numbers) != 1:
            raise NumbersMixedError(field="complaintIds")
        e164, epoch = numbers.pop()
        number = self.numbers.get(e164 or "")
        if number is None or number["epoch"] != epoch:
            raise NumbersMixedError(field="complaintIds")
        self._check_orderable(number)
        return number

    @staticmethod
    def _check_orderable(number: Row) -> None:
        if not number["is_domestic"]:
            raise NumberNotDomesticError(field="number")
        if number["protected_reason"] is not None:
            raise NumberProtectedError(f"The number is protected: {number['protected_reason']}.", field="number")
        if number["holder_status"] != HolderStatus.HELD:
            raise NumberNotHeldError(field="number")


def _check_form(parsed: ParsedNumber) -> None:
    """What the number itself says, whether or not anybody ever complained of it."""
    if not parsed.is_domestic:
        raise NumberNotDomesticError(field="number")
    if parsed.protected_reason is not None:
        raise NumberProtectedError(f"The number is protected: {parsed.protected_reason}.", field="number")


async def _find_grounds(tx: Transaction, drafts: Sequence[OrderDraft]) -> _Grounds:
    old_ids = [known for draft in drafts if (known := parse_id(draft.supersedes_id or ""))]
    ids = {known for draft in drafts for text_id in draft.complaint_ids[:1000] if (known := parse_id(text_id))}
    e164s = {e164 for draft in drafts if draft.number and (e164 := _e164_or_none(draft.number))}
    superseded = await lock_orders(tx, old_ids) if old_ids else {}
    found = await tx.execute(_LOCK_COMPLAINTS, {"ids": sorted(ids), "e164s": sorted(e164s), "order_ids": old_ids})
    complaints = [plain_row(row) for row in found.mappings()]
    e164s |= {row["e164"] for row in complaints if row["e164"] is not None}
    numbers = await tx.execute(FIND_NUMBERS, {"e164s": sorted(e164s)})
    grounds = _Grounds(superseded, complaints, {row["e164"]: plain_row(row) for row in numbers.mappings()})
    if superseded:
        grounds.linked = await _find_linked(tx, grounds)
    return grounds


_LINKED = text("SELECT order_id, complaint_id FROM order_complaints WHERE order_id = ANY(CAST(:order_ids AS uuid[]))")


async def _find_linked(tx: Transaction, grounds: _Grounds) -> dict[str, list[Row]]:
    linked: dict[str, list[Row]] = defaultdict(list)
    for row in (await tx.execute(_LINKED, {"order_ids": list(grounds.superseded)})).mappings():
        linked[str(row["order_id"])].append(grounds.complaints[str(row["complaint_id"])])
    return linked


async def _close_superseded(tx: Transaction, grounds: _Grounds, drafted: Sequence[Row]) -> list[Row]:
    """Close the orders that now have a successor; their complaints stay with it."""
    rows: dict[str, Row] = {}
    for successor in drafted:
        if successor["supersedes_id"] is not None:
            old: dict[str, Any] = dict(grounds.superseded[successor["supersedes_id"]])
            old["state"] = next_order_state(OrderState(old["state"]), OrderMove.CLOSE).value
            rows[old["id"]] = old | {"ended_at": tx.as_of, "end_note": "Superseded by an order to another carrier."}
    await write_orders(tx, list(rows.values()))
    return list(rows.values())


def _e164_or_none(number: str) -> str | None:
    try:
        return parse_number(number).e164
    except LedgerError:
        return None


def check_words(value: str, *, field: str) -> str:
    """Words that an order can't do without. Errors: InvalidInputError, or a text's."""
    checked = check_text(value, field=field, length_max=SUMMARY_LENGTH_MAX, lines=True)
    if not checked:
        raise InvalidInputError("Words are needed here.", field=field)
    return checked
