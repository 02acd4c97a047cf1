"""The feed: an order for committed events, the tree over them, and what may be erased."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# A writer never waits for the sequencer: it queues its events in its own transaction, and notifies when that commits,
# but only while the sequencer listens for it (ledger/feed/pending_watch.py says why).
ENQUEUE = """
CREATE FUNCTION enqueue_events() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
BEGIN
  INSERT INTO feed_pending (event_id) SELECT id FROM added;
  IF NOT pg_try_advisory_xact_lock_shared(hashtextextended('jembatan.sequencer.listening', 0)) THEN
    PERFORM pg_notify('jembatan_pending', '');
  END IF;
  RETURN NULL;
END $$
"""
ENQUEUED = """
CREATE TRIGGER events_enqueued AFTER INSERT ON events
REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION enqueue_events()
"""


def upgrade() -> None:
    op.create_table(
        "feed",
        sa.Column("position", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("event_id", sa.BigInteger(), nullable=False),
        sa.Column("leaf_hash", sa.LargeBinary(), nullable=False),
        sa.Column("reserved_hash", sa.LargeBinary(), nullable=False),
        sa.Column("sequenced_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("octet_length(leaf_hash) = 32", name=op.f("ck_feed_leaf_hashed")),
        sa.CheckConstraint("octet_length(reserved_hash) = 32", name=op.f("ck_feed_reserved_hashed")),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_feed")),
        sa.UniqueConstraint("event_id", name=op.f("uq_feed_event_id")),
    )
    op.create_table(
        "feed_checkpoints",
        sa.Column("tree_size", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("root_hash", sa.LargeBinary(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("signed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("octet_length(root_hash) = 32", name=op.f("ck_feed_checkpoints_root_hashed")),
        sa.PrimaryKeyConstraint("tree_size", name=op.f("pk_feed_checkpoints")),
    )
    op.create_table(
        "feed_head",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("feed_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("oldest_position", sa.BigInteger(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_feed_head_single")),
        sa.CheckConstraint("oldest_position BETWEEN 1 AND size + 1", name=op.f("ck_feed_head_oldest_within")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_feed_head")),
    )
    op.create_table(
        "feed_keys",
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("verifier_key", sa.Text(), nullable=False),
        sa.Column("private_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("key_id", name=op.f("pk_feed_keys")),
    )
    op.create_table(
        "feed_nodes",
        sa.Column("level", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("index", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("level > 0 AND level % 8 = 0", name=op.f("ck_feed_nodes_level_kept")),
        sa.CheckConstraint("octet_length(hash) = 32", name=op.f("ck_feed_nodes_hashed")),
        sa.PrimaryKeyConstraint("level", "index", name=op.f("pk_feed_nodes")),
    )
    op.create_table(
        "feed_pending",
        sa.Column("event_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_feed_pending")),
    )
    op.create_table(
        "feed_recipients",
        sa.Column("member_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("position", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("brand_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.PrimaryKeyConstraint("member_id", "position", name=op.f("pk_feed_recipients")),
    )
    op.create_table(
        "legal_holds",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("subject", sa.Text(), nullable=True),
        sa.Column("subject_id", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("placed_by", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("placed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("released_by", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(released_at IS NULL) = (released_by IS NULL)", name=op.f("ck_legal_holds_release_whole")),
        sa.CheckConstraint("(subject IS NULL) = (subject_id IS NULL)", name=op.f("ck_legal_holds_subject_whole")),
        sa.ForeignKeyConstraint(["placed_by"], ["officers.id"], name=op.f("fk_legal_holds_placed_by")),
        sa.ForeignKeyConstraint(["released_by"], ["officers.id"], name=op.f("fk_legal_holds_released_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_legal_holds")),
    )
    op.add_column("events", sa.Column("brand_id", sa.Uuid(as_uuid=False), nullable=True))
    op.add_column(
        "events",
        sa.Column(
            "salt",
            sa.LargeBinary(),
            server_default=sa.text("(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()))"),
            nullable=True,
        ),
    )
    op.add_column(
        "events",
        sa.Column(
            "reserved_salt",
            sa.LargeBinary(),
            server_default=sa.text("(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()))"),
            nullable=True,
        ),
    )
    op.add_column("events", sa.Column("erased_at", sa.DateTime(timezone=True), nullable=True))
    op.create_foreign_key(op.f("fk_events_brand_id"), "events", "brands", ["brand_id"], ["id"])
    op.create_index(
        "ix_events_unerased",
        "events",
        ["recorded_at", "id"],
        unique=False,
        postgresql_where=sa.text("erased_at IS NULL"),
    )
    # The queue stays short and is emptied all the time: vacuum by row count, not by fraction.
    op.execute("ALTER TABLE feed_pending SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000)")
    op.execute("INSERT INTO feed_head (id, feed_id, size, epoch) VALUES (1, gen_random_uuid(), 0, 0)")
    op.execute(ENQUEUE)
    op.execute(ENQUEUED)
    op.execute("INSERT INTO feed_pending (event_id) SELECT id FROM events")


def downgrade() -> None:
    op.execute("DROP TRIGGER events_enqueued ON events")
    op.execute("DROP FUNCTION enqueue_events()")
    op.drop_index("ix_events_unerased", table_name="events", postgresql_where=sa.text("erased_at IS NULL"))
    op.drop_constraint(op.f("fk_events_brand_id"), "events", type_="foreignkey")
    op.drop_column("events", "erased_at")
    op.drop_column("events", "reserved_salt")
    op.drop_column("events", "salt")
    op.drop_column("events", "brand_id")
    op.drop_table("legal_holds")
    op.drop_table("feed_recipients")
    op.drop_table("feed_pending")
    op.drop_table("feed_nodes")
    op.drop_table("feed_keys")
    op.drop_table("feed_head")
    op.drop_table("feed_checkpoints")
    op.drop_table("feed")
