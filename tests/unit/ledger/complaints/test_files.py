"""Files of complaints are read as a stream; bad rows come out with a reason, bad files end with their line."""

import gzip
import io
import itertools
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.complaints.files import TimeZoneMissingError, read_complaints
from ledger.complaints.rows import FileFormat, FileReading
from ledger.complaints.vocabulary import Medium, Remedy
from ledger.errors import Problem
from ledger.spreadsheets import FileColumnsError, FileQuoteError
from ledger.text_files import (
    RECORD_BYTES_MAX,
    Encoding,
    FileEncodingError,
    FileRecordTooLongError,
    FileTruncatedError,
    SpreadsheetError,
)
from ledger.vocabulary import Category
from ledger.written_times import FileTimes

FTC_FILE = (
    "Company_Phone_Number,Created_Date,Violation_Date,Consumer_City,Consumer_State,Consumer_Area_Code,Subject,"
    "Recorded_Message_Or_Robocall\r\n"
)
FTC_API = "created_date,complaint_id,company_phone_number,consumer_area_code\n"
JAKARTA = ZoneInfo("Asia/Jakarta")


def read(content, file_format=FileFormat.CSV, *, zone=None, **options):
    data = content.encode() if isinstance(content, str) else content
    reading = FileReading(format=file_format, times=FileTimes(zone=zone), **options)
    return list(read_complaints(io.BytesIO(data), reading))


def codes(rows):
    return [row.content.code if isinstance(row.content, Problem) else None for row in rows if row.content is not None]


