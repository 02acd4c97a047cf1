"""Approving what another officer drafted, by the hash of its content, or returning it with a reason.

Approval issues: a draft becomes an order, a proposal the next version of one, or its lift. It requires an officer other
than the one who drafted it, whichever login they use, and issues what was read or nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ledger.copies import replace
from ledger.errors import ConflictError, Problem, StateConflictError
from ledger.feed.vocabulary import EventKind
from ledger.identifiers import OfficerId
from ledger.moves import Change, Moved
from ledger.orders.content import require_content
from ledger.orders.issuing import issue_block, issue_lift
from ledger.orders.moves import NOTE_LENGTH_MAX, append_versions, check_words, move_orders, order_event
from ledger.orders.proposals import Proposals, proposal_event
from ledger.orders.states import OrderMove, ProposalState, next_order_state
from ledger.orders.table import BlockOrder
from ledger.orders.verifiers import Verifiers
from ledger.orders.waiting import require_another
from ledger.permissions import require_officer
from ledger.storage.database import Transaction
from ledger.texts import check_optional_text


class OrderHeldError(ConflictError):
    """The guard holds this draft."""

    code = "ORDER_HELD"


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """What an approver read, by the hash of its content. override_note: why it is issued although the guard holds it.

    The content is that of the draft or, for an issued order, that of its proposal.
    """

    order_id: str
    content_hash: str
    override_note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderNote:
    """One order and the officer's note about it."""

    order_id: str
    note: str


async def approve_block_orders(tx: Transaction, approvals: Sequence[Approval]) -> list[BlockOrder | Problem]:
    """Issue what other officers drafted, item by item; the due time runs from now.

    Shapes: 1..1000; results in the order given. Errors: OfficerRequiredError, ForbiddenError, TooManyItemsError for
    the call; NOT_FOUND, FOUR_EYES, CONTENT_CHANGED, ORDER_HELD, INCOMPATIBLE_STATE for an item.
    Source: domain.md, BlockOrder (four eyes, 24 hours); Forwarding and the guard.
    """
    officer_id = require_officer(tx.viewer)
    proposals, verifiers = Proposals(tx, officer_id), Verifiers(tx)

    async def prepare(orders: Mapping[str, BlockOrder]) -> None:
        await proposals.find(orders)
        await verifiers.find(orders)

    def issue(place: int, order: BlockOrder) -> Moved[BlockOrder]:
        approval = approvals[place]
        waiting = proposals.get_waiting(order)
        state = next_order_state(order.state, waiting.move)
        require_another(waiting.drafted_by, officer_id)
        verifiers.require_another(order, officer_id)
        require_content(waiting.order, approval.content_hash)
        if waiting.move is OrderMove.APPROVE:
            order = _override(order, approval, officer_id)
            return issue_block(tx, order, state, approved_by=officer_id)
        proposals.conclude(order.id, ProposalState.APPROVED)
        if waiting.move is OrderMove.REISSUE:
            return issue_block(tx, waiting.order, state, approved_by=officer_id)
        return issue_lift(tx, waiting.order, state, issued_by=officer_id)

    async def keep(changes: Sequence[Change[BlockOrder]]) -> None:
        await proposals.write()
        await append_versions(tx, [change.after for change in changes], issued_by=officer_id)

    ids = [approval.order_id for approval in approvals]
    return await move_orders(tx, ids, issue, prepare=prepare, keep=keep)


async def return_block_orders(tx: Transaction, notes: Sequence[OrderNote]) -> list[BlockOrder | Problem]:
    """Return what other officers drafted, with a reason. Errors: as approve_block_orders."""
    officer_id = require_officer(tx.viewer)
    proposals = Proposals(tx, officer_id)

    def send_back(place: int, order: BlockOrder) -> Moved[BlockOrder]:
        waiting = proposals.get_waiting(order)
        require_another(waiting.drafted_by, officer_id)
        reason = check_words(notes[place].note, field="note")
        if waiting.kind is None:
            state = next_order_state(order.state, OrderMove.RETURN)
            returned = replace(order, state=state, return_reason=reason)
            return Moved(returned, order_event(returned, EventKind.ORDER_RETURNED))
        if waiting.proposal is None:
            raise StateConflictError(
                "The carrier executed this withdrawn order, so that it must be lifted. Draft the lift yourself.",
                field="orderId",
            )
        proposals.send_back(order.id, reason)
        return Moved(order, proposal_event(order, EventKind.ORDER_PROPOSAL_RETURNED, waiting.kind))

    async def keep(_changes: Sequence[Change[BlockOrder]]) -> None:
        await proposals.write()

    ids = [note.order_id for note in notes]
    return await move_orders(tx, ids, send_back, prepare=proposals.find, keep=keep)


def _override(order: BlockOrder, approval: Approval, officer_id: OfficerId) -> BlockOrder:
    """Errors: OrderHeldError for a draft that the guard holds and that no note overrides."""
    note = check_optional_text(approval.override_note, field="overrideNote", length_max=NOTE_LENGTH_MAX, lines=True)
    if not order.hold_reasons:
        return order
    if note is None:
        reasons = ", ".join(order.hold_reasons)
        raise OrderHeldError(f"The guard holds this draft: {reasons}.", field="overrideNote")
    return replace(order, override_note=note, overridden_by=officer_id)
