"""The answers of the read workloads as PostgreSQL makes them, each in one statement that returns JSON text.

They are what every side's answer is compared with, and what pgbench runs as the limit; row-level security applies to
them as it does to the sides. {e164} stands for the number that is looked up.
"""

from collections.abc import Iterable, Mapping

from ledger.complaints.states import VERIFIED_STATES
from ledger.durations import render_class
from ledger.orders.states import AWAITING_CARRIER, STATUS_OF_STATE

_WHENS = " ".join(f"WHEN '{state.value}' THEN '{status.value}'" for state, status in STATUS_OF_STATE.items())

DERIVED: Mapping[str, str] = {
    "orderNo": "concat('O-', to_char({o}.drafted_at AT TIME ZONE 'Asia/Jakarta', 'YYYY'), '-', "
    "lpad({o}.order_serial::text, greatest(7, length({o}.order_serial::text)), '0'))",
    "status": f"CASE {{o}}.state {_WHENS} END",
}
"""What the gateway derives from an order, by its name in the graph; the peers get the same SQL. {o} is the row."""

_ORDER_NO, _STATUS = (DERIVED[name].format(o="o") for name in ("orderNo", "status"))
_COLUMNS = "id, order_serial, drafted_at, version, state, due_at, e164"
_ORDER = (
    f"'id', o.id, 'orderNo', {_ORDER_NO}, 'version', o.version, 'state', o.state, 'status', {_STATUS}, "
    "'dueAt', o.due_at"
)
_ACKNOWLEDGEMENTS = """(SELECT coalesce(json_agg(json_build_object('kind', a.kind, 'reference', a.reference,
  'recordedAt', a.recorded_at, 'isLate', a.is_late)), '[]')
  FROM (SELECT kind, reference, recorded_at, is_late FROM order_acknowledgements
    WHERE order_id = o.id ORDER BY id) a)"""
_NUMBER = """(SELECT json_build_object('e164', n.e164, 'status', n.status, 'risk', n.risk)
  FROM phone_numbers n WHERE n.e164 = o.e164)"""
_SOONEST = f"(SELECT {_COLUMNS} FROM block_orders ORDER BY due_at, id LIMIT 50) o"


def _page(name: str, node: str, source: str) -> str:
    return (
        f"SELECT json_build_object('{name}', json_build_object('nodes', "
        f"(SELECT coalesce(json_agg(json_build_object({node})), '[]') FROM {source})))::text"
    )


POLL = _page("blockOrders", f"{_ORDER}, 'acknowledgements', {_ACKNOWLEDGEMENTS}", _SOONEST)
POLL_WITH_NUMBERS = _page(
    "blockOrders", f"{_ORDER}, 'number', {_NUMBER}, 'acknowledgements', {_ACKNOWLEDGEMENTS}", _SOONEST
)
LOOK_UP = f"""SELECT json_build_object('number', (SELECT json_build_object(
  'e164', n.e164, 'status', n.status, 'risk', n.risk, 'blockOrders', (
    SELECT coalesce(json_agg(json_build_object({_ORDER})), '[]')
    FROM (SELECT {_COLUMNS} FROM block_orders WHERE e164 = n.e164 ORDER BY id) o))
  FROM phone_numbers n WHERE n.e164 = {{e164}}))::text"""
COMPLAINTS = _page(
    "complaints",
    "'id', o.id, 'sourceReference', o.source_reference, 'medium', o.medium, 'category', o.category, "
    "'state', o.state, 'filedAt', o.filed_at, 'number', (SELECT json_build_object('e164', n.e164, 'risk', n.risk) "
    "FROM phone_numbers n WHERE n.e164 = o.e164)",
    "(SELECT id, source_reference, medium, category, state, filed_at, e164 FROM complaints "
    "WHERE state = 'ESCALATED' AND category = 'FRAUD' ORDER BY id DESC LIMIT 50) o",
)
DASHBOARD = """SELECT json_build_object('blockOrders', json_build_object('totalCount',
  (SELECT count(*) FROM block_orders)))::text"""


def _states(states: Iterable[str]) -> str:
    return ", ".join(f"'{state}'" for state in sorted(states))


def _seconds(share: str) -> str:
    """The seconds that the class of a quantile stands for."""
    place = f"percentile_disc({share}) WITHIN GROUP (ORDER BY took)"
    return f"round(power(1.1::float8, {place} + 0.5))::int"


_IN_PERIOD = (
    "{column} >= {{from}}::date::timestamp AT TIME ZONE 'Asia/Jakarta' "
    "AND {column} < ({{to}}::date + 1)::timestamp AT TIME ZONE 'Asia/Jakarta'"
)
_RECEIVED = f"""json_build_object('received', count(*),
  'verified', count(*) FILTER (WHERE state IN ({_states(VERIFIED_STATES)})),
  'rejected', count(*) FILTER (WHERE state = 'REJECTED'),
  'forwarded', count(*) FILTER (WHERE state IN ('ESCALATED', 'RESOLVED')))"""
_ISSUED = f"""json_build_object('issued', count(*), 'executed', count(took),
  'executedOnTime', count(*) FILTER (WHERE took IS NOT NULL AND NOT was_late),
  'late', count(*) FILTER (WHERE was_late), 'open', count(*) FILTER (WHERE is_open),
  'overdue', count(*) FILTER (WHERE is_open AND due_at < now()),
  'medianSecondsToBlock', {_seconds("0.5")}, 'p95SecondsToBlock', {_seconds("0.95")})"""
STATISTICS = f"""WITH o AS MATERIALIZED (
  SELECT (issued_at AT TIME ZONE 'Asia/Jakarta')::date AS day, category, carrier_id, was_late, due_at,
    state IN ({_states(AWAITING_CARRIER)}) AS is_open, {render_class("(executed_at - issued_at)")} AS took
  FROM block_orders WHERE {_IN_PERIOD.format(column="issued_at")}
), c AS MATERIALIZED (
  SELECT (filed_at AT TIME ZONE 'Asia/Jakarta')::date AS day, state
  FROM complaints WHERE {_IN_PERIOD.format(column="filed_at")}
)
SELECT json_build_object('statistics', json_build_object(
  'total', json_build_object('complaints', (SELECT {_RECEIVED} FROM c), 'orders', (SELECT {_ISSUED} FROM o)),
  'byDay', (SELECT coalesce(json_agg(json_build_object('day', d.day,
      'complaints', (SELECT json_build_object('received', count(*)) FROM c WHERE c.day = d.day),
      'orders', (SELECT {_ISSUED} FROM o WHERE o.day = d.day)) ORDER BY d.day), '[]')
    FROM (SELECT day FROM o UNION SELECT day FROM c) d),
  'byCategory', (SELECT coalesce(json_agg(json_build_object('category', g.category, 'orders', g.figures)
      ORDER BY g.category), '[]') FROM (SELECT category, {_ISSUED} AS figures FROM o GROUP BY category) g),
  'byCarrier', (SELECT coalesce(json_agg(json_build_object('carrierId', g.carrier_id, 'orders', g.figures)
      ORDER BY g.carrier_id), '[]') FROM (SELECT carrier_id, {_ISSUED} AS figures FROM o GROUP BY carrier_id) g)
))::text"""
"""Counted from the rows themselves, as whoever has no running counts must; from {from} to {to}, both included."""
