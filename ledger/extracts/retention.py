"""Retention of what complaints contain: erased on schedule once they have ended, and proven by the log.

Of the complaint remains what is about the number and what was decided. Its complainant, chronology, evidence with all
extracts, officers' notes and the purposes of reveals go: sealed values become empty, chunks are deleted, free texts
become NULL. The rows stay, so that the event that tells of it commits to what is left, as events commit to any row: an
erasure without it, or content that comes back, is a difference that `audit verify` names.

One transaction erases a batch whole, events included: whatever breaks, a complaint has all of its content or none, and
the next run goes on. A batch looks at a bounded number of complaints, and the next continues behind it, so that those
under a hold make no statement long. Row-level security holds the same rules a second time.
Source: docs/adr/0160; ADR 0055 (holds), 0094 (commitments).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Row, TextClause, text

from ledger.complaints.contents import delete_contents
from ledger.complaints.moves import complaint_event
from ledger.complaints.table import ENDED_AT, ERASED_FIELDS, HAS_ENDED, IS_ERASABLE
from ledger.feed.events import EventDraft, append_events
from ledger.feed.legal_holds import LOCK_HOLDS
from ledger.feed.vocabulary import EventKind, Subject
from ledger.storage.database import Transaction
from ledger.viewer import OPERATOR

BATCH_COMPLAINTS = 20
"""So few, because each may have some hundreds of megabytes of evidence."""

_LOOK = text(f"""
SELECT id, {ENDED_AT} AS ended_at FROM complaints
WHERE {HAS_ENDED} AND erased_at IS NULL AND {ENDED_AT} < :before
  AND ({ENDED_AT}, id) > (CAST(:after_at AS timestamptz), CAST(:after_id AS uuid))
