"""Offering referrals: an officer asks a provider that takes part to look at a number, from its verified complaints.

Unlike an order, a referral obliges nobody, so that one officer offers it alone. A foreign or protected number can be
referred, since nothing is ordered of it.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from sqlalchemy import or_, select

from ledger.complaints.states import ComplaintState
from ledger.complaints.table import Complaint, complaints
from ledger.errors import ConflictError, InvalidInputError, LedgerError, Problem, StateConflictError, UnknownError
from ledger.feed.events import append_events
from ledger.identifiers import MemberId, parse_id
from ledger.numbers.forms import find_number, parse_number
from ledger.numbers.reading import lock_numbers
from ledger.numbers.table import PhoneNumber
from ledger.participations.table import Participation
from ledger.permissions import require_batch, require_drafter
from ledger.referrals.offers import (
    Offerer,
    PreparedOffer,
    append_offers,
    check_within_terms,
    choose_category,
    choose_reply_day,
    hold_terms,
)
from ledger.referrals.states import OPEN_STATES
from ledger.referrals.table import Referral, referrals
from ledger.storage.columns import is_any
from ledger.storage.database import Transaction
from ledger.storage.roles import Role
from ledger.storage.rows import fetch_records, select_records
from ledger.texts import check_text
from ledger.vocabulary import Category

SUMMARY_LENGTH_MAX = 1_000
_BEHIND = frozenset({ComplaintState.VERIFIED, ComplaintState.ESCALATED})
"""States of complaints that a referral can stand on."""


class ReferralOpenError(ConflictError):
    """A referral of this number to this provider is already open, or the provider has acted on one."""

    code = "REFERRAL_ALREADY_OPEN"


class ReferralGroundsError(InvalidInputError):
    """An offer must name exactly one of these: a number, or complaints about one number."""

    code = "REFERRAL_GROUNDS_UNCLEAR"


class ReferralUnfoundedError(ConflictError):
    """No verified complaint about this number stands."""

    code = "REFERRAL_UNFOUNDED"


class SummaryMissingError(InvalidInputError):
    """An offer needs a summary, which the provider reads instead of the complaints."""

    code = "REFERRAL_SUMMARY_MISSING"
    hint = "Write what a provider needs to know, and nothing that tells who complained."


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferDraft:
    """What an officer wants to refer, and to whom. category defaults to the complaints' most frequent."""

    provider_id: str
    summary: str
    number: str | None = None
    complaint_ids: tuple[str, ...] = ()
    category: Category | None = None
    reply_hoped_by: date | None = None


async def offer_referrals(tx: Transaction, drafts: Sequence[OfferDraft]) -> list[Referral | Problem]:
    """Offer referrals, item by item.

    Shapes: 1..1000; results in the order given. Units: reply_hoped_by is a legal day (WIB).
    Errors: OfficerRequiredError, ForbiddenError, TooManyItemsError for the call; PROVIDER_NOT_TAKING_PART,
    REFERRAL_OUTSIDE_TERMS, REFERRAL_ALREADY_OPEN, REFERRAL_UNFOUNDED, NOT_FOUND, INCOMPATIBLE_STATE for an item.
    Source: domain.md, Referral; docs/adr/0152, 0154.
    """
    officer_id, office_id = require_drafter(tx.viewer)
    require_batch(drafts)
    async with tx.role(Role.TRANSITION):
        grounds = await _find_grounds(tx, drafts)
        results: dict[int, Referral | Problem] = {}
        prepared: dict[int, PreparedOffer] = {}
        for place, draft in enumerate(drafts):
            try:
                prepared[place] = grounds.prepare(tx, draft)
            except LedgerError as error:
                results[place] = error.problem()
        offerer = Offerer(officer_id=officer_id, office_id=office_id)
        offered, events = await append_offers(tx, list(prepared.values()), grounds.terms, offerer=offerer)
        for place, referral in zip(prepared, offered, strict=True):
            results[place] = referral if referral is not None else ReferralOpenError().problem()
        await append_events(tx, events)
    return [results[place] for place in range(len(drafts))]


