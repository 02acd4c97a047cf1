"""Forwarding runs, which turn verified complaints into drafts, with a manifest that another officer approves."""

from datetime import datetime
from typing import Annotated

import strawberry
import strawberry.federation as fed
from strawberry import UNSET
from strawberry.federation.schema_directives import Cost

from ledger.accounts.reading import load_accounts
from ledger.forwarding import scheduling, table
from ledger.forwarding.candidates import ForwardingRequest
from ledger.forwarding.proposals import ForwardingApproval, approve_forwarding, discard_forwarding, forward_complaints
from ledger.forwarding.reading import get_forwarding_run, list_forwarding_items, list_forwarding_runs, read_manifest
from ledger.forwarding.states import ForwardingState
from ledger.forwarding.vocabulary import ForwardingResult, ScheduleKind
from ledger.members.reading import load_members, load_officers, load_offices
from ledger.orders.vocabulary import BlockScope
from ledger.referrals.reading import load_referrals
from ledger.vocabulary import Category, HoldReason
from schema.accounts.types import PlatformAccount
from schema.authority import ORDER_STAFF, ORDERS_APPROVE, ORDERS_DRAFT
from schema.fields import field
from schema.info import Info
from schema.members.types import Member, Office, Officer
from schema.models import Shown, given, optional
from schema.numbers.types import PhoneNumber, find_number
from schema.orders.results import BlockOrderResult
from schema.orders.types import BlockOrder, find_order
from schema.pages import PAGED, QUERIED, After, Connection, First, few, page_request
from schema.problems import count_problems
from schema.reads import one
from schema.referrals.offering import ReferralResult
from schema.referrals.types import Referral
from schema.scalars import E164
from schema.texts import CHECKED

WHOLE = Cost(weight=1_000)
"""A manifest's text has a line for each of up to 2,000 numbers."""


@fed.type(
    description="One line of a manifest: a number or an account, and what the run did with its complaints.",
    requires_scopes=ORDER_STAFF,
)
class ForwardingItem(Shown[table.ForwardingItem]):
    place: int = strawberry.field(description="Its place in the manifest, from 1.")
    e164: E164 | None = strawberry.field(description="The number.")
    result: ForwardingResult = strawberry.field(description="What the run did with its complaints.")
    complaint_count: int = strawberry.field(description="The number of those complaints.")
    complainant_count: int = strawberry.field(
        description="How many distinct people complained; complaints of one source that name nobody count as one."
    )
    content_hash: str | None = strawberry.field(
        description="The contentHash of the draft, which is issued only while its content still has this hash."
    )
    hold_reasons: list[HoldReason] = strawberry.field(description="Why the draft is held.", directives=[few(2)])

    @field("The number, with what is known about it.")
    async def number(self, info: Info) -> PhoneNumber | None:
        return await find_number(info.context, self.e164)

    @field("The order that was drafted, or that the complaints joined.")
    async def block_order(self, info: Info) -> BlockOrder | None:
        return await find_order(info.context, self.row.order_id)

    account: PlatformAccount | None = one("The account.", PlatformAccount, load_accounts, by="account_id")

    provider: Member | None = one(
        "The provider that is asked once the manifest is approved.", Member, load_members, by="provider_id"
    )

    referral: Referral | None = one(
        "The referral that the complaints joined.", Referral, load_referrals, by="referral_id"
    )

    carrier: Member | None = one("The carrier that holds the number.", Member, load_members, by="carrier_id")


@fed.type(description="One page of a manifest.", requires_scopes=ORDER_STAFF)
class ForwardingItemConnection(Connection[ForwardingItem]):
    pass


@fed.type(
    description="One forwarding run with its manifest; visible to the regulator only.", requires_scopes=ORDER_STAFF
)
class ForwardingRun(Shown[table.ForwardingRun]):
    id: strawberry.ID = strawberry.field(description="Its ID.")
    state: ForwardingState = strawberry.field(description="Where it stands.")
    manifest_hash: str = strawberry.field(
        description="What an approver approves: the SHA-256 of canonicalText in UTF-8, in hexadecimal."
    )
    complaint_count: int = strawberry.field(description="The number of complaints that the manifest covers.")
    started_at: datetime = strawberry.field(description="When it was started.")
    approved_at: datetime | None = strawberry.field(name="concludedAt", description="When it was concluded.")
    approved_count: int = strawberry.field(description="The number of orders it issued and referrals it offered.")

    is_scheduled: bool = strawberry.field(
        description="Whether the gateway started it on schedule; then it has no office, and no officer drafted it."
    )

    office: Office | None = one("The office it belongs to.", Office, load_offices, by="office_id")

    started_by: Officer | None = one(
        "The officer who started it, who counts as the drafter of all its drafts; null for a scheduled run.",
        Officer,
        load_officers,
        by="started_by",
    )

    concluded_by: Officer | None = one(
        "The officer who approved or discarded it.", Officer, load_officers, by="approved_by"
    )

    @field("The manifest as the canonical text that an approver reads.", directives=[WHOLE])
    async def canonical_text(self, info: Info) -> str | None:
        return await info.context.read(read_manifest, self.id)

    @field("The manifest, line by line.", directives=[PAGED, QUERIED])
    async def items(self, info: Info, first: First = UNSET, after: After = UNSET) -> ForwardingItemConnection | None:
        """Runs one statement per forwarding run; meant to be read for one run at a time."""
        page = await info.context.read(list_forwarding_items, self.id, page_request(first, after))
        return ForwardingItemConnection.of(page, ForwardingItem.of, after=after)


