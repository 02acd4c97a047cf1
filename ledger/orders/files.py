"""Block orders as a CSV file that a carrier fills in by hand, and the acknowledgements read back from it.

Columns up to is_overdue say what is ordered; those after are the carrier's to fill in. Reading needs order_no,
acknowledgement and reference alone, takes columns in any order, comma or semicolon (as spreadsheets write), and
ignores columns that it doesn't know. A row whose acknowledgement is empty is not filled in and is passed over. It
touches no database.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any, BinaryIO

from ledger.errors import InvalidInputError, LedgerError, Problem
from ledger.orders.acknowledgement_rules import AcknowledgementDraft
from ledger.orders.table import BlockOrder
from ledger.orders.vocabulary import AcknowledgementKind
from ledger.spreadsheets import (
    Column,
    Dialect,
    Layout,
    Row,
    RowColumnsError,
    RowValueError,
    Spreadsheet,
    SpreadsheetError,
    choice_of,
    read_time,
    read_whole_number,
)

ORDER_COLUMNS = (
    "order_no", "version", "number", "brand", "category", "scope", "legal_basis", "summary", "subscriber_notice",
    "complaint_count", "state", "issued_at", "due_at", "is_overdue",
)  # fmt: skip
ANSWER_COLUMNS = ("acknowledgement", "reason", "reference", "effective_at", "until", "note")
_NEEDED = ("acknowledgement", "order_no", "reference")
_ANSWER = Layout(
    columns=(
        Column("order_no", is_required=True),
        Column("acknowledgement", choice_of(AcknowledgementKind)),
        Column("version", read_whole_number),
        Column("reason", lambda text, _: text.upper()),
        Column("reference", is_required=True),
        Column("effective_at", read_time),
        Column("until", read_time),
        Column("note"),
    ),
    needed=tuple((name,) for name in _NEEDED),
    is_open=True,
)
_DIALECT = Dialect(delimiters=",;", bytes_max=64 * 1024 * 1024)
# A spreadsheet runs a cell that begins with one of these as a formula.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


class AcknowledgementFileError(InvalidInputError):
    """This is no file of acknowledgements; nothing of it was recorded."""

    code = "ACKNOWLEDGEMENT_FILE_INVALID"
    hint = f"CSV in UTF-8 with the columns {', '.join(_NEEDED)} and, where given, the others of the export."


class AcknowledgementRowError(InvalidInputError):
    """The row can't be read."""

    code = "ROW_INVALID"


@dataclass(frozen=True, slots=True)
class AnswerRow:
    """One row: the line at which it begins, its cells, and what it says; None where it is not filled in."""

    line: int
    cells: Mapping[str, str]
    content: AcknowledgementDraft | Problem | None


def render_order(order: BlockOrder, *, brand: str | None) -> list[str]:
    """One order as the cells of a row, the carrier's own cells empty."""
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


def read_answers(stream: BinaryIO, *, zone: tzinfo | None) -> list[AnswerRow]:
    """The rows of a filled-in file, all of it or nothing. Times without an offset are in the zone, if one is given.

    Errors: AcknowledgementFileError, which names the line.
    """
    try:
        return [_read_answer(row, zone) for row in Spreadsheet(stream, _ANSWER, dialect=_DIALECT)]
    except SpreadsheetError as error:
        raise AcknowledgementFileError(error.message) from None


def _read_answer(row: Row, zone: tzinfo | None) -> AnswerRow:
    try:
        content = _make_draft(_ANSWER.convert(row, zone)) if _is_filled_in(row) else None
    except (RowColumnsError, RowValueError) as error:
        refused = AcknowledgementRowError(error.message, field=error.field, hint=error.hint)
        return AnswerRow(row.line, row.cells, refused.problem())
    except LedgerError as error:
        return AnswerRow(row.line, row.cells, error.problem())
    return AnswerRow(row.line, row.cells, content)


def _is_filled_in(row: Row) -> bool:
    """Whether the row says something, which a row of too few cells leaves open."""
    return not row.is_whole or bool(row.cells["acknowledgement"].strip())


def _make_draft(values: dict[str, Any]) -> AcknowledgementDraft:
    return AcknowledgementDraft(kind=values.pop("acknowledgement"), **values)


def _moment(moment: datetime | None) -> str:
    return moment.isoformat(timespec="seconds") if moment is not None else ""


def _defuse(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text
