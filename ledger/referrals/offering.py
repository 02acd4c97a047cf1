"""Offering referrals: an officer asks a provider that takes part to look at an account or a number.

Verified complaints must stand behind it. Unlike an order, a referral obliges nobody, so that one officer offers it
alone. A foreign or protected number can be referred, since nothing is ordered of it. An account is referred to the
provider that runs its platform, and to no other.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import and_, or_

from ledger.accounts.table import Account
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
    BEHIND,
    Offerer,
    PreparedOffer,
    append_offers,
    check_within_terms,
    choose_category,
    choose_reply_day,
    find_open,
    find_runners,
    hold_terms,
    name_subject,
    names_number,
)
from ledger.referrals.table import Referral
from ledger.storage.columns import is_any
from ledger.storage.database import Transaction
from ledger.storage.roles import Role
from ledger.storage.rows import fetch_records, load_records, select_records
from ledger.texts import check_text
from ledger.vocabulary import Category

SUMMARY_LENGTH_MAX = 1_000


class ReferralOpenError(ConflictError):
    """A referral of this to this provider is already open, or the provider has acted on one."""

    code = "REFERRAL_ALREADY_OPEN"


class ReferralGroundsError(InvalidInputError):
    """An offer must name exactly one of these: an account, a number, or complaints about one of them."""

    code = "REFERRAL_GROUNDS_UNCLEAR"


class ReferralUnfoundedError(ConflictError):
    """No verified complaint about this stands."""

    code = "REFERRAL_UNFOUNDED"


class PlatformNotRunError(InvalidInputError):
    """The provider does not run the platform of this account."""

    code = "REFERRAL_PLATFORM_NOT_RUN"
    hint = "Refer it to the provider that runs the platform; memberPlatforms says which one does."


class SummaryMissingError(InvalidInputError):
    """An offer needs a summary, which the provider reads instead of the complaints."""

    code = "REFERRAL_SUMMARY_MISSING"
    hint = "Write what a provider needs to know, and nothing that tells who complained."


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferDraft:
    """What an officer wants to refer, and to whom. category defaults to the complaints' most frequent."""

    provider_id: str
    summary: str
    account_id: str | None = None
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
        offered, events = await append_offers(
            tx, list(prepared.values()), grounds.terms, numbers=grounds.numbers, offerer=offerer
        )
        for place, referral in zip(prepared, offered, strict=True):
            results[place] = referral if referral is not None else ReferralOpenError().problem()
        await append_events(tx, events)
    return [results[place] for place in range(len(drafts))]


