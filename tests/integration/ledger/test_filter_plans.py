"""Every filter is answered by an index, which takes up about as many rows as a page has: no more in a longer list.

Each table has 40,000 rows here, so that reading one whole, or a list in its order until a page is full, would show. A
statement is planned for its values, and again after PostgreSQL has seen it often enough to keep one plan for all.
"""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import asyncpg
import pytest

from ledger.accounts.reading import AccountFilter, count_accounts, list_accounts
from ledger.accounts.vocabulary import AccountKind, AccountSort
from ledger.complaints.reading import ComplaintFilter, count_complaints, list_complaints
from ledger.complaints.states import ComplaintState
from ledger.complaints.vocabulary import ComplaintSort
from ledger.numbers.reading import NumberFilter, list_numbers
from ledger.numbers.vocabulary import NumberSort, RiskTier
from ledger.orders.reading import OrderFilter, count_block_orders, list_block_orders
from ledger.orders.states import OrderState
from ledger.orders.vocabulary import ImpossibleReason, OrderSort
from ledger.pages import PageRequest
from ledger.participations.reading import ParticipationFilter, ProposalFilter, list_participations, list_proposals
from ledger.participations.states import OPEN_PROPOSAL_STATES, ProposalState
from ledger.settings import LedgerSettings
from ledger.signals.confirming import NoticeFilter, list_notices
from ledger.signals.contribution_reading import ContributionFilter, list_contributions
from ledger.signals.states import ContributionState
from ledger.signals.vocabulary import ContributionKind
from ledger.storage.database import Database
from ledger.vocabulary import Platform
from tests.support.cluster import ROLE_PREFIX
from tests.support.country import Parties
from tests.support.filled_ledger import BEGAN_AT, ENDED_AT, RARE_PROVIDER, ROWS, fill_ledger
from tests.support.plans import PAGE_SIZE, TAKEN_UP_MAX, check, pages_of, run_plans

OPEN_MAX = 1_000
"""The same where every open order may have to be sorted: there are 800, however many have been executed."""
SINCE, UNTIL = BEGAN_AT + timedelta(days=20), BEGAN_AT + timedelta(days=20, hours=1)


@pytest.fixture(scope="module")
async def filled(cluster, country, keyring) -> AsyncIterator[tuple[Database, Parties]]:
    name, parties = country
    copy = await cluster.clone(name)
    connection = await asyncpg.connect(cluster.url_of(copy, owner=True))
    await fill_ledger(connection, parties)
    await connection.close()
    database = Database.connect(LedgerSettings(database_url=cluster.url_of(copy), role_prefix=ROLE_PREFIX), keyring)
    yield database, parties
    await database.close()
    await cluster.drop(copy)


IN_THEIR_ORDER = {
    "executed in an hour": (OrderFilter(executed_after=SINCE, executed_before=UNTIL), OrderSort.EXECUTED_NEWEST),
    "executed ever": (OrderFilter(executed_after=BEGAN_AT), OrderSort.EXECUTED_NEWEST),
    "executed, any": (OrderFilter(), OrderSort.EXECUTED_NEWEST),
    "lifted in an hour": (OrderFilter(lifted_after=SINCE, lifted_before=UNTIL), OrderSort.LIFTED_NEWEST),
    "lifted ever": (OrderFilter(lifted_after=BEGAN_AT), OrderSort.LIFTED_NEWEST),
    "changed lately": (OrderFilter(changed_since=ENDED_AT - timedelta(days=4)), OrderSort.CHANGED_OLDEST),
    "changed ever": (OrderFilter(changed_since=BEGAN_AT), OrderSort.CHANGED_OLDEST),
}
IN_ANOTHER_ORDER = {
    "executed": OrderFilter(executed_after=SINCE, executed_before=UNTIL),
    "lifted": OrderFilter(lifted_after=SINCE, lifted_before=UNTIL + timedelta(days=1)),
    "changed": OrderFilter(changed_since=BEGAN_AT + timedelta(minutes=ROWS - 60)),
    "acknowledged": OrderFilter(acknowledged_after=SINCE, acknowledged_before=UNTIL),
    "by a reference": OrderFilter(reference="TT-30001"),
    "by a reference that nobody used": OrderFilter(reference="TT-0"),
    "acknowledged, by a reference": OrderFilter(acknowledged_after=BEGAN_AT, reference="TT-30001"),
}
FOUND_BY_ORDER = {
    "open": OrderFilter(states=(OrderState.ISSUED, OrderState.RECEIVED, OrderState.PARTIAL)),
    "not received": OrderFilter(states=(OrderState.ISSUED,)),
    "overdue": OrderFilter(is_overdue=True),
    "due before": OrderFilter(due_before=BEGAN_AT + timedelta(days=1, hours=1)),
    "issued in an hour": OrderFilter(issued_after=SINCE, issued_before=UNTIL),
    "of a number": OrderFilter(number="+6281200030001"),
    "impossible": OrderFilter(impossible_reasons=tuple(ImpossibleReason)),
}


