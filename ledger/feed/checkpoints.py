"""Checkpoints of the feed: its size and root, signed by the leading sequencer, and the keys that sign them.

A checkpoint is signed under the sequencer's lock, so that a replaced sequencer can't publish one, and only if the tree
still begins with the tree signed before: there must never be two roots for one size, and the size must never shrink.
During a rotation the old and the new key both sign, so that verifiers can switch from one to the other.
Source: C2SP signed-note and tlog-checkpoint; ADR 0058.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import text

from ledger.errors import ConflictError, UnavailableError
from ledger.feed.direct import DirectSession
from ledger.feed.events import EventDraft, append_events
from ledger.feed.notes import Checkpoint, NoteSigner, parse_checkpoint, render_checkpoint, sign_note
from ledger.feed.proofs import LOAD_NODES, read_nodes, render_ranges
from ledger.feed.table import CheckpointKey, StoredCheckpoint, feed_checkpoints, feed_keys
from ledger.feed.tree_plans import plan_root
from ledger.feed.vocabulary import EventKind, Subject
from ledger.storage.database import Transaction
from ledger.storage.rows import fetch_records, insert_records, select_records
from ledger.storage.sealing import Keyring
from ledger.viewer import OPERATOR

# The leader's session already holds this lock, so its transaction can take it too; no other session can.
_LOOK = """
SELECT pg_try_advisory_xact_lock(hashtextextended('jembatan.sequencer', 0)) AS is_leader,
  h.size, c.tree_size, c.root_hash, c.note
