"""Single changes of a ledger's rows, which a test makes and undoes.

The parties' moves leave most columns with ordinary values. A change gives one column of one row a value that its table
allows: another row's, an odd text, a time to the microsecond, null. Whatever order of moves might have led to it, a
read has to show it; what the table's constraints refuse is no ledger, and changes nothing.
"""

import typing
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import asyncpg
from sqlalchemy import ARRAY, BigInteger, Boolean, Column, Date, DateTime, Integer, LargeBinary, Table, Text
from sqlalchemy.dialects import postgresql

from ledger.closed_lists import ClosedList
from ledger.storage.metadata import metadata

CHANGED = (
    "members", "brands", "offices", "officers", "numbering_ranges", "number_override_proposals", "number_overrides",
    "phone_numbers", "accounts", "member_platforms", "complaints", "evidence", "complainant_reveals",
    "block_orders", "order_acknowledgements", "order_extensions", "order_proposals", "outages", "outage_extensions",
    "participation_proposals", "participation_terms", "participation_terms_texts",
    "participations", "signal_keys", "fraud_signals", "signal_recipients", "signal_disclosures",
    "signal_contributions", "signal_revocation_notices",
    "reassignment_reports", "forwarding_runs", "forwarding_items", "scheduled_forwarding", "access_records",
    "operator_acts", "legal_holds", "events", "feed_keys", "feed_witnesses", "feed_cosignatures",
    "log_restorations", "order_complaints", "referrals", "referral_complaints", "referral_responses",
    "referral_transfers",
)  # fmt: skip
"""The tables whose rows are changed: those that queries read. Hashes over the log stay as they are."""

ODD_TEXTS = (
    "", " ", '"quoted" and \\ back \\\\', "a\u2028b\u2029c", "\U0001f600\U0001f1ee\U0001f1e9", "e\u0301\u00e9",
    "tab\tline\nreturn\rback\bform\f", "\x01\x02\x03\x1f\x7f\x80", "</script><!--", "null", "'; DROP TABLE members; --",
    "%s {} {0} :as_of $1", "\ufeff\u200b\u202e", "0", "true", "x" * 3_000, "\u0627\u0644\u0633\u0644\u0627\u0645",
)  # fmt: skip
"""Texts that a writer of JSON or of SQL may get wrong."""

ODD_NUMBERS = (0, 1, 2, 9, 10, 1_234_567, 9_999_999, 10_000_000, 2**31 - 1)
ODD_BIG_NUMBERS = (2**31, 2**53 + 1, 2**63 - 1)
NO_INTS = frozenset(map(str, ODD_BIG_NUMBERS))
"""Numbers that some column may have, but no field of type Int."""
DATE_SHIFTS = (0, 1, -40)


@dataclass(frozen=True)
class Change:
    """One column of one row gets a value, written as PostgreSQL writes it; None is NULL."""

    table: str
    place: int
    column: str
    value: str | None


@dataclass(frozen=True, repr=False)
class ChangeableColumn:
    """A column that may be changed: the values that are offered, and its type in SQL."""

    name: str
    sql_type: str
    values: Sequence[str | None]


@dataclass(frozen=True, repr=False)
class Ledger:
    """A filled database. owner is a connection that no rule holds up; rows are as they were filled, as texts."""

    owner: asyncpg.Connection
    rows: Mapping[str, Sequence[Mapping[str, str | None]]]
    columns: Mapping[str, Sequence[ChangeableColumn]]

    @classmethod
    async def read(cls, owner: asyncpg.Connection, as_of: datetime) -> "Ledger":
        """Read what the database has."""
        await owner.execute("SET session_replication_role = replica")
        await owner.execute("SET timezone = 'UTC'")
        rows = {name: await _read_rows(owner, metadata.tables[name]) for name in CHANGED}
        columns = {name: list(_list_changeable(metadata.tables[name], rows, as_of)) for name in CHANGED if rows[name]}
        return cls(owner, rows, {name: found for name, found in columns.items() if found})

    def values(self, table: str, column: str) -> list[str]:
        """The distinct values of a column, in order of the rows."""
        return list(dict.fromkeys(value for row in self.rows[table] if (value := row[column]) is not None))

    @asynccontextmanager
    async def changed(self, changes: Sequence[Change]) -> AsyncIterator[list[Change]]:
        """Make the changes that the tables' constraints allow, and undo them at the end."""
        made: list[tuple[Change, str | None]] = []
        try:
            for change in changes:
                before = self._find_value(change, made)
                try:
                    await self._write(change, change.value)
                except asyncpg.IntegrityConstraintViolationError:
                    continue
                made.append((change, before))
            yield [change for change, _ in made]
        finally:
            for change, before in reversed(made):
                await self._write(change, before)

    async def change(self, changes: Sequence[Change]) -> int:
        """Make the changes that are allowed for good, and return how many; the ledger is to be read again."""
        count = 0
        for change in changes:
            try:
                await self._write(change, change.value)
                count += 1
            except asyncpg.IntegrityConstraintViolationError:
                continue
        return count

    def _find_value(self, change: Change, made: Sequence[tuple[Change, str | None]]) -> str | None:
        same = [each for each, _ in made if (each.table, each.place, each.column) == _place_of(change)]
        return same[-1].value if same else self.rows[change.table][change.place][change.column]

    async def _write(self, change: Change, value: str | None) -> None:
        row = self.rows[change.table][change.place]
        keys = [column.name for column in metadata.tables[change.table].primary_key.columns]
        named = " AND ".join(f'"{key}"::text = ${place}' for place, key in enumerate(keys, 2))
        kind = _sql_type(metadata.tables[change.table].c[change.column])
        await self.owner.execute(
            f'UPDATE {change.table} SET "{change.column}" = CAST($1::text AS {kind}) WHERE {named}',
            value,
            *(row[key] for key in keys),
        )