@pytest.mark.parametrize("who", ["telkomsel", "xlsmart", "officer"])
class TestOrders:
    """Of a carrier with most orders, of one with hardly any, and of all."""

    @pytest.mark.parametrize("name", IN_THEIR_ORDER)
    async def test_in_the_order_of_the_filter_are_not_even_sorted(self, filled, who, name):
        database, parties = filled
        ask = pages_of(list_block_orders, *IN_THEIR_ORDER[name])
        check(await run_plans(database, parties.everyone[who], ENDED_AT, ask), is_sorted=False)

    @pytest.mark.parametrize("sort", OrderSort)
    async def test_unfiltered_are_read_in_any_order(self, filled, who, sort):
        database, parties = filled
        ask = pages_of(list_block_orders, OrderFilter(), sort)
        check(await run_plans(database, parties.everyone[who], ENDED_AT, ask))

    @pytest.mark.parametrize("sort", OrderSort)
    @pytest.mark.parametrize("name", FOUND_BY_ORDER)
    async def test_by_what_an_order_is_are_found(self, filled, who, name, sort):
        database, parties = filled
        ask = pages_of(list_block_orders, FOUND_BY_ORDER[name], sort)
        rows_max = OPEN_MAX if name in {"open", "not received", "overdue"} else TAKEN_UP_MAX
        check(await run_plans(database, parties.everyone[who], ENDED_AT, ask), rows_max=rows_max)

    @pytest.mark.parametrize("was_late", [True, False])
    async def test_by_lateness_are_read_in_the_order_of_their_due_times(self, filled, who, was_late):
        database, parties = filled
        ask = pages_of(list_block_orders, OrderFilter(was_late=was_late), OrderSort.DUE_SOONEST)
        check(await run_plans(database, parties.everyone[who], ENDED_AT, ask))

    @pytest.mark.parametrize("sort", OrderSort)
    @pytest.mark.parametrize("name", IN_ANOTHER_ORDER)
    async def test_in_any_order_cost_what_the_filter_finds(self, filled, who, name, sort):
        database, parties = filled
        ask = pages_of(list_block_orders, IN_ANOTHER_ORDER[name], sort)
        check(await run_plans(database, parties.everyone[who], ENDED_AT, ask))

    @pytest.mark.parametrize("name", IN_ANOTHER_ORDER)
    async def test_are_counted_by_what_the_filter_finds(self, filled, who, name):
        database, parties = filled
        ask = lambda tx: count_block_orders(tx, IN_ANOTHER_ORDER[name])  # noqa: E731 - the shape of a question
        check(await run_plans(database, parties.everyone[who], ENDED_AT, ask))


@pytest.mark.parametrize("who", ["telkomsel", "officer"])
@pytest.mark.parametrize("wanted", [OrderFilter(), FOUND_BY_ORDER["open"]], ids=["all", "open"])
async def test_a_poll_is_planned_once_and_not_each_time(filled, who, wanted):
    """Planning a poll takes as long as answering it."""
    database, parties = filled
    ask = lambda tx: list_block_orders(tx, PageRequest(first=PAGE_SIZE), wanted)  # noqa: E731 - the shape of a question
    found = await run_plans(database, parties.everyone[who], ENDED_AT, ask)
    assert [ran.is_kept for ran in found if ran.is_compiled] == [True]


