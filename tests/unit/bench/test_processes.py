"""What a tree of processes used, while its members come and go."""

import os
import subprocess
import sys

import pytest

from bench.processes import HAS_PROC, read_cpu_seconds

pytestmark = pytest.mark.skipif(not HAS_PROC, reason="there is no /proc")
_BUSY = "import time\nwhile time.process_time() < 0.2: pass"


class TestReadingCpu:
    def test_counts_a_child_that_has_ended(self) -> None:
        before = read_cpu_seconds(os.getpid())
        subprocess.run([sys.executable, "-c", _BUSY], check=True)
        used = read_cpu_seconds(os.getpid()) - before
        assert used >= 0.15, "to a hundredth of a second, of user and of system time"

    def test_reads_on_when_a_child_ends_meanwhile(self) -> None:
        with subprocess.Popen(["sh", "-c", "while :; do true & wait; done"]) as parent:
            try:
                used = [read_cpu_seconds(parent.pid) for _ in range(300)]
            finally:
                parent.kill()
        assert used[-1] > 0

    def test_says_that_the_process_itself_has_ended(self) -> None:
        with subprocess.Popen(["true"]) as ended:
            ended.wait()
        with pytest.raises(ProcessLookupError):
            read_cpu_seconds(ended.pid)
