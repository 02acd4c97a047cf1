"""A known value sealed under each key, so that a wrong key is noticed at start and not at the first reading."""

from sqlalchemy import Column, LargeBinary, Table, Text

from ledger.storage.columns import moment
from ledger.storage.metadata import metadata

keyring_checks = Table(
    "keyring_checks",
    metadata,
    Column("key_id", Text, primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
    moment("recorded_at"),
)
