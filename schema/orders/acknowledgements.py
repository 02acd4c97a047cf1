"""Carriers' acknowledgements of their orders, and their requests for more time."""

from datetime import datetime

import strawberry
import strawberry.federation as fed

from ledger.members.reading import load_officers
from ledger.orders import table
from ledger.orders.states import ExtensionState
from ledger.orders.vocabulary import AcknowledgementKind, AcknowledgementMark
from schema.authority import ORDER_STAFF, ORDERS_READ
from schema.block_requests import Acknowledgement
from schema.members.types import Officer
from schema.models import Shown
from schema.pages import LONG
from schema.reads import one


@fed.type(description="What a carrier reported about an order. It is never changed.", requires_scopes=ORDERS_READ)
class OrderAcknowledgement(Acknowledgement, Shown[table.OrderAcknowledgement]):
    kind: AcknowledgementKind = strawberry.field(description="What the carrier reported.")
    version: int = strawberry.field(description="The version of the order it refers to.")
    reason: str | None = strawberry.field(description="The reason, from the list that belongs to the kind.")
    note: str | None = strawberry.field(description="The carrier's own words.", directives=[LONG])
    until: datetime | None = strawberry.field(
        description="The due time that the carrier asks for, if it asks for more time."
    )
    is_late: bool = strawberry.field(description="Whether it was received after the due time as it was then.")
    is_excused: bool = strawberry.field(
        description="Whether it was late only because of an outage of the gateway that was recorded afterwards."
    )
    moved_state: bool = strawberry.field(name="hasMovedState", description="Whether it changed the order's state.")
    mark: AcknowledgementMark | None = strawberry.field(
        description="Why it was recorded without effect on the order's state."
    )
    corrects: strawberry.ID | None = strawberry.field(
        description="The earlier acknowledgement of the same order that it replaces."
    )
    corrected_by: strawberry.ID | None = strawberry.field(
        description="The later acknowledgement that replaces it; both are kept."
    )


@fed.type(description="A carrier's request for more time.", requires_scopes=ORDERS_READ)
class OrderExtension(Shown[table.OrderExtension]):
    id: strawberry.ID = strawberry.field(description="Its ID.")
    until: datetime = strawberry.field(description="The due time that the carrier asks for.")
    reason: str | None = strawberry.field(description="Why, in the carrier's words.")
    requested_at: datetime = strawberry.field(description="When it was requested.")
    state: ExtensionState = strawberry.field(description="Where it stands.")
    decided_at: datetime | None = strawberry.field(description="When an officer decided.")
    due_before: datetime | None = strawberry.field(
        name="formerDueAt", description="The due time before the request was granted."
    )

    decided_by: Officer | None = one(
        "The officer who decided; visible to the regulator only.",
        Officer,
        load_officers,
        by="decided_by",
        needs=ORDER_STAFF,
    )
