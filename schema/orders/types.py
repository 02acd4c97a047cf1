"""Block orders, which oblige a carrier, as their addressee and the regulator may see them."""

from datetime import datetime
from typing import Annotated

import strawberry
import strawberry.federation as fed
from strawberry import UNSET

from ledger.members.reading import load_brands, load_members, load_officers, load_offices
from ledger.numbers.reading import load_numbers
from ledger.orders import table
from ledger.orders.acknowledgements import load_acknowledgements
from ledger.orders.content import hash_content, render_content
from ledger.orders.extensions import load_extensions
from ledger.orders.reading import (
    BLOCK_ORDERS,
    OrderFilter,
    count_block_orders,
    get_block_order,
    list_block_orders,
    list_order_complaints,
    load_orders,
    named_order,
)
from ledger.orders.states import OrderState
from ledger.orders.vocabulary import AcknowledgementKind, BlockScope, ImpossibleReason, LiftBasis, OrderSort
from ledger.outages.reading import load_outage_extensions
from ledger.vocabulary import BlockRequestStatus, Category, HoldReason
from resolvers import orders as resolve
from resolvers.context import Context
from schema.authority import ORDER_STAFF, ORDERS_READ
from schema.block_requests import ACKNOWLEDGEMENTS_ASSUMED, BlockRequest
from schema.complaints.types import Complaint
from schema.errors import OneKeyNeededError
from schema.fields import field
from schema.info import Info
from schema.members.types import Brand, Member, Office, Officer
from schema.models import Shown, given_filter
from schema.numbers.types import PhoneNumber
from schema.orders.acknowledgements import OrderAcknowledgement, OrderExtension
from schema.orders.proposals import BlockOrderProposal, find_proposal
from schema.outages.types import OutageExtension
from schema.pages import LONG, PAGED, After, Connection, CountedConnection, Counts, First, few, page_request
from schema.reads import Listed, Named, Related, many, one
from schema.scalars import E164
from schema.texts import CHECKED


@fed.type(description="One page of the complaints that an order is based on.", requires_scopes=ORDER_STAFF)
class BlockOrderComplaintConnection(Connection[Complaint]):
    pass


