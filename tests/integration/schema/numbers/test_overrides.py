"""Overrides in the graph: two officers, by the hash of a text that a browser can hash itself."""

import hashlib

import pytest

from auth.errors import MachineScopeError
from auth.scopes import BY_KIND, NUMBERS_MANAGE, check_scopes, grant_machine_scopes
from ledger.viewer import MemberKind
from tests.support.desk import Desk
from tests.support.journeys import TELKOMSEL_NUMBER, file_verified

PROPOSE = """mutation($i: ProposeNumberOverridesInput!) { proposeNumberOverrides(input: $i) { problemCount results {
  problem { code field hint } proposal { id state content contentHash e164 reason number { holder { slug } }
  holderBefore { slug } holder { slug } brand { slug } proposedBy { displayName } decidedBy { displayName } } } } }"""
APPROVE = """mutation($i: ApproveNumberOverridesInput!) { approveNumberOverrides(input: $i) { problemCount results {
  problem { code field hint } proposal { state number { holder { slug } } decidedBy { displayName } } } } }"""
LIST = """query($f: NumberOverrideProposalFilter, $n: Int, $a: String) {
  numberOverrideProposals(filter: $f, first: $n, after: $a) { nodes { e164 state } pageInfo { endCursor hasNextPage } }
}"""


def override_of(desk: Desk, number=TELKOMSEL_NUMBER):
    return {"number": number, "holderId": desk.parties.indosat.member_id, "reason": "The carrier says so."}


class TestOverrides:
    async def test_are_proposed_read_and_approved_by_the_hash_of_their_text(self, desk: Desk):
        await file_verified(desk.database, desk.parties, desk.as_of, [TELKOMSEL_NUMBER])
        answer = await desk.ask(desk.parties.officer, PROPOSE, i={"overrides": [override_of(desk)]})
        (result,) = answer.data["proposeNumberOverrides"]["results"]
        proposal = result["proposal"]
        assert (proposal["holderBefore"]["slug"], proposal["holder"]["slug"]) == ("telkomsel", "indosat")
        assert proposal["number"]["holder"]["slug"] == "telkomsel"
        computed = hashlib.sha256(proposal["content"].encode()).hexdigest()
        assert computed == proposal["contentHash"]
        approval = {"approvals": [{"proposalId": proposal["id"], "contentHash": computed}]}
        own = await desk.ask(desk.parties.officer, APPROVE, i=approval)
        assert own.data["approveNumberOverrides"]["results"][0]["problem"]["code"] == "FOUR_EYES"
        done = await desk.ask(desk.parties.other_officer, APPROVE, i=approval)
        (approved,) = done.data["approveNumberOverrides"]["results"]
        assert approved["proposal"]["state"] == "APPROVED"
        assert approved["proposal"]["number"]["holder"]["slug"] == "indosat"
        assert approved["proposal"]["decidedBy"] == {"displayName": "Budi"}

    async def test_cost_a_fixed_number_of_statements(self, desk: Desk):
        numbers = [f"+6281200{place:05d}" for place in range(1000)]
        await file_verified(desk.database, desk.parties, desk.as_of, numbers)
        proposed = await desk.ask(
            desk.parties.officer, PROPOSE, i={"overrides": [override_of(desk, number) for number in numbers]}
        )
        assert (proposed.errors, proposed.data["proposeNumberOverrides"]["problemCount"]) == ([], 0)
        assert len(proposed.statements) <= 14, proposed.statements
        found = [result["proposal"] for result in proposed.data["proposeNumberOverrides"]["results"]]
        approvals = [{"proposalId": item["id"], "contentHash": item["contentHash"]} for item in found]
        approved = await desk.ask(desk.parties.other_officer, APPROVE, i={"approvals": approvals})
        assert (approved.errors, approved.data["approveNumberOverrides"]["problemCount"]) == ([], 0)
        assert len(approved.statements) <= 16, approved.statements

    async def test_are_listed_in_pages(self, desk: Desk):
        numbers = [f"+628120000000{place}" for place in range(3)]
        await desk.ask(desk.parties.officer, PROPOSE, i={"overrides": [override_of(desk, n) for n in numbers]})
        first = (await desk.ask(desk.parties.officer, LIST, n=2, f={"states": ["PROPOSED"]})).data
        page = first["numberOverrideProposals"]
        rest = (await desk.ask(desk.parties.officer, LIST, n=2, a=page["pageInfo"]["endCursor"])).data
        assert len(page["nodes"] + rest["numberOverrideProposals"]["nodes"]) == 3
        assert not rest["numberOverrideProposals"]["pageInfo"]["hasNextPage"]

    async def test_of_the_deprecated_mutation_only_propose(self, desk: Desk):
        await file_verified(desk.database, desk.parties, desk.as_of, [TELKOMSEL_NUMBER])
        query = """mutation($i: SetNumberOverrideInput!) { setNumberOverride(input: $i) {
          number { holder { slug } } proposal { state } problem { code field } } }"""
        wanted = {"e164": TELKOMSEL_NUMBER, "holderId": desk.parties.indosat.member_id, "reason": "So."}
        ending = await desk.ask(desk.parties.officer, query, i=wanted | {"validUntil": "2027-01-01T00:00:00Z"})
        assert ending.data["setNumberOverride"]["problem"] == {"code": "OVERRIDE_TIME_INVALID", "field": "validUntil"}
        answer = (await desk.ask(desk.parties.officer, query, i=wanted)).data["setNumberOverride"]
        assert answer == {
            "number": {"holder": {"slug": "telkomsel"}},
            "proposal": {"state": "PROPOSED"},
            "problem": None,
        }


class TestMachines:
    def test_never_get_the_scope(self):
        with pytest.raises(MachineScopeError):
            check_scopes([NUMBERS_MANAGE], kind=MemberKind.REGULATOR, is_machine_only=True)
        every = BY_KIND[MemberKind.REGULATOR]
        assert NUMBERS_MANAGE not in (grant_machine_scopes(None, client_scopes=every, kind=MemberKind.REGULATOR) or ())
        asked = frozenset({NUMBERS_MANAGE})
        assert grant_machine_scopes(asked, client_scopes=every, kind=MemberKind.REGULATOR) is None

    async def test_with_a_stolen_scope_propose_nothing(self, desk: Desk):
        answer = await desk.ask(desk.parties.regulator, PROPOSE, i={"overrides": [override_of(desk)]})
        assert (answer.data, answer.problems) == ({"proposeNumberOverrides": None}, ["OFFICER_REQUIRED"])
