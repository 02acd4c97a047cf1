"""Block orders as a CSV file that a carrier fills in by hand, and the acknowledgements read back from it. Pure.

Columns up to is_overdue say what is ordered; those after are the carrier's to fill in. Reading needs order_no,
acknowledgement and reference alone, takes columns in any order, comma or semicolon (as spreadsheets write), and
ignores columns that it doesn't know. A row whose acknowledgement is empty is not filled in and is passed over.
"""

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING

from ledger.errors import InvalidInputError, LedgerError, Problem, TimeInvalidError
from ledger.orders.acknowledgement_rules import AcknowledgementDraft
from ledger.orders.table import BlockOrder
from ledger.orders.vocabulary import AcknowledgementKind

if TYPE_CHECKING:
    from _csv import Reader

ORDER_COLUMNS = (
    "order_no", "version", "number", "brand", "category", "scope", "legal_basis", "summary", "subscriber_notice",
    "complaint_count", "state", "issued_at", "due_at", "is_overdue",
)  # fmt: skip
ANSWER_COLUMNS = ("acknowledgement", "reason", "reference", "effective_at", "until", "note")
_NEEDED = {"order_no", "acknowledgement", "reference"}
FILE_BYTES_MAX = 64 * 1024 * 1024
# A spreadsheet runs a cell that begins with one of these as a formula.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


class AcknowledgementFileError(InvalidInputError):
    """This is no file of acknowledgements; nothing of it was recorded."""

    code = "ACKNOWLEDGEMENT_FILE_INVALID"
    hint = f"CSV in UTF-8 with the columns {', '.join(sorted(_NEEDED))} and, where given, the others of the export."


class AcknowledgementRowError(InvalidInputError):
    """The row can't be read."""

    code = "ROW_INVALID"


@dataclass(frozen=True, slots=True)
class AnswerRow:
    """One row: the line at which it begins, its cells, and what it says; None where it is not filled in."""

    line: int
    cells: Mapping[str, str]
    content: AcknowledgementDraft | Problem | None


def render_order(order: BlockOrder, *, brand: str | None, as_of: datetime) -> list[str]:
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


def read_answers(content: bytes, *, zone: tzinfo | None) -> list[AnswerRow]:
    """The rows of a filled-in file, all of it or nothing. Times without an offset are in the zone, if one is given.

    Errors: AcknowledgementFileError, which names the line.
    """
    if len(content) > FILE_BYTES_MAX:
        raise AcknowledgementFileError(f"The file is larger than {FILE_BYTES_MAX} bytes.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise AcknowledgementFileError(f"Line {line}: byte that is not UTF-8.") from None
    if "\x00" in text:
        raise AcknowledgementFileError(f"Line {text.count(chr(10), 0, text.index(chr(0))) + 1}: NUL character.")
    header = text.splitlines()[0] if text else ""
    delimiter = ";" if header.count(";") > header.count(",") else ","
    return list(_read_rows(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True), zone))


def _read_rows(reader: "Reader", zone: tzinfo | None) -> Iterator[AnswerRow]:
    begin = 1
    try:
        columns = [name.strip().lower() for name in next(reader, [])]
        missing = _NEEDED - set(columns)
        if missing or len(set(columns)) != len(columns):
            wrong = f"the columns {', '.join(sorted(missing))} are missing" if missing else "a column stands twice"
            raise AcknowledgementFileError(f"Line 1: {wrong}.")
        begin = reader.line_num + 1
        for row in reader:
            if row:
                yield _read_row(dict(zip(columns, row, strict=False)), begin, len(row) == len(columns), zone)
            begin = reader.line_num + 1
    except csv.Error as error:
        raise AcknowledgementFileError(f"Line {begin}: {error}.") from None


def _read_row(cells: Mapping[str, str], line: int, is_whole: bool, zone: tzinfo | None) -> AnswerRow:  # noqa: FBT001
    if not is_whole:
        problem = AcknowledgementRowError("The row has more or fewer cells than the header.").problem()
        return AnswerRow(line, cells, problem)
    try:
        return AnswerRow(line, cells, _read_draft(cells, zone))
    except LedgerError as error:
        return AnswerRow(line, cells, error.problem())


def _read_draft(cells: Mapping[str, str], zone: tzinfo | None) -> AcknowledgementDraft | None:
    said = cells["acknowledgement"].strip().upper()
    if not said:
        return None
    if said not in AcknowledgementKind.__members__:
        known = ", ".join(AcknowledgementKind)
        raise AcknowledgementRowError(
            "There is no such acknowledgement.", field="acknowledgement", hint=f"One of: {known}."
        )
    version = cells.get("version", "").strip()
    if version and not (version.isascii() and version.isdigit()):
        raise AcknowledgementRowError("The version is no number.", field="version")
    return AcknowledgementDraft(
        kind=AcknowledgementKind(said),
        order_no=cells["order_no"].strip(),
        version=int(version) if version else None,
        reference=cells["reference"],
        reason=cells.get("reason", "").strip().upper() or None,
        effective_at=_read_moment(cells.get("effective_at", ""), zone, field="effective_at"),
        until=_read_moment(cells.get("until", ""), zone, field="until"),
        note=cells.get("note") or None,
    )


def _read_moment(text: str, zone: tzinfo | None, *, field: str) -> datetime | None:
    if not text.strip():
        return None
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise TimeInvalidError("This is no time.", field=field, hint="Write it as 2026-03-02T10:00:00+07:00.") from None
    if moment.tzinfo is None:
        if zone is None:
            raise TimeInvalidError(
                "The time has no offset from UTC.", field=field, hint="Add one, or give --timezone for the file."
            )
        moment = moment.replace(tzinfo=zone)
    return moment


def _moment(moment: datetime | None) -> str:
    return moment.isoformat(timespec="seconds") if moment is not None else ""


def _defuse(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text
