"""A serving gateway with what the examples of a carrier and a provider need, and what they should have done there."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from auth.clients.registration import CreatedClient
from auth.scopes import BY_KIND, OFFICER_ONLY
from auth.tokens.signing_keys import ensure_signing_key
from ledger.orders.acknowledgements import load_acknowledgements
from ledger.orders.reading import load_orders
from ledger.orders.states import OrderState
from ledger.orders.table import BlockOrder, OrderAcknowledgement
from ledger.storage.database import Database
from ledger.viewer import MemberKind
from tests.support.auth_world import Clock, World
from tests.support.country import Parties
from tests.support.examples import Example, Program
from tests.support.journeys import issue_orders
from tests.support.serving import Serving


@dataclass
class Site:
    """The gateway, its parties, a client each for the carrier and the provider, and a file for what they remember."""

    serving: Serving
    database: Database
    parties: Parties
    carrier: CreatedClient
    provider: CreatedClient
    state_file: Path

    def run(self, example: Example, *arguments: str, url: str | None = None) -> AbstractAsyncContextManager[Program]:
        """Run an example as its member, until the block ends."""
        variables = {
            "GATEWAY": url or self.serving.settings.base_url,
            "CARRIER": f"{self.carrier.client_id}:{self.carrier.secret}",
            "PROVIDER": f"{self.provider.client_id}:{self.provider.secret}",
            "NETWORK_FILE": str(self.state_file),
            "SIGNALS_FILE": str(self.state_file),
            "POLL_SECONDS": "0.2",
        }
        return Program.run(example, *arguments, variables=variables)

    async def issue(self, count: int, *, begin: int = 0) -> list[str]:
        """Issue so many orders to the carrier; their ids."""
        numbers = [f"+62812000{begin + place:05d}" for place in range(count)]
        return [order.id for order in await issue_orders(self.database, self.parties, datetime.now(UTC), numbers)]

    async def read_orders(self, order_ids: list[str]) -> list[BlockOrder]:
        async with self.database.reading(self.parties.telkomsel, as_of=datetime.now(UTC)) as tx:
            found = await load_orders(tx, order_ids)
        return [found[order_id] for order_id in order_ids]

    async def read_said(self, order_ids: list[str]) -> list[list[OrderAcknowledgement]]:
        """What the carrier said about each order."""
        async with self.database.reading(self.parties.telkomsel, as_of=datetime.now(UTC)) as tx:
            said = await load_acknowledgements(tx, order_ids)
        return [said[order_id] for order_id in order_ids]

    async def are(self, order_ids: list[str], state: OrderState) -> bool:
        return {order.state for order in await self.read_orders(order_ids)} == {state}

    async def shorten_tokens(self, seconds: int) -> None:
        """Issue tokens that end sooner than any setting allows, from a gateway at the same port."""
        await self.serving.stop()
        self.serving.settings = self.serving.settings.model_copy(update={"access_token_seconds": seconds})
        self.serving.start()


@asynccontextmanager
async def open_site(serving: Serving, parties: Parties, state_file: Path) -> AsyncIterator[Site]:
    """Serve while the block runs."""
    database = serving.connect()
    world = World(database, serving.settings, Clock(datetime.now(UTC)))
    async with world.auth() as tx:
        await ensure_signing_key(tx)
    carrier, provider = [
        await world.register(viewer.member_id, sorted(BY_KIND[kind] - OFFICER_ONLY))
        for viewer, kind in ((parties.telkomsel, MemberKind.CARRIER), (parties.provider, MemberKind.OTT_PROVIDER))
    ]
    serving.start()
    try:
        yield Site(serving, database, parties, carrier, provider, state_file)
    finally:
        await serving.stop()
        await database.close()
