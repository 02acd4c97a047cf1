"""Ending referrals that nobody answered: they lapse, or are withdrawn, by an officer or since their ground is gone.

A lapse is no fault of the provider's: nothing is noted of it, and every answer is still welcome.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, select

from ledger.copies import replace
from ledger.errors import ConflictError, Problem
from ledger.feed.events import EventDraft, append_events
from ledger.feed.vocabulary import EventKind
from ledger.identifiers import MemberId, OfficerId, parse_id
from ledger.legal_time import LEGAL_ZONE
from ledger.moves import Change, Moved, move_records
from ledger.participations.parting import withdraw_on_parting
from ledger.participations.table import in_force, participations
from ledger.permissions import require_officer
from ledger.referrals.moves import referral_event, referral_rules, settle_referrals
from ledger.referrals.states import PENDING_STATES, UNANSWERED, ReferralMove, next_referral_state
from ledger.referrals.table import Referral, referrals
from ledger.referrals.vocabulary import WithdrawalGround, WithdrawalReason
from ledger.storage.columns import is_any
from ledger.storage.database import Transaction
from ledger.storage.roles import Role
from ledger.storage.rows import fetch_records, select_records, update_records
from ledger.texts import check_optional_text
from ledger.viewer import OPERATOR

NOTE_LENGTH_MAX = 4_000
_BATCH_ROWS = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawal:
    """A referral to be withdrawn, and why: the provider reads the reason, only the regulator the note."""

    referral_id: str
    reason: WithdrawalGround
    note: str | None = None


async def withdraw_referrals(tx: Transaction, items: Sequence[Withdrawal]) -> list[Referral | Problem]:
    """Withdraw referrals that have not been answered.

    Shapes: 1..1000; results in the order given. Errors: OfficerRequiredError, ForbiddenError, TooManyItemsError for the
    call; NOT_FOUND, INCOMPATIBLE_STATE for an item.
    """
    officer_id = require_officer(tx.viewer)

    def withdraw(place: int, referral: Referral) -> Moved[Referral]:
        item = items[place]
        note = check_optional_text(item.note, field="note", length_max=NOTE_LENGTH_MAX, lines=True)
        withdrawn = _withdraw(tx, referral, WithdrawalReason(item.reason), officer_id=officer_id, note=note)
        return Moved(withdrawn, _withdrawal_event(withdrawn))

    rules = referral_rules(
        tx,
        withdraw,
        repeated=lambda: ConflictError("The same referral appears twice in this call.", field="referralId"),
    )
    return await move_records(tx, Referral, [parse_id(item.referral_id) for item in items], rules)


async def lock_unanswered(tx: Transaction, condition: ColumnElement[bool]) -> list[Referral]:
    """Lock the unanswered referrals that meet a condition, in key order. Runs under the transition role."""
    c = referrals.c
    unanswered = c.state.in_([state.value for state in sorted(UNANSWERED)])
    statement = select_records(tx, Referral).where(condition, unanswered).order_by(c.id)
    return await fetch_records(tx, Referral, statement.with_for_update(key_share=True))


async def withdraw_locked(
    tx: Transaction, locked: Sequence[Referral], reason: WithdrawalReason, *, officer_id: OfficerId | None = None
) -> list[EventDraft]:
    """Withdraw unanswered referrals whose ground is gone, and return the events. Runs under the transition role."""
    pairs = [(each, _withdraw(tx, each, reason, officer_id=officer_id)) for each in locked]
    withdrawn = await update_records(tx, pairs)
    events = [_withdrawal_event(each) for each in withdrawn]
    changes = [Change(before, after) for (before, _), after in zip(pairs, withdrawn, strict=True)]
    return events + await settle_referrals(tx, changes)


@withdraw_on_parting
async def withdraw_of_members(tx: Transaction, member_ids: Sequence[MemberId]) -> list[EventDraft]:
    """Withdraw everything that these providers have not answered, since they no longer take part."""
    locked = await lock_unanswered(tx, is_any(referrals.c.provider_id, sorted(set(member_ids))))
    return await withdraw_locked(tx, locked, WithdrawalReason.PARTICIPATION_ENDED) if locked else []


async def lapse_referrals(tx: Transaction) -> int:
    """The periodic job: lapse the referrals whose courtesy reply date has passed. Returns how many, at most 500."""
    today = tx.as_of.astimezone(LEGAL_ZONE).date()
    async with tx.role(Role.TRANSITION):
        lapsing = await _lock_lapsing(tx, today)
        pairs = [(each, _lapse(tx, each)) for each in lapsing]
        lapsed = await update_records(tx, pairs)
        events = [referral_event(each, EventKind.REFERRAL_LAPSED) for each in lapsed]
        changes = [Change(before, after) for (before, _), after in zip(pairs, lapsed, strict=True)]
        events.extend(await settle_referrals(tx, changes))
        await append_events(tx, events, actor=OPERATOR)
    return len(lapsed)


async def withdraw_from_departed(tx: Transaction) -> int:
    """The periodic job: withdraw what providers that no longer take part have not answered. Returns how many providers.

    It also finds what was being offered at the very moment at which a provider left.
    """
    c, p = referrals.c, participations.c
    takes_part = select(p.id).where(p.member_id == c.provider_id, in_force(p)).exists()
    async with tx.role(Role.TRANSITION):
        statement = select(c.provider_id).distinct().where(c.state.in_(_values(PENDING_STATES)), ~takes_part)
        departed = list((await tx.execute(statement)).scalars())
        events = await withdraw_of_members(tx, departed) if departed else []
        await append_events(tx, events, actor=OPERATOR)
    return len(departed)


def _values(states: Any) -> list[str]:
    return [state.value for state in sorted(states)]


async def _lock_lapsing(tx: Transaction, today: date) -> list[Referral]:
    c = referrals.c
    due = select_records(tx, Referral).where(c.state.in_(_values(PENDING_STATES)), c.reply_hoped_by < today)
    statement = due.order_by(c.reply_hoped_by, c.id).limit(_BATCH_ROWS)
    # Whoever is answering one of them is faster; the next run sees what it did.
    return await fetch_records(tx, Referral, statement.with_for_update(skip_locked=True, key_share=True))


def _lapse(tx: Transaction, referral: Referral) -> Referral:
    state = next_referral_state(referral.state, ReferralMove.LAPSE)
    return replace(referral, state=state, ended_at=tx.as_of, changed_at=max(referral.changed_at, tx.as_of))


def _withdraw(
    tx: Transaction,
    referral: Referral,
    reason: WithdrawalReason,
    *,
    officer_id: OfficerId | None,
    note: str | None = None,
) -> Referral:
    return replace(
        referral,
        state=next_referral_state(referral.state, ReferralMove.WITHDRAW),
        withdrawal_reason=reason,
        withdrawal_note=note,
        withdrawn_by=officer_id,
        ended_at=tx.as_of,
        changed_at=max(referral.changed_at, tx.as_of),
    )


def _withdrawal_event(referral: Referral) -> EventDraft:
    return referral_event(referral, EventKind.REFERRAL_WITHDRAWN, reason=referral.withdrawal_reason)
