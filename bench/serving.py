"""The real gateway in its own process, and a client that reads every body."""

import asyncio
import base64
import os
import re
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import orjson

from auth.clients.registration import CreatedClient
from bench.children import end_with_parent
from bench.world import World

_ADDRESS = re.compile(rb"Serving (http://\S+)/graphql")
_SETTINGS = {
    "JEMBATAN_METRICS_PORT": "0",
    "JEMBATAN_LOG_LEVEL": "ERROR",
    "JEMBATAN_RATE_PER_SECOND": "1000000",
    "JEMBATAN_RATE_BURST": "1000000",
    "JEMBATAN_ACCESS_TOKEN_SECONDS": "86400",
}
"""Defaults, except for the rate limit, which would be measured itself, and the token's lifetime, which must outlast the
run."""


class AnswerError(RuntimeError):
    """The gateway's answer is not what was expected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """A running gateway, as seen by one client with a token."""

    url: str
    process_id: int
    session: aiohttp.ClientSession

    async def post(self, query: str, variables: dict[str, Any] | None = None) -> bytes:
        """Return the body of an answer with status 200. Errors: AnswerError."""
        body = orjson.dumps({"query": query, "variables": variables or {}})
        async with self.session.post(f"{self.url}/graphql", data=body) as response:
            answer = await response.read()
            if response.status != 200:
                raise AnswerError(f"{response.status}: {answer[:500]!r}")
            return answer

    async def ask(self, query: str, variables: dict[str, Any] | None = None) -> Any:
        """Return the data of an answer without errors. Errors: AnswerError."""
        answer = orjson.loads(await self.post(query, variables))
        if "errors" in answer:
            raise AnswerError(str(answer["errors"][:1]))
        return answer["data"]

    def read_cpu_seconds(self) -> float | None:
        """Return what the process has used so far; None where there is no /proc."""
        path = Path(f"/proc/{self.process_id}/stat")
        if not path.exists():
            return None
        fields = path.read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Served:
    """`jembatan serve`, ready."""

    url: str
    process_id: int


@asynccontextmanager
async def serve_gateway(world: World, name: str, client: CreatedClient, *, scope: str) -> AsyncIterator[Gateway]:
    """Run `jembatan serve` on a database, with the client's token for the scope."""
    async with serve_process(world, name) as served:
        token = await obtain_token(served.url, client, scope=scope)
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(
            connector=connector, headers=headers, cookie_jar=aiohttp.DummyCookieJar()
        ) as session:
            yield Gateway(url=served.url, process_id=served.process_id, session=session)


@asynccontextmanager
async def serve_process(
    world: World, name: str, settings: Mapping[str, str] | None = None, *, port: int = 0
) -> AsyncIterator[Served]:
    """Run `jembatan serve` on a database, with further settings, until the end of the block. Port 0: any."""
    environment = make_environment(world, name, settings)
    command = [sys.executable, "-m", "cli", "serve", "--port", str(port)]
    process = await asyncio.create_subprocess_exec(
        *command, env=environment, stderr=subprocess.PIPE, preexec_fn=end_with_parent
    )
    try:
        address = await _read_address(process)
        # A pipe that nobody reads fills up, and then the gateway waits for ever to write its next line.
        draining = asyncio.create_task(_drain(process))
        try:
            yield Served(address, process.pid)
        finally:
            draining.cancel()
    finally:
        if process.returncode is None:
            process.terminate()
        await process.communicate()


def make_environment(world: World, name: str, settings: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment in which a process of ours works on a database, with further settings."""
    return {
        **{key: value for key, value in os.environ.items() if not key.startswith("JEMBATAN_")},
        **_SETTINGS,
        **(settings or {}),
        "JEMBATAN_DATABASE_URL": world.url_of(name),
        "JEMBATAN_ENCRYPTION_KEYS": world.keys[0],
        "JEMBATAN_REFERENCE_KEY": world.keys[1],
    }


async def _drain(process: asyncio.subprocess.Process) -> None:
    assert process.stderr is not None
    while await process.stderr.read(65_536):
        continue


async def _read_address(process: asyncio.subprocess.Process) -> str:
    assert process.stderr is not None
    said = b""
    async with asyncio.timeout(120):
        while line := await process.stderr.readline():
            said += line
            if match := _ADDRESS.search(line):
                await _wait_until_ready(match[1].decode())
                return match[1].decode()
    raise RuntimeError(f"the gateway did not start: {said.decode()}")


async def _wait_until_ready(url: str) -> None:
    """Wait for the first answer: the port listens before the application has started."""
    async with aiohttp.ClientSession() as session, session.get(f"{url}/readyz") as response:
        assert response.status == 200, await response.text()


def find_free_port() -> int:
    """Return a port that was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


async def read_metric(url: str, name: str) -> float:
    """Return a metric without labels as it is now; 0 where there is none."""
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        found = re.search(rf"^{name} (\S+)", await response.text(), re.MULTILINE)
    return float(found[1]) if found else 0.0


async def obtain_token(url: str, client: CreatedClient, *, scope: str) -> str:
    """Return an access token of the client's own."""
    basic = base64.b64encode(f"{client.client_id}:{client.secret}".encode()).decode()
    form = {"grant_type": "client_credentials", "scope": scope}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{url}/oauth/token", data=form, headers={"Authorization": f"Basic {basic}"}) as response,
    ):
        assert response.status == 200, await response.text()
        return str((await response.json())["access_token"])
