"""The offers of a run: verified complaints that ask a messaging service to act become referrals, once approved.

The provider is the one that runs the platform of the complaint's account; nothing guesses it. Until an officer approves
the manifest, an offer is a line of it and nothing else: no provider learns of it. A complaint that asks for nothing but
an account's action, and that no provider which takes part can be asked about, is ended by the approval with an outcome
that says so. Runs under the transition role.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import text

from ledger.accounts.table import Account
from ledger.canonical import hash_canonical, render_canonical
from ledger.complaints.moves import complaint_event
from ledger.complaints.states import ComplaintMove, ComplaintState, next_complaint_state
from ledger.complaints.table import Complaint
from ledger.complaints.vocabulary import ComplaintOutcome
from ledger.copies import replace
from ledger.errors import LedgerError, Problem
from ledger.feed.events import EventDraft
from ledger.feed.vocabulary import EventKind
from ledger.forwarding.table import UNPLACED, ForwardingItem, ForwardingOffer, forwarding_offers
from ledger.forwarding.vocabulary import ForwardingResult
from ledger.identifiers import ComplaintId, ForwardingRunId, MemberId
from ledger.numbers.reading import lock_numbers
from ledger.orders.content import ContentChangedError
from ledger.orders.drafts import count_complainants
from ledger.referrals.joining import join_open_referrals
from ledger.referrals.offering import PlatformNotRunError, ReferralOpenError, ReferralUnfoundedError
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
from ledger.storage.database import Transaction
from ledger.storage.rows import fetch_records, load_records, lock_records, select_records, update_records
from ledger.vocabulary import Category

# The provider that can be asked about a complaint, if one can. A complaint is looked at again until it is linked to a
# referral or stands in a manifest that has not been decided on; one that asks for an account's action alone is VERIFIED
# only while nobody is asked about it.
_WAITING = """
SELECT c.id, c.account_id, c.e164, c.remedy, p.member_id AS provider_id,
       coalesce(n.is_domestic AND n.protected_reason IS NULL AND n.epoch = c.epoch, false) AS is_orderable
FROM complaints c
LEFT JOIN phone_numbers n ON n.e164 = c.e164
LEFT JOIN accounts a ON a.id = c.account_id
LEFT JOIN member_platforms m ON m.platform = a.platform AND m.platform_name = a.platform_name AND m.ended_at IS NULL
LEFT JOIN participations p ON p.member_id = m.member_id AND p.began_at IS NOT NULL AND p.ended_at IS NULL
  AND c.category = ANY(p.categories) AND (a.e164 IS NULL OR p.disclosure = 'CLEAR')
WHERE c.state IN ('VERIFIED', 'ESCALATED') AND c.remedy IN ('OTT_ACTION', 'BOTH')
  AND (CAST(:categories AS text[]) IS NULL OR c.category = ANY(CAST(:categories AS text[])))
  AND ((c.state = 'VERIFIED' AND c.remedy = 'OTT_ACTION') OR NOT EXISTS (
    SELECT 1 FROM referral_complaints l JOIN referrals r ON r.id = l.referral_id
    WHERE l.complaint_id = c.id AND r.state <> 'WITHDRAWN'))
  AND NOT EXISTS (SELECT 1 FROM forwarding_offers o JOIN forwarding_runs r ON r.id = o.run_id
                  WHERE o.complaint_id = c.id AND r.state = 'PROPOSED')
"""
_CHOOSE = text(f"""
WITH waiting AS ({_WAITING}), subjects AS (
  SELECT account_id, CASE WHEN account_id IS NULL THEN e164 END AS e164, provider_id, min(id::text) AS oldest
  FROM waiting WHERE provider_id IS NOT NULL OR (remedy = 'OTT_ACTION' OR NOT is_orderable)
  GROUP BY 1, 2, 3 ORDER BY oldest LIMIT :limit
)
SELECT w.id, w.provider_id FROM waiting w JOIN subjects s ON s.provider_id IS NOT DISTINCT FROM w.provider_id
  AND s.account_id IS NOT DISTINCT FROM w.account_id
  AND (s.account_id IS NOT NULL OR s.e164 IS NOT DISTINCT FROM w.e164)
