"""Contributions about accounts and links: in one form, seen by their member and the regulator, and no trace else."""

import pytest

from ledger.accounts.reading import list_accounts
from ledger.accounts.vocabulary import AccountKind
from ledger.pages import PageRequest
from ledger.signals.contribution_reading import load_contributions_by_account
from ledger.signals.states import ContributionState
from ledger.signals.targets import AccountDraft
from ledger.signals.vocabulary import ContributionKind
from ledger.vocabulary import Platform
from tests.support.account_journeys import file_accused
from tests.support.journeys import TELKOMSEL_NUMBER
from tests.support.signal_journeys import (
    complain,
    contribute_drafts,
    list_contributed,
    put_in_place,
    read_signals,
    take_part,
)

NUMBER = TELKOMSEL_NUMBER
BUDI = AccountDraft(platform="Telegram", handle="@Budi_S")
LINK = "https://hadiah.example/klaim"


class TestAboutAnAccount:
    async def test_is_kept_in_the_accounts_one_form(self, database, parties, as_of):
        (made,) = await contribute_drafts(database, parties.agency, as_of, {"account": BUDI, "reference": "A"})
        (seen,) = await list_contributed(database, parties.agency, as_of)
        assert (seen.id, seen.kind, seen.platform, seen.account_kind, seen.handle, seen.is_canonical) == (
            made.contribution.id, ContributionKind.ACCOUNT, Platform.TELEGRAM, AccountKind.ACCOUNT, "budi_s", True,
        )  # fmt: skip
        assert (seen.e164, seen.epoch, seen.url) == (None, None, None)

    async def test_sent_again_in_another_writing_is_the_same(self, database, parties, as_of):
        first, again = [
            (await contribute_drafts(database, parties.agency, as_of, {**about, "reference": "A"}))[0]
            for about in ({"account": BUDI}, {"link": "https://t.me/budi_s?start=1"})
        ]
        assert (again.was_known, again.contribution) == (True, first.contribution)
        (other,) = await contribute_drafts(database, parties.agency, as_of, {"link": LINK, "reference": "A"})
        assert other.code == "CONTRIBUTION_CONFLICT"

    async def test_is_shown_beside_the_account_to_the_regulator_alone(self, database, parties, as_of):
        await file_accused(database, parties.agency, as_of, ("Telegram", "budi_s"))
        for viewer in (parties.agency, parties.indosat):
            await contribute_drafts(database, viewer, as_of, {"account": BUDI, "reference": "A"})
        async with database.reading(parties.officer, as_of=as_of) as tx:
            (account,) = (await list_accounts(tx, PageRequest())).items
            found = (await load_contributions_by_account(tx, [account.key_hash]))[account.key_hash]
        assert [item.member_id for item in found] == [parties.agency.member_id, parties.indosat.member_id]
        async with database.reading(parties.agency, as_of=as_of) as tx:
            assert await load_contributions_by_account(tx, [account.key_hash]) == {account.key_hash: []}

    async def test_makes_no_account_and_touches_no_number_of_its_own(self, database, parties, as_of, owner_connection):
        await complain(database, parties, as_of, NUMBER)
        whatsapp = AccountDraft(platform="WhatsApp", handle=NUMBER)
        await contribute_drafts(database, parties.indosat, as_of, {"account": whatsapp, "reference": "W"})
        assert await owner_connection.fetchval("SELECT count(*) FROM accounts") == 0
        (signal,) = await read_signals(database, parties.officer, as_of)
        assert signal.corroboration_count == 0
        assert await list_contributed(database, parties.officer, as_of, number=NUMBER) == []

    async def test_is_replaced_by_what_it_really_was(self, database, parties, as_of):
        await complain(database, parties, as_of, NUMBER)
        (made,) = await contribute_drafts(database, parties.indosat, as_of, {"account": BUDI, "reference": "A"})
        now = await put_in_place(database, parties.indosat, as_of, made.contribution.id, NUMBER)
        assert (now.contribution.kind, now.contribution.handle) == (ContributionKind.NUMBER, None)
        (signal,) = await read_signals(database, parties.officer, as_of)
        assert signal.corroboration_count == 1
        (former,) = await list_contributed(database, parties.indosat, as_of, kinds=(ContributionKind.ACCOUNT,))
        assert (former.state, former.handle) == (ContributionState.REPLACED, "budi_s")


class TestAboutALink:
    async def test_is_kept_in_its_one_form_and_raises_nothing(self, database, parties, as_of, owner_connection):
        await take_part(database, parties, as_of)
        for viewer in (parties.agency, parties.telkomsel, parties.indosat, parties.provider):
            drafts = {"link": "HTTPS://Hadiah.EXAMPLE/klaim#x", "reference": "L"}
            (made,) = await contribute_drafts(database, viewer, as_of, drafts)
            assert (made.contribution.kind, made.contribution.url) == (ContributionKind.LINK, LINK)
        assert await read_signals(database, parties.officer, as_of) == []
        for table in ("accounts", "phone_numbers", "block_orders"):
            assert await owner_connection.fetchval(f"SELECT count(*) FROM {table}") == 0

    async def test_answers_item_by_item(self, database, parties, as_of):
        results = await contribute_drafts(
            database, parties.agency, as_of,
            {"link": LINK, "reference": "1"}, {"link": "nonsense", "reference": "2"}, {"reference": "3"},
            {"link": LINK, "number": NUMBER, "reference": "4"},
            {"account": AccountDraft(platform="Telegram"), "reference": "5"},
        )  # fmt: skip
        assert [getattr(each, "code", None) for each in results] == [
            None, "LINK_INVALID", "CONTRIBUTION_TARGET_INVALID", "CONTRIBUTION_TARGET_INVALID",
            "CONTRIBUTION_TARGET_INVALID",
        ]  # fmt: skip


@pytest.mark.parametrize("link", ["https://user@hadiah.example/", "https://hadiah.example\\@bank.example/"])
async def test_a_link_that_shows_one_server_and_leads_to_another(database, parties, as_of, link):
    (refused,) = await contribute_drafts(database, parties.agency, as_of, {"link": link, "reference": "L"})
    assert (refused.code, refused.field) == ("LINK_INVALID", "link")
    assert await list_contributed(database, parties.agency, as_of) == []
