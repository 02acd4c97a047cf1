"""README's calls work as printed, against the demo that README starts."""

import json
import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from graphql import get_introspection_query

from tests.support.commands import SECONDS_MAX, clean_environment
from tests.support.demo_process import play_demo
from tests.support.places import ROOT


@pytest.fixture(scope="module")
def demo_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with play_demo(tmp_path_factory.mktemp("readme")) as folder:
        yield folder


@pytest.fixture(scope="module")
def lines(demo_folder: Path) -> list[str]:
    """What the README's shell lines print."""
    blocks = re.findall(r"^```sh\n(.*?)^```", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    script = "\n".join([f". {demo_folder / 'credentials.env'}", *blocks])
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        env=clean_environment(),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=SECONDS_MAX,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [line for line in done.stdout.splitlines() if line.strip()]


@pytest.fixture(scope="module")
def answers(lines: list[str]) -> list[dict[str, object]]:
    """The JSON documents among it: a call's answer, or an event of `jembatan follow`."""
    return [json.loads(line) for line in lines if line.startswith("{")]


@pytest.fixture(scope="module")
def events(lines: list[str]) -> list[dict[str, Any]]:
    """The messages of the event stream."""
    data = [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: {")]
    return [result["data"]["blockRequestEvents"] for result in data]


@pytest.mark.skipif(sys.platform == "win32", reason="the lines are for a POSIX shell")
class TestReadme:
    def test_its_calls_are_all_answered_without_an_error(self, answers: list[dict[str, object]]) -> None:
        assert ["errors" in answer for answer in answers] == [False] * 7, answers

    def test_an_agency_files_a_complaint(self, answers: list[dict[str, object]]) -> None:
        assert '"state": "SUBMITTED"' in json.dumps(answers[0])

    def test_a_carrier_sees_its_orders_and_acknowledges(self, answers: list[dict[str, object]]) -> None:
        assert '"orderNo": "O-' in json.dumps(answers[1])
        assert '"wasKnown": false' in json.dumps(answers[2])

    def test_a_carrier_follows_its_orders_from_now_and_behind_a_cursor(
        self, events: list[dict[str, Any]], answers: list[dict[str, object]]
    ) -> None:
        told = [message["event"] for message in events if message["event"]]
        assert [message["event"] for message in events].index(None) == 0
        assert len(events) == len(told) + 1
        assert {"ORDER_ISSUED", "ORDER_ACKNOWLEDGED"} <= {event["kind"] for event in told}
        # The last thing that happened is what the lines before have acknowledged.
        assert told[-1]["acknowledgement"] == "RECEIVED"
        assert f'"orderNo": "{told[-1]["orderNo"]}"' in json.dumps(answers[2])

    def test_a_provider_goes_on_following_signals_where_it_stopped(self, answers: list[dict[str, Any]]) -> None:
        told = [answer["event"] for answer in answers[3:6]]
        assert [event["kind"] for event in told] == ["SIGNAL_RAISED"] * 3
        assert [event["position"] for event in told] == sorted({event["position"] for event in told})
        assert all(event["signal"]["e164"] is None and event["signal"]["hashes"] for event in told)

    def test_an_officer_sees_what_awaits_verification(self, answers: list[dict[str, object]]) -> None:
        assert "+6289011110042" in json.dumps(answers[6])

    def test_its_demo_lets_everyone_read_the_schema(self, demo_folder: Path) -> None:
        gateway = re.search(
            r"^(?:export )?GATEWAY=['\"]?([^'\"\n]+)", (demo_folder / "credentials.env").read_text(), re.MULTILINE
        )
        assert gateway is not None
        request = urllib.request.Request(  # noqa: S310 - the demo's own address
            f"{gateway[1]}/graphql",
            data=json.dumps({"query": get_introspection_query()}).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=SECONDS_MAX) as response:  # noqa: S310 - as above
            assert json.load(response)["data"]["__schema"]["queryType"]["name"] == "Query"
