"""The plan to begin with says what is public of Indonesian ranges."""

import pytest

from ledger.numbers.plan_seed import MERGER, area_codes, seed_ranges
from ledger.numbers.vocabulary import RangeKind


class TestSeedRanges:
    @pytest.fixture
    def plan(self):
        return seed_ranges()

    @pytest.mark.parametrize(
        ("prefix", "holder", "brand"),
        [
            ("+62811", "telkomsel", None),
            ("+6285155", "telkomsel", "byu"),
            ("+62856", "indosat", None),
            ("+62896", "indosat", "tri"),
            ("+62817", "xlsmart", "xl"),
            ("+62838", "xlsmart", "axis"),
            ("+62888", "xlsmart", "smartfren"),
        ],
    )
    def test_names_holder_and_brand_of_today(self, plan, prefix, holder, brand):
        (now,) = [item for item in plan if item.prefix == prefix and item.valid_until is None]
        assert (now.holder_slug, now.brand_slug, now.kind) == (holder, brand, RangeKind.MOBILE)

    def test_names_the_holders_before_the_merger(self, plan):
        before = {item.prefix: item.holder_slug for item in plan if item.valid_until == MERGER}
        assert (before["+62817"], before["+62831"], before["+62881"]) == (
            "xl-axiata",
            "xl-axiata",
            "smartfren-telecom",
        )

    def test_has_no_range_where_no_carrier_is_known(self, plan):
        prefixes = {item.prefix for item in plan}
        for nobodys in ("+62810", "+62840", "+62850", "+62868", "+62890", "+62891", "+62892"):
            assert not any(nobodys.startswith(prefix) or prefix.startswith(nobodys) for prefix in prefixes)

    def test_keeps_area_codes_without_a_holder(self, plan):
        fixed = [item for item in plan if item.kind is RangeKind.FIXED]
        assert {item.prefix for item in fixed} >= {"+6221", "+6222", "+6224", "+6231", "+6261", "+62274"}
        assert {item.holder_slug for item in fixed} == {None}

    def test_has_every_area_code_of_the_metadata(self):
        from phonenumbers.geodata import GEOCODE_DATA

        assert sorted(area_codes()) == sorted(
            prefix.removeprefix("62") for prefix in GEOCODE_DATA if prefix.startswith("62")
        )

    def test_begins_no_prefix_twice_at_one_time(self, plan):
        starts = [(item.prefix, item.valid_from) for item in plan]
        assert len(starts) == len(set(starts))
