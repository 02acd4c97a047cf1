"""Block orders: the carrier's duty, as its addressee and the regulator may see it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

import strawberry
import strawberry.federation as fed
from strawberry import UNSET, Private

from ledger.identifiers import BrandId, MemberId, OfficeId, OfficerId, OrderId
from ledger.orders import table
from ledger.orders.reading import OrderFilter
from ledger.orders.states import OrderState
from ledger.orders.vocabulary import AcknowledgementKind, BlockScope, ImpossibleReason, LiftBasis, OrderSort
from ledger.vocabulary import BlockRequestStatus, Category, HoldReason
from resolvers import orders as resolve
from resolvers.context import Context
from schema.authority import ORDER_STAFF, ORDERS_READ
from schema.block_requests import ACKNOWLEDGEMENTS_ASSUMED, BlockRequest
from schema.complaints.types import Complaint
from schema.errors import OneKeyNeededError
from schema.fields import field
from schema.info import Info
from schema.members.types import Brand, Member, Office, Officer, find_brand, find_member, find_office, find_officer
from schema.models import copy_model, given_filter
from schema.numbers.types import PhoneNumber, find_number
from schema.orders.acknowledgements import OrderAcknowledgement, OrderExtension
from schema.pages import COUNTED, PAGED, After, Connection, First, few, page_request
from schema.scalars import E164
from schema.texts import CHECKED


@fed.type(description="One page of the complaints behind an order.", requires_scopes=ORDER_STAFF)
class BlockOrderComplaintConnection(Connection[Complaint]):
    """An order's complaints by pages."""


