"""Values for arguments of the graph: what the ledger's rows have, what names nothing, and what is malformed."""

import base64
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from graphql import GraphQLField, GraphQLSchema, get_named_type

from tests.support.both_ways import BothWays, Operation
from tests.support.row_changes import Ledger, list_moments

UNKNOWN_ID = "01900000-0000-7000-8000-000000000000"
ODD_IDS = (UNKNOWN_ID, "", " ", "x", "1", "0" * 200, "{01900000-0000-7000-8000-000000000000}", "\u0661", "a\u0000b")
ODD_STRINGS = ("", " ", "x", "%", "_", "'", "\\", "\u2028", "\U0001f600", "a\u0000b", "y" * 300)
NUMBERS = ("0812-0000-0001", "+62 812 0000 0001", "62812000000001", "+12025550123")
ODD_NUMBERS = ("+6289900000000", "159", "1500123", "+442079460000", "0800 1234567")
NO_NUMBERS = ("", "x", "+0", "0812", 5, True, ["+6281200000001"])
ODD_TIMES = (
    "2026-03-02T10:00:00+07:00", "2026-03-02t03:00:00.123456z", "2026-03-02T03:00:00.1234567Z", "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59.999999Z", "1969-12-31T23:59:59-12:00",
)  # fmt: skip
ODD_DAYS = ("2026-02-28", "0001-01-01", "9999-12-31")
NO_TIMES = ("", "2026-03-02", "2026-02-30T00:00:00Z", "0001-01-01T00:00:00+14:00", 1_772_420_400, None)
SIZES = (1, 2, 3, 5, 20)
ODD_SIZES = (50, 0, -1, 500, 501)
NO_SIZES = ("1", 1.5, 2**31, True)

_TABLE_OF_ID = {
    "Query.member": "members", "Query.account": "accounts", "accountId": "accounts",
    "Query.complaint": "complaints", "Query.blockOrder": "block_orders", "Query.referral": "referrals",
    "Query.forwardingRun": "forwarding_runs", "Query.fraudSignal": "fraud_signals", "memberId": "members",
    "holderId": "members", "carrierId": "members", "sourceId": "members", "brandId": "brands", "officeId": "offices",
    "officerId": "officers", "orderId": "block_orders", "contributorId": "members", "signalId": "fraud_signals",
    "providerId": "members", "chainOf": "signal_contributions",
    "Query.participation": "participations", "Query.participationProposal": "participation_proposals",
}  # fmt: skip
"""Which table's ids an argument takes, by the field it belongs to or else by its own name."""
ENTITIES = {
    "BlockOrder": ("id", "block_orders"),
    "Complaint": ("id", "complaints"),
    "FraudSignal": ("id", "fraud_signals"),
    "Member": ("id", "members"),
    "Referral": ("id", "referrals"),
    "PhoneNumber": ("e164", "phone_numbers"),
    "PlatformAccount": ("id", "accounts"),
}


class EnumName(str):
    """The name of an enum's value, which a document has without quotes."""

    __slots__ = ()


class Choices(NamedTuple):
    """What an argument may be: what is usual, what is odd but of the right form, and what is malformed."""

    usual: Sequence[Any]
    odd: Sequence[Any]
    malformed: Sequence[Any]


