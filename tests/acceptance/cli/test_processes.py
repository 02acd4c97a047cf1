"""The demo and the server as processes: what they answer, and how they end."""

import json
import logging
import signal
import socket
import subprocess
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.support.cluster import ROLE_PREFIX
from tests.support.commands import COMMAND, SECONDS_MAX, clean_environment
from tests.support.operator import Operator


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def ended(data_dir: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [*COMMAND, "demo", "--exit", "--json", "--port", "0"],
        env=clean_environment(JEMBATAN_DATA_DIR=str(data_dir)),
        capture_output=True,
        text=True,
        timeout=SECONDS_MAX,
        check=False,
    )


def wait_until_it_takes_sigterm(process_id: int) -> None:
    """Until then Python itself is starting, and a signal ends any process."""
    status = Path(f"/proc/{process_id}/status")
    if not status.exists():
        pytest.skip("this system does not show which signals a process takes")
    while True:
        [caught] = [line.split()[1] for line in status.read_text().splitlines() if line.startswith("SigCgt:")]
        if int(caught, 16) >> (signal.SIGTERM - 1) & 1:
            return


def read_table(step: dict[str, Any]) -> dict[str, dict[str, str]]:
    """Return the rows of a step's last table by their names, each by its columns; none for a step without a table."""
    rows: dict[str, dict[str, str]] = {}
    for table in step["tables"][-1:]:
        rows = {row[0]: dict(zip(table["columns"][1:], row[1:], strict=True)) for row in table["rows"]}
    return rows


class TestDemo:
    def test_plays_every_step_as_it_should_be(self, ended: "subprocess.CompletedProcess[str]") -> None:
        steps = [json.loads(line) for line in ended.stdout.splitlines()]
        assert [step["failure"] for step in steps] == [None] * 28, ended.stderr
        assert ended.returncode == 0

    def test_cuts_two_subscribers_off_who_then_lose_nothing(self, ended: "subprocess.CompletedProcess[str]") -> None:
        steps = {step["title"]: step for step in map(json.loads, ended.stdout.splitlines())}
        carrier, provider = steps["Both come back, and nothing was lost"]["tables"]
        when = ["live", *["missed while away"] * 3, "live again"]
        assert [row[1] for row in carrier["rows"]] == when
        assert [row[1] for row in provider["rows"]] == [*when[:1], "missed while away", *when[1:]]
        for table in (carrier, provider):
            positions = [int(row[0]) for row in table["rows"]]
            assert positions == sorted(set(positions))

    def test_leaves_no_server_behind(self, ended: "subprocess.CompletedProcess[str]", data_dir: Path) -> None:
        assert "Traceback" not in ended.stderr
        assert (data_dir / "demo" / "postgresql" / "PG_VERSION").exists()
        assert not (data_dir / "demo" / "postgresql" / "postmaster.pid").exists()

    def test_shows_each_party_its_own(self, ended: "subprocess.CompletedProcess[str]") -> None:
        *_, same_query, instruments = (read_table(json.loads(line)) for line in ended.stdout.splitlines())
        assert same_query["number"]["OTT provider"] == "NOT_FOUND"
        assert same_query["orders"]["range holder"].endswith("EXECUTED")
        assert same_query["orders"]["other carrier"] == "none"
        assert instruments["referrals"]["messaging firm"] == "ACTIONED"
        assert instruments["referrals"]["range holder"] == instruments["blockOrders"]["messaging firm"] == "refused"

    def test_is_refused_off_loopback(self, operator: Operator) -> None:
        operator.run("demo", "--exit", "--host", "0.0.0.0", status=2)  # noqa: S104 - the refusal is the test

    def test_touches_no_folder_that_is_not_its_own(self, operator: Operator, tmp_path: Path) -> None:
        (tmp_path / "letters").mkdir()
        (tmp_path / "letters" / "one.txt").write_text("keep me")
        level = logging.getLogger().level
        operator.run("demo", "--exit", "--port", "0", "--data-dir", str(tmp_path / "letters"), status=1)
        assert logging.getLogger().level == level, "later tests of this process would find no warning in the log"
        assert (tmp_path / "letters" / "one.txt").read_text() == "keep me"


