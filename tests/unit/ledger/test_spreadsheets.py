"""Delimited files are cut into the rows that were written, with their lines; reading stops where nothing is sure."""

import csv
import gzip
import io
from datetime import UTC, datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import TimeInvalidError
from ledger.spreadsheets import (
    RECORD_BYTES_MAX,
    Column,
    Dialect,
    FileColumnsError,
    FileEncodingError,
    FileQuoteError,
    FileRecordTooLongError,
    FileTruncatedError,
    Layout,
    Row,
    RowColumnsError,
    RowValueError,
    Spreadsheet,
    SpreadsheetError,
    ZoneUnknownError,
    choice_of,
    read_text,
    read_time,
    read_whole_number,
)

JAKARTA = ZoneInfo("Asia/Jakarta")


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
    needed=(("name",),),
    is_open=True,
)


def read(content: str | bytes, *layouts: Layout, **dialect) -> list[Row]:
    data = content.encode() if isinstance(content, str) else content
    return list(Spreadsheet(io.BytesIO(data), *(layouts or (PAIR,)), dialect=Dialect(**dialect)))


def cells(rows: list[Row]) -> list[dict[str, str]]:
    return [dict(row.cells) for row in rows]


CELL = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x00"), max_size=20)


class TestRows:
    @given(st.lists(st.tuples(CELL, CELL), max_size=8), st.sampled_from(",;\t"), st.sampled_from(["\n", "\r\n"]))
    def test_are_read_as_they_were_written(self, pairs, delimiter, line_end):
        text = io.StringIO(newline="")
        writer = csv.writer(text, delimiter=delimiter, lineterminator=line_end, quoting=csv.QUOTE_ALL)
        writer.writerows([("a", "b"), *pairs])
        for content in (
            text.getvalue().encode(),
            text.getvalue().encode("utf-8-sig"),
            gzip.compress(text.getvalue().encode()),
        ):
            rows = read(content, delimiters=",;\t")
            assert [tuple(row.cells.values()) for row in rows] == pairs
            assert all(row.is_whole for row in rows)

    @given(st.lists(st.sampled_from(["1,2", '"1\n\n",2', '1,"\r\n2"', "", "1", "1,2,3"]), max_size=12))
    def test_begin_at_their_lines_and_keep_their_text(self, records):
        rows = iter(read("\n".join(["a,b", *records])))
        line = 2
        for record in records:
            if record:
                row = next(rows)
                assert (row.line, row.text.rstrip("\n")) == (line, record)
                assert row.is_whole == (record not in {"1", "1,2,3"})
            line += 1 + record.count("\n")
        assert next(rows, None) is None

    def test_have_cells_by_column_however_the_header_writes_it(self):
        assert cells(read(" First ,b\n1,2\n")) == [{"a": "1", "B": "2"}]
        assert cells(read("b,A\n1,2\n")) == [{"a": "2", "B": "1"}]

    def test_keep_what_a_short_or_long_one_has(self):
        short, long = read("a,b\n1\n1,2,3\n")
        assert (dict(short.cells), dict(long.cells)) == ({"a": "1"}, {"a": "1", "B": "2"})

    def test_end_at_a_lone_cr_where_the_dialect_has_it(self):
        assert cells(read("a,b\r1,2\r")) == [{"a": "1", "B": "2"}]
        with pytest.raises(SpreadsheetError, match="Line 1"):
            read("a,b\r1,2\r", line_end="\n")

    @pytest.mark.parametrize(("header", "row"), [("a,b", "1;x,2"), ("a;b", "1,x;2")])
    def test_are_cut_at_what_the_header_has_most_of(self, header, row):
        (found,) = read(f"{header}\n{row}\n", delimiters=",;")
        assert len(found.cells) == 2
        assert found.is_whole


