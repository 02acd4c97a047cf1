"""Writing referrals, for officers' offers and for the offers of forwarding runs that an officer approved.

At most one referral of an account, or of a number and epoch, to a provider awaits an answer. A unique index guarantees
this for concurrent calls too: an offer that would be a second one is not written. What the provider is given is
recorded as a transfer. Runs under the transition role.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from operator import attrgetter

from sqlalchemy import select, text

from ledger.accounts.table import Account, member_platforms
from ledger.complaints.states import ComplaintState
from ledger.complaints.table import Complaint
from ledger.complaints.vocabulary import ORDERABLE_REMEDIES
from ledger.errors import ConflictError, ForbiddenError, InvalidInputError
from ledger.feed.events import EventDraft
from ledger.feed.vocabulary import EventKind, Subject
from ledger.identifiers import ComplaintId, MemberId, OfficeId, OfficerId, ReferralId, new_id
from ledger.legal_time import LEGAL_ZONE
from ledger.numbers.table import PhoneNumber
from ledger.participations.table import Participation, in_force, participations
from ledger.participations.taking_part import hold_participations
from ledger.participations.vocabulary import Disclosure
from ledger.referrals.moves import referral_event, refresh_numbers
from ledger.referrals.states import OPEN_STATES
from ledger.referrals.table import (
    OPEN_ONE,
    Referral,
    ReferralComplaint,
    ReferralTransfer,
    referrals,
)
from ledger.referrals.vocabulary import TransferredField
from ledger.storage.columns import is_any
from ledger.storage.database import Transaction
from ledger.storage.rows import fetch_records, insert_and_read, insert_records, select_records
from ledger.vocabulary import Category

_ESCALATE = text("""
UPDATE complaints SET state = 'ESCALATED' WHERE id = ANY(CAST(:ids AS uuid[])) AND state = 'VERIFIED'
""")


BEHIND = frozenset({ComplaintState.VERIFIED, ComplaintState.ESCALATED})
"""States of complaints that a referral can stand on."""


class ProviderNotTakingPartError(ForbiddenError):
    """Nothing can be referred to this member: it has no participation in force."""

    code = "PROVIDER_NOT_TAKING_PART"
    hint = "Only a provider that accepted terms can be asked; nothing is referred to anyone else."


class OutsideTermsError(ForbiddenError):
    """The provider's terms do not cover this."""

    code = "REFERRAL_OUTSIDE_TERMS"


class ReplyDateError(InvalidInputError):
    """The courtesy reply date is in the past, or more than a year away."""

    code = "REFERRAL_REPLY_DATE_INVALID"


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedOffer:
    """A validated offer: to whom, about what, the complaints behind it (locked), and what the provider reads.

    An account whose handle is a number that is known here has that number as well.
    """

    provider_id: MemberId
    account: Account | None
    number: PhoneNumber | None
    complaints: Sequence[Complaint]
    category: Category
    summary: str
    reply_hoped_by: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Offerer:
    """The officer who offers, and the office."""

    officer_id: OfficerId
    office_id: OfficeId


async def hold_terms(tx: Transaction, provider_ids: Sequence[MemberId]) -> dict[MemberId, Participation]:
    """Return the participations in force of these members; none of them ends until the transaction does."""
    await hold_participations(tx)
    c = participations.c
    statement = select_records(tx, Participation).where(is_any(c.member_id, sorted(set(provider_ids))), in_force(c))
    return {each.member_id: each for each in await fetch_records(tx, Participation, statement)}


async def find_runners(tx: Transaction) -> dict[tuple[str, str], MemberId]:
    """Return which member runs each platform, by its name in the list and the name of one that isn't listed."""
    c = member_platforms.c
    found = await tx.execute(select(c.platform, c.platform_name, c.member_id).where(c.ended_at.is_(None)))
    return {(row.platform, row.platform_name): row.member_id for row in found}


async def find_open(tx: Transaction, subjects: Sequence[str]) -> set[tuple[str, str]]:
    """Return what the open referrals of these subjects are about, with their providers."""
    c = referrals.c
    statement = select(c.about, c.provider_id).where(
        is_any(c.about, subjects), c.state.in_([state.value for state in sorted(OPEN_STATES)])
    )
    return {(row.about, row.provider_id) for row in await tx.execute(statement)}


def check_within_terms(terms: Participation | None, category: Category, *, names_number: bool) -> None:
    """Check that the terms cover a referral. Errors: this module's."""
    if terms is None:
        raise ProviderNotTakingPartError(field="providerId")
    if category not in terms.categories:
        raise OutsideTermsError(f"The provider's terms do not cover the category {category}.", field="category")
    if names_number and terms.disclosure is not Disclosure.CLEAR:
        raise OutsideTermsError(
            "The provider's terms do not allow that it is told a number in clear.",
            field="number",
            hint="A referral names its number; agree on terms that disclose numbers in clear first.",
        )


def name_subject(account: Account | None, number: PhoneNumber | None) -> str:
    """What a referral is about, as its row identifies it. RuntimeError if it is about nothing."""
    if account is not None:
        return account.id
    if number is None:
        raise RuntimeError("A referral is about nothing.")
    return f"{number.e164}/{number.epoch}"


def choose_category(complaints: Sequence[Complaint]) -> Category:
    """The most frequent category of the complaints."""
    return Counter(complaint.category for complaint in complaints).most_common(1)[0][0]


