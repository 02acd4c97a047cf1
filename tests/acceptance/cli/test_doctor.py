"""`jembatan doctor` on installations that are well, and on those that lack something: a line each, with what to do."""

import asyncio
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import asyncpg
import orjson
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from auth.protocol.metadata import render_metadata
from auth.settings import AuthSettings
from gateway.settings import load_settings
from gateway.wiring import create_gateway
from ledger.storage.database import Database
from ledger.storage.sealing import Keyring
from schema.graph import schema
from tests.support.cluster import ROLE_PREFIX, Cluster
from tests.support.faults.processes import find_free_port
from tests.support.operator import Operator, render_keys
from tests.support.server_thread import ServerThread, listen, port_of

Found = dict[str, list[tuple[str, str, str | None]]]


@pytest.fixture
def well(operator: Operator) -> Operator:
    """With nothing to be warned of but what each test adds; nothing serves at its port."""
    for name in ("PASSWORD_HASH_MEMORY_KIB", "PASSWORD_HASH_ROUNDS"):
        operator.monkeypatch.delenv(f"JEMBATAN_{name}")
    operator.monkeypatch.setenv("JEMBATAN_PORT", str(find_free_port()))
    return operator


def examine(operator: Operator, *, status: int) -> Found:
    """What each check found: its state, the message, and the advice."""
    found: Found = {}
    # A gateway that serves in this process logs to the same stream.
    for finding in orjson.loads(operator.run("doctor", "--json", status=status).out.splitlines()[-1]):
        found.setdefault(finding["check"], []).append((finding["state"], finding["message"], finding["advice"]))
    return found


def change(operator: Operator, statement: str) -> None:
    """As the owner of the tables, by hand."""

    async def run() -> None:
        connection = await asyncpg.connect(operator.url.replace(f"{ROLE_PREFIX}app@", f"{ROLE_PREFIX}owner@"))
        await connection.execute(statement)
        await connection.close()

    asyncio.run(run())


class TestInstallation:
    def test_that_is_well_is_told_line_by_line(self, well: Operator) -> None:
        found = examine(well, status=0)
        states = {check: [state for state, _, _ in told] for check, told in found.items()}
        assert states == {
            **{check: ["ok"] for check in ("settings", "database", "pooler", "connections", "login", "clock")},
            **{check: ["ok"] for check in ("schema", "rights", "tls")},
            **{check: ["warning"] for check in ("keys", "signing", "issuer")},
        }
        lines = well.run("doctor").out.splitlines()
        assert len(lines) == len(found)
        assert {line.split()[0] for line in lines} == {"ok", "warning"}

    def test_is_changed_by_nothing(self, well: Operator) -> None:
        before = examine(well, status=0)
        assert examine(well, status=0) == before

    def test_that_works_has_its_keys_recognized(self, well: Operator) -> None:
        well.run("member", "list")
        assert examine(well, status=0)["keys"][0][0] == "ok"

    def test_whose_keys_are_others_fails(self, well: Operator) -> None:
        well.run("member", "list")
        for name, value in render_keys(Keyring.from_text(*Keyring.generate_text())).items():
            well.monkeypatch.setenv(name, value)
        [(state, message, advice)] = examine(well, status=1)["keys"]
        assert (state, message.partition(":")[0]) == ("failed", "ENCRYPTION_KEY_WRONG")
        assert "JEMBATAN_ENCRYPTION_KEYS" in (advice or "")

    def test_without_keys_fails_with_how_to_make_them(self, well: Operator) -> None:
        well.monkeypatch.delenv("JEMBATAN_REFERENCE_KEY")
        [(state, message, advice)] = examine(well, status=1)["database"]
        assert (state, message.partition(":")[0]) == ("failed", "KEYS_MISSING")
        assert "jembatan keys generate" in (advice or "")

    def test_whose_rights_were_changed_by_hand_fails(self, well: Operator) -> None:
        change(well, f"GRANT SELECT ON complaints TO {ROLE_PREFIX}provider")
        [(state, message, advice)] = examine(well, status=1)["rights"]
        assert (state, message.partition(":")[0], advice) == ("failed", "RIGHTS_DIFFER", "Run `jembatan migrate`.")

    def test_whose_login_owns_the_tables_fails(self, well: Operator) -> None:
        well.monkeypatch.setenv("JEMBATAN_DATABASE_URL", well.url.replace(f"{ROLE_PREFIX}app@", f"{ROLE_PREFIX}owner@"))
        [(state, message, _)] = examine(well, status=1)["login"]
        assert state == "failed"
        assert message.startswith(f"{ROLE_PREFIX}owner owns the tables")

    def test_whose_login_is_a_superuser_fails(self, well: Operator, cluster: Cluster) -> None:
        name = well.url.partition("?")[0].rpartition("/")[2]
        well.monkeypatch.setenv("JEMBATAN_DATABASE_URL", cluster.urls.superuser.replace("/postgres?", f"/{name}?"))
        assert examine(well, status=1)["login"][0][1].startswith("postgres is a superuser")

    def test_that_takes_no_changes_fails(self, well: Operator) -> None:
        name = well.url.partition("?")[0].rpartition("/")[2]
        change(well, f"ALTER DATABASE {name} SET default_transaction_read_only = on")
        [(state, message, advice)] = examine(well, status=1)["database"]
        assert (state, advice) == ("failed", "Use the primary.")
        assert "read-only" in message

    def test_without_a_schema_is_sent_to_migrate(self, well: Operator, cluster: Cluster) -> None:
        async def make() -> str:
            connection = await asyncpg.connect(cluster.urls.superuser)
            await connection.execute(f"CREATE DATABASE empty_one OWNER {ROLE_PREFIX}owner")
            await connection.close()
            return cluster.url_of("empty_one")

        well.monkeypatch.setenv("JEMBATAN_DATABASE_URL", asyncio.run(make()))
        found = examine(well, status=1)
        assert found["schema"][0][0::2] == ("failed", "Run `jembatan migrate`.")
        assert "rights" not in found
        asyncio.run(cluster.drop("empty_one"))

    def test_whose_database_is_away_fails_at_once_and_goes_on_to_the_issuer(self, well: Operator) -> None:
        well.monkeypatch.setenv("JEMBATAN_DATABASE_URL", "postgresql://nobody:hunter2@127.0.0.1:1/nothing")
        ended = well.run("doctor", status=1)
        assert "DATABASE_UNAVAILABLE" in ended.out
        assert "hunter2" not in ended.out + ended.err
        assert "issuer" in ended.out


