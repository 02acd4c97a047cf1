"""The PostgreSQL server of a run of the tests, and the databases that tests get in it."""

import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest

from ledger.settings import LedgerSettings
from ledger.storage.database import Database
from ledger.storage.embedded import EmbeddedUrls
from ledger.storage.sealing import Keyring

ROLE_PREFIX = "jembatan_"


@dataclass(frozen=True)
class Cluster:
    """The running server, and how to make another database like the migrated one."""

    urls: EmbeddedUrls
    numbers: Iterator[int]

    def url_of(self, database_name: str, *, owner: bool = False) -> str:
        url = self.urls.owner if owner else self.urls.application
        return url.replace("/jembatan?", f"/{database_name}?")

    async def clone(self, template: str = "jembatan") -> str:
        name = f"test_{next(self.numbers)}"
        connection = await asyncpg.connect(self.urls.superuser)
        try:
            await connection.execute(f"CREATE DATABASE {name} OWNER {ROLE_PREFIX}owner TEMPLATE {template}")
        finally:
            await connection.close()
        return name

    @asynccontextmanager
    async def lend(self, keyring: Keyring) -> AsyncIterator[Database]:
        """A freshly migrated database, which is dropped afterwards."""
        name = await self.clone()
        database = Database.connect(LedgerSettings(database_url=self.url_of(name), role_prefix=ROLE_PREFIX), keyring)
        try:
            yield database
        finally:
            await database.close()
            await self.drop(name)

    async def drop(self, name: str) -> None:
        connection = await asyncpg.connect(self.urls.superuser)
        try:
            await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
        finally:
            await connection.close()


MEMORY_BYTES_MIN = 4 * 1024**3


def make_data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """In memory where there is room for it: cloning a database for each test is most of what the disk would do."""
    memory = Path("/dev/shm")  # noqa: S108 - a fresh folder of our own inside it
    if memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > MEMORY_BYTES_MIN:
        return Path(tempfile.mkdtemp(prefix="jembatan-tests-", dir=memory))
    return tmp_path_factory.mktemp("server")
