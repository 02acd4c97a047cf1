"""Issuing block orders: a second officer approves or returns drafts; drafts are revised, impossible orders reissued.

Approval issues an order. It requires an officer other than the one who drafted it, whichever login they use.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ledger.errors import ConflictError, FourEyesError, Problem
from ledger.feed.vocabulary import EventKind
from ledger.identifiers import OfficerId
from ledger.moves import Change, Moved
from ledger.orders.moves import NOTE_LENGTH_MAX, append_versions, check_words, move_orders, order_event
from ledger.orders.states import OrderMove, next_order_state
from ledger.orders.table import BlockOrder
from ledger.orders.vocabulary import BlockScope, ImpossibleReason
from ledger.permissions import require_drafter, require_officer
from ledger.storage.database import Transaction
from ledger.texts import check_optional_text

SUMMARY_LENGTH_MAX = 2_000


class OrderHeldError(ConflictError):
    """The guard holds this draft."""

    code = "ORDER_HELD"


class SupersedeInsteadError(ConflictError):
    """The carrier reports that another carrier holds the number, and a new version can't change the addressee."""

    code = "SUPERSEDE_INSTEAD"
    hint = "Have an override of the number approved, and draft an order that supersedes this one."


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """One draft to issue. override_note is the written reason for issuing a draft that the guard holds."""

    order_id: str
    override_note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """What to change in a draft, or in an impossible order's next version; None leaves a field unchanged."""

    order_id: str
    scope: BlockScope | None = None
    summary: str | None = None
    subscriber_notice: str | None = None
    legal_basis: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderNote:
    """One order and the officer's note about it."""

    order_id: str
    note: str


async def approve_block_orders(tx: Transaction, approvals: Sequence[Approval]) -> list[BlockOrder | Problem]:
    """Issue drafts, item by item; the due time runs from now.

    Shapes: 1..1000; results in the order given. Errors: OfficerRequiredError, ForbiddenError, TooManyItemsError for
    the call; NOT_FOUND, FOUR_EYES, ORDER_HELD, INCOMPATIBLE_STATE for an item.
    Source: domain.md, BlockOrder (four eyes, 24 hours); Forwarding and the guard.
    """
    officer_id = require_officer(tx.viewer)
    due_at = tx.as_of + tx.policies.order_due

    def issue(place: int, order: BlockOrder) -> Moved[BlockOrder]:
        state = next_order_state(order.state, OrderMove.APPROVE)
        _require_another(order, officer_id)
        note = check_optional_text(
            approvals[place].override_note, field="overrideNote", length_max=NOTE_LENGTH_MAX, lines=True
        )
        if order.hold_reasons:
            if note is None:
                reasons = ", ".join(order.hold_reasons)
                raise OrderHeldError(f"The guard holds this draft: {reasons}.", field="overrideNote")
            order = replace(order, override_note=note, overridden_by=officer_id)
        issued = replace(
            order, state=state, approved_by=officer_id, issued_at=tx.as_of, due_at=due_at, return_reason=None
        )
        return Moved(issued, order_event(issued, EventKind.ORDER_ISSUED, dueAt=due_at.isoformat()))

    async def keep(changes: Sequence[Change[BlockOrder]]) -> None:
        await append_versions(tx, changes, issued_by=officer_id, due_at=due_at)

    return await move_orders(tx, [approval.order_id for approval in approvals], issue, keep=keep)


async def return_block_orders(tx: Transaction, notes: Sequence[OrderNote]) -> list[BlockOrder | Problem]:
    """Return drafts with a reason. Errors: as approve_block_orders; FOUR_EYES for one's own draft."""
    officer_id = require_officer(tx.viewer)

    def send_back(place: int, order: BlockOrder) -> Moved[BlockOrder]:
        state = next_order_state(order.state, OrderMove.RETURN)
        _require_another(order, officer_id)
        returned = replace(order, state=state, return_reason=check_words(notes[place].note, field="note"))
        return Moved(returned, order_event(returned, EventKind.ORDER_RETURNED))

    return await move_orders(tx, [note.order_id for note in notes], send_back)


async def revise_block_orders(tx: Transaction, revisions: Sequence[Revision]) -> list[BlockOrder | Problem]:
    """Revise drafts. The reviser becomes the drafter, so another officer approves. Errors: as approve_block_orders."""
    officer_id, office_id = require_drafter(tx.viewer)

    def revise(place: int, order: BlockOrder) -> Moved[BlockOrder]:
        state = next_order_state(order.state, OrderMove.REVISE)
        revised = replace(
            _apply(revisions[place], order),
            state=state,
            drafted_by=officer_id,
            office_id=office_id,
            return_reason=None,
        )
        return Moved(revised, order_event(revised, EventKind.ORDER_DRAFTED))

    return await move_orders(tx, [revision.order_id for revision in revisions], revise)


async def reissue_block_orders(tx: Transaction, revisions: Sequence[Revision]) -> list[BlockOrder | Problem]:
    """Issue a new version of orders that the carrier could not execute, with a new due time.

    A new version never changes the number or the addressee. Errors: as approve_block_orders; SUPERSEDE_INSTEAD.
    """
    officer_id = require_officer(tx.viewer)
    due_at = tx.as_of + tx.policies.order_due

    def reissue(place: int, order: BlockOrder) -> Moved[BlockOrder]:
        state = next_order_state(order.state, OrderMove.REISSUE)
        if order.impossible_reason is ImpossibleReason.WRONG_RANGE_HOLDER:
            raise SupersedeInsteadError(field="orderId")
        _require_another(order, officer_id)
        issued = replace(
            _apply(revisions[place], order),
            state=state,
            version=order.version + 1,
            impossible_reason=None,
            approved_by=officer_id,
            issued_at=tx.as_of,
            due_at=due_at,
        )
        return Moved(issued, order_event(issued, EventKind.ORDER_ISSUED, dueAt=due_at.isoformat()))

    async def keep(changes: Sequence[Change[BlockOrder]]) -> None:
        await append_versions(tx, changes, issued_by=officer_id, due_at=due_at)

    return await move_orders(tx, [revision.order_id for revision in revisions], reissue, keep=keep)


def _require_another(order: BlockOrder, officer_id: OfficerId) -> None:
    """Errors: FourEyesError for the officer who drafted the order."""
    if order.drafted_by == officer_id:
        raise FourEyesError(field="orderId")


def _apply(revision: Revision, order: BlockOrder) -> BlockOrder:
    return replace(
        order,
        scope=revision.scope or order.scope,
        summary=_revise(revision.summary, order.summary, field="summary"),
        subscriber_notice=_revise(revision.subscriber_notice, order.subscriber_notice, field="subscriber_notice"),
        legal_basis=_revise(revision.legal_basis, order.legal_basis, field="legal_basis"),
    )


def _revise(given: str | None, present: str, *, field: str) -> str:
    return present if given is None else check_words(given, field=field, length_max=SUMMARY_LENGTH_MAX)
