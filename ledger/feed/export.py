"""Writes exports of the feed: each entry of a range with everything that its hash covers, as verification.py reads it.

A signed checkpoint covers the entire range. Entries are read in batches on one snapshot, so that what is erased while
the file is being written appears as it was: its record could not be in the file. For the same reason an export of
everything waits until the records of all earlier erasures are signed. Runs under the ARCHIVE role. It also builds the
proof bundle of one entry.
Source: ADR 0055 and 0096.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text

from ledger.errors import ConflictError, InvalidInputError
from ledger.feed.audit_files import CheckpointLine, EntryLine, Footer, Header, render_line
from ledger.feed.bundles import Bundle
from ledger.feed.checkpoints import find_checkpoint, list_checkpoints, list_verifier_keys
from ledger.feed.entries import ENTRY_TEXT, RESERVED_TEXT
from ledger.feed.events import RECORD_SUBJECT_ID
from ledger.feed.proofs import load_peaks, prove_consistency, prove_inclusion
from ledger.feed.witnesses import load_cosignatures
from ledger.storage.database import Database, Transaction
from ledger.storage.roles import Role

BATCH_ENTRIES = 1_000

_HEAD = text("SELECT feed_id, oldest_position FROM feed_head WHERE id = 1")
_ENTRIES = text(f"""
SELECT f.position, f.leaf_hash, f.sequenced_at, e.salt, e.reserved_salt, e.erased_at,
  CASE WHEN e.salt IS NOT NULL THEN {ENTRY_TEXT.format(reserved_hash="f.reserved_hash")} END AS entry,
  CASE WHEN e.reserved_salt IS NOT NULL THEN {RESERVED_TEXT} END AS reserved
FROM feed f LEFT JOIN events e ON e.id = f.event_id
WHERE f.position > :after AND f.position <= :until ORDER BY f.position
""")


_ARE_RECORDS_SIGNED = text("""
SELECT coalesce(bool_and(f.position IS NOT NULL AND f.position <= :size), true)
FROM (SELECT id FROM events WHERE subject = 'FEED' AND subject_id = :subject_id ORDER BY id DESC LIMIT 100) AS e
LEFT JOIN feed f ON f.event_id = e.id
""")
_SETTLE_SECONDS_MAX = 30.0
_SETTLE_POLL_SECONDS = 0.1


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


class ExportUnsettledError(ConflictError):
    """Records of erasures are still waiting to be signed, so that an export could not show them."""

    code = "EXPORT_UNSETTLED"
    hint = "A serving process signs them within seconds; is one running?"


@dataclass(frozen=True, slots=True)
class Export:
    """An export that is open on its snapshot: its header, and what writes it."""

    header: Header
    _tx: Transaction

    async def render(
        self, *, note: Callable[[int], None] = lambda _entries: None, batch_entries: int = BATCH_ENTRIES
    ) -> AsyncIterator[bytes]:
        """The export in chunks of complete lines; note is called after each batch with the number of entries so far."""
        header = self.header
        yield render_line(header)
        count = checkpoints = 0
        for after in range(header.after, header.until, batch_entries):
            lines = await _read_batch(self._tx, after=after, until=min(after + batch_entries, header.until))
            entries = sum(isinstance(line, EntryLine) for line in lines)
            count, checkpoints = count + entries, checkpoints + len(lines) - entries
            yield b"".join(map(render_line, lines))
            note(count)
        yield render_line(Footer(entries=count, until=header.until, checkpoints=checkpoints))


@asynccontextmanager
async def open_export(
    database: Database, wanted: Range, *, now: Callable[[], datetime], settle_seconds_max: float = _SETTLE_SECONDS_MAX
) -> AsyncIterator[Export]:
    """Open an export of the range, on a snapshot that lasts as long as the block.

    Errors: NothingSignedError, ExportRangeError; ExportUnsettledError, for everything, after settle_seconds_max.
    """
    tries = int(settle_seconds_max / _SETTLE_POLL_SECONDS)
    while True:
        async with database.snapshot(Role.ARCHIVE, as_of=now()) as tx:
            header = await _plan(tx, wanted)
            if wanted.until is not None or await _are_records_signed(tx, header.until):
                yield Export(header, tx)
                return
        if tries <= 0:
            raise ExportUnsettledError
        tries -= 1
        await asyncio.sleep(_SETTLE_POLL_SECONDS)


async def _are_records_signed(tx: Transaction, size: int) -> bool:
    found = await tx.execute(_ARE_RECORDS_SIGNED, {"size": size, "subject_id": RECORD_SUBJECT_ID})
    return bool(found.scalar_one())


async def _plan(tx: Transaction, wanted: Range) -> Header:
    """The header of an export of the range. Errors: NothingSignedError, ExportRangeError."""
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
        exported_at=tx.as_of,
    )


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
    found = await list_checkpoints(tx, after=after, until=until, limit=until - after)
    cosignatures = await load_cosignatures(tx, [stored.tree_size for stored in found])
    checkpoints = {
        stored.tree_size: CheckpointLine(
            note=stored.note,
            tree_size=stored.tree_size,
            root_hash=stored.root_hash,
            signed_at=stored.signed_at,
            cosignatures=[each.line for each in cosignatures.get(stored.tree_size, ())],
        )
        for stored in found
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
        sequenced_at=row["sequenced_at"],
    )
