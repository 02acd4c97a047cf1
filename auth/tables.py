"""The tables of auth, on the ledger's metadata.

Secrets are never stored: client secrets, session tokens, codes and assertion ids only as SHA-256 (each
holds 128 random bits or more), passwords as argon2id, the signing key sealed by the keyring.

The AUTH role alone touches these tables, but for what is told at each; no viewer's role may read any of them but the
regulator's the record of token requests. AUTH also
reads `members`, `brands`, `offices` and `officers`, every row, and writes none of them.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
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

from ledger.storage.access import EVERYTHING, Access, reads
from ledger.storage.columns import each_of, id_column, moment, one_of, reference, text_list
from ledger.storage.metadata import metadata
from ledger.storage.roles import Role


def _hashed(column: str, *, name: str) -> CheckConstraint:
    return CheckConstraint(f"octet_length({column}) = 32", name=name)


# AUTH: SELECT, INSERT, UPDATE. A client is disabled, never deleted: orders and events name it.
clients = Table(
    "clients",
    metadata,
    id_column(),
    reference("member_id", "members.id", index=True),
    reference("brand_id", "brands.id", nullable=True),
    Column("name", Text, nullable=False),
    Column("auth_method", Text, nullable=False),
    Column("secret_hash", LargeBinary),
    Column("public_keys", JSONB(none_as_null=True)),
    Column("previous_secret_hash", LargeBinary),
    Column("previous_public_keys", JSONB(none_as_null=True)),
    moment("previous_ends_at", nullable=True),
    Column("grant_types", ARRAY(Text), nullable=False),
    text_list("redirect_uris"),
    text_list("post_logout_redirect_uris"),
    Column("scopes", ARRAY(Text), nullable=False),
    Column("is_native", Boolean, nullable=False, server_default=text("false")),
    text_list("policies"),
    moment("created_at"),
    moment("secret_set_at", nullable=True),
    moment("disabled_at", nullable=True),
    one_of("auth_method", ("client_secret_basic", "private_key_jwt", "none")),
    CheckConstraint(
        "grant_types <@ ARRAY['client_credentials', 'authorization_code', 'refresh_token']::text[] "
        "AND cardinality(grant_types) > 0",
        name="grant_types_known",
    ),
    CheckConstraint(
        "NOT ('refresh_token' = ANY(grant_types)) OR 'authorization_code' = ANY(grant_types)",
        name="refresh_follows_a_code",
    ),
    each_of("policies", ("refresh_always", "require_par", "require_dpop", "fapi_2", "introspect_any")),
    CheckConstraint("NOT ('fapi_2' = ANY(policies)) OR auth_method = 'private_key_jwt'", name="fapi_2_uses_keys"),
    CheckConstraint(
        "(previous_ends_at IS NULL) = (previous_secret_hash IS NULL AND previous_public_keys IS NULL)",
        name="previous_credential_ends",
    ),
    CheckConstraint(
        "(auth_method = 'client_secret_basic') = (secret_hash IS NOT NULL) "
        "AND (auth_method = 'private_key_jwt') = (public_keys IS NOT NULL)",
        name="credential_of_method",
    ),
    CheckConstraint(
        "auth_method <> 'none' OR NOT ('client_credentials' = ANY(grant_types))", name="public_acts_for_officers_only"
    ),
    _hashed("secret_hash", name="secret_hashed"),
    _hashed("previous_secret_hash", name="previous_secret_hashed"),
)

# AUTH: SELECT, INSERT, UPDATE.
officer_logins = Table(
    "officer_logins",
    metadata,
    id_column(),
    reference("officer_id", "officers.id", index=True),
    Column("login", Text, nullable=False, unique=True),
    Column("password_hash", Text, nullable=False),
    moment("created_at"),
    moment("password_set_at"),
    Column("totp_secret_sealed", LargeBinary),
    Column("totp_last_step", BigInteger),
    moment("totp_confirmed_at", nullable=True),
    CheckConstraint("totp_confirmed_at IS NULL OR totp_secret_sealed IS NOT NULL", name="confirmed_secret"),
    CheckConstraint("char_length(login) BETWEEN 1 AND 128", name="login_length"),
    CheckConstraint("password_hash LIKE '$argon2id$%'", name="password_hashed"),
)

# AUTH: SELECT, INSERT, DELETE. A recovery code is gone once it is used.
recovery_codes = Table(
    "recovery_codes",
    metadata,
    Column("login_id", Uuid(as_uuid=False), ForeignKey("officer_logins.id", ondelete="CASCADE"), primary_key=True),
    Column("code_hash", LargeBinary, primary_key=True),
    _hashed("code_hash", name="code_hashed"),
)

# AUTH: SELECT, INSERT, DELETE. Without a login where a provider said who the officer is.
login_sessions = Table(
    "login_sessions",
    metadata,
    id_column(),
    Column("token_hash", LargeBinary, nullable=False, unique=True),
    Column("login_id", Uuid(as_uuid=False), ForeignKey("officer_logins.id", ondelete="CASCADE")),
    reference("officer_id", "officers.id", index=True),
    moment("created_at"),
    moment("second_factor_at", nullable=True),
    moment("expires_at"),
    _hashed("token_hash", name="token_hashed"),
    Index(None, "login_id"),
    Index(None, "expires_at"),
)

# AUTH: SELECT, INSERT, DELETE. Who the regulator's own provider says somebody is.
officer_identities = Table(
    "officer_identities",
    metadata,
    Column("issuer", Text, primary_key=True),
    Column("subject", Text, primary_key=True),
    reference("officer_id", "officers.id", index=True),
    moment("linked_at"),
    CheckConstraint("char_length(subject) BETWEEN 1 AND 255", name="subject_length"),
)

# AUTH: SELECT, INSERT, DELETE. Somebody who left for the provider and has not come back yet.
provider_logins = Table(
    "provider_logins",
    metadata,
    Column("state_hash", LargeBinary, primary_key=True),
    Column("browser_hash", LargeBinary, nullable=False),
    Column("query", Text, nullable=False),
    moment("expires_at"),
    _hashed("state_hash", name="state_hashed"),
    _hashed("browser_hash", name="browser_hashed"),
    Index(None, "expires_at"),
)

# AUTH: SELECT, INSERT, UPDATE, DELETE. A browser that the login was used from; several logins may share it.
login_devices = Table(
    "login_devices",
    metadata,
    Column("token_hash", LargeBinary, primary_key=True),
    Column("login_id", Uuid(as_uuid=False), ForeignKey("officer_logins.id", ondelete="CASCADE"), primary_key=True),
    moment("expires_at"),
    _hashed("token_hash", name="token_hashed"),
    Index(None, "login_id"),
    Index(None, "expires_at"),
)

# AUTH: SELECT, INSERT, UPDATE, DELETE.
consents = Table(
    "consents",
    metadata,
    reference("officer_id", "officers.id", primary_key=True),
    reference("client_id", "clients.id", primary_key=True, index=True),
    Column("scopes", ARRAY(Text), nullable=False),
    moment("given_at"),
)

# AUTH: SELECT, INSERT, UPDATE, DELETE.
authorization_codes = Table(
    "authorization_codes",
    metadata,
    id_column(),
    Column("code_hash", LargeBinary, nullable=False, unique=True),
    reference("client_id", "clients.id"),
    reference("officer_id", "officers.id"),
    Column("redirect_uri", Text, nullable=False),
    Column("scope", Text, nullable=False),
    Column("code_challenge", Text, nullable=False),
    Column("is_offline", Boolean, nullable=False, server_default=text("false")),
    Column("key_thumbprint", Text),
    moment("created_at"),
    moment("expires_at"),
    moment("redeemed_at", nullable=True),
    moment("token_expires_at", nullable=True),
    _hashed("code_hash", name="code_hashed"),
    CheckConstraint("char_length(code_challenge) = 43", name="code_challenge_s256"),
    CheckConstraint("(redeemed_at IS NULL) = (token_expires_at IS NULL)", name="redeemed_for_a_token"),
    Index(None, "expires_at"),
)

# AUTH: SELECT, INSERT, UPDATE, DELETE. A family's id is that of the code that it began with.
token_families = Table(
    "token_families",
    metadata,
    id_column(),
    reference("client_id", "clients.id", index=True),
    reference("officer_id", "officers.id", index=True),
    Column("scope", Text, nullable=False),
    Column("key_thumbprint", Text),
    moment("created_at"),
    moment("expires_at"),
    moment("revoked_at", nullable=True),
    Index(None, "expires_at"),
)

# AUTH: SELECT, INSERT, UPDATE, DELETE. A used one stays as long as its family, so that a replay is noticed.
refresh_tokens = Table(
    "refresh_tokens",
    metadata,
    Column("token_hash", LargeBinary, primary_key=True),
    Column("family_id", Uuid(as_uuid=False), ForeignKey("token_families.id", ondelete="CASCADE"), nullable=False),
    moment("created_at"),
    moment("expires_at"),
    moment("used_at", nullable=True),
    _hashed("token_hash", name="token_hashed"),
    # The rule that keeps a family a chain: one token of it can be used at a time.
    Index("uq_refresh_tokens_unused", "family_id", unique=True, postgresql_where=text("used_at IS NULL")),
    Index(None, "family_id"),
)

# AUTH: SELECT, INSERT, UPDATE, DELETE.
pushed_requests = Table(
    "pushed_requests",
    metadata,
    id_column(),
    Column("reference_hash", LargeBinary, nullable=False, unique=True),
    reference("client_id", "clients.id"),
    Column("parameters", JSONB, nullable=False),
    Column("key_thumbprint", Text),
    moment("created_at"),
    moment("expires_at"),
    moment("used_at", nullable=True),
    _hashed("reference_hash", name="reference_hashed"),
    Index(None, "expires_at"),
)

# AUTH: SELECT, INSERT, DELETE.
used_proofs = Table(
    "used_proofs",
    metadata,
    Column("proof_hash", LargeBinary, primary_key=True),
    moment("expires_at"),
    _hashed("proof_hash", name="proof_hashed"),
    Index(None, "expires_at"),
)

# AUTH: SELECT, INSERT, DELETE.
used_assertions = Table(
    "used_assertions",
    metadata,
    reference("client_id", "clients.id", primary_key=True),
    Column("assertion_hash", LargeBinary, primary_key=True),
    moment("expires_at"),
    _hashed("assertion_hash", name="assertion_hashed"),
    Index(None, "expires_at"),
)

# AUTH: SELECT, INSERT, DELETE.
revoked_tokens = Table(
    "revoked_tokens",
    metadata,
    Column("token_id", Text, primary_key=True),
    moment("revoked_at"),
    moment("expires_at"),
    Index(None, "revoked_at"),
    Index(None, "expires_at"),
)

# AUTH: INSERT. REGULATOR: SELECT. JOBS: DELETE what retention ends. Whoever writes it can't change or erase it.
token_events = Table(
    "token_events",
    metadata,
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
)

# AUTH: SELECT, INSERT, UPDATE; JOBS seals the private key anew. An old key is retired and stays published until its
# tokens have expired.
signing_keys = Table(
    "signing_keys",
    metadata,
    id_column(),
    Column("algorithm", Text, nullable=False),
    Column("public_key", JSONB, nullable=False),
    Column("private_key", LargeBinary, nullable=False),
    moment("created_at"),
    moment("retired_at", nullable=True),
    one_of("algorithm", ("ES256",)),
    # The rule that makes several processes starting at once end up with one key.
    Index("uq_signing_keys_current", "algorithm", unique=True, postgresql_where=text("retired_at IS NULL")),
)

# AUTH: SELECT, INSERT, UPDATE, DELETE. The subject is hashed: a mistyped login can be a password.
login_throttles = Table(
    "login_throttles",
    metadata,
    Column("subject_hash", LargeBinary, primary_key=True),
    Column("attempts", Integer, nullable=False),
    moment("window_ends_at"),
    _hashed("subject_hash", name="subject_hashed"),
    Index(None, "window_ends_at"),
)

_CHANGED = {
    clients: (
        "secret_hash",
        "secret_set_at",
        "public_keys",
        "previous_secret_hash",
        "previous_public_keys",
        "previous_ends_at",
        "policies",
        "disabled_at",
    ),
    officer_logins: (
        "password_hash",
        "password_set_at",
        "totp_secret_sealed",
        "totp_last_step",
        "totp_confirmed_at",
    ),
    signing_keys: ("retired_at",),
    authorization_codes: ("redeemed_at", "token_expires_at"),
    token_families: ("revoked_at",),
    refresh_tokens: ("used_at",),
    pushed_requests: ("used_at",),
    login_throttles: ("attempts", "window_ends_at"),
    login_devices: ("token_hash", "expires_at"),
    consents: ("scopes", "given_at"),
}
_PASSING = (
    recovery_codes,
    officer_identities,
    provider_logins,
    login_sessions,
    login_devices,
    consents,
    authorization_codes,
    token_families,
    refresh_tokens,
    pushed_requests,
    used_proofs,
    used_assertions,
    revoked_tokens,
    login_throttles,
)

for _table in dict.fromkeys((*_CHANGED, *_PASSING)):
    _table.info["access"] = (
        Access(
            role=Role.AUTH,
            select=EVERYTHING,
            insert=True,
            update=_CHANGED.get(_table),
            delete=_table in _PASSING,
        ),
    )
# Re-encryption, which sees nothing but what is sealed.
signing_keys.info["access"] += (Access(role=Role.JOBS, select=("id", "private_key"), update=("private_key",)),)
officer_logins.info["access"] += (
    Access(role=Role.JOBS, select=("id", "totp_secret_sealed"), update=("totp_secret_sealed",)),
)
# What passes is deleted when it is over; the record of token requests by JOBS.
token_events.info["access"] = (
    Access(role=Role.AUTH, insert=True),
    *reads(Role.REGULATOR),
    Access(role=Role.JOBS, select=("id", "recorded_at"), delete=True),
)
