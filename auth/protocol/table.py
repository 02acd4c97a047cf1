"""The tables of the protocol: authorization codes and pushed authorization requests, and who may touch them.

Codes and references are stored as SHA-256 only.
"""

from sqlalchemy import Boolean, CheckConstraint, Column, Index, LargeBinary, Text, text
from sqlalchemy.dialects.postgresql import JSONB

from auth.hashed_secrets import hashed
from ledger.storage.access import EVERYTHING, Access
from ledger.storage.columns import id_column, moment, reference
from ledger.storage.records import declare_table
from ledger.storage.roles import Role

authorization_codes = declare_table(
    "authorization_codes",
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
    hashed("code_hash"),
    CheckConstraint("char_length(code_challenge) = 43", name="code_challenge_s256"),
    CheckConstraint("(redeemed_at IS NULL) = (token_expires_at IS NULL)", name="redeemed_for_a_token"),
    Index(None, "expires_at"),
    access=(
        Access(role=Role.AUTH, select=EVERYTHING, insert=True, update=("redeemed_at", "token_expires_at"), delete=True),
    ),
)

pushed_requests = declare_table(
    "pushed_requests",
    id_column(),
    Column("reference_hash", LargeBinary, nullable=False, unique=True),
    reference("client_id", "clients.id"),
    Column("parameters", JSONB, nullable=False),
    Column("key_thumbprint", Text),
    moment("created_at"),
    moment("expires_at"),
    moment("used_at", nullable=True),
    hashed("reference_hash"),
    Index(None, "expires_at"),
    access=(Access(role=Role.AUTH, select=EVERYTHING, insert=True, update=("used_at",), delete=True),),
)