@dataclass(slots=True)
class _Grounds:
    """What the offers of one call stand on: complaints and numbers, locked, the terms, held, and open referrals."""

    complaints: Mapping[str, Complaint]
    numbers: Mapping[str, PhoneNumber]
    terms: Mapping[MemberId, Participation]
    open_ones: set[tuple[str, int, str]]
    standing: dict[str, list[Complaint]] = field(init=False, default_factory=lambda: defaultdict(list))
    """The complaints of each number that a referral can stand on."""

    def __post_init__(self) -> None:
        for complaint in self.complaints.values():
            if complaint.state in _BEHIND and complaint.e164 is not None:
                self.standing[complaint.e164].append(complaint)

    def prepare(self, tx: Transaction, draft: OfferDraft) -> PreparedOffer:
        """Check one offer against its grounds. Errors: a LedgerError that says what is wrong."""
        if (draft.number is not None) == bool(draft.complaint_ids):
            raise ReferralGroundsError
        summary = check_text(draft.summary, field="summary", length_max=SUMMARY_LENGTH_MAX, lines=True)
        if not summary:
            raise SummaryMissingError(field="summary")
        provider_id = MemberId(parse_id(draft.provider_id) or "")
        behind = self._complaints_of(draft)
        number = self.numbers[behind[0].e164 or ""]
        category = draft.category or choose_category(behind)
        check_within_terms(self.terms.get(provider_id), category)
        if (number.e164, number.epoch, provider_id) in self.open_ones:
            raise ReferralOpenError
        return PreparedOffer(
            provider_id=provider_id,
            number=number,
            complaints=behind,
            category=category,
            summary=summary,
            reply_hoped_by=choose_reply_day(tx, draft.reply_hoped_by),
        )

    def _complaints_of(self, draft: OfferDraft) -> list[Complaint]:
        """The complaints behind an offer, all about one number in its present assignment."""
        if draft.number is not None:
            e164 = parse_number(draft.number).e164
            number = self.numbers.get(e164)
            found = [each for each in self.standing[e164] if number is not None and each.epoch == number.epoch]
            if not found:
                raise ReferralUnfoundedError(field="number")
            return found
        found = [self._standing(complaint_id) for complaint_id in dict.fromkeys(draft.complaint_ids)]
        about = {(each.e164, each.epoch) for each in found}
        about_number, epoch = next(iter(about))
        number = self.numbers.get(about_number or "")
        if len(about) != 1 or number is None or number.epoch != epoch:
            raise ReferralGroundsError(
                "The complaints concern more than one number, or one that has since changed subscribers.",
                field="complaintIds",
            )
        return found

    def _standing(self, complaint_id: str) -> Complaint:
        complaint = self.complaints.get(parse_id(complaint_id) or "")
        if complaint is None:
            raise UnknownError("There is no such complaint.", field="complaintIds")
        if complaint.state not in _BEHIND:
            raise StateConflictError(
                f"A complaint that is {complaint.state} can't support a referral.", field="complaintIds"
            )
        return complaint


async def _find_grounds(tx: Transaction, drafts: Sequence[OfferDraft]) -> _Grounds:
    ids = {known for draft in drafts for text_id in draft.complaint_ids[:1000] if (known := parse_id(text_id))}
    e164s = {number.e164 for draft in drafts if draft.number and (number := find_number(draft.number))}
    c = complaints.c
    about = is_any(c.e164, sorted(e164s)) & c.state.in_([state.value for state in sorted(_BEHIND)])
    statement = select_records(tx, Complaint).where(or_(is_any(c.id, sorted(ids)), about)).order_by(c.id)
    locked: dict[str, Complaint] = {
        each.id: each for each in await fetch_records(tx, Complaint, statement.with_for_update())
    }
    e164s |= {complaint.e164 for complaint in locked.values() if complaint.e164 is not None}
    numbers = await lock_numbers(tx, sorted(e164s))
    providers = [MemberId(known) for draft in drafts if (known := parse_id(draft.provider_id))]
    terms = await hold_terms(tx, providers)
    return _Grounds(locked, numbers, terms, await find_open(tx, sorted(e164s)))


async def find_open(tx: Transaction, e164s: Sequence[str]) -> set[tuple[str, int, str]]:
    """Return number, epoch and provider of the open referrals of these numbers, which are locked."""
    c = referrals.c
    statement = select(c.e164, c.epoch, c.provider_id).where(
        is_any(c.e164, e164s), c.state.in_([state.value for state in sorted(OPEN_STATES)])
    )
    return {(row.e164, row.epoch, row.provider_id) for row in await tx.execute(statement)}