@pytest.mark.parametrize("who", ["agency", "other_agency", "officer"])
class TestComplaints:
    """Of an agency with most complaints, of one with hardly any, and of all."""

    @pytest.mark.parametrize("sort", ComplaintSort)
    @pytest.mark.parametrize(
        "wanted",
        [
            ComplaintFilter(),
            ComplaintFilter(states=(ComplaintState.SUBMITTED,)),
            ComplaintFilter(number="+6281200030001"),
            ComplaintFilter(is_verification_overdue=True),
            ComplaintFilter(filed_after=SINCE, filed_before=UNTIL),
        ],
        ids=["all", "submitted", "of a number", "overdue", "filed in an hour"],
    )
    async def test_in_any_order_cost_what_a_page_holds(self, filled, who, wanted, sort):
        database, parties = filled
        check(await run_plans(database, parties.everyone[who], ENDED_AT, pages_of(list_complaints, wanted, sort)))

    @pytest.mark.parametrize("decided_after", [BEGAN_AT, SINCE])
    async def test_newest_decisions_are_not_even_sorted(self, filled, who, decided_after):
        database, parties = filled
        wanted = ComplaintFilter(decided_after=decided_after)
        ask = pages_of(list_complaints, wanted, ComplaintSort.DECIDED_NEWEST)
        check(await run_plans(database, parties.everyone[who], ENDED_AT, ask), is_sorted=False)

    @pytest.mark.parametrize("sort", [ComplaintSort.FILED_NEWEST, ComplaintSort.DECIDED_NEWEST])
    @pytest.mark.parametrize(
        "wanted",
        [
            ComplaintFilter(decided_after=SINCE, decided_before=UNTIL),
            ComplaintFilter(source_reference="R-30001"),
            ComplaintFilter(source_reference="R-0"),
            ComplaintFilter(account_id="00007530-0000-7000-8000-00000000000d"),
        ],
        ids=["decided in an hour", "by a reference", "by a reference that nobody used", "by an account"],
    )
    async def test_in_any_order_cost_what_the_filter_finds(self, filled, who, wanted, sort):
        database, parties = filled
        check(await run_plans(database, parties.everyone[who], ENDED_AT, pages_of(list_complaints, wanted, sort)))
        counted = await run_plans(database, parties.everyone[who], ENDED_AT, lambda tx: count_complaints(tx, wanted))
        check(counted)


@pytest.mark.parametrize("decider", ["officer", "other_officer"])
async def test_what_one_officer_decided_last(filled, decider):
    """The decisions of an officer who took nearly all, and of one who took hardly any."""
    database, parties = filled
    wanted = ComplaintFilter(decided_by=getattr(parties, decider).officer_id)
    ask = pages_of(list_complaints, wanted, ComplaintSort.DECIDED_NEWEST)
    check(await run_plans(database, parties.officer, ENDED_AT, ask), is_sorted=False)


async def test_what_an_officer_decided_in_an_hour(filled):
    database, parties = filled
    wanted = ComplaintFilter(decided_by=parties.officer.officer_id, decided_after=SINCE, decided_before=UNTIL)
    for sort in (ComplaintSort.FILED_NEWEST, ComplaintSort.DECIDED_NEWEST):
        check(await run_plans(database, parties.officer, ENDED_AT, pages_of(list_complaints, wanted, sort)))


@pytest.mark.parametrize("sort", ComplaintSort)
@pytest.mark.parametrize("is_claimed", [True, False])
async def test_what_is_claimed_and_what_is_free(filled, is_claimed, sort):
    """Few complaints are claimed at a time, and nearly all are free."""
    database, parties = filled
    ask = pages_of(list_complaints, ComplaintFilter(is_claimed=is_claimed), sort)
    check(await run_plans(database, parties.officer, ENDED_AT, ask))


@pytest.mark.parametrize("kind", ["worked_on_by", "assigned_to"])
async def test_what_an_officer_works_on(filled, kind):
    database, parties = filled
    wanted = ComplaintFilter(**{kind: parties.officer.officer_id})
    ask = pages_of(list_complaints, wanted, ComplaintSort.FILED_NEWEST)
    check(await run_plans(database, parties.officer, ENDED_AT, ask))


@pytest.mark.parametrize("least", [None, 1, 10, 10_000])
async def test_numbers_with_most_complaints(filled, least):
    database, parties = filled
    wanted = NumberFilter(minimum_complaint_count=least)
    ask = pages_of(list_numbers, wanted, NumberSort.MOST_COMPLAINTS)
    check(await run_plans(database, parties.officer, ENDED_AT, ask), is_sorted=False)


@pytest.mark.parametrize("least", [10, 10_000])
async def test_numbers_with_many_complaints_by_their_digits(filled, least):
    database, parties = filled
    ask = pages_of(list_numbers, NumberFilter(minimum_complaint_count=least), NumberSort.DIGITS)
    check(await run_plans(database, parties.officer, ENDED_AT, ask))


ACCOUNTS_OF_A_KIND = {
    "common platform": AccountFilter(platforms=(Platform.WHATSAPP,)),
    "platform that no account has": AccountFilter(platforms=(Platform.LINE,)),
    "those that were read": AccountFilter(kinds=(AccountKind.ACCOUNT,)),
    "those that were not": AccountFilter(kinds=(AccountKind.GROUP, AccountKind.POST, AccountKind.UNREAD)),
    "without risk": AccountFilter(risks=(RiskTier.NONE,)),
    "risky": AccountFilter(risks=(RiskTier.HIGH, RiskTier.VERY_HIGH)),
}


