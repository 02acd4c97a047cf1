"""The tables of officers' logins: passwords, second factors, sessions and known browsers, and who may touch them.

Session tokens, device tokens and recovery codes are stored as SHA-256 only, passwords as argon2id, and the secrets of
second factors sealed by the keyring.
"""

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Index, Integer, LargeBinary, Text, Uuid

from auth.hashed_secrets import hashed
from ledger.storage.access import EVERYTHING, Access
from ledger.storage.columns import id_column, moment, reference
from ledger.storage.records import declare_table
from ledger.storage.roles import Role

officer_logins = declare_table(
    "officer_logins",
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
    access=(
        Access(
            role=Role.AUTH,
            select=EVERYTHING,
            insert=True,
            update=("password_hash", "password_set_at", "totp_secret_sealed", "totp_last_step", "totp_confirmed_at"),
        ),
        # Re-encryption, which reads nothing but what is sealed.
        Access(role=Role.JOBS, select=("id", "totp_secret_sealed"), update=("totp_secret_sealed",)),
    ),
)

# A recovery code is deleted when it is used.
recovery_codes = declare_table(
    "recovery_codes",
    Column("login_id", Uuid(as_uuid=False), ForeignKey("officer_logins.id", ondelete="CASCADE"), primary_key=True),
    Column("code_hash", LargeBinary, primary_key=True),
    hashed("code_hash"),
    access=(Access(role=Role.AUTH, select=EVERYTHING, insert=True, delete=True),),
)

# A session opened through the OpenID provider has no login.
login_sessions = declare_table(
    "login_sessions",
    id_column(),
    Column("token_hash", LargeBinary, nullable=False, unique=True),
    Column("login_id", Uuid(as_uuid=False), ForeignKey("officer_logins.id", ondelete="CASCADE")),
    reference("officer_id", "officers.id", index=True),
    moment("created_at"),
    moment("second_factor_at", nullable=True),
    moment("expires_at"),
    hashed("token_hash"),
    Index(None, "login_id"),
    Index(None, "expires_at"),
    # Nothing is updated, but PostgreSQL lets nobody lock a row who may not update a column of it.
    access=(Access(role=Role.AUTH, select=EVERYTHING, insert=True, update=("expires_at",), delete=True),),
)

# Links with which officers without a login choose one; a link is deleted when it is used or another takes its place.
officer_invitations = declare_table(
    "officer_invitations",
    Column("token_hash", LargeBinary, primary_key=True),
    reference("officer_id", "officers.id"),
    moment("created_at"),
    moment("expires_at"),
    hashed("token_hash"),
    Index("uq_officer_invitations_officer_id", "officer_id", unique=True),
    Index(None, "expires_at"),
    access=(Access(role=Role.AUTH, select=EVERYTHING, insert=True, delete=True),),
)

# The subjects by which the regulator's OpenID provider knows officers.
officer_identities = declare_table(
    "officer_identities",
    Column("issuer", Text, primary_key=True),
    Column("subject", Text, primary_key=True),
    reference("officer_id", "officers.id", index=True),
    moment("linked_at"),
    CheckConstraint("char_length(subject) BETWEEN 1 AND 255", name="subject_length"),
    access=(Access(role=Role.AUTH, select=EVERYTHING, insert=True, delete=True),),
)

# Logins that left for the OpenID provider and have not returned yet.
provider_logins = declare_table(
    "provider_logins",
    Column("state_hash", LargeBinary, primary_key=True),
    Column("browser_hash", LargeBinary, nullable=False),
    Column("query", Text, nullable=False),
    moment("expires_at"),
    hashed("state_hash"),
    hashed("browser_hash"),
    Index(None, "expires_at"),
    access=(Access(role=Role.AUTH, select=EVERYTHING, insert=True, delete=True),),
)

# Browsers that a login was used from; several logins may share one.
login_devices = declare_table(
    "login_devices",
    Column("token_hash", LargeBinary, primary_key=True),
    Column("login_id", Uuid(as_uuid=False), ForeignKey("officer_logins.id", ondelete="CASCADE"), primary_key=True),
    moment("expires_at"),
    hashed("token_hash"),
    Index(None, "login_id"),
    Index(None, "expires_at"),
    access=(Access(role=Role.AUTH, select=EVERYTHING, insert=True, update=("token_hash", "expires_at"), delete=True),),
)

# The subject is hashed because a mistyped login may be a password.
login_throttles = declare_table(
    "login_throttles",
    Column("subject_hash", LargeBinary, primary_key=True),
    Column("attempts", Integer, nullable=False),
    moment("window_ends_at"),
    hashed("subject_hash"),
    Index(None, "window_ends_at"),
    access=(
        Access(role=Role.AUTH, select=EVERYTHING, insert=True, update=("attempts", "window_ends_at"), delete=True),
    ),
)
