"""Numbering plans as CSV files, read completely or not at all. It never touches the database."""

from typing import Any, BinaryIO

from ledger.errors import InvalidInputError
from ledger.numbers.plan_seed import PLAN_EPOCH
from ledger.numbers.ranges import RangeDraft
from ledger.numbers.vocabulary import RangeKind
from ledger.spreadsheets import Column, FileRows, Layout, choice_of, read_all, read_filled
from ledger.text_files import Bounds, Encoding, SpreadsheetError
from ledger.written_times import FileTimes, read_time

_PLAN = Layout(
    columns=(
        Column("prefix", read_filled, is_required=True),
        Column("kind", choice_of(RangeKind), is_required=True),
        Column("holder"),
        Column("holder_name"),
        Column("brand"),
        Column("valid_from", read_time, default=PLAN_EPOCH),
        Column("valid_until", read_time),
    )
)
_BOUNDS = Bounds(lines_max=100_000)


class PlanInvalidError(InvalidInputError):
    """This is not a numbering plan."""

    code = "NUMBERING_PLAN_INVALID"
    hint = f"Use CSV in UTF-8 with the columns {', '.join(_PLAN.names)}; write times as 2026-01-01T00:00:00+07:00."


def read_plan(stream: BinaryIO, *, times: FileTimes, encoding: Encoding | None = None) -> FileRows[RangeDraft]:
    """Return the ranges of a CSV file, whose header names the columns in any order.

    holder and brand are slugs; an empty valid_from means PLAN_EPOCH.
    Errors: PlanInvalidError, which names the line and the column.
    """
    try:
        return read_all(stream, _PLAN, _make_range, bounds=_BOUNDS, times=times, encoding=encoding)
    except SpreadsheetError as error:
        raise PlanInvalidError(error.message, hint=error.hint) from None


def _make_range(_line: int, values: dict[str, Any]) -> RangeDraft:
    return RangeDraft(holder_slug=values.pop("holder"), brand_slug=values.pop("brand"), **values)
