"""The database goes away under load and comes back: nothing acknowledged is lost, and no process is restarted."""

import asyncio
import base64
import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from auth.clients.registration import ClientDraft, create_client
from gateway.settings import Settings
from gateway.wiring import create_gateway
from ledger.storage.database import Database
from ledger.storage.embedded import EmbeddedUrls
from ledger.storage.roles import Role, login_name
from ledger.storage.sealing import Keyring
from migrations.run import migrate
from schema.graph import schema
from tests.support.cluster import ROLE_PREFIX
from tests.support.country import found_country
from tests.support.journeys import issue_orders
from tests.support.own_server import OwnServer
from tests.support.sample_gateway import Gateway, Reply
from tests.support.server_thread import ServerThread, listen, port_of
from tests.support.waiting import until

ACKNOWLEDGE = """
mutation($input: AcknowledgeBlockOrdersInput!) {
  acknowledgeBlockOrders(input: $input) { results { wasKnown problem { code } acknowledgement { id } } }
}"""
ORDERS = "{ blockOrders(first: 100) { nodes { id acknowledgements { reference } } } }"


@dataclass
class Site:
    gateway: Gateway
    server: OwnServer
    urls: EmbeddedUrls
    bearer: str
    order_ids: list[str]
    confirmed: set[tuple[str, str]] = field(default_factory=set)
    statuses: list[int] = field(default_factory=list)

    def acknowledge(self, order_id: str, reference: str) -> Reply:
        item = {"orderId": order_id, "kind": "RECEIVED", "reference": reference}
        reply = self.gateway.post(ACKNOWLEDGE, {"input": {"acknowledgements": [item]}}, bearer=self.bearer)
        self.statuses.append(reply.status)
        if reply.status == 200 and not reply.body.get("errors"):
            [result] = reply.body["data"]["acknowledgeBlockOrders"]["results"]
            assert result["problem"] is None, result
            self.confirmed.add((order_id, reference))
        return reply

    def read(self) -> set[tuple[str, str]]:
        orders = self.gateway.post(ORDERS, bearer=self.bearer).body["data"]["blockOrders"]["nodes"]
        return {(order["id"], said["reference"]) for order in orders for said in order["acknowledgements"]}


async def prepare(urls: EmbeddedUrls, settings: Settings, keyring: Keyring) -> tuple[str, str, list[str]]:
    await migrate(urls.owner, role_prefix=ROLE_PREFIX, login=login_name(ROLE_PREFIX))
    database: Database = Database.connect(settings, keyring)
    now = datetime.now(UTC)
    parties = await found_country(database, now)
    orders = await issue_orders(database, parties, now, [f"+6281200000{n:03}" for n in range(20)])
    draft = ClientDraft(
        member_id=parties.telkomsel.member_id, name="system", scopes=["orders:read", "orders:acknowledge"]
    )
    async with database.system(Role.AUTH, as_of=now) as tx:
        client = await create_client(tx, draft)
    await database.close()
    return client.client_id, client.secret or "", [order.id for order in orders]


@pytest.fixture
async def site(tmp_path: Path, keyring: Keyring) -> AsyncIterator[Site]:
    server = OwnServer(tmp_path, role_prefix=ROLE_PREFIX)
    urls = await asyncio.to_thread(server.start)
    listener = listen()
    settings = Settings(
        database_url=urls.application,
        port=port_of(listener), metrics_port=0, drain_seconds=1, log_level="ERROR", rate_burst=100_000,
        rate_per_second=100_000, database_pool_timeout_seconds=1, database_connect_timeout_seconds=1,
    )  # fmt: skip
    client_id, secret, order_ids = await prepare(urls, settings, keyring)
    app = create_gateway(settings, database=Database.connect(settings, keyring), schema=schema)
    serving = ServerThread(app, settings, listener)
    gateway = Gateway(settings.port, app)
    basic = base64.b64encode(f"{client_id}:{secret}".encode()).decode()
    form = {"Content-Type": "application/x-www-form-urlencoded", "Authorization": f"Basic {basic}"}
    answer = await asyncio.to_thread(
        gateway.send,
        "POST",
        "/oauth/token",
        b"grant_type=client_credentials&scope=orders:read orders:acknowledge",
        form,
    )
    yield Site(gateway, server, urls, answer.body["access_token"], order_ids)
    await asyncio.to_thread(serving.end)
    await asyncio.to_thread(server.stop)


def keep_acknowledging(site: Site, order_ids: list[str], stop: threading.Event) -> None:
    turn = 0
    while not stop.is_set():
        turn += 1
        for order_id in order_ids:
            site.acknowledge(order_id, f"r{turn}")
            if stop.is_set():
                return


class TestDatabaseAway:
    @pytest.mark.parametrize("end", ["stop", "crash"])
    async def test_loses_nothing_that_was_acknowledged_and_recovers_by_itself(self, site: Site, end: str) -> None:
        stop = threading.Event()
        threads = [
            threading.Thread(target=keep_acknowledging, args=(site, site.order_ids[part::4], stop)) for part in range(4)
        ]
        for thread in threads:
            thread.start()
        await until(lambda: len(site.confirmed) > 40)
        await asyncio.to_thread(getattr(site.server, end))
        await until(lambda: 503 in site.statuses)
        refused = await asyncio.to_thread(site.acknowledge, site.order_ids[0], "during")
        assert (refused.status, refused.problems) == (503, ["DATABASE_UNAVAILABLE"])
        assert refused.headers["Retry-After"]
        before = len(site.confirmed)
        await asyncio.to_thread(site.server.start)
        await until(lambda: len(site.confirmed) > before + 40)
        stop.set()
        for thread in threads:
            await asyncio.to_thread(thread.join, 30)
        assert set(site.statuses) == {200, 503}
        assert site.confirmed <= await asyncio.to_thread(site.read)

    async def test_answers_a_retry_after_the_outage_with_one_recording(self, site: Site) -> None:
        await asyncio.to_thread(site.acknowledge, site.order_ids[0], "once")
        await asyncio.to_thread(site.server.stop)
        await asyncio.to_thread(site.acknowledge, site.order_ids[0], "once")
        await asyncio.to_thread(site.server.start)
        again = await asyncio.to_thread(site.acknowledge, site.order_ids[0], "once")
        assert again.body["data"]["acknowledgeBlockOrders"]["results"][0]["wasKnown"] is True