WHERE w.provider_id IS NOT NULL OR (w.remedy = 'OTT_ACTION' OR NOT w.is_orderable)
ORDER BY s.oldest, w.id
""")


@dataclass(frozen=True, slots=True)
class ProposedOffers:
    """The offers of a run: manifest items, without places, each with its complaints; and events of what was joined."""

    items: Sequence[tuple[ForwardingItem, Sequence[ComplaintId]]]
    events: Sequence[EventDraft]


async def propose_offers(
    tx: Transaction, run_id: ForwardingRunId, *, categories: Sequence[Category], limit: int
) -> ProposedOffers:
    """Find what a run can offer, at most `limit` accounts, and join complaints to referrals that are already open."""
    named = [category.value for category in categories] or None
    chosen = (await tx.execute(_CHOOSE, {"categories": named, "limit": limit})).all()
    if not chosen:
        return ProposedOffers((), ())
    providers = {row.id: row.provider_id for row in chosen}
    locked = await lock_records(tx, Complaint, sorted(providers))
    behind: dict[tuple[str, str | None], list[Complaint]] = defaultdict(list)
    for complaint_id, provider_id in providers.items():
        complaint = locked[complaint_id]
        if complaint.state in BEHIND:
            behind[complaint.account_id or complaint.e164 or "", provider_id].append(complaint)
    accounts = await load_records(tx, Account, sorted({each.account_id for each in locked.values() if each.account_id}))
    joined, events = await join_open_referrals(
        tx, {(subject, provider): found for (subject, provider), found in behind.items() if provider is not None}
    )
    items: list[tuple[ForwardingItem, Sequence[ComplaintId]]] = []
    for (subject, provider), found in behind.items():
        referral = joined.get((subject, provider or ""))
        item = _render_item(run_id, accounts.get(subject), provider, found)
        if referral is not None:
            item = replace(item, result=ForwardingResult.JOINED, referral_id=referral.id, content_hash=None)
        items.append((item, () if referral is not None else [each.id for each in found]))
    return ProposedOffers(items, events)


def _render_item(
    run_id: ForwardingRunId,
    account: Account | None,
    provider_id: str | None,
    behind: Sequence[Complaint],
) -> ForwardingItem:
    item = ForwardingItem(
        run_id=run_id,
        place=UNPLACED,
        e164=behind[0].e164 if account is None else account.e164,
        account_id=account.id if account is not None else None,
        result=ForwardingResult.NO_PROVIDER if provider_id is None else ForwardingResult.OFFERED,
        provider_id=MemberId(provider_id) if provider_id is not None else None,
        complaint_count=len(behind),
        complainant_count=count_complainants(behind),
    )
    if provider_id is None:
        return item
    return replace(item, content_hash=hash_offer(item, behind))


def hash_offer(item: ForwardingItem, behind: Sequence[Complaint]) -> str:
    """The hash of what an offer tells its provider, so that an approval covers that and nothing else."""
    content = {
        "providerId": item.provider_id,
        "accountId": item.account_id,
        "number": item.e164,
        "category": choose_category(behind),
        "summary": _summarize(behind),
        "complaintIds": sorted(each.id for each in behind),
    }
    return hash_canonical(render_canonical(content))


def _summarize(behind: Sequence[Complaint]) -> str:
    count = len(behind)
    return f"{count} verified complaint{'s' if count > 1 else ''}, most of category {choose_category(behind)}."


async def lock_offered(tx: Transaction, items: Sequence[ForwardingItem]) -> Mapping[int, Sequence[Complaint]]:
    """Lock the complaints behind a manifest's offers and return those on which one still can stand, by place."""
    if not items:
        return {}
    c = forwarding_offers.c
    statement = select_records(tx, ForwardingOffer).where(c.run_id == items[0].run_id).order_by(c.place, c.complaint_id)
    offers = await fetch_records(tx, ForwardingOffer, statement)
    locked = await lock_records(tx, Complaint, sorted({offer.complaint_id for offer in offers}))
    behind: dict[int, list[Complaint]] = {item.place: [] for item in items}
    for offer in offers:
        complaint = locked[offer.complaint_id]
        if offer.place in behind and complaint.state in BEHIND:
            behind[offer.place].append(complaint)
    return behind


