"""`jembatan outage` and `jembatan schedule`: what an operator declares and sees, as the commands print it."""

from datetime import datetime, timedelta

import pytest

from tests.support.operated import COMPLAINTS, FORWARD, approve, verify_all
from tests.support.operator import WHY, Operator


def issue(operator: Operator) -> None:
    complaints = operator.write("complaints.csv", COMPLAINTS)
    operator.run("import", "complaints", complaints, "--format", "csv", "--source", "polri")
    verify_all(operator)
    approve(operator, operator.run(*FORWARD, "--json").json["run"])


class TestOutage:
    def test_declared_extends_orders_once_and_is_listed(self, admitted: Operator) -> None:
        issue(admitted)
        issued_at = admitted.now - timedelta(hours=1)
        starts_at, ends_at = issued_at + timedelta(minutes=10), issued_at + timedelta(minutes=40)
        span = ("--from", starts_at.isoformat(timespec="seconds"), "--to", ends_at.isoformat(timespec="seconds"))
        [declared] = admitted.run("outage", "declare", *span, *WHY, "--json").json["outages"]
        assert (declared["cause"], declared["reason"]) == ("DECLARED", WHY[1])
        exported = admitted.run("orders", "export", "--carrier", "telkomsel", "--json").json
        again = admitted.run("outage", "declare", *span, *WHY)
        assert "All of it was recorded before" in again.err
        assert admitted.run("orders", "export", "--carrier", "telkomsel", "--json").json == exported
        assert admitted.run("outage", "list", "--json").json["outages"] == [declared]
        length = datetime.fromisoformat(declared["endsAt"]) - datetime.fromisoformat(declared["startsAt"])
        assert length == timedelta(minutes=30)

    def test_without_a_reason_or_that_is_not_over_is_refused(self, admitted: Operator) -> None:
        span = ("--from", "2026-03-01T10:00+07:00", "--to", "2026-03-01T12:00+07:00")
        admitted.run("outage", "declare", *span, status=2)
        assert admitted.run("outage", "declare", *span, "--reason", " ", status=1).code == "ACT_REASON_MISSING"
        future = ("--from", "2126-03-01T10:00+07:00", "--to", "2126-03-01T12:00+07:00")
        assert admitted.run("outage", "declare", *future, *WHY, status=1).code == "OUTAGE_TIME_INVALID"
        assert admitted.run("outage", "list", "--json").json == {"outages": []}


class TestSchedule:
    def test_tells_that_it_is_off_or_when_the_next_run_is_due(
        self, admitted: Operator, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert admitted.run("schedule", "--json").json == {
            "schedule": "OFF",
            "nextDueAt": None,
            "ranAt": None,
            "lastRunId": None,
        }
        monkeypatch.setenv("JEMBATAN_FORWARDING_SCHEDULE", "monthly")
        monkeypatch.setenv("JEMBATAN_FORWARDING_LEGAL_BASIS", "PM 5/2021")
        monkeypatch.setenv("JEMBATAN_FORWARDING_SUBSCRIBER_NOTICE", "Blocked; appeal.")
        told = admitted.run("schedule", "--json").json
        assert told["schedule"] == "MONTHLY"
        assert datetime.fromisoformat(told["nextDueAt"]) <= admitted.now
