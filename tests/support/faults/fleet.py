"""Several serving processes over one small country, with writers and subscribers, and the comparison at the end."""

import asyncio
import base64
import random
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import asyncpg

from auth.clients.registration import ClientDraft, create_client
from auth.scopes import BY_KIND, OFFICER_ONLY
from ledger.feed.cursors import FeedCursor
from ledger.feed.vocabulary import EventKind
from ledger.identifiers import Position
from ledger.numbers.plan import load_plan
from ledger.numbers.plan_seed import PLAN_EPOCH
from ledger.numbers.ranges import RangeDraft
from ledger.numbers.vocabulary import RangeKind
from ledger.settings import LedgerSettings
from ledger.storage.database import Database
from ledger.storage.roles import Role
from ledger.storage.sealing import Keyring
from ledger.viewer import OPERATOR, MemberKind, Viewer
from tests.support.cluster import ROLE_PREFIX
from tests.support.country import Parties, found_country
from tests.support.faults.processes import Serving
from tests.support.faults.subscribers import Party, Subscriber
from tests.support.faults.truth import ORIGIN, Truth, count_unplaced, count_unsigned, read_truth
from tests.support.faults.writers import Carriers, Desk, Journal
from tests.support.operator import render_keys
from tests.support.signal_journeys import take_part
from tests.support.waiting import until

SETTINGS = {
    "JEMBATAN_ROLE_PREFIX": ROLE_PREFIX,
    "JEMBATAN_PUBLIC_URL": "https://jembatan.example",
    "JEMBATAN_CHECKPOINT_ORIGIN": ORIGIN,
    "JEMBATAN_CHECKPOINT_SECONDS": "0.2",
    "JEMBATAN_ACCESS_TOKEN_SECONDS": "86400",
    "JEMBATAN_LOG_LEVEL": "WARNING",
    "JEMBATAN_RATE_PER_SECOND": "1000000",
    "JEMBATAN_RATE_BURST": "1000000",
    "JEMBATAN_DRAIN_SECONDS": "5",
    "JEMBATAN_DATABASE_POOL_TIMEOUT_SECONDS": "2",
    "JEMBATAN_DATABASE_CONNECT_TIMEOUT_SECONDS": "2",
    "JEMBATAN_STREAM_HEARTBEAT_SECONDS": "0.5",
    "JEMBATAN_STREAM_CONNECTIONS_PER_CLIENT": "1000",
    "JEMBATAN_FEED_TAIL_ENTRIES": "64",
}
"""A short tail, so that who comes back late reads from the database, and who comes back soon does not."""
_PLAN = (
    ("+62890", "telkomsel", None),
    ("+62891", "indosat", None),
    ("+62892", "xlsmart", "xl"),
    ("+628921", "xlsmart", "axis"),
)


