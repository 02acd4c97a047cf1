"""Two processes that communicate in lines of JSON: one writes to the other's standard input and reads its output."""

import asyncio
import os
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from bench.children import end_with_parent

LINE_BYTES_MAX = 1 << 22


async def open_standard_input() -> asyncio.StreamReader:
    """Open this process's standard input, to be read line by line."""
    reader = asyncio.StreamReader(limit=LINE_BYTES_MAX)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    return reader


def tell(answer: object) -> None:
    """Write one line to standard output."""
    sys.stdout.buffer.write(orjson.dumps(answer) + b"\n")
    sys.stdout.buffer.flush()


class Worker:
    """A process of ours that reads and writes lines."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self.process_id = process.pid
        self._process = process
        self._stdin = process.stdin
        self._stdout = process.stdout

    @classmethod
    async def start(cls, *command: str, log: Path | None = None) -> "Worker":
        """Start it, with its standard error in a file, or else ours. Node runs as in production."""
        with ExitStack() as stack:
            errors = None if log is None else stack.enter_context(log.open("ab"))
            return await cls._start(command, errors)

    @classmethod
    async def _start(cls, command: Sequence[str], errors: BinaryIO | None) -> "Worker":
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=errors,
            limit=LINE_BYTES_MAX,
            env={**os.environ, "NODE_ENV": "production"},
            preexec_fn=end_with_parent,
        )
        return cls(process)

    def send(self, message: object) -> None:
        """Write a line without waiting."""
        self._stdin.write(orjson.dumps(message) + b"\n")

    async def read(self, *, timeout_seconds: float) -> Any:
        """Return its next line. Errors: RuntimeError when it has ended, TimeoutError."""
        async with asyncio.timeout(timeout_seconds):
            line = await self._stdout.readline()
        if not line:
            raise RuntimeError(f"a process of the bench ended: {await self._process.wait()}")
        return orjson.loads(line)

    async def kill(self) -> None:
        """Kill it; it holds nothing that would be missed."""
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()
