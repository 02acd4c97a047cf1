"""Contributions and revocations over the graph: what each party says and sees, and whether a list is whole."""

import pytest
from sqlalchemy import text

from ledger.storage.roles import Role
from resolvers.signals import KINDS, make_source
from tests.support.account_journeys import file_accused
from tests.support.desk import Desk
from tests.support.journeys import INDOSAT_NUMBER, TELKOMSEL_NUMBER
from tests.support.signal_journeys import complain, contribute, read_signals, revoke, take_part, withdraw

NUMBER = TELKOMSEL_NUMBER
CONTRIBUTE = """mutation($input: ContributeSignalsInput!) { contributeSignals(input: $input) { problemCount results {
  wasKnown problem { code field }
  contribution { id kind e164 link account { platform handle isCanonical } state } } } }"""
WITHDRAW = """mutation($input: WithdrawSignalContributionsInput!) { withdrawSignalContributions(input: $input) {
  problemCount results { contribution { id state endedAt withdrawalReason } problem { code field } } } }"""
REPLACE = """mutation($input: ReplaceSignalContributionsInput!) { replaceSignalContributions(input: $input) {
  problemCount results { wasKnown contribution { id e164 firstId replaces { id state } } problem { code field } } } }"""
CONTRIBUTIONS = """query($filter: SignalContributionFilter, $first: Int, $after: String) {
  signalContributions(filter: $filter, first: $first, after: $after) { totalCount isExact
    pageInfo { hasNextPage endCursor } nodes { id kind e164 link reference state firstId account { handle }
      replaces { id } replacedBy { id e164 } } } }"""
WHO = "{ signalContributions { nodes { id contributor { slug } } } }"
CONFIRM = """mutation($input: ConfirmRevocationsInput!) { confirmRevocations(input: $input) { problemCount results {
  notice { signalId confirmedAt } problem { code field } } } }"""
NOTICES = """query($filter: SignalRevocationNoticeFilter) { signalRevocationNotices(filter: $filter) {
  totalCount nodes { signalId reason revokedAt confirmedAt member { slug } signal { id state basis } } } }"""
WHOLE = "{ fraudSignals { isComplete nodes { id basis revocationNotices { confirmedAt member { slug } } } } }"


async def do(desk, viewer, mutation, name, **input_):
    answer = await desk.ask(viewer, mutation, input=input_)
    assert answer.errors == []
    return answer.data[name]


async def contribute_everything(desk, viewer):
    """A number, an account and a link."""
    about = {"category": "FRAUD"}
    return await do(
        desk, viewer, CONTRIBUTE, "contributeSignals",
        contributions=[
            {**about, "number": NUMBER, "reference": "N"},
            {**about, "account": {"platform": "Telegram", "handle": "@Budi_S"}, "reference": "A"},
            {**about, "link": "https://Hadiah.example", "reference": "L"},
            {**about, "reference": "nothing"},
        ],
    )  # fmt: skip


