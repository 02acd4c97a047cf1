"""A known value sealed under each key, so that a wrong key is detected at startup rather than on the first read."""

from sqlalchemy import Column, LargeBinary, Text

from ledger.storage.access import EVERYTHING, Access
from ledger.storage.columns import moment
from ledger.storage.records import declare_table
from ledger.storage.roles import Role

keyring_checks = declare_table(
    "keyring_checks",
    Column("key_id", Text, primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
    moment("recorded_at"),
    access=(Access(role=Role.JOBS, select=EVERYTHING, insert=True, delete=True),),
)
