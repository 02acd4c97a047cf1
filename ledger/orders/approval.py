"""Issuing block orders: approval by a second officer, return, revision, and a new version of an impossible one.

Approving is what issues an order. It needs an officer, and never the one who drafted, whatever login they use.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ledger.errors import ConflictError, FourEyesError, InvalidInputError, Problem
from ledger.feed.events import EventDraft
from ledger.feed.vocabulary import EventKind
from ledger.orders.moves import Row, append_versions, move_orders, order_event
from ledger.orders.reading import BlockOrder
from ledger.orders.states import OrderMove, OrderState, next_order_state
from ledger.orders.vocabulary import BlockScope, ImpossibleReason
from ledger.permissions import require_drafter, require_officer
from ledger.storage.database import Transaction
from ledger.texts import check_optional_text, check_text

NOTE_LENGTH_MAX = 4_000
SUMMARY_LENGTH_MAX = 2_000


class OrderHeldError(ConflictError):
    """The guard holds this draft."""

    code = "ORDER_HELD"


class SupersedeInsteadError(ConflictError):
    """The carrier says that another one holds the number; a version never changes its addressee."""

    code = "SUPERSEDE_INSTEAD"
    hint = "Correct the numbering plan and draft an order that supersedes this one."


class OverrideMissingError(InvalidInputError):
    """An override needs its reason in writing."""

    code = "OVERRIDE_NOTE_MISSING"


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """One draft to be issued; override_note says in writing why a held one is issued all the same."""

    order_id: str
    override_note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """What to change in a draft, or in an impossible order's next version; None leaves it."""

    order_id: str
    scope: BlockScope | None = None
    summary: str | None = None
    subscriber_notice: str | None = None
    legal_basis: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderNote:
    """One order and the officer's words about it."""

    order_id: str
    note: str


async def approve_block_orders(tx: Transaction, approvals: Sequence[Approval]) -> list[BlockOrder | Problem]:
    """Issue drafts, item by item; the due time runs from now.

    Shapes: 1..1000; results in the order given. Errors: OfficerRequiredError, ForbiddenError, TooManyItemsError for
    the call; NOT_FOUND, FOUR_EYES, ORDER_HELD, INCOMPATIBLE_STATE for an item.
    Source: domain.md, BlockOrder (four eyes, 24 hours); Forwarding and the guard.
    """
    officer_id = require_officer(tx.viewer)

    def issue(place: int, row: Row) -> EventDraft:
        state = next_order_state(OrderState(row["state"]), OrderMove.APPROVE)
        if row["drafted_by"] == officer_id:
            raise FourEyesError(field="orderId")
        note = check_optional_text(
            approvals[place].override_note, field="overrideNote", length_max=NOTE_LENGTH_MAX, lines=True
        )
        if row["hold_reasons"]:
            if note is None:
                reasons = ", ".join(row["hold_reasons"])
                raise OrderHeldError(f"The guard holds this draft: {reasons}.", field="overrideNote")
            row |= {"override_note": note, "overridden_by": officer_id}
        row |= {"state": state.value, "approved_by": officer_id, "issued_at": tx.as_of, "return_reason": None}
        row["due_at"] = tx.as_of + tx.policies.order_due
        return order_event(row, EventKind.ORDER_ISSUED, dueAt=row["due_at"].isoformat())

    async def keep(rows: list[Row]) -> None:
        await append_versions(tx, rows, is_lift=False)

    return await move_orders(tx, [approval.order_id for approval in approvals], issue, finish=keep)


async def return_block_orders(tx: Transaction, notes: Sequence[OrderNote]) -> list[BlockOrder | Problem]:
    """Send drafts back with a reason. Errors: as approve_block_orders; FOUR_EYES for one's own draft."""
    officer_id = require_officer(tx.viewer)

    def send_back(place: int, row: Row) -> EventDraft:
        row["state"] = next_order_state(OrderState(row["state"]), OrderMove.RETURN).value
        if row["drafted_by"] == officer_id:
            raise FourEyesError(field="orderId")
        row["return_reason"] = _required(notes[place].note, field="note")
        return order_event(row, EventKind.ORDER_RETURNED)

    return await move_orders(tx, [note.order_id for note in notes], send_back)


async def revise_block_orders(tx: Transaction, revisions: Sequence[Revision]) -> list[BlockOrder | Problem]:
    """Change drafts; who revises becomes the drafter, so that another approves. Errors: as approve_block_orders."""
    officer_id, office_id = require_drafter(tx.viewer)

    def revise(place: int, row: Row) -> EventDraft:
        row["state"] = next_order_state(OrderState(row["state"]), OrderMove.REVISE).value
        _apply(revisions[place], row)
        row |= {"drafted_by": officer_id, "office_id": office_id, "return_reason": None}
        return order_event(row, EventKind.ORDER_DRAFTED)

    return await move_orders(tx, [revision.order_id for revision in revisions], revise)


async def reissue_block_orders(tx: Transaction, revisions: Sequence[Revision]) -> list[BlockOrder | Problem]:
    """Issue a new version of orders that the carrier could not execute, with a due time of its own.

    A version never changes number or addressee. Errors: as approve_block_orders; SUPERSEDE_INSTEAD.
    """
    officer_id = require_officer(tx.viewer)

    def reissue(place: int, row: Row) -> EventDraft:
        state = next_order_state(OrderState(row["state"]), OrderMove.REISSUE)
        if row["impossible_reason"] == ImpossibleReason.WRONG_RANGE_HOLDER:
            raise SupersedeInsteadError(field="orderId")
        if row["drafted_by"] == officer_id:
            raise FourEyesError(field="orderId")
        _apply(revisions[place], row)
        row |= {"state": state.value, "version": row["version"] + 1, "impossible_reason": None}
        row |= {"approved_by": officer_id, "issued_at": tx.as_of, "due_at": tx.as_of + tx.policies.order_due}
        return order_event(row, EventKind.ORDER_ISSUED, dueAt=row["due_at"].isoformat())

    async def keep(rows: list[Row]) -> None:
        await append_versions(tx, rows, is_lift=False)

    return await move_orders(tx, [revision.order_id for revision in revisions], reissue, finish=keep)


def _apply(revision: Revision, row: Row) -> None:
    if revision.scope is not None:
        row["scope"] = revision.scope.value
    for name, text in (
        ("summary", revision.summary),
        ("subscriber_notice", revision.subscriber_notice),
        ("legal_basis", revision.legal_basis),
    ):
        if text is not None:
            row[name] = _required(text, field=name, length_max=SUMMARY_LENGTH_MAX)


def _required(text: str, *, field: str, length_max: int = NOTE_LENGTH_MAX) -> str:
    checked = check_text(text, field=field, length_max=length_max, lines=True)
    if not checked:
        raise InvalidInputError("A reason in words is needed.", field=field)
    return checked
