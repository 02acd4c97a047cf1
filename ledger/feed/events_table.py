"""Events: one row for every change of state, written in its own transaction, with who may get it."""

from sqlalchemy import BigInteger, Column, Identity, Index, LargeBinary, Table, Text, Uuid, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from ledger.storage.columns import moment, reference
from ledger.storage.metadata import metadata

# 244 random bits, from the server's own strong source, so that no way of inserting can forget them.
_SALT = text("(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()))")

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
    reference("brand_id", "brands.id", nullable=True),
    Column("payload", JSONB, nullable=False),
    moment("recorded_at"),
    Column("salt", LargeBinary, server_default=_SALT),
    Column("reserved_salt", LargeBinary, server_default=_SALT),
    moment("erased_at", nullable=True),
    Index("ix_events_subject_id", "subject_id"),
    Index("ix_events_audience", "audience", postgresql_using="gin"),
    Index("ix_events_unerased", "recorded_at", "id", postgresql_where=text("erased_at IS NULL")),
)
"""The id only names the row: it is no position, since a transaction that commits late has a low one.

Who acted and who else may get it is the reserved part, for the regulator alone; each part has a salt of its own,
so that whoever knows one can't guess the other from its hash.
"""
