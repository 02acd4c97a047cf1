"""The programs of examples/, set up and run by the commands that docs/clients.md prints."""

import asyncio
import os
import re
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.commands import clean_environment
from tests.support.places import DOCS, ROOT

DOCUMENT = DOCS / "clients.md"
CARRIERS = ["carrier-python", "carrier-typescript"]
PROVIDERS = ["provider-python", "provider-typescript"]
SETTING_UP_SECONDS_MAX = 600
SECONDS_MAX = 60


@dataclass(frozen=True)
class Example:
    """An example that was set up: its folder, and the line that runs it."""

    name: str
    folder: Path
    command: str


def read_commands(name: str) -> tuple[str, str]:
    """What the document prints for an example: how to set it up, and how to run it."""
    pairs = re.findall(r"^```sh\n(.*?)^```\n```sh\n(.*?)^```", DOCUMENT.read_text(), re.MULTILINE | re.DOTALL)
    [(set_up, run)] = [pair for pair in pairs if pair[0].startswith(f"cd examples/{name}\n")]
    return set_up, run.strip()


def prepare(name: str, root: Path) -> Example:
    """Copy an example and the schema to another root, and set it up there."""
    (root / "schema").mkdir(exist_ok=True)
    shutil.copy(ROOT / "schema" / "schema.graphql", root / "schema")
    made = shutil.ignore_patterns(".venv", "node_modules", "dist", "jembatan_client", "graph", "__pycache__")
    folder = root / "examples" / name
    shutil.copytree(ROOT / "examples" / name, folder, ignore=made)
    set_up, command = read_commands(name)
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", set_up],
        cwd=root,
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=SETTING_UP_SECONDS_MAX,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return Example(name, folder, command)


@dataclass
class Program:
    """A running example, and what it has said so far."""

    process: asyncio.subprocess.Process
    said: str = ""
    _listening: asyncio.Task[None] | None = field(default=None, repr=False)

    @classmethod
    @asynccontextmanager
    async def run(cls, example: Example, *arguments: str, variables: Mapping[str, str]) -> AsyncIterator["Program"]:
        """Run an example until the block ends; it is killed if it still runs then."""
        process = await asyncio.create_subprocess_exec(
            "bash", "-c", " ".join([example.command, *arguments]),
            cwd=example.folder,
            env={**clean_environment(), "NO_PROXY": "127.0.0.1", **variables},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )  # fmt: skip
        program = cls(process)
        program._listening = asyncio.create_task(program._listen())
        try:
            yield program
        finally:
            await program.end(signal.SIGKILL)

    async def _listen(self) -> None:
        assert self.process.stdout is not None
        while chunk := await self.process.stdout.read(65_536):
            self.said += chunk.decode()

    async def end(self, signal_number: int) -> int:
        """Send a signal to it, and to whatever it started; its exit status."""
        if self.process.returncode is None:
            os.killpg(self.process.pid, signal_number)
        return await self.wait()

    async def wait(self) -> int:
        """Its exit status. Errors: TimeoutError."""
        async with asyncio.timeout(SECONDS_MAX):
            status = await self.process.wait()
            assert self._listening is not None
            await self._listening
        return status
