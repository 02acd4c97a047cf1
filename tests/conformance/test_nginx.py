"""A real nginx with deploy/nginx/jembatan.conf in front of a real gateway, over TLS with a certificate made here.

Only addresses and paths of the file are replaced. Skipped, saying so, where nginx is not installed.
"""

import asyncio
import base64
import io
import json
import os
import re
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import websockets
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from auth.scopes import BY_KIND, OFFICER_ONLY
from gateway.operations.settings import OperationSettings
from ledger.storage.database import Database
from ledger.storage.sealing import Keyring
from ledger.viewer import MemberKind
from tests.support.auth_world import Clock, World
from tests.support.cluster import Cluster
from tests.support.country import Parties, found_country
from tests.support.faults.processes import find_free_port
from tests.support.journeys import issue_orders
from tests.support.places import ROOT
from tests.support.serving import Serving
from tests.support.waiting import pause, until

pytestmark = pytest.mark.conformance
CONF = ROOT / "deploy/nginx/jembatan.conf"
HOST = "graph.example.id"
EVENTS = "subscription { blockRequestEvents { cursor event { kind orderNo } } }"
MAIN = """
{user}
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log info;
events {{ worker_connections 512; }}
http {{
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/jembatan.conf;
}}
"""


@dataclass(frozen=True)
class Proxy:
    """A running nginx, and how to reach it by its name."""

    port: int
    plain_port: int
    folder: Path
    trust: ssl.SSLContext

    @property
    def url(self) -> str:
        return f"https://{HOST}:{self.port}"

    @property
    def log(self) -> str:
        return (self.folder / "access.log").read_text()

    def client(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=self.trust, resolver=_Here()), timeout=aiohttp.ClientTimeout(total=30)
        )


class _Here(aiohttp.abc.AbstractResolver):
    """Every name is this machine."""

    async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[Any]:
        return [{"hostname": host, "host": "127.0.0.1", "port": port, "family": family, "proto": 0, "flags": 0}]

    async def close(self) -> None:
        """Nothing is open."""


