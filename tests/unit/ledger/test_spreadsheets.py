"""Delimited files are cut into the rows that were written, with their lines; reading stops where nothing is sure."""

import csv
import gzip
import io
from datetime import datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import TimeInvalidError
from ledger.spreadsheets import (
    Column,
    FileColumnsError,
    FileQuoteError,
    FileRows,
    Layout,
    Row,
    RowColumnsError,
    RowValueError,
    Spreadsheet,
    choice_of,
    read_all,
    read_filled,
    read_text,
    read_whole_number,
)
from ledger.text_files import (
    RECORD_BYTES_MAX,
    Bounds,
    Encoding,
    FileEncodingError,
    FileRecordTooLongError,
    FileTruncatedError,
    FileWorkbookError,
    SpreadsheetError,
)
from ledger.written_times import FileTimes, ZoneUnknownError, read_time

JAKARTA = ZoneInfo("Asia/Jakarta")
UNKNOWN = FileTimes()


class Colour(StrEnum):
    RED = "RED"
    DARK_BLUE = "DARK_BLUE"


PAIR = Layout(columns=(Column("a", other_names=("first",)), Column("B")))
THINGS = Layout(
    columns=(
        Column("name", is_required=True),
        Column("colour", choice_of(Colour, {"NAVY": Colour.DARK_BLUE}), default=Colour.RED),
        Column("count", read_whole_number, field="countOfThings"),
        Column("at", read_time),
    ),
    needed=(("name",), ("colour",)),
    ignored=("remark",),
)


def read(content: str | bytes, *layouts: Layout, encoding: Encoding | None = None, **bounds) -> list[Row]:
    data = content.encode() if isinstance(content, str) else content
    return list(Spreadsheet(io.BytesIO(data), *(layouts or (PAIR,)), bounds=Bounds(**bounds), encoding=encoding))


def cells(rows: list[Row]) -> list[dict[str, str]]:
    return [dict(row.cells) for row in rows]


CELL = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x00"), max_size=20)


class TestRows:
    @given(
        st.lists(st.tuples(CELL, CELL), max_size=8),
        st.sampled_from(",;\t"),
        st.sampled_from(["\n", "\r\n", "\r"]),
        st.sampled_from(["", "sep"]),
    )
    def test_are_read_as_they_were_written(self, pairs, delimiter, line_end, declared):
        text = io.StringIO(newline="")
        writer = csv.writer(text, delimiter=delimiter, lineterminator=line_end, quoting=csv.QUOTE_ALL)
        writer.writerows([("a", "b"), *pairs])
        written = (f"sep={delimiter}{line_end}" if declared else "") + text.getvalue()
        for content in (
            written.encode(),
            written.encode("utf-8-sig"),
            "\ufeff".encode("utf-16-le") + written.encode("utf-16-le"),
            "\ufeff".encode("utf-16-be") + written.encode("utf-16-be"),
            gzip.compress(written.encode()),
        ):
            rows = read(content)
            for row, (first, second) in zip(rows, pairs, strict=True):
                is_blank = not first.strip() and not second.strip()
                assert (row.is_blank, row.fault) == (is_blank, None)
                assert is_blank or tuple(row.cells.values()) == (first, second)

    @given(st.lists(st.sampled_from(["1,2", '"1\n\n",2', '1,"\r\n2"', "", " ,", "1", "1,2,3", "1,2,,"]), max_size=12))
    def test_begin_at_their_lines_and_keep_their_text(self, records):
        rows = iter(read("\n".join(["a,b", *records, ""])))
        line = 2
        for record in records:
            row = next(rows)
            assert (row.line, row.text.rstrip("\n")) == (line, record)
            assert (row.is_blank, row.fault is not None) == (record in {"", " ,"}, record == "1,2,3")
            line += 1 + record.count("\n")
        assert next(rows, None) is None

    def test_have_cells_by_column_however_the_header_writes_it(self):
        assert cells(read(" First ,b\n1,2\n")) == [{"a": "1", "B": "2"}]
        assert cells(read("b,A\n1,2\n")) == [{"a": "2", "B": "1"}]

    def test_are_filled_up_where_they_are_short(self):
        (row,) = read("a,b\n1\n")
        assert (dict(row.cells), row.fault) == ({"a": "1"}, None)

    def test_may_be_short_at_the_end_of_the_file_only_with_a_line_end(self):
        """A file that breaks off in the middle of a cell ends like this."""
        (row,) = read("a,b\n0811900")
        assert row.fault == "The file ends within this row; it may have been cut off."
        (row,) = read("a,b\n1,2")
        assert row.fault is None

    def test_are_at_fault_with_more_cells_than_columns_unless_those_are_empty(self):
        long, padded = read("a,b\n1,2,3\n1,2, ,\n")
        assert (dict(long.cells), long.fault) == (
            {"a": "1", "B": "2"},
            "The row has 3 cells, and the header 2 columns.",
        )
        assert (dict(padded.cells), padded.fault) == ({"a": "1", "B": "2"}, None)

    @pytest.mark.parametrize(("header", "row"), [("a,b", "1;x,2"), ("a;b", "1,x;2"), ("a\tb", "1,;x\t2")])
    def test_are_cut_where_the_header_is(self, header, row):
        (found,) = read(f"{header}\n{row}\n")
        assert (found.cells["B"], found.fault) == ("2", None)