@pytest.mark.parametrize(
    ("wanted", "sort"),
    [
        (AccountFilter(), AccountSort.NEWEST),
        (AccountFilter(), AccountSort.MOST_COMPLAINTS),
        (AccountFilter(minimum_complaint_count=10), AccountSort.MOST_COMPLAINTS),
        (AccountFilter(), AccountSort.LAST_SEEN),
        (AccountFilter(seen_after=UNTIL), AccountSort.LAST_SEEN),
    ],
)
async def test_accounts_in_the_order_of_what_they_are_filtered_by(filled, wanted, sort):
    database, parties = filled
    ask = pages_of(list_accounts, wanted, sort)
    check(await run_plans(database, parties.officer, ENDED_AT, ask), is_sorted=False)


@pytest.mark.parametrize("sort", AccountSort)
@pytest.mark.parametrize("name", ACCOUNTS_OF_A_KIND)
async def test_accounts_of_a_kind_are_found_in_any_order(filled, name, sort):
    database, parties = filled
    ask = pages_of(list_accounts, ACCOUNTS_OF_A_KIND[name], sort)
    check(await run_plans(database, parties.officer, ENDED_AT, ask))


@pytest.mark.parametrize(
    ("platforms", "sort"),
    [
        ((Platform.X,), AccountSort.NEWEST),
        ((Platform.X,), AccountSort.LAST_SEEN),
        ((Platform.LINE, Platform.X), AccountSort.NEWEST),
    ],
)
async def test_accounts_on_rare_platforms_are_found_by_their_age(filled, platforms, sort):
    """By complaints, of which nearly all accounts have one, PostgreSQL may read the list in its order instead."""
    database, parties = filled
    ask = pages_of(list_accounts, AccountFilter(platforms=platforms), sort)
    check(await run_plans(database, parties.officer, ENDED_AT, ask))


@pytest.mark.parametrize("sort", AccountSort)
@pytest.mark.parametrize(
    "wanted",
    [
        AccountFilter(number="+6281200030001"),
        AccountFilter(minimum_complaint_count=10),
        AccountFilter(seen_after=ENDED_AT - timedelta(days=2, hours=1)),
    ],
)
async def test_accounts_in_any_order_cost_what_the_filter_finds(filled, wanted, sort):
    database, parties = filled
    check(await run_plans(database, parties.officer, ENDED_AT, pages_of(list_accounts, wanted, sort)))
    counted = await run_plans(database, parties.officer, ENDED_AT, lambda tx: count_accounts(tx, wanted))
    check(counted)


@pytest.mark.parametrize("who", ["agency", "other_agency"])
@pytest.mark.parametrize("wanted", [AccountFilter(), AccountFilter(platforms=(Platform.X,))], ids=["all", "rare"])
async def test_accounts_of_an_agency_with_most_complaints_and_of_one_with_hardly_any(filled, who, wanted):
    database, parties = filled
    ask = pages_of(list_accounts, wanted, AccountSort.NEWEST)
    check(await run_plans(database, parties.everyone[who], ENDED_AT, ask))


def find_viewer(parties: Parties, who: str):
    return replace(parties.provider, member_id=RARE_PROVIDER) if who == "rare" else parties.everyone[who]


@pytest.mark.parametrize("who", ["provider", "rare", "officer"])
class TestTakingPart:
    """Of a provider with nearly all of them, of one with hardly any, and of all."""

    @pytest.mark.parametrize(
        "wanted",
        [
            ParticipationFilter(),
            ParticipationFilter(is_in_force=True),
            ParticipationFilter(is_in_force=False),
            ParticipationFilter(awaits_deletion=True),
            ParticipationFilter(awaits_deletion=False),
        ],
        ids=["all", "in force", "not in force", "awaiting", "not awaiting"],
    )
    async def test_participations_cost_what_a_page_holds(self, filled, who, wanted):
        database, parties = filled
        ask = lambda tx: list_participations(tx, PageRequest(first=PAGE_SIZE), wanted)  # noqa: E731 - the question's shape
        check(await run_plans(database, find_viewer(parties, who), ENDED_AT, ask))

    @pytest.mark.parametrize(
        "wanted",
        [
            ProposalFilter(),
            ProposalFilter(states=tuple(OPEN_PROPOSAL_STATES)),
            ProposalFilter(states=(ProposalState.OFFERED,)),
            ProposalFilter(states=(ProposalState.REFUSED,)),
        ],
        ids=["all", "open", "offered", "refused"],
    )
    async def test_proposals_cost_what_a_page_holds(self, filled, who, wanted):
        database, parties = filled
        ask = lambda tx: list_proposals(tx, PageRequest(first=PAGE_SIZE), wanted)  # noqa: E731 - the question's shape
        check(await run_plans(database, find_viewer(parties, who), ENDED_AT, ask))


