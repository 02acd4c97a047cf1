"""Which upgrades become sockets: subprotocols, origins, headers, tokens; the others are refused in JSON over HTTP."""

import base64
import json
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from joserfc.jwk import ECKey
from websockets.exceptions import InvalidStatus

from auth.tokens.dpop import hash_access_token
from tests.support.auth_world import sign
from tests.support.sample_gateway import token
from tests.support.sockets import SampleGateway, open_bare, open_socket
from tests.support.station import Station

HOST = "Host: localhost\r\n"
UPGRADE = (
    "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: graphql-transport-ws\r\n"
)
FRONTEND = "https://desk.example.id"


@pytest.fixture(scope="module")
def sample() -> Iterator[SampleGateway]:
    gateway = SampleGateway(cors_origins=FRONTEND, public_url="https://graph.example.id:443")
    yield gateway
    gateway.end()


async def refusal(url: str, **named: Any) -> tuple[int, str, Any]:
    """Status, problem and headers of an upgrade that is refused."""
    with pytest.raises(InvalidStatus) as caught:
        async with open_bare(url, **named):
            pass
    response = caught.value.response
    assert response.headers["Content-Type"] == "application/json; charset=utf-8"
    (error,) = json.loads(bytes(response.body or b""))["errors"]
    return response.status_code, error["extensions"]["problem"], response.headers


