"""Block orders as a CSV file that a carrier fills in manually, and the acknowledgements read back from it.

The columns up to is_overdue describe the order; the carrier fills in the rest. Reading requires only order_no,
acknowledgement and reference, accepts columns in any order, and ignores those that describe the order or a refusal. A
row without an acknowledgement is not filled in and is skipped. It never touches the database.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, BinaryIO

from ledger.errors import InvalidInputError, LedgerError, Problem
from ledger.orders.acknowledgement_rules import AcknowledgementDraft
from ledger.orders.table import BlockOrder
from ledger.orders.vocabulary import AcknowledgementKind
from ledger.spreadsheets import (
    Column,
    FileRows,
    Layout,
    Row,
    RowColumnsError,
    RowValueError,
    Spreadsheet,
    choice_of,
    read_filled,
    read_whole_number,
)
from ledger.text_files import Bounds, Encoding, SpreadsheetError
from ledger.written_times import FileTimes, read_time

ORDER_COLUMNS = (
    "order_no", "version", "number", "brand", "category", "scope", "legal_basis", "summary", "subscriber_notice",
    "complaint_count", "state", "issued_at", "due_at", "is_overdue",
)  # fmt: skip
ANSWER_COLUMNS = ("acknowledgement", "reason", "reference", "effective_at", "until", "note", "corrects_reference")
REFUSAL_COLUMNS = ("line", "code", "message", "field", "hint")
"""What a file of refused rows puts before the columns of each row, so that it can be corrected and read again."""
_NEEDED = ("acknowledgement", "order_no", "reference")
_ANSWER = Layout(
    columns=(
        Column("order_no", read_filled, is_required=True),
        Column("acknowledgement", choice_of(AcknowledgementKind)),
        Column("version", read_whole_number),
        Column("reason", lambda text, _: text.upper()),
        Column("reference", read_filled, is_required=True),
        Column("effective_at", read_time),
        Column("until", read_time),
        Column("note"),
        Column("corrects_reference"),
    ),
    needed=tuple((name,) for name in _NEEDED),
    ignored=(*ORDER_COLUMNS, *REFUSAL_COLUMNS),
)
_BOUNDS = Bounds(bytes_max=64 * 1024 * 1024)
# Spreadsheets evaluate a cell that begins with one of these as a formula.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


class AcknowledgementFileError(InvalidInputError):
    """This is not a file of acknowledgements; nothing in it was recorded."""

    code = "ACKNOWLEDGEMENT_FILE_INVALID"
    hint = f"Use CSV in UTF-8 with the columns {', '.join(_NEEDED)}; the other columns of the export are optional."


class AcknowledgementRowError(InvalidInputError):
    """The row can't be read."""

    code = "ROW_INVALID"


@dataclass(frozen=True, slots=True)
class AnswerRow:
    """One row: the line on which it begins, its cells, and its content, None if it is not filled in."""

    line: int
    cells: Mapping[str, str]
    content: AcknowledgementDraft | Problem | None


def render_order(order: BlockOrder, *, brand: str | None) -> list[str]:
    """Render one order as the cells of a row, with the carrier's cells empty."""
    cells = (
        order.order_no,
        str(order.version),
        order.e164,
        brand or "",
        order.category.value,
        order.scope.value,
        _defuse(order.legal_basis),
        _defuse(order.summary),
        _defuse(order.subscriber_notice),
        str(order.complaint_count),
        order.state.value,
        _moment(order.issued_at),
        _moment(order.due_at),
        "yes" if order.is_overdue else "no",
    )
    return [*cells, *("" for _ in ANSWER_COLUMNS)]


def read_answers(stream: BinaryIO, *, times: FileTimes, encoding: Encoding | None = None) -> FileRows[AnswerRow]:
    """Read the rows of a filled-in file, all or none.

    Errors: AcknowledgementFileError, which names the line.
    """
    try:
        rows = list(Spreadsheet(stream, _ANSWER, bounds=_BOUNDS, encoding=encoding))
    except SpreadsheetError as error:
        raise AcknowledgementFileError(error.message, hint=error.hint) from None
    filled = [_read_answer(row, times) for row in rows if not row.is_blank]
    return FileRows(filled, len(rows) - len(filled))


def _read_answer(row: Row, times: FileTimes) -> AnswerRow:
    try:
        content = _make_draft(_ANSWER.convert(row, times)) if _is_filled_in(row) else None
    except (RowColumnsError, RowValueError) as error:
        refused = AcknowledgementRowError(error.message, field=error.field, hint=error.hint)
        return AnswerRow(row.line, row.cells, refused.problem())
    except LedgerError as error:
        return AnswerRow(row.line, row.cells, error.problem())
    return AnswerRow(row.line, row.cells, content)


def _is_filled_in(row: Row) -> bool:
    """Whether the row is filled in. A row whose cells can't be told apart counts, so that it is reported."""
    return row.fault is not None or bool(row.cells.get("acknowledgement", "").strip())


def _make_draft(values: dict[str, Any]) -> AcknowledgementDraft:
    return AcknowledgementDraft(kind=values.pop("acknowledgement"), **values)


def _moment(moment: datetime | None) -> str:
    return moment.isoformat(timespec="seconds") if moment is not None else ""


def _defuse(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text
