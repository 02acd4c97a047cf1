"""The file that a carrier fills in by hand: what it holds, and how it is read back."""

import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from ledger.errors import Problem
from ledger.orders.acknowledgement_rules import AcknowledgementDraft
from ledger.orders.files import (
    ANSWER_COLUMNS,
    ORDER_COLUMNS,
    REFUSAL_COLUMNS,
    AcknowledgementFileError,
    read_answers,
    render_order,
)
from ledger.orders.states import OrderState
from ledger.orders.table import BlockOrder
from ledger.orders.vocabulary import AcknowledgementKind, BlockScope
from ledger.vocabulary import Category
from ledger.written_times import FileTimes

AT = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)
HEADER = "order_no,version,acknowledgement,reason,reference,effective_at,until,note"


def order(**changes: object) -> BlockOrder:
    written = BlockOrder(
        id="1",
        order_no="O-2026-0000007",
        directive_id="1",
        carrier_id="2",
        e164="+6289011110001",
        epoch=1,
        category=Category.FRAUD,
        scope=BlockScope.ALL_SERVICES,
        legal_basis="PM 5/2021",
        summary="Three complaints.",
        subscriber_notice="Blocked.",
        complaint_count=3,
        state=OrderState.ISSUED,
        office_id=None,
        drafted_by=None,
        drafted_at=AT,
        issued_at=AT,
        due_at=AT + timedelta(days=1),
        is_overdue=False,
    )
    return replace(written, **changes)


class TestRenderOrder:
    def test_leaves_the_carriers_own_cells_empty(self) -> None:
        cells = dict(zip(ORDER_COLUMNS + ANSWER_COLUMNS, render_order(order(), brand="byu"), strict=True))
        assert cells["order_no"] == "O-2026-0000007"
        assert (cells["brand"], cells["is_overdue"], cells["due_at"]) == ("byu", "no", "2026-03-03T03:00:00+00:00")
        assert all(cells[column] == "" for column in ANSWER_COLUMNS)

    def test_tells_what_is_overdue(self) -> None:
        cells = render_order(order(is_overdue=True), brand=None)
        assert cells[ORDER_COLUMNS.index("is_overdue")] == "yes"

    @pytest.mark.parametrize("start", ["=", "+", "-", "@"])
    def test_lets_no_text_run_as_a_formula(self, start: str) -> None:
        cells = render_order(order(summary=f"{start}cmd()"), brand=None)
        assert cells[ORDER_COLUMNS.index("summary")] == f"'{start}cmd()"


