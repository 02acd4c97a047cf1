"""Members, their brands, and the regulator's offices and officers."""

from sqlalchemy import Boolean, CheckConstraint, Column, Table, Text, UniqueConstraint, text

from ledger.storage.columns import id_column, moment, one_of, reference, text_list
from ledger.storage.metadata import metadata
from ledger.viewer import MemberKind

members = Table(
    "members",
    metadata,
    id_column(),
    Column("slug", Text, nullable=False, unique=True),
    Column("kind", Text, nullable=False),
    Column("legal_name", Text, nullable=False),
    Column("contact_name", Text),
    Column("contact_email", Text),
    Column("contact_phone", Text),
    Column("internet_access", Boolean, nullable=False, server_default=text("false")),
    Column("subgraph_url", Text),
    moment("admitted_at"),
    moment("suspended_at", nullable=True),
    one_of("kind", MemberKind),
    CheckConstraint("slug ~ '^[a-z0-9][a-z0-9-]{0,62}$'", name="slug_form"),
)

brands = Table(
    "brands",
    metadata,
    id_column(),
    reference("member_id", "members.id"),
    Column("slug", Text, nullable=False),
    Column("name", Text, nullable=False),
    UniqueConstraint("member_id", "slug"),
    CheckConstraint("slug ~ '^[a-z0-9][a-z0-9-]{0,62}$'", name="slug_form"),
)

offices = Table(
    "offices",
    metadata,
    id_column(),
    reference("member_id", "members.id"),
    Column("slug", Text, nullable=False),
    Column("name", Text, nullable=False),
    UniqueConstraint("member_id", "slug"),
    CheckConstraint("slug ~ '^[a-z0-9][a-z0-9-]{0,62}$'", name="slug_form"),
)

officers = Table(
    "officers",
    metadata,
    id_column(),
    reference("member_id", "members.id"),
    reference("office_id", "offices.id", index=True),
    Column("display_name", Text, nullable=False),
    text_list("scopes"),
    moment("created_at"),
    moment("disabled_at", nullable=True),
)
