"""Drops archived entries in small batches and tells each on standard output; run as a process, to be killed."""

import asyncio
import sys
from datetime import UTC, datetime

from ledger.feed.archive import drop_entries
from ledger.settings import LedgerSettings
from ledger.storage.database import Database
from ledger.storage.sealing import Keyring
from tests.support.cluster import ROLE_PREFIX


def tell(last: int) -> None:
    sys.stdout.write(f"{last}\n")
    sys.stdout.flush()


async def drop(url: str, until: int) -> None:
    keyring = Keyring.from_text(*Keyring.generate_text())
    database = Database.connect(LedgerSettings(database_url=url, role_prefix=ROLE_PREFIX), keyring)
    await drop_entries(
        database,
        until=until,
        sha256="0" * 64,
        now=lambda: datetime.now(UTC),
        note=tell,
        batch_entries=5,
    )
    await database.close()


if __name__ == "__main__":
    asyncio.run(drop(sys.argv[1], int(sys.argv[2])))
