"""The real graph behind a real uvicorn, each party with a token of its own; only tokens are stand-ins here."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import pytest

from auth.settings import AuthSettings
from auth.tokens.principal import Principal
from gateway.app import create_app
from gateway.settings import Settings
from ledger.storage.database import Database
from ledger.storage.sealing import Keyring
from resolvers.context import Context
from schema.graph import schema
from tests.support.cluster import ROLE_PREFIX
from tests.support.country import Parties
from tests.support.graph_site import Site
from tests.support.server_thread import ServerThread, listen, port_of


@pytest.fixture
def bounds() -> dict[str, Any]:
    """Settings of the site other than the default; a test that needs some overrides this."""
    return {}


@pytest.fixture
def open_site(
    database: Database,
    database_url: str,
    keyring: Keyring,
    parties: Parties,
    as_of: datetime,
    bounds: dict[str, Any],
) -> Iterator[Callable[[], Site]]:
    """Starts gateways over the test's database that share nothing else, as processes do."""
    servers: list[ServerThread] = []
    quiet = {"rate_burst": 100_000, "rate_anonymous_burst": 100_000, "metrics_port": 0, "log_level": "ERROR"}
    settings = Settings(database_url=database_url, role_prefix=ROLE_PREFIX, **(quiet | bounds))

    def start() -> Site:
        site = Site(database, parties, as_of)
        served = Database.connect(settings, keyring)

        def make_context(principal: Principal | None, as_of: datetime, request_id: str) -> Context:
            return Context(
                database=served, auth_settings=AuthSettings(), principal=principal, as_of=as_of, request_id=request_id
            )

        @asynccontextmanager
        async def run(_app: Any) -> AsyncIterator[None]:
            yield
            await served.close()

        app = create_app(
            settings,
            schema=schema,
            verify_token=site.verify,
            make_context=make_context,
            lifespan=run,
            now=lambda: site.as_of,
            open_tokens=site,
        )
        site.app = app
        listener = listen()
        site.port = port_of(listener)
        servers.append(ServerThread(app, settings, listener))
        return site

    yield start
    for server in servers:
        server.end()


@pytest.fixture
def site(open_site: Callable[[], Site]) -> Site:
    return open_site()
