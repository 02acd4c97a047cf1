"""Writes exports of the feed: each entry of a range with everything that its hash covers, as verification.py reads it.

A signed checkpoint covers the entire range. Entries are read in batches, each in its own transaction: this is safe
because an entry changes only by erasure and archiving, and both leave its hash. Runs under the ARCHIVE role. It also
builds the proof bundle of one entry.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text

from ledger.errors import ConflictError, InvalidInputError
from ledger.feed.audit_files import CheckpointLine, EntryLine, Footer, Header, render_line
from ledger.feed.bundles import Bundle
from ledger.feed.checkpoints import find_checkpoint, list_checkpoints, list_verifier_keys
from ledger.feed.entries import ENTRY_TEXT, RESERVED_TEXT
from ledger.feed.proofs import load_peaks, prove_consistency, prove_inclusion
from ledger.storage.database import Database, Transaction
from ledger.storage.roles import Role

BATCH_ENTRIES = 1_000

_HEAD = text("SELECT feed_id, oldest_position FROM feed_head WHERE id = 1")
_ENTRIES = text(f"""
SELECT f.position, f.leaf_hash, e.salt, e.reserved_salt, e.erased_at,
  CASE WHEN e.salt IS NOT NULL THEN {ENTRY_TEXT.format(reserved_hash="f.reserved_hash")} END AS entry,
  CASE WHEN e.reserved_salt IS NOT NULL THEN {RESERVED_TEXT} END AS reserved
FROM feed f LEFT JOIN events e ON e.id = f.event_id
WHERE f.position > :after AND f.position <= :until ORDER BY f.position
""")


class NothingSignedError(ConflictError):
    """No checkpoint of the feed has been signed yet."""

    code = "NOTHING_SIGNED"
    hint = "A serving process signs one within seconds of the first entries; is one running?"


class ExportRangeError(InvalidInputError):
    """No checkpoint covers this range of the feed."""

    code = "EXPORT_RANGE_INVALID"


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """The positions after + 1 to until, which defaults to the size of the newest checkpoint."""

    after: int = 0
    until: int | None = None


async def plan_export(database: Database, wanted: Range, *, as_of: datetime) -> Header:
    """The header of an export of the range. Errors: NothingSignedError, ExportRangeError."""
    async with database.system(Role.ARCHIVE, as_of=as_of) as tx:
        head = (await tx.execute(_HEAD)).one()
        latest = await find_checkpoint(tx)
        if latest is None:
            raise NothingSignedError
        until = latest.tree_size if wanted.until is None else wanted.until
        if not 0 <= wanted.after < until <= latest.tree_size:
            raise ExportRangeError(f"The newest checkpoint has {latest.tree_size} entries.")
        consistency = await prove_consistency(tx, until, latest.tree_size)
        return Header(
            feed_id=str(head.feed_id),
            origin=latest.origin,
            keys=[key.verifier_key for key in await list_verifier_keys(tx)],
            after=wanted.after,
            until=until,
            oldest_position=head.oldest_position,
            peaks=await load_peaks(tx, wanted.after),
            checkpoint=latest.note,
            consistency=consistency.hashes,
            exported_at=as_of,
        )


async def render_export(
    database: Database,
    header: Header,
    *,
    now: Callable[[], datetime],
    note: Callable[[int], None] = lambda _entries: None,
    batch_entries: int = BATCH_ENTRIES,
) -> AsyncIterator[bytes]:
    """The export in chunks of complete lines; note is called after each batch with the number of entries so far."""
    yield render_line(header)
    count = 0
    for after in range(header.after, header.until, batch_entries):
        until = min(after + batch_entries, header.until)
        async with database.system(Role.ARCHIVE, as_of=now()) as tx:
            lines = await _read_batch(tx, after=after, until=until)
        count += sum(isinstance(line, EntryLine) for line in lines)
        yield b"".join(map(render_line, lines))
        note(count)
    yield render_line(Footer(entries=count, until=header.until))


async def make_bundle(tx: Transaction, position: int) -> Bundle:
    """The bundle that proves one entry against the newest checkpoint, without its text if that was erased or archived.

    Errors: NothingSignedError, PositionUnknownError.
    """
    latest = await find_checkpoint(tx)
    if latest is None:
        raise NothingSignedError
    proof = await prove_inclusion(tx, position, latest.tree_size)
    row = (await tx.execute(_ENTRIES, {"after": position - 1, "until": position})).mappings().one()
    line = _read_entry(row)
    return Bundle(
        verifier_keys=[key.verifier_key for key in await list_verifier_keys(tx) if key.retired_at is None],
        checkpoint=latest.note,
        position=position,
        leaf_hash=proof.leaf_hash,
        tree_size=latest.tree_size,
        hashes=proof.hashes,
        entry=line.entry,
        salt=line.salt if line.entry is not None else None,
    )


async def _read_batch(tx: Transaction, *, after: int, until: int) -> list[EntryLine | CheckpointLine]:
    """Entries in order, each stored checkpoint after the last entry that it covers."""
    rows = (await tx.execute(_ENTRIES, {"after": after, "until": until})).mappings()
    checkpoints = {
        stored.tree_size: CheckpointLine(note=stored.note, tree_size=stored.tree_size, root_hash=stored.root_hash)
        for stored in await list_checkpoints(tx, after=after, until=until, limit=until - after)
    }
    lines: list[EntryLine | CheckpointLine] = []
    for row in rows:
        line = _read_entry(row)
        lines.append(line)
        if line.position in checkpoints:
            lines.append(checkpoints[line.position])
    return lines


def _read_entry(row: Mapping[Any, Any]) -> EntryLine:
    return EntryLine(
        position=row["position"],
        leaf_hash=bytes(row["leaf_hash"]),
        entry=row["entry"],
        salt=row["salt"],
        reserved=row["reserved"],
        reserved_salt=row["reserved_salt"],
        erased_at=row["erased_at"],
    )