def make_certificate(folder: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    made = datetime.now(UTC) - timedelta(minutes=5)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(made)
        .not_valid_after(made + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "fullchain.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "privkey.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )


@contextmanager
def run_nginx(folder: Path, upstream_port: int, port: int) -> Iterator[Proxy]:
    nginx = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
    if nginx is None:
        pytest.skip("nginx is not installed; deploy/nginx/jembatan.conf was not tried")
    plain_port = find_free_port()
    folder.chmod(0o755)
    make_certificate(folder)
    conf = CONF.read_text()
    for before, after in (
        (r"listen \[::\]:\d+[^;]*;", ""),
        (r"listen 443 ", f"listen 127.0.0.1:{port} "),
        (r"listen 80;", f"listen 127.0.0.1:{plain_port};"),
        (r"server 127\.0\.0\.1:8000;", f"server 127.0.0.1:{upstream_port};"),
        (r"/etc/jembatan/tls/", f"{folder}/"),
        (r"/var/log/nginx/jembatan\.log", f"{folder}/access.log"),
    ):
        conf, count = re.subn(before, after, conf)
        assert count, before
    (folder / "jembatan.conf").write_text(conf)
    # As root, nginx would write bodies as another user, who may not enter the tests' folders.
    user = "user root;" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(MAIN.format(folder=folder, user=user))
    command = [nginx, "-e", str(folder / "error.log"), "-c", str(folder / "nginx.conf")]
    tried = subprocess.run([*command, "-t"], capture_output=True, text=True, check=False)
    assert tried.returncode == 0, tried.stderr
    assert "[warn]" not in tried.stderr, tried.stderr
    trust = ssl.create_default_context(cafile=str(folder / "fullchain.pem"))
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as running:
        yield Proxy(port, plain_port, folder, trust)
        running.terminate()
        assert running.wait(30) == 0, (folder / "error.log").read_text()


async def wait_open(port: int) -> None:
    async def is_open() -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            return False
        writer.close()
        return True

    await until(is_open, "nginx listens")


@dataclass
class Site:
    proxy: Proxy
    database: Database
    parties: Parties
    basic: str
    agency: str
    upload_bytes_max: int
    numbers: Iterator[int]

    async def token(self, http: aiohttp.ClientSession, basic: str | None = None) -> str:
        headers = {"Authorization": f"Basic {basic or self.basic}"}
        form = {"grant_type": "client_credentials"}
        async with http.post(f"{self.proxy.url}/oauth/token", data=form, headers=headers) as reply:
            assert reply.status == 200, await reply.text()
            return (await reply.json())["access_token"]

    async def issue(self) -> str:
        numbers = [f"+62812000{next(self.numbers):05d}"]
        [order] = await issue_orders(self.database, self.parties, datetime.now(UTC), numbers)
        return order.order_no


@pytest.fixture(scope="module")
async def site(cluster: Cluster, keyring: Keyring, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    name = await cluster.clone()
    port = find_free_port()
    quick = {"stream_heartbeat_seconds": 0.3, "stream_stall_seconds": 5, "rate_burst": 10_000}
    serving = Serving(cluster.url_of(name), keyring, public_url=f"https://{HOST}:{port}", **quick)
    database = serving.connect()
    parties = await found_country(database, datetime.now(UTC))
    world = World(database, serving.settings, Clock(datetime.now(UTC)))
    machine = await world.register(parties.telkomsel.member_id, sorted(BY_KIND[MemberKind.CARRIER] - OFFICER_ONLY))
    source = await world.register(parties.agency.member_id, sorted(BY_KIND[MemberKind.AGENCY] - OFFICER_ONLY))
    basic, agency = (
        base64.b64encode(f"{each.client_id}:{each.secret}".encode()).decode() for each in (machine, source)
    )
    with run_nginx(tmp_path_factory.mktemp("nginx"), serving.settings.port, port) as proxy:
        serving.start()
        await wait_open(port)
        yield Site(proxy, database, parties, basic, agency, serving.settings.upload_bytes_max, iter(range(1, 10_000)))
        await serving.stop()
    await database.close()
    await cluster.drop(name)


class TestAnOperation:
    async def test_is_answered_over_tls_with_a_token_of_the_public_address(self, site: Site) -> None:
        async with site.proxy.client() as http:
            bearer = {"Authorization": f"Bearer {await site.token(http)}"}
            body = {"query": "{ viewer { member { legalName } } }"}
            async with http.post(f"{site.proxy.url}/graphql", json=body, headers=bearer) as reply:
                assert await reply.json() == {"data": {"viewer": {"member": {"legalName": "Telkomsel"}}}}
                assert "max-age" in reply.headers["Strict-Transport-Security"]
                request_id = reply.headers["X-Request-Id"]
        await until(lambda: request_id in site.proxy.log, "the request is in nginx's log")
        line = next(json.loads(line) for line in site.proxy.log.splitlines() if request_id in line)
        assert (line["path"], line["status"]) == ("/graphql", 200)

    async def test_of_nearly_the_largest_size_passes(self, site: Site) -> None:
        bytes_max = OperationSettings().body_bytes_max
        async with site.proxy.client() as http:
            bearer = {"Authorization": f"Bearer {await site.token(http)}"}
            body = json.dumps(
                {"query": "{ viewer { member { legalName } } }", "extensions": {"pad": "x" * (bytes_max - 200)}}
            )
            assert bytes_max - 200 < len(body) < bytes_max
            headers = {**bearer, "Content-Type": "application/json"}
            async with http.post(f"{site.proxy.url}/graphql", data=io.BytesIO(body.encode()), headers=headers) as reply:
                assert (reply.status, "data" in await reply.json()) == (200, True)

    async def test_beyond_it_is_refused_by_the_gateway_in_its_own_words(self, site: Site) -> None:
        async with site.proxy.client() as http:
            bearer = {"Authorization": f"Bearer {await site.token(http)}"}
            headers = {**bearer, "Content-Type": "application/json"}
            big = b"x" * (OperationSettings().body_bytes_max + 1)
            async with http.post(f"{site.proxy.url}/graphql", data=io.BytesIO(big), headers=headers) as reply:
                assert reply.status == 413
                assert (await reply.json())["errors"][0]["extensions"]["problem"] == "BODY_TOO_LARGE"


class TestAnUpload:
    """nginx takes the largest part below /evidence/, and a large body nowhere else."""

    async def test_of_the_largest_size_passes_in_one_part(self, site: Site) -> None:
        size = site.upload_bytes_max
        async with site.proxy.client() as http:
            headers = {"Authorization": f"Bearer {await site.token(http, site.agency)}", "Tus-Resumable": "1.0.0"}
            metadata = f"filetype {base64.b64encode(b'text/plain').decode()}"
            begun = {**headers, "Upload-Length": str(size), "Upload-Metadata": metadata}
            async with http.post(f"{site.proxy.url}/evidence", headers=begun) as reply:
                assert reply.status == 201, await reply.text()
                address = reply.headers["Location"]
            part = {**headers, "Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
            async with http.patch(address, data=io.BytesIO(b"a" * size), headers=part) as reply:
                assert (reply.status, reply.headers.get("Upload-Offset")) == (204, str(size)), await reply.text()

    @pytest.mark.parametrize("path", ["/evidence/x", "/evidence", "/graphql", "/oauth/token"])
    async def test_beyond_it_is_refused_by_nginx_itself(self, site: Site, path: str) -> None:
        limit = 48 << 20 if path == "/evidence/x" else 16 << 20
        head = f"PATCH {path} HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: {limit + 1}\r\n\r\n"
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", site.proxy.port, ssl=site.proxy.trust, server_hostname=HOST
        )
        writer.write(head.encode())
        answer = await reader.readuntil(b"\r\n\r\n")
        writer.close()
        assert answer.startswith(b"HTTP/1.1 413")
        assert b"x-request-id" not in answer.lower()


class TestAStream:
    async def test_of_events_arrives_as_it_happens_and_outlives_its_silence(self, site: Site) -> None:
        async with site.proxy.client() as http:
            headers = {"Authorization": f"Bearer {await site.token(http)}", "Accept": "text/event-stream"}
            body = {"query": EVENTS}
            async with http.post(f"{site.proxy.url}/graphql", json=body, headers=headers) as reply:
                assert reply.headers["Content-Type"].startswith("text/event-stream")
                first = await self._read_event(reply)
                assert first["event"] is None
                await pause(1.5)
                order_no = await site.issue()
                event = (await self._read_event(reply))["event"]
                assert (event["kind"], event["orderNo"]) == ("ORDER_ISSUED", order_no)

    async def test_over_a_websocket_arrives_too(self, site: Site) -> None:
        async with site.proxy.client() as http:
            token = await site.token(http)
        address = f"wss://{HOST}:{site.proxy.port}/graphql"
        async with websockets.connect(
            address, ssl=site.proxy.trust, subprotocols=["graphql-transport-ws"], host="127.0.0.1", proxy=None
        ) as socket:
            await socket.send(json.dumps({"type": "connection_init", "payload": {"Authorization": f"Bearer {token}"}}))
            assert json.loads(await socket.recv())["type"] == "connection_ack"
            await socket.send(json.dumps({"id": "1", "type": "subscribe", "payload": {"query": EVENTS}}))
            assert (await self._read_next(socket))["event"] is None
            await pause(1.5)
            order_no = await site.issue()
            assert (await self._read_next(socket))["event"]["orderNo"] == order_no

    @staticmethod
    async def _read_event(reply: aiohttp.ClientResponse) -> Any:
        async for line in reply.content:
            if line.startswith(b"data: {"):
                return json.loads(line.removeprefix(b"data: "))["data"]["blockRequestEvents"]
        raise AssertionError("the stream ended")

    @staticmethod
    async def _read_next(socket: Any) -> Any:
        while (message := json.loads(await socket.recv()))["type"] != "next":
            if message["type"] == "ping":
                await socket.send(json.dumps({"type": "pong"}))
        return message["payload"]["data"]["blockRequestEvents"]


class TestPlainHttp:
    async def test_takes_no_request_of_a_client_and_shows_a_browser_the_way(self, site: Site) -> None:
        plain = f"http://{HOST}:{site.proxy.plain_port}"
        async with site.proxy.client() as http:
            async with http.post(f"{plain}/graphql", json={"query": "{ __typename }"}) as refused:
                assert (refused.status, await refused.text()) == (403, "Use https.\n")
            async with http.get(f"{plain}/", headers={"Host": "evil.example"}, allow_redirects=False) as shown:
                assert shown.headers["Location"] == f"https://{HOST}/"


class TestWhatTheGatewayReceives:
    """Read by an upstream that keeps each request's head, and answers with nothing."""

    async def test_names_the_client_by_its_address_whatever_it_claims(self, tmp_path: Path) -> None:
        head = await self._send(tmp_path, {"X-Forwarded-For": "6.6.6.6", "Forwarded": "for=6.6.6.6", "Upgrade": "h2c"})
        lines = head.lower().split("\r\n")
        assert lines[0] == "get /readyz?a=1 http/1.1"
        assert [line for line in lines if "6.6.6.6" in line or "h2c" in line] == []
        assert "x-forwarded-for: 127.0.0.1" in lines
        assert "x-forwarded-proto: https" in lines
        assert f"host: {HOST}" in lines
        assert not any(line.startswith(("connection:", "upgrade:", "forwarded:")) for line in lines)

    async def test_is_an_upgrade_only_to_a_websocket(self, tmp_path: Path) -> None:
        lines = (await self._send(tmp_path, {"Upgrade": "WebSocket", "Connection": "Upgrade"})).lower().split("\r\n")
        assert "upgrade: websocket" in lines
        assert "connection: upgrade" in lines

    async def _send(self, folder: Path, headers: dict[str, str]) -> str:
        heads: list[str] = []

        async def keep(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            heads.append((await reader.readuntil(b"\r\n\r\n")).decode())
            writer.write(b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n")
            await writer.drain()
            writer.close()

        upstream = await asyncio.start_server(keep, "127.0.0.1", 0)
        port = find_free_port()
        with run_nginx(folder, upstream.sockets[0].getsockname()[1], port) as proxy:
            await wait_open(port)
            async with proxy.client() as http, http.get(f"{proxy.url}/readyz?a=1", headers=headers) as reply:
                assert reply.status == 204
        upstream.close()
        return heads[0]
