"""The ledger's settings: how to reach PostgreSQL, the keys, the feed, and the policies of ledger/policies.py."""

import os
from pathlib import Path
from typing import ClassVar
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from ledger.policies import Policies
from ledger.sections import SettingsSection


def _data_dir() -> Path:
    # When it runs as root, the embedded server lets other users enter every parent directory.
    return Path("/var/lib/jembatan") if os.geteuid() == 0 else Path(".jembatan")


class DatabaseSettings(SettingsSection):
    """How to reach PostgreSQL, and the limits of its connections and statements."""

    title: ClassVar[str] = "Database"

    database_url: str | None = Field(
        None, repr=False, description="URL of the application's PostgreSQL. Unset: an embedded server under DATA_DIR."
    )
    migration_database_url: str | None = Field(
        None,
        repr=False,
        description="URL with the owner's login, for migrations only. Unset: DATABASE_DIRECT_URL, or DATABASE_URL.",
    )
    database_direct_url: str | None = Field(
        None,
        repr=False,
        description="The one setting for a pooler, such as PgBouncer in transaction mode, at DATABASE_URL: the "
        "database's URL around it, for the feed's two connections of each process. Unset: there is no pooler.",
    )
    data_dir: Path = Field(
        default_factory=_data_dir,
        description="Where the embedded server keeps its data: ./.jembatan, or /var/lib/jembatan if run as root.",
    )
    role_prefix: str = Field(
        "jembatan_",
        pattern=r"^[a-z][a-z0-9_]{0,30}$",
        description="Prefix of the names of the database roles, which are shared by the entire cluster.",
    )
    database_pool_size: int = Field(
        10,
        ge=1,
        le=500,
        description="Connections that one process keeps open, in addition to two for the feed. Half of them serve "
        "compiled reads.",
    )
    database_pool_overflow: int = Field(
        0, ge=0, le=500, description="Connections beyond the pool size that one process may open under load."
    )
    database_pool_timeout_seconds: float = Field(
        5, gt=0, le=300, description="How long an operation waits for a pooled connection before it fails with 503."
    )
    database_connect_timeout_seconds: float = Field(5, gt=0, le=300, description="Longest time to connect.")
    database_wait_seconds: float = Field(
        60, ge=0, le=3600, description="How long startup waits for a database that is down, reporting that it waits."
    )
    statement_timeout_ms: int = Field(
        10_000, ge=10, le=3_600_000, description="The longest that one SQL statement may run."
    )

    @field_validator("database_url", "migration_database_url", "database_direct_url")
    @classmethod
    def _check_database_url(cls, value: str | None) -> str | None:
        if value is not None and urlsplit(value).scheme.split("+")[0] not in {"postgresql", "postgres"}:
            raise ValueError("must begin with postgresql://")
        return value

    @property
    def application_url(self) -> str:
        """DATABASE_URL; the code that starts an embedded server fills it in. RuntimeError before that."""
        if self.database_url is None:
            raise RuntimeError("No database is configured, and no embedded server was started.")
        return self.database_url

    @property
    def owner_url(self) -> str:
        """MIGRATION_DATABASE_URL, or the database's own address with the application's login."""
        return self.migration_database_url or self.direct_url

    @property
    def direct_read_connections(self) -> int:
        """How many of the pool's connections are kept for compiled reads, which don't go through the pool."""
        return self.database_pool_size // 2

    @property
    def is_pooled(self) -> bool:
        """Whether DATABASE_URL leads through a pooler that gives each transaction another connection."""
        return self.database_direct_url is not None

    @property
    def direct_url(self) -> str:
        """DATABASE_DIRECT_URL, or DATABASE_URL."""
        return self.database_direct_url or self.application_url


class KeySettings(SettingsSection):
    """The keys of the data that only the regulator may read."""

    title: ClassVar[str] = "Keys"

    encryption_keys: str | None = Field(
        None,
        repr=False,
        description="Keyring of the encrypted columns, id:base64,id2:base64; the first encrypts, all decrypt. "
        "Unset: generated once beside the embedded server's data; required with DATABASE_URL.",
    )
    reference_key: str | None = Field(
        None,
        repr=False,
        description="Base64 key of complainantRef; it is never rotated. Unset: as for ENCRYPTION_KEYS.",
    )


class FeedSettings(DatabaseSettings):
    """How the feed is sequenced, signed, followed and retained, over connections outside the pool."""

    title: ClassVar[str] = "The feed"

    sequencing: bool = Field(
        default=True,
        description="Whether this process may assign positions to events; only one process at a time does.",
    )
    sequencer_lease_seconds: float = Field(
        2, ge=0.5, le=60, description="How long a sequencer may be silent before the database ends its session."
    )
    checkpoint_seconds: float = Field(
        1, ge=0.05, le=3600, description="Shortest time between two signed checkpoints of the feed."
    )
    checkpoint_origin: str | None = Field(
        None,
        pattern=r"^[^\s+]{1,200}$",
        description="Name that checkpoints are signed under. Unset: the host of PUBLIC_URL, followed by /feed.",
    )
    feed_tail_entries: int = Field(
        10_000, ge=16, le=10_000_000, description="Latest entries that a process keeps in memory for its subscribers."
    )
    feed_retention_days: int = Field(
        1_825, ge=0, le=36_500, description="How long an entry's content is kept before it is erased; 0: forever."
    )


class LedgerSettings(Policies, KeySettings, FeedSettings):
    """All settings of the ledger."""
