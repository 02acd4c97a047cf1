"""Accounts are things of their own: found by however they are written, counted, and seen by those whom they concern."""

import asyncio
from datetime import timedelta

import pytest

from ledger.accounts.reading import (
    AccountFilter,
    get_account,
    list_accounts,
    load_accounts,
    load_accounts_by_number,
)
from ledger.accounts.vocabulary import AccountKind, AccountSort
from ledger.complaints.binding import bind_accounts
from ledger.complaints.complainant_drafts import ComplainantDraft
from ledger.complaints.decisions import ComplaintDecision, Decision, decide_complaints
from ledger.complaints.filing import file_complaints
from ledger.complaints.reading import ComplaintFilter, list_complaints
from ledger.complaints.states import ComplaintState
from ledger.errors import ForbiddenError, Problem, UnknownError
from ledger.numbers.vocabulary import RiskTier
from ledger.pages import PageRequest
from ledger.storage.roles import Role
from ledger.vocabulary import Platform
from tests.support.account_journeys import accuse, file_accused
from tests.support.journeys import TELKOMSEL_NUMBER, recycle
from tests.support.statements import count_statements

HOUR = timedelta(hours=1)
BUDI = ("Telegram", "@Budi_S")
SAME = (BUDI, ("tg", None, "https://t.me/budi_s?start=x"), ("telegram", "budi_s"))


async def read(database, viewer, as_of, **named):
    async with database.reading(viewer, as_of=as_of) as tx:
        return await get_account(tx, **named)


async def read_budi(database, viewer, as_of):
    return await read(database, viewer, as_of, platform=Platform.TELEGRAM, handle="budi_s")


async def decide(database, parties, as_of, decision, *complaints, **more):
    decisions = [ComplaintDecision(complaint_id=each.id, decision=decision, **more) for each in complaints]
    async with database.transaction(parties.officer, as_of=as_of) as tx:
        return await decide_complaints(tx, decisions)


async def list_for(database, viewer, as_of, wanted=None, **more):
    async with database.reading(viewer, as_of=as_of) as tx:
        return (await list_accounts(tx, PageRequest(), wanted, **more)).items