@fed.type(
    description="An order to the carrier that holds a number to block it: a duty with a due time.",
    keys=["id"],
    requires_scopes=ORDERS_READ,
)
class BlockOrder(BlockRequest):
    """The graph's BlockOrder."""

    order_no: str = strawberry.field(description="Its number as people say it.")
    version: int = strawberry.field(description="Counts up when it is issued again, or its lift is issued.")
    directive_id: strawberry.ID = strawberry.field(description="Equal for all orders of one decision.")
    e164: E164 = strawberry.field(description="The number to block.")
    epoch: int = strawberry.field(description="The assignment of the number that it is about.")
    scope: BlockScope = strawberry.field(description="How much of the line is blocked.")
    legal_basis: str = strawberry.field(description="The rule that it rests on.")
    subscriber_notice: str = strawberry.field(description="What the subscriber is told: the reason and how to appeal.")
    state: OrderState = strawberry.field(description="Where it stands.")
    impossible_reason: ImpossibleReason | None = strawberry.field(description="Why the carrier can't execute it.")
    last_acknowledgement: AcknowledgementKind | None = strawberry.field(
        description="What the carrier said last that moved it."
    )
    due_at: datetime | None = strawberry.field(description="Until when the carrier owes an answer.")
    executed_at: datetime | None = strawberry.field(description="When the execution was acknowledged, by our clock.")
    effective_at: datetime | None = strawberry.field(description="When the block took effect, by the carrier's clock.")
    was_late: bool = strawberry.field(description="Whether the carrier answered after the due time.")
    ended_at: datetime | None = strawberry.field(description="When it ended.")
    lift_basis: LiftBasis | None = strawberry.field(description="On what ground its block is lifted.")
    lift_no: str | None = strawberry.field(description="The lift's own number.")
    lift_issued_at: datetime | None = strawberry.field(description="When the lift was issued.")
    lifted_at: datetime | None = strawberry.field(description="When the lift was acknowledged.")
    drafted_at: datetime = strawberry.field(description="When it was drafted.")
    return_reason: str | None = fed.field(
        description="Why an approver returned the draft; the regulator's alone.", requires_scopes=ORDER_STAFF
    )
    hold_reasons: list[HoldReason] | None = fed.field(
        description="Why the guard holds or held it; the regulator's alone.",
        requires_scopes=ORDER_STAFF,
        directives=[few(2)],
    )
    override_note: str | None = fed.field(
        description="Why it was issued although held; the regulator's alone.", requires_scopes=ORDER_STAFF
    )
    end_note: str | None = fed.field(
        description="Why it was ended; the regulator's alone.", requires_scopes=ORDER_STAFF
    )
    lift_note: str | None = fed.field(
        description="Why it is lifted; the regulator's alone.", requires_scopes=ORDER_STAFF
    )
    supersedes_id: Private[OrderId | None]
    carrier_id: Private[MemberId]
    brand_id: Private[BrandId | None]
    office_id: Private[OfficeId | None]
    drafter_id: Private[OfficerId | None]
    approver_id: Private[OfficerId | None]
    ledger_order: Private[table.BlockOrder]

    @field("How far it has come, in words that fit every instrument.")
    def status(self, info: Info) -> BlockRequestStatus:  # noqa: ARG002 - the interface's signature
        """From the state alone."""
        return self.ledger_order.status

    @field("Whether the carrier owes something whose time has passed.")
    def is_overdue(self, info: Info) -> bool:  # noqa: ARG002
        """Derived by the operation's clock."""
        return self.ledger_order.is_overdue

    @field("The number, as far as you may see it.")
    async def number(self, info: Info) -> PhoneNumber | None:
        """Batched over the operation."""
        return await find_number(info.context, self.e164)

    @field("The carrier that it is addressed to.")
    async def addressee(self, info: Info) -> Member | None:
        """Batched over the operation."""
        return await find_member(info.context, self.carrier_id)

    @field("The carrier that it is addressed to.")
    async def carrier(self, info: Info) -> Member | None:
        """Batched over the operation."""
        return await find_member(info.context, self.carrier_id)

    @field("The carrier's brand that it is addressed to.")
    async def brand(self, info: Info) -> Brand | None:
        """Batched over the operation."""
        return await find_brand(info.context, self.brand_id)

    @field("What the carrier said, oldest first.", directives=[few(ACKNOWLEDGEMENTS_ASSUMED)])
    async def acknowledgements(self, info: Info) -> Sequence[OrderAcknowledgement] | None:
        """Batched over the operation."""
        found = await info.context.loaders.acknowledgements.load(self.id)
        return [OrderAcknowledgement.of(said) for said in found or []]

    @field("The carrier's requests for more time, oldest first.", directives=[few(1)])
    async def extensions(self, info: Info) -> list[OrderExtension] | None:
        """Batched over the operation."""
        found = await info.context.loaders.extensions.load(self.id)
        return [OrderExtension.of(extension) for extension in found or []]

    @field("The order that this one takes the place of, where you may see it.")
    async def supersedes(self, info: Info) -> "BlockOrder | None":
        """Batched over the operation."""
        old = await info.context.loaders.orders.load(self.supersedes_id) if self.supersedes_id else None
        return BlockOrder.of(old) if old else None

    @field("The complaints behind it; the regulator's alone.", needs=ORDER_STAFF, directives=[PAGED])
    async def complaints(
        self, info: Info, first: First = UNSET, after: After = UNSET
    ) -> BlockOrderComplaintConnection | None:
        """Two statements for all orders of the operation."""
        page = await resolve.list_complaints(info.context, self.id, page_request(first, after))
        return BlockOrderComplaintConnection.of(page, Complaint.of, after=after)

    @field("The office that it belongs to; the regulator's alone.", needs=ORDER_STAFF)
    async def office(self, info: Info) -> Office | None:
        """Batched over the operation."""
        return await find_office(info.context, self.office_id)

    @field("The officer who drafted it; the regulator's alone.", needs=ORDER_STAFF)
    async def drafted_by(self, info: Info) -> Officer | None:
        """Batched over the operation."""
        return await find_officer(info.context, self.drafter_id)

    @field("The officer who approved it, never the drafter; the regulator's alone.", needs=ORDER_STAFF)
    async def approved_by(self, info: Info) -> Officer | None:
        """Batched over the operation."""
        return await find_officer(info.context, self.approver_id)

    @classmethod
    def of(cls, order: table.BlockOrder) -> "BlockOrder":
        """From the ledger's."""
        return copy_model(
            cls,
            order,
            drafter_id=order.drafted_by,
            approver_id=order.approved_by,
            ledger_order=order,
        )

    @classmethod
    async def resolve_reference(cls, info: Info, id: strawberry.ID) -> "BlockOrder":  # noqa: A002 - the key's name
        """As the root field would show it."""
        return cls.of(await resolve.get_order(info.context, id))


