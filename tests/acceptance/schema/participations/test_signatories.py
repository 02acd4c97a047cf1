"""Who may sign, leave, confirm and look after officers over the wire: by their own token, its scopes and its member.

Each token here lacks one thing; with it, the same request is answered.
"""

from dataclasses import replace

import pytest

from auth.scopes import OFFICER_ONLY
from tests.support.commands import clean_environment, run_command
from tests.support.graph_site import Site
from tests.support.signal_journeys import admit_provider
from tests.support.signing_journeys import appoint, offer, publish, request, sign

SECONDS_MAX = 60
ACCEPT = """mutation ($id: ID!, $hash: String!) {
  acceptParticipation(input: {proposalId: $id, contentHash: $hash}) { proposal { state } } }"""
COUNTERSIGN = """mutation ($id: ID!, $hash: String!) {
  countersignParticipation(input: {proposalId: $id, contentHash: $hash}) { proposal { state } } }"""
REFUSE = "mutation ($id: ID!) { refuseParticipation(input: {proposalId: $id}) { proposal { state } } }"
WITHDRAW = "mutation ($id: ID!) { withdrawParticipation(input: {proposalId: $id}) { proposal { state } } }"
LEAVE = "mutation ($id: ID) { leaveParticipation(input: {participationId: $id}) { participation { state } } }"
NARROW = """mutation ($id: ID!) {
  narrowParticipation(input: {participationId: $id, retentionDays: 1}) { participation { state } } }"""
CONFIRM = """mutation ($id: ID!) { confirmDeletion(input: {participationId: $id, deletedAt: "2026-03-02T03:00:00Z"}) {
  participation { state } } }"""
INVITE = """mutation ($office: ID) {
  inviteOfficer(input: {officeId: $office, displayName: "Eve", scopes: ["signals:read"]}) { url } }"""
AGAIN = "mutation ($id: ID!) { inviteOfficerAgain(input: {officerId: $id}) { url } }"
SCOPES = """mutation ($id: ID!) { changeOfficerScopes(input: {officerId: $id, scopes: ["officers:manage"]}) {
  officer { id } } }"""
DISABLE = "mutation ($id: ID!) { disableOfficer(input: {officerId: $id}) { memberOfficer { id } } }"
READ = """query ($proposal: ID!, $participation: ID!) {
  participationProposal(id: $proposal) { id } participation(id: $participation) { id }
  participationProposals { nodes { id } } participations { nodes { id } } }"""
LACKING = "SCOPES_MISSING"


def problem_of(answer) -> str | None:
    """The problem that the ledger named, or the code of a refusal before it; None if all was well."""
    told = [error["extensions"] for error in answer.get("errors", [])]
    return (told[0].get("problem") or told[0]["code"]) if told else None


@pytest.fixture
async def terms(site: Site):
    return await publish(site.database, site.parties, site.as_of)


@pytest.fixture
async def officer(site: Site):
    """An officer of the provider, whose scopes the tokens of each test say."""
    return await appoint(site.database, site.as_of, site.parties.provider)


@pytest.fixture
async def colleague(site: Site):
    return await appoint(site.database, site.as_of, site.parties.provider, "Dewi")


@pytest.fixture
async def stranger(site: Site):
    """The administrator of another provider, with all that such an officer can have."""
    other = await admit_provider(site.database, site.parties, site.as_of)
    return await appoint(site.database, site.as_of, other, "Eve")


async def count_officers(site: Site, owner_connection) -> list:
    return await owner_connection.fetch("SELECT id, scopes, disabled_at FROM officers ORDER BY id")


