"""The warning that no second approver is active: while it stands, an order that one officer drafts can't be issued."""

from dataclasses import replace

import pytest

from auth.settings import AuthSettings
from ledger.members.admission import OfficerDraft, add_officer
from ledger.viewer import OPERATOR
from tests.support.desk import Desk

ASK = "{ viewer { warnings } }"
DISABLE = """mutation ($input: DisableOfficerInput!) {
  disableOfficer(input: $input) { officer { id } warnings } }"""


@pytest.fixture
async def approvers(desk: Desk):
    """Two officers who may approve."""
    async with desk.database.transaction(OPERATOR, as_of=desk.as_of) as tx:
        return [
            await add_officer(
                tx,
                OfficerDraft(
                    office_id=desk.parties.officer.office_id,
                    display_name=name,
                    scopes=("orders:approve", "orders:read"),
                ),
            )
            for name in ("Cici", "Dedi")
        ]


async def ask(desk: Desk, party: str = "officer"):
    answer = await desk.ask(getattr(desk.parties, party), ASK)
    assert answer.errors == []
    return answer.data["viewer"]["warnings"]


class TestNoSecondApprover:
    async def test_stands_while_nobody_may_approve(self, desk: Desk):
        assert await ask(desk) == ["NO_SECOND_APPROVER"]

    async def test_is_gone_when_two_may(self, desk: Desk, approvers):
        assert await ask(desk) == []

    async def test_is_told_to_whoever_disables_the_second_last_one(self, desk: Desk, approvers, caplog):
        answer = await desk.ask(desk.parties.officer, DISABLE, input={"officerId": approvers[0].id})
        assert answer.data["disableOfficer"]["warnings"] == ["NO_SECOND_APPROVER"]
        assert await ask(desk) == ["NO_SECOND_APPROVER"]
        assert [record.warning for record in caplog.records if record.message == "standing_warning"] == [
            "NO_SECOND_APPROVER"
        ]

    async def test_stands_while_one_of_two_lacks_the_second_factor_that_is_required(
        self, desk: Desk, approvers, owner_connection
    ):
        strict = replace(desk, auth_settings=AuthSettings(second_factor="privileged"))
        assert await ask(strict) == ["NO_SECOND_APPROVER"]
        for approver, is_last in zip(approvers, (False, True), strict=True):
            await owner_connection.execute(
                "INSERT INTO officer_logins (id, officer_id, login, password_hash, created_at, password_set_at, "
                "totp_secret_sealed, totp_confirmed_at) "
                "VALUES (gen_random_uuid(), $1, $2, '$argon2id$', now(), now(), 'sealed', now())",
                approver.id,
                approver.display_name.lower(),
            )
            assert await ask(strict) == ([] if is_last else ["NO_SECOND_APPROVER"])

    async def test_counts_no_officer_of_a_suspended_regulator(self, desk: Desk, approvers, owner_connection):
        await owner_connection.execute("UPDATE members SET suspended_at = now() WHERE kind = 'REGULATOR'")
        assert await ask(desk) == ["NO_SECOND_APPROVER"]

    @pytest.mark.parametrize("party", ["regulator", "telkomsel", "agency", "provider"])
    async def test_is_told_to_the_regulators_officers_alone(self, desk: Desk, party: str):
        assert await ask(desk, party) == []
