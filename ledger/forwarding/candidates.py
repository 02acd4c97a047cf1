"""Which numbers a run covers: those it can order, those with an open order, and those it can't order, with reasons."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select, text

from ledger.complaints.states import ComplaintState
from ledger.complaints.table import Complaint, complaints
from ledger.complaints.vocabulary import ORDERABLE_REMEDIES
from ledger.errors import ConflictError, StateConflictError
from ledger.feed.events import EventDraft
from ledger.feed.vocabulary import EventKind, Subject
from ledger.forwarding.moments import begin_day
from ledger.forwarding.table import UNPLACED, ForwardingItem
from ledger.forwarding.vocabulary import ForwardingResult
from ledger.identifiers import ForwardingRunId, OrderId, parse_id
from ledger.numbers.table import PhoneNumber
from ledger.orders.drafts import link_complaints
from ledger.orders.moves import order_event, settle
from ledger.orders.states import OPEN_ORDER_STATES
from ledger.orders.table import BlockOrder, OrderComplaint, block_orders
from ledger.orders.vocabulary import BlockScope
from ledger.storage.database import Transaction
from ledger.storage.rows import fetch_records, load_records, lock_records, select_records
from ledger.vocabulary import Category

# Oldest complaint first, limited for each carrier; least() passes over a limit that is NULL. A complaint of an earlier
# epoch concerns another subscriber.
_CHOOSE = text("""
WITH waiting AS (
  SELECT n.e164, n.holder_id, min(c.id::text) AS oldest
  FROM complaints c JOIN phone_numbers n ON n.e164 = c.e164 AND n.epoch = c.epoch
  WHERE c.state = 'VERIFIED' AND c.remedy IN ('NUMBER_BLOCK', 'BOTH')
    AND n.is_domestic AND n.protected_reason IS NULL AND n.holder_status = 'HELD'
    AND (CAST(:carrier_id AS uuid) IS NULL OR n.holder_id = CAST(:carrier_id AS uuid))
    AND (CAST(:categories AS text[]) IS NULL OR c.category = ANY(CAST(:categories AS text[])))
  GROUP BY n.e164, n.holder_id
), drafted AS (
  SELECT i.carrier_id, count(*) AS count FROM forwarding_items i JOIN forwarding_runs r ON r.id = i.run_id
  WHERE r.started_at >= :day_began_at AND i.result IN ('DRAFTED', 'HELD') GROUP BY i.carrier_id
), paced AS (
  SELECT e164, oldest, holder_id, row_number() OVER (PARTITION BY holder_id ORDER BY oldest) AS turn FROM waiting
)
SELECT e164 FROM paced LEFT JOIN drafted ON drafted.carrier_id = paced.holder_id
WHERE turn <= least(CAST(:carrier_limit AS bigint), CAST(:carrier_daily AS bigint) - coalesce(drafted.count, 0))
ORDER BY oldest LIMIT :limit
""")

_UNORDERABLE = text("""
SELECT c.e164,
       CASE WHEN NOT n.is_domestic THEN 'NOT_DOMESTIC'
            WHEN n.protected_reason IS NOT NULL THEN 'PROTECTED'
            WHEN n.epoch <> c.epoch THEN 'RECYCLED'
            ELSE n.holder_status END AS result,
       count(*) AS complaint_count,
       count(DISTINCT c.complainant_ref) + count(DISTINCT c.source_id) FILTER (WHERE c.complainant_ref IS NULL)
         AS complainant_count
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
    """What a run covers: at most `limit` numbers, oldest complaints first, at most `carrier_limit` for one carrier.

    carrier_daily bounds the drafts for one carrier in a legal day, over all runs that began in it. unorderable_limit
    bounds how many numbers that can't be ordered are listed, `limit` by default.
    """

    legal_basis: str
    subscriber_notice: str
    scope: BlockScope = BlockScope.OUTGOING_VOICE_SMS
    categories: tuple[Category, ...] = ()
    carrier_id: str | None = None
    limit: int = 500
    carrier_limit: int | None = None
    carrier_daily: int | None = None
    unorderable_limit: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One number that can be ordered blocked, its verified complaints (locked), and its open order, if any."""

    number: PhoneNumber
    complaints: Sequence[Complaint]
    open_order_id: OrderId | None


def _categories(request: ForwardingRequest) -> list[str] | None:
    return [category.value for category in request.categories] or None


async def find_candidates(tx: Transaction, request: ForwardingRequest) -> list[Candidate]:
    """Return the numbers of this run, oldest complaint first, in four statements."""
    if request.carrier_id is not None and parse_id(request.carrier_id) is None:
        return []
    categories = _categories(request)
    chosen = await tx.execute(
        _CHOOSE,
        {
            "carrier_id": parse_id(request.carrier_id or ""),
            "categories": categories,
            "carrier_limit": request.carrier_limit or request.limit,
            "carrier_daily": request.carrier_daily,
            "day_began_at": begin_day(tx.as_of),
            "limit": request.limit,
        },
    )
    e164s = list(chosen.scalars())
    if not e164s:
        return []
    complaints_of = await _lock_verified(tx, e164s, categories)
    numbers = await load_records(tx, PhoneNumber, e164s)
    open_orders = await _find_open(tx, numbers)
    candidates = []
    for e164 in e164s:
        number = numbers[e164]
        present = [complaint for complaint in complaints_of[e164] if complaint.epoch == number.epoch]
        if present:
            candidates.append(Candidate(number=number, complaints=present, open_order_id=open_orders.get(e164)))
    return candidates


async def _lock_verified(
    tx: Transaction, e164s: Sequence[str], categories: list[str] | None
) -> Mapping[str, list[Complaint]]:
    c = complaints.c
    wanted = [
        c.e164.in_(e164s),
        c.state == ComplaintState.VERIFIED.value,
        c.remedy.in_([remedy.value for remedy in sorted(ORDERABLE_REMEDIES)]),
    ]
    if categories is not None:
        wanted.append(c.category.in_(categories))
    statement = select_records(tx, Complaint).where(*wanted).order_by(c.id).with_for_update()
    found: dict[str, list[Complaint]] = defaultdict(list)
    for complaint in await fetch_records(tx, Complaint, statement):
        found[complaint.e164 or ""].append(complaint)
    return found


async def _find_open(tx: Transaction, numbers: Mapping[str, PhoneNumber]) -> Mapping[str, OrderId]:
    """Return the open order of each number's current epoch."""
    c = block_orders.c
    statement = select(c.id, c.e164, c.epoch).where(
        c.e164.in_(list(numbers)), c.state.in_([state.value for state in OPEN_ORDER_STATES])
    )
    return {row.e164: row.id for row in await tx.execute(statement) if row.epoch == numbers[row.e164].epoch}


