"""Which numbers a run covers: those it can order, those whose order is open, those it can't order and why."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text

from ledger.errors import ConflictError, StateConflictError
from ledger.feed.events import EventDraft
from ledger.feed.vocabulary import EventKind
from ledger.identifiers import parse_id
from ledger.orders.drafting import FIND_NUMBERS
from ledger.orders.drafts import link_complaints
from ledger.orders.moves import Row, lock_orders, order_event, plain_row, settle
from ledger.orders.vocabulary import BlockScope
from ledger.storage.database import Transaction
from ledger.vocabulary import Category

# Oldest complaint first, a carrier's share bounded. A complaint of an earlier epoch concerns somebody else.
_CHOOSE = text("""
WITH waiting AS (
  SELECT n.e164, n.holder_id, min(c.id::text) AS oldest
  FROM complaints c JOIN phone_numbers n ON n.e164 = c.e164 AND n.epoch = c.epoch
  WHERE c.state = 'VERIFIED' AND c.remedy IN ('NUMBER_BLOCK', 'BOTH')
    AND n.is_domestic AND n.protected_reason IS NULL AND n.holder_status = 'HELD'
    AND (CAST(:carrier_id AS uuid) IS NULL OR n.holder_id = CAST(:carrier_id AS uuid))
    AND (CAST(:categories AS text[]) IS NULL OR c.category = ANY(CAST(:categories AS text[])))
  GROUP BY n.e164, n.holder_id
), paced AS (
  SELECT e164, oldest, row_number() OVER (PARTITION BY holder_id ORDER BY oldest) AS turn FROM waiting
)
SELECT e164 FROM paced WHERE turn <= :carrier_limit ORDER BY oldest LIMIT :limit
""")

_LOCK_COMPLAINTS = text("""
SELECT c.id, c.source_id, c.e164, c.epoch, c.state, c.category, c.complainant_ref, c.incident_at,
       c.chronology_digest, c.marks
FROM complaints c
WHERE c.e164 = ANY(:e164s) AND c.state = 'VERIFIED' AND c.remedy IN ('NUMBER_BLOCK', 'BOTH')
  AND (CAST(:categories AS text[]) IS NULL OR c.category = ANY(CAST(:categories AS text[])))
ORDER BY c.id FOR UPDATE
""")

_FIND_OPEN = text("""
SELECT id, e164 FROM block_orders
WHERE e164 = ANY(:e164s) AND epoch = (SELECT n.epoch FROM phone_numbers n WHERE n.e164 = block_orders.e164)
  AND state IN ('DRAFT', 'ISSUED', 'RECEIVED', 'PARTIAL', 'EXECUTED', 'IMPOSSIBLE', 'LIFT_ISSUED', 'LIFT_IMPOSSIBLE')
""")

_UNORDERABLE = text("""
SELECT c.e164,
       CASE WHEN NOT n.is_domestic THEN 'NOT_DOMESTIC'
            WHEN n.protected_reason IS NOT NULL THEN 'PROTECTED'
            WHEN n.epoch <> c.epoch THEN 'RECYCLED'
            ELSE n.holder_status END AS result,
       count(*) AS complaint_count
FROM complaints c JOIN phone_numbers n ON n.e164 = c.e164
WHERE c.state = 'VERIFIED' AND c.remedy IN ('NUMBER_BLOCK', 'BOTH')
  AND (NOT n.is_domestic OR n.protected_reason IS NOT NULL OR n.epoch <> c.epoch OR n.holder_status <> 'HELD')
  AND (CAST(:categories AS text[]) IS NULL OR c.category = ANY(CAST(:categories AS text[])))
GROUP BY 1, 2 ORDER BY min(c.id::text) LIMIT :limit
""")

_RAISE_COUNTS = text("""
UPDATE block_orders o SET complaint_count = j.complaint_count
FROM (SELECT order_id, count(*) AS complaint_count FROM order_complaints
      WHERE order_id = ANY(CAST(:ids AS uuid[])) GROUP BY order_id) j
WHERE o.id = j.order_id
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class ForwardingRequest:
    """What a run covers: at most `limit` numbers, oldest complaints first, at most so many for one carrier."""

    legal_basis: str
    subscriber_notice: str
    scope: BlockScope = BlockScope.OUTGOING_VOICE_SMS
    categories: tuple[Category, ...] = ()
    carrier_id: str | None = None
    limit: int = 500
    carrier_limit: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One number that can be ordered, its verified complaints (locked), and the order that is open for it."""

    number: Row
    complaints: Sequence[Row]
    open_order_id: str | None


def _categories(request: ForwardingRequest) -> list[str] | None:
    return [category.value for category in request.categories] or None


async def find_candidates(tx: Transaction, request: ForwardingRequest) -> list[Candidate]:
    """The numbers of this run, oldest complaint first, in four statements."""
    if request.carrier_id is not None and parse_id(request.carrier_id) is None:
        return []
    categories = _categories(request)
    chosen = await tx.execute(
        _CHOOSE,
        {
            "carrier_id": parse_id(request.carrier_id or ""),
            "categories": categories,
            "carrier_limit": request.carrier_limit or request.limit,
            "limit": request.limit,
        },
    )
    e164s = list(chosen.scalars())
    if not e164s:
        return []
    by_number: dict[str, list[Row]] = defaultdict(list)
    for row in (await tx.execute(_LOCK_COMPLAINTS, {"e164s": e164s, "categories": categories})).mappings():
        by_number[row["e164"]].append(plain_row(row))
    numbers = {row["e164"]: plain_row(row) for row in (await tx.execute(FIND_NUMBERS, {"e164s": e164s})).mappings()}
    open_orders = {row["e164"]: str(row["id"]) for row in (await tx.execute(_FIND_OPEN, {"e164s": e164s})).mappings()}
    candidates = []
    for e164 in e164s:
        complaints = [row for row in by_number[e164] if row["epoch"] == numbers[e164]["epoch"]]
        if complaints:
            open_order_id = open_orders.get(e164)
            candidates.append(Candidate(number=numbers[e164], complaints=complaints, open_order_id=open_order_id))
    return candidates


async def find_unorderable(tx: Transaction, request: ForwardingRequest) -> list[dict[str, Any]]:
    """Manifest lines for numbers that wait and can't be ordered, each with its reason; at most `limit` of them."""
    if request.carrier_id is not None:
        return []
    found = await tx.execute(_UNORDERABLE, {"categories": _categories(request), "limit": request.limit})
    return [dict(row) | {"order_id": None, "carrier_id": None, "hold_reasons": []} for row in found.mappings()]


async def join_open_orders(tx: Transaction, joined: Sequence[Candidate]) -> list[EventDraft]:
    """Put further complaints behind orders that are open already; those of an executed one are resolved by that."""
    if not joined:
        return []
    order_ids = [candidate.open_order_id for candidate in joined if candidate.open_order_id is not None]
    rows = await lock_orders(tx, order_ids)
    if len(rows) != len(set(order_ids)):
        raise StateConflictError("An order ended under this call; nothing was written.")
    links = [(order_id, row) for order_id, at in zip(order_ids, joined, strict=True) for row in at.complaints]
    events = await link_complaints(tx, links)
    counted = await tx.execute(_RAISE_COUNTS, {"ids": sorted(rows)})
    if counted.rowcount != len(rows):
        raise ConflictError("An order changed under this call; nothing was written.")
    events.extend(order_event(row, EventKind.ORDER_COMPLAINT_JOINED) for row in rows.values())
    events.extend(await settle(tx, list(rows.values())))
    return events
