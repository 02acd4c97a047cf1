"""The embedded server as processes share it: whoever comes joins it, and the last to end stops it."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger.storage.embedded import EmbeddedServer
from ledger.storage.postgres import PostgresError, PostgresFolder
from tests.support.cluster import ROLE_PREFIX
from tests.support.places import ROOT
from tests.support.waiting import block_until

_USE = """
import os, subprocess, sys
from pathlib import Path
from ledger.storage.embedded import EmbeddedServer
server = EmbeddedServer(Path(sys.argv[1]), role_prefix=sys.argv[2])
server.start()
worker = None
if sys.argv[3:] == ["--worker"]:
    worker = subprocess.Popen(["sleep", "600"], pass_fds=[server.use_descriptor])
    print(worker.pid, flush=True)
print("started", flush=True)
sys.stdin.readline()
server.stop()
print("stopped", flush=True)
"""


class User:
    """A process that uses the server of a folder until it is told to end."""

    def __init__(self, data_dir: Path, *options: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", _USE, str(data_dir), ROLE_PREFIX, *options],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def await_start(self) -> list[str]:
        assert self.process.stdout is not None
        return list(iter(self.process.stdout.readline, "started\n"))

    def end(self) -> None:
        out, _ = self.process.communicate("\n", timeout=60)
        assert (self.process.returncode, out) == (0, "stopped\n")

    def kill(self) -> None:
        """As a lost terminal or a full memory would; it stays a zombie, as under a parent that doesn't look."""
        self.process.kill()
        block_until(lambda: _state_of(self.process.pid) in {"Z", ""}, "the process is dead")


def _state_of(process_id: int) -> str:
    try:
        return Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return ""


@pytest.fixture(scope="module")
def shared_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With a cluster, which takes seconds to make."""
    data_dir = tmp_path_factory.mktemp("embedded")
    server = EmbeddedServer(data_dir, role_prefix=ROLE_PREFIX)
    server.start()
    server.stop()
    return data_dir


@pytest.fixture
def data_dir(shared_dir: Path) -> Iterator[Path]:
    yield shared_dir
    assert not is_running(shared_dir), "a test left the server running"


@pytest.fixture
def use(data_dir: Path) -> Iterator["type[User]"]:
    users: list[User] = []

    def start(*options: str) -> User:
        users.append(User(data_dir, *options))
        return users[-1]

    yield start  # type: ignore[misc]
    for user in users:
        user.process.kill()
        user.process.communicate()


def is_running(data_dir: Path) -> bool:
    return PostgresFolder(data_dir / "postgresql").find_postmaster() is not None


class TestLastUser:
    def test_stops_the_server(self, data_dir, use):
        user = use()
        user.await_start()
        assert is_running(data_dir)
        user.end()
        assert not is_running(data_dir)

    def test_is_whoever_of_two_ends_later(self, data_dir, use):
        first, second = use(), use()
        first.await_start()
        second.await_start()
        first.end()
        assert is_running(data_dir)
        second.end()
        assert not is_running(data_dir)

    def test_takes_over_what_a_killed_process_left(self, data_dir, use):
        killed = use()
        killed.await_start()
        killed.kill()
        assert is_running(data_dir)
        following = use()
        following.await_start()
        following.end()
        assert not is_running(data_dir)

    def test_is_not_one_that_was_killed_beside_it(self, data_dir, use):
        staying, killed = use(), use()
        staying.await_start()
        killed.await_start()
        killed.kill()
        assert is_running(data_dir)
        staying.end()
        assert not is_running(data_dir)

    def test_leaves_the_server_to_the_workers_of_a_killed_parent(self, data_dir, use):
        killed = use("--worker")
        [worker_id] = map(int, killed.await_start())
        killed.process.kill()
        passing = use()
        passing.await_start()
        passing.end()
        assert is_running(data_dir)
        os.kill(worker_id, signal.SIGKILL)
        block_until(lambda: _state_of(worker_id) in {"Z", ""}, "the worker is dead")
        last = use()
        last.await_start()
        last.end()
        assert not is_running(data_dir)


class TestStart:
    def test_of_many_at_once_gives_one_server(self, data_dir, use):
        users = [use() for _ in range(4)]
        for user in users:
            user.await_start()
        for user in users:
            user.end()

    def test_puts_aside_the_file_of_a_server_whose_number_another_process_has(self, data_dir, use):
        """As in a container that was killed and started again."""
        pid_file = data_dir / "postgresql" / "postmaster.pid"
        pid_file.write_text(f"{os.getpid()}\n{data_dir / 'postgresql'}\n1\n5432\n/tmp\n\n 1 1\nready   \n")
        user = use()
        user.await_start()
        user.end()

    def test_comes_back_after_the_server_itself_was_killed(self, data_dir, use):
        killed = use()
        killed.await_start()
        found = PostgresFolder(data_dir / "postgresql").find_postmaster()
        assert found is not None
        os.kill(found.process_id, signal.SIGKILL)
        block_until(lambda: not is_running(data_dir), "the server is dead")
        following = use()
        following.await_start()
        killed.kill()
        following.end()

    def test_refuses_the_data_of_another_version_and_leaves_it(self, tmp_path):
        (tmp_path / "postgresql" / "base" / "5").mkdir(parents=True)
        (tmp_path / "postgresql" / "PG_VERSION").write_text("16\n")
        server = EmbeddedServer(tmp_path, role_prefix=ROLE_PREFIX)
        with pytest.raises(PostgresError, match="PostgreSQL 16"):
            server.start()
        server.stop()
        assert (tmp_path / "postgresql" / "PG_VERSION").read_text() == "16\n"

    def test_in_a_folder_whose_path_is_too_long_for_a_socket(self, tmp_path):
        server = EmbeddedServer(tmp_path / ("long" * 30) / "it's here", role_prefix=ROLE_PREFIX)
        assert server.start().application
        server.stop()

    def test_refuses_a_folder_for_its_socket_that_somebody_else_made(self, tmp_path, monkeypatch):
        """Whoever listens there in our place would be told everything."""
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
        folder = PostgresFolder(tmp_path / ("long" * 30))
        planted = folder._choose_socket_folder()
        planted.chmod(0o777)
        with pytest.raises(PostgresError, match="is not ours"):
            folder._choose_socket_folder()