@fed.type(description="One page of forwarding runs.", requires_scopes=ORDER_STAFF)
class ForwardingRunConnection(Connection[ForwardingRun]):
    pass


@fed.type(
    description="The schedule on which the gateway starts forwarding runs; visible to the regulator only.",
    requires_scopes=ORDER_STAFF,
)
class ForwardingSchedule:
    kind: ScheduleKind = strawberry.field(description="When runs are started.")
    next_due_at: datetime | None = strawberry.field(
        description="When the next run is due; a time that has passed is made up for at the next check of the jobs."
    )
    done_until: datetime | None = strawberry.field(description="Up to which moment of the schedule everything was run.")
    ran_at: datetime | None = strawberry.field(
        description="When the schedule last had its turn, even if there was nothing to forward."
    )
    carrier_daily_max: int = strawberry.field(
        description="Drafts of one carrier in a legal day, counting all runs, after which it gets no more."
    )
    last_run_id: strawberry.Private[str | None]

    @field("The last run that it started.")
    async def last_run(self, info: Info) -> ForwardingRun | None:
        if self.last_run_id is None:
            return None
        return ForwardingRun.of(await info.context.read(get_forwarding_run, self.last_run_id))

    @classmethod
    def of(cls, schedule: scheduling.Schedule) -> "ForwardingSchedule":
        standing = schedule.standing
        return cls(
            kind=schedule.kind,
            next_due_at=schedule.next_due_at,
            done_until=standing.done_until if standing is not None else None,
            ran_at=standing.ran_at if standing is not None else None,
            carrier_daily_max=schedule.carrier_daily_max,
            last_run_id=standing.last_run_id if standing is not None else None,
        )


@fed.input(description="What a forwarding run covers, and the wording of its drafts.")
class ForwardComplaintsInput:
    legal_basis: str = strawberry.field(description="The legal basis of the orders.")
    subscriber_notice: str = strawberry.field(description="The notice to subscribers: the reason, and how to appeal.")
    scope: BlockScope | None = strawberry.field(
        description="How much of the lines to block; OUTGOING_VOICE_SMS by default.", default=UNSET
    )
    categories: list[Category] | None = strawberry.field(description="Only these categories.", default=UNSET)
    carrier_id: strawberry.ID | None = strawberry.field(description="Only numbers of this carrier.", default=UNSET)
    limit: int | None = strawberry.field(
        description="At most this many numbers, 1 to 1,000; those with the oldest complaints come first.", default=UNSET
    )
    carrier_limit: int | None = strawberry.field(
        description="At most this many numbers per carrier, 1 to 1,000, to limit the pace after a backlog.",
        default=UNSET,
    )


@fed.input(description="A written reason to issue one draft although the guard holds it.")
class ForwardingOverrideInput:
    order_id: strawberry.ID = strawberry.field(description="The draft.")
    note: str = strawberry.field(description="Why.")


@fed.input(description="The manifest that you have read, identified by its hash, and what to leave out of it.")
class ApproveForwardingInput:
    run_id: strawberry.ID = strawberry.field(description="The run.")
    manifest_hash: str = strawberry.field(description="The run's manifestHash as you read it.")
    excluded_order_ids: list[strawberry.ID] | None = strawberry.field(description="Drafts not to issue.", default=UNSET)
    excluded_places: list[int] | None = strawberry.field(
        description="The places of offers not to make, and of lines without a provider not to end.", default=UNSET
    )
    overrides: list[ForwardingOverrideInput] | None = strawberry.field(
        description="Reasons to issue held drafts; a held draft without a reason is not issued.", default=UNSET
    )


@fed.input(description="A run to be concluded without issuing anything.")
class DiscardForwardingInput:
    run_id: strawberry.ID = strawberry.field(description="The run.")


