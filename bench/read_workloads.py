"""What is asked of every side, by whom, and in which words; each with the statement that makes the right answer.

graphql-yoga and plain Strawberry were given the gateway's names, so they get its document. PostGraphile has names of
its own and gives the same answer by aliases.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bench import read_statements as sql
from ledger.legal_time import LEGAL_ZONE

CARRIER, AGENCY, REGULATOR = "carrier", "agency", "regulator"


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """One question. variables are asked in turn, so that a look-up does not ask for one number only."""

    name: str
    title: str
    viewer: str
    document: str
    postgraphile: str
    statement: str
    variables: Sequence[Mapping[str, str]] = field(default=({},))


_NUMBERS = tuple({"e164": f"+62812{serial:07d}"} for serial in range(1, 201))
"""Of the thousand that every register begins with."""
_ORDER = "id orderNo version state status dueAt"
_THEIR_ORDER = "id: rowId orderNo version state status dueAt"
_SAID = "acknowledgements { kind reference recordedAt isLate }"
_THEIR_SAID = (
    "acknowledgements: orderAcknowledgementsByOrderIdList(orderBy: ROW_ID_ASC) { kind reference recordedAt isLate }"
)
_NUMBER = "number { e164 status risk }"
_THEIR_NUMBER = "number: phoneNumberByE164 { e164 status risk }"
_THEIR_SOONEST = "blockOrders: allBlockOrders(first: 50, orderBy: [DUE_AT_ASC, ROW_ID_ASC])"

POLL = Workload(
    name="poll",
    title="50 orders due soonest with their acknowledgements",
    viewer=CARRIER,
    document=f"{{ blockOrders(first: 50) {{ nodes {{ {_ORDER} {_SAID} }} }} }}",
    postgraphile=f"{{ {_THEIR_SOONEST} {{ nodes {{ {_THEIR_ORDER} {_THEIR_SAID} }} }} }}",
    statement=sql.POLL,
)
POLL_WITH_NUMBERS = Workload(
    name="poll-numbers",
    title="the same with `number { e164 status risk }`",
    viewer=CARRIER,
    document=f"{{ blockOrders(first: 50) {{ nodes {{ {_ORDER} {_NUMBER} {_SAID} }} }} }}",
    postgraphile=f"{{ {_THEIR_SOONEST} {{ nodes {{ {_THEIR_ORDER} {_THEIR_NUMBER} {_THEIR_SAID} }} }} }}",
    statement=sql.POLL_WITH_NUMBERS,
)
LOOK_UP = Workload(
    name="lookup",
    title="a number with its orders",
    viewer=CARRIER,
    document=f"query Number($e164: E164!) {{ number(e164: $e164) {{ e164 status risk blockOrders {{ {_ORDER} }} }} }}",
    postgraphile="query Number($e164: String!) { number: phoneNumberByE164(e164: $e164) { e164 status risk "
    f"blockOrders: blockOrdersByE164List(orderBy: ROW_ID_ASC) {{ {_THEIR_ORDER} }} }} }}",
    statement=sql.LOOK_UP,
    variables=_NUMBERS,
)
COMPLAINTS = Workload(
    name="complaints",
    title="50 newest complaints of an agency, of one state and one category, with their numbers",
    viewer=AGENCY,
    document="{ complaints(first: 50, filter: {states: [ESCALATED], categories: [FRAUD]}) { nodes { "
    "id sourceReference medium category state filedAt number { e164 risk } } } }",
    postgraphile='{ complaints: allComplaints(first: 50, orderBy: ROW_ID_DESC, condition: {state: "ESCALATED", '
    'category: "FRAUD"}) { nodes { id: rowId sourceReference medium category state filedAt '
    "number: phoneNumberByE164 { e164 risk } } } }",
    statement=sql.COMPLAINTS,
)
DASHBOARD = Workload(
    name="dashboard",
    title="how many orders there are",
    viewer=REGULATOR,
    document="{ blockOrders(first: 1) { totalCount } }",
    postgraphile="{ blockOrders: allBlockOrders { totalCount } }",
    statement=sql.DASHBOARD,
)
_FIGURES = "issued executed executedOnTime late open overdue medianSecondsToBlock p95SecondsToBlock"
_UNTIL = datetime.now(LEGAL_ZONE).date() - timedelta(days=3)
"""All orders of such a day were due already, so that none becomes overdue while the workload is asked."""
STATISTICS = Workload(
    name="statistics",
    title="what became of the complaints and orders of thirty days, as a whole and by day, category and carrier",
    viewer=REGULATOR,
    document="query Statistics($from: Date!, $to: Date!) { statistics(from: $from, to: $to) { "
    f"total {{ complaints {{ received verified rejected forwarded }} orders {{ {_FIGURES} }} }} "
    f"byDay {{ day complaints {{ received }} orders {{ {_FIGURES} }} }} "
    f"byCategory {{ category orders {{ {_FIGURES} }} }} byCarrier {{ carrierId orders {{ {_FIGURES} }} }} }} }}",
    postgraphile="",
    statement=sql.STATISTICS,
    variables=({"from": str(_UNTIL - timedelta(days=29)), "to": str(_UNTIL)},),
)
"""The regulator's statistics on the same screen. No peer has any: postgraphile is empty."""
