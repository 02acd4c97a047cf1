"""A benchmark that is ended from outside leaves no server behind."""

import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.waiting import block_until

_MARK = "MARK_OF_A_BENCHMARK"
_PROC = Path("/proc")

pytestmark = pytest.mark.skipif(not _PROC.is_dir(), reason="processes are found in /proc")


class Marked:
    """A benchmark and whatever it starts: all of them inherit a mark in their environment."""

    def __init__(self) -> None:
        self.mark = uuid.uuid4().hex

    def start(self, *arguments: str) -> "subprocess.Popen[bytes]":
        environment = {**os.environ, _MARK: self.mark}
        command = [sys.executable, "-m", "bench", *arguments]
        return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def find(self) -> dict[int, str]:
        """The commands of all processes with the mark, by their ids."""
        return dict(self._list())

    def _list(self) -> Iterator[tuple[int, str]]:
        wanted = f"{_MARK}={self.mark}".encode()
        for folder in _PROC.iterdir():
            if not folder.name.isdecimal():
                continue
            try:
                is_marked = wanted in (folder / "environ").read_bytes().split(b"\0")
                command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            if is_marked:
                yield int(folder.name), command


@pytest.fixture
def marked() -> Iterator[Marked]:
    found = Marked()
    yield found
    for process_id in found.find():
        os.kill(process_id, signal.SIGKILL)


class TestEndingABenchmark:
    @pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGKILL])
    def test_leaves_neither_postgresql_nor_a_server_nor_a_load_behind(
        self, marked: Marked, sign: signal.Signals
    ) -> None:
        process = marked.start("poll", "poll-numbers", "complaints", "--quick", "--sides", "Jembatan,pgbench")
        block_until(lambda: _runs(marked, "bench.http_load"), "the load runs", seconds_max=90)
        assert _runs(marked, "cli serve")
        assert _runs(marked, "postgres")

        process.send_signal(sign)
        ended = process.wait(60)

        block_until(lambda: not marked.find(), "nothing is left", seconds_max=30)
        assert ended == (128 + sign if sign is signal.SIGTERM else -sign)


def _runs(marked: Marked, part: str) -> bool:
    return any(part in command for command in marked.find().values())
