"""Drafts a revision from the models, on a temporary database: `make revision MESSAGE="what changes"`."""

import asyncio
import sys
import tempfile
from pathlib import Path

from alembic import command
from alembic.script import ScriptDirectory

from ledger.storage.embedded import EmbeddedServer
from ledger.storage.engine import make_owner_engine
from migrations.run import alembic_config

_PREFIX = "jembatan_"


async def _draft(owner_url: str, message: str) -> None:
    known = list(ScriptDirectory.from_config(alembic_config()).walk_revisions())
    engine = make_owner_engine(owner_url)
    async with engine.begin() as connection:
        # Revisions only: rights are rendered from the models, whose new tables don't exist yet.
        if known:
            await connection.run_sync(lambda sync: command.upgrade(alembic_config(sync), "head"))
        await connection.run_sync(
            lambda sync: command.revision(
                alembic_config(sync), message=message, autogenerate=True, rev_id=f"{len(known) + 1:04}"
            )
        )
    await engine.dispose()


def main() -> None:
    """Write the draft of the next revision into migrations/versions; read it before you keep it."""
    if len(sys.argv) != 2 or not sys.argv[1].strip():  # noqa: PLR2004 - the program's name and one argument
        sys.exit('Say what changes: make revision MESSAGE="what changes"')
    with tempfile.TemporaryDirectory() as directory:
        server = EmbeddedServer(Path(directory), role_prefix=_PREFIX)
        try:
            asyncio.run(_draft(server.start().owner, sys.argv[1]))
        finally:
            server.stop()


if __name__ == "__main__":
    main()
