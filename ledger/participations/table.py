"""On which terms providers take part in fraud signals, and the keys that their hashes are made with."""

from sqlalchemy import CheckConstraint, Column, Index, LargeBinary, Table, Text, Uuid, text
from sqlalchemy.dialects.postgresql import ARRAY

from ledger.participations.vocabulary import Disclosure, ParticipationEndReason
from ledger.storage.columns import each_of, id_column, moment, one_of, reference
from ledger.storage.metadata import metadata
from ledger.vocabulary import Category

participations = Table(
    "participations",
    metadata,
    id_column(),
    reference("member_id", "members.id"),
    Column("terms_reference", Text, nullable=False),
    Column("categories", ARRAY(Text), nullable=False),
    Column("purpose", Text, nullable=False),
    Column("controller_roles", Text, nullable=False),
    Column("transfer_ground", Text),
    Column("disclosure", Text, nullable=False),
    moment("starts_at"),
    moment("ends_at", nullable=True),
    moment("began_at", nullable=True),
    moment("ended_at", nullable=True),
    Column("ended_reason", Text),
    reference("recorded_by", "officers.id", nullable=True),
    Column("recorded_by_client", Text),
    moment("recorded_at"),
    one_of("disclosure", Disclosure),
    one_of("ended_reason", ParticipationEndReason),
    each_of("categories", Category),
    CheckConstraint("cardinality(categories) > 0", name="categories_named"),
    CheckConstraint("ends_at IS NULL OR ends_at > starts_at", name="term_order"),
    CheckConstraint("(ended_at IS NULL) = (ended_reason IS NULL)", name="ended_with_reason"),
    Index("uq_participations_member_id", "member_id", unique=True, postgresql_where=text("ended_at IS NULL")),
    Index("ix_participations_member_id_id", "member_id", "id"),
)
"""starts_at and ends_at are what was agreed; began_at and ended_at are what is so, and what policies look at.

Rows are terms as they were signed: a change of terms ends one and begins the next.
"""

signal_keys = Table(
    "signal_keys",
    metadata,
    id_column(),
    reference("member_id", "members.id"),
    Column("key_sealed", LargeBinary, nullable=False),
    moment("created_at"),
    moment("retired_at", nullable=True),
    Column("filled_after", Uuid(as_uuid=False)),
    moment("filled_at", nullable=True),
    Index("uq_signal_keys_member_id", "member_id", unique=True, postgresql_where=text("retired_at IS NULL")),
    Index("ix_signal_keys_unfilled", "id", postgresql_where=text("filled_at IS NULL")),
)
"""retired_at is from when a key makes no more hashes; the newest one's is NULL. It may lie ahead: the overlap.

filled_after is the last signal that the key's hashes were made of, filled_at when that had reached the newest.
"""
