"""One import in its own process, so that its time and memory are its own. It reads and writes JSON."""

import asyncio
import resource
import sys
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from bench.figures import read_stopwatch
from bench.world import ROLE_PREFIX, read_clock
from ledger.complaints.files import read_complaints
from ledger.complaints.imports import ImportAccount, import_complaints
from ledger.complaints.rows import FileFormat, FileReading
from ledger.identifiers import ClientId
from ledger.settings import LedgerSettings
from ledger.storage.database import Database
from ledger.storage.sealing import Keyring
from ledger.viewer import Viewer, ViewerKind
from ledger.written_times import FileTimes


async def run_import(task: dict[str, Any]) -> dict[str, Any]:
    """Import the task's file for its source."""
    settings = LedgerSettings(database_url=task["url"], role_prefix=ROLE_PREFIX, statement_timeout_ms=60_000)
    database = Database.connect(settings, Keyring.from_text(*task["keys"]))
    viewer = Viewer(kind=ViewerKind.AGENCY, member_id=task["source_id"], client_id=ClientId("import"))
    reading = FileReading(format=FileFormat.FTC_DNC, region="US", times=FileTimes(zone=ZoneInfo("America/New_York")))
    await database.ping()
    started = read_stopwatch()
    with Path(task["file"]).open("rb") as stream:  # noqa: ASYNC230 - the import reads it in a thread
        account = await import_complaints(database, viewer, read_complaints(stream, reading), as_of=read_clock())
    seconds = read_stopwatch() - started
    await database.close()
    return {"seconds": seconds, "peak_bytes": read_peak_bytes()} | describe(account)


def describe(account: ImportAccount) -> dict[str, Any]:
    """Return the account as numbers."""
    return {
        "read": account.read,
        "filed": account.filed,
        "already_filed": account.already_filed,
        "rejected": account.rejected_count,
        "adds_up": account.adds_up,
    }


def read_peak_bytes() -> int:
    """Return the peak memory of this process; rusage would include its parent's, from before the exec."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    answer = asyncio.run(run_import(orjson.loads(sys.stdin.buffer.read())))
    sys.stdout.buffer.write(orjson.dumps(answer))
