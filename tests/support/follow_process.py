"""`jembatan follow` as a process, and what it notes on stderr."""

import asyncio
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol

from tests.support.commands import COMMAND, clean_environment

READ_SECONDS_MAX = 45.0


class Reachable(Protocol):
    """What has the address of a gateway."""

    url: str


async def read_note(process: Process, text: str) -> str:
    """The notes up to the one that has the text."""
    assert process.stderr is not None
    told = ""
    async with asyncio.timeout(READ_SECONDS_MAX):
        while text not in told:
            line = (await process.stderr.readline()).decode()
            assert line, f"it ended without {text!r}: {told}"
            told += line
    return told


@asynccontextmanager
async def run_follow(at: Reachable, *arguments: str, **environment: str) -> AsyncIterator[Process]:
    process = await asyncio.create_subprocess_exec(
        *COMMAND, "follow", "--url", at.url, *arguments, env=clean_environment(**environment),
        stdout=PIPE, stderr=PIPE,
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()
