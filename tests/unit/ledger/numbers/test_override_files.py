"""Overrides to be proposed are read from a file whole, or the file is refused with its first bad line."""

import io
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from ledger.numbers.override_files import OverrideFileError, read_overrides
from ledger.written_times import FileTimes

JAKARTA = FileTimes(zone=ZoneInfo("Asia/Jakarta"))


class TestReadOverrides:
    def test_reads_what_a_spreadsheet_made_of_the_file(self) -> None:
        lines = [
            "sep=;",
            "number;holder;reason;valid_from;",
            "0890 1;xl;So.;1/11/2026 19.30",
            ";;;;",
            "0890 2;xl;So.",
            "",
        ]
        content = "\r".join(lines).replace(";", "\t").encode()
        found = read_overrides(io.BytesIO(content), times=JAKARTA)
        assert [(row.line, row.number, row.valid_from) for row in found.items] == [
            (3, "0890 1", datetime(2026, 11, 1, 12, 30, tzinfo=UTC)), (5, "0890 2", None),
        ]  # fmt: skip
        assert found.blank_count == 1

    def test_reads_days_first_where_the_operator_says_so(self) -> None:
        content = b"number,holder,reason,valid_from\n0890 1,xl,So.,1/11/2026 19:30\n"
        with pytest.raises(OverrideFileError, match="Line 2, valid_from: Either part") as caught:
            read_overrides(io.BytesIO(content), times=JAKARTA)
        assert "--day-first" in (caught.value.hint or "")
        said = FileTimes(zone=JAKARTA.zone, is_day_first=True)
        (row,) = read_overrides(io.BytesIO(content), times=said).items
        assert row.valid_from == datetime(2026, 11, 1, 12, 30, tzinfo=UTC)

    @pytest.mark.parametrize(
        ("rows", "said"),
        [
            ("0890 1,xl\n", "Line 2, reason: The cell is empty"),
            ("0890 1,xl,So.\n,xl,So.\n", "Line 3, number: The cell is empty"),
            ("0890 1,xl,So", "Line 2: The file ends within this row"),
            ("0890 1,xl,So.,,,x\n", "Line 2: The row has 6 cells"),
            ("0890 1,xl,So.,19.30\n", "Line 2, valid_from: This is not a time"),
        ],
    )
    def test_names_the_line_and_the_column_that_are_wrong(self, rows: str, said: str) -> None:
        content = f"number,holder,reason,valid_from\n{rows}".encode()
        with pytest.raises(OverrideFileError, match=said):
            read_overrides(io.BytesIO(content), times=JAKARTA)
