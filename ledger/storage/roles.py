"""Database roles: what each party may do inside PostgreSQL, even if the application has a bug.

Every role here is NOLOGIN and owns nothing. The application's login is NOSUPERUSER NOINHERIT:
by itself it may read no table, so that a transaction that was never bound to a role fails instead
of seeing everything. Roles are shared by the entire cluster, hence the prefix.
"""

import re
from enum import StrEnum

from ledger.errors import InvalidInputError
from ledger.viewer import ViewerKind

_PREFIX = re.compile(r"^[a-z][a-z0-9_]{0,30}$")


class Role(StrEnum):
    """The role that a transaction runs as."""

    REGULATOR = "regulator"
    AGENCY = "agency"
    CARRIER = "carrier"
    PROVIDER = "provider"
    OPERATOR = "operator"
    TRANSITION = "transition"
    """Moves states after the viewer's check; may see what its caller can't."""
    REVEAL = "reveal"
    """Reads complainant data, for one recorded purpose at a time."""
    AUTH = "auth"
    """Manages clients, logins, codes and keys."""
    JOBS = "jobs"
    """Runs scheduled work and startup checks."""
    SEQUENCER = "sequencer"
    """Assigns committed events their positions in the feed, and signs its checkpoints."""
    FOLLOWER = "follower"
    """Reads new entries of the feed, once per process for all of its subscribers."""
    RETENTION = "retention"
    """Erases the content of old entries, except those under a legal hold."""
    ARCHIVE = "archive"
    """Removes exported ranges of old entries; their hashes remain."""
    VERIFIER = "verifier"
    """Compares rows with what the log's entries commit to; alone it reads the salts of those commitments."""


ROLE_OF_VIEWER = {
    ViewerKind.REGULATOR: Role.REGULATOR,
    ViewerKind.AGENCY: Role.AGENCY,
    ViewerKind.CARRIER: Role.CARRIER,
    ViewerKind.OTT_PROVIDER: Role.PROVIDER,
    ViewerKind.OPERATOR: Role.OPERATOR,
}

VIEWERS = frozenset(ROLE_OF_VIEWER.values())


def may_read(readers: frozenset[Role] | None, role: Role) -> bool:
    """Whether a role may read a column that is restricted to readers; None means every viewer.

    The restriction does not apply to system roles, which are not viewers: their grants list columns where necessary.
    """
    return readers is None or role not in VIEWERS or role in readers


class RolePrefixInvalidError(InvalidInputError):
    """The role prefix must consist of lower-case letters, digits and underscores, and begin with a letter."""

    code = "ROLE_PREFIX_INVALID"


def check_prefix(prefix: str) -> str:
    """Return the prefix, which is interpolated into SQL. Errors: RolePrefixInvalidError."""
    if not _PREFIX.match(prefix):
        raise RolePrefixInvalidError
    return prefix


def role_name(prefix: str, role: Role) -> str:
    """The role's name in the cluster."""
    return f"{check_prefix(prefix)}{role.value}"


def login_name(prefix: str) -> str:
    """The name of the application's login, if we create it ourselves."""
    return f"{check_prefix(prefix)}app"


def owner_name(prefix: str) -> str:
    """The name of the login that owns the tables, if we create it ourselves."""
    return f"{check_prefix(prefix)}owner"


def render_role_statements(prefix: str, *, login: str) -> list[str]:
    """The statements that create the group roles and let the application's login assume them.

    They can be run repeatedly, by a superuser or by a login with CREATEROLE. The login must exist.
    """
    statements = []
    for role in Role:
        name = role_name(prefix, role)
        statements.append(
            f"DO $$ BEGIN IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = '{name}') THEN "
            f"CREATE ROLE {name} NOLOGIN NOSUPERUSER NOINHERIT NOCREATEDB NOCREATEROLE; END IF; END $$"
        )
        statements.append(f'GRANT {name} TO "{login}"')
    return statements


def render_dba_sql(prefix: str, *, database: str) -> str:
    """The SQL that a DBA runs once on a managed server before `jembatan migrate`: logins, database, roles."""
    owner, login = owner_name(prefix), login_name(prefix)
    lines = [
        "-- Run as an administrator. Replace the two passwords.",
        f"CREATE ROLE {owner} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD 'change-me';",
        f"CREATE ROLE {login} LOGIN NOSUPERUSER NOINHERIT NOCREATEDB NOCREATEROLE PASSWORD 'change-me';",
        *(f"{statement};" for statement in render_role_statements(prefix, login=login)),
        f"GRANT {owner} TO CURRENT_USER;",
        f"CREATE DATABASE {database} OWNER {owner} TEMPLATE template0 ENCODING 'UTF8';",
        f"REVOKE ALL ON DATABASE {database} FROM PUBLIC;",
        f"GRANT CONNECT ON DATABASE {database} TO {login};",
    ]
    return "\n".join(lines) + "\n"