class TestContributions:
    async def test_are_about_numbers_accounts_and_links(self, desk: Desk):
        made = await contribute_everything(desk, desk.parties.agency)
        number, account, link, refused = made["results"]
        assert number["contribution"] | {"id": 0} == {
            "id": 0, "kind": "NUMBER", "e164": NUMBER, "link": None, "account": None, "state": "STANDING",
        }  # fmt: skip
        assert account["contribution"]["account"] == {
            "platform": "TELEGRAM", "handle": "budi_s", "isCanonical": True,
        }  # fmt: skip
        assert link["contribution"]["link"] == "https://hadiah.example/"
        assert (made["problemCount"], refused["problem"]["code"]) == (1, "CONTRIBUTION_TARGET_INVALID")

    async def test_are_listed_withdrawn_and_replaced_by_their_member(self, desk: Desk):
        viewer = desk.parties.agency
        made = (await contribute_everything(desk, viewer))["results"]
        number, account, link = (each["contribution"]["id"] for each in made[:3])
        withdrawn = await do(
            desk, viewer, WITHDRAW, "withdrawSignalContributions",
            withdrawals=[{"id": account, "reason": "FALSE_POSITIVE"}, {"id": "nonsense", "reason": "MISTAKE"}],
        )  # fmt: skip
        assert withdrawn["results"][0]["contribution"] == {
            "id": account, "state": "WITHDRAWN", "endedAt": "2026-03-02T03:00:00Z",
            "withdrawalReason": "FALSE_POSITIVE",
        }  # fmt: skip
        assert withdrawn["results"][1]["problem"] == {"code": "NOT_FOUND", "field": "id"}
        replacement = {"id": number, "number": INDOSAT_NUMBER, "category": "FRAUD", "reference": "N2"}
        for was_known in (False, True):
            replaced = await do(desk, viewer, REPLACE, "replaceSignalContributions", replacements=[replacement])
            (result,) = replaced["results"]
            assert result["wasKnown"] is was_known
            assert result["contribution"]["replaces"] == {"id": number, "state": "REPLACED"}
            assert (result["contribution"]["e164"], result["contribution"]["firstId"]) == (INDOSAT_NUMBER, number)
        page = (await desk.ask(viewer, CONTRIBUTIONS)).data["signalContributions"]
        assert (page["totalCount"], page["isExact"]) == (4, True)
        assert {each["reference"]: each["state"] for each in page["nodes"]} == {
            "N": "REPLACED", "A": "WITHDRAWN", "L": "STANDING", "N2": "STANDING",
        }  # fmt: skip
        (former,) = [each for each in page["nodes"] if each["id"] == number]
        assert former["replacedBy"] == {"id": result["contribution"]["id"], "e164": INDOSAT_NUMBER}
        chain = (await desk.ask(viewer, CONTRIBUTIONS, filter={"chainOf": number})).data["signalContributions"]
        assert [each["id"] for each in chain["nodes"]] == [result["contribution"]["id"], number]
        standing = await desk.ask(viewer, CONTRIBUTIONS, filter={"states": ["STANDING"], "kinds": ["LINK"]})
        assert [each["id"] for each in standing.data["signalContributions"]["nodes"]] == [link]

    async def test_by_pages_meet_each_once(self, desk: Desk):
        numbers = [f"+6281200{serial:05d}" for serial in range(7)]
        await contribute(desk.database, desk.parties.telkomsel, desk.as_of, *numbers)
        seen, after = [], None
        while True:
            answer = await desk.ask(desk.parties.telkomsel, CONTRIBUTIONS, first=3, after=after)
            page = answer.data["signalContributions"]
            seen += [each["e164"] for each in page["nodes"]]
            after = page["pageInfo"]["endCursor"]
            if not page["pageInfo"]["hasNextPage"]:
                break
        assert seen == numbers[::-1]

    async def test_tell_the_regulator_alone_who_contributed(self, desk: Desk):
        for viewer in (desk.parties.agency, desk.parties.indosat):
            await contribute(desk.database, viewer, desk.as_of, NUMBER)
        seen = (await desk.ask(desk.parties.officer, WHO)).data["signalContributions"]["nodes"]
        assert [each["contributor"]["slug"] for each in seen] == ["indosat", "agency"]
        assert (await desk.ask(desk.parties.telkomsel, WHO)).data["signalContributions"]["nodes"] == []

    async def test_of_an_account_stand_beside_it_for_the_regulator(self, desk: Desk):
        await file_accused(desk.database, desk.parties.agency, desk.as_of, ("Telegram", "budi_s"))
        await contribute_everything(desk, desk.parties.indosat)
        beside = "{ accounts { nodes { handle contributions { reference contributor { slug } } } } }"
        (account,) = (await desk.ask(desk.parties.officer, beside)).data["accounts"]["nodes"]
        assert account["contributions"] == [{"reference": "A", "contributor": {"slug": "indosat"}}]
        (account,) = (await desk.ask(desk.parties.agency, beside)).data["accounts"]["nodes"]
        assert account["contributions"] == []

    async def test_that_are_withdrawn_are_told_in_the_stream_and_never_by_whom(self, desk: Desk, sequenced):
        database, parties, as_of = desk.database, desk.parties, desk.as_of
        await take_part(database, parties, as_of)
        await complain(database, parties, as_of, NUMBER)
        (made,) = await contribute(database, parties.indosat, as_of, NUMBER)
        await withdraw(database, parties.indosat, as_of, made.contribution.id)
        await sequenced.wait()
        source = make_source(categories=None, minimum_risk=None)
        told = [each.entry for each in await desk.read_history(parties.provider, source) if source.takes(each.entry)]
        assert [entry.kind for entry in told] == ["SIGNAL_RAISED", "SIGNAL_CORROBORATED", "SIGNAL_UNCORROBORATED"]
        assert "SIGNAL_CONTRIBUTION_WITHDRAWN" not in KINDS