@dataclass(slots=True)
class _Grounds:
    """What the offers of one call stand on: complaints and numbers, locked, the terms, held, and open referrals."""

    complaints: Mapping[str, Complaint]
    numbers: Mapping[str, PhoneNumber]
    accounts: Mapping[str, Account]
    runners: Mapping[tuple[str, str], MemberId]
    terms: Mapping[MemberId, Participation]
    open_ones: set[tuple[str, str]]

    def prepare(self, tx: Transaction, draft: OfferDraft) -> PreparedOffer:
        """Check one offer against its grounds. Errors: a LedgerError that says what is wrong."""
        if sum((draft.account_id is not None, draft.number is not None, bool(draft.complaint_ids))) != 1:
            raise ReferralGroundsError
        summary = check_text(draft.summary, field="summary", length_max=SUMMARY_LENGTH_MAX, lines=True)
        if not summary:
            raise SummaryMissingError(field="summary")
        provider_id = MemberId(parse_id(draft.provider_id) or "")
        behind = self._complaints_of(draft)
        account = None if draft.number is not None else self.accounts.get(behind[0].account_id or "")
        number = self._number_of(account, behind)
        category = draft.category or choose_category(behind)
        check_within_terms(self.terms.get(provider_id), category, names_number=names_number(account))
        if account is not None and self.runners.get((account.platform, account.platform_name)) != provider_id:
            raise PlatformNotRunError(field="providerId")
        if (name_subject(account, number), provider_id) in self.open_ones:
            raise ReferralOpenError
        return PreparedOffer(
            provider_id=provider_id,
            account=account,
            number=number,
            complaints=behind,
            category=category,
            summary=summary,
            reply_hoped_by=choose_reply_day(tx, draft.reply_hoped_by),
        )

    def _number_of(self, account: Account | None, behind: Sequence[Complaint]) -> PhoneNumber | None:
        return self.numbers.get((behind[0].e164 if account is None else account.e164) or "")

    def _complaints_of(self, draft: OfferDraft) -> list[Complaint]:
        """The complaints behind an offer, all about one account or one number in its present assignment."""
        if draft.complaint_ids:
            return self._named(draft.complaint_ids)
        standing = [each for each in self.complaints.values() if each.state in BEHIND]
        if draft.number is not None:
            number = self.numbers.get(parse_number(draft.number).e164)
            found = [
                each
                for each in standing
                if number is not None and (each.e164, each.epoch) == (number.e164, number.epoch)
            ]
        else:
            account_id = parse_id(draft.account_id or "")
            found = [each for each in standing if account_id is not None and each.account_id == account_id]
        if not found:
            raise ReferralUnfoundedError(field="number" if draft.number is not None else "accountId")
        return found

    def _named(self, complaint_ids: Sequence[str]) -> list[Complaint]:
        found = [self._standing(complaint_id) for complaint_id in dict.fromkeys(complaint_ids)]
        about_accounts = {each.account_id for each in found}
        if len(about_accounts) == 1 and None not in about_accounts:
            return found
        about_numbers = {(each.e164, each.epoch) for each in found}
        e164, epoch = next(iter(about_numbers))
        number = self.numbers.get(e164 or "")
        if about_accounts != {None} or len(about_numbers) != 1 or number is None or number.epoch != epoch:
            raise ReferralGroundsError(
                "The complaints concern more than one account or number, or one that has since changed subscribers.",
                field="complaintIds",
            )
        return found

    def _standing(self, complaint_id: str) -> Complaint:
        complaint = self.complaints.get(parse_id(complaint_id) or "")
        if complaint is None:
            raise UnknownError("There is no such complaint.", field="complaintIds")
        if complaint.state not in BEHIND:
            raise StateConflictError(
                f"A complaint that is {complaint.state} can't support a referral.", field="complaintIds"
            )
        return complaint


async def _find_grounds(tx: Transaction, drafts: Sequence[OfferDraft]) -> _Grounds:
    ids = {known for draft in drafts for text_id in draft.complaint_ids[:1000] if (known := parse_id(text_id))}
    account_ids = {known for draft in drafts if (known := parse_id(draft.account_id or ""))}
    e164s = {number.e164 for draft in drafts if draft.number and (number := find_number(draft.number))}
    c = complaints.c
    about = or_(is_any(c.e164, sorted(e164s)), is_any(c.account_id, sorted(account_ids)))
    stands = c.state.in_([state.value for state in sorted(BEHIND)])
    statement = select_records(tx, Complaint).where(or_(is_any(c.id, sorted(ids)), and_(about, stands))).order_by(c.id)
    locked: dict[str, Complaint] = {
        each.id: each for each in await fetch_records(tx, Complaint, statement.with_for_update())
    }
    account_ids |= {complaint.account_id for complaint in locked.values() if complaint.account_id is not None}
    accounts = await load_records(tx, Account, sorted(account_ids))
    e164s |= {complaint.e164 for complaint in locked.values() if complaint.e164 is not None}
    e164s |= {account.e164 for account in accounts.values() if account.e164 is not None}
    numbers = await lock_numbers(tx, sorted(e164s))
    providers = [MemberId(known) for draft in drafts if (known := parse_id(draft.provider_id))]
    terms = await hold_terms(tx, providers)
    subjects = [*accounts, *(name_subject(None, number) for number in numbers.values())]
    runners = await find_runners(tx) if accounts else {}
    return _Grounds(locked, numbers, accounts, runners, terms, await find_open(tx, subjects))
