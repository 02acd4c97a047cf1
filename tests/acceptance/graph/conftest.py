"""The real graph behind a real uvicorn, each party with a token of its own; only tokens are stand-ins here."""

import http.client
import json
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import pytest

from auth.tokens.principal import Principal
from gateway.app import create_app
from gateway.process.server import make_server
from gateway.settings import Settings
from ledger.settings import LedgerSettings
from ledger.storage.database import Database
from ledger.storage.sealing import Keyring
from ledger.viewer import Viewer
from resolvers.context import Context
from schema.graph import schema
from tests.conftest import ROLE_PREFIX
from tests.integration.ledger.conftest import Parties, found_country
from tests.support.desk import principal_of


@dataclass(frozen=True)
class Verdict:
    principal: Principal | None = None
    reason: str = "unknown"

    def __bool__(self) -> bool:
        return self.principal is not None


class Site:
    """A running gateway, asked by HTTP alone."""

    def __init__(self, database: Database, parties: Parties, as_of: datetime) -> None:
        self.database = database
        self.parties = parties
        self.as_of = as_of
        self.tokens: dict[str, Principal] = {}
        self.port = 0

    def token(self, viewer: Viewer, *, without: tuple[str, ...] = ()) -> str:
        principal = principal_of(viewer, self.as_of)
        token = f"token-{len(self.tokens)}"
        self.tokens[token] = replace(principal, scopes=principal.scopes - set(without))
        return token

    async def verify(self, bearer: str, as_of: datetime) -> Verdict:
        return Verdict(self.tokens.get(bearer))

    def post(self, token: str | None, query: str, **variables: Any) -> Any:
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request("POST", "/graphql", json.dumps({"query": query, "variables": variables}), headers)
            return json.loads(connection.getresponse().read())
        finally:
            connection.close()


@pytest.fixture
async def parties(database: Database, as_of: datetime) -> Parties:
    return await found_country(database, as_of)


@pytest.fixture
def site(database: Database, database_url: str, keyring: Keyring, parties: Parties, as_of: datetime) -> Iterator[Site]:
    site = Site(database, parties, as_of)
    settings = Settings(rate_burst=100_000, rate_anonymous_burst=100_000, metrics_port=0, log_level="ERROR")
    served = Database.connect(LedgerSettings(database_url=database_url, role_prefix=ROLE_PREFIX), keyring)

    def make_context(principal: Principal | None, as_of: datetime, request_id: str) -> Context:
        return Context(database=served, principal=principal, as_of=as_of, request_id=request_id)

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
        now=lambda: as_of,
    )
    listener = socket.create_server(("127.0.0.1", 0))
    site.port = listener.getsockname()[1]
    server = make_server(app, settings)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    yield site
    server.should_exit = True
    thread.join(timeout=10)