class TestRevocations:
    @pytest.fixture
    async def revoked(self, desk: Desk):
        await take_part(desk.database, desk.parties, desk.as_of)
        await complain(desk.database, desk.parties, desk.as_of, NUMBER)
        (signal,) = await read_signals(desk.database, desk.parties.provider, desk.as_of)
        await revoke(desk.database, desk.parties, desk.as_of, signal)
        return signal

    async def test_are_confirmed_by_their_recipients_and_seen_by_the_regulator(self, desk: Desk, revoked):
        provider, officer = desk.parties.provider, desk.parties.officer
        for viewer in (provider, officer):
            page = (await desk.ask(viewer, NOTICES, filter={"isConfirmed": False})).data["signalRevocationNotices"]
            assert page == {"totalCount": 1, "nodes": [{
                "signalId": revoked.id, "reason": "FALSE_POSITIVE", "revokedAt": "2026-03-02T03:00:00Z",
                "confirmedAt": None, "member": {"slug": "provider"},
                "signal": {"id": revoked.id, "state": "REVOKED", "basis": "NOTHING"},
            }]}  # fmt: skip
        confirmed = await do(
            desk, provider, CONFIRM, "confirmRevocations", signalIds=[revoked.id, revoked.id, "nonsense"]
        )
        assert [each["notice"] and each["notice"]["confirmedAt"] for each in confirmed["results"]] == [
            "2026-03-02T03:00:00Z", "2026-03-02T03:00:00Z", None,
        ]  # fmt: skip
        assert confirmed["results"][2]["problem"] == {"code": "NOT_FOUND", "field": "signalIds"}
        for viewer in (provider, officer):
            waiting = (await desk.ask(viewer, NOTICES, filter={"isConfirmed": False})).data["signalRevocationNotices"]
            assert waiting == {"totalCount": 0, "nodes": []}
            (signal,) = (await desk.ask(viewer, WHOLE)).data["fraudSignals"]["nodes"]
            assert signal["revocationNotices"] == [
                {"confirmedAt": "2026-03-02T03:00:00Z", "member": {"slug": "provider"}}
            ]

    async def test_are_not_the_carriers_to_confirm_or_see(self, desk: Desk, revoked):
        refused = await desk.ask(desk.parties.telkomsel, CONFIRM, input={"signalIds": [revoked.id]})
        assert [error.original_error.code for error in refused.errors] == ["FORBIDDEN"]
        refused = await desk.ask(desk.parties.telkomsel, NOTICES)
        assert [error.original_error.code for error in refused.errors] == ["FORBIDDEN"]
        (signal,) = (await desk.ask(desk.parties.telkomsel, WHOLE)).data["fraudSignals"]["nodes"]
        assert signal["revocationNotices"] == []


class TestAList:
    async def test_says_that_it_is_not_whole_while_a_key_is_filled(self, desk: Desk):
        await take_part(desk.database, desk.parties, desk.as_of)
        whole = (await desk.ask(desk.parties.provider, WHOLE)).data["fraudSignals"]
        assert (whole["isComplete"], whole["nodes"]) == (True, [])
        async with desk.database.system(Role.TRANSITION, as_of=desk.as_of) as tx:
            await tx.execute(text("UPDATE signal_keys SET filled_at = NULL"))
        # Of these, only a provider's list depends on keys.
        for viewer, is_complete in (
            (desk.parties.provider, False), (desk.parties.telkomsel, True), (desk.parties.officer, True),
        ):  # fmt: skip
            assert (await desk.ask(viewer, WHOLE)).data["fraudSignals"]["isComplete"] is is_complete

    async def test_ignores_keys_that_went_out_of_use_and_those_of_others(self, desk: Desk):
        await take_part(desk.database, desk.parties, desk.as_of)
        async with desk.database.system(Role.TRANSITION, as_of=desk.as_of) as tx:
            await tx.execute(
                text(
                    "INSERT INTO signal_keys (id, member_id, key_sealed, created_at, retired_at) "
                    "SELECT gen_random_uuid(), member_id, key_sealed, created_at, created_at FROM signal_keys"
                )
            )
            await tx.execute(
                text(
                    "INSERT INTO signal_keys (id, member_id, key_sealed, created_at) "
                    "SELECT gen_random_uuid(), m.id, k.key_sealed, k.created_at FROM signal_keys k, members m "
                    "WHERE m.slug = 'telkomsel' AND k.retired_at IS NULL"
                )
            )
        assert (await desk.ask(desk.parties.provider, WHOLE)).data["fraudSignals"]["isComplete"] is True

    async def test_of_signals_says_what_each_stands_on(self, desk: Desk):
        for number in (NUMBER, INDOSAT_NUMBER):
            await complain(desk.database, desk.parties, desk.as_of, number)
        await contribute(desk.database, desk.parties.xlsmart, desk.as_of, NUMBER)
        for viewer, wanted in ((desk.parties.telkomsel, "CORROBORATED"), (desk.parties.indosat, "VERIFIED_COMPLAINTS")):
            (signal,) = (await desk.ask(viewer, WHOLE)).data["fraudSignals"]["nodes"]
            assert signal["basis"] == wanted
