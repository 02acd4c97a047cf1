import asyncio
import socket
from collections.abc import AsyncIterator

import pytest
import uvicorn
from starlette.applications import Starlette

from auth.routes import create_auth_routes
from ledger.settings import LedgerSettings
from ledger.storage.database import Database
from ledger.storage.sealing import Keyring
from ledger.viewer import MemberKind
from tests.conftest import ROLE_PREFIX, Cluster
from tests.support.auth_site import Site
from tests.support.auth_world import World, auth_settings, machine_scopes


@pytest.fixture(scope="module")
async def site(cluster: Cluster, keyring: Keyring) -> AsyncIterator[Site]:
    """A real server on loopback with nothing but our routes, on a database of its own."""
    name = await cluster.clone()
    database = Database.connect(LedgerSettings(database_url=cluster.url_of(name), role_prefix=ROLE_PREFIX), keyring)
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    issuer = f"http://127.0.0.1:{listener.getsockname()[1]}"
    world = World(database, auth_settings(issuer, login_attempts_per_address=10_000, token_requests_per_client=20))
    routes = create_auth_routes(
        database, keys=world.keys, passwords=world.passwords, settings=world.settings, clock=world.clock
    )
    server = uvicorn.Server(uvicorn.Config(Starlette(routes=routes), log_config=None, lifespan="off", ws="none"))
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    regulator = await world.admit(MemberKind.REGULATOR, "regulator")
    carrier = await world.admit(MemberKind.CARRIER, "carrier")
    officer = await world.appoint(regulator, "ana", ["orders:read", "orders:approve", "complaints:decide"])
    machine = await world.register(regulator, machine_scopes(MemberKind.REGULATOR))
    async with Site.open(world, issuer, regulator=regulator, carrier=carrier, officer=officer, machine=machine) as made:
        yield made
    server.should_exit = True
    await serving
    await database.close()
    await cluster.drop(name)


@pytest.fixture(autouse=True)
def later(site: Site) -> None:
    """Each test begins when the counts of the one before are over."""
    site.world.clock.advance(3_600)
    site.http.cookie_jar.clear()


@pytest.fixture(scope="module")
async def shared_world(cluster: Cluster, keyring: Keyring) -> AsyncIterator[World]:
    """A database without a server, for requests that need no network."""
    name = await cluster.clone()
    database = Database.connect(LedgerSettings(database_url=cluster.url_of(name), role_prefix=ROLE_PREFIX), keyring)
    yield World(database, auth_settings())
    await database.close()
    await cluster.drop(name)
