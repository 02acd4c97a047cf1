"""docs/clients.md and the examples say the same: its commands run, its ends are treated so, its copies are equal."""

import json
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.documents import MY_ORDERS
from demo.made_up import MadeUp
from demo.story import Story, order, report
from tests.support.commands import clean_environment
from tests.support.demo_process import go_on, play_demo, read_variables
from tests.support.examples import CARRIERS, DOCUMENT, PROVIDERS, Example, Program
from tests.support.places import DOCS, ROOT
from tests.support.waiting import until

pytestmark = [pytest.mark.conformance, pytest.mark.timeout(900)]
PLACE = {name: place for place, name in enumerate(CARRIERS + PROVIDERS)}
OPEN = {"states": ["ISSUED", "RECEIVED", "PARTIAL", "LIFT_ISSUED"]}
TABLE_ROW = re.compile(r"^\| (.+?) \| (\w[\w ]*?) \|", re.MULTILINE)
READ_ENDS = {
    "provider-python": """
import json, sys
from gateway import _CLOSES_TO_STOP, _read_errors
ends = json.load(sys.stdin)
remedies = {problem: _read_errors([{"message": "", "extensions": {"code": code, "problem": problem}}]).remedy.value
            for problem, code in ends.items()}
print(json.dumps({"problems": remedies, "stops": sorted(_CLOSES_TO_STOP)}))
""",
    "provider-typescript": """
import { Failure } from './dist/gateway.js'
import { text } from 'node:stream/consumers'
const ends = JSON.parse(await text(process.stdin))
const read = ([problem, code]) => [problem, Failure.fromErrors([{ message: '', extensions: { code, problem } }]).remedy]
console.log(JSON.stringify({ problems: Object.fromEntries(Object.entries(ends).map(read)) }))
""",
}
RUNNERS = {
    "provider-python": [".venv/bin/python", "-c"],
    "provider-typescript": ["node", "--input-type=module", "--eval"],
}


@pytest.fixture(scope="module")
def demo_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with play_demo(tmp_path_factory.mktemp("demo")) as folder:
        yield folder


async def complain(story: Story, example: Example) -> None:
    """One more complaint, which raises a signal, and its order to the carrier."""
    number = f"0890 1111 10{PLACE[example.name]:02d}"
    await report(story, [MadeUp(f"C-{example.name}", number, "FRAUD", "Y", f"Told to {example.name}.")])
    await order(story)


@pytest.mark.parametrize("example", CARRIERS, indirect=True)
async def test_a_poller_runs_as_printed(demo_folder: Path, example: Example) -> None:
    async with go_on(demo_folder) as story:
        await complain(story, example)

        async def is_nothing_open() -> bool:
            return (await story.telkomsel.do(MY_ORDERS, filter=OPEN))["nodes"] == []

        assert not await is_nothing_open()
        async with Program.run(example, variables=read_variables(demo_folder)) as poller:
            await until(is_nothing_open, "all orders are acknowledged")
            assert await poller.end(signal.SIGTERM) == 0, poller.said
    assert " EXECUTED" in poller.said


@pytest.mark.parametrize("example", PROVIDERS, indirect=True)
async def test_a_follower_runs_as_printed(demo_folder: Path, example: Example) -> None:
    async with Program.run(example, variables=read_variables(demo_folder)) as follower:
        await until(lambda: "active signals" in follower.said, "it has started")
        async with go_on(demo_folder) as story:
            await complain(story, example)
        await until(lambda: "is ACTIVE, MEDIUM" in follower.said, "it hears of the signal")
        assert await follower.end(signal.SIGTERM) == 0, follower.said


@pytest.mark.parametrize("example", PROVIDERS, indirect=True)
def test_a_follower_treats_every_end_as_the_document_says(example: Example) -> None:
    listed = _section("subscriptions.md", "Why a stream ends")
    ends = dict(re.findall(r"^\| `([A-Z_]+)` \| `([A-Z_]+)` \|", listed, re.MULTILINE))
    closes = {int(code) for code in re.findall(r"\d{4}", " ".join(
        row.split("|")[1] for row in _section("subscriptions.md", "WebSocket").splitlines() if row.startswith("| ")
    ))}  # fmt: skip
    told = dict(TABLE_ROW.findall(_section("clients.md", "Following")))
    problems = {end.strip("`"): remedy for end, remedy in told.items() if end.startswith("`")}
    codes = {
        int(code): remedy for listed, remedy in told.items() if not listed.startswith("`")
        for code in re.findall(r"\d{4}", listed)
    }  # fmt: skip
    assert set(problems) == set(ends)
    assert set(codes) == closes
    done = subprocess.run(
        [*RUNNERS[example.name], READ_ENDS[example.name]],
        cwd=example.folder, env=clean_environment(), input=json.dumps(ends), capture_output=True, text=True, check=True,
    )  # fmt: skip
    found = json.loads(done.stdout)
    assert found["problems"] == problems
    if "stops" in found:
        assert set(found["stops"]) & closes == {code for code, remedy in codes.items() if remedy == "stop"}


@pytest.mark.parametrize("name", ["src/gateway.ts", "codegen.ts", "tsconfig.json"])
def test_what_both_typescript_examples_need_is_the_same_in_both(name: str) -> None:
    first, second = (ROOT / "examples" / f"{kind}-typescript" / name for kind in ("carrier", "provider"))
    assert first.read_text() == second.read_text()


@pytest.mark.parametrize("name", sorted(PLACE))
def test_its_lock_names_no_host(name: str) -> None:
    folder = ROOT / "examples" / name
    [lock] = [*folder.glob("package-lock.json"), *folder.glob("requirements.lock")]
    assert "://" not in re.sub(r'"url": "https://[^"]+"', "", lock.read_text())


def _section(document: str, title: str) -> str:
    text = (DOCUMENT.parent / document).read_text()
    assert DOCUMENT.parent == DOCS
    return re.split(r"^## ", text.split(f"\n## {title}\n", 1)[1], maxsplit=1, flags=re.MULTILINE)[0]
