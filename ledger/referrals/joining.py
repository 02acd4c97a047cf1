"""Joining further complaints to referrals that are already open, instead of asking a provider twice.

A complaint that joins a referral on which the provider has acted is resolved at once. Runs under the transition role.
"""

from collections.abc import Mapping, Sequence

from sqlalchemy import select

from ledger.complaints.table import Complaint
from ledger.copies import replace
from ledger.errors import StateConflictError
from ledger.feed.events import EventDraft
from ledger.feed.vocabulary import EventKind
from ledger.moves import Change
from ledger.numbers.reading import lock_numbers
from ledger.referrals.moves import referral_event, settle_referrals
from ledger.referrals.offers import link_complaints
from ledger.referrals.states import OPEN_STATES
from ledger.referrals.table import Referral, ReferralComplaint, referrals
from ledger.storage.columns import is_any
from ledger.storage.database import Transaction
from ledger.storage.rows import lock_records, update_records

Subject = tuple[str, str]
"""What a referral is about, as its row identifies it, and the provider."""


async def join_open_referrals(
    tx: Transaction, behind: Mapping[Subject, Sequence[Complaint]]
) -> tuple[dict[Subject, Referral], list[EventDraft]]:
    """Link complaints (locked) to the open referrals of their subjects; returns those referrals, and the events."""
    c = referrals.c
    is_open = c.state.in_([state.value for state in sorted(OPEN_STATES)])
    about = sorted({subject for subject, _ in behind})
    ids = (await tx.execute(select(c.id).where(is_any(c.about, about), is_open))).scalars().all()
    if not ids:
        return {}, []
    locked = await lock_records(tx, Referral, list(ids))
    if any(each.state not in OPEN_STATES for each in locked.values()):
        raise StateConflictError("A referral ended during this call; nothing was written.")
    present = {(each.about or "", str(each.provider_id)): each for each in locked.values()}
    joined = {subject: referral for subject, referral in present.items() if subject in behind}
    links = [
        ReferralComplaint(referral_id=referral.id, complaint_id=each.id, joined_at=tx.as_of)
        for subject, referral in joined.items()
        for each in behind[subject]
    ]
    complaints = {each.id: each for subject in joined for each in behind[subject]}
    e164s = {each.e164 for each in complaints.values() if each.e164 is not None}
    events = await link_complaints(tx, links, complaints, await lock_numbers(tx, sorted(e164s)))
    pairs = [
        (
            referral,
            replace(
                referral,
                complaint_count=referral.complaint_count + len(behind[subject]),
                changed_at=max(referral.changed_at, tx.as_of),
            ),
        )
        for subject, referral in joined.items()
    ]
    written = await update_records(tx, pairs)
    events.extend(referral_event(each, EventKind.REFERRAL_COMPLAINT_JOINED) for each in written)
    changes = [Change(before, after) for (before, _), after in zip(pairs, written, strict=True)]
    return joined, events + await settle_referrals(tx, changes)
