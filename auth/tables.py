"""The tables of auth, on the ledger's metadata.

Secrets are never stored: client secrets, session tokens, codes and assertion ids only as SHA-256 (each
holds 128 random bits or more), passwords as argon2id, the signing key sealed by the keyring.

The AUTH role alone touches these tables, as told at each; no viewer's role may read any of them. It also
reads `members`, `brands`, `offices` and `officers`, every row, and writes none of them.
"""

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from ledger.storage.access import Access
from ledger.storage.metadata import metadata
from ledger.storage.roles import Role

_HASHED = "octet_length({}) = 32"


def _time(name: str, *, nullable: bool = False) -> Column[object]:
    return Column(name, DateTime(timezone=True), nullable=nullable)


# AUTH: SELECT, INSERT, UPDATE. A client is disabled, never deleted: orders and events name it.
clients = Table(
    "clients",
    metadata,
    Column("id", Uuid(as_uuid=False), primary_key=True),
    Column("member_id", Uuid(as_uuid=False), ForeignKey("members.id"), nullable=False, index=True),
    Column("brand_id", Uuid(as_uuid=False), ForeignKey("brands.id")),
    Column("name", Text, nullable=False),
    Column("auth_method", Text, nullable=False),
    Column("secret_hash", LargeBinary),
    Column("public_keys", JSONB(none_as_null=True)),
    Column("grant_types", ARRAY(Text), nullable=False),
    Column("redirect_uris", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    Column("scopes", ARRAY(Text), nullable=False),
    Column("is_native", Boolean, nullable=False, server_default=text("false")),
    _time("created_at"),
    _time("secret_set_at", nullable=True),
    _time("disabled_at", nullable=True),
    CheckConstraint("auth_method IN ('client_secret_basic', 'private_key_jwt', 'none')", name="auth_method_known"),
    CheckConstraint(
        "grant_types <@ ARRAY['client_credentials', 'authorization_code']::text[] AND cardinality(grant_types) > 0",
        name="grant_types_known",
    ),
    CheckConstraint(
        "(auth_method = 'client_secret_basic') = (secret_hash IS NOT NULL) "
        "AND (auth_method = 'private_key_jwt') = (public_keys IS NOT NULL)",
        name="credential_of_method",
    ),
    CheckConstraint(
        "auth_method <> 'none' OR NOT ('client_credentials' = ANY(grant_types))", name="public_acts_for_officers_only"
    ),
    CheckConstraint(f"secret_hash IS NULL OR {_HASHED.format('secret_hash')}", name="secret_hashed"),
)

# AUTH: SELECT, INSERT, UPDATE, DELETE.
officer_logins = Table(
    "officer_logins",
    metadata,
    Column("id", Uuid(as_uuid=False), primary_key=True),
    Column("officer_id", Uuid(as_uuid=False), ForeignKey("officers.id"), nullable=False, index=True),
    Column("login", Text, nullable=False, unique=True),
    Column("password_hash", Text, nullable=False),
    _time("created_at"),
    _time("password_set_at"),
    CheckConstraint("char_length(login) BETWEEN 1 AND 128", name="login_length"),
    CheckConstraint("password_hash LIKE '$argon2id$%'", name="password_hashed"),
)

# AUTH: SELECT, INSERT, DELETE.
login_sessions = Table(
    "login_sessions",
    metadata,
    Column("id", Uuid(as_uuid=False), primary_key=True),
    Column("token_hash", LargeBinary, nullable=False, unique=True),
    Column("login_id", Uuid(as_uuid=False), ForeignKey("officer_logins.id", ondelete="CASCADE"), nullable=False),
    Column("officer_id", Uuid(as_uuid=False), ForeignKey("officers.id"), nullable=False, index=True),
    _time("created_at"),
    _time("expires_at"),
    CheckConstraint(_HASHED.format("token_hash"), name="token_hashed"),
    Index(None, "login_id"),
    Index(None, "expires_at"),
)

# AUTH: SELECT, INSERT, UPDATE, DELETE.
authorization_codes = Table(
    "authorization_codes",
    metadata,
    Column("id", Uuid(as_uuid=False), primary_key=True),
    Column("code_hash", LargeBinary, nullable=False, unique=True),
    Column("client_id", Uuid(as_uuid=False), ForeignKey("clients.id"), nullable=False),
    Column("officer_id", Uuid(as_uuid=False), ForeignKey("officers.id"), nullable=False),
    Column("redirect_uri", Text, nullable=False),
    Column("scope", Text, nullable=False),
    Column("code_challenge", Text, nullable=False),
    _time("created_at"),
    _time("expires_at"),
    _time("redeemed_at", nullable=True),
    Column("token_id", Text),
    _time("token_expires_at", nullable=True),
    CheckConstraint(_HASHED.format("code_hash"), name="code_hashed"),
    CheckConstraint("char_length(code_challenge) = 43", name="code_challenge_s256"),
    CheckConstraint("(redeemed_at IS NULL) = (token_id IS NULL)", name="redeemed_for_a_token"),
    Index(None, "expires_at"),
)

# AUTH: SELECT, INSERT, DELETE.
used_assertions = Table(
    "used_assertions",
    metadata,
    Column("client_id", Uuid(as_uuid=False), ForeignKey("clients.id"), primary_key=True),
    Column("assertion_hash", LargeBinary, primary_key=True),
    _time("expires_at"),
    CheckConstraint(_HASHED.format("assertion_hash"), name="assertion_hashed"),
    Index(None, "expires_at"),
)

# AUTH: SELECT, INSERT, DELETE.
revoked_tokens = Table(
    "revoked_tokens",
    metadata,
    Column("token_id", Text, primary_key=True),
    _time("revoked_at"),
    _time("expires_at"),
    Index(None, "expires_at"),
)

# AUTH: SELECT, INSERT, UPDATE. An old key is retired and stays published until its tokens have expired.
signing_keys = Table(
    "signing_keys",
    metadata,
    Column("id", Uuid(as_uuid=False), primary_key=True),
    Column("algorithm", Text, nullable=False),
    Column("public_key", JSONB, nullable=False),
    Column("private_key", LargeBinary, nullable=False),
    _time("created_at"),
    _time("retired_at", nullable=True),
    CheckConstraint("algorithm IN ('ES256')", name="algorithm_known"),
    # The rule that makes several processes starting at once end up with one key.
    Index("uq_signing_keys_current", "algorithm", unique=True, postgresql_where=text("retired_at IS NULL")),
)

# AUTH: SELECT, INSERT, UPDATE, DELETE. The subject is hashed: a mistyped login can be a password.
login_throttles = Table(
    "login_throttles",
    metadata,
    Column("subject_hash", LargeBinary, primary_key=True),
    Column("attempts", Integer, nullable=False),
    _time("window_ends_at"),
    CheckConstraint(_HASHED.format("subject_hash"), name="subject_hashed"),
    Index(None, "window_ends_at"),
)

_KEPT = (clients, officer_logins, signing_keys)
_PASSING = (login_sessions, authorization_codes, used_assertions, revoked_tokens, login_throttles)

AUTH_ACCESS: tuple[Access, ...] = tuple(
    Access(table=table.name, role=Role.AUTH, select=(), insert=True, update=(), delete=table in _PASSING)
    for table in (*_KEPT, *_PASSING)
)
"""The AUTH role alone; read by migrations/metadata.py. What passes is deleted when it is over."""
