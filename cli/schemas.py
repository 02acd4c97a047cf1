"""`jembatan migrate` and `jembatan schema`: the database's schema, and the graph's."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from cli.printing import JsonFlag, note, print_result
from cli.stopping import run_until_stopped

if TYPE_CHECKING:
    from cli.session import Installation


def migrate(
    *,
    print_roles: Annotated[
        bool, typer.Option("--print-roles", help="Print the SQL that an administrator runs once, and do nothing else.")
    ] = False,
    database_name: Annotated[
        str, typer.Option("--database", help="The database's name in the SQL of --print-roles.")
    ] = "jembatan",
    as_json: JsonFlag = False,
) -> None:
    """Bring the database to this version's schema, completely or not at all. Running it again is safe.

    It connects as JEMBATAN_MIGRATION_DATABASE_URL, the tables' owner, which need not be a superuser. A second run at
    the same time waits for the first.
    """
    from cli.session import open_installation, read_settings
    from ledger.storage.roles import render_dba_sql

    settings = read_settings()
    if print_roles:
        sys.stdout.write(render_dba_sql(settings.role_prefix, database=database_name))
        return
    with open_installation(settings) as installation:
        before, after = run_until_stopped(migrate_installation(installation))
    print_result(
        {"before": before, "after": after}, {"before": before or "an empty database", "after": after}, as_json=as_json
    )


async def migrate_installation(installation: "Installation") -> tuple[str | None, str]:
    """Migrate once the database responds. Errors: RolesMissingError, DatabaseUnavailableError."""
    from cli.session import open_database, wait_while_away
    from migrations.run import migrate as apply_migrations

    async def apply() -> tuple[str | None, str]:
        return await apply_migrations(
            installation.settings.owner_url,
            role_prefix=installation.settings.role_prefix,
            login=installation.login,
            note=note,
        )

    async with open_database(installation):
        return await wait_while_away(apply, seconds_max=installation.settings.database_wait_seconds)


def schema() -> None:
    """Print the graph as SDL, for clients and for composing a supergraph."""
    from schema.rendering import render_sdl

    sys.stdout.write(render_sdl())
