"""Changing what is to be ordered: revising drafts, and issuing again what a carrier could not execute.

Whoever changes something is its drafter, so that another officer approves it. What has been issued never changes: a
change to an impossible order is drafted as its next version, and only that an order is issued again exactly as it was
takes one officer, who is not its drafter.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ledger.errors import ConflictError, InvalidInputError, Problem
from ledger.feed.vocabulary import EventKind
from ledger.identifiers import OfficeId, OfficerId, ProposalId, new_id
from ledger.moves import Change, Moved
from ledger.orders.content import require_content
from ledger.orders.issuing import issue_block
from ledger.orders.moves import append_versions, check_words, move_orders, order_event
from ledger.orders.proposal_table import OrderProposal
from ledger.orders.proposals import Proposals, proposal_event
from ledger.orders.states import OrderMove, OrderState, ProposalState, next_order_state
from ledger.orders.table import BlockOrder
from ledger.orders.vocabulary import BlockScope, ImpossibleReason, ProposalKind
from ledger.orders.waiting import find_waiting, require_another
from ledger.permissions import require_drafter
from ledger.storage.database import Transaction

SUMMARY_LENGTH_MAX = 2_000


class SupersedeInsteadError(ConflictError):
    """The carrier reports that another carrier holds the number, and a new version can't change the addressee."""

    code = "SUPERSEDE_INSTEAD"
    hint = "Have an override of the number approved, and draft an order that supersedes this one."


class NothingChangedError(InvalidInputError):
    """The revision changes nothing."""

    code = "NOTHING_CHANGED"
    hint = "To issue an impossible order again exactly as it was, reissue it."


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """What to change in a draft, or in an impossible order's next version; None leaves a field unchanged.

    content_hash is that of the content that was read: required to issue an order again, otherwise checked if given.
    """

    order_id: str
    content_hash: str | None = None
    scope: BlockScope | None = None
    summary: str | None = None
    subscriber_notice: str | None = None
    legal_basis: str | None = None


async def revise_block_orders(tx: Transaction, revisions: Sequence[Revision]) -> list[BlockOrder | Problem]:
    """Revise drafts, and draft the next version of impossible orders. The reviser becomes the drafter.

    Shapes: 1..1000; results in the order given. Errors: OfficerRequiredError, ForbiddenError, TooManyItemsError for
    the call; NOT_FOUND, INCOMPATIBLE_STATE, CONTENT_CHANGED, SUPERSEDE_INSTEAD, NOTHING_CHANGED for an item.
    """
    officer_id, office_id = require_drafter(tx.viewer)
    proposals = Proposals(tx, officer_id)

    def revise(place: int, order: BlockOrder) -> Moved[BlockOrder]:
        state = next_order_state(order.state, OrderMove.REVISE)
        if state is not OrderState.DRAFT:
            return _propose(tx, proposals, order, revisions[place], by=(officer_id, office_id))
        _check_read(revisions[place], order)
        revised = replace(
            apply_revision(revisions[place], order),
            state=state,
            drafted_by=officer_id,
            office_id=office_id,
            return_reason=None,
        )
        return Moved(revised, order_event(revised, EventKind.ORDER_DRAFTED))

    async def keep(_changes: Sequence[Change[BlockOrder]]) -> None:
        await proposals.write()

    ids = [revision.order_id for revision in revisions]
    return await move_orders(tx, ids, revise, prepare=proposals.find, keep=keep)


async def reissue_block_orders(tx: Transaction, revisions: Sequence[Revision]) -> list[BlockOrder | Problem]:
    """Issue orders that the carrier could not execute once more, exactly as they were; a change is drafted instead.

    A new version never changes the number or the addressee.
    Shapes and errors: as revise_block_orders; for an unchanged order also FOUR_EYES, for its drafter, and
    CONTENT_CHANGED unless the officer names the content that is issued again.
    """
    officer_id, office_id = require_drafter(tx.viewer)
    proposals = Proposals(tx, officer_id)
    issued: set[str] = set()

    def reissue(place: int, order: BlockOrder) -> Moved[BlockOrder]:
        state = next_order_state(order.state, OrderMove.REISSUE)
        _check_addressee(order)
        if apply_revision(revisions[place], order) != order:
            return _propose(tx, proposals, order, revisions[place], by=(officer_id, office_id))
        require_another(order.drafted_by, officer_id)
        require_content(order, revisions[place].content_hash or "")
        proposals.conclude(order.id, ProposalState.DISCARDED)
        issued.add(order.id)
        return issue_block(tx, replace(order, version=order.version + 1), state, approved_by=officer_id)

    async def keep(changes: Sequence[Change[BlockOrder]]) -> None:
        await proposals.write()
        await append_versions(
            tx, [change.after for change in changes if change.after.id in issued], issued_by=officer_id
        )

    ids = [revision.order_id for revision in revisions]
    return await move_orders(tx, ids, reissue, prepare=proposals.find, keep=keep)


def _propose(
    tx: Transaction,
    proposals: Proposals,
    order: BlockOrder,
    revision: Revision,
    *,
    by: tuple[OfficerId, OfficeId],
) -> Moved[BlockOrder]:
    """Draft the next version, from the one that is pending if there is one. Errors: as revise_block_orders."""
    _check_addressee(order)
    waiting = find_waiting(order, proposals.pending.get(order.id))
    base = order if waiting is None else waiting.order
    _check_read(revision, base)
    after = apply_revision(revision, base)
    if after == base:
        raise NothingChangedError(field="orderId")
    officer_id, office_id = by
    proposals.draft(
        OrderProposal(
            id=ProposalId(new_id()),
            order_id=order.id,
            kind=ProposalKind.NEXT_VERSION,
            office_id=office_id,
            drafted_by=officer_id,
            drafted_at=tx.as_of,
            scope=after.scope,
            legal_basis=after.legal_basis,
            summary=after.summary,
            subscriber_notice=after.subscriber_notice,
        )
    )
    return Moved(order, proposal_event(order, EventKind.ORDER_PROPOSED, ProposalKind.NEXT_VERSION))


def _check_read(revision: Revision, order: BlockOrder) -> None:
    """Errors: ContentChangedError if the revision names other content than the order's."""
    if revision.content_hash is not None:
        require_content(order, revision.content_hash)


def _check_addressee(order: BlockOrder) -> None:
    if order.impossible_reason is ImpossibleReason.WRONG_RANGE_HOLDER:
        raise SupersedeInsteadError(field="orderId")


def apply_revision(revision: Revision, order: BlockOrder) -> BlockOrder:
    """Return the order with what is to change. Errors: those of check_words."""
    return replace(
        order,
        scope=revision.scope or order.scope,
        summary=_revise(revision.summary, order.summary, field="summary"),
        subscriber_notice=_revise(revision.subscriber_notice, order.subscriber_notice, field="subscriberNotice"),
        legal_basis=_revise(revision.legal_basis, order.legal_basis, field="legalBasis"),
    )


def _revise(given: str | None, present: str, *, field: str) -> str:
    return present if given is None else check_words(given, field=field, length_max=SUMMARY_LENGTH_MAX)
