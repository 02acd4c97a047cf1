"""Counting lists: by a tally where it has all that a filter is about, and otherwise the rows themselves, up to a bound.

    CountedBy(OrderCount, visible=visible_order_counts, due=Due("is_overdue", OrderDue, hour="due_hour", at="due_at"))

What has become due by a moment is exact too: the tally has what was due in hours that are over, and an index of the
rows what was due within the present one.
Source: docs/adr/0135.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, func, literal_column, select

from ledger.filters import conditions_of, find_leading, read_set
from ledger.relations import Visible
from ledger.storage.markers import AS_OF
from ledger.storage.records import declaration_of, expression_of
from ledger.storage.roles import Role
from ledger.storage.sums import COUNT
from ledger.viewer import Viewer

COUNTED_MAX = 10_000
"""Up to how many rows of a list are counted that no tally has."""

THIS_HOUR = func.date_trunc(literal_column("'hour'"), AS_OF, literal_column("'UTC'"))


@dataclass(frozen=True, slots=True)
class Count:
    """How many records a list has; at least so many, if it is not exact."""

    total: int
    is_exact: bool


@dataclass(frozen=True, slots=True)
class Counting:
    """How a list is counted: a SELECT of one row with the count `n`, which goes no further than one above bound."""

    rows: Select[Any]
    bound: int | None = None

    def read(self, n: int) -> Count:
        """The count, from what the SELECT returned."""
        return Count(n, is_exact=True) if self.bound is None else Count(min(n, self.bound), is_exact=n <= self.bound)


@dataclass(frozen=True, slots=True)
class Due:
    """A tally of what is owed by the hour within which it is due.

    of is the record's field that says whether it was due by now and is still owed, and at the field with the time.
    """

    of: str
    record: type[Any]
    hour: str
    at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CountedBy:
    """The tally that counts a list, whose fields have the names that they have in the list's record."""

    record: type[Any]
    visible: Visible
    due: Due | None = None

    def count(
        self, record: type[Any], own: Sequence[ColumnElement[bool]], wanted: Any, viewer: Viewer, role: Role
    ) -> Counting | None:
        """How this tally counts a list of the record; None if the filter is about more than the tally has.

        own are the conditions of the list itself, without those of the filter.
        """
        values = {} if wanted is None else read_set(wanted, role)
        if values is None:
            return None
        due = self.due if self.due is not None and self.due.of in values else None
        names = values.keys() - ({due.of} if due is not None else set())
        tallies = [self.record] if due is None else [self.record, due.record]
        if any(not names <= declaration_of(tally).members.keys() for tally in tallies):
            return None

        def add_up(tally: type[Any], *more: ColumnElement[bool]) -> ColumnElement[Any]:
            table = declaration_of(tally).table
            without = None if due is None else due.of
            found = [] if wanted is None else conditions_of(wanted, tally, role, without=without)
            rows: Select[Any] = select(func.coalesce(func.sum(table.c[COUNT]), literal_column("0")))
            return rows.where(self.visible(viewer, table.c), *found, *more).scalar_subquery()

        if due is None:
            return Counting(select(add_up(self.record).label("n")))
        table = declaration_of(record).table
        found = conditions_of(wanted, record, role, without=due.of)
        late = select(func.count()).select_from(table)
        late = late.where(*own, *found, expression_of(record, due.of), table.c[due.at] >= THIS_HOUR)
        overdue = add_up(due.record, declaration_of(due.record).table.c[due.hour] < THIS_HOUR) + late.scalar_subquery()
        n = overdue if values[due.of] else add_up(self.record) - overdue
        return Counting(select(n.label("n")))


def count_rows(record: type[Any], conditions: Sequence[ColumnElement[bool]], wanted: Any, role: Role) -> Counting:
    """Count rows themselves, up to the bound, in the order of the index that finds them.

    Without an order PostgreSQL would read the table as it lies until it has found so many, as if they lay scattered.
    """
    table = declaration_of(record).table
    rows: Select[Any] = select(literal_column("1")).select_from(table).where(*conditions)
    leading = None if wanted is None else find_leading(wanted, record, role)
    if leading is not None:
        rows = rows.order_by(table.c[leading])
    bounded = rows.limit(literal_column(str(COUNTED_MAX + 1))).subquery()
    return Counting(select(func.count().label("n")).select_from(bounded), COUNTED_MAX)
