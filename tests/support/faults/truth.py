"""The feed as the owner of its tables sees it, and what each subscriber should have been told of it."""

import hashlib
from collections import Counter
from dataclasses import dataclass
from typing import Any

import asyncpg

from ledger.feed.entries import ENTRY_TEXT, RESERVED_TEXT
from ledger.feed.merkle import GrowingTree
from ledger.feed.notes import SignedCheckpoint, parse_verifier_key, verify_checkpoint
from ledger.viewer import Viewer, ViewerKind

ORIGIN = "jembatan.example/feed"
KINDS_OF_FIELD = {
    "blockRequestEvents": ("ORDER_", "EXTENSION_"),
    "complaintEvents": ("COMPLAINT_", "COMPLAINANT_INFORMED"),
    "fraudSignals": ("SIGNAL_",),
    "feed": ("",),
}
_ROWS = f"""
SELECT f.position, f.leaf_hash, f.reserved_hash, e.id IS NOT NULL AS is_kept, e.kind, e.subject_id,
  e.audience::text[] AS audience, e.brand_id::text AS brand_id, e.salt, e.reserved_salt,
  {ENTRY_TEXT.format(reserved_hash="f.reserved_hash")} AS entry_text, {RESERVED_TEXT} AS reserved_text
FROM feed f LEFT JOIN events e ON e.id = f.event_id ORDER BY f.position
"""
_UNSIGNED = "SELECT size - coalesce((SELECT max(tree_size) FROM feed_checkpoints), 0) FROM feed_head"
_UNPLACED = "SELECT count(*) FROM events e WHERE NOT EXISTS (SELECT 1 FROM feed f WHERE f.event_id = e.id)"


@dataclass(frozen=True)
class Row:
    """One entry, with all that only the owner and the regulator may know of it."""

    position: int
    kind: str
    subject_id: str
    audience: tuple[str, ...]
    brand_id: str | None

    @property
    def told(self) -> tuple[int, str, str]:
        return (self.position, self.kind, self.subject_id)

    def is_for(self, viewer: Viewer, field: str) -> bool:
        """By the rule as the design says it, in words of its own."""
        if not self.kind.startswith(KINDS_OF_FIELD[field]):
            return False
        if viewer.kind is ViewerKind.REGULATOR:
            return True
        if viewer.member_id not in self.audience:
            return False
        return viewer.brand_id is None or viewer.brand_id == self.brand_id


class Truth:
    """The whole feed at one time."""

    def __init__(self, rows: list[Row]) -> None:
        self.rows = rows

    @property
    def size(self) -> int:
        return len(self.rows)

    def list_told(self, viewer: Viewer, field: str, *, after: int) -> list[tuple[int, str, str]]:
        return [row.told for row in self.rows if row.position > after and row.is_for(viewer, field)]

    def count(self) -> "Counter[tuple[str, str]]":
        return Counter((row.kind, row.subject_id) for row in self.rows)


async def count_unplaced(owner: asyncpg.Connection) -> int:
    """Committed events that have no position yet."""
    return int(await owner.fetchval(_UNPLACED))


async def count_unsigned(owner: asyncpg.Connection) -> int:
    """Entries behind the last checkpoint."""
    return int(await owner.fetchval(_UNSIGNED))


async def read_truth(owner: asyncpg.Connection) -> Truth:
    """The feed, after it was checked: dense, every leaf its entry's own, the tree as it was signed at every size."""
    async with owner.transaction(isolation="repeatable_read", readonly=True):
        records = await owner.fetch(_ROWS)
        notes = await owner.fetch("SELECT tree_size, root_hash, note FROM feed_checkpoints ORDER BY tree_size")
    keys = [parse_verifier_key(row["verifier_key"]) for row in await owner.fetch("SELECT verifier_key FROM feed_keys")]
    assert [record["position"] for record in records] == list(range(1, len(records) + 1))
    roots = {0: GrowingTree().compute_root()}
    tree = GrowingTree()
    for record in records:
        assert _hash_leaf(record) == record["leaf_hash"], record["position"]
        tree.append(record["leaf_hash"])
        roots[tree.size] = tree.compute_root()
    for note in notes:
        signed = verify_checkpoint(note["note"], origin=ORIGIN, keys=[key for key in keys if key is not None])
        assert isinstance(signed, SignedCheckpoint), signed
        assert (signed.checkpoint.size, signed.checkpoint.root) == (note["tree_size"], note["root_hash"])
        assert roots[signed.checkpoint.size] == signed.checkpoint.root
    return Truth(
        [
            Row(
                position=record["position"],
                kind=record["kind"],
                subject_id=record["subject_id"],
                audience=tuple(record["audience"]),
                brand_id=record["brand_id"],
            )
            for record in records
        ]
    )


def _hash_leaf(record: Any) -> bytes:
    """The leaf made anew from what the event says now."""
    assert record["is_kept"]
    reserved = hashlib.sha256(record["reserved_salt"] + record["reserved_text"].encode()).digest()
    assert reserved == record["reserved_hash"]
    return hashlib.sha256(b"\x00" + record["salt"] + record["entry_text"].encode()).digest()
