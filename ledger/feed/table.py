"""The feed: committed events in one order without gaps, the tree over them, and what was signed of it.

Rows here are only added. The sequencer owns them all; `feed_pending` alone is emptied, by the sequencer.
"""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)

from ledger.storage.columns import id_column, moment, reference
from ledger.storage.metadata import metadata

_HASHED = "octet_length({}) = 32"

feed_pending = Table("feed_pending", metadata, Column("event_id", BigInteger, primary_key=True, autoincrement=False))
"""Events that have no position yet. A trigger on `events` fills it in the writer's own transaction."""

feed_head = Table(
    "feed_head",
    metadata,
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    Column("feed_id", Uuid(as_uuid=False), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("oldest_position", BigInteger, nullable=False, server_default=text("1")),
    CheckConstraint("id = 1", name="single"),
    CheckConstraint("oldest_position BETWEEN 1 AND size + 1", name="oldest_within"),
)
"""One row: how far the feed is, and the epoch of the one sequencer that may go on with it."""

feed = Table(
    "feed",
    metadata,
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("event_id", BigInteger, nullable=False),
    Column("leaf_hash", LargeBinary, nullable=False),
    Column("reserved_hash", LargeBinary, nullable=False),
    moment("sequenced_at"),
    UniqueConstraint("event_id"),
    CheckConstraint(_HASHED.format("leaf_hash"), name="leaf_hashed"),
    CheckConstraint(_HASHED.format("reserved_hash"), name="reserved_hashed"),
)
"""No foreign key to the event: archiving removes events, and the hashes stay."""

feed_recipients = Table(
    "feed_recipients",
    metadata,
    Column("member_id", Uuid(as_uuid=False), primary_key=True),
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("brand_id", Uuid(as_uuid=False)),
)
"""A member's entries in their order, so that catching up reads its own and not everybody's.

brand_id is set where the entry is about a brand of this very member: its clients may be narrowed to one.
"""

feed_nodes = Table(
    "feed_nodes",
    metadata,
    Column("level", SmallInteger, primary_key=True, autoincrement=False),
    Column("index", BigInteger, primary_key=True, autoincrement=False),
    Column("hash", LargeBinary, nullable=False),
    CheckConstraint("level > 0 AND level % 8 = 0", name="level_kept"),
    CheckConstraint(_HASHED.format("hash"), name="hashed"),
)
"""Roots of complete subtrees at every eighth level; the levels between are computed from these."""

feed_keys = Table(
    "feed_keys",
    metadata,
    Column("key_id", Text, primary_key=True),
    Column("verifier_key", Text, nullable=False),
    Column("private_sealed", LargeBinary, nullable=False),
    moment("created_at"),
    moment("retired_at", nullable=True),
)
"""What checkpoints are signed with."""

feed_checkpoints = Table(
    "feed_checkpoints",
    metadata,
    Column("tree_size", BigInteger, primary_key=True, autoincrement=False),
    Column("root_hash", LargeBinary, nullable=False),
    Column("note", Text, nullable=False),
    moment("signed_at"),
    CheckConstraint(_HASHED.format("root_hash"), name="root_hashed"),
)

legal_holds = Table(
    "legal_holds",
    metadata,
    id_column(),
    Column("subject", Text),
    Column("subject_id", Text),
    Column("reason", Text, nullable=False),
    reference("placed_by", "officers.id"),
    moment("placed_at"),
    reference("released_by", "officers.id", nullable=True),
    moment("released_at", nullable=True),
    CheckConstraint("(subject IS NULL) = (subject_id IS NULL)", name="subject_whole"),
    CheckConstraint("(released_at IS NULL) = (released_by IS NULL)", name="release_whole"),
)
"""What retention must leave alone: one subject's entries, or, without a subject, every entry."""
