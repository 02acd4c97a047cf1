"""A real uvicorn on a loopback port over the sample graph, and a client that says exactly what goes over the wire."""

import http.client
import json
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from auth.tokens.principal import Principal
from auth.tokens.verification import Failure, Refusal, Success, Verdict
from gateway.app import create_app
from gateway.process.server import make_server
from gateway.settings import Settings
from ledger.identifiers import ClientId, MemberId
from ledger.viewer import MemberKind
from tests.support.sample_graph import SampleContext, make_schema

GRAPHQL_RESPONSE = "application/graphql-response+json"


async def verify_sample(bearer: str, as_of: datetime) -> Verdict:
    """A token is client~scope~scope; `expired` and whatever has no ~ is none."""
    client_id, *scopes = bearer.split("~")
    if not scopes or client_id == "expired":
        return Failure(Refusal.EXPIRED)
    principal = Principal(
        client_id=ClientId(client_id),
        member_id=MemberId("member"),
        member_kind=MemberKind.CARRIER,
        scopes=frozenset(scope.replace("_", ":") for scope in scopes if scope),
        token_id=bearer,
        expires_at=as_of + timedelta(hours=1),
    )
    return Success(principal)


def token(*scopes: str, client: str = "client") -> str:
    return "~".join([client, *(scope.replace(":", "_") for scope in scopes)]) + ("" if scopes else "~")


@dataclass
class Reply:
    status: int
    headers: http.client.HTTPMessage
    content: bytes

    @property
    def body(self) -> Any:
        return json.loads(self.content)

    @property
    def codes(self) -> list[str]:
        return [error["extensions"]["code"] for error in self.body.get("errors", [])]

    @property
    def problems(self) -> list[str]:
        return [error["extensions"].get("problem") for error in self.body.get("errors", [])]


@dataclass
class Gateway:
    port: int
    app: Any
    calls: list[str] = field(default_factory=list)

    def send(self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> Reply:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request(method, path, body=body, headers=headers or {})
            response = connection.getresponse()
            return Reply(response.status, response.headers, response.read())
        finally:
            connection.close()

    def post(
        self,
        query: str,
        variables: Any = None,
        *,
        bearer: str | None = None,
        accept: str | None = GRAPHQL_RESPONSE,
        **more: Any,
    ) -> Reply:
        body = {"query": query, **({"variables": variables} if variables is not None else {}), **more}
        return self.post_bytes(json.dumps(body).encode(), bearer=bearer, accept=accept)

    def post_bytes(
        self, body: bytes, *, bearer: str | None = None, accept: str | None = GRAPHQL_RESPONSE, **headers: str
    ) -> Reply:
        sent = {"Content-Type": "application/json", **{k.replace("_", "-"): v for k, v in headers.items()}}
        if accept is not None:
            sent["Accept"] = accept
        if bearer is not None:
            sent["Authorization"] = f"Bearer {bearer}"
        return self.send("POST", "/graphql", body, sent)


@pytest.fixture(scope="session")
def serve() -> Iterator[Callable[..., Gateway]]:
    """Starts a gateway; settings and other parts of create_app by keyword."""
    running: list[tuple[Any, threading.Thread]] = []

    def start(*, ready_checks: Any = None, **overrides: Any) -> Gateway:
        defaults = {
            "rate_burst": 100_000,
            "rate_anonymous_burst": 100_000,
            "metrics_port": 0,
            "drain_seconds": 1,
            "log_level": "ERROR",
        }
        settings = Settings(**(defaults | overrides))
        calls: list[str] = []
        app = create_app(
            settings,
            schema=make_schema(),
            verify_token=verify_sample,
            make_context=lambda principal, as_of, request_id: SampleContext(principal, as_of, request_id, calls),
            ready_checks=ready_checks,
            now=lambda: datetime.now(UTC),
        )
        listener = socket.create_server(("127.0.0.1", 0))
        server = make_server(app, settings)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        running.append((server, thread))
        gateway = Gateway(listener.getsockname()[1], app, calls)
        gateway.server, gateway.thread = server, thread  # type: ignore[attr-defined]
        return gateway

    yield start
    for server, _ in running:
        server.should_exit = True
    for _, thread in running:
        thread.join(timeout=10)


@pytest.fixture(scope="session")
def shared_gateway(serve: Callable[..., Gateway]) -> Gateway:
    return serve()


@pytest.fixture
def gateway(shared_gateway: Gateway) -> Gateway:
    shared_gateway.calls.clear()
    return shared_gateway
