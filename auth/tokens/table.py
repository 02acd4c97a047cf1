"""The tables of tokens: refresh tokens, revocations, proofs, token events and signing keys, and who may touch them.

Access tokens have no rows (ADR 0022). Refresh tokens and proofs are stored as SHA-256 only, private keys sealed by the
keyring.
"""

from sqlalchemy import Boolean, CheckConstraint, Column, ForeignKey, Index, LargeBinary, Text, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB

from auth.hashed_secrets import hashed
from ledger.storage.access import EVERYTHING, Access
from ledger.storage.columns import id_column, moment, one_of, reference, text_list
from ledger.storage.records import declare_table
from ledger.storage.roles import Role

# A family has the id of the authorization code that it began with.
token_families = declare_table(
    "token_families",
    id_column(),
    reference("client_id", "clients.id", index=True),
    reference("officer_id", "officers.id", index=True),
    Column("scope", Text, nullable=False),
    Column("key_thumbprint", Text),
    moment("created_at"),
    moment("expires_at"),
    moment("revoked_at", nullable=True),
    Index(None, "expires_at"),
    access=(Access(role=Role.AUTH, select=EVERYTHING, insert=True, update=("revoked_at",), delete=True),),
)

# A used token is kept as long as its family, so that a replay is detected.
refresh_tokens = declare_table(
    "refresh_tokens",
    Column("token_hash", LargeBinary, primary_key=True),
    Column("family_id", Uuid(as_uuid=False), ForeignKey("token_families.id", ondelete="CASCADE"), nullable=False),
    moment("created_at"),
    moment("expires_at"),
    moment("used_at", nullable=True),
    hashed("token_hash"),
    # The rule that keeps a family a chain: one token of it can be used at a time.
    Index("uq_refresh_tokens_unused", "family_id", unique=True, postgresql_where=text("used_at IS NULL")),
    Index(None, "family_id"),
    access=(Access(role=Role.AUTH, select=EVERYTHING, insert=True, update=("used_at",), delete=True),),
)

revoked_tokens = declare_table(
    "revoked_tokens",
    Column("token_id", Text, primary_key=True),
    moment("revoked_at"),
    moment("expires_at"),
    Index(None, "revoked_at"),
    Index(None, "expires_at"),
    access=(Access(role=Role.AUTH, select=EVERYTHING, insert=True, delete=True),),
)

used_proofs = declare_table(
    "used_proofs",
    Column("proof_hash", LargeBinary, primary_key=True),
    moment("expires_at"),
    hashed("proof_hash"),
    Index(None, "expires_at"),
    access=(Access(role=Role.AUTH, select=EVERYTHING, insert=True, delete=True),),
)

# Whoever writes an event can neither change nor delete it.
token_events = declare_table(
    "token_events",
    id_column(),
    moment("recorded_at"),
    Column("endpoint", Text, nullable=False),
    Column("client_id", Uuid(as_uuid=False)),
    Column("is_authenticated", Boolean, nullable=False),
    Column("officer_id", Uuid(as_uuid=False)),
    Column("grant_type", Text),
    text_list("scopes"),
    Column("outcome", Text, nullable=False),
    Column("token_id", Text),
    Column("family_id", Uuid(as_uuid=False)),
    Column("address", Text, nullable=False),
    one_of("endpoint", ("token", "revoke", "introspect", "par")),
    CheckConstraint("char_length(outcome) <= 64", name="outcome_short"),
    Index(None, "recorded_at"),
    Index(None, "client_id", "recorded_at"),
    access=(
        Access(role=Role.AUTH, insert=True),
        Access(role=Role.REGULATOR, select=EVERYTHING),
        # Retention.
        Access(role=Role.JOBS, select=("id", "recorded_at"), delete=True),
    ),
)

# A retired key stays published until the tokens signed with it have expired.
signing_keys = declare_table(
    "signing_keys",
    id_column(),
    Column("algorithm", Text, nullable=False),
    Column("public_key", JSONB, nullable=False),
    Column("private_key", LargeBinary, nullable=False),
    moment("created_at"),
    moment("retired_at", nullable=True),
    one_of("algorithm", ("ES256",)),
    # The rule that makes several processes starting at once end up with one key.
    Index("uq_signing_keys_current", "algorithm", unique=True, postgresql_where=text("retired_at IS NULL")),
    access=(
        Access(role=Role.AUTH, select=EVERYTHING, insert=True, update=("retired_at",)),
        # Re-encryption, which reads nothing but what is sealed.
        Access(role=Role.JOBS, select=("id", "private_key"), update=("private_key",)),
    ),
)
