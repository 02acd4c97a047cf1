"""What became of the orders that were issued on each legal day, for statistics."""

from typing import Any

from sqlalchemy import ColumnElement, Date, Select, case, cast, func, literal_column

from ledger.counting import THIS_HOUR
from ledger.facts import is_within, state_facts
from ledger.legal_time import LEGAL_ZONE
from ledger.numbers.forms import HOME_REGION
from ledger.orders.reading import visible_orders
from ledger.orders.table import BlockOrder, block_orders
from ledger.orders.tally_table import order_days, order_dues, visible_order_counts
from ledger.storage.records import expression_of
from ledger.viewer import Viewer

_REGION: ColumnElement[Any] = literal_column(f"'{HOME_REGION}'")
"""Numbers of other regions can't be ordered blocked."""


def select_order_facts(viewer: Viewer) -> list[Select[Any]]:
    """The facts of orders that the viewer may see, which must be one that sees any.

    Whatever is overdue is in the tally but for what was due within the present hour.
    """
    c, d, o = order_days.c, order_dues.c, block_orders.c
    is_executed = c.seconds_class.is_not(None)
    issued_on = cast(func.timezone(literal_column(f"'{LEGAL_ZONE.key}'"), o.issued_at), Date)

    def count(condition: ColumnElement[bool]) -> ColumnElement[Any]:
        return case((condition, c.n), else_=literal_column("0"))

    return [
        state_facts(
            order_days,
            is_within(c.day),
            visible_order_counts(viewer, c),
            day=c.day,
            category=c.category,
            carrier_id=c.carrier_id,
            region=_REGION,
            seconds_class=c.seconds_class,
            issued=c.n,
            executed=count(is_executed),
            on_time=count(is_executed & ~c.was_late),
            late=count(c.was_late),
            open=count(c.is_open),
        ),
        state_facts(
            order_dues,
            is_within(d.day),
            visible_order_counts(viewer, d),
            d.due_hour < THIS_HOUR,
            day=d.day,
            category=d.category,
            carrier_id=d.carrier_id,
            region=_REGION,
            overdue=d.n,
        ),
        state_facts(
            block_orders,
            is_within(issued_on),
            visible_orders(viewer),
            expression_of(BlockOrder, "is_overdue"),
            o.due_at >= THIS_HOUR,
            day=issued_on,
            category=o.category,
            carrier_id=o.carrier_id,
            region=_REGION,
            overdue=literal_column("1"),
        ),
    ]
