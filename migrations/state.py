"""What a database is at: its revision and the roles' rights, compared with what this version needs. It changes nothing.

Alembic is not imported here: every command and every serving process looks at this when it starts.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from ledger.errors import SchemaOutdatedError
from ledger.storage.database import Database
from ledger.storage.roles import Role
from migrations.rights import HOLDS, hash_rights

_REVISION = re.compile(r"([0-9]{4})_\w+\.py")
_FIND_REVISION = text("SELECT version_num FROM alembic_version")
_READ = text(f"""
SELECT (SELECT version_num FROM alembic_version) AS revision, coalesce(({HOLDS.text}), false) AS are_rights_current,
  current_setting('server_version') AS server_version, clock_timestamp() AS clock
""")


class RightsDifferError(SchemaOutdatedError):
    """The roles' rights in the database are not those that this version sets."""

    code = "RIGHTS_DIFFER"


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseState:
    """What a database is at, and its clock, which is read during the call."""

    revision: str | None
    required_revision: str
    are_rights_current: bool
    server_version: str
    clock: datetime


@cache
def known_revisions() -> frozenset[str]:
    """Return every revision of this version: each has its number in the name of its file."""
    files = (Path(__file__).parent / "versions").iterdir()
    return frozenset(match[1] for path in files if (match := _REVISION.fullmatch(path.name)))


def head_revision() -> str:
    """Return the revision that this version requires: revisions follow each other as their numbers do."""
    return max(known_revisions())


async def check_schema(database: Database, *, as_of: datetime) -> None:
    """Check what a start requires. Errors: SchemaOutdatedError when the database is older or newer, or empty."""
    found = await _read_revision(database, as_of=as_of)
    if found != head_revision():
        raise _make_other_error(found)


async def check_served_schema(database: Database, *, as_of: datetime) -> None:
    """Check what a process that is serving needs, which a newer schema has too. Errors: SchemaOutdatedError.

    A revision that this version doesn't know is of a later one, which has migrated while this process was running: it
    only adds to what this version uses (docs/adr/0122), so that processes can be replaced one by one.
    """
    found = await _read_revision(database, as_of=as_of)
    if found is None or (found != head_revision() and found in known_revisions()):
        raise _make_other_error(found)


async def _read_revision(database: Database, *, as_of: datetime) -> str | None:
    try:
        async with database.system(Role.JOBS, as_of=as_of) as tx:
            found = (await tx.execute(_FIND_REVISION)).scalar_one_or_none()
    except DBAPIError as error:
        raise _make_empty_error() from error
    return None if found is None else str(found)


async def check_rights(database: Database, *, as_of: datetime) -> None:
    """Errors: RightsDifferError where they are another version's, or were changed since they were set."""
    async with database.system(Role.JOBS, as_of=as_of) as tx:
        holds = (await tx.execute(HOLDS, {"declared": hash_rights(database.settings.role_prefix)})).scalar_one_or_none()
    if not holds:
        raise RightsDifferError


async def read_state(database: Database, *, as_of: datetime) -> DatabaseState:
    """Read what the database is at, in one statement. Errors: SchemaOutdatedError for one without a schema."""
    declared = hash_rights(database.settings.role_prefix)
    try:
        async with database.system(Role.JOBS, as_of=as_of) as tx:
            row = (await tx.execute(_READ, {"declared": declared})).one()
    except DBAPIError as error:
        raise _make_empty_error() from error
    return DatabaseState(
        revision=row.revision,
        required_revision=head_revision(),
        are_rights_current=row.are_rights_current,
        server_version=row.server_version,
        clock=row.clock,
    )


def _make_other_error(found: str | None) -> SchemaOutdatedError:
    is_later = found is not None and found not in known_revisions()
    return SchemaOutdatedError(
        f"The database is at revision {found}; this version requires {head_revision()}.",
        hint="Start the later version that migrated it." if is_later else None,
    )


def _make_empty_error() -> SchemaOutdatedError:
    return SchemaOutdatedError("The database has no Jembatan schema yet, or its roles are missing.")
