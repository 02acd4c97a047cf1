"""A numbering plan is read from a CSV file whole, or the file is refused with its first bad line."""

import io
from zoneinfo import ZoneInfo

import pytest

from ledger.numbers.plan_files import PlanInvalidError, read_plan
from ledger.written_times import FileTimes

HEADER = "prefix,kind,holder,holder_name,brand,valid_from,valid_until"


class TestReadPlan:
    def test_reads_a_plan(self):
        text = f"{HEADER}\n+62890,mobile,telkomsel,Telkomsel,byu,2026-01-01T00:00:00+07:00,\n"
        (item,) = read_plan(io.BytesIO(text.encode()), times=FileTimes()).items
        assert (item.prefix, item.holder_slug, item.brand_slug, item.valid_until) == (
            "+62890",
            "telkomsel",
            "byu",
            None,
        )
        assert item.valid_from.isoformat() == "2026-01-01T00:00:00+07:00"

    def test_reads_what_a_spreadsheet_made_of_it(self):
        header = HEADER.replace(",", ";")
        text = f"sep=;\r\n{header};\r\n+62890;mobile;t;T;;1 Januari 2026 19.30;;\r\n;;;;;;;\r\n"
        found = read_plan(io.BytesIO(text.encode("utf-16")), times=FileTimes(zone=ZoneInfo("Asia/Jakarta")))
        (item,) = found.items
        assert (item.valid_from.isoformat(), found.blank_count) == ("2026-01-01T19:30:00+07:00", 1)

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("", "columns"),
            ("a,b\n1,2\n", "columns"),
            (f"{HEADER}\n+62890,MOBILE", "Line 2: The file ends within this row"),
            (f"{HEADER}\n+62890,MOBILE,,,,,,x\n", "Line 2: The row has 8 cells"),
            (f"{HEADER}\n+62890,SHIP,t,T,,,\n", "Line 2"),
            (f"{HEADER}\n,MOBILE,t,T,,,\n", "Line 2, prefix: The cell is empty"),
            (f"{HEADER}\n+62890,MOBILE,t,T,,2026-01-01 00:00,\n", "Line 2, valid_from: .* zone"),
            (f"{HEADER}\n+62890,MOBILE,t,T,,2026-01-01,\n", "Line 2, valid_from: This is a day"),
            (f"{HEADER}\n+62890,MOBILE,t,T,,,soon\n", "Line 2, valid_until"),
            (f'{HEADER}\n+62890,MOBILE,"t,T,,,\n', "Line 2"),
        ],
    )
    def test_names_the_bad_line(self, text, message):
        with pytest.raises(PlanInvalidError, match=message):
            read_plan(io.BytesIO(text.encode()), times=FileTimes())
