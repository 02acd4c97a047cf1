"""Ending signals: an officer revokes one that was wrong, and one that nothing confirmed in time expires.

Everyone who ever received the signal and still takes part is notified, and asked to confirm a revocation. A signal that
an officer revoked is raised again only by complaints that were verified afterwards. Source: domain.md, Signals.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import select

from ledger.errors import ItemRepeatedError, Problem, UnknownError
from ledger.feed.events import EventDraft, append_events
from ledger.feed.vocabulary import EventKind
from ledger.identifiers import parse_id
from ledger.moves import Change, Moved, Rules, move_records
from ledger.numbers.reading import lock_numbers
from ledger.participations.taking_part import hold_participations
from ledger.permissions import require_batch, require_officer
from ledger.signals.confirming import ask_confirmations
from ledger.signals.disclosure import SignalNews, draft_events
from ledger.signals.settling import end_signal
from ledger.signals.states import SignalMove, SignalState
from ledger.signals.table import FraudSignal, fraud_signals
from ledger.signals.vocabulary import SignalRevocationGround, SignalRevokedReason
from ledger.storage.database import Transaction
from ledger.storage.roles import Role
from ledger.storage.rows import fetch_records, select_records, update_records
from ledger.texts import check_optional_text
from ledger.viewer import OPERATOR

_NOTE_LENGTH_MAX = 4_000
_BATCH_ROWS = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Revocation:
    """One signal to revoke. Only the regulator sees the note."""

    signal_id: str
    reason: SignalRevocationGround
    note: str | None = None


async def revoke_signals(tx: Transaction, revocations: Sequence[Revocation]) -> list[FraudSignal | Problem]:
    """Revoke signals, item by item.

    Shapes: 1..1000; results in the order given. Errors: ForbiddenError, OfficerRequiredError, NoItemsError,
    TooManyItemsError, with nothing written; for an item NOT_FOUND, INCOMPATIBLE_STATE, ITEM_REPEATED, TEXT_INVALID.
    """
    officer_id = require_officer(tx.viewer)
    require_batch(revocations)
    ids = [parse_id(item.signal_id) for item in revocations]

    def revoke(place: int, signal: FraudSignal) -> Moved[FraudSignal]:
        item = revocations[place]
        note = check_optional_text(item.note, field="note", length_max=_NOTE_LENGTH_MAX, lines=True)
        revoked = replace(
            end_signal(signal, SignalMove.REVOKE, at=tx.as_of),
            revoked_reason=SignalRevokedReason(item.reason),
            revoked_by=officer_id,
            revocation_note=note,
        )
        return Moved(revoked)

    async def follow(changes: Sequence[Change[FraudSignal]]) -> list[EventDraft]:
        await ask_confirmations(tx, [change.after for change in changes])
        news = [SignalNews(signal=change.after, kind=EventKind.SIGNAL_REVOKED) for change in changes]
        return await draft_events(tx, news)

    rules = Rules(
        move=revoke,
        unknown=lambda _place: UnknownError(field="id"),
        repeated=lambda: ItemRepeatedError(field="id"),
        follow=follow,
    )
    await _hold(tx, [known for known in ids if known is not None])
    return await move_records(tx, FraudSignal, ids, rules)


async def _hold(tx: Transaction, ids: Sequence[str]) -> None:
    """Lock the signals' numbers and the participations, before the signals themselves (docs/adr/0010, 0060)."""
    c = fraud_signals.c
    async with tx.role(Role.TRANSITION):
        numbers = await tx.execute(select(c.e164).distinct().where(c.id.in_(ids)))
        await lock_numbers(tx, list(numbers.scalars()))
        await hold_participations(tx)


async def expire_signals(tx: Transaction) -> int:
    """The periodic job: expire signals that nothing confirmed in time, at most 500. Returns how many."""
    c = fraud_signals.c
    async with tx.role(Role.TRANSITION):
        await hold_participations(tx)
        due = select_records(tx, FraudSignal).where(c.state == SignalState.ACTIVE.value, c.valid_until <= tx.as_of)
        due = due.order_by(c.id).limit(_BATCH_ROWS).with_for_update(key_share=True, skip_locked=True)
        changes = [
            (signal, end_signal(signal, SignalMove.EXPIRE, at=tx.as_of))
            for signal in await fetch_records(tx, FraudSignal, due)
        ]
        expired = await update_records(tx, changes)
        news = [SignalNews(signal=signal, kind=EventKind.SIGNAL_EXPIRED) for signal in expired]
        await append_events(tx, await draft_events(tx, news), actor=OPERATOR)
    return len(expired)