@dataclass(repr=False)
class GraphValues:
    """The values of one filled ledger. texts are those of arguments that are Strings, by the argument's name.

    Shapes: cursors are those of pages that were read, by the field of Query; feed_cursors those of the feed.
    """

    ledger: Ledger
    as_of: datetime
    size: int
    texts: Mapping[str, Sequence[str]]
    cursors: Mapping[str, Sequence[str]] = field(default_factory=dict)
    feed_cursors: Sequence[str] = ()
    _known: dict[tuple[str, str, str], Choices] = field(default_factory=dict)

    def choose(self, type_name: str, name: str, place: str) -> Choices:
        """What an argument of a scalar type may be.

        Shapes: place is the coordinate of the field, or the name of the input object, that the argument belongs to.
        """
        key = (type_name, name, place)
        if key not in self._known:
            self._known[key] = self._list(type_name, name, place)
        return self._known[key]

    def _list(self, type_name: str, name: str, place: str) -> Choices:
        makers: Mapping[str, Callable[[], Choices]] = {
            "ID": lambda: self._list_ids(name, place),
            "String": lambda: self._list_strings(name, place),
            "E164": lambda: Choices([*self.ledger.values("phone_numbers", "e164"), *NUMBERS], ODD_NUMBERS, NO_NUMBERS),
            "DateTime": self._list_times,
            "Date": lambda: Choices([self.as_of.date().isoformat(), "2026-03-02"], ODD_DAYS, NO_TIMES),
            "Int": lambda: Choices(SIZES, ODD_SIZES, NO_SIZES),
            "Boolean": lambda: Choices((True, False), (), ("true", 1)),
            "Position": self._list_positions,
            "FeedCursor": lambda: Choices(self.feed_cursors, ("x", ""), (5,)),
            "_Any": lambda: Choices(list(self._list_entities()), list(self._list_no_entities()), ("x", 5)),
        }
        return makers[type_name]()

    def _list_times(self) -> Choices:
        near = [moment.isoformat().replace("+00:00", "Z") for moment in list_moments(self.as_of)]
        known = [value.replace(" ", "T") + ":00" for value in self.ledger.values("block_orders", "due_at")]
        return Choices([*near, *known], ODD_TIMES, NO_TIMES)

    def _list_positions(self) -> Choices:
        known = [str(each) for each in (1, 2, self.size // 2, self.size)]
        return Choices(known, [str(self.size + 1), "0", str(2**62)], ("-1", "x", 1.5))

    def _list_ids(self, name: str, place: str) -> Choices:
        table = _TABLE_OF_ID.get(place) or _TABLE_OF_ID.get(name)
        known = self.ledger.values(table, "id") if table else [*self.texts.get(name, ())]
        odd = [each.upper() for each in known[:1]] + [f" {each}" for each in known[:1]]
        return Choices(known, [*odd, *ODD_IDS, *self.ledger.values("block_orders", "id")[:1]], (1.5, True, 2**70))

    def _list_strings(self, name: str, place: str) -> Choices:
        if name != "after":
            return Choices(list(self.texts.get(name, ())), ODD_STRINGS, (5, True))
        known = list(self.cursors.get(place.removeprefix("Query."), ()))
        others = [each for found in self.cursors.values() for each in found[:1]]
        return Choices(known, [*others, *_list_odd_cursors(known or others)], (5, True))

    def _list_entities(self) -> "Iterator[dict[str, Any]]":
        for name, (key, table) in ENTITIES.items():
            for value in self.ledger.values(table, key)[::3]:
                yield {"__typename": name, key: value}

    def _list_no_entities(self) -> "Iterator[dict[str, Any]]":
        for name, (key, table) in ENTITIES.items():
            for value in (UNKNOWN_ID, "", None, 5):
                yield {"__typename": name, key: value}
            yield {"__typename": name}
            yield {"__typename": name, key: self.ledger.values(table, key)[0], "more": "of it"}
        yield from ({"__typename": "Outage", "id": UNKNOWN_ID}, {"__typename": "Nothing"}, {"id": UNKNOWN_ID}, {})


def _list_odd_cursors(known: Sequence[str]) -> list[str]:
    """Cursors that are malformed, or that no page of the list can have given."""
    made = ["", "x", "====", "\u00e9", "z" * 1_100]
    for cursor in known[:2]:
        name, *values = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        others = (None, "x\x00", 2**40, "0001-01-01T00:00:00+14:00", UNKNOWN_ID, True, [], 1.5)
        changed = [[name, *(other for _ in values)] for other in others]
        changed += [[name], [name, *values, 1], ["other", *values], [name, *values[:-1], UNKNOWN_ID], {"a": 1}]
        made += [base64.urlsafe_b64encode(json.dumps(each).encode()).decode().rstrip("=") for each in changed]
        made.append(cursor + "=")
    return made


async def collect_values(
    graph: GraphQLSchema, both: BothWays, ledger: Ledger, as_of: datetime, *, tokens: Sequence[str]
) -> GraphValues:
    """The values of a ledger, with the cursors of pages as these callers read them the ordinary way."""
    owner = ledger.owner
    numbers = "to_char(drafted_at AT TIME ZONE 'Asia/Jakarta', 'YYYY') || '-' || lpad(order_serial::text, 7, '0')"
    tickets = "to_char(filed_at AT TIME ZONE 'Asia/Jakarta', 'YYYY') || '-' || lpad(ticket_serial::text, 7, '0')"
    order_nos = [row[0] for row in await owner.fetch(f"SELECT 'O-' || {numbers} FROM block_orders ORDER BY id")]
    ticket_nos = [row[0] for row in await owner.fetch(f"SELECT 'C-' || {tickets} FROM complaints ORDER BY id")]
    subjects = [*ledger.values("block_orders", "id")[:5], *ledger.values("complaints", "id")[:5], "+6281200000001"]
    texts = {
        "orderNo": [*order_nos, order_nos[0].lower(), "O-2026-42", "O-1999-0000001", "O-2026-99999999999999999999"],
        "ticketNo": [*ticket_nos, ticket_nos[0].lower(), "C-2026-42"],
        "handle": [*ledger.values("accounts", "handle"), "@Scam0", "0812-0000-0060", "nobody"],
        "platformName": ["Bigo Live", "bigo  LIVE", "WhatsApp"],
        "url": [
            "https://t.me/Budi_S?start=1",
            "wa.me/6281200000060",
            "https://chat.whatsapp.com/AbC",
            "https://t.me/no1",
        ],
        "complainantRef": ledger.values("complaints", "complainant_ref"),
        "subjectId": subjects,
        "hashes": [*ledger.values("signal_recipients", "hash")[:10], "0" * 64, "F" * 64],
        "clientId": ["web", "telkomsel-system"],
    }
    size = await owner.fetchval("SELECT size FROM feed_head")
    values = GraphValues(ledger, as_of, size, texts)
    cursors = {name: await _read_cursors(both, name, field, tokens) for name, field in _list_pages(graph)}
    values.cursors = cursors
    values.feed_cursors = cursors.pop("feed")
    return values


def _list_pages(graph: GraphQLSchema) -> list[tuple[str, GraphQLField]]:
    query = graph.query_type
    assert query is not None
    return [(name, each) for name, each in query.fields.items() if "after" in each.args]


async def _read_cursors(both: BothWays, name: str, definition: GraphQLField, tokens: Sequence[str]) -> list[str]:
    """Cursors of a list in each of its orders: of the first item, of some in between, and of the last."""
    sort = definition.args.get("sort")
    kind = None if sort is None else get_named_type(sort.type)
    orders = [""] if kind is None else [f", sort: {value}" for value in kind.values]
    found: dict[str, None] = {}
    for token in tokens:
        for order in orders:
            asked = Operation(f"{{ {name}(first: 500{order}) {{ edges {{ cursor }} }} }}", {})
            _, answered = await both.ask(asked, token, accept="application/json")
            page = (json.loads(answered.body).get("data") or {}).get(name) or {}
            read = [edge["cursor"] for edge in page.get("edges") or ()]
            found |= dict.fromkeys([*read[:2], *read[2::7], *read[-1:]])
    return list(found)