class TestServe:
    @pytest.fixture
    def port(self) -> int:
        with socket.create_server(("127.0.0.1", 0)) as free:
            return int(free.getsockname()[1])

    @pytest.mark.parametrize("workers", [1, 2])
    def test_answers_until_it_is_told_to_stop(self, operator: Operator, port: int, workers: int) -> None:
        environment = clean_environment(JEMBATAN_METRICS_PORT="0", **operator.environment)
        command = [*COMMAND, "serve", "--port", str(port), "--workers", str(workers)]
        with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as server:
            assert server.stderr is not None
            assert any("Serving" in line for line in server.stderr)
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=SECONDS_MAX) as response:
                assert response.status == 200
            server.send_signal(signal.SIGTERM)
            rest = server.stderr.read()
            assert server.wait(timeout=SECONDS_MAX) == 0
            assert "Traceback" not in rest

    def test_notes_a_misspelt_variable_once_whichever_port_it_gets(self, operator: Operator) -> None:
        environment = clean_environment(JEMBATAN_METRICS_PORT="0", JEMBATAN_PROT="1", **operator.environment)
        command = [*COMMAND, "serve", "--port", "0"]
        with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as server:
            assert server.stderr is not None
            noted = []
            for line in iter(server.stderr.readline, ""):
                noted.append(line)
                if "Serving" in line:
                    break
            server.send_signal(signal.SIGTERM)
            server.stderr.read()
        assert [line for line in noted if "JEMBATAN_PROT" in line] == [
            "JEMBATAN_PROT is not a setting of Jembatan; is it misspelt?\n"
        ]

    @pytest.mark.parametrize("seconds", [0, 1])
    def test_told_to_stop_while_it_starts_ends_with_0(self, operator: Operator, port: int, seconds: float) -> None:
        """Whatever it is doing then: importing, reading the schema, waiting for the database, starting the feed."""
        owner_url = operator.environment["JEMBATAN_DATABASE_URL"].replace(f"{ROLE_PREFIX}app@", f"{ROLE_PREFIX}owner@")
        environment = clean_environment(
            JEMBATAN_METRICS_PORT="0", JEMBATAN_MIGRATION_DATABASE_URL=owner_url, **operator.environment
        )
        command = [*COMMAND, "serve", "--migrate", "--port", str(port)]
        with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as server:
            assert server.stderr is not None
            wait_until_it_takes_sigterm(server.pid)
            with pytest.raises(subprocess.TimeoutExpired):
                server.wait(timeout=seconds)
            server.send_signal(signal.SIGTERM)
            noted = server.stderr.read()
            assert (server.wait(timeout=SECONDS_MAX), "Traceback" in noted) == (0, False), noted

    def test_finishes_making_its_own_postgresql_before_it_stops(self, tmp_path: Path, port: int) -> None:
        environment = clean_environment(JEMBATAN_METRICS_PORT="0", JEMBATAN_DATA_DIR=str(tmp_path))
        command = [*COMMAND, "serve", "--migrate", "--port", str(port)]
        for expected in ("Creating", "Serving"):
            with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as server:
                assert server.stderr is not None
                assert any(expected in line for line in iter(server.stderr.readline, ""))
                server.send_signal(signal.SIGTERM)
                assert "error:" not in server.stderr.read()
                assert server.wait(timeout=SECONDS_MAX) == 0
            assert not (tmp_path / "postgresql" / "postmaster.pid").exists()

    def test_makes_a_postgresql_again_whose_making_was_killed(self, tmp_path: Path, port: int) -> None:
        unfinished = tmp_path / "postgresql"
        unfinished.mkdir()
        (unfinished / "PG_VERSION").write_text("16\n")
        environment = clean_environment(JEMBATAN_METRICS_PORT="0", JEMBATAN_DATA_DIR=str(tmp_path))
        command = [*COMMAND, "serve", "--migrate", "--port", str(port)]
        with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as server:
            assert server.stderr is not None
            lines = [server.stderr.readline() for _ in range(2)]
            server.send_signal(signal.SIGTERM)
            assert server.wait(timeout=SECONDS_MAX) == 0
        assert any("Migrated from an empty database" in line for line in lines), lines

    def test_is_refused_a_port_that_is_taken(self, operator: Operator) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            ended = operator.run("serve", "--port", str(taken.getsockname()[1]), status=1)
        assert ended.code == "PORT_TAKEN"