class TestOfficerWithoutAdministratorsRights:
    async def test_invites_promotes_and_disables_nobody(self, site: Site, officer, colleague, owner_connection):
        token, before = site.token(officer, without=("officers:manage",)), await count_officers(site, owner_connection)
        for document in (INVITE, AGAIN, SCOPES, DISABLE):
            answer = site.post(token, document, id=colleague.officer_id)
            assert problem_of(answer) == LACKING, document
        assert await count_officers(site, owner_connection) == before
        assert problem_of(site.post(site.token(officer), DISABLE, id=colleague.officer_id)) is None

    async def test_signs_refuses_and_takes_back_nothing_without_that_scope(self, site: Site, officer, terms):
        offered = await offer(site.database, site.parties, site.as_of)
        token = site.token(officer, without=("participations:accept",))
        for document in (ACCEPT, REFUSE, WITHDRAW):
            answer = site.post(token, document, id=offered.id, hash=offered.content_hash)
            assert problem_of(answer) == LACKING, document
        signed = site.post(site.token(officer), ACCEPT, id=offered.id, hash=offered.content_hash)
        assert signed["data"]["acceptParticipation"] == {"proposal": {"state": "ACCEPTED"}}

    async def test_neither_leaves_nor_narrows_nor_confirms_without_that_scope(self, site: Site, officer, terms):
        signed = await sign(site.database, site.parties, officer, site.as_of)
        token = site.token(officer, without=("participations:leave",))
        for document in (LEAVE, NARROW, CONFIRM):
            assert problem_of(site.post(token, document, id=signed.id)) == LACKING, document
        for document in (NARROW, LEAVE):
            asked = {"id": signed.id} if document is NARROW else {}
            assert problem_of(site.post(site.token(officer), document, **asked)) is None


class TestAdministratorOfAnotherProvider:
    async def test_signs_leaves_narrows_confirms_and_reads_nothing_of_it(
        self, site: Site, officer, stranger, terms, owner_connection
    ):
        signed = await sign(site.database, site.parties, officer, site.as_of)
        renewed = await offer(site.database, site.parties, site.as_of)
        token = site.token(stranger)
        for document in (ACCEPT, REFUSE, WITHDRAW):
            answer = site.post(token, document, id=renewed.id, hash=renewed.content_hash)
            assert problem_of(answer) == "NOT_FOUND", document
        for document in (LEAVE, NARROW, CONFIRM):
            assert problem_of(site.post(token, document, id=signed.id)) == "NOT_FOUND", document
        read = site.post(token, READ, proposal=renewed.id, participation=signed.id)["data"]
        assert read == {
            "participationProposal": None,
            "participation": None,
            "participationProposals": {"nodes": []},
            "participations": {"nodes": []},
        }
        rows = await owner_connection.fetch(
            "SELECT ended_at FROM participations UNION ALL SELECT ended_at FROM "
            "participation_proposals WHERE state = 'OFFERED'"
        )
        assert [row["ended_at"] for row in rows] == [None, None]

    async def test_looks_after_no_officer_of_it(self, site: Site, officer, stranger, owner_connection):
        before = await count_officers(site, owner_connection)
        for document in (AGAIN, SCOPES, DISABLE):
            assert problem_of(site.post(site.token(stranger), document, id=officer.officer_id)) == "NOT_FOUND", document
        assert problem_of(site.post(site.token(stranger), INVITE, office=officer.office_id)) == "NOT_FOUND"
        assert await count_officers(site, owner_connection) == before


