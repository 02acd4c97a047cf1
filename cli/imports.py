"""`jembatan import complaints`: entire files of complaints, with an account that adds up.

Running it again files nothing twice. Rejected rows go to a separate file, each with its line and reason.
"""

import asyncio
import csv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.acting import Reason, name_operator
from cli.files import EncodingOption, open_input, open_output
from cli.printing import JsonFlag, note, notes, print_json, print_record, show_progress
from cli.times import DayFirstFlag, TimezoneOption, parse_times
from ledger.complaints.file_formats import FileFormat

if TYPE_CHECKING:
    from cli.session import Session
    from ledger.complaints.imports import ImportAccount, RejectedRow
    from ledger.complaints.rows import FileReading
    from ledger.operator_acts.recording import Operator
    from ledger.storage.database import Transaction

imports = typer.Typer(no_args_is_help=True, help="Import files.")

_REJECTED_COLUMNS = ("line", "code", "message", "field", "hint", "text")


@imports.command(
    "complaints",
    epilog="Examples: jembatan import complaints july.csv --format csv --source polri --timezone Asia/Jakarta\n\n"
    "jembatan import complaints dnc.csv.gz --format ftc-dnc --source ftc --region US --rejected rejected.csv",
)
def import_file(
    *,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file, plain or gzip; - is standard input.")],
    file_format: Annotated[FileFormat, typer.Option("--format", case_sensitive=False, help="The file's format.")],
    source: Annotated[str, typer.Option(help="The slug of the member that files the complaints.")],
    region: Annotated[str, typer.Option(help="The region of national numbers, ISO 3166.")] = "ID",
    timezone: TimezoneOption = None,
    day_first: DayFirstFlag = False,
    encoding: EncodingOption = None,
    rejected: Annotated[
        Path | None, typer.Option(help="File for rejected rows, as CSV with line, code, message, field, hint and text.")
    ] = None,
    reason: Reason = None,
    as_json: JsonFlag = False,
) -> None:
    """File every complaint in a file. Safe to repeat: earlier complaints are counted as already filed.

    Exits with 0 if the file was read to its end, whatever rows were rejected; the account counts them.
    """
    from cli.session import run_session
    from ledger.complaints.rows import FileReading

    operator = name_operator(reason)
    times = parse_times(timezone, day_first=day_first)
    reading = FileReading(format=file_format, region=region, times=times, encoding=encoding)

    async def work(session: "Session") -> "ImportAccount":
        return await _import(session, file, reading, operator, source=source, rejected=rejected, as_json=as_json)

    run_session(work)


async def _import(
    session: "Session",
    file: Path,
    reading: "FileReading",
    operator: "Operator",
    *,
    source: str,
    rejected: Path | None,
    as_json: bool,
) -> "ImportAccount":
    """Import, and print the account even if the file turns out to be unreadable half-way."""
    from cli.lookups import get_member, viewer_of
    from cli.session import read_clock
    from ledger.complaints.files import read_complaints
    from ledger.complaints.imports import ImportAccount, import_complaints
    from ledger.errors import LedgerError
    from ledger.feed.vocabulary import Subject
    from ledger.operator_acts.recording import record_act
    from ledger.operator_acts.vocabulary import Act
    from ledger.viewer import MemberKind

    async with session.reading() as tx:
        viewer = viewer_of(await get_member(tx, source, MemberKind.AGENCY, MemberKind.REGULATOR))

    async def record(tx: "Transaction") -> None:
        filed_for = viewer.member_id or ""
        await record_act(tx, operator, Act.COMPLAINTS_IMPORTED, subject=Subject.MEMBER, subject_id=filed_for)

    account = ImportAccount()
    try:
        with open_input(file) as stream, _writing_rejected(rejected) as write, show_progress("Filing") as progress:
            await import_complaints(
                session.database,
                viewer,
                read_complaints(stream, reading),
                as_of=read_clock(),
                record=record,
                on_progress=lambda so_far: progress.move(so_far.read),
                on_rejected=write,
                account=account,
            )
    except (LedgerError, asyncio.CancelledError):
        if account.read:  # what was already filed stays filed, and is reported
            _tell(account, as_json=as_json)
        raise
    _tell(account, as_json=as_json)
    if account.rejected_count and rejected is None:
        note("Give --rejected FILE to get the rejected rows with their lines and reasons.")
    return account


def _tell(account: "ImportAccount", *, as_json: bool) -> None:
    """Print the account so far."""
    reasons = dict(account.rejected.most_common())
    if as_json:
        values: dict[str, Any] = {
            "read": account.read,
            "filed": account.filed,
            "alreadyFiled": account.already_filed,
            "rejected": account.rejected_count,
            "rejectedByReason": reasons,
            "blankRowsPassedOver": account.blank_rows_passed_over,
            "addsUp": account.adds_up,
        }
        print_json(values)
        return
    print_record(
        {
            "read": account.read,
            "filed": account.filed,
            "already filed": account.already_filed,
            "rejected": account.rejected_count,
            **{f"  {code}": count for code, count in reasons.items()},
            "blank rows passed over": account.blank_rows_passed_over,
        }
    )
    if not account.adds_up:
        notes().print("The account does not add up.", style="bold red")


@contextmanager
def _writing_rejected(path: Path | None) -> "Iterator[Callable[[RejectedRow], None]]":
    """Yield what writes rejected rows, or does nothing if no file was named. Errors: FileUnwritableError."""
    if path is None:
        yield lambda _row: None
        return
    with open_output(path) as stream:
        writer = csv.writer(stream)
        writer.writerow(_REJECTED_COLUMNS)

        def write(row: "RejectedRow") -> None:
            problem = row.problem
            said = (problem.code, problem.message, problem.field or "", problem.hint or "")
            writer.writerow((row.line, *said, row.text))

        yield write
