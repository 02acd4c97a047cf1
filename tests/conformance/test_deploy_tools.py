"""systemd's and Prometheus' tools read the files under deploy/. Skipped, saying so, where they are not installed."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.places import ROOT

pytestmark = pytest.mark.conformance
DEPLOY = ROOT / "deploy"


def find_tool(name: str) -> str:
    tool = shutil.which(name)
    if tool is None:
        pytest.skip(f"{name} is not installed; its files under deploy/ were not tried")
    return tool


def test_systemd_verifies_the_unit(tmp_path: Path) -> None:
    """With a program that exists in place of the installed one."""
    tool = find_tool("systemd-analyze")
    unit = (DEPLOY / "systemd/jembatan.service").read_text()
    (tmp_path / "jembatan.service").write_text(unit.replace("/opt/jembatan/bin/jembatan", sys.executable))
    done = subprocess.run(
        [tool, "verify", "--man=no", str(tmp_path / "jembatan.service")], capture_output=True, text=True, check=False
    )
    about_it = [line for line in done.stderr.splitlines() if "jembatan.service" in line]
    assert (done.returncode, about_it) == (0, [])


def test_systemd_finds_little_that_the_unit_may_do(tmp_path: Path) -> None:
    tool = find_tool("systemd-analyze")
    (tmp_path / "jembatan.service").write_text((DEPLOY / "systemd/jembatan.service").read_text())
    done = subprocess.run(
        [tool, "security", "--offline=true", "--no-pager", str(tmp_path / "jembatan.service")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    exposure = re.search(r"exposure level for jembatan\.service: ([\d.]+)", done.stdout)
    assert exposure, done.stderr
    assert float(exposure[1]) < 2.5


def test_prometheus_checks_the_alerts() -> None:
    tool = find_tool("promtool")
    done = subprocess.run(
        [tool, "check", "rules", str(DEPLOY / "prometheus/alerts.yml")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_prometheus_checks_the_scrape(tmp_path: Path) -> None:
    tool = find_tool("promtool")
    rules = tmp_path / "jembatan-alerts.yml"
    shutil.copy(DEPLOY / "prometheus/alerts.yml", rules)
    scrape = (DEPLOY / "prometheus/scrape.yml").read_text().replace("/etc/prometheus/jembatan-alerts.yml", str(rules))
    (tmp_path / "prometheus.yml").write_text(scrape)
    done = subprocess.run(
        [tool, "check", "config", str(tmp_path / "prometheus.yml")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