class TestSettings:
    def test_that_cant_be_read_are_all_that_is_told(self, well: Operator) -> None:
        well.monkeypatch.setenv("JEMBATAN_PORT", "many")
        well.monkeypatch.setenv("JEMBATAN_COST_MAX", "0")
        found = examine(well, status=1)
        assert [(state, message.partition(":")[0]) for state, message, _ in found.pop("settings")] == [
            ("failed", "JEMBATAN_PORT"),
            ("failed", "JEMBATAN_COST_MAX"),
        ]
        assert found == {}

    def test_that_are_unsafe_or_misspelt_are_warnings(self, well: Operator) -> None:
        well.monkeypatch.setenv("JEMBATAN_SECOND_FACTOR", "optional")
        well.monkeypatch.setenv("JEMBATAN_PROT", "1")
        told = examine(well, status=0)["settings"]
        assert [(state, message.split()[0].rstrip(":")) for state, message, _ in told] == [
            ("warning", "JEMBATAN_PROT"),
            ("warning", "JEMBATAN_SECOND_FACTOR"),
        ]

    def test_that_can_be_no_issuer_fail(self, well: Operator) -> None:
        well.monkeypatch.setenv("JEMBATAN_PUBLIC_URL", "http://graph.example.id")
        [(state, message, _)] = examine(well, status=1)["issuer"]
        assert (state, message.partition(":")[0]) == ("failed", "AUTH_ISSUER_INVALID")


class TestEmbeddedInstallation:
    @pytest.fixture
    def embedded(self, well: Operator, tmp_path: Path) -> Operator:
        for name in ("DATABASE_URL", "ENCRYPTION_KEYS", "REFERENCE_KEY"):
            well.monkeypatch.delenv(f"JEMBATAN_{name}")
        well.monkeypatch.setenv("JEMBATAN_DATA_DIR", str(tmp_path / "data"))
        return well

    def test_that_does_not_exist_yet_is_not_made(self, embedded: Operator, tmp_path: Path) -> None:
        [(state, _, advice)] = examine(embedded, status=0)["database"]
        assert state == "warning"
        assert "jembatan migrate" in (advice or "")
        assert not (tmp_path / "data").exists()

    def test_has_its_disk_and_the_rights_of_its_keys_looked_at(self, embedded: Operator, tmp_path: Path) -> None:
        embedded.run("migrate")
        found = examine(embedded, status=0)
        assert (found["folder"][0][0], found["schema"][0][0]) == ("ok", "ok")
        assert "disk" in found
        keys = tmp_path / "data" / "keys.env"
        keys.chmod(0o644)
        assert examine(embedded, status=1)["folder"][0][::2] == ("failed", f"chmod 600 {keys}")