@dataclass
class Fleet:
    """The processes, those who write and those who subscribe."""

    servings: list[Serving]
    http: aiohttp.ClientSession
    database: Database
    owner_url: str
    parties: Parties
    bearers: Mapping[str, Party]
    journal: Journal = field(default_factory=Journal)
    subscribers: list[Subscriber] = field(default_factory=list)
    made: list[Subscriber] = field(default_factory=list)
    desk: Desk | None = None
    tasks: "list[asyncio.Task[None]]" = field(default_factory=list)
    chance: random.Random = field(default_factory=lambda: random.Random(7))  # noqa: S311 - no secret

    def choose_url(self) -> str:
        """Of any process, frozen or dead ones too: a client can't know."""
        return self.chance.choice(self.servings).url

    def subscribe(self, name: str, root: str, **more: object) -> Subscriber:
        """A subscriber that comes back by itself for as long as the fleet is there."""
        subscriber = self.make_subscriber(name, root, **more)
        self.subscribers.append(subscriber)
        self.tasks.append(asyncio.create_task(subscriber.run()))
        return subscriber

    def make_subscriber(self, name: str, root: str, **more: object) -> Subscriber:
        chance = random.Random(self.chance.random())  # noqa: S311 - no secret
        subscriber = Subscriber(self.bearers[name], root, self.http, self.choose_url, chance=chance, **more)  # type: ignore[arg-type]
        self.made.append(subscriber)
        return subscriber

    def open_desk(self) -> Desk:
        """One for all, since it gives out numbers."""
        if self.desk is None:
            self.desk = Desk(self.database, self.parties, self.journal)
        return self.desk

    def begin_writing(self, *, writers: int = 2) -> None:
        desk = self.open_desk()
        bearers = {
            party.viewer.member_id or "": party.bearer for party in self.bearers.values() if not party.viewer.brand_id
        }
        carriers = Carriers(self.http, self.choose_url, bearers, self.journal)
        for _ in range(writers):
            chance = random.Random(self.chance.random())  # noqa: S311 - no secret
            self.tasks.append(asyncio.create_task(desk.go_on(chance)))
        self.tasks.append(asyncio.create_task(carriers.go_on(desk.issued)))

    async def heal(self) -> None:
        """Start what was killed."""
        await asyncio.gather(*(serving.start() for serving in self.servings if not serving.is_running))

    async def fill(self, size: int) -> None:
        """Let the feed have at least so many entries."""
        agency, desk = self.parties.agency, self.open_desk()
        missing = size - max(subscriber.position for subscriber in self.subscribers)
        for _ in range(0, missing, 100):
            await desk.file(agency, [next(desk.numbers) for _ in range(100)])

    async def find_beginning(self) -> str:
        """The cursor before the first entry."""
        owner = await asyncpg.connect(self.owner_url)
        try:
            return FeedCursor.of(
                await owner.fetchval("SELECT feed_id::text FROM feed_head"), Position(0), None
            ).render()
        finally:
            await owner.close()

    async def write_on(self, count: int) -> None:
        """Wait until so much more was confirmed."""
        size = self.journal.size + count
        await self._wait(lambda: self.journal.size >= size)

    async def hear_on(self, count: int) -> None:
        """Wait until each subscriber was told so much more, of those to whom something is told at all."""
        sizes = [(subscriber, len(subscriber.received) + count) for subscriber in self.subscribers]
        await self._wait(lambda: all(len(subscriber.received) >= size for subscriber, size in sizes))

    async def settle(self, subscribers: Sequence[Subscriber]) -> Truth:
        """Let the writers end, and wait until everything is placed, signed and told."""
        await self.stop_writing()
        owner = await asyncpg.connect(self.owner_url)
        try:
            await until(lambda: _is_zero(count_unplaced(owner)))
            await until(lambda: _is_zero(count_unsigned(owner)))
            truth = await read_truth(owner)
        finally:
            await owner.close()
        with suppress(TimeoutError):  # the comparison says what is missing
            await until(lambda: all(each.has_all(truth) for each in subscribers))
        return truth

    async def check(self, subscribers: Sequence[Subscriber] | None = None) -> Truth:
        """Nothing is lost, doubled or out of order; everything confirmed is in the feed; the tree verifies."""
        asked = self.subscribers if subscribers is None else subscribers
        truth = await self.settle(asked)
        counted = truth.count()
        lost = {key: times for key, times in self.journal.confirmed.items() if counted[key] < times}
        assert lost == {}
        for order_id in self.journal.acknowledged:
            assert counted[EventKind.ORDER_ACKNOWLEDGED.value, order_id] == 1, order_id
        for subscriber in asked:
            subscriber.check(truth)
        return truth

    async def _wait(self, holds: Callable[[], bool]) -> None:
        """Wait for that, and see that whoever works at it still does."""

        def looks() -> bool:
            for task in self.tasks:
                if task.done():
                    task.result()
            for subscriber in self.subscribers:
                subscriber.check_faults()
            return holds()

        try:
            await until(looks)
        except TimeoutError:
            told = {subscriber.name: (len(subscriber.received), subscriber.ends) for subscriber in self.subscribers}
            raise AssertionError((told, self.journal.size, self.journal.refused)) from None

    async def stop_writing(self) -> None:
        running = [task for task in self.tasks if task.get_coro().__qualname__.endswith("go_on")]
        await _cancel(running)
        self.tasks = [task for task in self.tasks if task not in running]

    async def close(self) -> None:
        await _cancel(self.tasks)
        self.tasks = []
        await self.drop_guests()

    async def drop_guests(self) -> None:
        """Let go of the subscribers that don't come back by themselves."""
        for subscriber in self.made:
            if subscriber not in self.subscribers:
                await subscriber.drop()
        self.made = list(self.subscribers)


