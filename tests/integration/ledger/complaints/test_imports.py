"""An import files every row once, accounts for all of them, and can be run again after anything."""

import io
from zoneinfo import ZoneInfo

import pytest

from ledger.complaints.files import read_complaints
from ledger.complaints.imports import ImportAccount, OccurrenceCounter, import_complaints
from ledger.complaints.reading import ComplaintFilter, count_complaints
from ledger.complaints.rows import FileFormat, FileReading
from ledger.counting import Count
from ledger.errors import ForbiddenError
from ledger.numbers.reading import NumberFilter, list_numbers
from ledger.numbers.vocabulary import HolderStatus
from ledger.pages import PageRequest
from ledger.text_files import FileTruncatedError, SpreadsheetError
from ledger.vocabulary import Category
from ledger.written_times import FileTimes
from tests.support.places import SHARED_DATA

HEADER = "number,medium,category,narrative\n"
US = FileReading(format=FileFormat.FTC_DNC, region="US", times=FileTimes(zone=ZoneInfo("America/New_York")))


@pytest.fixture
def run(database, parties, as_of):
    async def call(stream, reading=None, *, viewer=parties.agency, account=None, rejected=None):
        if isinstance(stream, str | bytes):
            stream = io.BytesIO(stream.encode() if isinstance(stream, str) else stream)
        rows = read_complaints(stream, reading or FileReading(format=FileFormat.CSV))
        on_rejected = (lambda row: None) if rejected is None else rejected.append
        return await import_complaints(database, viewer, rows, as_of=as_of, account=account, on_rejected=on_rejected)

    return call


class TestImportComplaints:
    async def test_files_once_and_accounts_for_all(self, run):
        text = HEADER + (
            "0811 9000 0001,SMS,SPAM,a\n"
            "0811 9000 0001,SMS,SPAM,a\n"
            ",SMS,SPAM,a\n"
            "push1totalk,SMS,SPAM,a\n"
            "0811 9000 0001,FAX,SPAM,a\n"
            "0811 9000 0001,SMS,SPAM,b\n"
        )
        rejected, again = [], []
        first = await run(text, rejected=rejected)
        second = await run(text, rejected=again)
        assert (first.read, first.filed, first.already_filed) == (6, 3, 0)
        assert (second.read, second.filed, second.already_filed) == (6, 0, 3)
        assert first.rejected == second.rejected == {"NUMBER_MISSING": 1, "NUMBER_INVALID": 1, "ROW_VALUE_UNKNOWN": 1}
        assert first.adds_up
        assert second.adds_up
        assert [(row.line, row.problem.code) for row in rejected] == [
            (4, "NUMBER_MISSING"),
            (5, "NUMBER_INVALID"),
            (6, "ROW_VALUE_UNKNOWN"),
        ]
        assert rejected == again

    async def test_files_identical_rows_as_separate_complaints(self, run):
        rows = "0811 9000 0001,SMS,SPAM,a\n" * 2500
        first, second = await run(HEADER + rows), await run(HEADER + rows + "0811 9000 0001,SMS,SPAM,a\n")
        assert (first.filed, second.already_filed, second.filed) == (2500, 2500, 1)

    async def test_keeps_what_came_before_a_broken_place_and_resumes(self, database, run, parties, as_of):
        good = "".join(f"0811 9000 {n:04},SMS,OTHER,\n" for n in range(1500))
        account = ImportAccount()
        with pytest.raises(SpreadsheetError, match="Line 1502"):
            await run((HEADER + good).encode() + b"\xff\n", account=account)
        assert (account.read, account.filed) == (1500, 1500)
        async with database.transaction(parties.agency, as_of=as_of) as tx:
            assert await count_complaints(tx) == Count(1500, is_exact=True)
        again = await run(HEADER + good + "0811 9000 9999,SMS,OTHER,\n")
        assert (again.filed, again.already_filed) == (1, 1500)

    async def test_reports_progress_by_the_batch(self, database, parties, as_of):
        seen = []
        text = HEADER + "".join(f"0811 9000 {n:04},SMS,OTHER,\n" for n in range(2500))
        rows = read_complaints(io.BytesIO(text.encode()), FileReading(format=FileFormat.CSV))
        await import_complaints(
            database, parties.agency, rows, as_of=as_of, on_progress=lambda account: seen.append(account.read)
        )
        assert seen == [1000, 2000, 2500]

    async def test_rejects_a_reference_that_stands_for_two_complaints(self, run):
        text = "id,number,medium,category\na,0811 9000 0001,SMS,OTHER\na,0811 9000 0002,SMS,OTHER\n"
        for filed in (1, 0):
            account = await run(text)
            assert (account.filed, account.rejected) == (filed, {"SOURCE_REFERENCE_REUSED": 1})

    async def test_is_for_those_who_file(self, run, parties):
        with pytest.raises(ForbiddenError):
            await run(HEADER, viewer=parties.telkomsel)

    async def test_takes_an_empty_file_of_right_columns(self, run):
        assert await run(HEADER) == ImportAccount()


