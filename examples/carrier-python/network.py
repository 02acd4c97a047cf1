"""The carrier's own network. Replace `carry_out` with a call to your provisioning or ticket system.

The same order may come again, after a crash or while its answer is on its way: then do nothing, and return what was
returned the first time. Return None while the work goes on, and the order comes again at the next poll.
"""

import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from jembatan_client.enums import AcknowledgementKind, BlockOrderState
from jembatan_client.open_orders import OpenOrdersBlockOrdersNodes as Order


@dataclass(frozen=True)
class Outcome:
    """What became of an order: EXECUTED, PARTIAL, IMPOSSIBLE, LIFTED or LIFT_IMPOSSIBLE, and when by your clock.

    PARTIAL, IMPOSSIBLE and LIFT_IMPOSSIBLE take a reason, one of ImpossibleReason in the schema.
    """

    kind: AcknowledgementKind
    at: datetime
    reason: str | None = None


class Network:
    """A stand-in that blocks at once, and remembers in a file what it did."""

    def __init__(self, path: Path) -> None:
        self._database = sqlite3.connect(path)
        with self._database:
            self._database.execute(
                "CREATE TABLE IF NOT EXISTS work (order_no TEXT, version INT, e164 TEXT, done TEXT, done_at TEXT,"
                " PRIMARY KEY (order_no, version))"
            )

    def carry_out(self, order: Order) -> Outcome | None:
        """Block or lift what the order says. The order's version tells its block from its lift."""
        done = AcknowledgementKind.EXECUTED
        if order.state is BlockOrderState.LIFT_ISSUED:
            done = AcknowledgementKind.LIFTED
        key = (order.orderNo, order.version)
        with self._database:
            self._database.execute(
                "INSERT INTO work VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                (*key, order.e164, done.value, datetime.now(UTC).isoformat()),
            )
        [(kind, at)] = self._database.execute("SELECT done, done_at FROM work WHERE (order_no, version) = (?, ?)", key)
        return Outcome(AcknowledgementKind(kind), datetime.fromisoformat(at))
