"""Statistics of a period: how many complaints and orders there were, and what became of them, as a whole and in groups.

A complaint counts on the legal day on which it was received, an order on that of its issue, whenever something became
of it. Everything is read from tallies in one statement. Counts alone: they name no number and no person, so that
nothing of it is recorded as an access.
Source: docs/adr/0135.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import Any

from sqlalchemy import Select

from ledger.compiling.compiler import BRAND, MEMBER
from ledger.complaints.statistics import select_complaint_facts
from ledger.durations import read_class
from ledger.facts import DIMENSIONS, MEASURES, Period, sum_facts
from ledger.identifiers import MemberId
from ledger.orders.reading import READERS
from ledger.orders.statistics import select_order_facts
from ledger.permissions import SOURCES, require_kind
from ledger.storage.database import Transaction
from ledger.viewer import Viewer, ViewerKind
from ledger.vocabulary import Category


@dataclass(frozen=True, slots=True, kw_only=True)
class ComplaintFigures:
    """Complaints by what has become of them by now."""

    received: int
    verified: int
    rejected: int
    forwarded: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderFigures:
    """Orders by what has become of them by now.

    Units: seconds from issue to the acknowledgement of the execution, with an error of at most 5 %; None if no order
    was executed.
    """

    issued: int
    executed: int
    executed_on_time: int
    late: int
    open: int
    overdue: int
    median_seconds: int | None
    p95_seconds: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The figures of one group, which has the value of its dimension and None for the others.

    complaints are None for a carrier, of which no complaint is, and where the viewer sees none; so are orders.
    """

    day: date | None = None
    category: Category | None = None
    carrier_id: MemberId | None = None
    region: str | None = None
    complaints: ComplaintFigures | None
    orders: OrderFigures | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """The figures of a period as a whole, and in groups, of which those without a row are left out."""

    period: Period
    as_of: datetime
    total: Group
    by_day: Sequence[Group]
    by_category: Sequence[Group]
    by_carrier: Sequence[Group]
    by_region: Sequence[Group]


_NOTHING = {**dict.fromkeys(MEASURES, 0), "median_class": None, "p95_class": None}


async def read_statistics(tx: Transaction, period: Period) -> Statistics:
    """Read the statistics of what the viewer may see, in one statement. Errors: ForbiddenError."""
    viewer = tx.viewer
    require_kind(viewer, READERS | SOURCES)
    sees_complaints, sees_orders = viewer.kind in SOURCES, viewer.kind in READERS
    values = {"as_of": tx.as_of, **period.values, MEMBER.key: viewer.member_id, BRAND.key: viewer.brand_id}
    rows = (await tx.execute(_select(viewer.kind, is_narrowed=viewer.brand_id is not None), values)).mappings()

    def show(row: Mapping[str, Any], dimension: str | None) -> Group:
        of_complaints = sees_complaints and dimension != "carrier_id"
        return Group(
            complaints=_read_complaints(row) if of_complaints else None,
            orders=_read_orders(row) if sees_orders else None,
            **({} if dimension is None else {dimension: _read_key(dimension, row[dimension])}),
        )

    found: dict[str | None, list[Group]] = {name: [] for name in (None, *DIMENSIONS)}
    for row in map(dict, rows):
        dimension = next((name for name in DIMENSIONS if not row[f"without_{name}"]), None)
        # Complaints are not of a carrier.
        if dimension != "carrier_id" or row[dimension] is not None:
            found[dimension].append(show(row, dimension))
    return Statistics(
        period=period,
        as_of=tx.as_of,
        total=found[None][0] if found[None] else show(_NOTHING, None),
        by_day=sorted(found["day"], key=lambda group: str(group.day)),
        by_category=sorted(found["category"], key=lambda group: str(group.category)),
        by_carrier=sorted(found["carrier_id"], key=lambda group: str(group.carrier_id)),
        by_region=sorted(found["region"], key=lambda group: (group.region is None, group.region)),
    )


@cache
def _select(kind: ViewerKind, *, is_narrowed: bool) -> Select[Any]:
    """The statement for all viewers of a kind, made once: it takes SQLAlchemy longer than PostgreSQL."""
    ids: dict[str, Any] = {"member_id": MEMBER, "brand_id": BRAND if is_narrowed else None}
    viewer = Viewer(kind=kind, **ids)
    parts = select_complaint_facts(viewer) if kind in SOURCES else []
    parts += select_order_facts(viewer) if kind in READERS else []
    return sum_facts(parts)


def _read_key(dimension: str, value: Any) -> Any:
    return Category(value) if dimension == "category" else value


def _read_complaints(row: Mapping[str, Any]) -> ComplaintFigures:
    return ComplaintFigures(
        received=int(row["received"]),
        verified=int(row["verified"]),
        rejected=int(row["rejected"]),
        forwarded=int(row["forwarded"]),
    )


def _read_orders(row: Mapping[str, Any]) -> OrderFigures:
    return OrderFigures(
        issued=int(row["issued"]),
        executed=int(row["executed"]),
        executed_on_time=int(row["on_time"]),
        late=int(row["late"]),
        open=int(row["open"]),
        overdue=int(row["overdue"]),
        median_seconds=_read_seconds(row["median_class"]),
        p95_seconds=_read_seconds(row["p95_class"]),
    )


def _read_seconds(place: int | None) -> int | None:
    return None if place is None else read_class(place)
