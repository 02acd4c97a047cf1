"""Compares a verified export with what the database holds beside the hashes: recipients, times, stored checkpoints.

Who may receive an entry is in its reserved part, whose hash is signed; the rows of `feed_recipients`, from which
members read, must say the same. Times are not hashed, but the database must not tell others than the export did. A
checkpoint that is stored but not in the export was left out of it. Callers must verify the export first. Runs under the
ARCHIVE role.
Source: ADR 0096.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

import orjson
from sqlalchemy import text

from ledger.feed.audit_files import CheckpointLine, EntryLine, Footer, Header, parse_line
from ledger.feed.findings import Finding, Tampering, make_finding
from ledger.feed.log_times import CLOCK_SKEW_MAX
from ledger.feed.notes import parse_checkpoint
from ledger.storage.database import Database, Transaction
from ledger.storage.roles import Role

_BATCH_LINES = 1_000

_TIMES = text("SELECT position, sequenced_at FROM feed WHERE position > :after AND position <= :until")
_SIGNED = text("""
SELECT tree_size, signed_at FROM feed_checkpoints WHERE tree_size > :after AND tree_size <= :until ORDER BY tree_size
""")
_LATER = text("SELECT max(tree_size) FROM feed_checkpoints WHERE tree_size > :size AND signed_at < :before")
# Members with rows are found by jumping along the primary key, and each one's rows of the range by the same index.
_RECIPIENTS = text("""
WITH RECURSIVE member AS (
  (SELECT member_id FROM feed_recipients ORDER BY member_id LIMIT 1)
  UNION ALL
  SELECT (SELECT r.member_id FROM feed_recipients r WHERE r.member_id > m.member_id ORDER BY r.member_id LIMIT 1)
  FROM member m WHERE m.member_id IS NOT NULL
), stored AS (
  SELECT r.position, r.member_id, r.brand_id FROM member m CROSS JOIN LATERAL (
    SELECT * FROM feed_recipients f
    WHERE f.member_id = m.member_id AND f.position > :after AND f.position <= :until
  ) r
), addressed AS (
  SELECT w.position, w.audience, w."brandId" AS brand_id
  FROM json_to_recordset(CAST(:told AS json)) AS w(position bigint, audience uuid[], "brandId" uuid)
  UNION ALL
  SELECT f.position, e.audience, e.brand_id FROM feed f JOIN events e ON e.id = f.event_id
  WHERE f.position = ANY(CAST(:untold AS bigint[]))
), expected AS (
  SELECT a.position, reader.id AS member_id, b.id AS brand_id
  FROM addressed a CROSS JOIN LATERAL (SELECT DISTINCT unnest(a.audience) AS id) AS reader
  LEFT JOIN brands b ON b.id = a.brand_id AND b.member_id = reader.id
  WHERE a.position >= (SELECT oldest_position FROM feed_head WHERE id = 1)
)
SELECT position, expected.position IS NULL AS is_extra, stored.position IS NULL AS is_missing
FROM expected FULL JOIN stored USING (position, member_id)
WHERE expected.position IS NULL OR stored.position IS NULL OR expected.brand_id IS DISTINCT FROM stored.brand_id
ORDER BY position LIMIT 1
""")


async def compare_unhashed(
    lines: Iterator[bytes], database: Database, *, now: Callable[[], datetime]
) -> Finding | None:
    """The first difference beside the hashes between a verified export and the database, or None."""
    header = parse_line(next(lines))
    if not isinstance(header, Header):
        return None
    after, checkpoints = header.after, _Checkpoints(header.after)
    while raws := list(islice(lines, _BATCH_LINES)):
        parsed = [parse_line(raw) for raw in raws]
        entries = [line for line in parsed if isinstance(line, EntryLine)]
        checkpoints.take([line for line in parsed if isinstance(line, CheckpointLine)])
        until = entries[-1].position if entries else after
        async with database.snapshot(Role.ARCHIVE, as_of=now()) as tx:
            findings = [
                await _compare_times(tx, entries, after=after, until=until),
                await _compare_recipients(tx, entries, after=after, until=until),
                # The checkpoint of the last entry may be the next line.
                await checkpoints.compare(tx, until=until if isinstance(parsed[-1], Footer) else until - 1),
            ]
        found = [finding for finding in findings if finding is not None]
        if found:
            return min(found, key=lambda finding: finding.first)
        after = until
    return await _find_later_checkpoint(header, database, now=now)


async def _find_later_checkpoint(header: Header, database: Database, *, now: Callable[[], datetime]) -> Finding | None:
    """Whether the export's newest checkpoint is older than the export claims to be."""
    signed = parse_checkpoint(header.checkpoint.partition("\n\n")[0] + "\n")
    size = signed.size if signed is not None else header.until
    bounds = {"size": size, "before": header.exported_at - CLOCK_SKEW_MAX}
    async with database.snapshot(Role.ARCHIVE, as_of=now()) as tx:
        later = (await tx.execute(_LATER, bounds)).scalar_one_or_none()
    if later is None:
        return None
    detail = f"a checkpoint of {later} entries was signed well before the export was written, and is not in it"
    return make_finding(Tampering.CHECKPOINT_MISSING, size + 1, detail, last=later)


