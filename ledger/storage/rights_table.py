"""What the last migration wrote: the rights that it was told to set, and what the catalog then said of them."""

from sqlalchemy import CheckConstraint, Column, SmallInteger, Text

from ledger.storage.access import reads
from ledger.storage.columns import moment
from ledger.storage.records import declare_table
from ledger.storage.roles import Role

schema_rights = declare_table(
    "schema_rights",
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    Column("declared", Text, nullable=False),
    Column("found", Text, nullable=False),
    moment("written_at"),
    CheckConstraint("id = 1", name="single"),
    access=reads(Role.JOBS),
)
"""A single row, which only the tables' owner writes."""
