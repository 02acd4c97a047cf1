"""Writers that go on writing whatever happens, and note what was confirmed to them, no more."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import aiohttp
from sqlalchemy.exc import DBAPIError

from ledger.complaints.decisions import ComplaintDecision, Decision, decide_complaints
from ledger.complaints.filing import file_complaints
from ledger.complaints.table import Complaint
from ledger.complaints.vocabulary import RejectionReason
from ledger.errors import LedgerError, Problem
from ledger.feed.vocabulary import EventKind
from ledger.orders.acknowledgement_rules import AcknowledgementDraft
from ledger.orders.acknowledgements import acknowledge_block_orders
from ledger.orders.approval import approve_block_orders
from ledger.orders.drafting import OrderDraft, draft_block_orders
from ledger.orders.table import BlockOrder
from ledger.orders.vocabulary import AcknowledgementKind
from ledger.storage.database import Database
from ledger.viewer import Viewer
from tests.support.country import Parties
from tests.support.journeys import WORDS, approval_of, complaint_draft
from tests.support.waiting import pause

PREFIXES = ("+6289000", "+6289100", "+6289200", "+6289210")
"""Of Telkomsel, Indosat, XL and Axis in the plan made up for these tests."""
AWAY = (LedgerError, DBAPIError, OSError, aiohttp.ClientError)
_ACKNOWLEDGE = """
mutation($input: AcknowledgeBlockOrdersInput!) {
  acknowledgeBlockOrders(input: $input) { results { problem { code } acknowledgement { id } } }
}"""
Hold = Callable[[], Awaitable[None]]


async def commit_at_once() -> None:
    """The hold of a writer that doesn't tarry."""


def count_numbers() -> Iterator[str]:
    """Numbers that nobody has, of each carrier and brand in turn; each is given out once."""
    place = 0
    while True:
        yield f"{PREFIXES[place % len(PREFIXES)]}{place:05}"
        place += 1


class RolledBackError(Exception):
    """A writer changed its mind."""


@dataclass
class Journal:
    """What writers were told is written."""

    confirmed: "Counter[tuple[str, str]]" = field(default_factory=Counter)
    acknowledged: set[str] = field(default_factory=set)
    refused: "Counter[str]" = field(default_factory=Counter)

    def confirm(self, kind: EventKind, *subject_ids: str) -> None:
        self.confirmed.update((kind.value, subject_id) for subject_id in subject_ids)

    @property
    def size(self) -> int:
        return self.confirmed.total()