def choose_reply_day(tx: Transaction, wanted: date | None) -> date:
    """The courtesy reply date, by default the policy's. Errors: ReplyDateError."""
    today = tx.as_of.astimezone(LEGAL_ZONE).date()
    if wanted is None:
        return today + timedelta(days=tx.policies.referral_reply_days)
    if not today <= wanted <= today + timedelta(days=365):
        raise ReplyDateError(field="replyHopedBy")
    return wanted


async def append_offers(
    tx: Transaction,
    prepared: Sequence[PreparedOffer],
    terms: Mapping[MemberId, Participation],
    *,
    numbers: Mapping[str, PhoneNumber],
    offerer: Offerer,
) -> tuple[list[Referral | None], list[EventDraft]]:
    """Write referrals, whose terms are held. Returns one for each offer, or None if one is already open; and events.

    numbers are those of the complaints behind them, locked.
    """
    made = [_render(tx, offer, terms[offer.provider_id], offerer=offerer) for offer in prepared]
    in_key_order = sorted(made, key=attrgetter("about", "provider_id"))
    written = {each.id: each for each in await insert_and_read(tx, in_key_order, unless=OPEN_ONE)}
    offered = [written.get(each.id) for each in made]
    links: list[ReferralComplaint] = []
    transfers: list[ReferralTransfer] = []
    for referral, offer in zip(offered, prepared, strict=True):
        if referral is not None:
            links.extend(
                ReferralComplaint(referral_id=referral.id, complaint_id=each.id, joined_at=tx.as_of)
                for each in offer.complaints
            )
            transfers.append(_render_transfer(tx, referral, offer, terms[offer.provider_id]))
    await insert_records(tx, transfers)
    events = [referral_event(each, EventKind.REFERRAL_OFFERED) for each in offered if each is not None]
    complaints = {complaint.id: complaint for offer in prepared for complaint in offer.complaints}
    events.extend(await link_complaints(tx, links, complaints, numbers))
    await refresh_numbers(tx, [each.e164 for each in offered if each is not None and each.e164 is not None])
    return offered, events


async def link_complaints(
    tx: Transaction,
    links: Sequence[ReferralComplaint],
    complaints: Mapping[ComplaintId, Complaint],
    numbers: Mapping[str, PhoneNumber],
) -> list[EventDraft]:
    """Link complaints (locked) to referrals, and escalate those that are VERIFIED and await no order as well.

    One that awaits an order stays VERIFIED, so that the next forwarding run still takes it up. Returns the events.
    """
    await insert_records(tx, links, unless="pk_referral_complaints")
    linked = {link.complaint_id: complaints[link.complaint_id] for link in links}
    escalated = [
        each
        for each in linked.values()
        if each.state is ComplaintState.VERIFIED and not awaits_order(each, numbers.get(each.e164 or ""))
    ]
    if escalated:
        ids = [each.id for each in escalated]
        moved = await tx.execute(_ESCALATE, {"ids": ids})
        if moved.rowcount != len(escalated):
            raise ConflictError("A complaint changed during this call; nothing was written.")
        tx.note_written(Subject.COMPLAINT, ids)
    return [
        EventDraft(
            kind=EventKind.COMPLAINT_ESCALATED,
            subject=Subject.COMPLAINT,
            subject_id=each.id,
            state=ComplaintState.ESCALATED,
            audience=[each.source_id],
        )
        for each in escalated
    ]


def awaits_order(complaint: Complaint, number: PhoneNumber | None) -> bool:
    """Whether a verified complaint asks for a block that an order could bring."""
    return (
        complaint.remedy in ORDERABLE_REMEDIES
        and number is not None
        and bool(number.is_domestic)
        and number.protected_reason is None
        and number.epoch == complaint.epoch
    )


def _render(tx: Transaction, offer: PreparedOffer, terms: Participation, *, offerer: Offerer) -> Referral:
    incidents = [each.incident_at for each in offer.complaints if each.incident_at is not None]
    return Referral(
        id=ReferralId(new_id()),
        provider_id=offer.provider_id,
        participation_id=terms.id,
        about=name_subject(offer.account, offer.number),
        account_id=offer.account.id if offer.account is not None else None,
        e164=offer.number.e164 if offer.number is not None else None,
        epoch=offer.number.epoch if offer.number is not None else None,
        category=offer.category,
        summary=offer.summary,
        incident_on=max(incidents).astimezone(LEGAL_ZONE).date() if incidents else None,
        complaint_count=len(offer.complaints),
        office_id=offerer.office_id,
        offered_by=offerer.officer_id,
        offered_at=tx.as_of,
        reply_hoped_by=offer.reply_hoped_by,
        changed_at=tx.as_of,
    )


def names_number(account: Account | None) -> bool:
    """Whether a referral tells its provider a number: it is about one, or the account's handle is one."""
    return account is None or account.e164 is not None


def _render_transfer(
    tx: Transaction, referral: Referral, offer: PreparedOffer, terms: Participation
) -> ReferralTransfer:
    kinds = TransferredField
    given: list[TransferredField] = [kinds.CATEGORY, kinds.SUMMARY, kinds.COMPLAINT_COUNT]
    for is_given, kind in (
        (offer.account is not None, kinds.ACCOUNT),
        (names_number(offer.account), kinds.NUMBER),
        (referral.incident_on is not None, kinds.INCIDENT_DAY),
    ):
        if is_given:
            given.append(kind)
    return ReferralTransfer(
        referral_id=referral.id,
        provider_id=referral.provider_id,
        participation_id=terms.id,
        ground=terms.transfer_ground,
        fields=tuple(sorted(given)),
        sent_at=tx.as_of,
    )
