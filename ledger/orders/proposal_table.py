"""The table of what is proposed for issued orders: next versions and lifts that await another officer."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from sqlalchemy import CheckConstraint, Index, text

from ledger.feed.vocabulary import Subject
from ledger.identifiers import OfficeId, OfficerId, OrderId, ProposalId
from ledger.orders.states import ProposalState
from ledger.orders.vocabulary import BlockScope, LiftBasis, ProposalKind
from ledger.storage.access import TRANSITION_MOVES, reads
from ledger.storage.commitments import CommittedBy
from ledger.storage.markers import KEY, references
from ledger.storage.records import declare
from ledger.storage.roles import Role


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderProposal:
    """An issued order's next version or lift, as an officer drafted it; the order changes once another approves it.

    scope and the texts are those of a next version, lift_basis and lift_note those of a lift.
    """

    id: Annotated[ProposalId, KEY]
    order_id: Annotated[OrderId, references("block_orders.id", index=True)]
    kind: ProposalKind
    state: ProposalState = ProposalState.PENDING
    office_id: Annotated[OfficeId, references("offices.id")]
    drafted_by: Annotated[OfficerId, references("officers.id")]
    drafted_at: datetime
    scope: BlockScope | None = None
    legal_basis: str | None = None
    summary: str | None = None
    subscriber_notice: str | None = None
    lift_basis: LiftBasis | None = None
    lift_note: str | None = None
    return_reason: str | None = None
    decided_by: Annotated[OfficerId | None, references("officers.id")] = None
    decided_at: datetime | None = None
    discard_note: str | None = None


order_proposals = declare(
    "order_proposals",
    OrderProposal,
    CheckConstraint("state <> 'APPROVED' OR (decided_by IS NOT NULL AND decided_by <> drafted_by)", name="four_eyes"),
    CheckConstraint("(kind = 'LIFT') = (lift_basis IS NOT NULL AND lift_note IS NOT NULL)", name="lift_has_basis"),
    CheckConstraint("(kind = 'NEXT_VERSION') = (scope IS NOT NULL)", name="next_version_has_scope"),
    Index(
        "uq_order_proposals_pending",
        "order_id",
        unique=True,
        postgresql_where=text("state = 'PENDING'"),
    ),
    access=(*reads(Role.REGULATOR), TRANSITION_MOVES),
    committed_by=CommittedBy(Subject.BLOCK_ORDER, "order_id"),
    is_watched=True,
)