@fed.type(
    description="An order to the carrier that holds a number to block it: an obligation with a due time.",
    keys=["id"],
    requires_scopes=ORDERS_READ,
)
class BlockOrder(BlockRequest, Shown[table.BlockOrder]):
    order_no: str = strawberry.field(description="Its human-readable number.")
    version: int = strawberry.field(
        description="Increases by one when the order is issued again or its lift is issued."
    )
    directive_id: strawberry.ID = strawberry.field(description="The same for all orders of one decision.")
    e164: E164 = strawberry.field(description="The number to block.")
    summary: str = strawberry.field(description="The officer's summary for the addressee.", directives=[LONG])
    epoch: int = strawberry.field(description="The assignment of the number that the order concerns.")
    scope: BlockScope = strawberry.field(description="How much of the line is blocked.")
    legal_basis: str = strawberry.field(description="Its legal basis.", directives=[LONG])
    subscriber_notice: str = strawberry.field(
        description="The notice to the subscriber: the reason, and how to appeal.", directives=[LONG]
    )
    state: OrderState = strawberry.field(description="Where it stands.")
    impossible_reason: ImpossibleReason | None = strawberry.field(description="Why the carrier can't execute it.")
    last_acknowledgement: AcknowledgementKind | None = strawberry.field(
        description="The last acknowledgement that changed the order's state."
    )
    due_at: datetime | None = strawberry.field(description="When the carrier's answer is due.")
    executed_at: datetime | None = strawberry.field(
        description="When the execution was acknowledged, by the gateway's clock."
    )
    effective_at: datetime | None = strawberry.field(description="When the block took effect, by the carrier's clock.")
    was_late: bool = strawberry.field(
        description="Whether the carrier answered after the due time, as outages have extended it."
    )
    ended_at: datetime | None = strawberry.field(description="When it ended.")
    lift_basis: LiftBasis | None = strawberry.field(description="The ground on which its block is lifted.")
    lift_no: str | None = strawberry.field(description="The human-readable number of the lift.")
    lift_issued_at: datetime | None = strawberry.field(description="When the lift was issued.")
    lifted_at: datetime | None = strawberry.field(description="When the lift was acknowledged.")
    changed_at: datetime = strawberry.field(
        description="When anything last changed about it that its addressee may see, acknowledgements included."
    )
    drafted_at: datetime = strawberry.field(description="When it was drafted.")
    return_reason: str | None = fed.field(
        description="Why an approver returned the draft; visible to the regulator only.",
        requires_scopes=ORDER_STAFF,
        directives=[LONG],
    )
    hold_reasons: list[HoldReason] | None = fed.field(
        description="Why the guard holds or held it; visible to the regulator only.",
        requires_scopes=ORDER_STAFF,
        directives=[few(2)],
    )
    override_note: str | None = fed.field(
        description="Why it was issued although the guard held it; visible to the regulator only.",
        requires_scopes=ORDER_STAFF,
        directives=[LONG],
    )
    drafted_complainant_count: int | None = fed.field(
        name="complainantCount",
        description=(
            "How many distinct people complained when it was drafted; complaints of one source that name nobody count"
            " as one. Visible to the regulator only."
        ),
        requires_scopes=ORDER_STAFF,
    )
    is_emergency: bool = strawberry.field(description="Whether one officer issued it alone, in an emergency.")
    emergency_note: str | None = fed.field(
        description="Why one officer issued it alone; visible to the regulator only.",
        requires_scopes=ORDER_STAFF,
        directives=[LONG],
    )
    is_unconfirmed: bool | None = fed.field(
        description=(
            "Whether one officer issued it, or its lift, alone and no other has confirmed that yet; visible to the"
            " regulator only."
        ),
        requires_scopes=ORDER_STAFF,
    )
    is_confirmation_overdue: bool | None = fed.field(
        description="Whether that confirmation is overdue; visible to the regulator only.", requires_scopes=ORDER_STAFF
    )
    confirmation_due_at: datetime | None = fed.field(
        description="When that confirmation is due; visible to the regulator only.", requires_scopes=ORDER_STAFF
    )
    end_note: str | None = fed.field(
        description="Why it was ended; visible to the regulator only.",
        requires_scopes=ORDER_STAFF,
        directives=[LONG],
    )
    lift_note: str | None = fed.field(
        description="Why it is lifted; visible to the regulator only.",
        requires_scopes=ORDER_STAFF,
        directives=[LONG],
    )
    status: BlockRequestStatus = strawberry.field(
        description="How far it has progressed, in terms common to all instruments."
    )
    is_overdue: bool = strawberry.field(description="Whether something that the carrier owes is overdue.")

    number: PhoneNumber | None = one("The number, as far as you may see it.", PhoneNumber, load_numbers, by="e164")

    addressee: Member | None = one("The carrier it is addressed to.", Member, load_members, by="carrier_id")

    carrier: Member | None = one("The carrier it is addressed to.", Member, load_members, by="carrier_id")

    brand: Brand | None = one("The brand of the carrier it is addressed to.", Brand, load_brands, by="brand_id")

    acknowledgements: list[OrderAcknowledgement] | None = many(
        "The carrier's acknowledgements, oldest first.",
        OrderAcknowledgement,
        load_acknowledgements,
        directives=[few(ACKNOWLEDGEMENTS_ASSUMED)],
    )
    extensions: list[OrderExtension] | None = many(
        "The carrier's requests for more time, oldest first.", OrderExtension, load_extensions, directives=[few(1)]
    )
    outage_extensions: list[OutageExtension] | None = many(
        "The time that it got back for outages of the gateway, oldest first.",
        OutageExtension,
        load_outage_extensions,
        directives=[few(1)],
    )
    supersedes: "BlockOrder | None" = one(
        "The order that this one replaces, if you may see it.", lambda: BlockOrder, load_orders, by="supersedes_id"
    )

    @field(
        "The complaints it is based on; visible to the regulator only.",
        needs=ORDER_STAFF,
        directives=[PAGED],
        related=Related(list_order_complaints, by="id"),
    )
    async def complaints(
        self, info: Info, first: First = UNSET, after: After = UNSET
    ) -> BlockOrderComplaintConnection | None:
        page = await resolve.list_complaints(info.context, self.id, page_request(first, after))
        return BlockOrderComplaintConnection.of(page, Complaint.of, after=after)

    office: Office | None = one(
        "The office it belongs to; null if a scheduled forwarding run drafted it. Visible to the regulator only.",
        Office,
        load_offices,
        by="office_id",
        needs=ORDER_STAFF,
    )

    drafted_by: Officer | None = one(
        "The officer who drafted it; null if a scheduled forwarding run did. Visible to the regulator only.",
        Officer,
        load_officers,
        by="drafted_by",
        needs=ORDER_STAFF,
    )

    approved_by: Officer | None = one(
        "The officer who approved it, who is never the drafter; visible to the regulator only.",
        Officer,
        load_officers,
        by="approved_by",
        needs=ORDER_STAFF,
    )

    lift_drafted_by: Officer | None = one(
        "The officer who drafted its lift; visible to the regulator only.",
        Officer,
        load_officers,
        by="lift_drafted_by",
        needs=ORDER_STAFF,
    )

    lift_approved_by: Officer | None = one(
        "The officer who approved its lift, or who issued it alone in an emergency; visible to the regulator only.",
        Officer,
        load_officers,
        by="lift_issued_by",
        needs=ORDER_STAFF,
    )

    lift_confirmed_by: Officer | None = one(
        "The officer who confirmed a lift that another issued alone; visible to the regulator only.",
        Officer,
        load_officers,
        by="lift_confirmed_by",
        needs=ORDER_STAFF,
    )

    @field("What is proposed for it and awaits approval; visible to the regulator only.", needs=ORDER_STAFF)
    async def proposal(self, info: Info) -> BlockOrderProposal | None:
        return await find_proposal(info.context, self.row)

    @field(
        "The canonical text of its content as drafted or, with a lift, of the lift as issued: what an approver reads."
        " Visible to the regulator only.",
        needs=ORDER_STAFF,
        directives=[LONG],
    )
    def content_text(self) -> str | None:
        return render_content(self.row)

    @field(
        "What an approver approves: the SHA-256 of contentText (UTF-8), in hexadecimal. Visible to the regulator only.",
        needs=ORDER_STAFF,
    )
    def content_hash(self) -> str | None:
        return hash_content(self.row)

    @classmethod
    async def resolve_reference(cls, info: Info, id: strawberry.ID) -> "BlockOrder":  # noqa: A002 - the key's name
        return cls.of(await resolve.get_order(info.context, id))


