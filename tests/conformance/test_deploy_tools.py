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


# Two workers tell the same of the work, so that an alert must come once and not from each.
CASES = """
rule_files: [alerts.yml]
evaluation_interval: 1m
tests:
  - interval: 1m
    input_series:
      - {series: 'jembatan_orders_overdue{carrier="telkomsel", instance="a"}', values: '2x30'}
      - {series: 'jembatan_orders_overdue{carrier="telkomsel", instance="b"}', values: '2x30'}
      - {series: 'jembatan_orders_overdue{carrier="indosat", instance="a"}', values: '0x30'}
      - {series: 'jembatan_sequencer_leader{instance="a"}', values: '1x10 0x20'}
      - {series: 'jembatan_sequencer_leader{instance="b"}', values: '0x30'}
    alert_rule_test:
      - {eval_time: 10m, alertname: JembatanNoSequencer}
      - {eval_time: 10m, alertname: JembatanOrdersOverdue}
      - eval_time: 20m
        alertname: JembatanNoSequencer
        exp_alerts: [{exp_labels: {severity: page}, exp_annotations: {summary: "SEQUENCER"}}]
      - eval_time: 20m
        alertname: JembatanOrdersOverdue
        exp_alerts:
          - exp_labels: {severity: ticket, carrier: telkomsel}
            exp_annotations: {summary: "telkomsel is late with 2 orders."}
  - interval: 15m
    input_series:
      - {series: 'jembatan_drafts_awaiting_approval{instance="a"}', values: '1x20 0 3x40'}
    alert_rule_test:
      - {eval_time: 8h, alertname: JembatanDraftsWait}
      - eval_time: 14h
        alertname: JembatanDraftsWait
        exp_alerts:
          - exp_labels: {severity: ticket}
            exp_annotations: {summary: "There was a draft to approve all day; 3 at the least."}
""".replace("SEQUENCER", "No process assigns positions: nothing new reaches any subscriber.")


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


def test_prometheus_alerts_of_what_is_late_and_of_nothing_else(tmp_path: Path) -> None:
    tool = find_tool("promtool")
    shutil.copy(DEPLOY / "prometheus/alerts.yml", tmp_path)
    (tmp_path / "cases.yml").write_text(CASES)
    done = subprocess.run(
        [tool, "test", "rules", "cases.yml"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
