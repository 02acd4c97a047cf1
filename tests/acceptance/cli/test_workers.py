"""Several serving processes: what keeps them from serving ends `serve`, and one that dies is replaced."""

import os
import re
import signal
import socket
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cli.failures import Failure
from cli.workers import SERVES
from tests.support.commands import COMMAND, SECONDS_MAX, clean_environment
from tests.support.operator import Operator
from tests.support.waiting import block_until


def run_serve(operator: Operator, *, port: int = 0, **settings: str) -> "subprocess.CompletedProcess[str]":
    environment = clean_environment(**{**operator.environment, "JEMBATAN_METRICS_PORT": "0", **settings})
    command = [*COMMAND, "serve", "--port", str(port), "--workers", "2"]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=SECONDS_MAX, check=False)


@contextmanager
def serving(operator: Operator, **settings: str) -> Iterator["tuple[subprocess.Popen[str], str]"]:
    """`serve` with two workers and its URL, once it serves."""
    environment = clean_environment(**{**operator.environment, "JEMBATAN_METRICS_PORT": "0", **settings})
    command = [*COMMAND, "serve", "--port", "0", "--workers", "2"]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as parent:
        assert parent.stderr is not None
        line = next(line for line in parent.stderr if "Serving" in line)
        try:
            yield parent, line.split()[1].removesuffix("/graphql")
        finally:
            if parent.poll() is None:
                parent.send_signal(signal.SIGTERM)
                parent.communicate(timeout=SECONDS_MAX)


def list_workers(parent_id: int) -> set[int]:
    children = Path(f"/proc/{parent_id}/task/{parent_id}/children")
    if not children.exists():
        pytest.skip("this system does not list a process's children")
    return set(map(int, children.read_text().split()))


class TestStart:
    def test_with_a_wrong_issuer_ends_with_the_error_told_once(self, operator: Operator) -> None:
        ended = run_serve(operator, JEMBATAN_PUBLIC_URL="http://graph.example.id")
        assert (ended.returncode, ended.stderr.count("error:")) == (1, 1), ended.stderr
        assert "error: AUTH_ISSUER_INVALID: " in ended.stderr
        assert "Serving" not in ended.stderr

    def test_with_a_metrics_port_in_use_ends_with_the_error_told_once(self, operator: Operator) -> None:
        """Also if it is the second worker's, which counts up from the first."""
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            ended = run_serve(operator, JEMBATAN_METRICS_PORT=str(port - 1), JEMBATAN_METRICS_HOST="127.0.0.1")
        assert (ended.returncode, ended.stderr.count("error:")) == (1, 1), ended.stderr
        assert f"error: PORT_TAKEN: The port {port} for /metrics is in use." in ended.stderr

    def test_with_its_port_in_use_ends_with_the_error_told_once(self, operator: Operator) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            ended = run_serve(operator, port=taken.getsockname()[1])
        assert (ended.returncode, ended.stderr.count("error:")) == (1, 1), ended.stderr
        assert "error: PORT_TAKEN: " in ended.stderr

    def test_on_a_database_that_was_never_migrated_ends_with_the_error_told_once(self, operator: Operator) -> None:
        url = re.sub(r"/test_\d+\?", "/postgres?", operator.environment["JEMBATAN_DATABASE_URL"])
        ended = run_serve(operator, JEMBATAN_DATABASE_URL=url)
        assert (ended.returncode, ended.stderr.count("error:")) == (1, 1), ended.stderr
        assert "error: SCHEMA_OUTDATED: " in ended.stderr

    def test_with_settings_that_none_can_take_ends_as_called_the_wrong_way(self, operator: Operator) -> None:
        ended = run_serve(operator, JEMBATAN_DRAIN_SECONDS="soon")
        assert (ended.returncode, ended.stderr.count("error:")) == (2, 1), ended.stderr
        assert "JEMBATAN_DRAIN_SECONDS" in ended.stderr

    def test_with_a_wrong_key_ends_with_the_error_told_once(self, operator: Operator) -> None:
        operator.run("member", "list")
        ended = run_serve(operator, JEMBATAN_ENCRYPTION_KEYS="k1:MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=")
        assert (ended.returncode, ended.stderr.count("error:")) == (1, 1), ended.stderr
        assert "error: ENCRYPTION_KEY_WRONG: " in ended.stderr


class TestWorker:
    def test_that_dies_is_replaced_while_the_other_serves(self, operator: Operator) -> None:
        with serving(operator) as (parent, url):
            before = list_workers(parent.pid)
            assert len(before) == 2
            killed = min(before)
            os.kill(killed, signal.SIGKILL)
            block_until(lambda: len(list_workers(parent.pid) - {killed}) == 2, "another worker was started")
            with urllib.request.urlopen(f"{url}/readyz", timeout=SECONDS_MAX) as response:  # noqa: S310 - our own
                assert response.status == 200
            parent.send_signal(signal.SIGTERM)
            assert parent.stderr is not None
            noted = parent.stderr.read()
            assert parent.wait(timeout=SECONDS_MAX) == 0
            assert re.search(r"Worker \d ended with status -9; starting another in [0-9.]+ s\.", noted), noted

    def test_stops_when_its_parent_was_killed(self, operator: Operator) -> None:
        with serving(operator) as (parent, _):
            workers = list_workers(parent.pid)
            parent.kill()
            parent.wait(timeout=SECONDS_MAX)
            block_until(
                lambda: not any(Path(f"/proc/{worker}/exe").exists() for worker in workers), "both workers have stopped"
            )


class TestFailure:
    def test_is_read_as_it_was_told(self) -> None:
        told = Failure(lines=(("A", "first", None), ("B", "second", "hint")), exit_code=2)
        assert Failure.parse(told.render()) == told

    @pytest.mark.parametrize("text", [b"", SERVES, b'{"lines": [], "exitCode": 1}', b'{"lines": [["A"', b"[]", b"\xff"])
    def test_that_is_cut_off_is_none(self, text: bytes) -> None:
        assert Failure.parse(text) is None