@fed.type(description="One page of block orders.", requires_scopes=ORDERS_READ)
class BlockOrderConnection(CountedConnection[BlockOrder]):
    pass


@fed.input(description="Which block orders to return. Criteria that are left out match everything.")
class BlockOrderFilter:
    states: list[OrderState] | None = strawberry.field(description="In any of these states.", default=UNSET)
    categories: list[Category] | None = strawberry.field(description="In any of these categories.", default=UNSET)
    impossible_reasons: list[ImpossibleReason] | None = strawberry.field(
        description="That the carrier can't execute for any of these reasons. With the state IMPOSSIBLE, "
        "WRONG_RANGE_HOLDER lists the orders whose number's holder is to be corrected.",
        default=UNSET,
    )
    carrier_id: strawberry.ID | None = strawberry.field(description="Addressed to this member.", default=UNSET)
    is_overdue: bool | None = strawberry.field(
        description="Whether something that the carrier owes is overdue.", default=UNSET
    )
    due_before: datetime | None = strawberry.field(description="Due before this time.", default=UNSET)
    number: E164 | None = strawberry.field(description="About this number.", default=UNSET)
    issued_after: datetime | None = strawberry.field(description="Issued at or after this time.", default=UNSET)
    issued_before: datetime | None = strawberry.field(description="Issued before this time.", default=UNSET)
    was_late: bool | None = strawberry.field(
        description="Whether the carrier answered after the due time, as outages have extended it.", default=UNSET
    )
    executed_after: datetime | None = strawberry.field(
        description="Executed at or after this time, by the gateway's clock; fits the sort order EXECUTED_NEWEST.",
        default=UNSET,
    )
    executed_before: datetime | None = strawberry.field(description="Executed before this time.", default=UNSET)
    lifted_after: datetime | None = strawberry.field(
        description="Lifted at or after this time, by the gateway's clock; fits the sort order LIFTED_NEWEST.",
        default=UNSET,
    )
    lifted_before: datetime | None = strawberry.field(description="Lifted before this time.", default=UNSET)
    changed_since: datetime | None = strawberry.field(
        description="Changed at or after this time, as changedAt says; fits the sort order CHANGED_OLDEST.",
        default=UNSET,
    )
    acknowledged_after: datetime | None = strawberry.field(
        description="With an acknowledgement that was recorded at or after this time. With acknowledgedBefore and "
        "reference, the same acknowledgement meets all of them.",
        default=UNSET,
    )
    acknowledged_before: datetime | None = strawberry.field(
        description="With an acknowledgement that was recorded before this time.", default=UNSET
    )
    reference: str | None = strawberry.field(
        description="With an acknowledgement that has this reference of the carrier's own.", default=UNSET
    )
    office_id: strawberry.ID | None = strawberry.field(
        description="Of this office; meaningful for the regulator only.", default=UNSET
    )
    is_held: bool | None = strawberry.field(
        description="Whether the guard holds the draft; meaningful for the regulator only.", default=UNSET
    )
    has_proposal: bool | None = strawberry.field(
        description="Whether its next version or its lift awaits approval; meaningful for the regulator only.",
        default=UNSET,
    )
    is_unconfirmed: bool | None = strawberry.field(
        description="Whether what one officer issued alone awaits confirmation; meaningful for the regulator only.",
        default=UNSET,
    )


