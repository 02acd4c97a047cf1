"""The tallies of block orders: how many there are of each kind, what is owed by when, and what became of each day's."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated

from sqlalchemy import ColumnElement, Index, false, true

from ledger.durations import render_class
from ledger.identifiers import BrandId, MemberId
from ledger.legal_time import LEGAL_ZONE
from ledger.orders.states import AWAITING_CARRIER, OrderState
from ledger.orders.vocabulary import ImpossibleReason
from ledger.storage.access import ME, OF_MY_BRAND, reads
from ledger.storage.markers import UNCHECKED, Columns
from ledger.storage.roles import Role
from ledger.storage.tallies import declare_tally, taken
from ledger.viewer import Viewer, ViewerKind
from ledger.vocabulary import Category

_OWED = f"r.state IN ({', '.join(repr(state.value) for state in sorted(AWAITING_CARRIER))})"
_DAY = f"(r.issued_at AT TIME ZONE '{LEGAL_ZONE.key}')::date"
_UNISSUED = (OrderState.DRAFT.value, OrderState.DISCARDED.value)
_IS_ISSUED = f"state NOT IN ({', '.join(map(repr, _UNISSUED))})"
_OWN = f"carrier_id = {ME} AND {OF_MY_BRAND}"


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderCount:
    """Orders by what lists of them are filtered by."""

    carrier_id: MemberId
    brand_id: BrandId | None
    state: Annotated[OrderState, UNCHECKED]
    category: Annotated[Category, UNCHECKED]
    was_late: bool
    impossible_reason: Annotated[ImpossibleReason | None, UNCHECKED]


order_counts = declare_tally(
    "order_counts",
    OrderCount,
    of="block_orders",
    access=(*reads(Role.REGULATOR), *reads(Role.CARRIER, rows=f"{_OWN} AND {_IS_ISSUED}")),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderDue:
    """Orders that their carrier has to act on, by the hour within which that is due, and by the legal day of issue."""

    day: Annotated[date, taken(_DAY)]
    carrier_id: MemberId
    brand_id: BrandId | None
    state: Annotated[OrderState, UNCHECKED]
    category: Annotated[Category, UNCHECKED]
    was_late: bool
    due_hour: Annotated[datetime, taken("date_trunc('hour', r.due_at, 'UTC')")]


order_dues = declare_tally(
    "order_dues",
    OrderDue,
    Index("ix_order_dues_due_hour", "due_hour"),
    of="block_orders",
    where=f"{_OWED} AND r.due_at IS NOT NULL",
    access=(*reads(Role.REGULATOR), *reads(Role.CARRIER, rows=_OWN)),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderDay:
    """Issued orders by their legal day of issue and by what became of them.

    seconds_class is the class of the time from issue to execution, as ledger/durations.py has it; None if an order was
    not executed. is_open: the carrier has to act.
    """

    day: Annotated[date, taken(_DAY)]
    carrier_id: MemberId
    brand_id: BrandId | None
    category: Annotated[Category, UNCHECKED]
    is_open: Annotated[bool, taken(_OWED)]
    was_late: bool
    seconds_class: Annotated[int | None, taken(render_class("(r.executed_at - r.issued_at)"))]


order_days = declare_tally(
    "order_days",
    OrderDay,
    Index("ix_order_days_day", "day"),
    of="block_orders",
    where="r.issued_at IS NOT NULL",
    access=(*reads(Role.REGULATOR), *reads(Role.CARRIER, rows=_OWN)),
)


def visible_order_counts(viewer: Viewer, c: Columns) -> ColumnElement[bool]:
    """Which rows of a tally of orders the viewer may see: those of orders that it may see."""
    if viewer.kind is ViewerKind.REGULATOR:
        return true()
    if viewer.kind is not ViewerKind.CARRIER:
        return false()
    own = c.carrier_id == viewer.member_id
    if viewer.brand_id is not None:
        own &= c.brand_id == viewer.brand_id
    return own & c.state.not_in(_UNISSUED) if "state" in c else own
