"""README's calls work as printed, against the demo that README starts."""

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.cli.test_processes import COMMAND, SECONDS_MAX, clean_environment

ROOT = Path(__file__).parent.parent.parent.parent


@pytest.fixture(scope="module")
def demo_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A demo that was played and serves; Ctrl-C must end it with 0."""
    folder = tmp_path_factory.mktemp("readme")
    environment = clean_environment(JEMBATAN_DATA_DIR=str(folder))
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
            pytest.fail(told)
        yield folder / "demo"
        demo.send_signal(signal.SIGINT)
        rest = demo.stderr.read()
        assert demo.wait(timeout=SECONDS_MAX) == 0, rest
        assert "Traceback" not in rest


@pytest.fixture(scope="module")
def answers(demo_folder: Path) -> list[dict[str, object]]:
    """What the README's shell lines print, one JSON document a call."""
    blocks = re.findall(r"^```sh\n(.*?)^```", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    script = "\n".join([f". {demo_folder / 'credentials.env'}", *blocks])
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script], capture_output=True, text=True, timeout=SECONDS_MAX, check=False
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines() if line.strip()]


@pytest.mark.skipif(sys.platform == "win32", reason="the lines are for a POSIX shell")
class TestReadme:
    def test_its_calls_are_all_answered_without_an_error(self, answers: list[dict[str, object]]) -> None:
        assert ["errors" in answer for answer in answers] == [False] * 4, answers

    def test_an_agency_files_a_complaint(self, answers: list[dict[str, object]]) -> None:
        assert '"state": "SUBMITTED"' in json.dumps(answers[0])

    def test_a_carrier_sees_its_orders_and_acknowledges(self, answers: list[dict[str, object]]) -> None:
        assert '"orderNo": "O-' in json.dumps(answers[1])
        assert '"wasKnown": false' in json.dumps(answers[2])

    def test_an_officer_sees_what_awaits_verification(self, answers: list[dict[str, object]]) -> None:
        assert "+6289011110042" in json.dumps(answers[3])
