"""Fraud signals over HTTP, each party's own answer: what is the regulator's alone is refused by name."""

import pytest

from tests.support.graph_site import Site
from tests.support.journeys import TELKOMSEL_NUMBER, file_verified
from tests.support.signal_journeys import contribute, read_signals, revoke, take_part

SIGNALS = "{ fraudSignals { nodes { category risk e164 corroborationCount hashes { hash } } } }"
STAFF = """{ fraudSignals { nodes { category score revocationNote revokedBy { displayName }
  contributors { member { slug } } recipients { member { slug } } } } }"""
REVOKE = (
    """mutation($id: ID!) { revokeSignals(input: { revocations: [{ id: $id, reason: COURT }] }) { problemCount } }"""
)
START = """mutation($id: ID!) { startParticipation(input: { memberId: $id, terms: { termsReference: "T", purpose: "P",
  controllerRoles: "R", categories: [FRAUD], disclosure: CLEAR } }) { participation { id } } }"""


def refused(answer) -> list[str]:
    assert {error["extensions"]["code"] for error in answer["errors"]} == {"UNAUTHORIZED_FIELD_OR_TYPE"}
    return sorted({str(error["path"][-1]) for error in answer["errors"]})


@pytest.fixture
async def signal(site: Site):
    """A signal of a Telkomsel number that a provider was sent and Indosat corroborated."""
    await take_part(site.database, site.parties, site.as_of)
    await file_verified(site.database, site.parties, site.as_of, [TELKOMSEL_NUMBER])
    await contribute(site.database, site.parties.indosat, site.as_of, TELKOMSEL_NUMBER)


class TestWhoSeesSignals:
    async def test_shows_each_party_its_own_side(self, site: Site, signal):
        seen = {name: site.post(site.token(viewer), SIGNALS) for name, viewer in site.parties.everyone.items()}
        for name in ("regulator", "officer", "telkomsel"):
            (node,) = seen[name]["data"]["fraudSignals"]["nodes"]
            assert (node["e164"], node["hashes"], node["corroborationCount"]) == (TELKOMSEL_NUMBER, [], 1)
        (node,) = seen["provider"]["data"]["fraudSignals"]["nodes"]
        assert (node["e164"], [len(item["hash"]) for item in node["hashes"]]) == (None, [64])
        for name in ("indosat", "xlsmart"):
            assert seen[name]["data"]["fraudSignals"]["nodes"] == []
        for name in ("agency", "other_agency"):
            assert seen[name]["data"]["fraudSignals"] is None
            assert refused(seen[name]) == ["fraudSignals"]

    async def test_refuses_members_by_name_what_is_the_regulators_alone(self, site: Site, signal):
        for viewer in (site.parties.provider, site.parties.telkomsel):
            answer = site.post(site.token(viewer), STAFF)
            hidden = ["contributors", "recipients", "revocationNote", "revokedBy", "score"]
            assert refused(answer) == hidden
            (node,) = answer["data"]["fraudSignals"]["nodes"]
            assert [node[name] for name in hidden] == [None] * len(hidden)
        (node,) = site.post(site.token(site.parties.officer), STAFF)["data"]["fraudSignals"]["nodes"]
        assert node["contributors"] == [{"member": {"slug": "indosat"}}]
        assert node["recipients"] == [{"member": {"slug": "provider"}}]

    async def test_refuses_whole_what_only_officers_and_staff_may_write(self, site: Site, signal):
        for viewer in (site.parties.provider, site.parties.telkomsel, site.parties.agency):
            for mutation in (REVOKE, START):
                answer = site.post(site.token(viewer), mutation, id=site.parties.provider.member_id)
                assert answer.get("data") is None
                assert refused(answer)


CONTRIBUTED = "{ signalContributions { nodes { reference contributor { slug } } } }"
CONFIRM = """mutation($id: ID!) { confirmRevocations(input: { signalIds: [$id] }) { problemCount results {
  notice { confirmedAt } problem { code } } } }"""
WITHDRAW = """mutation($id: ID!) { withdrawSignalContributions(input: { withdrawals: [{ id: $id, reason: MISTAKE }] }) {
  results { problem { code } } } }"""


class TestWhoSaysWhatOfSignals:
    async def test_shows_members_their_own_and_refuses_them_by_name_who_contributed(self, site: Site, signal):
        answer = site.post(site.token(site.parties.indosat), CONTRIBUTED)
        assert refused(answer) == ["contributor"]
        assert answer["data"]["signalContributions"]["nodes"] == [{"reference": "CASE-0", "contributor": None}]
        answer = site.post(site.token(site.parties.officer), CONTRIBUTED)
        assert answer["data"]["signalContributions"]["nodes"][0]["contributor"] == {"slug": "indosat"}
        answer = site.post(site.token(site.parties.indosat, without=("signals:contribute",)), CONTRIBUTED)
        assert refused(answer) == ["signalContributions"]

    async def test_refuses_the_regulator_to_withdraw_and_another_member_what_it_can_not_find(self, site: Site, signal):
        answer = site.post(site.token(site.parties.officer), WITHDRAW, id=site.parties.provider.member_id)
        assert answer.get("data") is None
        assert refused(answer)
        answer = site.post(site.token(site.parties.agency), WITHDRAW, id=site.parties.provider.member_id)
        assert answer["data"]["withdrawSignalContributions"]["results"] == [{"problem": {"code": "NOT_FOUND"}}]

    async def test_lets_a_provider_alone_confirm_and_only_with_the_scope_for_it(self, site: Site, signal):
        (sent,) = await read_signals(site.database, site.parties.provider, site.as_of)
        await revoke(site.database, site.parties, site.as_of, sent)
        for viewer in (site.parties.officer, site.parties.telkomsel, site.parties.agency):
            answer = site.post(site.token(viewer), CONFIRM, id=sent.id)
            assert answer.get("data") is None
            assert refused(answer)
        answer = site.post(site.token(site.parties.provider, without=("signals:confirm",)), CONFIRM, id=sent.id)
        assert refused(answer)
        answer = site.post(site.token(site.parties.provider), CONFIRM, id=sent.id)
        (result,) = answer["data"]["confirmRevocations"]["results"]
        assert result["notice"]["confirmedAt"] is not None
