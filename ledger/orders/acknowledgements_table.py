"""What carriers said of their orders (append-only), and their requests for more time, as they are stored."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from sqlalchemy import CheckConstraint, Index, UniqueConstraint

from ledger.identifiers import AcknowledgementId, ClientId, ExtensionId, MemberId, OfficerId, OrderId
from ledger.orders.states import ExtensionState
from ledger.orders.vocabulary import AcknowledgementKind, AcknowledgementMark
from ledger.storage.access import EVERYTHING, ME, Access, reads
from ledger.storage.records import KEY, declare, references
from ledger.storage.roles import Role

_SAID_BY_CARRIERS = (
    *reads(Role.REGULATOR),
    Access(role=Role.CARRIER, rows=f"carrier_id = {ME}", select=EVERYTHING, insert=True),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderAcknowledgement:
    """One statement as it was recorded. effective_at is the carrier's clock, recorded_at ours."""

    id: Annotated[AcknowledgementId, KEY]
    order_id: Annotated[OrderId, references("block_orders.id")]
    carrier_id: Annotated[MemberId, references("members.id", index=True)]
    version: int
    kind: AcknowledgementKind
    reason: str | None = None
    reference: str
    note: str | None = None
    until: datetime | None = None
    effective_at: datetime
    recorded_at: datetime
    is_late: bool = False
    moved_state: bool
    mark: AcknowledgementMark | None = None
    client_id: ClientId | None = None


order_acknowledgements = declare(
    "order_acknowledgements",
    OrderAcknowledgement,
    CheckConstraint("moved_state = (mark IS NULL) OR kind = 'EXTENSION_REQUESTED'", name="unmoved_with_mark"),
    CheckConstraint("length(reference) BETWEEN 1 AND 128", name="reference_length"),
    UniqueConstraint("carrier_id", "order_id", "version", "kind", "reference"),
    Index("ix_order_acknowledgements_order_id_id", "order_id", "id"),
    access=(*_SAID_BY_CARRIERS, *reads(Role.TRANSITION)),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderExtension:
    """One request for more time. due_before is the due time that a granted one replaced."""

    id: Annotated[ExtensionId, KEY]
    order_id: Annotated[OrderId, references("block_orders.id", index=True)]
    carrier_id: Annotated[MemberId, references("members.id", index=True)]
    acknowledgement_id: Annotated[AcknowledgementId, references("order_acknowledgements.id")]
    until: datetime
    reason: str | None = None
    requested_at: datetime
    state: ExtensionState = ExtensionState.REQUESTED
    decided_by: Annotated[OfficerId | None, references("officers.id")] = None
    decided_at: datetime | None = None
    due_before: datetime | None = None


order_extensions = declare(
    "order_extensions",
    OrderExtension,
    UniqueConstraint("acknowledgement_id"),
    access=(*_SAID_BY_CARRIERS, Access(role=Role.TRANSITION, select=EVERYTHING, update=EVERYTHING)),
)