FROM feed_head h LEFT JOIN LATERAL (SELECT * FROM feed_checkpoints ORDER BY tree_size DESC LIMIT 1) c ON true
WHERE h.id = 1
"""
_LOAD = LOAD_NODES.format(ranges="$1")
_LIST_ACTIVE = """
SELECT key_id, verifier_key, private_sealed FROM feed_keys WHERE retired_at IS NULL ORDER BY created_at, key_id
"""
_KEEP_KEY = """
INSERT INTO feed_keys (key_id, verifier_key, private_sealed, created_at) VALUES ($1, $2, $3, $4)
"""
_KEEP = """
INSERT INTO feed_checkpoints (tree_size, root_hash, note, signed_at)
SELECT $1, $2, $3, $4 WHERE NOT EXISTS (SELECT 1 FROM feed_checkpoints WHERE tree_size >= $1)
RETURNING tree_size
"""
_RETIRE = text("""
UPDATE feed_keys SET retired_at = :retired_at WHERE retired_at IS NULL AND key_id <> :newest RETURNING key_id
""")
_ROTATION_LOCK = "jembatan.feed_keys"


class NotLeadingError(ConflictError):
    """Another process is the sequencer; this one must not sign."""

    code = "NOT_LEADING"


class HistoryChangedError(UnavailableError):
    """The feed no longer begins with what was signed before; nothing is signed until this is repaired."""

    code = "HISTORY_CHANGED"
    hint = "Run `jembatan audit verify` with an export that you kept, and with --database."


class KeyOverlapError(ConflictError):
    """Two keys already sign checkpoints."""

    code = "KEY_OVERLAP"
    hint = "Retire the older one first: jembatan audit rotate-key --retire-older."


async def sign_checkpoint(
    session: DirectSession, *, origin: str, keyring: Keyring, as_of: datetime
) -> Checkpoint | None:
    """Sign the feed's present size and root, on the leader's session; None if it has not grown since the last time.

    It creates the first key of an origin. Errors, with nothing written: NotLeadingError, HistoryChangedError,
    EncryptionKeyError, and those of the session.
    """
    async with session.transaction():
        head = await session.fetch_row(_LOOK)
        if head is None or not head["is_leader"]:
            raise NotLeadingError
        signed_size = head["tree_size"] or 0
        if head["size"] == signed_size:
            return None
        before, now = plan_root(signed_size), plan_root(head["size"])
        _, nodes = read_nodes(await session.fetch(_LOAD, render_ranges({*before.ranges, *now.ranges})))
        try:
            root_before, root = before.resolve(nodes), now.resolve(nodes)
        except KeyError as error:
            raise HistoryChangedError("Hashes of the feed's tree are missing.") from error
        if head["size"] < signed_size or (signed_size and not _is_as_signed(head, root_before)):
            raise HistoryChangedError
        checkpoint = Checkpoint(origin=origin, size=head["size"], root=root)
        signers = await _load_signers(session, origin=origin, keyring=keyring, as_of=as_of)
        note = sign_note(render_checkpoint(checkpoint), signers)
        if await session.fetch_value(_KEEP, checkpoint.size, checkpoint.root, note, as_of) is None:
            raise HistoryChangedError
    return checkpoint


def make_signer(
    *, origin: str, keyring: Keyring, now: Callable[[], datetime]
) -> Callable[[DirectSession], Awaitable[None]]:
    """A function that the sequencer calls with its own session when the feed has grown."""

    async def sign(session: DirectSession) -> None:
        await sign_checkpoint(session, origin=origin, keyring=keyring, as_of=now())

    return sign


async def find_checkpoint(tx: Transaction, tree_size: int | None = None) -> StoredCheckpoint | None:
    """The checkpoint that was signed at exactly that size, or the newest, for any viewer; None if there is none."""
    size = feed_checkpoints.c.tree_size
    statement = select_records(tx, StoredCheckpoint).order_by(size.desc()).limit(1)
    if tree_size is not None:
        statement = statement.where(size == tree_size)
    return next(iter(await fetch_records(tx, StoredCheckpoint, statement)), None)


async def list_checkpoints(tx: Transaction, *, after: int, until: int, limit: int) -> list[StoredCheckpoint]:
    """Checkpoints of sizes after + 1 to until, smallest first."""
    size = feed_checkpoints.c.tree_size
    statement = select_records(tx, StoredCheckpoint).where(size > after, size <= until).order_by(size).limit(limit)
    return await fetch_records(tx, StoredCheckpoint, statement)


async def list_verifier_keys(tx: Transaction) -> list[CheckpointKey]:
    """All keys that have ever signed checkpoints, oldest first, for any viewer."""
    c = feed_keys.c
    statement = select_records(tx, CheckpointKey).order_by(c.created_at, c.key_id)
    return await fetch_records(tx, CheckpointKey, statement)


async def add_checkpoint_key(tx: Transaction, *, origin: str) -> str:
    """Add a new key that signs beside the present one from the next checkpoint on; returns its verifier key.

    Runs under the SEQUENCER role. Errors: KeyOverlapError.
    """
    if not await tx.try_lock(_ROTATION_LOCK):
        raise KeyOverlapError("Another rotation is under way.")
    if len(await _list_active(tx, origin)) > 1:
        raise KeyOverlapError
    key, sealed = _make_key(origin, tx.keyring, as_of=tx.as_of)
    await insert_records(tx, [key], more=[{"private_sealed": sealed}])
    await _tell(tx, added=[key.key_id], retired=[])
    return key.verifier_key


async def retire_older_checkpoint_keys(tx: Transaction, *, origin: str) -> list[str]:
    """Retire all keys of the origin but the newest, from the next checkpoint on; returns the ids of those retired.

    What they signed stays valid. Runs under the SEQUENCER role. Errors: KeyOverlapError.
    """
    if not await tx.try_lock(_ROTATION_LOCK):
        raise KeyOverlapError("Another rotation is under way.")
    active = await _list_active(tx, origin)
    if not active:
        return []
    changed = await tx.execute(_RETIRE, {"retired_at": tx.as_of, "newest": active[-1].key_id})
    retired = [str(key_id) for key_id in changed.scalars()]
    if retired:
        await _tell(tx, added=[], retired=retired)
    return retired


async def _list_active(tx: Transaction, origin: str) -> list[CheckpointKey]:
    keys = await list_verifier_keys(tx)
    return [key for key in keys if key.retired_at is None and key.verifier_key.startswith(f"{origin}+")]


async def _tell(tx: Transaction, *, added: Sequence[str], retired: Sequence[str]) -> None:
    # The entry makes the feed grow, so that a checkpoint with the new signatures follows immediately.
    payload = {"added": list(added), "retired": list(retired)}
    draft = EventDraft(kind=EventKind.KEYS_ROTATED, subject=Subject.KEYRING, subject_id="feed", payload=payload)
    await append_events(tx, [draft], actor=OPERATOR)


def _is_as_signed(head: Mapping[str, Any], root: bytes) -> bool:
    """Whether the last checkpoint's note and columns agree with the tree."""
    signed = parse_checkpoint(head["note"].partition("\n\n")[0] + "\n")
    return signed is not None and (signed.size, signed.root) == (head["tree_size"], root) == (
        head["tree_size"],
        head["root_hash"],
    )


async def _load_signers(session: DirectSession, *, origin: str, keyring: Keyring, as_of: datetime) -> list[NoteSigner]:
    """The active keys of this origin, oldest first; creates one if there is none. Errors: EncryptionKeyError."""
    rows = await session.fetch(_LIST_ACTIVE)
    own = [(row["key_id"], row["private_sealed"]) for row in rows if row["verifier_key"].startswith(f"{origin}+")]
    if not own:
        key, sealed = _make_key(origin, keyring, as_of=as_of)
        await session.execute(_KEEP_KEY, key.key_id, key.verifier_key, sealed, key.created_at)
        own = [(key.key_id, sealed)]
    opened = [keyring.open(sealed, _place(key_id)) for key_id, sealed in own]
    return [NoteSigner(name=origin, private_key=Ed25519PrivateKey.from_private_bytes(raw)) for raw in opened]


def _make_key(origin: str, keyring: Keyring, *, as_of: datetime) -> tuple[CheckpointKey, bytes]:
    """A new key, and its sealed private part."""
    signer = NoteSigner(name=origin, private_key=Ed25519PrivateKey.generate())
    key_id = signer.verifier_key.key_id.hex()
    key = CheckpointKey(key_id=key_id, verifier_key=signer.verifier_key.render(), created_at=as_of)
    return key, keyring.seal(signer.private_key.private_bytes_raw(), _place(key_id))


def _place(key_id: str) -> str:
    return f"feed_keys.private:{key_id}"