async def _compare_times(tx: Transaction, entries: Sequence[EntryLine], *, after: int, until: int) -> Finding | None:
    stored = {row.position: row.sequenced_at for row in await tx.execute(_TIMES, {"after": after, "until": until})}
    for entry in entries:
        if entry.sequenced_at is not None and stored.get(entry.position) != entry.sequenced_at:
            return make_finding(
                Tampering.DATABASE, entry.position, "the database has another time at which it got its position"
            )
    return None


async def _compare_recipients(
    tx: Transaction, entries: Sequence[EntryLine], *, after: int, until: int
) -> Finding | None:
    told, untold = [], []
    for entry in entries:
        reserved: dict[str, Any] | None = orjson.loads(entry.reserved) if entry.reserved is not None else None
        if reserved is None:
            untold.append(entry.position)
        else:
            told.append({name: reserved.get(name) for name in ("audience", "brandId")} | {"position": entry.position})
    parameters = {"after": after, "until": until, "told": orjson.dumps(told).decode(), "untold": untold}
    row = (await tx.execute(_RECIPIENTS, parameters)).one_or_none()
    if row is None:
        return None
    what = "a member can read it that is not" if row.is_extra else "a member can't read it that is"
    detail = f"{what} in its audience" if row.is_extra or row.is_missing else "it is filed under another brand"
    return make_finding(Tampering.RECIPIENTS, row.position, detail)


class _Checkpoints:
    """The export's checkpoints that are still to be compared with the stored ones."""

    def __init__(self, after: int) -> None:
        self._after = after
        self._waiting: dict[int, datetime | None] = {}

    def take(self, lines: Sequence[CheckpointLine]) -> None:
        self._waiting |= {line.tree_size: line.signed_at for line in lines}

    async def compare(self, tx: Transaction, *, until: int) -> Finding | None:
        """Compare those of sizes up to until. That the notes are the stored ones is checked elsewhere."""
        if until <= self._after:
            return None
        stored = (await tx.execute(_SIGNED, {"after": self._after, "until": until})).all()
        left_out = [row.tree_size for row in stored if row.tree_size not in self._waiting]
        if left_out:
            detail = f"{len(left_out)} stored checkpoints are not in the export, the first of {left_out[0]} entries"
            return make_finding(Tampering.CHECKPOINT_MISSING, left_out[0], detail, last=left_out[-1])
        for row in stored:
            signed_at = self._waiting.pop(row.tree_size)
            if signed_at is not None and signed_at != row.signed_at:
                detail = "the database has another time at which its checkpoint was signed"
                return make_finding(Tampering.DATABASE, row.tree_size, detail)
        self._after = until
        return None
