"""Reassignments to be reported are read from a file whole, or the file is refused with its first bad line."""

import io
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from ledger.reassignments.files import ReassignmentFileError, read_reassignments
from ledger.text_files import Encoding
from ledger.written_times import FileTimes

JAKARTA = FileTimes(zone=ZoneInfo("Asia/Jakarta"))


class TestReadReassignments:
    @pytest.mark.parametrize("encoding", [None, Encoding.UTF_16_LE])
    def test_reads_what_a_spreadsheet_made_of_the_file(self, encoding: Encoding | None) -> None:
        text = "number;reassigned_at;\r\n0890 1;1 November 2026 19.30;\r\n;;\r\n"
        found = read_reassignments(io.BytesIO(text.encode(encoding or "utf-16")), times=JAKARTA, encoding=encoding)
        (row,) = found.items
        assert (row.line, row.draft.number, found.blank_count) == (2, "0890 1", 1)
        assert row.draft.reassigned_at == datetime(2026, 11, 1, 12, 30, tzinfo=UTC)

    @pytest.mark.parametrize(
        ("row", "said"),
        [
            # Whose the number was on that day, before and after noon, would be a guess.
            ("0890 1,2026-11-01", "Line 2, reassigned_at: This is a day without a time of day"),
            ("0890 1", "Line 2, reassigned_at: This is not a time"),
            (",2026-11-01 19.30", "Line 2, number: The cell is empty"),
        ],
    )
    def test_names_the_line_and_the_column_that_are_wrong(self, row: str, said: str) -> None:
        with pytest.raises(ReassignmentFileError, match=said):
            read_reassignments(io.BytesIO(f"number,reassigned_at\n{row}\n".encode()), times=JAKARTA)