def _place_of(change: Change) -> tuple[str, int, str]:
    return change.table, change.place, change.column


def _sql_type(column: Column[Any]) -> str:
    return column.type.compile(dialect=postgresql.dialect())


async def _read_rows(owner: asyncpg.Connection, table: Table) -> list[dict[str, str | None]]:
    shown = ", ".join(f'"{column.name}"::text' for column in table.columns)
    key = ", ".join(f'"{column.name}"' for column in table.primary_key.columns)
    return [dict(row) for row in await owner.fetch(f"SELECT {shown} FROM {table.name} ORDER BY {key}")]


def _list_changeable(
    table: Table, rows: Mapping[str, Sequence[Mapping[str, str | None]]], as_of: datetime
) -> "list[ChangeableColumn]":
    found = []
    for column in table.columns:
        if (
            column.primary_key
            or column.identity is not None
            or isinstance(column.type, (LargeBinary, postgresql.JSONB))
        ):
            continue
        target = next((key.column for key in column.foreign_keys), None)
        if target is not None and target.table.name in rows:
            values = [row[target.name] for row in rows[target.table.name]]
        else:
            values = [row[column.name] for row in rows[table.name]]
            values += _list_odd(column, as_of)
        values = list(dict.fromkeys(values))
        if not column.nullable:
            values = [value for value in values if value is not None]
        elif None not in values:
            values.append(None)
        if len(values) > 1:
            found.append(ChangeableColumn(column.name, _sql_type(column), values))
    return found


def _list_odd(column: Column[Any], as_of: datetime) -> list[str]:
    """Values of a column's type that rows seldom have; of a closed list, all there are."""
    named = _list_names(column)
    if isinstance(column.type, ARRAY):
        return ["{}", *("{" + each + "}" for each in named), "{" + ",".join(named) + "}"]
    return named or next((make(as_of) for kind, make in _ODD.items() if isinstance(column.type, kind)), [])


_ODD: Mapping[type[Any], Callable[[datetime], list[str]]] = {
    DateTime: lambda as_of: [moment.isoformat() for moment in list_moments(as_of)],
    Date: lambda as_of: [(as_of.date() + timedelta(days=shift)).isoformat() for shift in DATE_SHIFTS] + ["0001-01-01"],
    Boolean: lambda _: ["true", "false"],
    BigInteger: lambda _: [str(each) for each in (*ODD_NUMBERS, *ODD_BIG_NUMBERS)],
    Integer: lambda _: [str(each) for each in ODD_NUMBERS],
    Text: lambda _: list(ODD_TEXTS),
}
"""By the type of a column; the first that fits."""


def _list_names(column: Column[Any]) -> list[str]:
    """The values of a column's closed list, and one of a later version where the list reads such a value."""
    hint = typing.get_type_hints(column.table.info["record"], include_extras=False).get(column.name, str)
    kinds = [hint, *typing.get_args(hint)]
    kinds += [inner for kind in kinds for inner in typing.get_args(kind)]
    listed = next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, ClosedList)), None)
    if listed is None:
        return []
    return [each.value for each in listed] + (["FROM_A_LATER_VERSION"] if listed.later_values else [])


def list_moments(as_of: datetime) -> list[datetime]:
    """Times at, just beside and far from the clock's reading, with every form of a fraction of a second."""
    near = (timedelta(), timedelta(microseconds=1), timedelta(microseconds=-1), timedelta(milliseconds=120))
    far = (timedelta(hours=30, microseconds=100), timedelta(days=-3, microseconds=10), timedelta(days=-400))
    return [as_of + shift for shift in (*near, *far)] + [as_of.replace(year=999), as_of.replace(year=9999)]