class TestLineEnds:
    def test_are_those_of_the_first_line(self):
        assert cells(read("a,b\r1,2\r")) == [{"a": "1", "B": "2"}]
        assert cells(read('a,b\r1,"x\ny"\r')) == [{"a": "1", "B": "x\ny"}]
        assert cells(read('a,b\n1,"x\ry"\r\n')) == [{"a": "1", "B": "x\ry"}]

    def test_may_be_cr_cr_lf_as_some_programs_write_cr_lf(self):
        assert [(row.line, dict(row.cells)) for row in read("a,b\r\r\n1,2\r\r\n3,4\r\r\n")] == [
            (2, {"a": "1", "B": "2"}), (3, {"a": "3", "B": "4"}),
        ]  # fmt: skip

    @pytest.mark.parametrize("content", ["a,b\n1,2\n1,x\ry\n", "a,b\r1,2\r1,x\ny\r", "a,b\r1,2\r1,x\r\n3,4\r\n"])
    def test_of_another_kind_split_no_row(self, content):
        """Half a chronology would otherwise be a complaint, and the other half the next row."""
        rows = iter(Spreadsheet(io.BytesIO(content.encode()), PAIR))
        assert next(rows).line == 2
        with pytest.raises(SpreadsheetError, match="Line 3: a line break of another kind"):
            next(rows)

    def test_of_another_kind_are_counted_against_the_record(self):
        with pytest.raises(FileRecordTooLongError, match="Line 2"):
            read("a,b\n" + "\r" * (RECORD_BYTES_MAX + 1))


