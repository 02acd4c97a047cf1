"""Seals: every hour the log commits to the access records of the time before, so that whoever alters one is noticed.

Reading is far more frequent than acting, and its records are personal data with a retention of their own; as entries of
the log they would drown it. So one entry commits to many records by one hash: the SHA-256 of the records' canonical
texts (ledger/canonical.py), in the order of their ids, each followed by a line feed.
Source: docs/adr/0100.
"""

import hashlib
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import select, text

from ledger.access_records.table import AccessRecord, AccessSeal, access_records, access_seals
from ledger.canonical import render_canonical
from ledger.feed.events import EventDraft, append_events
from ledger.feed.findings import Finding, Tampering, make_finding
from ledger.feed.table import events
from ledger.feed.vocabulary import EventKind, Subject
from ledger.identifiers import AccessSealId, new_id
from ledger.storage.database import Transaction
from ledger.storage.rows import fetch_records, insert_records, select_records
from ledger.viewer import OPERATOR

GRACE = timedelta(minutes=15)
"""Longer than any operation may take: records of an hour that is over by this much are all committed."""
_BEGINNING = datetime(2020, 1, 1, tzinfo=UTC)
_BATCH_RECORDS = 5_000
YOUNGEST_ERASED = timedelta(days=365)
_FIND_POSITION = text("""
SELECT f.position FROM events e JOIN feed f ON f.event_id = e.id
WHERE e.kind = 'ACCESSES_SEALED' AND e.subject_id = :seal_id
""")
_OLDEST_ENTRY = select(events.c.recorded_at).order_by(events.c.id).limit(1)


@dataclass(frozen=True, slots=True)
class SealBroken:
    """What is wrong: the seal whose records differ from what the log committed to, or None if a time has no seal."""

    seal_id: AccessSealId | None
    reason: str


async def seal_access_records(tx: Transaction) -> int:
    """Seal the records of every full hour that is over; returns how many records. Runs under the JOBS role.

    Safe to run again: the time until which records are sealed only grows.
    """
    until = (tx.as_of - GRACE).replace(minute=0, second=0, microsecond=0)
    newest = select(access_seals.c.until).order_by(access_seals.c.until.desc()).limit(1)
    since = (await tx.execute(newest)).scalar_one_or_none() or _BEGINNING
    if since >= until:
        return 0
    count, digest = await _digest(tx, since, until)
    seal = AccessSeal(id=AccessSealId(new_id()), since=since, until=until, count=count, hash=digest, sealed_at=tx.as_of)
    await insert_records(tx, [seal])
    event = EventDraft(
        kind=EventKind.ACCESSES_SEALED,
        subject=Subject.ACCESS_RECORDS,
        subject_id=seal.id,
        payload={"since": since.isoformat(), "until": until.isoformat(), "count": count, "hash": digest},
    )
    await append_events(tx, [event], actor=OPERATOR)
    return count


async def verify_access_seals(tx: Transaction) -> SealBroken | None:
    """Compare every seal that is not erased with its records and its entry, oldest first; None if all agree.

    What it doesn't check: whether the entries themselves are those of the signed tree (`jembatan audit verify`). Where
    an entry was archived, or its content erased, the seal itself is what is compared. Runs under the REGULATOR role.
    """
    told = await _read_entries(tx)
    oldest_entry_at = (await tx.execute(_OLDEST_ENTRY)).scalar_one_or_none()
    erased_until = await _read_erased_until(tx)
    expected_since = None
    for seal in await fetch_records(tx, AccessSeal, select_records(tx, AccessSeal).order_by(access_seals.c.until)):
        if expected_since is not None and seal.since != expected_since:
            return SealBroken(None, f"No seal covers the time from {expected_since.isoformat()}.")
        expected_since = seal.until
        entry = told.pop(seal.id, None)
        is_archived = entry is None and (oldest_entry_at is None or seal.sealed_at < oldest_entry_at)
        if entry is None and not is_archived:
            return SealBroken(seal.id, "The log has no entry for it.")
        if seal.erased_at is not None:
            if erased_until is None or seal.until > erased_until:
                return SealBroken(seal.id, "Its records are gone, and the log tells of no retention that erased them.")
            continue
        count, digest = await _digest(tx, seal.since, seal.until)
        committed = entry or {"count": seal.count, "hash": seal.hash}
        if (committed["count"], committed["hash"]) != (count, digest) or (seal.count, seal.hash) != (count, digest):
            return SealBroken(seal.id, f"It commits to {committed['count']} records; these {count} are not they.")
    lost = [seal_id for seal_id, entry in told.items() if not _is_erased(entry, erased_until)]
    return SealBroken(AccessSealId(lost[0]), "The log committed to it, and it is gone.") if lost else None


async def find_broken_seal(tx: Transaction, *, until: int) -> Finding | None:
    """Return what verify_access_seals finds as a finding at its entry, or in 1..until where no entry tells of it."""
    broken = await verify_access_seals(tx)
    if broken is None:
        return None
    position = (await tx.execute(_FIND_POSITION, {"seal_id": broken.seal_id})).scalar_one_or_none()
    detail = broken.reason.rstrip(".")
    last = None if position is not None else until
    return make_finding(Tampering.ACCESSES, position if position is not None else 1, detail, last=last)


async def _digest(tx: Transaction, since: datetime, until: datetime) -> tuple[int, str]:
    digest, count = hashlib.sha256(), 0
    async for record in _read_records(tx, since, until):
        digest.update(render_canonical(asdict(record)).encode() + b"\n")
        count += 1
    return count, digest.hexdigest()


async def _read_records(tx: Transaction, since: datetime, until: datetime) -> AsyncIterator[AccessRecord]:
    """Read batch by batch, since an hour may have more records than fit in memory."""
    c = access_records.c
    statement = select_records(tx, AccessRecord).where(c.recorded_at >= since, c.recorded_at < until).order_by(c.id)
    last: str | None = None
    while True:
        rest = statement if last is None else statement.where(c.id > last)
        batch = await fetch_records(tx, AccessRecord, rest.limit(_BATCH_RECORDS))
        for record in batch:
            yield record
        if len(batch) < _BATCH_RECORDS:
            return
        last = batch[-1].id


async def _read_entries(tx: Transaction) -> dict[str, dict[str, object]]:
    """Read what the log says of each seal, except where retention has emptied the entry."""
    found = await tx.execute(
        select(events.c.subject_id, events.c.payload).where(
            events.c.kind == EventKind.ACCESSES_SEALED.value, events.c.subject == Subject.ACCESS_RECORDS.value
        )
    )
    return {row.subject_id: row.payload for row in found}


async def _read_erased_until(tx: Transaction) -> datetime | None:
    """Read until when the log says that records were erased, if that was long enough ago to be true."""
    found = await tx.execute(
        select(events.c.payload, events.c.recorded_at).where(events.c.kind == EventKind.ACCESSES_ERASED.value)
    )
    times = [(datetime.fromisoformat(row.payload["until"]), row.recorded_at) for row in found if "until" in row.payload]
    return max((until for until, erased_at in times if erased_at - until >= YOUNGEST_ERASED), default=None)


def _is_erased(entry: dict[str, object], erased_until: datetime | None) -> bool:
    until = entry.get("until")
    return erased_until is not None and isinstance(until, str) and datetime.fromisoformat(until) <= erased_until
