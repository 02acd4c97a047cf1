"""Every filter of referrals, of what was transferred, and of both instruments side by side is answered by an index.

As tests/integration/ledger/test_filter_plans.py, with a referral of each of 40,000 accounts.
"""

from collections.abc import AsyncIterator
from datetime import timedelta

import asyncpg
import pytest

from ledger.numbers.side_by_side import SideBySideFilter, list_side_by_side
from ledger.numbers.vocabulary import AccountStanding, NumberStatus
from ledger.pages import PageRequest
from ledger.referrals.reading import (
    ReferralFilter,
    TransferFilter,
    count_referrals,
    count_transfers,
    list_referrals,
    list_transfers,
)
from ledger.referrals.states import ReferralState
from ledger.referrals.vocabulary import ReferralAction, ReferralSort
from ledger.settings import LedgerSettings
from ledger.storage.database import Database
from ledger.viewer import Viewer
from tests.support.cluster import ROLE_PREFIX
from tests.support.filled_ledger import BEGAN_AT, ENDED_AT, ROWS, fill_ledger
from tests.support.filled_referrals import fill_referrals
from tests.support.plans import PAGE_SIZE, TAKEN_UP_MAX, check, pages_of, run_plans
from tests.support.signal_journeys import admit_provider

OPEN_MAX = 1_000
"""Rows that a page may cost where every open referral may have to be sorted: there are 800."""
SINCE, UNTIL = BEGAN_AT + timedelta(days=20), BEGAN_AT + timedelta(days=20, hours=1)
ACCOUNT_ID = "00007530-0000-7000-8000-00000000000d"


@pytest.fixture(scope="module")
async def filled(cluster, country, keyring) -> AsyncIterator[tuple[Database, dict[str, Viewer]]]:
    name, parties = country
    copy = await cluster.clone(name)
    database = Database.connect(LedgerSettings(database_url=cluster.url_of(copy), role_prefix=ROLE_PREFIX), keyring)
    other = await admit_provider(database, parties, BEGAN_AT)
    connection = await asyncpg.connect(cluster.url_of(copy, owner=True))
    await fill_ledger(connection, parties)
    await fill_referrals(connection, parties, other.member_id)
    await connection.close()
    yield database, {"provider": parties.provider, "other provider": other, "officer": parties.officer}
    await database.close()
    await cluster.drop(copy)


IN_THEIR_ORDER = {
    "all": (ReferralFilter(), ReferralSort.OFFERED_NEWEST),
    "all by change": (ReferralFilter(), ReferralSort.CHANGED_OLDEST),
    "changed lately": (ReferralFilter(changed_since=ENDED_AT - timedelta(days=4)), ReferralSort.CHANGED_OLDEST),
    "changed ever": (ReferralFilter(changed_since=BEGAN_AT), ReferralSort.CHANGED_OLDEST),
}
IN_ANY_ORDER = {
    "unanswered": ReferralFilter(states=(ReferralState.OFFERED, ReferralState.RECEIVED)),
    "declined": ReferralFilter(states=(ReferralState.DECLINED,)),
    "actioned": ReferralFilter(states=(ReferralState.ACTIONED,)),
    "lapsed, of which there are none": ReferralFilter(states=(ReferralState.LAPSED,)),
    "banned": ReferralFilter(actions=(ReferralAction.BANNED,)),
    "warned": ReferralFilter(actions=(ReferralAction.WARNED,)),
    "warned or limited": ReferralFilter(actions=(ReferralAction.WARNED, ReferralAction.LIMITED)),
    "of a number": ReferralFilter(number="+6281200030001"),
    "of an account": ReferralFilter(account_id=ACCOUNT_ID),
    "offered in an hour": ReferralFilter(offered_after=SINCE, offered_before=UNTIL),
    "answered in an hour": ReferralFilter(answered_after=SINCE, answered_before=UNTIL),
    "changed": ReferralFilter(changed_since=BEGAN_AT + timedelta(minutes=ROWS - 60)),
    "by a reference": ReferralFilter(reference="WA-30001"),
    "by a reference that nobody used": ReferralFilter(reference="WA-0"),
}