class TestEncoding:
    WRITTEN = "a,b\r\n1,\u201cIya\u201d \u2013 caf\u00e9\r\n"

    @pytest.mark.parametrize("encoding", [each for each in Encoding if each not in {"iso-8859-1", "ibm850"}])
    def test_is_the_one_that_was_named(self, encoding):
        ((_, cell),) = (row.cells.values() for row in read(self.WRITTEN.encode(encoding), encoding=encoding))
        assert cell == "\u201cIya\u201d \u2013 caf\u00e9"

    @pytest.mark.parametrize("encoding", ["windows-1252", "iso-8859-1", "ibm850", "macintosh"])
    def test_is_never_found_out(self, encoding):
        """The same bytes are other letters in each of these."""
        with pytest.raises(FileEncodingError, match="Line 2: character 6 is not valid in utf-8") as caught:
            read("a,b\n1,caf\u00e9\n".encode(encoding))
        assert "--encoding windows-1252" in caught.value.hint

    @pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
    def test_of_utf_16_needs_its_mark_or_its_name(self, encoding):
        with pytest.raises(FileEncodingError, match="Line 1") as caught:
            read(self.WRITTEN.encode(encoding))
        assert "--encoding" in caught.value.hint

    def test_has_every_byte_of_the_file(self):
        with pytest.raises(FileEncodingError, match="Line 2: character 3 is not valid in windows-1252"):
            read(b"a,b\n1,\x81\n", encoding=Encoding.WINDOWS_1252)
        with pytest.raises(FileEncodingError, match="Line 3: character 1 is not valid in utf-16-le"):
            read("\ufeffa,b\n1,2\n".encode("utf-16-le") + b"x")
        with pytest.raises(FileEncodingError, match="Line 2: character 3 is not valid in utf-16-le"):
            read("\ufeffa,b\n1,".encode("utf-16-le") + b"\x00\xdc\n\x00")

    def test_is_not_another_than_the_files_own_mark_says(self):
        with pytest.raises(FileEncodingError, match="mark of utf-8, not of windows-1252"):
            read(self.WRITTEN.encode("utf-8-sig"), encoding=Encoding.WINDOWS_1252)
        assert len(read(self.WRITTEN.encode("utf-8-sig"), encoding=Encoding.UTF_8)) == 1

    @pytest.mark.parametrize("start", [b"PK\x03\x04\x14\x00", b"\xd0\xcf\x11\xe0\xa1\xb1"])
    def test_of_a_workbook_is_none(self, start):
        for content in (start, gzip.compress(start)):
            with pytest.raises(FileWorkbookError) as caught:
                read(content)
            assert "CSV UTF-8" in caught.value.hint


class TestHeader:
    @pytest.mark.parametrize(
        ("header", "said"),
        [
            ("", r"missing: 'a', 'B'"),
            ("a", r"missing: 'B'"),
            ("a,b,c,d", r"unknown: 'c' \(column 3\), 'd' \(column 4\)"),
            ("a;b;c", r"unknown: 'c' \(column 3\)"),
            ("a,b,First", r"named twice: 'a' \(column 1\) and 'First' \(column 3\)"),
            ("a,,b", r"without a name: column 2"),
            ("a;x,b", r"missing"),
            ("a|b", r"missing"),
        ],
    )
    def test_names_every_column_once_and_no_other(self, header, said):
        with pytest.raises(FileColumnsError, match=said) as caught:
            read(f"{header}\n1,2\n")
        assert caught.value.line == 1
        assert "commas, semicolons or tabs" in caught.value.hint

    def test_may_have_empty_columns_at_its_end(self):
        padded, full = read("a,b,, \n1,2,,\n1,2,,x\n")
        assert (dict(padded.cells), padded.fault) == ({"a": "1", "B": "2"}, None)
        assert full.fault == "The row has 4 cells, and the header 2 columns."

    def test_needs_one_of_each_group(self):
        layout = Layout(columns=(Column("x"), Column("y"), Column("z")), needed=(("x", "y"),))
        assert cells(read("y\n1\n", layout)) == [{"y": "1"}]
        with pytest.raises(FileColumnsError, match="missing: 'x' or 'y'"):
            read("z\n1\n", layout)

    def test_may_name_columns_that_are_ignored(self):
        (row,) = read("Name,Remark,Colour\n1,2,red\n", THINGS)
        assert dict(row.cells) == {"name": "1", "remark": "2", "colour": "red"}
        assert "remark" not in THINGS.convert(row, UNKNOWN)

    def test_says_which_of_several_layouts_the_file_has(self):
        sheets = [Spreadsheet(io.BytesIO(header), PAIR, THINGS).layout for header in (b"a,b", b"name,colour")]
        assert sheets == [PAIR, THINGS]

    def test_may_have_quotes_and_line_breaks(self):
        layout = Layout(columns=(Column("a;\nb"), Column("c")))
        assert [(row.line, dict(row.cells)) for row in read('"a;\nb",c\n1,2\n', layout)] == [
            (3, {"a;\nb": "1", "c": "2"})
        ]
        with pytest.raises(FileQuoteError, match="Line 1"):
            read('"a,b\n1,2\n')
        with pytest.raises(FileRecordTooLongError):
            read('"a' + "\n" * RECORD_BYTES_MAX)

    @pytest.mark.parametrize(
        ("declared", "header"), [("sep=;", "a;b"), ("SEP=,", "a,b"), ('"sep=;"', "a;b"), ("sep=\t", "a\tb")]
    )
    def test_may_follow_a_line_that_declares_the_delimiter(self, declared, header):
        rows = read(f"{declared}\r\n{header}\r\n{header}\r\n")
        assert [(row.line, dict(row.cells)) for row in rows] == [(3, {"a": "a", "B": "b"})]

    @pytest.mark.parametrize(("declared", "said"), [("sep=;", "Line 2: wrong columns"), ("sep=a", "Line 1: this char")])
    def test_keeps_to_that_line(self, declared, said):
        with pytest.raises(FileColumnsError, match=said):
            read(f"{declared}\na,b\n1,2\n")