def exchange_bytes(port: int, sent: bytes) -> bytes:
    """All that comes back on a connection of its own, until it is closed."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(sent)
        received = b""
        while chunk := connection.recv(65_536):
            received += chunk
        return received


class TestSubprotocol:
    @pytest.mark.parametrize("offered", [None, ["graphql-ws"], ["graphql-transport-ws2"], ["GRAPHQL-TRANSPORT-WS"]])
    async def test_of_another_kind_is_closed_as_clients_of_the_protocol_expect(
        self, sample: SampleGateway, offered: list[str] | None
    ) -> None:
        async with open_bare(sample.url, subprotocols=offered) as client:
            assert client.connection.subprotocol is None
            assert await client.read_close() == (4406, "Subprotocol not acceptable")

    async def test_is_chosen_among_others(self, sample: SampleGateway) -> None:
        async with open_socket(sample.url, subprotocols=["graphql-ws", "graphql-transport-ws"]) as client:
            assert client.connection.subprotocol == "graphql-transport-ws"

    async def test_is_never_compressed(self, sample: SampleGateway) -> None:
        async with open_socket(sample.url, compression="deflate") as client:
            assert "Sec-WebSocket-Extensions" not in client.connection.response.headers


class TestOrigin:
    @pytest.mark.parametrize("origin", ["https://graph.example.id", "https://GRAPH.example.id", FRONTEND, None])
    async def test_of_ours_or_of_a_named_frontend_is_taken(self, sample: SampleGateway, origin: str | None) -> None:
        async with open_socket(sample.url, origin=origin):
            pass

    @pytest.mark.parametrize(
        "origin",
        ["https://evil.example", "http://graph.example.id", "https://graph.example.id.evil.example", "null", "",
         "https://graph.example.id:8443"],
    )  # fmt: skip
    async def test_of_another_site_is_refused(self, sample: SampleGateway, origin: str) -> None:
        status, problem, _ = await refusal(sample.url, additional_headers={"Origin": origin})
        assert (status, problem) == (403, "CROSS_SITE_REQUEST")


class TestHeader:
    async def test_that_holds_no_valid_token_is_challenged(self, sample: SampleGateway) -> None:
        status, problem, headers = await refusal(sample.url, additional_headers={"Authorization": "Bearer expired~"})
        assert (status, problem) == (401, "TOKEN_INVALID")
        assert headers["WWW-Authenticate"] == 'Bearer realm="jembatan", error="invalid_token"'
        assert headers["X-Request-Id"]

    async def test_that_stands_twice_is_refused(self, sample: SampleGateway) -> None:
        twice = [("Authorization", f"Bearer {token()}"), ("Authorization", f"Bearer {token()}")]
        status, problem, _ = await refusal(sample.url, additional_headers=twice)
        assert (status, problem) == (400, "REQUEST_MALFORMED")

    async def test_gives_the_socket_the_request_id_that_it_asks_for(self, sample: SampleGateway) -> None:
        async with open_socket(sample.url, additional_headers={"X-Request-Id": "desk-12345678"}) as client:
            assert client.connection.response.headers["X-Request-Id"] == "desk-12345678"


class TestAddress:
    @pytest.mark.parametrize(
        ("query", "problem"),
        [
            ("access_token=abc", "TOKEN_IN_URL"),
            ("token=eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln", "TOKEN_IN_URL"),
            ("e164=%2B62812000000", "NUMBER_IN_URL"),
            ("a=1&a=2", "REQUEST_MALFORMED"),
            ("a=%ff", "REQUEST_MALFORMED"),
        ],
    )
    def test_that_tells_what_no_url_may_is_refused(self, sample: SampleGateway, query: str, problem: str) -> None:
        reply = exchange_bytes(sample.port, f"GET /graphql?{query} HTTP/1.1\r\n{HOST}{UPGRADE}\r\n".encode())
        assert reply.startswith(b"HTTP/1.1 400 ")
        assert problem.encode() in reply

    def test_that_is_no_graph_is_no_socket(self, sample: SampleGateway) -> None:
        assert exchange_bytes(sample.port, f"GET /healthz HTTP/1.1\r\n{HOST}{UPGRADE}\r\n".encode()).startswith(
            b"HTTP/1.1 403 "
        )


class TestRequest:
    @pytest.mark.parametrize(
        ("method", "head", "body"),
        [
            ("POST", UPGRADE, b""),
            ("GET", UPGRADE + "Content-Length: 5\r\n", b"12345"),
            ("GET", UPGRADE + "Transfer-Encoding: chunked\r\n", b"0\r\n\r\n"),
            ("GET", UPGRADE.replace("13", "8"), b""),
            ("GET", UPGRADE.replace("dGhlIHNhbXBsZSBub25jZQ==", "short"), b""),
            ("GET", UPGRADE + "".join(f"X-{number}: 1\r\n" for number in range(200)), b""),
            ("GET", UPGRADE + f"X-Long: {'x' * 10_000}\r\n", b""),
        ],
    )
    def test_that_is_no_proper_upgrade_is_answered_in_json(
        self, sample: SampleGateway, method: str, head: str, body: bytes
    ) -> None:
        reply = exchange_bytes(sample.port, f"{method} /graphql HTTP/1.1\r\n{HOST}{head}\r\n".encode() + body)
        assert reply.startswith(b"HTTP/1.1 4"), reply[:200]
        assert b'"UPGRADE_REFUSED"' in reply, reply

    def test_whose_head_is_too_large_is_refused(self, sample: SampleGateway) -> None:
        lines = "".join(f"X-{number}: {'x' * 1_000}\r\n" for number in range(60))
        reply = exchange_bytes(sample.port, f"GET /graphql HTTP/1.1\r\n{HOST}{UPGRADE}{lines}\r\n".encode())
        assert reply.startswith(b"HTTP/1.1 431 ")


class TestBoundTokens:
    async def test_are_taken_with_a_proof_of_their_key_for_the_upgrade(self, station: Station) -> None:
        viewer, key = station.parties.telkomsel, ECKey.generate_key("P-256", private=True)
        await station.token(viewer)
        count = iter(range(100))

        def prove(path: str, nonce: str | None, **claims: Any) -> str:
            made = {
                "jti": f"proof-{next(count)}",
                "htu": f"{station.url}{path}",
                "iat": int(datetime.now(UTC).timestamp()),
                **claims,
            }
            if nonce is not None:
                made["nonce"] = nonce
            return sign(key, made, kid=None, typ="dpop+jwt", jwk=key.as_dict(private=False))

        bearer = await obtain(station, prove)
        given = {"htm": "GET", "ath": hash_access_token(bearer)}
        credentials = ("Authorization", f"DPoP {bearer}")

        status, problem, headers = await refusal(
            station.url, additional_headers=[credentials, ("DPoP", prove("/graphql", None, **given))]
        )
        assert (status, problem) == (401, "TOKEN_INVALID")
        nonce = headers["DPoP-Nonce"]
        async with open_socket(
            station.url, additional_headers=[credentials, ("DPoP", prove("/graphql", nonce, **given))]
        ) as client:
            assert (await client.run("{ viewer { member { legalName } } }"))["data"]["viewer"]["member"]
        wrong = prove("/graphql", nonce, **given | {"htm": "POST"})
        assert (await refusal(station.url, additional_headers=[credentials, ("DPoP", wrong)]))[0] == 401
        # A token that is bound to a key is nothing without a proof, which a payload can't hold.
        for said in (f"DPoP {bearer}", f"Bearer {bearer}"):
            async with open_bare(station.url) as client:
                await client.send({"type": "connection_init", "payload": {"Authorization": said}})
                assert (await client.read_close())[0] == 4403


async def obtain(station: Station, prove: Any) -> str:
    """A token that is bound to the prover's key."""
    basic = base64.b64encode(":".join(next(iter(station.clients.values()))).encode()).decode()
    nonce: str | None = None
    for _ in range(2):
        headers = {"Authorization": f"Basic {basic}", "DPoP": prove("/oauth/token", nonce, htm="POST")}
        form = {"grant_type": "client_credentials"}
        async with station.http.post(f"{station.url}/oauth/token", data=form, headers=headers) as response:
            if response.status == 200:
                return str((await response.json())["access_token"])
            nonce = response.headers["DPoP-Nonce"]
    raise AssertionError("no token was given")
