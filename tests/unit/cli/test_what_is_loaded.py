"""What a command imports: each package that it does not need costs everybody who calls it a part of a second."""

import json
import subprocess
import sys
from collections.abc import Iterable

import pytest

from cli.main import COMMANDS
from tests.support.commands import clean_environment
from tests.support.places import ROOT

SERVING = {"strawberry", "graphql", "uvicorn", "starlette", "authlib", "aiohttp", "structlog", "prometheus_client"}
"""Needed by `serve` alone."""
DATABASE = {"sqlalchemy", "asyncpg", "alembic", "cryptography", "pydantic_settings"}
FILES = {"phonenumbers", "orjson"}
_REPORT = """
import json, sys
from cli.main import main
sys.argv = ["jembatan", *json.loads(sys.argv[1])]
try:
    main()
finally:
    sys.stderr.write("\\n" + json.dumps(sorted(sys.modules)))
"""

_REPORT_OF_SERVING = """
import json, sys
from gateway.process.server import make_server
from gateway.settings import load_settings
from gateway.wiring import create_gateway
from ledger.storage.database import Database
from ledger.storage.sealing import Keyring
from schema.graph import schema
settings = load_settings()
keyring = Keyring.from_text(settings.encryption_keys, settings.reference_key)
make_server(create_gateway(settings, database=Database.connect(settings, keyring), schema=schema), settings)
sys.stderr.write("\\n" + json.dumps(sorted(sys.modules)))
"""
"""All that serving needs before it connects."""
_AWAY = {
    "JEMBATAN_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/nothing",
    "JEMBATAN_ENCRYPTION_KEYS": "k1:MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
    "JEMBATAN_REFERENCE_KEY": "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
    "JEMBATAN_DATABASE_WAIT_SECONDS": "0.1",
}


def load(*arguments: str, **environment: str) -> set[str]:
    """Every module that the command imported, in a process of its own."""
    return run(_REPORT, json.dumps(arguments), **environment)


def load_serving(**environment: str) -> set[str]:
    """Every package that serving imported before it connects, in a process of its own."""
    return packages_of(run(_REPORT_OF_SERVING, **_AWAY, **environment))


def run(program: str, *arguments: str, **environment: str) -> set[str]:
    ended = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        env=clean_environment(**environment), cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return set(json.loads(ended.stderr.splitlines()[-1]))


def packages_of(modules: Iterable[str]) -> set[str]:
    return {name.partition(".")[0] for name in modules}


@pytest.fixture(scope="module")
def listed() -> set[str]:
    return load("--help")


class TestHelp:
    def test_of_everything_loads_no_command(self, listed: set[str]) -> None:
        places = {entry.place.partition(":")[0] for entry in COMMANDS}
        assert {name for name in listed if name.startswith("cli.")} & places == set()

    def test_of_everything_loads_nothing_of_the_domain(self, listed: set[str]) -> None:
        assert packages_of(listed) & {"ledger", "auth", "gateway", "schema", "resolvers", "migrations", "demo"} == set()
        assert packages_of(listed) & (SERVING | DATABASE | FILES) == set()

    @pytest.mark.parametrize("name", [entry.name for entry in COMMANDS])
    def test_of_a_command_loads_neither_database_nor_server(self, name: str) -> None:
        assert packages_of(load(name, "--help")) & (SERVING | DATABASE | FILES) == set()


class TestCommand:
    @pytest.mark.parametrize(
        "arguments",
        [
            ("member", "list"),
            ("status",),
            ("orders", "waiting"),
            ("keys", "rotate"),
            ("officer", "list"),
            ("client", "list"),
            ("access", "verify"),
        ],
        ids=" ".join,
    )
    def test_that_reads_the_database_loads_no_server(self, arguments: tuple[str, ...]) -> None:
        """As far as a database that is away lets it come: what it needs of that is loaded by then."""
        loaded = packages_of(load(*arguments, **_AWAY))
        assert "sqlalchemy" in loaded
        assert loaded & (SERVING | {"alembic", "schema", "resolvers", "demo"}) == set()


class TestServing:
    def test_loads_nothing_that_only_some_requests_need(self) -> None:
        """HTTP clients are for a provider, dictionaries for a new password, codes to scan for an enrolment."""
        loaded = load_serving()
        assert loaded >= {"strawberry", "uvicorn", "authlib", "phonenumbers"}
        assert loaded & {"aiohttp", "zxcvbn", "segno", "alembic", "demo"} == set()

    def test_loads_an_http_client_where_there_is_a_provider(self) -> None:
        provider = {
            "JEMBATAN_OPENID_ISSUER": "https://login.example",
            "JEMBATAN_OPENID_CLIENT_ID": "us",
            "JEMBATAN_OPENID_CLIENT_SECRET": "secret",
        }
        assert "aiohttp" in load_serving(**provider)