class TestBounds:
    @given(st.binary(max_size=300))
    def test_hold_for_any_bytes(self, content):
        for data in (content, b"a,b\n" + content, gzip.compress(b"a,b\n" + content)[:-3]):
            try:
                rows = read(data, bytes_max=100, lines_max=10)
            except SpreadsheetError as error:
                assert error.line >= 1  # noqa: PT017 - most inputs raise, some don't
            else:
                assert len(rows) < 10

    @pytest.mark.parametrize(
        ("bad", "error", "said"),
        [
            (b'1,"2\n3', FileQuoteError, "Line 3"),
            (b"1,2\x00\n", FileEncodingError, "Line 3: the line contains a NUL"),
            ("1,\u20ac".encode() + b"\xff\n", FileEncodingError, "Line 3: character 4 "),
            (b"1," + b"x" * RECORD_BYTES_MAX, FileRecordTooLongError, "Line 3"),
            (("1," + "\u20ac" * (RECORD_BYTES_MAX // 3)).encode(), FileRecordTooLongError, "Line 3"),
            (b"1," + b"x" * 140_000 + b"\n", FileRecordTooLongError, "Line 3: a field"),
            (b'1,"2"3\n', SpreadsheetError, "Line 3: a quoted cell goes on"),
        ],
    )
    def test_come_after_the_rows_before_the_bad_place(self, bad, error, said):
        rows = iter(Spreadsheet(io.BytesIO(b"a,b\n1,2\n" + bad), PAIR))
        assert next(rows).line == 2
        with pytest.raises(error, match=said):
            next(rows)

    def test_stand_for_the_whole_file(self):
        assert len(read("a,b\n1,2\n", bytes_max=8, lines_max=2)) == 1
        for bound in ({"bytes_max": 7}, {"lines_max": 1}):
            with pytest.raises(SpreadsheetError, match="Line 2"):
                read("a,b\n1,2\n", **bound)

    def test_catch_a_gzip_that_breaks_off(self):
        whole = gzip.compress(b"a,b\n" + b"1,2\n" * 50_000)
        assert len(read(whole)) == 50_000
        for broken in (whole[: len(whole) // 2], whole[:-4], whole + b"garbage"):
            with pytest.raises(FileTruncatedError):
                read(broken)

    def test_leave_the_stream_to_its_owner(self):
        stream = io.BytesIO(b"a,b\n1,2\n")
        rows = iter(Spreadsheet(stream, PAIR))
        assert len(list(rows)) == 1
        assert not stream.closed


class TestConvert:
    def convert(self, zone=None, **row):
        return THINGS.convert(Row(2, "", row), FileTimes(zone=zone))

    def test_gives_a_value_for_each_column(self):
        assert self.convert(name=" x ", colour="dark-blue", count="7", at="2026-01-02 03:04", zone=JAKARTA) == {
            "name": "x",
            "colour": Colour.DARK_BLUE,
            "count": 7,
            "at": datetime(2026, 1, 2, 3, 4, tzinfo=JAKARTA),
        }
        assert self.convert(name="", colour=" ") == {"name": "", "colour": Colour.RED, "count": None, "at": None}

    @pytest.mark.parametrize(
        ("cell", "error", "field"),
        [
            ({"colour": "green"}, RowValueError, "colour"),
            ({"count": "1.5"}, RowValueError, "countOfThings"),
            ({"at": "soon"}, TimeInvalidError, "at"),
            ({"at": "2026-01-02 03.04"}, ZoneUnknownError, "at"),
            ({"at": "2026-01-02"}, TimeInvalidError, "at"),
        ],
    )
    def test_names_the_column_of_a_bad_cell(self, cell, error, field):
        with pytest.raises(error) as caught:
            self.convert(name="x", **cell)
        assert caught.value.field == field

    def test_refuses_a_row_at_fault(self):
        with pytest.raises(RowColumnsError, match="Cut off"):
            THINGS.convert(Row(2, "", {"name": "x"}, fault="Cut off."), UNKNOWN)


class TestReadAll:
    def read(self, content: str) -> FileRows[tuple[int, dict]]:
        stream = io.BytesIO(content.encode())
        return read_all(
            stream, THINGS, lambda *made: made, bounds=Bounds(), times=FileTimes(zone=JAKARTA), encoding=None
        )

    def test_makes_something_of_each_row_and_counts_the_blank_ones(self):
        found = self.read("name;colour\nx;navy\n;\n\ny\n")
        assert [(line, values["name"], values["colour"]) for line, values in found.items] == [
            (2, "x", Colour.DARK_BLUE), (5, "y", Colour.RED),
        ]  # fmt: skip
        assert found.blank_count == 2

    @pytest.mark.parametrize(
        ("bad", "said"),
        [
            ("x;green", "Line 3, colour: The column does not accept this value."),
            ("x;red;1;2026-01-02", "Line 3, at: This is a day without a time of day."),
            ("x;red;1;;5", "Line 3: The row has 5 cells, and the header 4 columns."),
            ('x;"red', "Line 3: a quote in this record is never closed."),
        ],
    )
    def test_names_the_line_and_the_column_that_are_wrong(self, bad, said):
        with pytest.raises(SpreadsheetError) as caught:
            self.read(f"name;colour;count;at\nx;red\n{bad}\n")
        assert caught.value.message == said


class TestConverters:
    @given(st.integers(0, 10**18))
    def test_read_whole_numbers_of_ascii_digits(self, number):
        assert read_whole_number(str(number), UNKNOWN) == number

    @pytest.mark.parametrize(
        "text", ["", "-1", "+1", "1.0", "1,000", "1_000", "\u0663", "\u00b2", "1" * 20, "1" * 5000]
    )
    def test_refuse_any_other_number(self, text):
        with pytest.raises(RowValueError):
            read_whole_number(text, UNKNOWN)

    @pytest.mark.parametrize("text", ["red", "RED", "dark blue", "Dark_Blue", "dark-blue", "navy"])
    def test_read_a_closed_list_as_people_write_it(self, text):
        assert choice_of(Colour, {"NAVY": Colour.DARK_BLUE})(text, UNKNOWN) in Colour

    def test_keep_text_as_it_is(self):
        assert read_text("'0812", UNKNOWN) == read_filled("'0812", UNKNOWN) == "'0812"

    def test_refuse_an_empty_cell_that_has_to_be_filled(self):
        with pytest.raises(RowValueError, match="empty"):
            read_filled("", UNKNOWN)
