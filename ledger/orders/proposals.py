"""Keeping the proposals of issued orders: one is pending for an order, and every earlier one remains with its fate.

An order is locked before its proposals are read or written, so they need no lock of their own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from ledger.errors import ConflictError
from ledger.feed.events import EventDraft
from ledger.feed.vocabulary import EventKind
from ledger.identifiers import OfficerId
from ledger.orders.moves import order_event
from ledger.orders.proposal_table import OrderProposal, order_proposals
from ledger.orders.states import OrderState, ProposalState
from ledger.orders.table import BlockOrder
from ledger.orders.vocabulary import ProposalKind
from ledger.orders.waiting import Waiting, get_waiting
from ledger.pages import note_items
from ledger.storage.database import Transaction
from ledger.storage.rows import fetch_records, insert_records, select_records, update_records


@dataclass(slots=True)
class Proposals:
    """The pending proposals of one call's orders, and what the call does with them."""

    tx: Transaction
    officer_id: OfficerId | None
    pending: dict[str, OrderProposal] = field(default_factory=dict)
    changed: dict[str, tuple[OrderProposal, OrderProposal]] = field(default_factory=dict)
    drafted: dict[str, OrderProposal] = field(default_factory=dict)

    async def find(self, orders: Mapping[str, BlockOrder]) -> None:
        """Read the pending proposals of these orders, which are locked, in one statement; drafts have none."""
        issued = [order.id for order in orders.values() if order.state is not OrderState.DRAFT]
        self.pending = await _find_pending(self.tx, issued)

    def get_waiting(self, order: BlockOrder) -> Waiting:
        """Return what of the order waits for a second officer. Errors: StateConflictError if nothing does."""
        return get_waiting(order, self.pending.get(order.id))

    def draft(self, proposal: OrderProposal) -> None:
        """Keep a new proposal, which takes the place of a pending one. Errors: ConflictError twice in one call."""
        if proposal.order_id in self.drafted or proposal.order_id in self.changed:
            raise ConflictError("The same order appears twice in this call.", field="orderId")
        self.conclude(proposal.order_id, ProposalState.DISCARDED)
        self.drafted[proposal.order_id] = proposal

    def conclude(self, order_id: str, state: ProposalState, *, note: str | None = None) -> None:
        """Conclude the order's pending proposal, if there is one."""
        self._change(order_id, state=state, decided_by=self.officer_id, decided_at=self.tx.as_of, discard_note=note)

    def send_back(self, order_id: str, reason: str) -> None:
        """Keep the reason with the pending proposal, which stays pending."""
        self._change(order_id, return_reason=reason)

    def _change(self, order_id: str, **values: object) -> None:
        present = self.pending.get(order_id)
        if present is None:
            return
        if order_id in self.changed:
            raise ConflictError("The same order appears twice in this call.", field="orderId")
        self.changed[order_id] = (present, replace(present, **values))  # type: ignore[arg-type]

    async def write(self) -> None:
        """Write what the call did, concluded proposals first, since only one may be pending."""
        await update_records(self.tx, list(self.changed.values()))
        await insert_records(self.tx, list(self.drafted.values()))


async def load_pending_proposals(tx: Transaction, order_ids: Sequence[str]) -> dict[str, OrderProposal]:
    """Return the pending proposals by order, for the regulator, in one statement; orders without one are left out."""
    found = await _find_pending(tx, order_ids) if tx.viewer.is_regulator else {}
    note_items(tx, OrderProposal, found.values())
    return found


def proposal_event(order: BlockOrder, kind: EventKind, proposal: ProposalKind) -> EventDraft:
    """Return an event about a proposal, which only the regulator receives."""
    return replace(order_event(order, kind, proposal=proposal), audience=())


async def _find_pending(tx: Transaction, order_ids: Sequence[str]) -> dict[str, OrderProposal]:
    if not order_ids:
        return {}
    c = order_proposals.c
    statement = select_records(tx, OrderProposal).where(
        c.order_id.in_(order_ids), c.state == ProposalState.PENDING.value
    )
    return {proposal.order_id: proposal for proposal in await fetch_records(tx, OrderProposal, statement)}