class TestFiling:
    async def test_binds_complaints_that_write_one_account_differently_to_that_account(self, database, parties, as_of):
        first = await file_accused(database, parties.agency, as_of, *SAME[:2])
        later = await file_accused(database, parties.other_agency, as_of + HOUR, SAME[2])
        assert len({each.account_id for each in [*first, *later]}) == 1
        account = await read_budi(database, parties.officer, as_of)
        assert (account.id, account.handle, account.url) == (later[0].account_id, "budi_s", "https://t.me/budi_s")
        assert (account.complaint_count, account.verified_complaint_count, account.risk) == (3, 0, RiskTier.NONE)
        assert (account.first_seen_at, account.last_seen_at) == (as_of, as_of + HOUR)

    async def test_keeps_with_each_complaint_how_the_account_was_written(self, database, parties, as_of):
        filed = await file_accused(database, parties.agency, as_of, *SAME)
        assert [(each.account_platform, each.account_handle, each.account_url) for each in filed] == [
            ("Telegram", "@Budi_S", None),
            ("tg", None, "https://t.me/budi_s?start=x"),
            ("telegram", "budi_s", None),
        ]

    async def test_keeps_what_can_not_be_read_apart_and_says_so(self, database, parties, as_of):
        group = "https://chat.whatsapp.com/AbCdEf"
        await file_accused(database, parties.agency, as_of, ("WhatsApp", None, group), ("Bigo Live", "Bob"))
        found = {each.handle: each for each in await list_for(database, parties.officer, as_of)}
        assert (found[group].kind, found[group].is_canonical, found[group].url) == (AccountKind.GROUP, False, group)
        bob = found["Bob"]
        assert (bob.platform, bob.other_name, bob.is_canonical) == (Platform.OTHER, "bigo live", False)

    async def test_takes_the_complaints_number_for_the_account_where_accounts_are_numbers(
        self, database, parties, as_of
    ):
        [filed] = await file_accused(database, parties.agency, as_of, ("WhatsApp",), number=TELKOMSEL_NUMBER)
        account = await read(database, parties.officer, as_of, platform=Platform.WHATSAPP, handle=TELKOMSEL_NUMBER)
        assert (filed.e164, filed.account_id, account.e164) == (TELKOMSEL_NUMBER, account.id, TELKOMSEL_NUMBER)
        async with database.transaction(parties.agency, as_of=as_of) as tx:
            [refused] = await file_complaints(tx, [accuse("Telegram", number=TELKOMSEL_NUMBER)])
        assert isinstance(refused, Problem)
        assert refused.code == "ACCOUNT_INCOMPLETE"

    async def test_finds_an_account_that_is_a_number_by_the_number(self, database, parties, as_of):
        await file_accused(database, parties.agency, as_of, ("WA", "0812-0000-0001"), ("Viber", "+6281200000001"), BUDI)
        async with database.reading(parties.officer, as_of=as_of) as tx:
            found = (await load_accounts_by_number(tx, ["+6281200000001"]))["+6281200000001"]
        assert {each.platform for each in found} == {Platform.WHATSAPP, Platform.VIBER}
        listed = await list_for(database, parties.officer, as_of, AccountFilter(number="0812 0000 0001"))
        assert {each.id for each in listed} == {each.id for each in found}

    async def test_account_that_is_a_number_leaves_no_trace_for_its_carrier(self, database, parties, as_of, count_rows):
        await file_accused(database, parties.agency, as_of, ("WhatsApp", TELKOMSEL_NUMBER))
        assert await count_rows("phone_numbers") == 0

    async def test_filed_twice_counts_once(self, database, parties, as_of):
        draft = accuse(*BUDI)
        for _ in range(2):
            async with database.transaction(parties.agency, as_of=as_of) as tx:
                await file_complaints(tx, [draft])
        assert (await read_budi(database, parties.officer, as_of)).complaint_count == 1

    async def test_two_at_once_make_one_account_and_neither_waits_for_ever(self, database, parties, as_of, count_rows):
        handles = [f"user{serial:03}" for serial in range(40)]

        async def file(viewer, ordered):
            written = [("Telegram", handle) for handle in ordered]
            return await file_accused(database, viewer, as_of, *written)

        await asyncio.gather(
            file(parties.agency, handles), file(parties.other_agency, handles[::-1]), file(parties.regulator, handles)
        )
        assert await count_rows("accounts") == len(handles)
        accounts = await list_for(database, parties.officer, as_of)
        assert {each.complaint_count for each in accounts} == {3}

    async def test_takes_as_many_statements_for_a_thousand_accounts_as_for_one(self, database, parties, as_of):
        async def count(written):
            statements = []
            stop = count_statements(database, statements.append)
            try:
                await file_accused(database, parties.agency, as_of, *written)
            finally:
                stop()
            return len(statements)

        one = await count([("X", "one")])
        assert await count([("X", f"user{serial}") for serial in range(1000)]) == one


