"""Facts: what the nouns' tallies contribute to statistics, in one form, and their sums by each dimension at once.

A noun selects its facts with `state_facts`; ledger/statistics.py puts them together. It knows no noun.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Date,
    FromClause,
    Integer,
    Select,
    Text,
    Uuid,
    bindparam,
    cast,
    func,
    literal_column,
    null,
    or_,
    select,
    tuple_,
    union_all,
)

from ledger.errors import InvalidInputError

PERIOD_DAYS_MAX = 366

DIMENSIONS: Mapping[str, Any] = {
    "day": Date(),
    "category": Text(),
    "carrier_id": Uuid(as_uuid=False),
    "region": Text(),
}
"""What facts are grouped by, and its type; NULL where a fact has none."""
MEASURES = ("received", "verified", "rejected", "forwarded", "issued", "executed", "on_time", "late", "open", "overdue")
_WHOLES = ("received", "issued")
"""The measures that the others are parts of."""
_CLASS = "seconds_class"
_QUANTILES = {"median_class": "0.5", "p95_class": "0.95"}


class PeriodReversedError(InvalidInputError):
    """The period ends before it begins."""

    code = "PERIOD_REVERSED"
    hint = "Both days belong to the period; `to` is the later one, or the same."


class PeriodTooLongError(InvalidInputError):
    """The period is too long."""

    code = "PERIOD_TOO_LONG"
    hint = f"Ask for at most {PERIOD_DAYS_MAX} days at a time."


@dataclass(frozen=True, slots=True)
class Period:
    """Legal days, the first and the last included. Errors: PeriodReversedError, PeriodTooLongError."""

    first: date
    last: date

    def __post_init__(self) -> None:
        """Check the order and the length."""
        if self.last < self.first:
            raise PeriodReversedError(field="to")
        if (self.last - self.first).days >= PERIOD_DAYS_MAX:
            raise PeriodTooLongError(field="to")

    @property
    def values(self) -> Mapping[str, date]:
        """The parameters of a statement about any period."""
        return {"first_day": self.first, "last_day": self.last}


def is_within(day: ColumnElement[Any]) -> ColumnElement[bool]:
    """Whether a day belongs to the period that is asked about, in SQL."""
    return day.between(bindparam("first_day", type_=Date()), bindparam("last_day", type_=Date()))


def state_facts(source: FromClause, *conditions: ColumnElement[bool], **values: ColumnElement[Any]) -> Select[Any]:
    """Facts of the rows that meet the conditions: values has dimensions and measures by their names.

    A measure that isn't given is 0, and a dimension NULL.
    """
    zero: ColumnElement[Any] = literal_column("0")
    keys = [
        cast(values.get(name, null()), kind).label(name) for name, kind in {**DIMENSIONS, _CLASS: Integer()}.items()
    ]
    counts = [cast(values.get(name, zero), BigInteger).label(name) for name in MEASURES]
    return select(*keys, *counts).select_from(source).where(*conditions)


def sum_facts(parts: Sequence[Select[Any]]) -> Select[Any]:
    """The sums of facts as a whole and by each dimension, with classes of the median and the 95th percentile.

    Shapes: a row has the dimensions, the measures, median_class and p95_class, and for each dimension `without_`, which
    is 0 for the one that the row is a group of.
    """
    facts = union_all(*parts).subquery("facts")
    f = facts.c
    by = [f[name] for name in DIMENSIONS]
    sets = [tuple_(f[_CLASS]), *(tuple_(column, f[_CLASS]) for column in by)]
    groups = [func.grouping(column).label(f"without_{column.name}") for column in by]
    sums = [func.sum(f[name]).label(name) for name in MEASURES]
    grouped = select(*groups, *by, f[_CLASS], *sums).group_by(func.grouping_sets(*sets)).subquery("grouped")

    g = grouped.c
    keys = [*(g[f"without_{name}"] for name in DIMENSIONS), *(g[name] for name in DIMENSIONS)]
    whole = func.sum(g.executed).over(partition_by=keys).label("whole")
    reached = func.sum(g.executed).over(partition_by=keys, order_by=g[_CLASS].asc().nulls_last(), rows=(None, 0))
    ranked = select(grouped, whole, reached.label("reached")).subquery("ranked")

    r = ranked.c
    keys = [*(r[f"without_{name}"] for name in DIMENSIONS), *(r[name] for name in DIMENSIONS)]
    # What was appended to a tally and taken away again is no fact, though it has rows until they are put together.
    classes = [
        func.min(r[_CLASS]).filter(r.executed > 0, r.reached >= r.whole * literal_column(share)).label(name)
        for name, share in _QUANTILES.items()
    ]
    is_anything = or_(*(func.sum(r[name]) > 0 for name in _WHOLES))
    counted = select(*keys, *(func.sum(r[name]).label(name) for name in MEASURES), *classes)
    return counted.group_by(*keys).having(is_anything)