@pytest.mark.parametrize(
    ("read", "wanted"),
    [
        (list_participations, ParticipationFilter(member_id=RARE_PROVIDER)),
        (list_participations, ParticipationFilter(member_id=RARE_PROVIDER, is_in_force=True)),
        (list_participations, ParticipationFilter(member_id=RARE_PROVIDER, awaits_deletion=False)),
        (list_proposals, ProposalFilter(member_id=RARE_PROVIDER)),
        (list_proposals, ProposalFilter(member_id=RARE_PROVIDER, states=(ProposalState.REFUSED,))),
    ],
)
async def test_what_one_provider_agreed_on_costs_what_there_is_of_it(filled, read, wanted):
    database, parties = filled
    ask = lambda tx: read(tx, PageRequest(first=PAGE_SIZE), wanted)  # noqa: E731 - the question's shape
    check(await run_plans(database, parties.officer, ENDED_AT, ask))


def contribution_id(n):
    return f"{n:08x}-0000-7000-8000-00000000000f"


CONTRIBUTED = {
    "all": ContributionFilter(),
    "those that stand": ContributionFilter(states=(ContributionState.STANDING,)),
    "those that ended": ContributionFilter(states=(ContributionState.WITHDRAWN, ContributionState.REPLACED)),
    "those that were replaced": ContributionFilter(states=(ContributionState.REPLACED,)),
    "numbers": ContributionFilter(kinds=(ContributionKind.NUMBER,)),
    "links": ContributionFilter(kinds=(ContributionKind.LINK,)),
    "accounts": ContributionFilter(kinds=(ContributionKind.ACCOUNT,)),
    "of a number": ContributionFilter(number="+6281200030001"),
    "by a reference": ContributionFilter(reference="C-30001"),
    "by a reference that nobody used": ContributionFilter(reference="C-0"),
    "a chain": ContributionFilter(chain_of=contribution_id(30_001)),
}


@pytest.mark.parametrize("who", ["provider", "agency", "officer"])
@pytest.mark.parametrize("name", CONTRIBUTED)
async def test_contributions_of_a_member_with_most_of_one_with_hardly_any_and_of_all(filled, who, name):
    database, parties = filled
    ask = lambda tx: list_contributions(tx, PageRequest(first=PAGE_SIZE), CONTRIBUTED[name])  # noqa: E731
    found = await run_plans(database, parties.everyone[who], ENDED_AT, ask)
    if who == "officer" and CONTRIBUTED[name].reference is not None:
        # References are each contributor's own: for the regulator the filter finds nothing, and reads nothing.
        assert [ran.rows for ran in found] == [0] * len(found)
        return
    check(found)


@pytest.mark.parametrize("contributor", ["provider", "agency", "telkomsel"])
async def test_contributions_of_one_member_for_the_regulator(filled, contributor):
    database, parties = filled
    wanted = ContributionFilter(contributor_id=parties.everyone[contributor].member_id)
    ask = lambda tx: list_contributions(tx, PageRequest(first=PAGE_SIZE), wanted)  # noqa: E731
    check(await run_plans(database, parties.officer, ENDED_AT, ask))


@pytest.mark.parametrize("who", ["provider", "officer"])
@pytest.mark.parametrize(
    "wanted",
    [
        NoticeFilter(),
        NoticeFilter(is_confirmed=False),
        NoticeFilter(is_confirmed=True),
        NoticeFilter(signal_id="00007531-0000-7000-8000-00000000000d"),
    ],
    ids=["all", "unconfirmed", "confirmed", "of a signal"],
)
async def test_notices_of_revocations(filled, who, wanted):
    database, parties = filled
    ask = lambda tx: list_notices(tx, PageRequest(first=PAGE_SIZE), wanted)  # noqa: E731
    check(await run_plans(database, parties.everyone[who], ENDED_AT, ask))


@pytest.mark.parametrize("member", ["provider", "agency", "telkomsel"])
@pytest.mark.parametrize("is_confirmed", [None, False])
async def test_notices_to_one_member_for_the_regulator(filled, member, is_confirmed):
    database, parties = filled
    wanted = NoticeFilter(member_id=parties.everyone[member].member_id, is_confirmed=is_confirmed)
    ask = lambda tx: list_notices(tx, PageRequest(first=PAGE_SIZE), wanted)  # noqa: E731
    check(await run_plans(database, parties.officer, ENDED_AT, ask))
