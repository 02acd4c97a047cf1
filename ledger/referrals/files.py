"""Responses to referrals, read from a CSV file that a provider filled in by hand.

Only referral_no, response and reference are needed, in any order. A row without a response is not filled in and is
passed over: a provider may leave any of its referrals unanswered. It never touches the database.
"""

from dataclasses import dataclass
from typing import Any, BinaryIO

from ledger.errors import InvalidInputError, LedgerError, Problem
from ledger.referrals.response_rules import ResponseDraft
from ledger.referrals.vocabulary import DeclineReason, ReferralAction, ReferralGround, ResponseKind
from ledger.spreadsheets import Column, FileRows, Layout, Row, Spreadsheet, choice_of, read_filled
from ledger.text_files import Bounds, Encoding, SpreadsheetError
from ledger.written_times import FileTimes, read_time

_NEEDED = ("referral_no", "response", "reference")
_RESPONSE = Layout(
    columns=(
        Column("referral_no", read_filled, is_required=True),
        Column("response", choice_of(ResponseKind)),
        Column("action", choice_of(ReferralAction)),
        Column("ground", choice_of(ReferralGround)),
        Column("reason", choice_of(DeclineReason)),
        Column("reference", read_filled, is_required=True),
        Column("effective_at", read_time),
        Column("note"),
    ),
    needed=tuple((name,) for name in _NEEDED),
)
_BOUNDS = Bounds(bytes_max=64 * 1024 * 1024)


class ResponseFileError(InvalidInputError):
    """This is not a file of responses to referrals; nothing in it was recorded."""

    code = "REFERRAL_RESPONSE_FILE_INVALID"
    hint = (
        f"Use CSV in UTF-8 with the columns {', '.join(_NEEDED)} and, where they apply, action, ground, reason, "
        "effective_at and note."
    )


@dataclass(frozen=True, slots=True)
class ResponseRow:
    """One row: the line on which it begins, and its content, None if it is not filled in."""

    line: int
    content: ResponseDraft | Problem | None


def read_responses(stream: BinaryIO, *, times: FileTimes, encoding: Encoding | None = None) -> FileRows[ResponseRow]:
    """Read the rows of a filled-in file, all or none. Errors: ResponseFileError, which names the line."""
    try:
        rows = list(Spreadsheet(stream, _RESPONSE, bounds=_BOUNDS, encoding=encoding))
    except SpreadsheetError as error:
        raise ResponseFileError(error.message, hint=error.hint) from None
    filled = [_read_response(row, times) for row in rows if not row.is_blank]
    return FileRows(filled, len(rows) - len(filled))


def _read_response(row: Row, times: FileTimes) -> ResponseRow:
    if row.fault is None and not row.cells.get("response", "").strip():
        return ResponseRow(row.line, None)
    try:
        return ResponseRow(row.line, _make_draft(_RESPONSE.convert(row, times)))
    except LedgerError as error:
        return ResponseRow(row.line, error.problem())


def _make_draft(values: dict[str, Any]) -> ResponseDraft:
    return ResponseDraft(kind=values.pop("response"), **values)
