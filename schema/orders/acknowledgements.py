"""What carriers say of their orders, and their requests for more time."""

from datetime import datetime

import strawberry
import strawberry.federation as fed
from strawberry import Private

from ledger.identifiers import OfficerId
from ledger.orders import acknowledgements_table as table
from ledger.orders.states import ExtensionState
from ledger.orders.vocabulary import AcknowledgementKind, AcknowledgementMark
from schema.authority import ORDER_STAFF, ORDERS_READ
from schema.block_requests import Acknowledgement
from schema.fields import field
from schema.info import Info
from schema.members.types import Officer, find_officer
from schema.models import copy_model


@fed.type(description="What a carrier said of an order. Nothing of it is ever changed.", requires_scopes=ORDERS_READ)
class OrderAcknowledgement(Acknowledgement):
    """The graph's OrderAcknowledgement."""

    kind: AcknowledgementKind = strawberry.field(description="What it said.")
    version: int = strawberry.field(description="The order's version that it is about.")
    reason: str | None = strawberry.field(description="Why, from the list that goes with the kind.")
    note: str | None = strawberry.field(description="The carrier's own words.")
    until: datetime | None = strawberry.field(description="Until when it asks for time, when it does.")
    is_late: bool = strawberry.field(description="Whether it came after the due time.")
    moved_state: bool = strawberry.field(name="hasMovedState", description="Whether it moved the order.")
    mark: AcknowledgementMark | None = strawberry.field(description="Why it was kept and moved nothing.")

    @classmethod
    def of(cls, said: table.OrderAcknowledgement) -> "OrderAcknowledgement":
        """From the ledger's."""
        return copy_model(cls, said)


@fed.type(description="A carrier's request for more time.", requires_scopes=ORDERS_READ)
class OrderExtension:
    """The graph's OrderExtension."""

    id: strawberry.ID = strawberry.field(description="Its id.")
    until: datetime = strawberry.field(description="Until when the carrier asks for time.")
    reason: str | None = strawberry.field(description="Why, in the carrier's words.")
    requested_at: datetime = strawberry.field(description="When it was asked.")
    state: ExtensionState = strawberry.field(description="Where it stands.")
    decided_at: datetime | None = strawberry.field(description="When an officer decided.")
    due_before: datetime | None = strawberry.field(name="formerDueAt", description="The due time until it was granted.")
    decider_id: Private[OfficerId | None]

    @field("The officer who decided; the regulator's alone.", needs=ORDER_STAFF)
    async def decided_by(self, info: Info) -> Officer | None:
        """Batched over the operation."""
        return await find_officer(info.context, self.decider_id)

    @classmethod
    def of(cls, extension: table.OrderExtension) -> "OrderExtension":
        """From the ledger's."""
        return copy_model(cls, extension, decider_id=extension.decided_by)
