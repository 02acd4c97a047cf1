"""The earliest time of a reassignment that a number's orders allow: it is never before the incident or the issue.

A fraud after the date belongs to the new subscriber, and a block that was issued after it was meant for the new one:
neither may be undone by a date of the carrier's choosing. Source: domain.md, Assignment epoch; docs/adr/0090.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text

from ledger.errors import TimeInvalidError
from ledger.orders.states import OPEN_ORDER_STATES, OrderState
from ledger.orders.table import BlockOrder
from ledger.storage.database import Transaction

EXECUTED = frozenset({OrderState.EXECUTED, OrderState.PARTIAL})

# A carrier may know an incident to the hour, and no closer: it could find the minute by trying dates.
_INCIDENTS = text("""
SELECT oc.order_id, date_trunc('hour', max(c.incident_at) - interval '1 microsecond') + interval '1 hour' AS until
FROM order_complaints oc JOIN complaints c ON c.id = oc.complaint_id
WHERE oc.order_id = ANY(CAST(:ids AS uuid[])) AND c.incident_at IS NOT NULL
GROUP BY oc.order_id
""")


class ReassignmentTimeError(TimeInvalidError):
    """A reassignment must be later than the number's previous one, and not in the future."""

    code = "REASSIGNMENT_TIME_INVALID"


class ReassignmentBackdatedError(TimeInvalidError):
    """A reassignment can't be before the incident behind a block order of the number, or before a block was issued."""

    code = "REASSIGNMENT_BACKDATED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """An order that a reassignment must not precede, and why."""

    order_no: str
    incident_until: datetime | None
    issued_at: datetime | None

    def check(self, starts_at: datetime, *, field: str) -> None:
        """Errors: ReassignmentBackdatedError, whose hint says which bound it is."""
        if self.issued_at is not None and starts_at < self.issued_at:
            raise ReassignmentBackdatedError(
                f"The block order {self.order_no}, which was executed, was issued after this time.",
                field=field,
                hint=f"Bound by the issue: {self.order_no} was issued at {self.issued_at.isoformat()}. If it blocked "
                "the new subscriber, ask the regulator to lift it.",
            )
        if self.incident_until is not None and starts_at < self.incident_until:
            raise ReassignmentBackdatedError(
                f"The incident behind the block order {self.order_no} was after this time.",
                field=field,
                hint=f"Bound by the incident: it was in the hour before {self.incident_until.isoformat()}, when the "
                "number belonged to whom the order is about.",
            )


async def read_bounds(tx: Transaction, orders: Collection[BlockOrder]) -> Mapping[tuple[str, int], Sequence[Bound]]:
    """Return the bounds that open orders set, by number and epoch, in one statement. Runs as the transition role."""
    standing = [order for order in orders if order.state in OPEN_ORDER_STATES]
    if not standing:
        return {}
    rows = await tx.execute(_INCIDENTS, {"ids": [order.id for order in standing]})
    incidents = {row.order_id: row.until for row in rows}
    bounds: dict[tuple[str, int], list[Bound]] = {}
    for order in standing:
        bound = Bound(
            order_no=order.order_no,
            incident_until=incidents.get(order.id),
            issued_at=order.issued_at if order.state in EXECUTED else None,
        )
        bounds.setdefault((order.e164, order.epoch), []).append(bound)
    return bounds
