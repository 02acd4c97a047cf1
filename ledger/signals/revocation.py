"""Ending signals: an officer revokes one that was wrong, and what nothing confirmed any more expires.

Whoever was ever sent the signal and still takes part is told, whatever it follows. What an officer revoked is raised
again only by complaints that were verified afterwards. Source: domain.md, Signals.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import text

from ledger.errors import ItemRepeatedError, LedgerError, Problem, UnknownError
from ledger.feed.events import append_events
from ledger.feed.vocabulary import EventKind
from ledger.identifiers import parse_id
from ledger.numbers.reading import lock_numbers
from ledger.participations.taking_part import hold_participations
from ledger.permissions import require_batch, require_officer
from ledger.signals.disclosure import Row, SignalNews, draft_events
from ledger.signals.reading import FraudSignal, load_signals
from ledger.signals.settling import end_signal, read_signal, write_signals
from ledger.signals.states import SignalMove
from ledger.signals.vocabulary import SignalRevocationGround
from ledger.storage.database import Transaction
from ledger.storage.roles import Role
from ledger.texts import check_optional_text
from ledger.viewer import OPERATOR

_NOTE_LENGTH_MAX = 4_000
_BATCH_ROWS = 500

_FIND_NUMBERS = text("SELECT DISTINCT e164 FROM fraud_signals WHERE id = ANY(CAST(:ids AS uuid[]))")
_LOCK = text("SELECT * FROM fraud_signals WHERE id = ANY(CAST(:ids AS uuid[])) ORDER BY id FOR NO KEY UPDATE")
_LOCK_DUE = text("""
SELECT * FROM fraud_signals WHERE state = 'ACTIVE' AND valid_until <= :as_of
ORDER BY id LIMIT :rows FOR NO KEY UPDATE SKIP LOCKED
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class Revocation:
    """One signal to be revoked. The note stays with the regulator."""

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
    ids = sorted({known for item in revocations if (known := parse_id(item.signal_id))})
    problems: dict[int, Problem] = {}
    revoked: dict[str, Row] = {}
    async with tx.role(Role.TRANSITION):
        numbers = await tx.execute(_FIND_NUMBERS, {"ids": ids})
        await lock_numbers(tx, list(numbers.scalars()))
        await hold_participations(tx)
        found = await tx.execute(_LOCK, {"ids": ids})
        locked = {str(row["id"]): read_signal(row) for row in found.mappings()}
        for place, item in enumerate(revocations):
            try:
                signal = _take(locked, revoked, item)
                note = check_optional_text(item.note, field="note", length_max=_NOTE_LENGTH_MAX, lines=True)
                ended = end_signal(signal, SignalMove.REVOKE, at=tx.as_of)
            except LedgerError as error:
                problems[place] = error.problem()
                continue
            said = {"revoked_reason": item.reason.value, "revoked_by": officer_id, "revocation_note": note}
            revoked[signal["id"]] = ended | said
        rows = list(revoked.values())
        await write_signals(tx, rows)
        news = [SignalNews(signal=row, kind=EventKind.SIGNAL_REVOKED) for row in rows]
        await append_events(tx, await draft_events(tx, news))
    after = await load_signals(tx, list(revoked))
    return [
        problems[place] if place in problems else after[parse_id(item.signal_id) or ""]
        for place, item in enumerate(revocations)
    ]


def _take(locked: Mapping[str, Row], revoked: Mapping[str, Row], item: Revocation) -> Row:
    signal = locked.get(parse_id(item.signal_id) or "")
    if signal is None:
        raise UnknownError(field="id")
    if signal["id"] in revoked:
        raise ItemRepeatedError(field="id")
    return signal


async def expire_signals(tx: Transaction) -> int:
    """The job: end signals that nothing confirmed in time, at most 500; answers how many."""
    async with tx.role(Role.TRANSITION):
        await hold_participations(tx)
        due = await tx.execute(_LOCK_DUE, {"as_of": tx.as_of, "rows": _BATCH_ROWS})
        rows = [end_signal(read_signal(row), SignalMove.EXPIRE, at=tx.as_of) for row in due.mappings()]
        await write_signals(tx, rows)
        news = [SignalNews(signal=row, kind=EventKind.SIGNAL_EXPIRED) for row in rows]
        await append_events(tx, await draft_events(tx, news), actor=OPERATOR)
    return len(rows)
