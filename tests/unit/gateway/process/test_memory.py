"""Large buffers: what they took is the system's again, also where something small was made behind each."""

import platform
import subprocess
import sys

import pytest

from bench.processes import HAS_PROC

PLAY = """
import os
from bench.processes import read_resident_bytes
from gateway.process.memory import return_large_buffers
return_large_buffers()
del (first := [bytes(4_000_000)])[:]
before = read_resident_bytes(os.getpid())
kept = []
for _ in range(20):
    large = b"x" * 2_000_000
    kept += [large, b"y" * 60_000]
del kept[::2], large
print(read_resident_bytes(os.getpid()) - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc" or not HAS_PROC, reason="It is about glibc, and read from /proc.")
class TestLargeBuffers:
    def test_are_returned(self) -> None:
        ended = subprocess.run([sys.executable, "-c", PLAY], check=True, capture_output=True, text=True)
        assert int(ended.stdout) < 4_000_000, "40 MB came and went"
