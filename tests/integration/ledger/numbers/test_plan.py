"""The numbering plan answers whose a number is: the longest prefix, on that day, an override first."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ledger.errors import ForbiddenError, OfficerRequiredError, UnknownError
from ledger.numbers.forms import parse_number
from ledger.numbers.plan import RangeHeldError, find_holders, list_ranges, load_plan
from ledger.numbers.plan_seed import MERGER, PLAN_EPOCH, seed_ranges
from ledger.numbers.ranges import RangeDraft, RangeInvalidError
from ledger.numbers.reading import NumberFilter, ensure_numbers, get_number, list_numbers, load_numbers
from ledger.numbers.vocabulary import HolderStatus, NumberSort, NumberStatus, RangeKind, RiskTier
from ledger.pages import PageRequest
from ledger.viewer import OPERATOR
from tests.support.journeys import file_verified, override_number

TELKOMSEL, BYU, XL, TRI = "+6281190000001", "+6285155000001", "+6281790000001", "+6289590000001"
NOBODYS, FIXED, FOREIGN = "+6289090000001", "+62215550001", "+12025550143"


def a_range(prefix, holder=None, *, since=PLAN_EPOCH, until=None, brand=None):
    return RangeDraft(
        prefix=prefix,
        kind=RangeKind.MOBILE,
        holder_slug=holder,
        holder_name=holder,
        brand_slug=brand,
        valid_from=since,
        valid_until=until,
    )


@pytest.fixture
async def operator_tx(database, parties, as_of):
    async with database.transaction(OPERATOR, as_of=as_of) as tx:
        yield tx


class TestFindHolders:
    async def test_answers_every_case(self, operator_tx, parties, as_of):
        holders = await find_holders(operator_tx, [TELKOMSEL, BYU, XL, TRI, NOBODYS, FIXED, FOREIGN], at=as_of)
        assert holders[TELKOMSEL].holder_id == parties.telkomsel.member_id
        assert holders[TELKOMSEL].brand_id is None
        assert holders[BYU].brand_id == parties.brands["byu"]
        assert holders[XL].holder_id == parties.xlsmart.member_id
        assert holders[TRI].brand_id == parties.brands["tri"]
        assert holders[NOBODYS].status is HolderStatus.UNALLOCATED
        assert holders[FIXED].status is HolderStatus.HOLDER_UNKNOWN
        assert holders[FOREIGN].status is HolderStatus.FOREIGN

    async def test_goes_by_the_day(self, operator_tx, parties):
        before = await find_holders(operator_tx, [XL], at=MERGER - timedelta(seconds=1))
        after = await find_holders(operator_tx, [XL], at=MERGER)
        assert before[XL].status is HolderStatus.HOLDER_UNKNOWN
        assert after[XL].holder_id == parties.xlsmart.member_id

    async def test_takes_the_longest_prefix(self, operator_tx, parties, as_of):
        await load_plan(operator_tx, [a_range("+628119000", "indosat")])
        holders = await find_holders(operator_tx, [TELKOMSEL, "+6281180000001"], at=as_of)
        assert holders[TELKOMSEL].holder_id == parties.indosat.member_id
        assert holders["+6281180000001"].holder_id == parties.telkomsel.member_id

    async def test_takes_an_override_first_and_only_from_its_date(self, database, parties, as_of):
        since = as_of - timedelta(days=1)
        await override_number(database, parties, as_of, TELKOMSEL, parties.indosat.member_id, valid_from=since)
        async with database.reading(OPERATOR, as_of=as_of) as tx:
            now = (await find_holders(tx, [TELKOMSEL], at=since))[TELKOMSEL]
            before = (await find_holders(tx, [TELKOMSEL], at=since - timedelta(seconds=1)))[TELKOMSEL]
        assert (now.holder_id, before.holder_id) == (parties.indosat.member_id, parties.telkomsel.member_id)


class TestLoadPlan:
    async def test_again_changes_nothing(self, operator_tx):
        account = await load_plan(operator_tx, seed_ranges())
        assert (account.written_count, account.numbers_moved_count, account.unknown_holder_slugs) == (
            0,
            0,
            ("smartfren-telecom", "xl-axiata"),
        )
        assert account.read_count > 330

    async def test_gives_known_numbers_their_holder_again(self, operator_tx, parties):
        await ensure_numbers(operator_tx, [parse_number(NOBODYS), parse_number(FOREIGN)])
        account = await load_plan(operator_tx, [a_range("+62890", "telkomsel", brand="byu")])
        assert account.numbers_moved_count == 1
        number = await get_number(operator_tx, NOBODYS)
        assert (number.holder_id, number.brand_id) == (parties.telkomsel.member_id, parties.brands["byu"])

    async def test_ends_a_range_that_comes_again_with_its_end(self, operator_tx, as_of):
        await load_plan(operator_tx, [a_range("+62890", "telkomsel")])
        await load_plan(operator_tx, [a_range("+62890", "telkomsel", until=as_of)])
        assert (await find_holders(operator_tx, [NOBODYS], at=as_of))[NOBODYS].status is HolderStatus.UNALLOCATED

    @pytest.mark.parametrize(
        "ranges",
        [
            [a_range("62890", "telkomsel")],
            [a_range("+6289x", "telkomsel")],
            [a_range("+62890"), a_range("+62890")],
            [a_range("+62890", until=PLAN_EPOCH)],
            [a_range("+6281200000", "telkomsel")],
            [a_range("+62 (0)811", "telkomsel")],
            [a_range("+62811.0", "telkomsel")],
            [a_range("+62 890"), a_range("+62890")],
        ],
    )
    async def test_refuses_what_is_no_plan(self, operator_tx, ranges):
        with pytest.raises(RangeInvalidError):
            await load_plan(operator_tx, ranges)

    @pytest.mark.parametrize("prefix", ["+62 890", "'+62890", "\u202a+62-890\u202c", "\uff0b62890", '="+62890"'])
    async def test_reads_a_prefix_as_the_beginning_of_a_number(self, operator_tx, parties, as_of, prefix):
        await load_plan(operator_tx, [a_range(prefix, "telkomsel")])
        assert (await find_holders(operator_tx, [NOBODYS], at=as_of))[NOBODYS].holder_id == parties.telkomsel.member_id

    async def test_an_officer_alone_moves_no_range_to_another_carrier(self, database, parties, as_of):
        own, unheld, taken = (
            a_range("+6281191", "telkomsel"),
            a_range("+62840", "indosat"),
            a_range("+62811", "indosat"),
        )
        for ranges in ([taken], [unheld, a_range("+6281190", "indosat")], [a_range("+628119000")]):
            with pytest.raises(RangeHeldError):
                async with database.transaction(parties.officer, as_of=as_of) as tx:
                    await load_plan(tx, ranges)
        async with database.transaction(parties.officer, as_of=as_of) as tx:
            assert (await load_plan(tx, [own, unheld])).written_count == 2
            holders = await find_holders(tx, [TELKOMSEL, "+628401234567"], at=as_of)
        assert holders[TELKOMSEL].holder_id == parties.telkomsel.member_id
        assert holders["+628401234567"].holder_id == parties.indosat.member_id

    async def test_a_machine_of_the_regulator_changes_no_plan(self, database, parties, as_of):
        with pytest.raises(OfficerRequiredError):
            async with database.transaction(parties.regulator, as_of=as_of) as tx:
                await load_plan(tx, [])

    async def test_is_for_the_regulator_and_the_operator(self, database, parties, as_of):
        for name in ("agency", "telkomsel", "provider"):
            async with database.transaction(parties.everyone[name], as_of=as_of) as tx:
                with pytest.raises(ForbiddenError):
                    await load_plan(tx, [])


class TestListRanges:
    async def test_pages_through_all_and_shows_a_carrier_its_own(self, database, parties, as_of):
        async with database.transaction(OPERATOR, as_of=as_of) as tx:
            seen, after = [], None
            while True:
                page = await list_ranges(tx, PageRequest(first=100, after=after))
                seen += [(item.prefix, item.valid_from) for item in page.items]
                if not page.has_next_page:
                    break
                after = page.cursors[-1]
        assert seen == sorted(set(seen))
        assert len(seen) == len(seed_ranges())
        async with database.transaction(parties.xlsmart, as_of=as_of) as tx:
            page = await list_ranges(tx, PageRequest(first=500))
        assert {item.holder_id for item in page.items} == {parties.xlsmart.member_id}


class TestGetNumber:
    @pytest.fixture(autouse=True)
    async def known(self, database, parties, as_of):
        async with database.transaction(OPERATOR, as_of=as_of) as tx:
            await ensure_numbers(tx, [parse_number(number) for number in (TELKOMSEL, TRI, NOBODYS, FOREIGN)])

    async def test_shows_the_regulator_all_of_it(self, database, parties, as_of):
        async with database.transaction(parties.regulator, as_of=as_of) as tx:
            number = await get_number(tx, "0811 9000 0001")
        assert number.e164 == TELKOMSEL
        assert (number.status, number.risk, number.epoch) == (NumberStatus.CLEAR, RiskTier.NONE, 1)
        assert (number.complaint_count, number.first_seen_at) == (0, as_of)

    async def test_tells_the_regulator_of_a_number_that_nobody_complained_of(self, database, parties, as_of):
        async with database.transaction(parties.regulator, as_of=as_of) as tx:
            assert (await get_number(tx, XL)).holder_id == parties.xlsmart.member_id
            assert (await get_number(tx, "0840 1234 5678")).holder_status is HolderStatus.UNALLOCATED

    async def test_tells_a_carrier_of_its_own_that_nobody_complained_of(self, database, parties, as_of):
        async with database.transaction(parties.xlsmart, as_of=as_of) as tx:
            own = await get_number(tx, "0817 9000 0001")
        assert (own.holder_status, own.holder_id) == (HolderStatus.HELD, parties.xlsmart.member_id)
        assert (own.status, own.risk, own.first_seen_at) == (NumberStatus.CLEAR, RiskTier.NONE, None)
        assert (own.complaint_count, own.verified_complaint_count) == (None, None)

    async def test_tells_a_brands_client_of_its_brands_alone(self, database, parties, as_of):
        byu = replace(parties.telkomsel, brand_id=parties.brands["byu"])
        async with database.transaction(byu, as_of=as_of) as tx:
            own, others = await get_number(tx, BYU), await get_number(tx, "+6281190000002")
        assert (own.holder_id, own.brand_id) == (parties.telkomsel.member_id, parties.brands["byu"])
        assert (others.holder_id, others.holder_status, others.is_domestic, others.status) == (None,) * 4

    async def test_tells_a_carrier_nothing_of_another_holders_that_has_the_number_by_an_override(
        self, database, parties, as_of
    ):
        await override_number(database, parties, as_of, "+6281190000009", parties.indosat.member_id)
        async with database.transaction(parties.telkomsel, as_of=as_of) as tx:
            number = await get_number(tx, "+6281190000009")
        assert (number.holder_id, number.holder_status, number.region) == (None, None, None)

    async def test_shows_a_carrier_its_own_without_counts(self, database, parties, as_of):
        async with database.transaction(parties.telkomsel, as_of=as_of) as tx:
            number = await get_number(tx, TELKOMSEL)
        assert number.holder_id == parties.telkomsel.member_id
        assert number.complaint_count is None

    async def test_shows_a_carrier_nothing_but_the_risk_of_any_other(self, database, parties, as_of):
        async with database.transaction(parties.telkomsel, as_of=as_of) as tx:
            known, unknown = await get_number(tx, TRI), await get_number(tx, "+6289590000002")
        assert (known.e164, known.risk) == (TRI, RiskTier.NONE)
        blank = {name: None for name in known.__slots__ if name not in {"e164", "risk"}}
        for number in (known, unknown):
            assert {name: getattr(number, name) for name in blank} == blank

    async def test_shows_an_agency_or_a_provider_no_other(self, database, parties, as_of):
        for viewer in (parties.agency, parties.provider):
            async with database.transaction(viewer, as_of=as_of) as tx:
                with pytest.raises(UnknownError):
                    await get_number(tx, TELKOMSEL)

    async def test_lists_by_filter_and_in_pages(self, database, parties, as_of):
        async with database.transaction(parties.regulator, as_of=as_of) as tx:
            first = await list_numbers(tx, PageRequest(first=3))
            rest = await list_numbers(tx, PageRequest(first=3, after=first.cursors[-1]))
            held = await list_numbers(tx, PageRequest(), NumberFilter(holder_id=parties.indosat.member_id))
            abroad = await list_numbers(tx, PageRequest(), NumberFilter(is_domestic=False))
        assert [item.e164 for item in (*first.items, *rest.items)] == sorted([TELKOMSEL, TRI, NOBODYS, FOREIGN])
        assert (first.has_next_page, rest.has_next_page) == (True, False)
        assert [item.e164 for item in held.items] == [TRI]
        assert [item.e164 for item in abroad.items] == [FOREIGN]

    async def test_lists_those_with_most_complaints_to_the_regulator_alone(self, database, parties, as_of):
        """The attack: to learn how often a number was complained of from its place in a list."""
        await file_verified(database, parties, as_of, [TRI] * 3)
        await file_verified(database, parties, as_of, [TELKOMSEL] * 2)
        most = NumberSort.MOST_COMPLAINTS
        async with database.reading(parties.regulator, as_of=as_of) as tx:
            listed = await list_numbers(tx, PageRequest(), sort=most)
            first = await list_numbers(tx, PageRequest(first=1), sort=most)
            rest = await list_numbers(tx, PageRequest(after=first.cursors[-1]), sort=most)
            many = [
                [item.e164 for item in (await list_numbers(tx, PageRequest(), NumberFilter(**wanted))).items]
                for wanted in (
                    {"minimum_complaint_count": 3},
                    {"minimum_complaint_count": 2},
                    {"minimum_complaint_count": 2, "holder_id": parties.indosat.member_id},
                )
            ]
        assert [item.e164 for item in listed.items][:2] == [TRI, TELKOMSEL]
        assert [*first.items, *rest.items] == list(listed.items)
        assert many == [[TRI], [TELKOMSEL, TRI], [TRI]]
        for viewer in (parties.telkomsel, parties.agency, OPERATOR):
            async with database.reading(viewer, as_of=as_of) as tx:
                assert list((await list_numbers(tx, PageRequest(), sort=most)).items) == []
                assert (await list_numbers(tx, PageRequest(), NumberFilter(minimum_complaint_count=1))).items == []

    async def test_lists_a_carrier_its_own_range_only(self, database, parties, as_of):
        async with database.transaction(parties.telkomsel, as_of=as_of) as tx:
            page = await list_numbers(tx, PageRequest())
            loaded = await load_numbers(tx, [TELKOMSEL, TRI])
        assert [item.e164 for item in page.items] == [TELKOMSEL]
        assert (loaded[TELKOMSEL].epoch, loaded[TRI].epoch) == (1, None)

    async def test_keeps_when_a_number_was_first_seen(self, database, parties, as_of):
        later = datetime(2027, 1, 1, tzinfo=UTC)
        async with database.transaction(OPERATOR, as_of=later) as tx:
            numbers = await ensure_numbers(tx, [parse_number(TELKOMSEL)])
        assert numbers[TELKOMSEL].first_seen_at == as_of