@fed.type(description="The result of forwardComplaints.")
class ForwardComplaintsPayload:
    run: ForwardingRun | None = strawberry.field(description="The run with its manifest.")


@fed.type(description="The result of approveForwarding.")
class ApproveForwardingPayload:
    run: ForwardingRun | None = strawberry.field(description="The run as it is now.")
    results: list[BlockOrderResult] = strawberry.field(
        description="One for each draft that was not excluded, in the manifest's order.", directives=[few(100)]
    )
    referral_results: list[ReferralResult] = strawberry.field(
        description="One for each offer that was not excluded, in the manifest's order.", directives=[few(100)]
    )
    problem_count: int = strawberry.field(description="How many drafts were not issued and offers not made.")


@fed.type(description="The result of discardForwarding.")
class DiscardForwardingPayload:
    run: ForwardingRun | None = strawberry.field(description="The run as it is now.")


@fed.type
class ForwardingQueries:
    @field("One forwarding run; visible to the regulator only.", needs=ORDER_STAFF, extensions=[CHECKED])
    async def forwarding_run(
        self,
        info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="Its ID.")],  # noqa: A002 - the graph's name
    ) -> ForwardingRun | None:
        """Errors: NOT_FOUND."""
        return ForwardingRun.of(await info.context.read(get_forwarding_run, id))

    @field(
        "Forwarding runs, newest first; visible to the regulator only.",
        needs=ORDER_STAFF,
        directives=[PAGED],
        extensions=[CHECKED],
    )
    async def forwarding_runs(
        self,
        info: Info,
        states: Annotated[
            list[ForwardingState] | None, strawberry.argument(description="In any of these states.")
        ] = UNSET,
        first: First = UNSET,
        after: After = UNSET,
    ) -> ForwardingRunConnection | None:
        page = await info.context.read(list_forwarding_runs, page_request(first, after), states=optional(states))
        return ForwardingRunConnection.of(page, ForwardingRun.of, after=after)

    @field(
        "The schedule on which the gateway starts runs, and when the next is due; visible to the regulator only.",
        needs=ORDER_STAFF,
    )
    async def forwarding_schedule(self, info: Info) -> ForwardingSchedule | None:
        return ForwardingSchedule.of(await info.context.read(scheduling.get_schedule))


@fed.type
class ForwardingMutations:
    @field(
        "Turn verified complaints into drafts and write the manifest. Repeating it never orders anything twice.",
        needs=ORDERS_DRAFT,
        extensions=[CHECKED],
    )
    async def forward_complaints(
        self,
        info: Info,
        input: Annotated[ForwardComplaintsInput, strawberry.argument(description="What to cover.")],  # noqa: A002
    ) -> ForwardComplaintsPayload | None:
        values = given(input, without=("categories",))
        request = ForwardingRequest(**values, categories=tuple(input.categories or ()))
        return ForwardComplaintsPayload(run=ForwardingRun.of(await info.context.write(forward_complaints, request)))

    @field(
        "Issue some or all of a run's drafts, exactly as the manifest's hash covers them. A draft that changed since "
        "the manifest was written is refused with CONTENT_CHANGED.",
        needs=ORDERS_APPROVE,
        extensions=[CHECKED],
    )
    async def approve_forwarding(
        self,
        info: Info,
        input: Annotated[ApproveForwardingInput, strawberry.argument(description="What you approve.")],  # noqa: A002
    ) -> ApproveForwardingPayload | None:
        approval = ForwardingApproval(
            run_id=input.run_id,
            manifest_hash=input.manifest_hash,
            excluded_order_ids=frozenset(input.excluded_order_ids or ()),
            excluded_places=frozenset(input.excluded_places or ()),
            override_notes={override.order_id: override.note for override in input.overrides or ()},
        )
        run, results, referrals = await info.context.write(approve_forwarding, approval)
        return ApproveForwardingPayload(
            run=ForwardingRun.of(run),
            results=[BlockOrderResult.of(result) for result in results],
            referral_results=[ReferralResult.of(result) for result in referrals],
            problem_count=count_problems([*results, *referrals]),
        )

    @field(
        "Conclude a run without issuing its drafts; each of them stands until it is decided on its own.",
        needs=ORDERS_DRAFT,
        extensions=[CHECKED],
    )
    async def discard_forwarding(
        self,
        info: Info,
        input: Annotated[DiscardForwardingInput, strawberry.argument(description="Which run.")],  # noqa: A002
    ) -> DiscardForwardingPayload | None:
        run = await info.context.write(discard_forwarding, input.run_id)
        return DiscardForwardingPayload(run=ForwardingRun.of(run))
