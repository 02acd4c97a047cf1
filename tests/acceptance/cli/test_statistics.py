"""`jembatan statistics` and `jembatan recount`: what they print, and what they exit with."""

from datetime import timedelta

import asyncpg
import pytest

from ledger.legal_time import LEGAL_ZONE
from tests.support.operated import COMPLAINTS, FORWARD, approve, verify_all
from tests.support.operator import WHY, Operator

SPOIL = """
ALTER TABLE complaints DISABLE TRIGGER tally_complaints_update;
UPDATE complaints SET state = 'REJECTED', rejection_reason = 'NOT_MISUSE';
ALTER TABLE complaints ENABLE TRIGGER tally_complaints_update;
"""


def issue(operator: Operator) -> None:
    complaints = operator.write("complaints.csv", COMPLAINTS)
    operator.run("import", "complaints", complaints, "--format", "csv", "--source", "polri")
    verify_all(operator)
    approve(operator, operator.run(*FORWARD, "--json").json["run"])


class TestStatistics:
    def test_tell_of_the_last_thirty_days_unless_it_is_told_which(self, admitted: Operator) -> None:
        issue(admitted)
        told = admitted.run("statistics", "--json").json
        today = admitted.now.astimezone(LEGAL_ZONE).date()
        assert (told["from"], told["to"]) == (str(today - timedelta(days=29)), str(today))
        received, issued = told["total"]["complaints"]["received"], told["total"]["orders"]["issued"]
        assert received >= issued > 0
        assert sum(each["orders"]["issued"] for each in told["byDay"]) == issued
        assert {each["carrier"] for each in told["byCarrier"]} <= {"telkomsel", "xlsmart"}
        assert [each["complaints"] for each in told["byCarrier"]] == [None] * len(told["byCarrier"])
        printed = admitted.run("statistics", "--from", str(today), "--to", str(today)).out
        assert "By carrier" in printed
        assert "telkomsel" in printed
        before = admitted.run("statistics", "--from", "2020-01-01", "--to", "2020-01-31", "--json").json
        assert (before["total"]["complaints"]["received"], before["byDay"]) == (0, [])

    @pytest.mark.parametrize(
        ("period", "code"),
        [
            (("--from", "2026-03-02", "--to", "2026-03-01"), "PERIOD_REVERSED"),
            (("--from", "2024-03-02", "--to", "2026-03-01"), "PERIOD_TOO_LONG"),
        ],
    )
    def test_of_no_period_are_refused(self, admitted: Operator, period: tuple[str, ...], code: str) -> None:
        assert admitted.run("statistics", *period, status=1).code == code

    def test_of_what_is_no_day_are_a_misuse(self, admitted: Operator) -> None:
        admitted.run("statistics", "--from", "1 March", status=2)
        admitted.run("statistics", "--from", "2026-02-30", status=2)


class TestRecount:
    async def spoil(self, operator: Operator) -> None:
        owner = await asyncpg.connect(operator.url.replace("app@", "owner@"))
        await owner.execute(SPOIL)
        await owner.close()

    def test_finds_nothing_where_all_is_right(self, admitted: Operator) -> None:
        issue(admitted)
        assert "Every count is right." in admitted.run("recount").err
        assert admitted.run("recount", "--json").json["differing"] == []

    def test_tells_what_differs_and_mends_it_for_a_reason(self, admitted: Operator) -> None:
        issue(admitted)
        admitted.in_ledger(lambda _database: self.spoil(admitted))
        told = admitted.run("recount", "--json", status=1).json
        assert {each["name"] for each in told["differing"]} == {"complaint_counts", "complaint_days"}
        assert admitted.run("recount", "--mend", status=1).code == "ACT_REASON_MISSING"
        assert "complaint_counts lacks" in admitted.run("recount", status=1).out
        assert admitted.run("recount", "--mend", *WHY, "--json").json["isMended"]
        assert "Every count is right." in admitted.run("recount").err
        rejected = admitted.run("statistics", "--json").json["total"]["complaints"]["rejected"]
        assert rejected == admitted.run("statistics", "--json").json["total"]["complaints"]["received"] > 0