@fed.type(description="One page of block orders.", requires_scopes=ORDERS_READ)
class BlockOrderConnection(Connection[BlockOrder]):
    """Orders by pages."""

    where: Private[OrderFilter]

    @field("How many the whole list holds; counted only when it is asked.", directives=[COUNTED])
    async def total_count(self, info: Info) -> int:
        """One statement."""
        return await resolve.count_orders(info.context, self.where)


@fed.input(description="Which block orders are wanted. What is left out asks for all.")
class BlockOrderFilter:
    """The graph's OrderFilter."""

    states: list[OrderState] | None = strawberry.field(description="In one of these states.", default=UNSET)
    categories: list[Category] | None = strawberry.field(description="Of one of these categories.", default=UNSET)
    carrier_id: strawberry.ID | None = strawberry.field(description="Addressed to this member.", default=UNSET)
    is_overdue: bool | None = strawberry.field(
        description="Whether the carrier owes something whose time has passed.", default=UNSET
    )
    due_before: datetime | None = strawberry.field(description="Due before this moment.", default=UNSET)
    number: E164 | None = strawberry.field(description="Of this number.", default=UNSET)
    issued_after: datetime | None = strawberry.field(description="Issued at this moment or later.", default=UNSET)
    issued_before: datetime | None = strawberry.field(description="Issued before this moment.", default=UNSET)
    office_id: strawberry.ID | None = strawberry.field(
        description="Of this office; means something to the regulator alone.", default=UNSET
    )
    is_held: bool | None = strawberry.field(
        description="Whether the guard holds the draft; means something to the regulator alone.", default=UNSET
    )


async def find_order(context: Context, order_id: str | None) -> BlockOrder | None:
    """The order of that id, if the viewer may see it; batched over the operation."""
    order = await context.loaders.orders.load(order_id) if order_id else None
    return BlockOrder.of(order) if order else None


@fed.type
class OrderQueries:
    """Reading orders."""

    @field("One block order that you may see, by its id or its number.", needs=ORDERS_READ, extensions=[CHECKED])
    async def block_order(
        self,
        info: Info,
        id: Annotated[strawberry.ID | None, strawberry.argument(description="Its id.")] = UNSET,  # noqa: A002
        order_no: Annotated[str | None, strawberry.argument(description="Its number as people say it.")] = UNSET,
    ) -> BlockOrder | None:
        """Errors: NOT_FOUND, ONE_KEY_NEEDED."""
        if bool(id) == bool(order_no):
            raise OneKeyNeededError
        if id:
            return BlockOrder.of(await resolve.get_order(info.context, id))
        return BlockOrder.of(await resolve.get_order_by_number(info.context, order_no or ""))

    @field("Block orders that you may see.", needs=ORDERS_READ, directives=[PAGED], extensions=[CHECKED])
    async def block_orders(
        self,
        info: Info,
        filter: Annotated[  # noqa: A002 - the graph's name
            BlockOrderFilter | None, strawberry.argument(description="Which ones.")
        ] = UNSET,
        sort: Annotated[OrderSort, strawberry.argument(description="In which order.")] = OrderSort.DUE_SOONEST,
        first: First = UNSET,
        after: After = UNSET,
    ) -> BlockOrderConnection | None:
        """One statement, and one more for totalCount."""
        where = OrderFilter(**given_filter(filter))
        page = await resolve.list_orders(info.context, page_request(first, after), where, sort=sort)
        return BlockOrderConnection.of(page, BlockOrder.of, after=after, where=where)