class TestReadAnswers:
    def read(self, *rows: str, header: str = HEADER, zone: ZoneInfo | None = None) -> list[object]:
        content = "\n".join([header, *rows, ""]).encode()
        return [row.content for row in read_answers(io.BytesIO(content), times=FileTimes(zone=zone)).items]

    def test_reads_what_was_filled_in(self) -> None:
        (draft,) = self.read("O-2026-0000007,2,executed,already_blocked,TKT-1,2026-03-02T10:00:00+07:00,,by hand")
        assert draft == AcknowledgementDraft(
            kind=AcknowledgementKind.EXECUTED,
            order_no="O-2026-0000007",
            version=2,
            reason="ALREADY_BLOCKED",
            reference="TKT-1",
            effective_at=datetime(2026, 3, 2, 3, tzinfo=UTC),
            note="by hand",
        )

    def test_reads_what_a_row_corrects(self) -> None:
        (draft,) = self.read(
            "O-2026-0000007,impossible,TKT-2,technical,The job never ran.,TKT-1",
            header="order_no,acknowledgement,reference,reason,note,corrects_reference",
        )
        assert isinstance(draft, AcknowledgementDraft)
        assert (draft.corrects_reference, draft.corrects_id, draft.note) == ("TKT-1", None, "The job never ran.")

    def test_passes_over_a_row_that_is_not_filled_in(self) -> None:
        assert self.read("O-2026-0000007,1,,,,,,") == [None]

    def test_takes_the_semicolons_and_the_mark_of_a_spreadsheet(self) -> None:
        content = (
            "\ufefforder_no;acknowledgement;reference;summary;\r\nO-2026-0000007;EXECUTED;T1;x;\r\n;;;;\r\n".encode()
        )
        found = read_answers(io.BytesIO(content), times=FileTimes())
        (row,) = found.items
        assert isinstance(row.content, AcknowledgementDraft)
        assert (row.line, found.blank_count) == (2, 1)

    def test_takes_the_columns_of_the_export_and_of_a_file_of_refused_rows(self) -> None:
        header = ",".join([*REFUSAL_COLUMNS, *ORDER_COLUMNS, *ANSWER_COLUMNS])
        content = f"{header}\n7,NOT_FOUND,,,,O-2026-0000007,1,{',' * len(ORDER_COLUMNS[2:-1])},RECEIVED,,T1\n".encode()
        (row,) = read_answers(io.BytesIO(content), times=FileTimes()).items
        assert isinstance(row.content, AcknowledgementDraft)
        assert (row.content.order_no, row.content.reference) == ("O-2026-0000007", "T1")

    def test_reads_a_short_row_as_one_whose_other_cells_are_empty(self) -> None:
        header = "order_no,acknowledgement,reference,effective_at,note"
        (draft,) = self.read("O-2026-0000007,RECEIVED,T1", header=header)
        assert isinstance(draft, AcknowledgementDraft)
        assert (draft.effective_at, draft.note) == (None, None)
        (problem,) = self.read("O-2026-0000007,RECEIVED", header=header)
        assert isinstance(problem, Problem)
        assert (problem.code, problem.field, problem.message) == ("ROW_INVALID", "reference", "The cell is empty.")

    def test_reads_a_time_without_zone_in_the_files_zone(self) -> None:
        row = "O-2026-0000007,1,EXECUTED,,T1,2026-03-02 10:00,,"
        (draft,) = self.read(row, zone=ZoneInfo("Asia/Jakarta"))
        assert isinstance(draft, AcknowledgementDraft)
        assert draft.effective_at == AT
        (problem,) = self.read(row)
        assert isinstance(problem, Problem)
        assert (problem.code, problem.field) == ("TIME_INVALID", "effective_at")

    def test_reads_a_time_with_a_dot_as_indonesians_write_it(self) -> None:
        (draft,) = self.read("O-2026-0000007,1,EXECUTED,,T1,2026-03-02 23.05,,", zone=ZoneInfo("Asia/Jakarta"))
        assert isinstance(draft, AcknowledgementDraft)
        assert draft.effective_at == datetime(2026, 3, 2, 16, 5, tzinfo=UTC)

    @pytest.mark.parametrize(
        ("row", "code"),
        [
            ("O-2026-0000007,1,BLOCKED,,T1,,,", "ROW_INVALID"),
            ("O-2026-0000007,one,EXECUTED,,T1,,,", "ROW_INVALID"),
            ("O-2026-0000007,1,EXECUTED,,T1,yesterday,,", "TIME_INVALID"),
            ("O-2026-0000007,1,EXECUTED", "ROW_INVALID"),
            ("O-2026-0000007,1,EXECUTED,,T1,,,,,x", "ROW_INVALID"),
            ("O-2026-0000007,1,EXECUTED,,,,,", "ROW_INVALID"),
        ],
    )
    def test_refuses_a_bad_row_alone(self, row: str, code: str) -> None:
        bad, good = self.read(row, "O-2026-0000008,1,EXECUTED,,T2,,,")
        assert isinstance(bad, Problem)
        assert bad.code == code
        assert isinstance(good, AcknowledgementDraft)

    @pytest.mark.parametrize(
        ("content", "said"),
        [
            (b"", "Line 1"),
            (b"order_no,reference\n", "acknowledgement"),
            (b"order_no,acknowledgement,reference,reference\n", "twice"),
            (b"order_no,acknowledgement,reference,efective_at\n", r"unknown: 'efective_at' \(column 4\)"),
            (b'order_no,acknowledgement,reference\nO-1,EXECUTED,"T1\n\n', "Line 2"),
            (b"order_no,acknowledgement,reference\nO-1,EXECUTED,\xff\n", "Line 2"),
            (b"order_no,acknowledgement,reference\nO-1,EXECUTED,\x00\n", "Line 2"),
        ],
    )
    def test_takes_nothing_of_a_file_that_cant_be_read_to_its_end(self, content: bytes, said: str) -> None:
        with pytest.raises(AcknowledgementFileError, match=said):
            read_answers(io.BytesIO(content), times=FileTimes())
