"""Compares a verified export with the live database: leaf hashes, stored nodes and checkpoints, in order of position.

The export counts as the truth, because its signatures were checked: callers must verify it first. Runs under the
ARCHIVE role.
"""

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from datetime import datetime
from itertools import islice

from sqlalchemy import text

from ledger.feed.audit_files import CheckpointLine, EntryLine, Header, parse_line
from ledger.feed.merkle import compute_root
from ledger.feed.tree_plans import BLOCK_NODES, STORED_LEVEL_STEP
from ledger.feed.verification import Finding, Tampering
from ledger.storage.database import Database, Transaction
from ledger.storage.roles import Role

_HEAD = text("SELECT feed_id, size FROM feed_head WHERE id = 1")
_LEAVES = text("""
SELECT position, leaf_hash FROM feed WHERE position > :after AND position <= :until ORDER BY position
""")
_NODES = text("""
SELECT level, index, hash FROM feed_nodes
WHERE level = :level AND index >= :first AND index <= :last ORDER BY index
""")
_NOTES = text("SELECT tree_size, note FROM feed_checkpoints WHERE tree_size > :after AND tree_size <= :until")


async def compare_with_database(
    lines: Iterator[bytes], database: Database, *, now: Callable[[], datetime]
) -> Finding | None:
    """The first difference between a verified export and the database, or None."""
    header = parse_line(next(lines))
    if not isinstance(header, Header):
        return None
    async with database.system(Role.ARCHIVE, as_of=now()) as tx:
        head = (await tx.execute(_HEAD)).one()
    if str(head.feed_id) != header.feed_id:
        return _differs(header.after + 1, "the database has a different feed", last=header.until)
    if head.size < header.until:
        return _differs(head.size + 1, "the database's feed is shorter", last=header.until)
    nodes = _Nodes(header.after)
    async for batch in _in_batches(lines):
        async with database.system(Role.ARCHIVE, as_of=now()) as tx:
            finding = await _compare_leaves(tx, [line for line in batch if isinstance(line, EntryLine)])
            finding = finding or await _compare_notes(tx, [line for line in batch if isinstance(line, CheckpointLine)])
            finding = finding or await nodes.compare(tx, [line for line in batch if isinstance(line, EntryLine)])
        if finding is not None:
            return finding
    return None


class _Nodes:
    """Recomputes the stored nodes of the export's tree as it is read, except those that begin before the export."""

    def __init__(self, after: int) -> None:
        self._after = after
        self._rows: dict[int, list[bytes]] = {}
        self._size = after

    async def compare(self, tx: Transaction, entries: Sequence[EntryLine]) -> Finding | None:
        for entry in entries:
            self._size += 1
            finding = await self._add(tx, 0, entry.leaf_hash)
            if finding is not None:
                return finding
        return None

    async def _add(self, tx: Transaction, level: int, node: bytes) -> Finding | None:
        """Add a complete node of a stored level; if its parent is now complete, compare that, and so on."""
        covered = 1 << (level + STORED_LEVEL_STEP)
        block_start = (self._size - 1) // covered * covered
        if block_start < self._after:
            return None
        row = self._rows.setdefault(level, [])
        row.append(node)
        if len(row) < BLOCK_NODES:
            return None
        # 256 adjacent nodes form a perfect tree, whose root is their parent.
        parent = compute_root(row)
        row.clear()
        above, index = level + STORED_LEVEL_STEP, block_start // covered
        stored = (await tx.execute(_NODES, {"level": above, "first": index, "last": index})).one_or_none()
        if stored is None or bytes(stored.hash) != parent:
            what = "is missing" if stored is None else "differs"
            detail = f"the stored node {index} of level {above} {what}"
            return _differs(block_start + 1, detail, last=block_start + covered)
        return await self._add(tx, above, parent)


async def _in_batches(lines: Iterator[bytes]) -> AsyncIterator[list[EntryLine | CheckpointLine]]:
    while raws := list(islice(lines, BLOCK_NODES * 4)):
        parsed = [parse_line(raw) for raw in raws]
        yield [line for line in parsed if isinstance(line, EntryLine | CheckpointLine)]


async def _compare_leaves(tx: Transaction, entries: Sequence[EntryLine]) -> Finding | None:
    if not entries:
        return None
    bounds = {"after": entries[0].position - 1, "until": entries[-1].position}
    stored = {row.position: bytes(row.leaf_hash) for row in await tx.execute(_LEAVES, bounds)}
    for entry in entries:
        if entry.position not in stored:
            return _differs(entry.position, "the database has no such position")
        if stored[entry.position] != entry.leaf_hash:
            return _differs(entry.position, "the database has a different leaf hash")
    return None


async def _compare_notes(tx: Transaction, checkpoints: Sequence[CheckpointLine]) -> Finding | None:
    if not checkpoints:
        return None
    bounds = {"after": checkpoints[0].tree_size - 1, "until": checkpoints[-1].tree_size}
    stored = {row.tree_size: row.note for row in await tx.execute(_NOTES, bounds)}
    for checkpoint in checkpoints:
        if stored.get(checkpoint.tree_size) != checkpoint.note:
            return _differs(checkpoint.tree_size, "the database has a different checkpoint of this size, or none")
    return None


def _differs(first: int, detail: str, *, last: int | None = None) -> Finding:
    return Finding(tampering=Tampering.DATABASE, first=first, last=last or first, detail=detail)
