from collections.abc import AsyncIterator

import pytest
from starlette.applications import Starlette

from ledger.storage.sealing import Keyring
from ledger.viewer import MemberKind
from tests.support.auth_site import Site, make_auth_app
from tests.support.auth_world import World, auth_settings, machine_scopes
from tests.support.cluster import Cluster
from tests.support.loopback import serve


@pytest.fixture(scope="module")
async def site(cluster: Cluster, keyring: Keyring) -> AsyncIterator[Site]:
    """A real server on loopback with nothing but our routes, on a database of its own."""
    async with cluster.lend(keyring) as database:
        made: list[World] = []

        def make(url: str) -> Starlette:
            settings = auth_settings(url, login_attempts_per_address=10_000, token_requests_per_client=20)
            made.append(World(database, settings))
            return make_auth_app(made[0])

        async with serve(make) as url:
            world = made[0]
            regulator = await world.admit(MemberKind.REGULATOR, "regulator")
            carrier = await world.admit(MemberKind.CARRIER, "carrier")
            officer = await world.appoint(regulator, "ana", ["orders:read", "orders:approve", "complaints:decide"])
            machine = await world.register(regulator, machine_scopes(MemberKind.REGULATOR))
            parties = {"regulator": regulator, "carrier": carrier, "officer": officer, "machine": machine}
            async with Site.open(world, url, **parties) as site:
                yield site


@pytest.fixture(autouse=True)
def later(site: Site) -> None:
    """Each test begins when the counts of the one before are over."""
    site.world.clock.advance(3_600)
    site.http.cookie_jar.clear()