async def make_offers(
    tx: Transaction, items: Sequence[ForwardingItem], behind: Mapping[int, Sequence[Complaint]], *, offerer: Offerer
) -> tuple[list[Referral | Problem], list[EventDraft]]:
    """Offer what a manifest proposed, item by item; a refused item leaves its complaints to the next run.

    Shapes: a result for each item, in order. CONTENT_CHANGED is reported for one whose complaints are no longer those
    that were approved, REFERRAL_ALREADY_OPEN for what was offered meanwhile.
    """
    accounts = await load_records(tx, Account, sorted({item.account_id for item in items if item.account_id}))
    e164s = {account.e164 for account in accounts.values() if account.e164 is not None}
    e164s |= {each.e164 for found in behind.values() for each in found if each.e164 is not None}
    numbers = await lock_numbers(tx, sorted(e164s))
    terms = await hold_terms(tx, [item.provider_id for item in items if item.provider_id is not None])
    runners = await find_runners(tx)
    open_ones = await find_open(tx, list(accounts))
    results: dict[int, Referral | Problem] = {}
    prepared: dict[int, PreparedOffer] = {}
    for item in items:
        try:
            found = behind[item.place]
            if not found:
                raise ReferralUnfoundedError
            if hash_offer(item, found) != item.content_hash:
                raise ContentChangedError
            account = accounts.get(item.account_id or "")
            if account is None or item.provider_id is None:
                raise ReferralUnfoundedError
            if runners.get((account.platform, account.platform_name)) != item.provider_id:
                raise PlatformNotRunError
            category = choose_category(found)
            check_within_terms(terms.get(item.provider_id), category, names_number=names_number(account))
            number = numbers.get(account.e164 or "")
            if (name_subject(account, number), item.provider_id) in open_ones:
                raise ReferralOpenError
            prepared[item.place] = PreparedOffer(
                provider_id=item.provider_id,
                account=account,
                number=number,
                complaints=found,
                category=category,
                summary=_summarize(found),
                reply_hoped_by=choose_reply_day(tx, None),
            )
        except LedgerError as error:
            results[item.place] = error.problem()
    offered, events = await append_offers(tx, list(prepared.values()), terms, numbers=numbers, offerer=offerer)
    for place, referral in zip(prepared, offered, strict=True):
        results[place] = referral if referral is not None else ReferralOpenError().problem()
    return [results[item.place] for item in items], events


async def end_without_provider(
    tx: Transaction, items: Sequence[ForwardingItem], behind: Mapping[int, Sequence[Complaint]]
) -> list[EventDraft]:
    """End the complaints that no provider can be asked about, with an outcome that says so; returns the events."""
    pairs = [
        (complaint, _end(tx, complaint))
        for item in items
        for complaint in behind[item.place]
        if complaint.state is ComplaintState.VERIFIED
    ]
    ended = await update_records(tx, pairs)
    return [complaint_event(each, EventKind.COMPLAINT_RESOLVED, outcome=each.outcome) for each in ended]


def _end(tx: Transaction, complaint: Complaint) -> Complaint:
    return replace(
        complaint,
        state=next_complaint_state(complaint.state, ComplaintMove.END_UNASKED),
        outcome=ComplaintOutcome.NO_PROVIDER,
        referral_outcome=ComplaintOutcome.NO_PROVIDER,
        resolved_at=tx.as_of,
    )


def render_links(items: Sequence[tuple[ForwardingItem, Sequence[ComplaintId]]]) -> list[ForwardingOffer]:
    """The links of placed items to their complaints."""
    return [
        ForwardingOffer(run_id=item.run_id, place=item.place, complaint_id=complaint_id)
        for item, complaint_ids in items
        for complaint_id in complaint_ids
    ]
