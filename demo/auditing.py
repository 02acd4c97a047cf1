"""What the demo's operator does with the log: `jembatan audit export`, then `jembatan audit verify` on the file."""

from collections.abc import Callable
from datetime import datetime

from cli.audit.streams import open_lines, write_chunks
from cli.session import Installation, open_database
from demo.parties import expect
from ledger.feed.export import Range, open_export
from ledger.feed.verification import verify_export

EXPORT_FILE = "feed.jsonl.gz"


async def audit(installation: Installation, now: Callable[[], datetime]) -> str:
    """Export the entire log, verify the file on its own, and return the result. Errors: StepFailedError."""
    path = installation.settings.data_dir / EXPORT_FILE
    async with open_database(installation) as database, open_export(database, Range(), now=now) as export:
        await write_chunks(path, export.render())
    with open_lines(path) as lines:
        account = verify_export(lines, as_of=now())
    expect(account.finding is None, f"the export verifies, not {account.finding}")
    expect(not account.is_cut, "the export is of the whole log")
    whole = f"{account.entries} entries, {account.checkpoints} checkpoints"
    return f"jembatan audit verify {path.name}: GOOD, {whole}, root {account.root.hex()[:16]}..."