class TestVerifying:
    async def test_verifies_an_ott_complaint_about_an_account_without_any_carrier(self, database, parties, as_of):
        filed = await file_accused(database, parties.agency, as_of, BUDI)
        [verified] = await decide(database, parties, as_of, Decision.VERIFY, *filed)
        assert verified.state is ComplaintState.VERIFIED

    async def test_raises_the_risk_by_verified_complaints_of_different_people_alone(self, database, parties, as_of):
        people = [ComplainantDraft(name=name, identity_number=name.ljust(16, "0")) for name in ("Ani", "Budi", "Citra")]
        drafts = [accuse(*BUDI, complainant=person) for person in people]
        async with database.transaction(parties.agency, as_of=as_of) as tx:
            filed = [each.complaint for each in await file_complaints(tx, drafts)]
        assert (await read_budi(database, parties.officer, as_of)).risk is RiskTier.NONE
        await decide(database, parties, as_of, Decision.VERIFY, *filed)
        risky = await read_budi(database, parties.officer, as_of)
        assert (risky.verified_complaint_count, risky.risk) == (3, RiskTier.HIGH)

    async def test_number_that_went_to_another_subscriber_leaves_its_account_no_stigma(self, database, parties, as_of):
        filed = await file_accused(database, parties.agency, as_of, ("WhatsApp",), number=TELKOMSEL_NUMBER)
        await decide(database, parties, as_of, Decision.VERIFY, *filed)
        named = {"platform": Platform.WHATSAPP, "handle": TELKOMSEL_NUMBER}
        assert (await read(database, parties.officer, as_of, **named)).risk is not RiskTier.NONE
        await recycle(database, parties, parties.telkomsel, as_of + 3 * HOUR, TELKOMSEL_NUMBER, at=as_of + 2 * HOUR)
        account = await read(database, parties.officer, as_of + 3 * HOUR, **named)
        assert (account.complaint_count, account.verified_complaint_count, account.risk) == (1, 0, RiskTier.NONE)

    @pytest.mark.parametrize(
        ("other", "is_duplicate"),
        [
            (("tg", None, "https://t.me/budi_s"), True),
            (("Telegram", None, "https://t.me/+AbCdEf"), True),
            (("Telegram", "ani_s"), False),
            (("Instagram", "budi_s"), False),
        ],
    )
    async def test_duplicate_is_about_the_same_account_however_it_is_written(
        self, database, parties, as_of, other, is_duplicate
    ):
        first, second = await file_accused(database, parties.agency, as_of, BUDI, other)
        [decided] = await decide(database, parties, as_of, Decision.MARK_DUPLICATE, second, duplicate_of=first.id)
        assert isinstance(decided, Problem) is not is_duplicate
        assert is_duplicate or decided.code == "DUPLICATE_MISMATCH"


class TestReading:
    async def test_agency_sees_the_accounts_of_its_own_complaints_and_no_count(self, database, parties, as_of):
        await file_accused(database, parties.agency, as_of, BUDI)
        await file_accused(database, parties.other_agency, as_of, BUDI, ("X", "ani"))
        [own] = await list_for(database, parties.agency, as_of)
        assert (own.handle, own.risk) == ("budi_s", RiskTier.NONE)
        assert (own.complaint_count, own.verified_complaint_count) == (None, None)
        assert (own.first_seen_at, own.last_seen_at) == (None, None)

    async def test_agency_does_not_find_out_what_others_complained_of(self, database, parties, as_of):
        await file_accused(database, parties.other_agency, as_of, BUDI)
        account = await read_budi(database, parties.officer, as_of)
        for named in ({"platform": Platform.TELEGRAM, "handle": "budi_s"}, {"url": "https://t.me/budi_s"}):
            with pytest.raises(UnknownError):
                await read(database, parties.agency, as_of, **named)
        async with database.reading(parties.agency, as_of=as_of) as tx:
            assert await load_accounts(tx, [account.id]) == {}
            assert (await list_complaints(tx, PageRequest(), ComplaintFilter(account_id=account.id))).items == []

    @pytest.mark.parametrize("sort", [AccountSort.MOST_COMPLAINTS, AccountSort.LAST_SEEN])
    async def test_agency_does_not_learn_counts_from_an_order_or_a_filter(self, database, parties, as_of, sort):
        await file_accused(database, parties.agency, as_of, BUDI)
        assert await list_for(database, parties.agency, as_of, sort=sort) == []
        for wanted in (AccountFilter(minimum_complaint_count=1), AccountFilter(seen_after=as_of)):
            assert await list_for(database, parties.agency, as_of, wanted) == []

    async def test_carrier_sees_no_account_even_of_its_own_number(self, database, parties, as_of):
        await file_accused(database, parties.agency, as_of, ("WhatsApp",), number=TELKOMSEL_NUMBER)
        with pytest.raises(ForbiddenError):
            await list_for(database, parties.telkomsel, as_of)
        with pytest.raises(UnknownError):
            await read(database, parties.telkomsel, as_of, platform=Platform.WHATSAPP, handle=TELKOMSEL_NUMBER)
        async with database.reading(parties.telkomsel, as_of=as_of) as tx:
            assert await load_accounts_by_number(tx, [TELKOMSEL_NUMBER]) == {TELKOMSEL_NUMBER: []}

    async def test_regulator_lists_by_count_and_by_when_they_were_last_seen(self, database, parties, as_of):
        await file_accused(database, parties.agency, as_of, BUDI, SAME[1])
        await file_accused(database, parties.agency, as_of + HOUR, ("X", "ani"))
        most = await list_for(database, parties.officer, as_of, sort=AccountSort.MOST_COMPLAINTS)
        assert [each.handle for each in most] == ["budi_s", "ani"]
        last = await list_for(database, parties.officer, as_of, sort=AccountSort.LAST_SEEN)
        assert [each.handle for each in last] == ["ani", "budi_s"]

    async def test_filters_by_each_criterion_at_its_boundary(self, database, parties, as_of):
        await file_accused(
            database, parties.agency, as_of, BUDI, SAME[1], ("X", "ani"), ("LINE", None, "https://line.me/ti/g/x")
        )
        for wanted, handles in (
            (AccountFilter(platforms=(Platform.X, Platform.LINE)), {"ani", "https://line.me/ti/g/x"}),
            (AccountFilter(kinds=(AccountKind.GROUP,)), {"https://line.me/ti/g/x"}),
            (AccountFilter(risks=(RiskTier.HIGH,)), set()),
            (AccountFilter(minimum_complaint_count=2), {"budi_s"}),
            (AccountFilter(minimum_complaint_count=3), set()),
            (AccountFilter(seen_after=as_of, platforms=(Platform.X,)), {"ani"}),
            (AccountFilter(seen_after=as_of + timedelta(microseconds=1)), set()),
        ):
            found = await list_for(database, parties.officer, as_of, wanted)
            assert {each.handle for each in found} == handles

    async def test_provider_that_runs_the_platform_sees_nothing_that_was_not_referred_to_it(
        self, database, parties, as_of, owner_connection
    ):
        await file_accused(database, parties.agency, as_of, BUDI)
        assert await list_for(database, parties.provider, as_of) == []
        with pytest.raises(UnknownError):
            await read_budi(database, parties.provider, as_of)


