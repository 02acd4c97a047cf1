"""A numbering plan is read from a CSV file whole, or the file is refused with its first bad line."""

import io

import pytest

from ledger.numbers.plan_files import PlanInvalidError, read_plan

HEADER = "prefix,kind,holder,holder_name,brand,valid_from,valid_until"


class TestReadPlan:
    def test_reads_a_plan(self):
        text = f"{HEADER}\n+62890,mobile,telkomsel,Telkomsel,byu,2026-01-01T00:00:00+07:00,\n"
        (item,) = read_plan(io.BytesIO(text.encode()))
        assert (item.prefix, item.holder_slug, item.brand_slug, item.valid_until) == (
            "+62890",
            "telkomsel",
            "byu",
            None,
        )
        assert item.valid_from.isoformat() == "2026-01-01T00:00:00+07:00"

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("", "columns"),
            ("a,b\n1,2\n", "columns"),
            (f"{HEADER}\n+62890,MOBILE\n", "Line 2"),
            (f"{HEADER}\n+62890,SHIP,t,T,,,\n", "Line 2"),
            (f"{HEADER}\n+62890,MOBILE,t,T,,2026-01-01,\n", "zone"),
            (f"{HEADER}\n+62890,MOBILE,t,T,,soon,\n", "Line 2"),
            (f'{HEADER}\n+62890,MOBILE,"t,T,,,\n', "Line 2"),
        ],
    )
    def test_names_the_bad_line(self, text, message):
        with pytest.raises(PlanInvalidError, match=message):
            read_plan(io.BytesIO(text.encode()))
