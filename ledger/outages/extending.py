"""Gives orders back the time of outages: the clock of an order that ran when an outage began stood still during it.

For an order that is owed, with the due time d, and outages that it has not been given back yet, in order of time:

    if the outage began before d:  d = d + (end of the outage - the later of its beginning and the order's issue)

Outages don't overlap, so that this is one sum over a window. An order that was already due when an outage began gets
nothing. An order that was answered late since then gets its time back too, and its lateness is judged again.
Source: domain.md, BlockOrder (our own outage extends the due time); docs/adr/0131.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import text

from ledger.feed.events import EventDraft
from ledger.feed.vocabulary import EventKind, Subject
from ledger.orders.moves import order_event
from ledger.orders.states import AWAITING_CARRIER
from ledger.orders.table import BlockOrder
from ledger.outages.table import Outage
from ledger.storage.database import Transaction
from ledger.storage.records import reader_of, render_columns
from ledger.storage.roles import Role

_BEGAN = "greatest(o.issued_at, o.lift_issued_at)"
"""From when the present due time of an order `o` runs; greatest() passes over what is NULL."""

# By itself, and on the orders alone: an order that an acknowledgement holds meanwhile is judged as that leaves it.
_LOCK = text(f"""
SELECT o.id FROM block_orders o
WHERE o.due_at > :starts_at AND {_BEGAN} < :ends_at
  AND (o.state = ANY(CAST(:awaiting AS text[])) OR o.was_late)
ORDER BY o.id FOR NO KEY UPDATE
""")

# Of an order that was answered, only the time before the answer counts, and only if the answer was late.
_EXTEND = f"""
WITH running AS MATERIALIZED (
  SELECT o.id, o.carrier_id, o.version, o.due_at, {_BEGAN} AS began_at,
         CASE WHEN o.state = ANY(CAST(:awaiting AS text[])) THEN NULL ELSE s.recorded_at END AS answered_at
  FROM block_orders o LEFT JOIN order_acknowledgements s ON s.id = o.standing_acknowledgement_id
  WHERE o.id = ANY(CAST(:ids AS uuid[]))
    AND (o.state = ANY(CAST(:awaiting AS text[])) OR s.recorded_at > o.due_at)
), uncounted AS (
  SELECT r.id, r.due_at, u.id AS outage_id, greatest(u.starts_at, r.began_at) AS starts_at, u.ends_at
  FROM running r JOIN outages u
    ON u.starts_at >= :starts_at AND u.ends_at > r.began_at AND u.starts_at < coalesce(r.answered_at, 'infinity')
  WHERE NOT EXISTS (SELECT 1 FROM outage_extensions e WHERE e.order_id = r.id AND e.outage_id = u.id)
), summed AS (
  SELECT id, outage_id, starts_at, ends_at - starts_at AS length,
         due_at + coalesce(sum(ends_at - starts_at) OVER (
           PARTITION BY id ORDER BY starts_at ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
         ), interval '0') AS due_before
  FROM uncounted
), counted AS (
  SELECT * FROM summed WHERE starts_at < due_before
), noted AS (
  INSERT INTO outage_extensions (order_id, outage_id, carrier_id, version, due_before, due_after, extended_at)
  SELECT c.id, c.outage_id, r.carrier_id, r.version, c.due_before, c.due_before + c.length,
         CAST(:as_of AS timestamptz)
  FROM counted c JOIN running r ON r.id = c.id
), moved AS (
  SELECT c.id, r.began_at, r.due_at AS former_due_at, max(c.due_before + c.length) AS due_at,
         array_agg(c.outage_id ORDER BY c.starts_at) AS outage_ids
  FROM counted c JOIN running r ON r.id = c.id GROUP BY c.id, r.began_at, r.due_at
)
UPDATE block_orders SET due_at = moved.due_at, was_late = block_orders.was_late AND EXISTS (
  SELECT 1 FROM order_acknowledgements a
  WHERE a.order_id = block_orders.id AND a.is_late AND a.moved_state AND a.kind <> 'RECEIVED'
    AND NOT (a.recorded_at BETWEEN moved.began_at AND moved.due_at)
    AND NOT EXISTS (SELECT 1 FROM outage_extensions e WHERE e.order_id = a.order_id
                    AND a.recorded_at > e.due_before AND a.recorded_at <= e.due_after)
)
FROM moved WHERE block_orders.id = moved.id
RETURNING {{columns}}, moved.former_due_at, moved.outage_ids
"""


async def extend_orders(tx: Transaction, recorded: Sequence[Outage], *, ends_at: datetime) -> list[EventDraft]:
    """Extend every order that ran during these outages, which were just recorded, and return the events.

    Two statements, however many orders there are. The caller holds the lock of outages, under the TRANSITION role.
    """
    given = {
        "awaiting": [state.value for state in sorted(AWAITING_CARRIER)],
        "starts_at": min(outage.starts_at for outage in recorded),
        "as_of": tx.as_of,
    }
    ids = list((await tx.execute(_LOCK, {**given, "ends_at": ends_at})).scalars())
    if not ids:
        return []
    statement = text(_EXTEND.format(columns=render_columns(BlockOrder, Role.TRANSITION)))
    result = await tx.execute(statement, {**given, "ids": ids})
    read = reader_of(BlockOrder, tuple(result.keys()))
    rows = result.all()
    tx.note_written(Subject.BLOCK_ORDER, [row.id for row in rows])
    return [_event(read(row), row.former_due_at, row.outage_ids) for row in sorted(rows, key=lambda row: str(row.id))]


def _event(order: BlockOrder, former_due_at: datetime, outage_ids: Sequence[str]) -> EventDraft:
    return order_event(
        order,
        EventKind.ORDER_DUE_EXTENDED,
        dueAt=order.due_at.isoformat() if order.due_at is not None else None,
        formerDueAt=former_due_at.isoformat(),
        outageIds=list(outage_ids),
    )