class TestOccurrenceCounter:
    def test_counts_each_content_apart_however_many(self):
        counter = OccurrenceCounter()
        marks = [f"{n * 0x9E3779B97F4A7C15 % 2**64:016x}" for n in range(40_000)]
        assert {counter.count(mark) for mark in marks} == {1}
        assert {counter.count(mark) for mark in marks} == {2}
        assert counter.count(marks[0]) == 3


@pytest.mark.real_data
@pytest.mark.skipif(not SHARED_DATA.exists(), reason="the real files are not here")
class TestRealFiles:
    async def test_indonesian_sms_find_their_holders(self, database, run, parties, as_of):
        for filed, known in ((179, 0), (0, 179)):
            with (SHARED_DATA / "id_sms_complaints.csv").open("rb") as stream:
                account = await run(stream)
            assert (account.read, account.filed, account.already_filed, account.rejected_count) == (
                179,
                filed,
                known,
                0,
            )
        async with database.transaction(parties.regulator, as_of=as_of) as tx:
            assert (await count_complaints(tx, ComplaintFilter(categories=(Category.SPAM_ADVERT,)))).total == 2
            numbers = (await list_numbers(tx, PageRequest(first=500))).items
        holders = {number.holder_id for number in numbers if number.holder_status is HolderStatus.HELD}
        assert holders == {viewer.member_id for viewer in (parties.telkomsel, parties.indosat, parties.xlsmart)}
        assert sum(number.holder_status is not HolderStatus.HELD for number in numbers) <= 2

    async def test_american_daily_file_is_imported_whole_twice(self, database, run, parties, as_of):
        rejected, again = [], []
        with (SHARED_DATA / "ftc_dnc_complaint_numbers_2019-12-16.csv").open("rb") as stream:
            first = await run(stream, US, rejected=rejected)
        with (SHARED_DATA / "ftc_dnc_complaint_numbers_2019-12-16.csv").open("rb") as stream:
            second = await run(stream, US, rejected=again)
        assert (first.read, first.rejected["NUMBER_MISSING"], first.already_filed) == (20_532, 861, 0)
        assert first.adds_up
        assert second.adds_up
        assert (second.filed, second.already_filed, second.rejected) == (0, first.filed, first.rejected)
        assert rejected == again
        async with database.transaction(parties.regulator, as_of=as_of) as tx:
            assert (await count_complaints(tx)).total == first.filed
            assert (await list_numbers(tx, PageRequest(first=1), NumberFilter(is_domestic=True))).items == []

    async def test_truncated_api_file_stops_with_its_line_and_stays_filed(self, database, run, parties, as_of):
        head = (SHARED_DATA / "ftc_dnc_api_2021-03-15_2021-04-14.csv.gz").read_bytes()[:40_000]
        account, again = ImportAccount(), ImportAccount()
        for total in (account, again):
            with pytest.raises(FileTruncatedError):
                await run(head, US, account=total)
            assert total.adds_up
        assert (again.filed, again.already_filed) == (0, account.filed)
        async with database.transaction(parties.agency, as_of=as_of) as tx:
            assert (await count_complaints(tx)).total == account.filed > 1000