async def find_unorderable(
    tx: Transaction, request: ForwardingRequest, run_id: ForwardingRunId
) -> list[ForwardingItem]:
    """Return manifest items, without places, for waiting numbers that can't be ordered, up to the request's limit."""
    limit = request.limit if request.unorderable_limit is None else request.unorderable_limit
    if request.carrier_id is not None or not limit:
        return []
    found = await tx.execute(_UNORDERABLE, {"categories": _categories(request), "limit": limit})
    return [
        ForwardingItem(
            run_id=run_id,
            place=UNPLACED,
            e164=row.e164,
            result=ForwardingResult(row.result),
            complaint_count=row.complaint_count,
            complainant_count=row.complainant_count,
        )
        for row in found
    ]


async def join_open_orders(tx: Transaction, joined: Sequence[Candidate]) -> list[EventDraft]:
    """Link further complaints to open orders and return the events. An executed order resolves them immediately."""
    if not joined:
        return []
    links = [
        OrderComplaint(order_id=candidate.open_order_id, complaint_id=complaint.id, joined_at=tx.as_of)
        for candidate in joined
        if candidate.open_order_id is not None
        for complaint in candidate.complaints
    ]
    order_ids = sorted({link.order_id for link in links})
    orders = await lock_records(tx, BlockOrder, order_ids)
    if len(orders) != len(order_ids) or any(order.state not in OPEN_ORDER_STATES for order in orders.values()):
        raise StateConflictError("An order ended during this call; nothing was written.")
    complaints_by_id = {complaint.id: complaint for candidate in joined for complaint in candidate.complaints}
    events = await link_complaints(tx, links, complaints_by_id)
    counted = await tx.execute(_RAISE_COUNTS, {"ids": order_ids})
    if counted.rowcount != len(orders):
        raise ConflictError("An order changed during this call; nothing was written.")
    tx.note_written(Subject.BLOCK_ORDER, order_ids)
    events.extend(order_event(order, EventKind.ORDER_COMPLAINT_JOINED) for order in orders.values())
    events.extend(await settle(tx, list(orders.values())))
    return events
