"""Events: one row for every change of state, written in its own transaction, with who may get it."""

from sqlalchemy import BigInteger, Column, Identity, Index, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from ledger.storage.columns import moment, reference
from ledger.storage.metadata import metadata

events = Table(
    "events",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("kind", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("subject_id", Text, nullable=False),
    Column("state", Text),
    reference("actor_member_id", "members.id", nullable=True),
    reference("actor_officer_id", "officers.id", nullable=True),
    Column("actor_client_id", Text),
    Column("audience", ARRAY(Uuid(as_uuid=False)), nullable=False),
    Column("payload", JSONB, nullable=False),
    moment("recorded_at"),
    Index("ix_events_subject_id", "subject_id"),
    Index("ix_events_audience", "audience", postgresql_using="gin"),
)
"""The id only names the row: it is no position, since a transaction that commits late has a low one."""