async def find_order(context: Context, order_id: str | None) -> BlockOrder | None:
    """The order with that id, or None if the viewer may not see it; look-ups of an operation are batched."""
    order = await context.loaders.orders.load(order_id) if order_id else None
    return BlockOrder.of(order) if order else None


@fed.type
class OrderQueries:
    @field(
        "One block order that you may see, by its ID or its human-readable number.",
        needs=ORDERS_READ,
        extensions=[CHECKED],
        reads=Named(load_orders, lambda id, order_no: named_order(order_id=id, order_no=order_no)),  # noqa: A006
    )
    async def block_order(
        self,
        info: Info,
        id: Annotated[strawberry.ID | None, strawberry.argument(description="Its ID.")] = UNSET,  # noqa: A002
        order_no: Annotated[str | None, strawberry.argument(description="Its human-readable number.")] = UNSET,
    ) -> BlockOrder | None:
        """Errors: NOT_FOUND, ONE_KEY_NEEDED."""
        if bool(id) == bool(order_no):
            raise OneKeyNeededError
        if id:
            return BlockOrder.of(await resolve.get_order(info.context, id))
        return BlockOrder.of(await info.context.read(get_block_order, order_no=order_no or ""))

    @field(
        "Block orders that you may see.",
        needs=ORDERS_READ,
        directives=[PAGED],
        extensions=[CHECKED],
        reads=Listed(BLOCK_ORDERS),
    )
    async def block_orders(
        self,
        info: Info,
        filter: Annotated[  # noqa: A002 - the graph's name
            BlockOrderFilter | None, strawberry.argument(description="Which ones.")
        ] = UNSET,
        sort: Annotated[OrderSort, strawberry.argument(description="The sort order.")] = OrderSort.DUE_SOONEST,
        first: First = UNSET,
        after: After = UNSET,
    ) -> BlockOrderConnection | None:
        where = OrderFilter(**given_filter(filter))
        page = await info.context.read(list_block_orders, page_request(first, after), where, sort=sort)
        counts = Counts(count_block_orders, where)
        return BlockOrderConnection.of(page, BlockOrder.of, after=after, counts=counts)