class TestIssuer:
    @contextmanager
    def serving(self, operator: Operator, url: str) -> Iterator[None]:
        """Our own gateway on a database, at the address that the settings say."""
        with listen() as listener:
            port = port_of(listener)
            operator.monkeypatch.setenv("JEMBATAN_PORT", str(port))
            settings = load_settings(database_url=url, metrics_port=0, log_level="ERROR", drain_seconds=1)
            app = create_gateway(settings, database=Database.connect(settings, operator.keyring), schema=schema)
            server = ServerThread(app, settings, listener)
            try:
                yield
            finally:
                server.end()

    def test_that_is_ours_agrees(self, well: Operator) -> None:
        well.run("keys", "rotate-signing", "--reason", "first")
        with self.serving(well, well.url):
            found = examine(well, status=0)
        assert [found[check][0][0] for check in ("signing", "issuer", "published keys")] == ["ok", "ok", "ok"]

    def test_that_runs_on_another_database_fails_by_its_keys(self, well: Operator, cluster: Cluster) -> None:
        well.run("keys", "rotate-signing", "--reason", "first")
        name = asyncio.run(cluster.clone())
        with self.serving(well, cluster.url_of(name)):
            found = examine(well, status=1)
        asyncio.run(cluster.drop(name))
        assert (found["issuer"][0][0], found["published keys"][0][0]) == ("ok", "failed")

    def test_that_names_another_issuer_fails(self, well: Operator) -> None:
        told = render_metadata(AuthSettings(public_url="https://elsewhere.example"))
        with answering(told) as port:
            well.monkeypatch.setenv("JEMBATAN_PORT", str(port))
            assert examine(well, status=1)["issuer"][0][:2] == (
                "failed",
                f"What answers at http://127.0.0.1:{port} names another issuer.",
            )

    def test_of_another_version_is_a_warning_that_names_what_differs(self, well: Operator) -> None:
        port = find_free_port()
        told = render_metadata(AuthSettings(port=port)) | {"response_modes_supported": ["fragment"]}
        well.monkeypatch.setenv("JEMBATAN_PORT", str(port))
        with answering(told, port=port):
            [(state, message, _)] = examine(well, status=0)["issuer"]
        assert (state, message) == ("warning", "Its metadata differs from ours in response_modes_supported.")


class TestCertificate:
    @pytest.mark.parametrize(("days", "state"), [(90, "ok"), (20, "warning")])
    def test_is_told_how_long_it_is_valid(self, well: Operator, tmp_path: Path, days: int, state: str) -> None:
        with answering({}, certificate=make_certificate(tmp_path, days=days)) as port:
            well.monkeypatch.setenv("JEMBATAN_PUBLIC_URL", f"https://localhost:{port}")
            well.monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "certificate.pem"))
            found = examine(well, status=1)
        assert (found["tls"][0][0], f"{days - 1} days" in found["tls"][0][1]) == (state, True)
        assert found["issuer"][0][0] == "failed"

    @pytest.mark.parametrize("days", [-1, 90])
    def test_that_no_client_would_take_fails(self, well: Operator, tmp_path: Path, days: int) -> None:
        certificate = make_certificate(tmp_path, days=days)
        if days < 0:
            well.monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        with answering({}, certificate=certificate) as port:
            well.monkeypatch.setenv("JEMBATAN_PUBLIC_URL", f"https://localhost:{port}")
            [(state, message, _)] = examine(well, status=1)["tls"]
        assert state == "failed"
        assert ("expired" if days < 0 else "self-signed") in message


@contextmanager
def answering(told: Any, *, port: int = 0, certificate: Path | None = None) -> Iterator[int]:
    """A server that says this at every path."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = orjson.dumps(told)
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", port), Handler)
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, certificate.with_name("key.pem"))
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        server.handle_error = lambda *_: None  # type: ignore[method-assign]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def make_certificate(folder: Path, *, days: int) -> Path:
    """A certificate of localhost that it signed itself, which ends so many days from now."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=30))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    path = folder / "certificate.pem"
    path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return path
