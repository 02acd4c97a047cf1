"""`jembatan acknowledgements`: a carrier's answers from a file that it filled in by hand.

Each is recorded under the carrier's own view, as if its system had sent it. Importing the same file again records
nothing twice.
"""

import csv
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.acting import Reason, name_operator
from cli.failures import FAILED
from cli.files import EncodingOption, open_input, open_output
from cli.orders import BrandOption, CarrierOption
from cli.printing import JsonFlag, print_json, print_record, show_progress
from cli.refused_rows import note_refused
from cli.times import DayFirstFlag, TimezoneOption, parse_times

if TYPE_CHECKING:
    from cli.session import Session
    from ledger.errors import Problem
    from ledger.operator_acts.recording import Operator
    from ledger.orders.files import AnswerRow
    from ledger.spreadsheets import FileRows
    from ledger.storage.database import Transaction
    from ledger.viewer import Viewer

acknowledgements = typer.Typer(no_args_is_help=True, help="Import a carrier's acknowledgements from a file.")

_BATCH = 1000


@acknowledgements.command(
    "import",
    epilog="Example: jembatan acknowledgements import --carrier telkomsel orders.csv --timezone Asia/Jakarta "
    "--rejected rejected.csv",
)
def import_answers(
    *,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The filled-in file; - is standard input.")],
    carrier: CarrierOption,
    brand: BrandOption = None,
    timezone: TimezoneOption = None,
    day_first: DayFirstFlag = False,
    encoding: EncodingOption = None,
    rejected: Annotated[
        Path | None,
        typer.Option(
            help="File for refused rows, with line, code, message, field and hint; correct and import them again."
        ),
    ] = None,
    reason: Reason = None,
    as_json: JsonFlag = False,
) -> None:
    """Record what a carrier filled in, row by row. A file that can't be read to its end records nothing.

    Exits with 0 if every filled-in row was recorded, now or before, and with 1 if any was refused.
    """
    from cli.lookups import get_carrier_viewer
    from cli.session import run_session
    from ledger.orders.files import read_answers

    operator = name_operator(reason)
    times = parse_times(timezone, day_first=day_first)
    with open_input(file) as stream:
        rows = read_answers(stream, times=times, encoding=encoding)

    async def work(session: "Session") -> AnswerAccount:
        async with session.reading() as tx:
            viewer = await get_carrier_viewer(tx, carrier, brand_slug=brand)
        return await _record(session, viewer, rows, operator)

    account = run_session(work)
    if rejected is not None:
        _write_refused(rejected, account.refused)
    _tell(account, as_json=as_json)
    if account.refused:
        if rejected is None:
            note_refused([(row.line, problem) for row, problem in account.refused])
        raise typer.Exit(FAILED)


@dataclass(slots=True)
class AnswerAccount:
    """The result of an import: read = recorded + already recorded + not filled in + refused; blank rows are apart."""

    read: int = 0
    blank_rows_passed_over: int = 0
    recorded: int = 0
    already_recorded: int = 0
    not_filled_in: int = 0
    late: int = 0
    unmoved: Counter[str] = field(default_factory=Counter)
    refused: "list[tuple[AnswerRow, Problem]]" = field(default_factory=list)

    @property
    def adds_up(self) -> bool:
        """Whether every row that was read is accounted for."""
        return self.read == self.recorded + self.already_recorded + self.not_filled_in + len(self.refused)


async def _record(
    session: "Session", viewer: "Viewer", rows: "FileRows[AnswerRow]", operator: "Operator"
) -> AnswerAccount:
    """Record the filled-in rows, one batch per transaction; an interrupted import can be run again."""
    from cli.session import read_clock
    from ledger.errors import Problem
    from ledger.feed.vocabulary import Subject
    from ledger.operator_acts.recording import record_act
    from ledger.operator_acts.vocabulary import Act
    from ledger.orders.acknowledgements import acknowledge_block_orders

    acted_for = viewer.member_id or ""
    account = AnswerAccount(read=len(rows.items), blank_rows_passed_over=rows.blank_count)
    filled: list[tuple[Any, Any]] = []
    for row in rows.items:
        if row.content is None:
            account.not_filled_in += 1
        elif isinstance(row.content, Problem):
            account.refused.append((row, row.content))
        else:
            filled.append((row, row.content))
    with show_progress("Recording", total=len(filled)) as progress:
        for start in range(0, len(filled), _BATCH):
            batch = filled[start : start + _BATCH]

            async def work(
                tx: "Transaction", batch: list[tuple[Any, Any]] = batch, *, is_first: bool = not start
            ) -> list[Any]:
                if is_first:
                    await record_act(
                        tx, operator, Act.ACKNOWLEDGEMENTS_IMPORTED, subject=Subject.MEMBER, subject_id=acted_for
                    )
                return await acknowledge_block_orders(tx, [draft for _, draft in batch])

            results = await session.database.run(viewer, as_of=read_clock(), work=work)
            for (row, _), result in zip(batch, results, strict=True):
                _enter(account, row, result)
            progress.advance(len(batch))
    account.refused.sort(key=lambda refusal: refusal[0].line)
    return account


def _enter(account: AnswerAccount, row: "AnswerRow", result: Any) -> None:
    from ledger.errors import Problem

    if isinstance(result, Problem):
        account.refused.append((row, result))
        return
    if result.was_known:
        account.already_recorded += 1
        return
    account.recorded += 1
    account.late += result.acknowledgement.is_late
    if result.acknowledgement.mark is not None:
        account.unmoved[result.acknowledgement.mark.value] += 1


def _tell(account: AnswerAccount, *, as_json: bool) -> None:
    reasons = dict(Counter(problem.code for _, problem in account.refused).most_common())
    if as_json:
        print_json(
            {
                "read": account.read,
                "recorded": account.recorded,
                "alreadyRecorded": account.already_recorded,
                "notFilledIn": account.not_filled_in,
                "rejected": len(account.refused),
                "rejectedByReason": reasons,
                "blankRowsPassedOver": account.blank_rows_passed_over,
                "addsUp": account.adds_up,
                "late": account.late,
                "movedNothing": dict(account.unmoved),
            }
        )
        return
    print_record(
        {
            "read": account.read,
            "recorded": account.recorded,
            "  of these late": account.late,
            **{f"  kept, moved nothing: {mark}": count for mark, count in account.unmoved.items()},
            "already recorded": account.already_recorded,
            "not filled in": account.not_filled_in,
            "rejected": len(account.refused),
            **{f"  {code}": count for code, count in reasons.items()},
            "blank rows passed over": account.blank_rows_passed_over,
        }
    )


def _write_refused(path: Path, refused: "Sequence[tuple[AnswerRow, Problem]]") -> None:
    from ledger.orders.files import REFUSAL_COLUMNS

    written = dict.fromkeys(name for row, _ in refused for name in row.cells)
    columns = [name for name in written if name not in REFUSAL_COLUMNS]
    with open_output(path) as stream:
        writer = csv.writer(stream)
        writer.writerow((*REFUSAL_COLUMNS, *columns))
        for row, problem in refused:
            said = (problem.code, problem.message, problem.field or "", problem.hint or "")
            writer.writerow((row.line, *said, *(row.cells.get(name, "") for name in columns)))
