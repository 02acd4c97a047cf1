"""`jembatan demo` as a process of its own, and its parties at their desks."""

import signal
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path

from demo.cast import Cast
from demo.clock import DemoClock
from demo.parties import Party
from demo.story import Story
from tests.support.commands import COMMAND, SECONDS_MAX, clean_environment


@contextmanager
def play_demo(data_dir: Path) -> Iterator[Path]:
    """A demo that was played and serves; gives its folder. Ctrl-C must end it with 0."""
    environment = clean_environment(JEMBATAN_DATA_DIR=str(data_dir))
    with subprocess.Popen(
        [*COMMAND, "demo", "--port", "0"], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as demo:
        assert demo.stderr is not None
        told = ""
        for line in demo.stderr:
            told += line
            if "Serving until Ctrl-C" in line:
                break
        else:
            raise AssertionError(told)
        yield data_dir / "demo"
        demo.send_signal(signal.SIGINT)
        rest = demo.stderr.read()
        assert demo.wait(timeout=SECONDS_MAX) == 0, rest
        assert "Traceback" not in rest


def read_variables(demo_folder: Path) -> dict[str, str]:
    """What the line that the demo prints sets in a shell."""
    script = f"set -a; . {demo_folder / 'credentials.env'}; env -0"
    shell = subprocess.run(["bash", "-c", script], env={}, capture_output=True, text=True, check=True)
    return dict(line.split("=", 1) for line in shell.stdout.split("\0") if line)


@asynccontextmanager
async def go_on(demo_folder: Path) -> AsyncIterator[Story]:
    """The demo's story goes on: every party with a token of its own, at the present time."""
    cast, clock = Cast.load(demo_folder / "cast.json"), DemoClock()
    clock.catch_up()
    async with AsyncExitStack() as stack:
        parties = {}
        for name, credentials in cast.credentials.items():
            parties[name] = Party(credentials, base_url=read_variables(demo_folder)["GATEWAY"], now=clock.read)
            stack.push_async_callback(parties[name].close)
            await parties[name].get_token()
        yield Story(cast=cast, clock=clock, parties=parties)
