"""What the demo's operator does with the log: `jembatan audit export`, then `jembatan audit verify --database`."""

from collections.abc import Callable
from datetime import datetime

from cli.audit.streams import open_lines, write_chunks
from cli.session import Installation, open_database
from demo.parties import expect
from ledger.feed.export import Range, open_export
from ledger.feed.row_comparison import compare_rows
from ledger.feed.verification import verify_export
from migrations.metadata import metadata

EXPORT_FILE = "feed.jsonl.gz"


async def audit(installation: Installation, now: Callable[[], datetime]) -> str:
    """Export the entire log, verify the file and every row by it, and return the result. Errors: StepFailedError."""
    path = installation.settings.data_dir / EXPORT_FILE
    async with open_database(installation) as database:
        async with open_export(database, Range(), now=now) as export:
            await write_chunks(path, export.render())
        with open_lines(path) as lines:
            account = verify_export(lines, as_of=now())
        expect(account.finding is None, f"the export verifies, not {account.finding}")
        expect(not account.is_cut, "the export is of the whole log")
        with open_lines(path) as lines:
            rows = await compare_rows(lines, database, tables=metadata.sorted_tables, now=now)
        expect(rows.finding is None, f"every row is what the log says, not {rows.finding}")
    whole = f"{account.entries} entries, {account.checkpoints} checkpoints, {rows.compared + rows.changed_since} rows"
    return f"jembatan audit verify {path.name} --database: GOOD, {whole}, root {account.root.hex()[:16]}..."
