"""Numbering plans as CSV files, read completely or not at all. It never touches the database."""

from typing import BinaryIO

from ledger.errors import InvalidInputError, LedgerError
from ledger.numbers.plan_seed import PLAN_EPOCH
from ledger.numbers.ranges import RangeDraft
from ledger.numbers.vocabulary import RangeKind
from ledger.spreadsheets import Column, Dialect, Layout, Row, Spreadsheet, SpreadsheetError, choice_of, read_time

_PLAN = Layout(
    columns=(
        Column("prefix", is_required=True),
        Column("kind", choice_of(RangeKind), is_required=True),
        Column("holder"),
        Column("holder_name"),
        Column("brand"),
        Column("valid_from", read_time, default=PLAN_EPOCH),
        Column("valid_until", read_time),
    )
)
_DIALECT = Dialect(lines_max=100_000)


class PlanInvalidError(InvalidInputError):
    """This is not a numbering plan."""

    code = "NUMBERING_PLAN_INVALID"
    hint = f"Use CSV in UTF-8 with the columns {', '.join(_PLAN.names)}; write times in ISO 8601 with a UTC offset."


def read_plan(stream: BinaryIO) -> list[RangeDraft]:
    """Return the ranges of a CSV file, whose header names the columns in any order.

    holder and brand are slugs; an empty valid_from means PLAN_EPOCH.
    Errors: PlanInvalidError, which names the line.
    """
    try:
        return [_read_range(row) for row in Spreadsheet(stream, _PLAN, dialect=_DIALECT)]
    except SpreadsheetError as error:
        raise PlanInvalidError(error.message) from None


def _read_range(row: Row) -> RangeDraft:
    try:
        values = _PLAN.convert(row, None)
    except LedgerError as error:
        place = f"Line {row.line}, {error.field}" if error.field else f"Line {row.line}"
        raise PlanInvalidError(f"{place}: {error.message}") from None
    return RangeDraft(holder_slug=values.pop("holder"), brand_slug=values.pop("brand"), **values)
