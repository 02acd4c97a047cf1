"""Trusted documents and nothing else, by every way in; and what clients of persisted queries are told."""

import json
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.support.sample_gateway import GRAPHQL_RESPONSE, Gateway, token
from tests.support.sockets import SampleGateway, open_socket

JSON = "application/json"
OPEN = "query Open { open }"
ECHO = "query Echo($text: String) { echo(text: $text) }"
SECRET = "query Secret { nested { secret } }"
TOUCH = "mutation Touch { touch { value } }"
COSTLY = "query Costly { pages(first: 500) { inner { inner { inner { value } } } } }"
INVALID = "query Invalid { nothing }"
TRUSTED = (OPEN, ECHO, SECRET, TOUCH, COSTLY, INVALID)
INTROSPECTION = "query IntrospectionQuery { __schema { queryType { ...T } } } fragment T on __Type { name }"


def name(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def persisted(text: str) -> dict[str, Any]:
    return {"persistedQuery": {"version": 1, "sha256Hash": name(text)}}


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("trusted") / "manifest.json"
    path.write_text(json.dumps({name(text): text for text in TRUSTED}))
    return path


@pytest.fixture(scope="module")
def listed(serve: Callable[..., Gateway], manifest: Path) -> Gateway:
    return serve(trusted_documents=manifest, cost_max=1_500)


@pytest.fixture(scope="module")
def strict(serve: Callable[..., Gateway], manifest: Path) -> Gateway:
    return serve(trusted_documents=manifest, trusted_documents_only=True, cost_max=1_500)


def send(gateway: Gateway, sent: dict[str, Any], **options: Any) -> Any:
    return gateway.post_bytes(json.dumps(sent).encode(), **options)


class TestHashWithoutAManifest:
    @pytest.mark.parametrize("sent", [{"extensions": persisted(OPEN)}, {"documentId": f"sha256:{name(OPEN)}"}])
    def test_is_not_supported_in_the_form_that_clients_know(self, gateway: Gateway, sent: dict[str, Any]) -> None:
        legacy, reply = send(gateway, sent, accept=JSON), send(gateway, sent)
        assert (legacy.status, reply.status) == (200, 400)
        for one in (legacy, reply):
            (error,) = one.body["errors"]
            assert error["message"] == "PersistedQueryNotSupported"
            assert error["extensions"]["code"] == "PERSISTED_QUERY_NOT_SUPPORTED"

    def test_is_passed_over_beside_its_text(self, gateway: Gateway) -> None:
        assert send(gateway, {"query": OPEN, "extensions": persisted(OPEN)}).body == {"data": {"open": "open"}}

    def test_registers_nothing_that_a_caller_sends_beside_it(self, gateway: Gateway) -> None:
        send(gateway, {"query": OPEN, "extensions": persisted(OPEN)})
        assert send(gateway, {"extensions": persisted(OPEN)}).codes == ["PERSISTED_QUERY_NOT_SUPPORTED"]

    def test_is_not_believed_of_another_text(self, gateway: Gateway) -> None:
        reply = send(gateway, {"query": OPEN, "extensions": persisted(ECHO)})
        assert (reply.status, reply.problems) == (400, ["REQUEST_MALFORMED"])
        assert gateway.calls == []


class TestTrustedDocument:
    @pytest.mark.parametrize("sent", [{"extensions": persisted(ECHO)}, {"documentId": f"sha256:{name(ECHO)}"}])
    @pytest.mark.parametrize("which", ["listed", "strict"])
    def test_runs_by_its_name_with_variables(
        self, request: pytest.FixtureRequest, which: str, sent: dict[str, Any]
    ) -> None:
        gateway = request.getfixturevalue(which)
        assert send(gateway, sent | {"variables": {"text": "hai"}}).body == {"data": {"echo": "hai"}}

    @pytest.mark.parametrize(
        "parameters", [{"documentId": f"sha256:{name(ECHO)}"}, {"extensions": json.dumps(persisted(ECHO))}]
    )
    @pytest.mark.parametrize("method", ["GET", "HEAD"])
    def test_runs_by_its_name_in_a_url(self, strict: Gateway, method: str, parameters: dict[str, str]) -> None:
        reply = strict.send(method, "/graphql?" + urlencode(parameters | {"variables": '{"text":"hai"}'}))
        assert (reply.status, reply.content) == (200, b'{"data":{"echo":"hai"}}' if method == "GET" else b"")

    def test_runs_by_its_text_where_nothing_else_is_taken(self, strict: Gateway) -> None:
        assert strict.post(OPEN).body == {"data": {"open": "open"}}

    def test_that_is_a_mutation_is_refused_by_get(self, strict: Gateway) -> None:
        reply = strict.send("GET", "/graphql?" + urlencode({"documentId": name(TOUCH)}))
        assert (reply.status, reply.problems) == (405, ["OPERATION_NEEDS_POST"])

    def test_needs_its_scopes(self, strict: Gateway) -> None:
        strict.calls.clear()
        reply = send(strict, {"documentId": name(SECRET)}, bearer=token("orders:read"))
        assert reply.body["data"] == {"nested": {"secret": None}}
        assert reply.codes == ["UNAUTHORIZED_FIELD_OR_TYPE"]
        assert "secret" not in strict.calls

    def test_has_its_cost(self, strict: Gateway) -> None:
        assert send(strict, {"documentId": name(COSTLY)}).codes == ["OPERATION_TOO_COMPLEX"]

    def test_counts_against_the_rate(self, serve: Callable[..., Gateway], manifest: Path) -> None:
        gateway = serve(trusted_documents=manifest, rate_anonymous_burst=1, rate_anonymous_per_second=0.001)
        statuses = [send(gateway, {"documentId": name(OPEN)}).status for _ in range(2)]
        assert statuses == [200, 429]

    def test_is_validated(self, strict: Gateway) -> None:
        assert send(strict, {"documentId": name(INVALID)}).codes == ["GRAPHQL_VALIDATION_FAILED"]


class TestUntrustedDocument:
    def test_is_taken_where_the_list_is_a_convenience(self, listed: Gateway) -> None:
        assert listed.post("{ open }").body == {"data": {"open": "open"}}

    def test_by_an_unknown_name_is_not_found_so_that_its_client_sends_the_text(self, listed: Gateway) -> None:
        reply = send(listed, {"extensions": persisted("{ open }")}, accept=JSON)
        assert reply.status == 200
        (error,) = reply.body["errors"]
        assert error["message"] == "PersistedQueryNotFound"
        assert error["extensions"]["code"] == "PERSISTED_QUERY_NOT_FOUND"

    @pytest.mark.parametrize(
        "sent",
        [
            {"query": "{ open }"},
            {"query": OPEN + " "},
            {"query": "{ open }", "extensions": persisted("{ open }")},
            {"extensions": persisted("{ open }")},
            {"documentId": name("{ open }")},
            {"documentId": "Open"},
            {"query": "{ __typename }"},
            {"query": "query A { __schema { queryType { name } } open }", "operationName": "A"},
            {"query": f"{INTROSPECTION} query Open {{ open }}", "operationName": "Open"},
            {"query": "query { ...F } fragment F on Query { __schema { queryType { name } } open }"},
        ],
    )
    def test_is_refused_in_every_disguise_where_nothing_else_is_taken(
        self, strict: Gateway, sent: dict[str, Any]
    ) -> None:
        strict.calls.clear()
        reply = send(strict, sent, bearer=token("orders:read", "audit:read"))
        assert (reply.status, reply.problems) == (400, ["DOCUMENT_NOT_TRUSTED"])
        assert strict.calls == []

    def test_is_refused_by_get_too(self, strict: Gateway) -> None:
        reply = strict.send("GET", "/graphql?" + urlencode({"query": "{ open }"}), headers={"Accept": GRAPHQL_RESPONSE})
        assert (reply.status, reply.problems) == (400, ["DOCUMENT_NOT_TRUSTED"])


class TestIntrospection:
    def test_goes_by_its_own_setting_where_nothing_else_is_taken(
        self, serve: Callable[..., Gateway], strict: Gateway, manifest: Path
    ) -> None:
        public = serve(trusted_documents=manifest, trusted_documents_only=True, introspection_public=True)
        assert public.post(INTROSPECTION).body["data"] == {"__schema": {"queryType": {"name": "Query"}}}
        assert strict.post(INTROSPECTION, bearer=token()).status == 200
        assert strict.post(INTROSPECTION).codes == ["UNAUTHENTICATED"]
        assert strict.post("{ _service { sdl } }", bearer=token()).status == 200


@pytest.fixture(scope="module")
def sample(manifest: Path) -> Iterator[SampleGateway]:
    gateway = SampleGateway(trusted_documents=manifest, trusted_documents_only=True)
    yield gateway
    gateway.end()


class TestStreams:
    async def test_over_a_websocket_take_trusted_documents_by_name_and_nothing_else(
        self, sample: SampleGateway
    ) -> None:
        async with open_socket(sample.url, token()) as client:
            for asked in ({"documentId": name(OPEN)}, {"extensions": persisted(OPEN)}, {"query": OPEN}):
                await client.send({"id": "a", "type": "subscribe", "payload": asked})
                assert await client.read_next("a") == {"data": {"open": "open"}}
                assert (await client.read())["type"] == "complete"
            for asked in ({"query": "{ open }"}, {"documentId": name("{ open }")}, {"query": "subscription { ticks }"}):
                await client.send({"id": "b", "type": "subscribe", "payload": asked})
                (error,) = await client.read_errors("b")
                assert error["extensions"]["problem"] == "DOCUMENT_NOT_TRUSTED"

    @pytest.mark.parametrize("accept", ["text/event-stream", 'multipart/mixed;subscriptionSpec="1.0"'])
    def test_over_http_do_too(self, sample: SampleGateway, accept: str) -> None:
        gateway = Gateway(sample.port, sample.app)
        assert b'{"data":{"open":"open"}}' in send(gateway, {"documentId": name(OPEN)}, accept=accept).content
        for asked in ({"query": "{ open }"}, {"query": "subscription { ticks }"}):
            reply = send(gateway, asked, accept=accept)
            assert (reply.status, reply.problems) == (400, ["DOCUMENT_NOT_TRUSTED"])
