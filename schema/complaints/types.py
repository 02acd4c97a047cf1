"""Complaints as their source and the regulator may see them. These types must never reveal the complainant."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import strawberry
import strawberry.federation as fed
from strawberry import UNSET

from ledger.accounts.reading import load_accounts
from ledger.complaints import table
from ledger.complaints.complainants import OpenedReveal
from ledger.complaints.evidence import load_evidence
from ledger.complaints.links import Link, Linked
from ledger.complaints.notes import OpenedNote
from ledger.complaints.reading import (
    COMPLAINTS,
    count_complaints,
    get_complaint_by_ticket,
    list_complaints,
    load_complaints,
    named_complaint,
)
from ledger.complaints.reading import ComplaintFilter as LedgerComplaintFilter
from ledger.complaints.states import ComplaintState
from ledger.complaints.vocabulary import ComplaintOutcome, ComplaintSort, Medium, RejectionReason, Remedy
from ledger.errors import UnknownError
from ledger.extracts.reading import load_extracts_of_evidence
from ledger.identifiers import parse_id
from ledger.members.reading import load_members, load_officers
from ledger.numbers.reading import load_numbers
from ledger.referrals.reading import load_complaint_referrals
from ledger.vocabulary import Category, HoldReason
from resolvers.context import Context
from schema.accounts.types import PlatformAccount
from schema.authority import AUDIT_READ, COMPLAINT_STAFF, COMPLAINTS_READ, EVIDENCE_READ, REFERRAL_STAFF
from schema.complaints.links import EvidenceLink
from schema.errors import OneKeyNeededError
from schema.extracts.types import EvidenceExtract
from schema.fields import field
from schema.info import Info
from schema.members.types import Member, Officer
from schema.models import Shown, given_filter
from schema.numbers.types import PhoneNumber
from schema.pages import LONG, OPENED, PAGED, After, CountedConnection, Counts, First, few, page_request
from schema.reads import Listed, Named, many, one, part
from schema.scalars import E164, Base64, Rupiah
from schema.texts import CHECKED

if TYPE_CHECKING:
    from schema.referrals.types import ReferralComplaint


@fed.type(description="What is known about one piece of evidence without opening it.", requires_scopes=COMPLAINTS_READ)
class Evidence(Shown[table.Evidence]):
    id: strawberry.ID = strawberry.field(description="Its ID.")
    media_type: str = strawberry.field(description="Its media type.")
    file_name: str | None = strawberry.field(description="The file's name as submitted.")
    size_bytes: int = strawberry.field(description="Its size in bytes.")
    sha256: str = strawberry.field(description="The SHA-256 of its bytes, in hexadecimal.")
    captured_at: datetime | None = strawberry.field(description="When it was captured, according to the source.")
    recorded_at: datetime = strawberry.field(description="When it was received.")
    erased_at: datetime | None = strawberry.field(
        description="When retention erased its bytes; the link leads to EVIDENCE_ERASED since then."
    )

    @field("A link to its bytes, for you alone.", directives=[OPENED])
    async def link(self, info: Info) -> EvidenceLink:
        return EvidenceLink.to(info.context, Link(Linked.EVIDENCE, self.row.id))

    extracts: list[EvidenceExtract] | None = many(
        "The redacted extracts made of it, oldest first; visible to the regulator only.",
        EvidenceExtract,
        load_extracts_of_evidence,
        needs=EVIDENCE_READ,
        directives=[few(1)],
    )


@fed.type(description="A note of an officer on a complaint.", requires_scopes=COMPLAINT_STAFF)
class ComplaintNote(Shown[OpenedNote]):
    id: strawberry.ID = strawberry.field(description="Its ID; its event calls it noteId.")
    text: str = strawberry.field(description="The note.", directives=[LONG])
    noted_at: datetime = strawberry.field(description="When it was written.")
    officer: Officer | None = one("Who wrote it.", Officer, load_officers, by="officer_id")


@fed.type(description="A record that an officer was shown who complained.", requires_scopes=AUDIT_READ)
class ComplainantReveal(Shown[OpenedReveal]):
    id: strawberry.ID = strawberry.field(description="Its ID; its event calls it revealId.")
    purpose: str = strawberry.field(description="The purpose, in the officer's words; empty once it was erased.")
    purpose_salt: Base64 = strawberry.field(
        description="The event's purposeHash is the SHA-256 of these bytes followed by the purpose, in hexadecimal."
    )
    revealed_at: datetime = strawberry.field(description="When it happened.")
    client_id: strawberry.ID | None = strawberry.field(description="The client that the officer used.")

    officer: Officer | None = one("The officer.", Officer, load_officers, by="officer_id")


@fed.type(description="An account on a messaging service that a complaint is about, as its source wrote it.")
class Account:
    platform: str = strawberry.field(description="The service.")
    handle: str | None = strawberry.field(description="The account's handle there.")
    url: str | None = strawberry.field(description="The account's URL.")


def _find_referral_complaint() -> type[Any]:
    from schema.referrals.types import ReferralComplaint

    return ReferralComplaint


@fed.type(
    description="A complaint about a number or an account, visible to its source and the regulator.",
    keys=["id"],
    requires_scopes=COMPLAINTS_READ,
)
class Complaint(Shown[table.Complaint]):
    id: strawberry.ID = strawberry.field(description="Its ID.")
    ticket_no: str = strawberry.field(description="Its human-readable number.")
    source_reference: str | None = strawberry.field(description="The source's own ID for it.")
    e164: E164 | None = strawberry.field(description="The number the complaint is about.")
    epoch: int | None = strawberry.field(
        description="The assignment of the number that the complaint was attributed to."
    )
    epoch_uncertain: bool = strawberry.field(
        name="isEpochUncertain",
        description="Whether the number may have belonged to another subscriber at the time of the incident.",
    )
    medium: Medium = strawberry.field(description="How the offender reached the complainant.")
    category: Category = strawberry.field(description="What the complaint is about.")
    incident_at: datetime | None = strawberry.field(description="When it happened, if known.")
    loss_rupiah: Rupiah | None = strawberry.field(name="loss", description="How much the complainant lost.")
    remedy: Remedy = strawberry.field(description="What the complainant asks for.")
    complainant_ref: str | None = strawberry.field(
        description="A keyed hash of the complainant's identity: the same for the same person, disclosing nothing else."
    )
    marks: list[HoldReason] = strawberry.field(
        description="What the guard noticed about the complaint.", directives=[few(2)]
    )
    state: ComplaintState = strawberry.field(description="Where it stands.")
    rejection_reason: RejectionReason | None = strawberry.field(description="Why it was rejected.")
    info_request: str | None = strawberry.field(description="What an officer asks the source.", directives=[LONG])
    outcome: ComplaintOutcome | None = strawberry.field(
        description="The complaint's outcome: the best of what it led to."
    )
    order_outcome: ComplaintOutcome | None = strawberry.field(
        description="The outcome of the block orders that it led to; null if it led to none."
    )
    referral_outcome: ComplaintOutcome | None = strawberry.field(
        description="The outcome of the referrals to messaging services that it led to; null if it led to none."
    )
    filed_at: datetime = strawberry.field(description="When it was filed.")
    complete_at: datetime | None = strawberry.field(
        description="When it was complete; the time limit for verifying it runs from then."
    )
    verification_due_at: datetime | None = strawberry.field(description="When an officer's decision is due.")
    decided_at: datetime | None = strawberry.field(description="When an officer last decided on it.")
    resolved_at: datetime | None = strawberry.field(description="When it was resolved.")
    complainant_informed_at: datetime | None = strawberry.field(description="When the complainant was informed.")
    erased_at: datetime | None = strawberry.field(
        description="When retention erased its complainant, chronology, evidence and notes."
    )
    decision_note: str | None = fed.field(
        description="The officer's note; visible to the regulator only.",
        requires_scopes=COMPLAINT_STAFF,
        directives=[LONG],
    )

    number: PhoneNumber | None = one(
        "The number the complaint is about, as far as you may see it.", PhoneNumber, load_numbers, by="e164"
    )

    account: Account | None = part(
        "The account the complaint is about, as the source wrote it.",
        Account,
        given=["account_platform"],
        platform="account_platform",
        handle="account_handle",
        url="account_url",
    )

    platform_account: PlatformAccount | None = one(
        "That account as a thing of its own, with what else is known of it.",
        PlatformAccount,
        load_accounts,
        by="account_id",
    )

    source: Member | None = one("The member that filed it.", Member, load_members, by="source_id")

    is_verification_overdue: bool = strawberry.field(
        description="Whether it still awaits an officer although its verification is overdue."
    )

    @field("What happened, in the complainant's words.", directives=[OPENED])
    async def chronology(self, info: Info) -> str | None:
        return await info.context.loaders.chronologies.load(self.row.id)

    evidence: list[Evidence] | None = many(
        "The evidence submitted with it, oldest first.", Evidence, load_evidence, directives=[few(3)]
    )
    first_complaint: "Complaint | None" = one(
        "The complaint that this one duplicates, if you may see it.",
        lambda: Complaint,
        load_complaints,
        by="duplicate_of",
        name="duplicateOf",
    )

    decider: Officer | None = one(
        "The officer who last decided on it; visible to the regulator only.",
        Officer,
        load_officers,
        by="decided_by",
        needs=COMPLAINT_STAFF,
        name="decidedBy",
    )

    referrals: list[Annotated["ReferralComplaint", strawberry.lazy("schema.referrals.types")]] | None = many(
        "The referrals that it led to, oldest first; visible to the regulator only.",
        _find_referral_complaint,
        load_complaint_referrals,
        needs=REFERRAL_STAFF,
        directives=[few(2)],
    )

    @field(
        "Who was shown the complainant's identity and for what purpose, oldest first.",
        needs=AUDIT_READ,
        directives=[few(1)],
    )
    async def reveals(self, info: Info) -> list[ComplainantReveal] | None:
        return [ComplainantReveal.of(reveal) for reveal in await info.context.loaders.reveals.load(self.row.id) or []]

    @field(
        "Officers' notes on it, oldest first; visible to the regulator only.",
        needs=COMPLAINT_STAFF,
        directives=[few(2), OPENED],
    )
    async def notes(self, info: Info) -> list[ComplaintNote] | None:
        return [ComplaintNote.of(note) for note in await info.context.loaders.notes.load(self.row.id) or []]

    is_claimed: bool | None = fed.field(
        description="Whether an officer has claimed it and the claim lasts; visible to the regulator only.",
        requires_scopes=COMPLAINT_STAFF,
    )
    claimed_at: datetime | None = fed.field(
        description="When it was last claimed; visible to the regulator only.", requires_scopes=COMPLAINT_STAFF
    )
    claim_ends_at: datetime | None = fed.field(
        description="When the last claim ends, or ended, by itself; visible to the regulator only.",
        requires_scopes=COMPLAINT_STAFF,
    )
    claimer: Officer | None = one(
        "The officer who last claimed it; visible to the regulator only.",
        Officer,
        load_officers,
        by="claimed_by",
        needs=COMPLAINT_STAFF,
        name="claimedBy",
    )
    assigned_at: datetime | None = fed.field(
        description="When it was last assigned; visible to the regulator only.", requires_scopes=COMPLAINT_STAFF
    )
    assignee: Officer | None = one(
        "The officer that it is assigned to; visible to the regulator only.",
        Officer,
        load_officers,
        by="assigned_to",
        needs=COMPLAINT_STAFF,
        name="assignedTo",
    )

    @classmethod
    async def resolve_reference(cls, info: Info, id: strawberry.ID) -> "Complaint":  # noqa: A002 - the key's name
        return await get_complaint(info.context, id)


@fed.type(description="One page of complaints.", requires_scopes=COMPLAINTS_READ)
class ComplaintConnection(CountedConnection[Complaint]):
    pass


@fed.input(description="Which complaints to return. Criteria that are left out match everything.")
class ComplaintFilter:
    states: list[ComplaintState] | None = strawberry.field(description="In any of these states.", default=UNSET)
    categories: list[Category] | None = strawberry.field(description="In any of these categories.", default=UNSET)
    number: E164 | None = strawberry.field(description="About this number.", default=UNSET)
    account_id: strawberry.ID | None = strawberry.field(description="About this account.", default=UNSET)
    source_id: strawberry.ID | None = strawberry.field(description="Filed by this member.", default=UNSET)
    source_reference: str | None = strawberry.field(
        description="With this ID of the source's own, of whichever source you may see.", default=UNSET
    )
    filed_after: datetime | None = strawberry.field(description="Filed at or after this time.", default=UNSET)
    filed_before: datetime | None = strawberry.field(description="Filed before this time.", default=UNSET)
    decided_by: strawberry.ID | None = strawberry.field(
        description="Last decided on by this officer; fits the sort order DECIDED_NEWEST. Finds nothing for anyone but "
        "the regulator.",
        default=UNSET,
    )
    decided_after: datetime | None = strawberry.field(
        description="Last decided on at or after this time; fits the sort order DECIDED_NEWEST.", default=UNSET
    )
    decided_before: datetime | None = strawberry.field(description="Last decided on before this time.", default=UNSET)
    is_verification_overdue: bool | None = strawberry.field(
        description="Whether it awaits an officer although its verification is overdue.", default=UNSET
    )
    is_claimed: bool | None = strawberry.field(
        description="Whether an officer's claim of it lasts. Finds nothing for anyone but the regulator.", default=UNSET
    )
    assigned_to: strawberry.ID | None = strawberry.field(
        description="Assigned to this officer. Finds nothing for anyone but the regulator.", default=UNSET
    )
    worked_on_by: strawberry.ID | None = strawberry.field(
        description="Claimed by this officer, or assigned to it. Finds nothing for anyone but the regulator.",
        default=UNSET,
    )
    complainant_ref: str | None = strawberry.field(description="From the same complainant.", default=UNSET)


async def find_complaint(context: Context, complaint_id: str | None) -> Complaint | None:
    """The complaint with that id, or None if the viewer may not see it; look-ups of an operation are batched."""
    complaint = await context.loaders.complaints.load(complaint_id) if complaint_id else None
    return Complaint.of(complaint) if complaint else None


async def get_complaint(context: Context, complaint_id: str) -> Complaint:
    """The complaint with that id; look-ups of an operation are batched. Errors: UnknownError."""
    complaint = await find_complaint(context, parse_id(complaint_id))
    if complaint is None:
        raise UnknownError(field="id")
    return complaint


@fed.type
class ComplaintQueries:
    @field(
        "One complaint that you may see, by its ID or its human-readable number.",
        needs=COMPLAINTS_READ,
        extensions=[CHECKED],
        reads=Named(load_complaints, lambda id, ticket_no: named_complaint(complaint_id=id, ticket_no=ticket_no)),  # noqa: A006
    )
    async def complaint(
        self,
        info: Info,
        id: Annotated[strawberry.ID | None, strawberry.argument(description="Its ID.")] = UNSET,  # noqa: A002
        ticket_no: Annotated[str | None, strawberry.argument(description="Its human-readable number.")] = UNSET,
    ) -> Complaint | None:
        """Errors: NOT_FOUND, ONE_KEY_NEEDED."""
        if bool(id) == bool(ticket_no):
            raise OneKeyNeededError
        if id:
            return await get_complaint(info.context, id)
        return Complaint.of(await info.context.read(get_complaint_by_ticket, ticket_no or ""))

    @field(
        "Complaints that you may see.",
        needs=COMPLAINTS_READ,
        directives=[PAGED],
        extensions=[CHECKED],
        reads=Listed(COMPLAINTS),
    )
    async def complaints(
        self,
        info: Info,
        filter: Annotated[  # noqa: A002 - the graph's name
            ComplaintFilter | None, strawberry.argument(description="Which ones.")
        ] = UNSET,
        sort: Annotated[ComplaintSort, strawberry.argument(description="The sort order.")] = ComplaintSort.FILED_NEWEST,
        first: First = UNSET,
        after: After = UNSET,
    ) -> ComplaintConnection | None:
        where = LedgerComplaintFilter(**given_filter(filter))
        page = await info.context.read(list_complaints, page_request(first, after), where, sort=sort)
        counts = Counts(count_complaints, where)
        return ComplaintConnection.of(page, Complaint.of, after=after, counts=counts)
