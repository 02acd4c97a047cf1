"""Real `serve` processes over one database: started, killed, frozen, thawed and told to stop."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import aiohttp

from tests.support.waiting import until

SERVE = [sys.executable, "-m", "cli", "serve"]
_ANSWER = aiohttp.ClientTimeout(total=1)
_NOT_ANSWERED = (aiohttp.ClientError, TimeoutError, OSError)


class Serving:
    """One `serve` process at a port of its own, which it keeps over restarts."""

    def __init__(self, name: str, folder: Path, environment: Mapping[str, str], http: aiohttp.ClientSession) -> None:
        self.name = name
        self.port, self.metrics_port = find_free_port(), find_free_port()
        self.is_frozen = False
        self._http = http
        self._log_path = folder / f"{name}.log"
        self._environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith("JEMBATAN_")},
            **environment,
            "JEMBATAN_METRICS_PORT": str(self.metrics_port),
        }
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        return self._log_path.read_text()

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    async def start(self) -> None:
        assert not self.is_running
        self._spawn()
        await until(self.is_ready, seconds_max=90)

    async def is_ready(self) -> bool:
        assert self.is_running, self.log[-4000:]
        try:
            async with self._http.get(f"{self.url}/readyz", timeout=_ANSWER) as response:
                return response.status == 200
        except _NOT_ANSWERED:
            return False

    async def is_leading(self) -> bool:
        return await self.read_metric("jembatan_sequencer_leader") == 1

    async def read_metric(self, name: str) -> float:
        """A number that the process tells; 0 where it tells none, or nothing at all."""
        if not self.is_running or self.is_frozen:
            return 0
        try:
            url = f"http://127.0.0.1:{self.metrics_port}/metrics"
            async with self._http.get(url, timeout=_ANSWER) as response:
                lines = [line.rpartition(" ") for line in (await response.text()).splitlines()]
        except _NOT_ANSWERED:
            return 0
        return sum(float(value) for told, _, value in lines if told == name)

    async def kill(self) -> None:
        """As a lost machine would go: nothing is closed and nobody is told."""
        await self._end(signal.SIGKILL)

    async def terminate(self) -> int:
        """As an upgrade does it; returns its status."""
        return await self._end(signal.SIGTERM)

    def freeze(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        self.is_frozen = True

    def thaw(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)
        self.is_frozen = False

    def _spawn(self) -> None:
        with self._log_path.open("ab") as log:
            self._process = subprocess.Popen([*SERVE, "--port", str(self.port)], env=self._environment, stderr=log)

    async def _end(self, sign: signal.Signals) -> int:
        assert self._process is not None
        self._process.send_signal(sign)
        self.is_frozen = False
        return await asyncio.to_thread(self._process.wait, 60)


async def find_leader(servings: list[Serving]) -> Serving:
    """The process that gives events their positions, once exactly one of them says so of itself."""
    found: list[Serving] = []

    async def is_one() -> bool:
        nonlocal found
        found = [serving for serving in servings if await serving.is_leading()]
        return len(found) == 1

    await until(is_one)
    return found[0]


def find_free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])
