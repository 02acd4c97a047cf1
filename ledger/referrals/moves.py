"""Moving referrals, many at a time, and updating their complaints and numbers accordingly.

Locks are taken in the order referrals, complaints, numbers, each by its key. It must never make a move that states.py
does not list, and never touches an order.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence

from sqlalchemy import text

from ledger.complaints.resolution import resolve_complaints, revise_outcomes
from ledger.errors import LedgerError, UnknownError
from ledger.feed.events import EventDraft
from ledger.feed.vocabulary import EventKind, Subject
from ledger.moves import Change, Moved, Rules
from ledger.referrals.states import REFERRALS, ReferralState
from ledger.referrals.table import Referral
from ledger.storage.database import Transaction

# What stands of a number follows from its referrals in the current epoch.
_REFRESH_NUMBERS = text("""
WITH touched AS (
  SELECT e164, epoch FROM phone_numbers WHERE e164 = ANY(:e164s) ORDER BY e164 FOR NO KEY UPDATE
), asked AS (
  SELECT t.e164,
         CASE WHEN bool_or(r.state = 'ACTIONED') THEN 'ACTIONED'
              WHEN bool_or(r.state IN ('OFFERED', 'RECEIVED')) THEN 'ASKED'
              WHEN bool_or(r.state <> 'WITHDRAWN') THEN 'NOT_ACTIONED'
              ELSE 'NOT_ASKED' END AS standing
  FROM touched t LEFT JOIN referrals r ON r.e164 = t.e164 AND r.epoch = t.epoch
  GROUP BY t.e164
)
UPDATE phone_numbers n SET account_standing = a.standing
FROM asked a WHERE n.e164 = a.e164 AND n.account_standing <> a.standing
""")

Move = Callable[[int, Referral], Moved[Referral]]


def referral_rules(
    tx: Transaction,
    move: Move,
    *,
    unknown: Callable[[int], LedgerError] | None = None,
    repeated: Callable[[], LedgerError] | None = None,
    prepare: Callable[[Mapping[str, Referral]], Awaitable[None]] | None = None,
    keep: Callable[[], Awaitable[None]] | None = None,
) -> Rules[Referral]:
    """The rules of a call that moves referrals; keep stores what else belongs to them before complaints are settled."""

    async def follow(changes: Sequence[Change[Referral]]) -> list[EventDraft]:
        if keep is not None:
            await keep()
        return await settle_referrals(tx, changes)

    return Rules(
        move=move,
        unknown=unknown or (lambda _place: UnknownError("There is no such referral.", field="referralId")),
        repeated=repeated,
        prepare=prepare,
        follow=follow,
    )


async def settle_referrals(tx: Transaction, changes: Sequence[Change[Referral]]) -> list[EventDraft]:
    """Resolve the complaints whose last instrument has ended, update what stands of the numbers, return the events.

    A late answer changes the outcome of complaints that its lapse had resolved.
    """
    if not changes:
        return []
    events = await resolve_complaints(tx, REFERRALS, [change.after.id for change in changes])
    late = [change.after.id for change in changes if change.before.state is ReferralState.LAPSED]
    events.extend(await revise_outcomes(tx, REFERRALS, late))
    await refresh_numbers(tx, [change.after.e164 for change in changes if change.after.e164 is not None])
    return events


async def refresh_numbers(tx: Transaction, e164s: Sequence[str]) -> None:
    """Lock numbers and update what stands of their referrals."""
    if e164s:
        await tx.execute(_REFRESH_NUMBERS, {"e164s": sorted(set(e164s))})


def referral_event(referral: Referral, kind: EventKind, **payload: str | None) -> EventDraft:
    """Return an event about a referral, for its provider. It contains no number and no complaint."""
    return EventDraft(
        kind=kind,
        subject=Subject.REFERRAL,
        subject_id=referral.id,
        state=referral.state,
        audience=[referral.provider_id],
        payload={"referralNo": referral.referral_no, **payload},
    )
