"""Reads the feed in order: the entries after a position that a viewer may receive, in one bounded statement.

It must never reveal to a member who acted or who else received an entry, and must never skip archived entries silently:
a position before them has expired. The policies on `feed_recipients` and `events` enforce visibility a second time.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import text

from ledger.errors import CursorExpiredError, ForbiddenError
from ledger.feed.cursors import find_ends
from ledger.feed.entries import ENTRY_TEXT, RESERVED_TEXT, Entry
from ledger.feed.vocabulary import EventKind, Subject
from ledger.identifiers import Position
from ledger.storage.database import Transaction
from ledger.viewer import ViewerKind

SCANNED_MAX = 1_000
"""How many entries one read examines if it filters by kind."""

_COLUMNS = """
f.position, f.leaf_hash, e.kind, e.subject, e.subject_id, e.state, e.payload::text AS payload,
  e.recorded_at, e.erased_at
"""
_AUDIENCE = "e.audience::text[] AS audience, e.brand_id::text AS brand_id"

_OWN = """
SELECT r.position FROM feed_recipients r
WHERE r.member_id = CAST(:member_id AS uuid) AND r.position > :after AND r.position <= (SELECT position FROM reach)
ORDER BY r.position LIMIT :window
"""
_OWN_OF_BRAND = _OWN.replace("ORDER BY", "AND r.brand_id = CAST(:brand_id AS uuid)\nORDER BY")
_ALL = """
SELECT a.position FROM feed a
WHERE a.position > :after AND a.position <= (SELECT position FROM reach)
ORDER BY a.position LIMIT :window
"""
# There is always a row with reach, with NULLs if nothing was found, so that the reader knows how far the scan went.
_READ = """
WITH reach AS MATERIALIZED (
  SELECT LEAST(size, CAST(:until AS bigint)) AS position, oldest_position FROM feed_head WHERE id = 1
), looked_at AS MATERIALIZED (
  {positions}
), found AS (
  SELECT {columns} FROM looked_at l JOIN feed f ON f.position = l.position JOIN events e ON e.id = f.event_id
  WHERE CAST(:kinds AS text[]) IS NULL OR e.kind = ANY(CAST(:kinds AS text[]))
  ORDER BY f.position LIMIT :limit
)
SELECT reach.position AS reach, reach.oldest_position, (SELECT count(*) FROM looked_at) AS looked_count,
  (SELECT max(position) FROM looked_at) AS looked_to, found.*
FROM reach LEFT JOIN found ON true ORDER BY found.position
"""
_READ_OWN = text(_READ.format(positions=_OWN, columns=_COLUMNS))
_READ_OF_BRAND = text(_READ.format(positions=_OWN_OF_BRAND, columns=_COLUMNS))
_READ_ALL = text(_READ.format(positions=_ALL, columns=f"{_COLUMNS}, {_AUDIENCE}"))

TAIL = f"""
SELECT {_COLUMNS}, {_AUDIENCE}, (SELECT before.leaf_hash FROM feed before WHERE before.position = $1) AS hash_before
FROM feed f JOIN events e ON e.id = f.event_id
WHERE f.position > $1 ORDER BY f.position LIMIT $2
"""
"""All viewers' entries after a position, with audience, brand and the hash of the entry at that position.

