"""Brings a database to this version's schema: revisions, then the roles' rights, in one transaction.

It runs as the tables' owner, which need not be a superuser. Two processes never migrate at the same time: the second
waits for the first. Where nothing is left to do it only reads. It must never run inside `serve` unless requested.
"""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from ledger.bounds.backoff import Backoff
from ledger.errors import UnavailableError
from ledger.storage.engine import make_owner_engine
from ledger.storage.failures import explain, find_sqlstate
from ledger.storage.roles import Role, render_role_statements, role_name
from migrations.locking import TablesBusyError, lock_tables
from migrations.rights import HOLDS, hash_rights, write_rights
from migrations.state import head_revision

_logger = logging.getLogger(__name__)
_LOCK_KEY = 0x6A656D62
"""The key of the advisory lock by which migrations wait for each other."""
_NOT_PRIVILEGED = frozenset({"42501", "42P01"})
"""Insufficient privilege; and undefined table, as tables look to a login that may not use their schema."""
_ATTEMPTS_MAX = 30
_BACKOFF = Backoff(0.2, 4.0)


class RolesMissingError(UnavailableError):
    """The database roles are missing and this login may not create them."""

    code = "ROLES_MISSING"
    hint = "Ask an administrator to run what `jembatan migrate --print-roles` prints."


class MigrationBlockedError(UnavailableError):
    """Other transactions kept holding the tables; nothing was changed."""

    code = "MIGRATION_BLOCKED"
    hint = "Look in pg_stat_activity for a long transaction (an export, a backup), and migrate when it has ended."


class NotOwnerError(UnavailableError):
    """This login may not migrate the database, because it doesn't own the tables."""

    code = "NOT_OWNER"
    hint = "Set JEMBATAN_MIGRATION_DATABASE_URL to the tables' owner."


def alembic_config(connection: Connection | None = None) -> Config:
    """Return Alembic's configuration, with our revisions and, if given, an open connection."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


async def migrate(
    owner_url: str, *, role_prefix: str, login: str, note: Callable[[str], None] = _logger.info
) -> tuple[str | None, str]:
    """Apply the missing revisions and set every right. Returns (revision before, revision after).

    Everything or nothing is applied, and where nothing is to be applied, no table is locked and nothing is written.
    Errors: RolesMissingError; NotOwnerError; MigrationBlockedError; those of ledger/storage/failures.py.
    """
    engine = make_owner_engine(owner_url)
    try:
        return await _migrate_when_free(engine, role_prefix, login, note)
    except Exception as error:
        if find_sqlstate(error) in _NOT_PRIVILEGED:
            raise NotOwnerError from error
        told = explain(error, is_connecting=isinstance(error, OSError))
        if told is None:
            raise
        raise told from error
    finally:
        await engine.dispose()


async def _migrate_when_free(
    engine: AsyncEngine, role_prefix: str, login: str, note: Callable[[str], None]
) -> tuple[str | None, str]:
    async with engine.connect() as connection:
        if await connection.run_sync(_is_current, role_prefix, login):
            return head_revision(), head_revision()
    for attempt in range(_ATTEMPTS_MAX):
        try:
            async with engine.begin() as connection:
                if not await connection.scalar(text("SELECT pg_try_advisory_xact_lock(:key)"), {"key": _LOCK_KEY}):
                    note("Another process is migrating; waiting for it.")
                    await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK_KEY})
                return await connection.run_sync(_migrate, role_prefix, login)
        except TablesBusyError:
            if attempt == 0:
                note("The tables are in use; trying again until they are free for a moment.")
        await asyncio.sleep(_BACKOFF.choose_seconds(attempt))
    raise MigrationBlockedError


def _is_current(connection: Connection, role_prefix: str, login: str) -> bool:
    if MigrationContext.configure(connection).get_current_revision() != head_revision():
        return False
    are_rights_current = connection.scalar(HOLDS, {"declared": hash_rights(role_prefix)})
    return bool(are_rights_current) and not _list_missing_roles(connection, role_prefix, login)


def _migrate(connection: Connection, role_prefix: str, login: str) -> tuple[str | None, str]:
    if _is_current(connection, role_prefix, login):
        return head_revision(), head_revision()
    before = MigrationContext.configure(connection).get_current_revision()
    _ensure_roles(connection, role_prefix, login)
    lock_tables(connection)
    command.upgrade(alembic_config(connection), "head")
    write_rights(connection, role_prefix)
    return before, head_revision()


def _list_missing_roles(connection: Connection, role_prefix: str, login: str) -> set[str]:
    """The roles that don't exist or that the login may not assume."""
    wanted = {role_name(role_prefix, role) for role in Role}
    statement = text(
        "SELECT rolname FROM pg_roles r WHERE rolname = ANY(:wanted) AND pg_has_role(:login, r.oid, 'MEMBER')"
    )
    return wanted - set(connection.scalars(statement, {"wanted": sorted(wanted), "login": login}))


def _ensure_roles(connection: Connection, role_prefix: str, login: str) -> None:
    if not _list_missing_roles(connection, role_prefix, login):
        return
    try:
        with connection.begin_nested():
            for statement in render_role_statements(role_prefix, login=login):
                connection.exec_driver_sql(statement)
    except DBAPIError as error:
        raise RolesMissingError from error
