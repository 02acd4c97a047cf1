"""`jembatan` as a process of its own: started anew, or, which is faster, forked from one that has imported it."""

import asyncio
import multiprocessing
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping

from typer.core import TyperGroup

from cli.main import Commands
from tests.support.places import ROOT


def list_commands() -> Iterator[tuple[str, ...]]:
    """Every command by its words, with the module of each loaded."""

    def walk(group: TyperGroup, *place: str) -> Iterator[tuple[str, ...]]:
        for name in group.commands:
            loaded = group.load(name) if isinstance(group, Commands) else group.commands[name]
            yield from walk(loaded, *place, name) if isinstance(loaded, TyperGroup) else [(*place, name)]

    yield from walk(Commands())


COMMAND = [sys.executable, "-m", "cli"]
SECONDS_MAX = 90
_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload(["cli.main", "cli.session", "migrations.run", "ledger.storage.database"])


def _run_command(arguments: list[str], environment: dict[str, str], out: str, err: str) -> None:
    from cli.main import main

    for number, name in ((1, out), (2, err)):
        os.dup2(os.open(name, os.O_WRONLY), number)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(ROOT)
    sys.argv = ["jembatan", *arguments]
    main()


async def run_command(*arguments: str, environment: Mapping[str, str], seconds_max: float) -> tuple[int, str, str]:
    """A command's status, what it said and what it noted. Errors: TimeoutError, with the command killed."""
    with tempfile.NamedTemporaryFile() as out, tempfile.NamedTemporaryFile() as err:
        what = (list(arguments), dict(environment), out.name, err.name)
        process = _processes.Process(target=_run_command, args=what)
        process.start()
        await asyncio.to_thread(process.join, seconds_max)
        if process.exitcode is None:
            process.kill()
            raise TimeoutError
        return process.exitcode, out.read().decode(), err.read().decode()


def clean_environment(**more: str) -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("JEMBATAN_")} | more
