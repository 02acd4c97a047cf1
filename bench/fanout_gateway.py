"""Our side of the fan-out: the real gateway, with its own sequencer and follower, on PostgreSQL.

An event is the approval of an order: one transaction of the ledger, from which it reaches the feed and the carrier's
subscribers. The gateway's process does all of that; what PostgreSQL uses isn't counted.
"""

import time
from contextlib import AsyncExitStack

from bench.fanout_sides import Endpoint, Publication
from bench.serving import find_free_port, obtain_token, serve_process
from bench.world import Country, World, draft_orders, found_country, read_clock
from ledger.orders.approval import Approval, approve_block_orders
from ledger.orders.content import hash_content
from ledger.orders.table import BlockOrder
from ledger.storage.database import Database

OUR_NAME = "Jembatan"
_ORDERS = 600
_SCOPE = "orders:read"
_SETTINGS = {
    "JEMBATAN_STREAM_CONNECTIONS_PER_CLIENT": "20000",
    "JEMBATAN_CONNECTIONS_PER_ADDRESS_MAX": "20000",
}
"""All subscribers of a side are two clients at a few addresses; the other limits keep their defaults."""


class ServedGateway:
    """`jembatan serve` on a database of its own, which is new at each start."""

    name = OUR_NAME

    def __init__(self, world: World) -> None:
        self._world = world
        self._open = AsyncExitStack()
        self._database: Database
        self._country: Country
        self._drafts: list[BlockOrder] = []

    async def start(self) -> Endpoint:
        """Draft the orders, serve, and get a token for each carrier: all orders go to the first."""
        as_of = read_clock()
        name = await self._open.enter_async_context(self._world.clone())
        self._database = self._world.connect(name)
        self._open.push_async_callback(self._database.close)
        self._country = country = await found_country(self._database, as_of=as_of)
        (self._drafts,) = await draft_orders(self._database, country, _ORDERS, as_of=as_of)
        await self._world.refresh_statistics(name)
        port = find_free_port()
        settings = {**_SETTINGS, "JEMBATAN_METRICS_PORT": str(port)}
        served = await self._open.enter_async_context(serve_process(self._world, name, settings))
        tokens = [
            await obtain_token(served.url, client, scope=_SCOPE)
            for client in (country.carrier_client, country.other_carrier_client)
        ]
        active, idle = ({"Authorization": f"Bearer {token}"} for token in tokens)
        url = served.url.replace("http://", "ws://") + "/graphql"
        metrics_url = f"http://127.0.0.1:{port}/metrics"
        return Endpoint(url=url, process_id=served.process_id, active=active, idle=idle, metrics_url=metrics_url)

    async def publish(self, number: int) -> Publication:
        """Approve an order. The time is taken right before the commit is requested."""
        draft = self._drafts[number - 1]
        async with self._database.transaction(self._country.other_officer, as_of=read_clock()) as tx:
            (order,) = await approve_block_orders(tx, [Approval(order_id=draft.id, content_hash=hash_content(draft))])
            at_ns = time.monotonic_ns()
        assert isinstance(order, BlockOrder), order
        return Publication(key=order.order_no, at_ns=at_ns)

    async def stop(self) -> None:
        """Stop the server and drop its database."""
        await self._open.aclose()
