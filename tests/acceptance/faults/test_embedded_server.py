"""`serve` and other commands on one embedded server: they share it, and nobody who was killed leaves it running."""

import signal
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ledger.storage.postgres import PostgresFolder
from tests.support.commands import COMMAND, SECONDS_MAX, clean_environment


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data_dir = tmp_path_factory.mktemp("shared")
    run(data_dir, "migrate")
    return data_dir


def run(data_dir: Path, *command: str) -> None:
    environment = clean_environment(JEMBATAN_DATA_DIR=str(data_dir))
    ended = subprocess.run(
        [*COMMAND, *command], env=environment, capture_output=True, text=True, timeout=SECONDS_MAX, check=False
    )
    assert ended.returncode == 0, ended.stderr


@contextmanager
def serving(data_dir: Path) -> Iterator["tuple[subprocess.Popen[str], str]"]:
    environment = clean_environment(JEMBATAN_DATA_DIR=str(data_dir), JEMBATAN_METRICS_PORT="0")
    command = [*COMMAND, "serve", "--port", "0"]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr is not None
        line = next(line for line in server.stderr if "Serving" in line)
        try:
            yield server, line.split()[1].removesuffix("/graphql")
        finally:
            server.kill()


def is_running(data_dir: Path) -> bool:
    return PostgresFolder(data_dir / "postgresql").find_postmaster() is not None


def test_a_server_that_a_killed_serve_left_is_stopped_by_the_next_command(data_dir: Path) -> None:
    with serving(data_dir) as (server, _):
        server.kill()
        server.wait(timeout=SECONDS_MAX)
    assert is_running(data_dir)
    run(data_dir, "member", "list")
    assert not is_running(data_dir)


def test_a_command_leaves_the_server_to_a_serve_that_runs(data_dir: Path) -> None:
    with serving(data_dir) as (server, url):
        run(data_dir, "member", "list")
        with urllib.request.urlopen(f"{url}/readyz", timeout=SECONDS_MAX) as response:  # noqa: S310 - our own
            assert response.status == 200
        server.send_signal(signal.SIGTERM)
        assert server.stderr is not None
        server.stderr.read()
        assert server.wait(timeout=SECONDS_MAX) == 0
    assert not is_running(data_dir)
