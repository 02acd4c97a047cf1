"""`jembatan status`: how things stand, for a person and for a script, beside a running server or without one."""

from datetime import datetime, timedelta

from ledger.storage.database import Database
from ledger.storage.job_outcomes import JobOutcome, record_outcomes
from ledger.storage.roles import Role
from tests.support.operated import COMPLAINTS, FORWARD, approve, verify_all
from tests.support.operator import WHY, Operator


def work_a_day(operator: Operator) -> None:
    """Complaints of which some are forwarded and approved, and later ones that wait."""
    complaints = operator.write("complaints.csv", COMPLAINTS.partition("A-5")[0])
    operator.run("import", "complaints", complaints, "--format", "csv", "--source", "polri")
    verify_all(operator)
    approve(operator, operator.run(*FORWARD, "--json").json["run"])
    later = "reference,number,medium,category,narrative\nB-1,0890 1111 0009,SMS,FRAUD,He asked again.\n"
    operator.run("import", "complaints", operator.write("later.csv", later), "--format", "csv", "--source", "polri")


class TestStatus:
    def test_of_a_new_installation_has_nothing_waiting(self, operator: Operator) -> None:
        found = operator.run("status", "--json").json
        assert set(found["complaints"].values()) == {0}
        assert (found["orders"]["byCarrier"], found["failedJobs"], found["log"]["sequencerPid"]) == ([], [], None)
        assert found["database"]["revision"] == found["database"]["requiredRevision"]
        assert found["database"]["areRightsCurrent"] is True
        assert abs(found["database"]["clockAheadSeconds"]) < 60

    def test_tells_what_waits_for_officers_and_for_carriers(self, admitted: Operator) -> None:
        work_a_day(admitted)
        found = admitted.run("status", "--json").json
        assert found["complaints"]["awaitingVerification"] == 1
        assert found["orders"]["byCarrier"] == [
            {"carrier": "telkomsel", "open": 2, "overdue": 0, "unanswered": 0},
            {"carrier": "xlsmart", "open": 1, "overdue": 0, "unanswered": 0},
        ]
        assert found["log"]["pending"] > 0
        assert {each["kind"]: each["admitted"] for each in found["members"]} == {
            "REGULATOR": 1,
            "CARRIER": 2,
            "AGENCY": 1,
        }
        assert found["accounts"]["officers"] == 2

    def test_tells_of_keys_how_old_each_is_and_of_secrets_which_end(self, admitted: Operator) -> None:
        client = admitted.run("client", "add", *WHY, "xlsmart", "--name", "X", "--json").json["clientId"]
        admitted.run("client", "rotate-secret", client, *WHY, "--overlap", "24h")
        admitted.run("keys", "rotate-signing")
        admitted.run("keys", "rotate-signing")
        found = admitted.run("status", "--json").json
        [sealing] = found["keys"]["encryption"]
        assert (sealing["keyId"], sealing["isCurrent"]) == (admitted.keyring.current_key_id, True)
        current, retired = found["keys"]["signing"]
        assert current["acceptedUntil"] is None
        assert datetime.fromisoformat(retired["acceptedUntil"]) > admitted.now
        assert found["accounts"]["clientsOverlapping"] == 1
        ends_at = datetime.fromisoformat(found["accounts"]["nextOverlapEndsAt"])
        assert timedelta(hours=23) < ends_at - admitted.now < timedelta(hours=25)

    def test_names_the_job_that_failed_and_why(self, operator: Operator) -> None:
        async def fail(database: Database) -> None:
            now = operator.now
            failed = JobOutcome(name="expire_signals", ran_at=now, failures=1, failed_at=now, error="OSError")
            async with database.system(Role.TRANSITION, as_of=now) as tx:
                await record_outcomes(tx, [failed])

        operator.in_ledger(fail)
        assert operator.run("status", "--json").json["failedJobs"][0]["error"] == "OSError"
        assert "expire_signals" in operator.run("status").out

    def test_reads_for_people(self, admitted: Operator) -> None:
        work_a_day(admitted)
        told = admitted.run("status").out
        for words in ("complaints to verify", "telkomsel", "none: is `serve` running?", "officers who can approve"):
            assert words in told

    def test_shows_no_number_and_no_words_of_a_complaint(self, admitted: Operator) -> None:
        """It is no access that is recorded, so nothing that would have to be may be in it."""
        work_a_day(admitted)
        told = admitted.run("status", "--json").out + admitted.run("status").out
        assert not any(secret in told for secret in ("8901111000", "asked", "T-20", "O-20"))