class TestSystemWithoutAnOfficer:
    async def test_signs_and_invites_nothing_whatever_scopes_it_claims(self, site: Site, officer, terms):
        """No such token is issued: a client that acts for itself never gets these scopes."""
        assert {"participations:accept", "officers:manage", "participations:manage"} <= OFFICER_ONLY
        offered = await offer(site.database, site.parties, site.as_of)
        token = site.token(site.parties.provider)
        for document in (ACCEPT, REFUSE):
            answer = site.post(token, document, id=offered.id, hash=offered.content_hash)
            assert problem_of(answer) == "OFFICER_REQUIRED", document
        assert problem_of(site.post(token, INVITE, office=officer.office_id)) == "OFFICER_REQUIRED"
        for document in (AGAIN, SCOPES, DISABLE):
            assert problem_of(site.post(token, document, id=officer.officer_id)) == "OFFICER_REQUIRED", document
        requested = await request_instead(site, officer, offered, terms)
        countersigning = site.token(site.parties.regulator)
        answer = site.post(countersigning, COUNTERSIGN, id=requested.id, hash=requested.content_hash)
        assert problem_of(answer) == "OFFICER_REQUIRED"

    async def test_with_the_id_of_somebody_elses_officer_signs_nothing(self, site: Site, officer, stranger, terms):
        """A token whose officer and member don't belong together is never issued either; nor good for anything."""
        offered = await offer(site.database, site.parties, site.as_of)
        forged = replace(stranger, officer_id=officer.officer_id)
        answer = site.post(site.token(forged), ACCEPT, id=offered.id, hash=offered.content_hash)
        assert problem_of(answer) == "OFFICER_DISABLED"

    async def test_leaves_and_confirms_for_its_own_provider(self, site: Site, officer, terms):
        signed = await sign(site.database, site.parties, officer, site.as_of)
        token = site.token(site.parties.provider, without=tuple(OFFICER_ONLY))
        assert site.post(token, LEAVE)["data"]["leaveParticipation"] == {"participation": {"state": "ENDED"}}
        assert problem_of(site.post(token, CONFIRM, id=signed.id)) is None


async def request_instead(site: Site, signatory, offered, terms):
    """The signatory's own request, after it refused what was offered."""
    site.post(site.token(signatory), REFUSE, id=offered.id)
    return await request(site.database, signatory, site.as_of, terms)


class TestSigningOnATerminal:
    async def sign(self, site: Site, token: str | None, proposal, *more: str, status: int = 0):
        environment = clean_environment(**({"JEMBATAN_TOKEN": token} if token else {}))
        command = ("sign", proposal.id, "--url", f"http://127.0.0.1:{site.port}", *more)
        done, out, err = await run_command(*command, environment=environment, seconds_max=SECONDS_MAX)
        assert done == status, err + out
        return out, err

    async def test_shows_what_is_hashed_and_signs_only_that_for_each_side(self, site: Site, officer, terms):
        offered = await offer(site.database, site.parties, site.as_of)
        token = site.token(officer)
        out, err = await self.sign(site, token, offered)
        for said in ("Ketentuan.", "The terms.", "privacy@messenger.example", offered.content_hash, "OFFERED"):
            assert said in out
        assert "Nothing is signed" in err
        out, _ = await self.sign(site, token, offered, "--hash", offered.content_hash, "--json")
        assert '"ACCEPTED"' in out
        countersigning = site.token(site.parties.officer)
        out, _ = await self.sign(site, countersigning, offered, "--hash", offered.content_hash.upper(), "--json")
        assert '"COUNTERSIGNED"' in out

    async def test_of_another_hash_signs_nothing(self, site: Site, officer, terms):
        offered = await offer(site.database, site.parties, site.as_of)
        _, err = await self.sign(site, site.token(officer), offered, "--hash", terms.terms_hash, status=1)
        assert "TERMS_HASH_MISMATCH" in err
        assert "OFFERED" in (await self.sign(site, site.token(officer), offered))[0]

    async def test_as_a_system_another_member_or_nobody_signs_nothing(self, site: Site, officer, stranger, terms):
        offered = await offer(site.database, site.parties, site.as_of)
        hashed = ("--hash", offered.content_hash)
        for viewer, code in (
            (site.parties.provider, "OFFICER_REQUIRED"),
            (stranger, "NOT_FOUND"),
            (site.parties.regulator, "OFFICER_REQUIRED"),
            (site.parties.telkomsel, "NOT_FOUND"),
        ):
            _, err = await self.sign(site, site.token(viewer), offered, *hashed, status=1)
            assert code in err, viewer
        _, err = await self.sign(site, None, offered, *hashed, status=2)
        assert "LOGIN_MISSING" in err
