"""What is proposed for an issued order and awaits another officer: its next version, or its lift."""

from datetime import datetime

import strawberry
import strawberry.federation as fed

from ledger.members.reading import load_officers
from ledger.orders.content import hash_content, render_content
from ledger.orders.table import BlockOrder
from ledger.orders.vocabulary import BlockScope, LiftBasis, ProposalKind
from ledger.orders.waiting import Waiting, find_waiting
from resolvers.context import Context
from schema.authority import ORDER_STAFF
from schema.fields import field
from schema.members.types import Officer
from schema.models import Shown
from schema.pages import LONG
from schema.reads import one


@fed.type(
    description=(
        "What is proposed for an issued order: its next version, or its lift. It awaits another officer's approval;"
        " the order stands as it was issued meanwhile. Visible to the regulator only."
    ),
    requires_scopes=ORDER_STAFF,
)
class BlockOrderProposal(Shown[Waiting]):
    kind: ProposalKind = strawberry.field(description="What is proposed.")
    drafted_at: datetime = strawberry.field(description="When it was drafted.")

    @field("The version of the order that it becomes once it is approved.")
    def version(self) -> int:
        return self.row.order.version

    @field("How much of the line is blocked.")
    def scope(self) -> BlockScope:
        return self.row.order.scope

    @field("Its legal basis.", directives=[LONG])
    def legal_basis(self) -> str:
        return self.row.order.legal_basis

    @field("The summary for the carrier.", directives=[LONG])
    def summary(self) -> str:
        return self.row.order.summary

    @field("The notice to the subscriber.", directives=[LONG])
    def subscriber_notice(self) -> str:
        return self.row.order.subscriber_notice

    @field("The ground on which the block is lifted, if it is a lift.")
    def lift_basis(self) -> LiftBasis | None:
        return self.row.order.lift_basis

    @field("Why the block is lifted, if it is a lift.", directives=[LONG])
    def lift_note(self) -> str | None:
        return self.row.order.lift_note

    @field("Why an approver returned it.", directives=[LONG])
    def return_reason(self) -> str | None:
        return self.row.proposal.return_reason if self.row.proposal is not None else None

    @field("The canonical text of what would be issued: what an approver reads.", directives=[LONG])
    def content_text(self) -> str:
        return render_content(self.row.order)

    @field("What an approver approves: the SHA-256 of contentText in UTF-8, in hexadecimal.")
    def content_hash(self) -> str:
        return hash_content(self.row.order)

    drafted_by: Officer | None = one(
        "The officer who drafted it; for a lift of a withdrawn order that was executed, whoever withdrew it.",
        Officer,
        load_officers,
        by="drafted_by",
    )


async def find_proposal(context: Context, order: BlockOrder) -> BlockOrderProposal | None:
    """What is proposed for an order, or None; look-ups of an operation are batched."""
    waiting = find_waiting(order, await context.loaders.proposals.load(order.id))
    return BlockOrderProposal.of(waiting) if waiting is not None and waiting.kind is not None else None
