"""Accounts in the graph: filed with complaints, found by any way of writing them, on platforms that firms run."""

import pytest

from tests.support.account_journeys import file_accused
from tests.support.desk import Desk

FILE = """mutation($c: [ComplaintInput!]!) { fileComplaints(input: {complaints: $c}) { results { complaint {
  account { platform handle url } platformAccount { id platform handle complaintCount } } problem { code } } } }"""
ONE = """query($id: ID, $p: Platform, $n: String, $h: String, $u: String) {
  account(id: $id, platform: $p, platformName: $n, handle: $h, url: $u) { id handle } }"""
ENTITY = """query($r: [_Any!]!) { _entities(representations: $r) { ... on PlatformAccount { id handle } } }"""
RUN = """mutation($m: ID!, $p: [NamedPlatformInput!]!) {
  setMemberPlatforms(input: {memberId: $m, platforms: $p}) { platforms { platform name } } }"""
BUDI = {"medium": "OTT", "category": "FRAUD", "accountPlatform": "Telegram", "accountHandle": "@Budi_S"}


@pytest.fixture
async def budi(desk: Desk):
    [filed] = await file_accused(desk.database, desk.parties.agency, desk.as_of, ("Telegram", "@Budi_S"))
    return filed.account_id


class TestFileComplaints:
    async def test_shows_what_was_written_and_the_account_that_it_is(self, desk: Desk):
        answer = await desk.ask(desk.parties.agency, FILE, c=[BUDI, BUDI | {"accountHandle": "t.me/budi_s"}])
        first, second = (each["complaint"] for each in answer.data["fileComplaints"]["results"])
        assert first["account"] == {"platform": "Telegram", "handle": "@Budi_S", "url": None}
        assert first["platformAccount"] == second["platformAccount"]
        assert (first["platformAccount"]["platform"], first["platformAccount"]["handle"]) == ("TELEGRAM", "budi_s")
        assert first["platformAccount"]["complaintCount"] is None


class TestAccount:
    @pytest.mark.parametrize(
        "named",
        [{"p": "TELEGRAM", "h": "budi_s"}, {"p": "TELEGRAM", "h": "t.me/Budi_S"}, {"u": "https://telegram.me/budi_s"}],
    )
    async def test_is_found_by_whatever_names_it(self, desk: Desk, budi: str, named: dict[str, str]):
        for viewer in (desk.parties.officer, desk.parties.agency):
            assert (await desk.ask(viewer, ONE, **named)).data["account"] == {"id": budi, "handle": "budi_s"}

    @pytest.mark.parametrize(
        "named", [{}, {"h": "budi_s"}, {"p": "TELEGRAM"}, {"p": "TELEGRAM", "h": "a", "u": "https://t.me/budi_s"}]
    )
    async def test_needs_exactly_one_name(self, desk: Desk, named: dict[str, str]):
        assert (await desk.ask(desk.parties.officer, ONE, **named)).problems == ["ONE_KEY_NEEDED"]

    async def test_of_others_complaints_looks_like_one_that_does_not_exist(self, desk: Desk, budi: str):
        theirs = [{"id": budi}, {"p": "TELEGRAM", "h": "budi_s"}, {"u": "https://t.me/budi_s"}]
        nobodys = [{"id": "x"}, {"p": "TELEGRAM", "h": "nobody1"}, {"u": "https://t.me/nobody1"}]
        for named in (theirs, nobodys):
            asked = [await desk.ask(desk.parties.other_agency, ONE, **each) for each in named]
            assert [answer.problems for answer in asked] == [["NOT_FOUND"]] * 3

    async def test_is_an_entity_by_its_id_for_whoever_may_see_it(self, desk: Desk, budi: str):
        asked = [{"__typename": "PlatformAccount", "id": budi}]
        seen = [
            (await desk.ask(viewer, ENTITY, r=asked)).data["_entities"]
            for viewer in (desk.parties.officer, desk.parties.agency, desk.parties.other_agency, desk.parties.telkomsel)
        ]
        assert seen == [[{"id": budi, "handle": "budi_s"}]] * 2 + [[None]] * 2


class TestSetMemberPlatforms:
    async def test_shows_the_regulator_and_the_firm_what_it_runs_and_nobody_else(self, desk: Desk):
        member_id = desk.parties.provider.member_id
        named = [{"platform": "TELEGRAM"}, {"platform": "OTHER", "name": "Bigo Live"}]
        answer = await desk.ask(desk.parties.officer, RUN, m=member_id, p=named)
        run = [{"platform": "OTHER", "name": "bigo live"}, {"platform": "TELEGRAM", "name": None}]
        assert answer.data["setMemberPlatforms"]["platforms"] == run
        read = "query($m: ID!) { member(id: $m) { platforms { platform name } } }"
        for viewer in (desk.parties.officer, desk.parties.provider):
            assert (await desk.ask(viewer, read, m=member_id)).data["member"]["platforms"] == run

    async def test_by_the_firm_itself_is_refused(self, desk: Desk):
        member_id = desk.parties.provider.member_id
        answer = await desk.ask(desk.parties.provider, RUN, m=member_id, p=[{"platform": "TELEGRAM"}])
        assert answer.errors
        read = "query($m: ID!) { member(id: $m) { platforms { platform } } }"
        assert (await desk.ask(desk.parties.officer, read, m=member_id)).data["member"]["platforms"] == []