class TestCsv:
    def test_reads_its_own_columns(self):
        (row,) = read(
            "source_reference,number,medium,category,incident_at,chronology,loss_rupiah,remedy,complainant_name,"
            "complainant_identity_number\n"
            'a-1,0890 1,sms,online gambling,2026-01-02T03:04:05+07:00,"dua\nbaris",1000,both,Ani,317\n'
        )
        draft = row.content
        assert (row.line, draft.source_reference, draft.number) == (2, "a-1", "0890 1")
        assert (draft.medium, draft.category, draft.remedy) == (Medium.SMS, Category.ONLINE_GAMBLING, Remedy.BOTH)
        assert draft.incident_at == datetime(2026, 1, 1, 20, 4, 5, tzinfo=UTC)
        assert (draft.chronology, draft.loss_rupiah) == ("dua\nbaris", 1000)
        assert (draft.complainant.name, draft.complainant.identity_number) == ("Ani", "317")

    def test_takes_the_names_that_others_use(self):
        (row,) = read("\ufeffexternal_id,number,medium,category,narrative\r\nx,0890,SMS,SPAM,isi\r\n")
        assert (row.content.source_reference, row.content.category) == ("x", Category.SPAM_ADVERT)
        assert row.content.chronology == "isi"

    def test_counts_lines_through_fields_of_several(self):
        rows = read('number,medium,category,narrative\n1,SMS,OTHER,"a\nb\nc"\n2,SMS,OTHER,d\n\n3,SMS,OTHER,e\n')
        assert [row.line for row in rows if row.content is not None] == [2, 5, 7]

    def test_returns_blank_rows_without_content(self):
        rows = read("number;medium;category;;\n1;SMS;OTHER;;\n;;;;\n \t;;\n\n2;SMS;OTHER\n")
        assert [(row.line, row.content is None) for row in rows] == [
            (2, False), (3, True), (4, True), (5, True), (6, False),
        ]  # fmt: skip

    def test_reads_another_encoding_if_it_is_named(self):
        text = "number,medium,category,narrative\n1,SMS,OTHER,caf\u00e9\n".encode("windows-1252")
        (row,) = read(text, encoding=Encoding.WINDOWS_1252)
        assert row.content.chronology == "caf\u00e9"
        with pytest.raises(FileEncodingError, match="Line 2"):
            read(text)

    def test_reads_naive_times_in_the_zone_given(self):
        text = "number,medium,category,incident_at\n1,SMS,OTHER,2026-01-02 03:04\n"
        (row,) = read(text, zone=JAKARTA)
        assert row.content.incident_at == datetime(2026, 1, 2, 3, 4, tzinfo=JAKARTA)
        with pytest.raises(TimeZoneMissingError, match="Line 2"):
            read(text)

    def test_goes_on_after_a_bad_row(self):
        rows = read(
            "number,medium,category,incident_at,loss_rupiah\n"
            "1,SMS,OTHER,,,x\n"
            "2,FAX,OTHER,,\n"
            "3,SMS,SOMETHING,,\n"
            "4,SMS,OTHER,soon,\n"
            "5,SMS,OTHER,,1.5\n"
            "6,SMS,OTHER,,\n"
        )
        assert codes(rows) == [
            "ROW_COLUMNS_WRONG",
            "ROW_VALUE_UNKNOWN",
            "ROW_VALUE_UNKNOWN",
            "TIME_INVALID",
            "ROW_VALUE_UNKNOWN",
            None,
        ]
        assert rows[1].text == "2,FAX,OTHER,,\n"

    @pytest.mark.parametrize(
        "header", ["", "number\n", "number,medium\n", "medium,category\n", "number,medium,category,colour\n",
                   "number,number,medium,category\n"]
    )  # fmt: skip
    def test_refuses_wrong_columns(self, header):
        with pytest.raises(FileColumnsError, match="Line 1"):
            read(header + "1,2,3\n")

    def test_gives_the_rows_before_an_unclosed_quote(self):
        stream = io.BytesIO(b'number,medium,category,narrative\n1,SMS,OTHER,a\n2,SMS,OTHER,"b\n3,SMS,OTHER,c\n')
        rows = read_complaints(stream, FileReading(format=FileFormat.CSV))
        assert next(rows).line == 2
        with pytest.raises(FileQuoteError, match="Line 3"):
            next(rows)

    def test_stops_where_an_unclosed_quote_swallows_the_file(self):
        endless = itertools.chain(
            [b'number,medium,category,narrative\n1,SMS,OTHER,"a\n'], itertools.repeat(b"2,SMS,OTHER,b\n", 200_000)
        )
        with pytest.raises(FileRecordTooLongError, match="Line 2"):
            read(b"".join(endless))

    @pytest.mark.parametrize(
        ("bad", "error", "line"),
        [
            (b"2,SMS,OTHER,a\x00b\n", FileEncodingError, 3),
            (b"2,SMS,OTHER,a\xffb\n", FileEncodingError, 3),
            (b"2,SMS,OTHER," + b"x" * (RECORD_BYTES_MAX + 1), FileRecordTooLongError, 3),
            (b"2,SMS,OTHER," + b"x" * 140_000 + b"\n", FileRecordTooLongError, 3),
            (b'2,SMS,OTHER,"a"b\n', SpreadsheetError, 3),
        ],
    )
    def test_names_the_line_at_which_it_stops(self, bad, error, line):
        with pytest.raises(error) as caught:
            read(b"number,medium,category,narrative\n1,SMS,OTHER,a\n" + bad)
        assert caught.value.line == line

    def test_reads_gzip_and_says_when_it_breaks_off(self):
        text = "number,medium,category\n" + "".join(f"{n},SMS,OTHER\n" for n in range(20_000))
        whole = gzip.compress(text.encode())
        assert len(read(whole)) == 20_000
        for broken in (whole[: len(whole) // 2], whole[:-4], whole[:5], whole + b"garbage"):
            with pytest.raises(FileTruncatedError):
                read(broken)

    @given(st.binary(max_size=300))
    def test_reads_or_refuses_any_bytes(self, tail):
        for file_format in FileFormat:
            try:
                read(b"number,medium,category\n" + tail, file_format)
            except SpreadsheetError:
                continue


class TestJsonLines:
    def test_reads_objects(self):
        rows = read(
            '{"reference": "a", "number": "0890", "medium": "VOICE", "category": "FRAUD", "loss_rupiah": 5}\n\n'
            '{"account_platform": "M", "account_handle": "h", "medium": "OTT", "category": "OTHER", "number": null}',
            FileFormat.JSON_LINES,
        )
        assert codes(rows) == [None, None]
        assert [row.line for row in rows if row.content is not None] == [1, 3]
        assert (rows[0].content.source_reference, rows[0].content.loss_rupiah) == ("a", 5)
        assert rows[1].content is None
        assert rows[2].content.number is None

    @pytest.mark.parametrize(
        "line",
        [
            "[]",
            "{",
            "1",
            '{"colour": "red"}',
            '{"id": "1", "reference": "2"}',
            '{"number": 1.5}',
            '{"number": true}',
            '{"number": {}}',
            "[" * 100_000,
            '{"number": "\\ud800"}',
        ],
    )
    def test_rejects_a_bad_line_and_goes_on(self, line):
        rows = read(f'{line}\n{{"number": "1", "medium": "SMS", "category": "OTHER"}}\n', FileFormat.JSON_LINES)
        assert codes(rows) == ["ROW_JSON_INVALID", None]


class TestFtcDnc:
    ROW = "2025550143,2019-12-13 00:00:06,2019-12-12 20:55:00,Reno,Nevada,775,{},Y\r\n"

    @pytest.mark.parametrize(
        ("subject", "category"),
        [
            ("Calls pretending to be government, businesses, or family and friends", Category.IMPERSONATION),
            ("Medical  & prescriptions", Category.SPAM_ADVERT),
            ("Reducing your debt (credit cards, mortgage, student loans)", Category.FRAUD),
            ("Lotteries, prizes  & sweepstakes", Category.FRAUD),
            ("Work from home  & other ways to make money", Category.FICTITIOUS_INVESTMENT),
            ("No Subject Provided", Category.OTHER),
            ("Something new", Category.OTHER),
        ],
    )
    def test_puts_a_subject_under_a_category(self, subject, category):
        (row,) = read(
            FTC_FILE + self.ROW.format(f'"{subject}"'), FileFormat.FTC_DNC, region="US", zone=ZoneInfo("America/Denver")
        )
        assert (row.content.category, row.content.medium, row.content.region) == (category, Medium.VOICE, "US")
        assert row.content.incident_at == datetime(2019, 12, 13, 3, 55, tzinfo=UTC)

    def test_tells_rows_apart_that_differ_in_anything(self):
        other = self.ROW.format("Other").replace("Reno", "Elko")
        rows = read(FTC_FILE + self.ROW.format("Other") + other, FileFormat.FTC_DNC, zone=UTC)
        assert rows[0].content != rows[1].content

    def test_needs_a_zone(self):
        with pytest.raises(TimeZoneMissingError):
            read(FTC_FILE, FileFormat.FTC_DNC)

    def test_reads_the_api_layout_by_its_ids(self):
        (row,) = read(FTC_API + "2021-03-15,2d5af01e,2025550143,919\n", FileFormat.FTC_DNC, region="US")
        assert (row.content.source_reference, row.content.number) == ("2d5af01e", "2025550143")
        assert (row.content.category, row.content.incident_at) == (Category.OTHER, None)

    def test_refuses_other_columns(self):
        with pytest.raises(FileColumnsError):
            read("number,medium,category\n", FileFormat.FTC_DNC, zone=UTC)
