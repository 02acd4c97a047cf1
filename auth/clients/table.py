"""The tables of clients: registrations, used assertions and officers' consents, and who may touch them.

Secrets and assertion ids are stored as SHA-256 only.
"""

from sqlalchemy import Boolean, CheckConstraint, Column, Index, LargeBinary, Text, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from auth.hashed_secrets import hashed
from ledger.storage.access import EVERYTHING, Access
from ledger.storage.columns import each_of, id_column, moment, one_of, reference, text_list
from ledger.storage.records import declare_table
from ledger.storage.roles import Role

# A client is disabled, never deleted: block orders and events refer to it.
clients = declare_table(
    "clients",
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
    hashed("secret_hash"),
    hashed("previous_secret_hash"),
    access=(
        Access(
            role=Role.AUTH,
            select=EVERYTHING,
            insert=True,
            update=(
                "secret_hash",
                "secret_set_at",
                "public_keys",
                "previous_secret_hash",
                "previous_public_keys",
                "previous_ends_at",
                "policies",
                "disabled_at",
            ),
        ),
    ),
)

used_assertions = declare_table(
    "used_assertions",
    reference("client_id", "clients.id", primary_key=True),
    Column("assertion_hash", LargeBinary, primary_key=True),
    moment("expires_at"),
    hashed("assertion_hash"),
    Index(None, "expires_at"),
    access=(Access(role=Role.AUTH, select=EVERYTHING, insert=True, delete=True),),
)

consents = declare_table(
    "consents",
    reference("officer_id", "officers.id", primary_key=True),
    reference("client_id", "clients.id", primary_key=True, index=True),
    Column("scopes", ARRAY(Text), nullable=False),
    moment("given_at"),
    access=(Access(role=Role.AUTH, select=EVERYTHING, insert=True, update=("scopes", "given_at"), delete=True),),
)