ORDER BY {ENDED_AT}, id LIMIT :limit
""")
# Whoever adds something to a complaint, or moves it, has locked it; that one is left to the next run.
_LOCK = text(f"""
SELECT id, source_id, state FROM complaints
WHERE id = ANY(CAST(:ids AS uuid[])) AND erased_at IS NULL AND {ENDED_AT} < :before AND {IS_ERASABLE}
ORDER BY id FOR UPDATE SKIP LOCKED
""")
_OF_THEM = "complaint_id = ANY(CAST(:ids AS uuid[]))"
_EMPTY: Sequence[TextClause] = (
    text("UPDATE complainants SET identity_sealed = '', identity_digest = NULL WHERE " + _OF_THEM),
    text("UPDATE complainant_reveals SET purpose_sealed = '', purpose_digest = NULL WHERE " + _OF_THEM),
    text("UPDATE complaint_notes SET text_sealed = '', text_digest = NULL WHERE " + _OF_THEM),
)
_FIND_CONTENTS = text(f"""
SELECT content_id FROM evidence WHERE {_OF_THEM} AND content_id IS NOT NULL
UNION ALL SELECT content_id FROM evidence_extracts WHERE {_OF_THEM} AND content_id IS NOT NULL
""")
_EMPTY_EVIDENCE = text(f"""
UPDATE evidence SET content_sealed = '', file_name = NULL, captured_at = NULL, content_id = NULL, erased_at = :now
WHERE {_OF_THEM}
""")
_EMPTY_EXTRACTS = text(f"""
UPDATE evidence_extracts SET content_id = NULL, erased_at = :now WHERE {_OF_THEM} RETURNING id
""")
_EMPTY_RELEASES = text("UPDATE extract_releases SET reason = NULL WHERE extract_id = ANY(CAST(:extracts AS uuid[]))")
_FIND_RECIPIENTS = text("""
SELECT extract_id, array_agg(DISTINCT member_id) AS members FROM extract_releases
WHERE extract_id = ANY(CAST(:extracts AS uuid[])) GROUP BY extract_id
""")
_MARK = text(f"""
UPDATE complaints SET {", ".join(f"{name} = NULL" for name in ERASED_FIELDS)}, erased_at = :now
WHERE id = ANY(CAST(:ids AS uuid[]))
""")
_FIRST_ID = "00000000-0000-0000-0000-000000000000"


@dataclass(frozen=True, slots=True)
class Place:
    """A complaint in the order of retention."""

    ended_at: datetime
    complaint_id: str


_BEGINNING = Place(datetime.min.replace(tzinfo=UTC), _FIRST_ID)


@dataclass(slots=True)
class ContentRetention:
    """Erases the content of complaints batch by batch: one run looks at each once. Owned by the task of the jobs.

    kept_days of 0 keeps all.
    """

    kept_days: int
    limit: int = BATCH_COMPLAINTS
    _after: Place | None = None

    @property
    def has_more(self) -> bool:
        """Whether the run has complaints left to look at."""
        return self._after is not None

    async def erase_batch(self, tx: Transaction) -> int:
        """Erase the next batch of the run; returns of how many complaints. Runs under the RETENTION role."""
        count, self._after = await erase_old_content(tx, kept_days=self.kept_days, limit=self.limit, after=self._after)
        return count


async def erase_old_content(
    tx: Transaction, *, kept_days: int, limit: int = BATCH_COMPLAINTS, after: Place | None = None
) -> tuple[int, Place | None]:
    """Look at the next complaints that ended more than kept_days ago, and erase what those contain that may be.

    kept_days of 0 keeps all. Returns of how many it erased the content, and the last complaint that was looked at, None
    if there are no more. Runs under the RETENTION role; safe to run again.
    """
    start = after or _BEGINNING
    if not kept_days:
        return 0, None
    await tx.execute(LOCK_HOLDS)
    before = tx.as_of - timedelta(days=kept_days)
    bounds = {"before": before, "after_at": start.ended_at, "after_id": start.complaint_id, "limit": limit}
    found = (await tx.execute(_LOOK, bounds)).all()
    last = Place(found[-1].ended_at, found[-1].id) if len(found) == limit else None
    locked = (await tx.execute(_LOCK, {"ids": [row.id for row in found], "before": before})).all() if found else []
    if locked:
        await _erase(tx, locked)
    return len(locked), last


async def _erase(tx: Transaction, complaints: Sequence[Row[Any]]) -> None:
    ids = [row.id for row in complaints]
    contents = (await tx.execute(_FIND_CONTENTS, {"ids": ids})).scalars().all()
    for statement in _EMPTY:
        await tx.execute(statement, {"ids": ids})
    await tx.execute(_EMPTY_EVIDENCE, {"ids": ids, "now": tx.as_of})
    extracts = (await tx.execute(_EMPTY_EXTRACTS, {"ids": ids, "now": tx.as_of})).scalars().all()
    events = await _empty_releases(tx, extracts)
    if contents:
        await delete_contents(tx, contents)
    await tx.execute(_MARK, {"ids": ids, "now": tx.as_of})
    tx.note_written(Subject.COMPLAINT, ids)
    tx.note_written(Subject.EVIDENCE_EXTRACT, extracts)
    events += [complaint_event(row, EventKind.COMPLAINT_ERASED) for row in complaints]
    await append_events(tx, events, actor=OPERATOR)


async def _empty_releases(tx: Transaction, extracts: Iterable[str]) -> list[EventDraft]:
    """Empty the reasons of releases; return the events that tell everybody who ever got an extract that it is gone."""
    given = {"extracts": list(extracts)}
    if not given["extracts"]:
        return []
    await tx.execute(_EMPTY_RELEASES, given)
    recipients = {row.extract_id: row.members for row in await tx.execute(_FIND_RECIPIENTS, given)}
    return [
        EventDraft(
            kind=EventKind.EXTRACT_ERASED,
            subject=Subject.EVIDENCE_EXTRACT,
            subject_id=extract_id,
            audience=recipients.get(extract_id, []),
        )
        for extract_id in given["extracts"]
    ]
