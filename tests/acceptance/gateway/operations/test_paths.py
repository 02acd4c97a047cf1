"""The graph answers with and without a slash, nothing else has one, and no answer leads where a Host header says."""

import asyncio
import json
from collections.abc import Callable, Iterator

import pytest
from starlette.routing import Route, WebSocketRoute

from gateway.app import GRAPH_PATHS
from tests.support.sample_gateway import FORM_ROUTES, GRAPHQL_RESPONSE, Gateway, token
from tests.support.sockets import SampleGateway, open_socket

ELSEWHERE = {"Host": "elsewhere.example", "X-Forwarded-Host": "elsewhere.example", "X-Forwarded-Prefix": "/elsewhere"}
FRONTEND = "https://desk.example.id"


@pytest.fixture(scope="module")
def own(serve: Callable[..., Gateway]) -> Gateway:
    return serve(auth_routes=FORM_ROUTES, cors_origins=FRONTEND)


@pytest.fixture(scope="module")
def sample() -> Iterator[SampleGateway]:
    gateway = SampleGateway()
    yield gateway
    gateway.end()


class TestGraphWithASlash:
    def test_answers_as_without(self, own: Gateway) -> None:
        body = json.dumps({"query": "{ open viewer }"}).encode()
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token()}", **ELSEWHERE}
        for method, path, sent in (
            ("POST", "/graphql/", body),
            ("GET", "/graphql/?query=%7Bopen%20viewer%7D", None),
            ("HEAD", "/graphql/?query=%7Bopen%20viewer%7D", None),
        ):
            slashed = own.send(method, path, sent, headers)
            plain = own.send(method, path.replace("/graphql/", "/graphql"), sent, headers)
            assert (slashed.status, slashed.content) == (plain.status, plain.content)
            assert slashed.status == 200
            assert slashed.headers["Location"] is None

    def test_shows_browsers_the_page(self, own: Gateway) -> None:
        assert b"GraphiQL" in own.send("GET", "/graphql/", headers={"Accept": "text/html"}).content

    @pytest.mark.parametrize("path", ["/graphql", "/graphql/"])
    def test_answers_preflights(self, own: Gateway, path: str) -> None:
        asked = {"Origin": FRONTEND, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "dpop"}
        reply = own.send("OPTIONS", path, headers=asked | ELSEWHERE)
        assert (reply.status, reply.headers["Access-Control-Allow-Origin"]) == (200, FRONTEND)
        assert own.send("OPTIONS", path).status == 405

    async def test_speaks_websocket(self, sample: SampleGateway) -> None:
        async with open_socket(sample.url, token(client="alice")) as client:
            assert (await client.run("{ viewer }"))["data"] == {"viewer": "alice"}

    async def test_streams(self, sample: SampleGateway) -> None:
        gateway = Gateway(sample.port, sample.app)
        headers = {"Content-Type": "application/json", "Accept": "text/event-stream"}
        reply = await asyncio.to_thread(gateway.send, "POST", "/graphql/", b'{"query":"{ open }"}', headers)
        assert b'data: {"data":{"open":"open"}}' in reply.content


class TestOtherPaths:
    def test_with_a_slash_are_404_and_lead_nowhere(self, own: Gateway) -> None:
        paths = {route.path for route in own.app.routes if isinstance(route, Route | WebSocketRoute)} | {*GRAPH_PATHS}
        assert {"/graphql", "/graphql/", "/healthz", "/readyz", "/oauth/token"} <= paths
        slashed = {f"{path.replace('{name}', 'start.js')}/" for path in paths if not path.endswith("/")}
        for path in [*sorted(slashed - paths), "/graphql//", "//elsewhere.example/graphql/", "/GRAPHQL/"]:
            for method in ("GET", "POST", "HEAD"):
                reply = own.send(method, path, headers={"Accept": GRAPHQL_RESPONSE, **ELSEWHERE})
                assert reply.status == 404, path
                assert reply.headers["Location"] is None
                assert b"elsewhere" not in reply.content
