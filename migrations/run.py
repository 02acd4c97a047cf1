"""Brings a database to this version's schema: revisions, then the roles' rights, in one transaction.

It runs as the tables' owner, which need not be a superuser. Two processes never migrate at the same time: the second
waits for the first. It must never run inside `serve` unless requested.
"""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine

from ledger.errors import DatabaseUnavailableError, SchemaOutdatedError, UnavailableError
from ledger.storage.access import render_access_statements
from ledger.storage.database import Database, async_url
from ledger.storage.roles import Role, render_role_statements, role_name
from migrations.metadata import metadata

_logger = logging.getLogger(__name__)
_LOCK_KEY = 0x6A656D62
"""The key of the advisory lock by which migrations wait for each other."""


class RolesMissingError(UnavailableError):
    """The database roles are missing and this login may not create them."""

    code = "ROLES_MISSING"
    hint = "Ask an administrator to run what `jembatan migrate --print-roles` prints."


def alembic_config(connection: Connection | None = None) -> Config:
    """Return Alembic's configuration, with our revisions and, if given, an open connection."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def head_revision() -> str:
    """Return the revision that this version requires."""
    head = ScriptDirectory.from_config(alembic_config()).get_current_head()
    if head is None:
        raise RuntimeError("There are no revisions.")
    return head


async def migrate(
    owner_url: str, *, role_prefix: str, login: str, note: Callable[[str], None] = _logger.info
) -> tuple[str | None, str]:
    """Apply the missing revisions and set every right. Returns (revision before, revision after).

    Errors: RolesMissingError; DatabaseUnavailableError. Everything or nothing is applied.
    """
    engine = create_async_engine(async_url(owner_url))
    try:
        async with engine.begin() as connection:
            if not await connection.scalar(text("SELECT pg_try_advisory_xact_lock(:key)"), {"key": _LOCK_KEY}):
                note("Another process is migrating; waiting for it.")
                await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK_KEY})
            return await connection.run_sync(_migrate, role_prefix, login)
    except OSError as error:
        raise DatabaseUnavailableError from error
    finally:
        await engine.dispose()


def _migrate(connection: Connection, role_prefix: str, login: str) -> tuple[str | None, str]:
    before = MigrationContext.configure(connection).get_current_revision()
    _ensure_roles(connection, role_prefix, login)
    command.upgrade(alembic_config(connection), "head")
    for statement in render_access_statements(metadata, role_prefix=role_prefix):
        connection.exec_driver_sql(statement)
    every_role = ", ".join(role_name(role_prefix, role) for role in Role)
    connection.exec_driver_sql(f"GRANT SELECT ON alembic_version TO {every_role}")
    return before, head_revision()


def _ensure_roles(connection: Connection, role_prefix: str, login: str) -> None:
    wanted = [role_name(role_prefix, role) for role in Role]
    found = connection.scalar(
        text("SELECT count(*) FROM pg_roles r WHERE rolname = ANY(:wanted) AND pg_has_role(:login, r.oid, 'MEMBER')"),
        {"wanted": wanted, "login": login},
    )
    if found == len(wanted):
        return
    try:
        with connection.begin_nested():
            for statement in render_role_statements(role_prefix, login=login):
                connection.exec_driver_sql(statement)
    except DBAPIError as error:
        raise RolesMissingError from error


async def check_schema(database: Database, *, as_of: Any) -> None:
    """Errors: SchemaOutdatedError when the database is older or newer than this version, or empty."""
    try:
        async with database.system(Role.JOBS, as_of=as_of) as tx:
            found = (await tx.execute(text("SELECT version_num FROM alembic_version"))).scalar_one_or_none()
    except DBAPIError as error:
        raise SchemaOutdatedError("The database has no Jembatan schema yet, or its roles are missing.") from error
    if found != head_revision():
        raise SchemaOutdatedError(f"The database is at revision {found}; this version requires {head_revision()}.")