@dataclass
class Desk:
    """The agency, two officers, and all that they write; each step in a transaction of its own."""

    database: Database
    parties: Parties
    journal: Journal
    numbers: Iterator[str] = field(default_factory=count_numbers)
    issued: "asyncio.Queue[tuple[str, str]]" = field(default_factory=asyncio.Queue)

    async def file(self, viewer: Viewer, numbers: list[str], *, hold: Hold = commit_at_once) -> list[Complaint]:
        async with self.database.transaction(viewer, as_of=_now()) as tx:
            filed = await file_complaints(tx, [complaint_draft(number) for number in numbers])
            await hold()
        complaints = [item.complaint for item in filed]
        self.journal.confirm(EventKind.COMPLAINT_FILED, *(complaint.id for complaint in complaints))
        return complaints

    async def decide(self, complaints: list[Complaint], decision: Decision, *, hold: Hold = commit_at_once) -> None:
        reason = RejectionReason.NOT_MISUSE if decision is Decision.REJECT else None
        decisions = [ComplaintDecision(complaint_id=each.id, decision=decision, reason=reason) for each in complaints]
        async with self.database.transaction(self.parties.officer, as_of=_now()) as tx:
            decided = await decide_complaints(tx, decisions)
            await hold()
        assert all(isinstance(each, Complaint) for each in decided), decided
        self.journal.confirm(EventKind.COMPLAINT_DECIDED, *(complaint.id for complaint in complaints))

    async def order(self, numbers: list[str], *, hold: Hold = commit_at_once) -> list[BlockOrder]:
        """Issued orders, from verified complaints of those numbers."""
        async with self.database.transaction(self.parties.officer, as_of=_now()) as tx:
            drafts = await draft_block_orders(tx, [OrderDraft(number=number, **WORDS) for number in numbers])
        self.journal.confirm(EventKind.ORDER_DRAFTED, *(draft.id for draft in drafts))
        async with self.database.transaction(self.parties.other_officer, as_of=_now()) as tx:
            issued = await approve_block_orders(tx, [approval_of(draft) for draft in drafts])
            await hold()
        self.journal.confirm(EventKind.ORDER_ISSUED, *(order.id for order in issued))
        for order in issued:
            self.issued.put_nowait((order.id, order.carrier_id))
        return list(issued)

    async def acknowledge(self, order: BlockOrder, *, hold: Hold = commit_at_once) -> None:
        viewers = {viewer.member_id: viewer for viewer in self.parties.everyone.values()}
        draft = AcknowledgementDraft(order_id=order.id, kind=AcknowledgementKind.RECEIVED, reference="TT-1")
        async with self.database.transaction(viewers[order.carrier_id], as_of=_now()) as tx:
            [said] = await acknowledge_block_orders(tx, [draft])
            assert not isinstance(said, Problem), said
            await hold()
        self.journal.confirm(EventKind.ORDER_ACKNOWLEDGED, order.id)

    async def go_on(self, chance: random.Random) -> None:
        """File, decide and order for ever, sometimes with a commit that comes late and sometimes with none."""

        async def tarry() -> None:
            await pause(chance.choice((0.02, 0.05, 0.05, 0.2)))
            if chance.random() < 0.15:
                raise RolledBackError

        while True:
            try:
                await self._journey(chance, tarry)
            except RolledBackError:
                self.journal.refused["rolled back"] += 1
            except AWAY as error:
                self.journal.refused[type(error).__name__] += 1
                await pause(0.05)

    async def _journey(self, chance: random.Random, tarry: Hold) -> None:
        numbers = [next(self.numbers) for _ in range(chance.randint(1, 3))]
        agency = chance.choice((self.parties.agency, self.parties.agency, self.parties.other_agency))
        complaints = await self.file(agency, numbers, hold=tarry)
        if chance.random() < 0.2:
            await self.decide(complaints, Decision.REJECT, hold=tarry)
            return
        await self.decide(complaints, Decision.VERIFY, hold=tarry)
        await self.order(numbers, hold=tarry)


@dataclass
class Carriers:
    """The carriers' systems: they acknowledge what was issued by HTTP, again and again until it is confirmed."""

    http: aiohttp.ClientSession
    choose_url: Callable[[], str]
    bearers: dict[str, str]
    journal: Journal

    async def go_on(self, issued: "asyncio.Queue[tuple[str, str]]") -> None:
        while True:
            order_id, carrier_id = await issued.get()
            while not await self._acknowledge(order_id, self.bearers[carrier_id]):
                await pause(0.05)

    async def _acknowledge(self, order_id: str, bearer: str) -> bool:
        item = {"orderId": order_id, "kind": "RECEIVED", "reference": "TT-1"}
        body = {"query": _ACKNOWLEDGE, "variables": {"input": {"acknowledgements": [item]}}}
        headers = {"Authorization": f"Bearer {bearer}"}
        timeout = aiohttp.ClientTimeout(total=3)
        try:
            url = f"{self.choose_url()}/graphql"
            async with self.http.post(url, json=body, headers=headers, timeout=timeout) as response:
                answer: dict[str, Any] = await response.json(content_type=None)
        except (*AWAY, TimeoutError, ValueError) as error:
            self.journal.refused[type(error).__name__] += 1
            return False
        if answer.get("errors"):
            self.journal.refused[answer["errors"][0]["extensions"]["code"]] += 1
            return False
        [result] = answer["data"]["acknowledgeBlockOrders"]["results"]
        assert result["problem"] is None, result
        self.journal.acknowledged.add(order_id)
        return True


def _now() -> datetime:
    return datetime.now(UTC)
