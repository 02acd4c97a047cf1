"""Database roles: who may do what inside PostgreSQL, whatever the application gets wrong.

Every role here is NOLOGIN and owns nothing. The one application login is NOSUPERUSER NOINHERIT:
by itself it may read no table, so a transaction that was never bound to a role fails instead of
seeing everything. Roles belong to the whole cluster, hence the prefix.
"""

import re
from enum import StrEnum

from ledger.errors import InvalidInputError
from ledger.viewer import ViewerKind

_PREFIX = re.compile(r"^[a-z][a-z0-9_]{0,30}$")


class Role(StrEnum):
    """What a transaction runs as."""

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
    """Clients, logins, codes and keys."""
    JOBS = "jobs"
    """Scheduled work and start-up checks."""
    SEQUENCER = "sequencer"
    """Gives committed events their positions in the feed, and signs what the feed has come to."""
    FOLLOWER = "follower"
    """Reads what was added to the feed, once for every subscriber of a process."""
    RETENTION = "retention"
    """Erases the content of old entries, never under a legal hold."""
    ARCHIVE = "archive"
    """Drops exported ranges of old entries; their hashes stay."""


ROLE_OF_VIEWER = {
    ViewerKind.REGULATOR: Role.REGULATOR,
    ViewerKind.AGENCY: Role.AGENCY,
    ViewerKind.CARRIER: Role.CARRIER,
    ViewerKind.OTT_PROVIDER: Role.PROVIDER,
    ViewerKind.OPERATOR: Role.OPERATOR,
}

VIEWERS = frozenset(ROLE_OF_VIEWER.values())


def may_read(readers: frozenset[Role] | None, role: Role) -> bool:
    """Whether a role may read a column that is for these viewers alone; None is for every viewer.

    The system's own roles are no viewers: their rights name the columns one by one where they are narrower.
    """
    return readers is None or role not in VIEWERS or role in readers


class RolePrefixInvalidError(InvalidInputError):
    """The role prefix must be lower-case letters, digits and underscores, beginning with a letter."""

    code = "ROLE_PREFIX_INVALID"


def check_prefix(prefix: str) -> str:
    """The prefix itself, or RolePrefixInvalidError: it is written into SQL."""
    if not _PREFIX.match(prefix):
        raise RolePrefixInvalidError
    return prefix


def role_name(prefix: str, role: Role) -> str:
    """The role's name in the cluster."""
    return f"{check_prefix(prefix)}{role.value}"


def login_name(prefix: str) -> str:
    """The name of the application's login where we make it ourselves."""
    return f"{check_prefix(prefix)}app"


def owner_name(prefix: str) -> str:
    """The name of the login that owns the tables where we make it ourselves."""
    return f"{check_prefix(prefix)}owner"


def render_role_statements(prefix: str, *, login: str) -> list[str]:
    """The statements that make the group roles and let the application's login take them on.

    They can be run again, by a superuser or by a login with CREATEROLE. The login must exist.
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
    """What a DBA runs once on a managed server, before `jembatan migrate`: logins, database, roles."""
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