follower.py runs it on the driver's session.
"""

_TEXTS = text(f"""
SELECT f.position, f.leaf_hash, f.reserved_hash, e.salt, {ENTRY_TEXT.format(reserved_hash="f.reserved_hash")} AS text
FROM feed f JOIN events e ON e.id = f.event_id
WHERE f.position = ANY(CAST(:positions AS bigint[])) AND e.erased_at IS NULL
""")
_RESERVED_TEXTS = text(f"""
SELECT f.position, f.reserved_hash, e.reserved_salt AS salt, {RESERVED_TEXT} AS text
FROM feed f JOIN events e ON e.id = f.event_id
WHERE f.position = ANY(CAST(:positions AS bigint[])) AND e.erased_at IS NULL
""")


@dataclass(frozen=True, slots=True)
class Slice:
    """A part of the entries that a viewer may receive, oldest first.

    scanned_to is how far the feed was examined: the viewer has no further entries up to there, so the next read
    continues after it. It equals the last entry's position if the limit was reached. is_end is True if the scan
    reached the feed's end at that time, or `until`.
    """

    entries: Sequence[Entry]
    scanned_to: Position
    is_end: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CommittedText:
    """A text with the salt that it was hashed with, and its hash in the feed."""

    text: str
    salt: bytes
    committed_hash: bytes


async def read_entries(
    tx: Transaction,
    *,
    after: Position,
    limit: int,
    until: Position | None = None,
    kinds: Collection[EventKind] | None = None,
) -> Slice:
    """The viewer's entries after a position, oldest first, up to `until`; always one bounded statement.

    Shapes: the regulator's entries have audience and brand, a member's have neither. kinds selects only those kinds;
    kinds that this version doesn't know belong to OTHER, and whoever wants those gets every kind.
    Errors: CursorExpiredError if entries after `after` were archived; ForbiddenError for the operator.
    """
    viewer = tx.viewer
    if viewer.member_id is None or viewer.kind is ViewerKind.OPERATOR:
        raise ForbiddenError
    parameters: dict[str, Any] = {
        "after": after,
        "until": until,
        "kinds": None if kinds is None or EventKind.OTHER in kinds else [kind.value for kind in kinds],
        "limit": limit,
        "window": limit if kinds is None else max(limit, SCANNED_MAX),
    }
    statement = _READ_ALL
    if not viewer.is_regulator:
        parameters["member_id"] = viewer.member_id
        statement = _READ_OWN
        if viewer.kind is ViewerKind.CARRIER and viewer.brand_id is not None:
            parameters["brand_id"] = viewer.brand_id
            statement = _READ_OF_BRAND
    rows = (await tx.execute(statement, parameters)).mappings().all()
    if after + 1 < rows[0]["oldest_position"]:
        oldest, _ = await find_ends(tx)
        details = {"oldestPosition": str(oldest.position + 1), "oldestCursor": oldest.render()}
        raise CursorExpiredError(field="after", details=details)
    entries = [entry_of(row) for row in rows if row["position"] is not None]
    scanned_to = _find_end(rows[0], entries, after=after, limit=limit, window=parameters["window"])
    return Slice(entries, scanned_to, is_end=scanned_to >= rows[0]["reach"])


async def read_page(tx: Transaction, *, after: Position, limit: int) -> Slice:
    """The viewer's next entries; fewer than limit only at the end of the feed, up to which it was examined.

    It runs one statement, and more only if the viewer may no longer see entries in between: about one per thousand.
    Errors: as read_entries.
    """
    part = await read_entries(tx, after=after, limit=limit)
    entries = list(part.entries)
    while len(entries) < limit and not part.is_end:
        part = await read_entries(tx, after=part.scanned_to, limit=limit - len(entries), kinds=frozenset(EventKind))
        entries += part.entries
    return Slice(entries, part.scanned_to, is_end=part.is_end)


async def find_texts(tx: Transaction, positions: Collection[Position]) -> dict[Position, CommittedText]:
    """The texts that those entries commit to, if the viewer may receive them; erased entries are omitted."""
    rows = await tx.execute(_TEXTS, {"positions": list(positions)})
    return {row.position: CommittedText(text=row.text, salt=row.salt, committed_hash=row.leaf_hash) for row in rows}


async def find_reserved_texts(tx: Transaction, positions: Collection[Position]) -> dict[Position, CommittedText]:
    """Those entries' reserved texts (who acted, who may receive them), for the regulator. Errors: ForbiddenError."""
    if not tx.viewer.is_regulator:
        raise ForbiddenError
    rows = await tx.execute(_RESERVED_TEXTS, {"positions": list(positions)})
    return {row.position: CommittedText(text=row.text, salt=row.salt, committed_hash=row.reserved_hash) for row in rows}


def entry_of(row: Mapping[Any, Any]) -> Entry:
    """Build an entry from a row of this module's statements."""
    return Entry(
        position=row["position"],
        leaf_hash=bytes(row["leaf_hash"]),
        kind=EventKind(row["kind"]),
        subject=Subject(row["subject"]),
        subject_id=row["subject_id"],
        state=row["state"],
        payload=orjson.loads(row["payload"]),
        recorded_at=row["recorded_at"],
        erased_at=row["erased_at"],
        audience=tuple(row.get("audience") or ()),
        brand_id=row.get("brand_id"),
    )


def _find_end(
    row: Mapping[Any, Any], entries: Sequence[Entry], *, after: Position, limit: int, window: int
) -> Position:
    if len(entries) == limit:
        return entries[-1].position
    if row["looked_count"] == window:
        return Position(row["looked_to"])
    return Position(max(row["reach"], after))