class TestBinding:
    @pytest.fixture
    async def unbound(self, database, parties, as_of, owner_connection):
        """Complaints as a process of the version before left them."""
        filed = await file_accused(database, parties.agency, as_of, *SAME, ("WhatsApp", "0812-0000-0001"))
        await decide(database, parties, as_of, Decision.VERIFY, filed[0])
        await owner_connection.execute("UPDATE complaints SET account_id = NULL")
        await owner_connection.execute("DELETE FROM accounts")
        return filed

    async def bind(self, database, at):
        async with database.system(Role.TRANSITION, as_of=at) as tx:
            return await bind_accounts(tx)

    async def test_binds_what_was_filed_before_with_its_counts_times_and_risk(self, database, parties, as_of, unbound):
        assert await self.bind(database, as_of + HOUR) == 4
        account = await read_budi(database, parties.officer, as_of)
        assert (account.complaint_count, account.verified_complaint_count) == (3, 1)
        assert (account.first_seen_at, account.last_seen_at) == (as_of, as_of)
        assert account.risk is RiskTier.MEDIUM

    async def test_repeated_changes_nothing_and_writes_no_event(self, database, as_of, unbound, count_rows):
        events = await count_rows("events")
        await self.bind(database, as_of)
        assert await self.bind(database, as_of) == 0
        assert await count_rows("events") == events

    async def test_two_at_once_count_nothing_twice(self, database, parties, as_of, unbound):
        assert sum(await asyncio.gather(self.bind(database, as_of), self.bind(database, as_of))) == 4
        assert (await read_budi(database, parties.officer, as_of)).complaint_count == 3


@pytest.fixture
def count_rows(owner_connection):
    async def count(table):
        return await owner_connection.fetchval(f"SELECT count(*) FROM {table}")

    return count
