"""Records outages of the gateway, noticed by itself or declared by an operator, and extends the orders that ran.

What was recorded before is left out of a new one, so that repeating a declaration changes nothing. Nothing is ever
shortened or taken back. Source: docs/adr/0131.
"""

from datetime import datetime, timedelta

from sqlalchemy import text

from ledger.errors import TimeInvalidError
from ledger.feed.events import EventDraft, append_events
from ledger.feed.vocabulary import EventKind, Subject
from ledger.identifiers import OutageId, new_id
from ledger.outages.extending import extend_orders
from ledger.outages.table import Outage
from ledger.outages.vocabulary import OutageCause
from ledger.permissions import require_kind
from ledger.storage.database import Transaction
from ledger.storage.roles import Role
from ledger.storage.rows import insert_records
from ledger.texts import check_text
from ledger.viewer import OPERATOR, ViewerKind

DECLARED_DAYS_MAX = 31
_REASON_LENGTH_MAX = 500
# All orders of an outage are extended together or none, so that many of them may take longer than any other statement.
_LOCK = text("""
SELECT set_config('statement_timeout', '300000', true), pg_advisory_xact_lock(hashtextextended('jembatan.outages', 0))
""")
_FIND_NEW = text("""
SELECT lower(part) AS starts_at, upper(part) AS ends_at
FROM unnest(tstzmultirange(tstzrange(:starts_at, :ends_at)) - coalesce(
  (SELECT range_agg(tstzrange(starts_at, ends_at)) FROM outages
   WHERE tstzrange(starts_at, ends_at) && tstzrange(:starts_at, :ends_at)), '{}'::tstzmultirange)) AS part
ORDER BY part
""")
_FIND_MEMBERS = text("SELECT id FROM members WHERE kind <> 'REGULATOR' ORDER BY id")
_BEAT = text("""
INSERT INTO heartbeats (id, beat_at) VALUES (1, :as_of)
ON CONFLICT (id) DO UPDATE SET beat_at = greatest(heartbeats.beat_at, excluded.beat_at)
""")
_LAST_BEAT = text("SELECT beat_at FROM heartbeats WHERE id = 1")


class OutageTimeError(TimeInvalidError):
    """An outage is declared once it is over, begins before it ends, and is no longer than 31 days."""

    code = "OUTAGE_TIME_INVALID"


async def beat(tx: Transaction) -> int:
    """Say that the gateway is there; a silence before it that is long enough is recorded as an outage.

    A job of every serving process, of which one at a time runs it. Returns how many outages it recorded. If recording
    fails, the heartbeat is not written either, so that the next one finds the same silence.
    """
    last = (await tx.execute(_LAST_BEAT)).scalar_one_or_none()
    await tx.execute(_BEAT, {"as_of": tx.as_of})
    if last is None or tx.as_of - last < tx.policies.outage_min:
        return 0
    return len(await _record(tx, last, tx.as_of, OutageCause.DETECTED))


async def declare_outage(tx: Transaction, starts_at: datetime, ends_at: datetime, *, reason: str) -> list[Outage]:
    """Record an outage that the gateway could not notice, for the operator; members read the reason.

    Returns what was recorded: nothing, if all of it had been before; several, if an earlier one lies in between.
    Errors: ForbiddenError, OutageTimeError, TextInvalidError, TextTooLongError.
    """
    require_kind(tx.viewer, {ViewerKind.OPERATOR})
    if not starts_at < ends_at <= tx.as_of or ends_at - starts_at > timedelta(days=DECLARED_DAYS_MAX):
        raise OutageTimeError(field="from")
    words = check_text(reason, field="reason", length_max=_REASON_LENGTH_MAX)
    return await _record(tx, starts_at, ends_at, OutageCause.DECLARED, reason=words)


async def _record(
    tx: Transaction, starts_at: datetime, ends_at: datetime, cause: OutageCause, *, reason: str | None = None
) -> list[Outage]:
    async with tx.role(Role.TRANSITION):
        await tx.execute(_LOCK)
        parts = await tx.execute(_FIND_NEW, {"starts_at": starts_at, "ends_at": ends_at})
        recorded = [
            Outage(
                id=OutageId(new_id()),
                starts_at=part.starts_at,
                ends_at=part.ends_at,
                cause=cause,
                reason=reason,
                recorded_at=tx.as_of,
            )
            for part in parts
        ]
        if not recorded:
            return []
        await insert_records(tx, recorded)
        members = list((await tx.execute(_FIND_MEMBERS)).scalars())
        events = [
            EventDraft(
                kind=EventKind.OUTAGE_RECORDED,
                subject=Subject.OUTAGE,
                subject_id=outage.id,
                audience=members,
                payload={
                    "cause": outage.cause,
                    "startsAt": outage.starts_at.isoformat(),
                    "endsAt": outage.ends_at.isoformat(),
                },
            )
            for outage in recorded
        ]
        events.extend(await extend_orders(tx, recorded, ends_at=ends_at))
        await append_events(tx, events, actor=OPERATOR)
    return recorded