@asynccontextmanager
async def running_fleet(
    *,
    url: str,
    owner_url: str,
    keyring: Keyring,
    folder: Path,
    count: int,
    direct_url: str | None = None,
    settings: Mapping[str, str] | None = None,
) -> AsyncIterator[Fleet]:
    """Found the country in a migrated database and serve it from so many processes; through a pooler by direct_url."""
    own = LedgerSettings(
        database_url=url, database_direct_url=direct_url, role_prefix=ROLE_PREFIX, database_pool_timeout_seconds=2
    )
    database = Database.connect(own, keyring)
    now = datetime.now(UTC)
    parties = await found_country(database, now)
    await _load_plan(database, now)
    await take_part(database, parties, now)
    environment = {**SETTINGS, **render_keys(keyring), "JEMBATAN_DATABASE_URL": url, **(settings or {})}
    if direct_url is not None:
        environment["JEMBATAN_DATABASE_DIRECT_URL"] = direct_url
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0, force_close=True)) as http:
        servings = [Serving(f"serve-{place}", folder, environment, http) for place in range(count)]
        fleet = Fleet(servings, http, database, owner_url, parties, {})
        try:
            await asyncio.gather(*(serving.start() for serving in servings))
            fleet.bearers = await _register(database, parties, http, servings[0].url, now)
            yield fleet
        finally:
            try:
                await fleet.close()
            finally:
                await asyncio.gather(*(serving.kill() for serving in servings if serving.is_running))
                await database.close()


async def _register(
    database: Database, parties: Parties, http: aiohttp.ClientSession, url: str, now: datetime
) -> dict[str, Party]:
    """A system of each member, and one of a carrier that is narrowed to a brand."""
    machines = {name: viewer for name, viewer in parties.everyone.items() if viewer.officer_id is None}
    machines["axis"] = replace(parties.xlsmart, brand_id=parties.brands["axis"])
    return {name: await _obtain_token(database, name, viewer, http, url, now) for name, viewer in machines.items()}


async def _obtain_token(
    database: Database, name: str, viewer: Viewer, http: aiohttp.ClientSession, url: str, now: datetime
) -> Party:
    scopes = sorted(BY_KIND[MemberKind(viewer.kind.value)] - OFFICER_ONLY)
    draft = ClientDraft(member_id=viewer.member_id or "", brand_id=viewer.brand_id, name=name, scopes=scopes)  # type: ignore[arg-type]
    async with database.system(Role.AUTH, as_of=now) as tx:
        client = await create_client(tx, draft)
    basic = base64.b64encode(f"{client.client_id}:{client.secret}".encode()).decode()
    form = {"grant_type": "client_credentials", "scope": " ".join(scopes)}
    async with http.post(f"{url}/oauth/token", data=form, headers={"Authorization": f"Basic {basic}"}) as response:
        assert response.status == 200, await response.text()
        return Party(name, viewer, (await response.json())["access_token"])


async def _load_plan(database: Database, now: datetime) -> None:
    ranges = [
        RangeDraft(prefix=prefix, kind=RangeKind.MOBILE, holder_slug=holder, holder_name=None, brand_slug=brand,
                   valid_from=PLAN_EPOCH)
        for prefix, holder, brand in _PLAN
    ]  # fmt: skip
    async with database.transaction(OPERATOR, as_of=now) as tx:
        await load_plan(tx, ranges)


async def _is_zero(count: object) -> bool:
    return await count == 0  # type: ignore[misc]


async def _cancel(tasks: "Sequence[asyncio.Task[None]]") -> None:
    for task in tasks:
        task.cancel()
    for outcome in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(outcome, Exception):
            raise outcome