@pytest.mark.parametrize("who", ["provider", "other provider", "officer"])
class TestReferrals:
    """Of a provider with most referrals, of one with hardly any, and of all."""

    @pytest.mark.parametrize("name", IN_THEIR_ORDER)
    async def test_in_the_order_of_the_filter_are_not_even_sorted(self, filled, who, name):
        database, viewers = filled
        ask = pages_of(list_referrals, *IN_THEIR_ORDER[name])
        check(await run_plans(database, viewers[who], ENDED_AT, ask), is_sorted=False)

    @pytest.mark.parametrize("sort", ReferralSort)
    @pytest.mark.parametrize("name", IN_ANY_ORDER)
    async def test_in_any_order_cost_what_the_filter_finds(self, filled, who, name, sort):
        database, viewers = filled
        ask = pages_of(list_referrals, IN_ANY_ORDER[name], sort)
        # The newest are unanswered, and the list passes over them to those that are not.
        rows_max = OPEN_MAX if name in {"unanswered", "actioned", "banned"} else TAKEN_UP_MAX
        check(await run_plans(database, viewers[who], ENDED_AT, ask), rows_max=rows_max)

    @pytest.mark.parametrize("name", sorted(IN_ANY_ORDER.keys() - {"unanswered", "actioned", "banned"}))
    async def test_are_counted_by_what_the_filter_finds(self, filled, who, name):
        database, viewers = filled
        ask = lambda tx: count_referrals(tx, IN_ANY_ORDER[name])  # noqa: E731 - the shape of a question
        check(await run_plans(database, viewers[who], ENDED_AT, ask))


@pytest.mark.parametrize("who", ["provider", "officer"])
@pytest.mark.parametrize("wanted", [ReferralFilter(), IN_ANY_ORDER["unanswered"]], ids=["all", "unanswered"])
async def test_a_poll_is_planned_once_and_not_each_time(filled, who, wanted):
    database, viewers = filled
    ask = lambda tx: list_referrals(tx, PageRequest(first=PAGE_SIZE), wanted)  # noqa: E731 - the shape of a question
    found = await run_plans(database, viewers[who], ENDED_AT, ask)
    assert [ran.is_kept for ran in found if ran.is_compiled] == [True]


@pytest.mark.parametrize(
    "wanted",
    [
        TransferFilter(),
        TransferFilter(is_abroad=True),
        TransferFilter(is_abroad=False),
        TransferFilter(ground="Safeguards"),
        TransferFilter(ground="Consent"),
        TransferFilter(sent_after=SINCE, sent_before=UNTIL),
    ],
    ids=["all", "abroad", "at home", "on a common ground", "on a rare ground", "in an hour"],
)
async def test_transfers_come_in_the_order_of_their_time(filled, wanted):
    database, viewers = filled
    check(await run_plans(database, viewers["officer"], ENDED_AT, pages_of(list_transfers, wanted)), is_sorted=False)


@pytest.mark.parametrize("to", ["provider", "other provider"])
async def test_transfers_to_one_provider(filled, to):
    database, viewers = filled
    wanted = TransferFilter(provider_id=viewers[to].member_id, sent_after=SINCE)
    check(await run_plans(database, viewers["officer"], ENDED_AT, pages_of(list_transfers, wanted)))


async def test_transfers_of_an_hour_are_counted_by_what_the_filter_finds(filled):
    database, viewers = filled
    wanted = TransferFilter(is_abroad=True, sent_after=SINCE, sent_before=UNTIL)
    check(await run_plans(database, viewers["officer"], ENDED_AT, lambda tx: count_transfers(tx, wanted)))


@pytest.mark.parametrize(
    "wanted",
    [
        SideBySideFilter(),
        SideBySideFilter(number="+6281200030000"),
        SideBySideFilter(statuses=(NumberStatus.BLOCKED,)),
        SideBySideFilter(statuses=(NumberStatus.BLOCK_ORDERED,)),
        SideBySideFilter(statuses=(NumberStatus.CLEAR,)),
        SideBySideFilter(account_standings=(AccountStanding.ASKED,)),
        SideBySideFilter(account_standings=(AccountStanding.NOT_ASKED,)),
        SideBySideFilter(account_standings=(AccountStanding.ACTIONED, AccountStanding.NOT_ACTIONED)),
        SideBySideFilter(is_blocked_sim_live_account=True),
        SideBySideFilter(is_blocked_sim_live_account=False),
        SideBySideFilter(is_live_sim_actioned_account=True),
    ],
    ids=str,
)
async def test_numbers_with_both_instruments(filled, wanted):
    database, viewers = filled
    check(await run_plans(database, viewers["officer"], ENDED_AT, pages_of(list_side_by_side, wanted)))
