"""The calls for a messaging firm's engineer work as printed, against the demo."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import SECONDS_MAX, clean_environment
from tests.support.demo_process import play_demo
from tests.support.places import ROOT


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What the page's shell lines print."""
    blocks = re.findall(r"^```sh\n(.*?)^```", (ROOT / "docs" / "providers.md").read_text(), re.MULTILINE | re.DOTALL)
    with play_demo(tmp_path_factory.mktemp("providers")) as folder:
        done = run(folder, blocks)
    assert done.returncode == 0, done.stderr
    return [line for line in done.stdout.splitlines() if line.strip()]


def run(folder: Path, blocks: list[str]) -> subprocess.CompletedProcess[str]:
    script = "\n".join([f". {folder / 'credentials.env'}", *blocks])
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        env=clean_environment(),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=SECONDS_MAX,
        check=False,
    )


@pytest.fixture(scope="module")
def answers(lines: list[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines if line.startswith("{")]


@pytest.fixture(scope="module")
def events(lines: list[str]) -> list[dict[str, Any]]:
    data = [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: {")]
    return [result["data"]["referralEvents"] for result in data]


@pytest.mark.skipif(sys.platform == "win32", reason="the lines are for a POSIX shell")
class TestProvidersPage:
    def test_its_calls_are_all_answered_without_an_error(self, answers: list[dict[str, Any]]) -> None:
        assert ["errors" in answer for answer in answers] == [False] * 2, answers

    def test_the_firm_receives_what_is_open(self, answers: list[dict[str, Any]]) -> None:
        [referral] = answers[0]["data"]["referrals"]["nodes"]
        assert (referral["account"]["platform"], referral["account"]["handle"]) == ("TELEGRAM", "pinjam_kilat")
        assert (referral["e164"], referral["complaintCount"], referral["account"]["isCanonical"]) == (None, 1, True)

    def test_the_firm_answers(self, answers: list[dict[str, Any]]) -> None:
        payload = answers[1]["data"]["respondToReferrals"]
        assert payload["problemCount"] == 0
        assert [result["referral"]["state"] for result in payload["results"]] == ["ACTIONED"] * 2
        assert [result["response"]["hasMovedState"] for result in payload["results"]] == [True] * 2

    def test_the_firm_follows_from_now_and_behind_a_cursor(self, events: list[dict[str, Any]]) -> None:
        told = [message["event"] for message in events if message["event"]]
        assert [message["event"] for message in events].index(None) == 0
        assert len(events) == len(told) + 1
        assert {"REFERRAL_OFFERED", "REFERRAL_ANSWERED", "REFERRAL_LAPSED"} == {event["kind"] for event in told}
        assert [(event["state"], event["response"], event["action"]) for event in told[-2:]] == [
            ("RECEIVED", "RECEIVED", None),
            ("ACTIONED", "ACTIONED", "BANNED"),
        ]