class TestHeader:
    @pytest.mark.parametrize(
        ("header", "said"),
        [
            ("", "missing: 'a', 'B'"),
            ("a", "missing: 'B'"),
            ("a,b,c,d", "unknown: 'c', 'd'"),
            ("a,b,first", "named twice: 'a'"),
            ("a,b,,", "named twice: ''"),
        ],
    )
    def test_names_every_column_once_and_no_other(self, header, said):
        with pytest.raises(FileColumnsError, match=said) as caught:
            read(f"{header}\n1,2\n")
        assert caught.value.line == 1

    def test_needs_one_of_each_group(self):
        layout = Layout(columns=(Column("x"), Column("y"), Column("z")), needed=(("x", "y"),))
        assert cells(read("y\n1\n", layout)) == [{"y": "1"}]
        with pytest.raises(FileColumnsError, match="missing: 'x or y'"):
            read("z\n1\n", layout)

    def test_may_name_others_where_the_layout_is_open(self):
        (row,) = read("Name,Other\n1,2\n", THINGS)
        assert dict(row.cells) == {"name": "1", "other": "2"}

    def test_says_which_of_several_layouts_the_file_has(self):
        sheets = [
            Spreadsheet(io.BytesIO(header), PAIR, THINGS, dialect=Dialect()).layout for header in (b"a,b", b"name,b")
        ]
        assert sheets == [PAIR, THINGS]


class TestBounds:
    @given(st.binary(max_size=300))
    def test_hold_for_any_bytes(self, content):
        for data in (content, b"a,b\n" + content, gzip.compress(b"a,b\n" + content)[:-3]):
            try:
                rows = read(data, delimiters=",;", bytes_max=100, lines_max=10)
            except SpreadsheetError as error:
                assert error.line >= 1  # noqa: PT017 - most inputs raise, some don't
            else:
                assert len(rows) < 10

    @pytest.mark.parametrize(
        ("bad", "error", "said"),
        [
            (b'1,"2\n3', FileQuoteError, "Line 3"),
            (b"1,2\x00\n", FileEncodingError, "Line 3: the line contains a NUL"),
            ("1,\u20ac".encode() + b"\xff\n", FileEncodingError, "Line 3: byte 6 "),
            (b"1," + b"x" * RECORD_BYTES_MAX, FileRecordTooLongError, "Line 3"),
            (("1," + "\u20ac" * (RECORD_BYTES_MAX // 3)).encode(), FileRecordTooLongError, "Line 3"),
            (b"1," + b"x" * 140_000 + b"\n", FileRecordTooLongError, "Line 3: a field"),
            (b'1,"2"3\n', SpreadsheetError, "Line 3"),
        ],
    )
    def test_come_after_the_rows_before_the_bad_place(self, bad, error, said):
        rows = iter(Spreadsheet(io.BytesIO(b"a,b\n1,2\n" + bad), PAIR, dialect=Dialect()))
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
        rows = iter(Spreadsheet(stream, PAIR, dialect=Dialect()))
        assert len(list(rows)) == 1
        assert not stream.closed


class TestConvert:
    def convert(self, zone=None, **row):
        return THINGS.convert(Row(2, "", row), zone)

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
            ({"at": "2026-01-02"}, ZoneUnknownError, "at"),
        ],
    )
    def test_names_the_column_of_a_bad_cell(self, cell, error, field):
        with pytest.raises(error) as caught:
            self.convert(name="x", **cell)
        assert caught.value.field == field

    def test_refuses_a_row_that_is_not_whole(self):
        with pytest.raises(RowColumnsError):
            THINGS.convert(Row(2, "", {"name": "x"}, is_whole=False), None)


class TestConverters:
    def test_read_an_offset_before_the_files_zone(self):
        assert read_time("2026-01-02T03:04:05Z", JAKARTA) == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

    @given(st.integers(0, 10**18))
    def test_read_whole_numbers_of_ascii_digits(self, number):
        assert read_whole_number(str(number), None) == number

    @pytest.mark.parametrize(
        "text", ["", "-1", "+1", "1.0", "1,000", "1_000", "\u0663", "\u00b2", "1" * 20, "1" * 5000]
    )
    def test_refuse_any_other_number(self, text):
        with pytest.raises(RowValueError):
            read_whole_number(text, None)

    @pytest.mark.parametrize("text", ["red", "RED", "dark blue", "Dark_Blue", "dark-blue", "navy"])
    def test_read_a_closed_list_as_people_write_it(self, text):
        assert choice_of(Colour, {"NAVY": Colour.DARK_BLUE})(text, None) in Colour

    def test_keep_text_as_it_is(self):
        assert read_text("'0812", None) == "'0812"
