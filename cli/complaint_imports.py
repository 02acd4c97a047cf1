"""`jembatan import complaints`: whole files of complaints, with an account that adds up.

Running it again files nothing twice. The rejected rows go to a file of their own, each with its line and reason.
"""

import asyncio
import csv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer

from cli.failures import FileUnreadableError, FileUnwritableError
from cli.printing import JsonFlag, note, notes, print_json, print_record, show_progress
from ledger.complaints.rows import FileFormat

if TYPE_CHECKING:
    from cli.session import Session
    from ledger.complaints.files import FileReading
    from ledger.complaints.imports import ImportAccount, RejectedRow

imports = typer.Typer(no_args_is_help=True, help="Import files.")


def read_zone(name: str | None) -> ZoneInfo | None:
    """The time zone of a name such as Asia/Jakarta, refused as a bad option where there is none."""
    if name is None:
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise typer.BadParameter(f"There is no time zone {name!r}.", param_hint="--timezone") from error


@imports.command(
    "complaints",
    epilog="Examples: jembatan import complaints july.csv --format csv --source polri --timezone Asia/Jakarta\n\n"
    "jembatan import complaints dnc.csv.gz --format ftc-dnc --source ftc --region US --rejected rejected.csv",
)
def import_file(
    *,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file, plain or gzip; - is standard input.")],
    file_format: Annotated[FileFormat, typer.Option("--format", case_sensitive=False, help="How it is written.")],
    source: Annotated[str, typer.Option(help="The slug of the member that files them.")],
    region: Annotated[str, typer.Option(help="The region in which national numbers are read, ISO 3166.")] = "ID",
    timezone: Annotated[
        str | None, typer.Option(help="The zone of times that have none, such as Asia/Jakarta.")
    ] = None,
    rejected: Annotated[
        Path | None, typer.Option(help="Where rejected rows go, as CSV with line, code, message, field and text.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """File every complaint of a file. Safe to repeat: what was filed before is told as already filed.

    Ends with 0 when the file was read to its end, whatever rows were rejected: the account tells them.
    """
    from cli.session import run_session
    from ledger.complaints.files import FileReading

    reading = FileReading(format=file_format, region=region, zone=read_zone(timezone))

    async def work(session: "Session") -> "ImportAccount":
        return await _import(session, file, reading, source=source, rejected=rejected, as_json=as_json)

    run_session(work)


async def _import(
    session: "Session", file: Path, reading: "FileReading", *, source: str, rejected: Path | None, as_json: bool
) -> "ImportAccount":
    """Import, and tell the account even where the file turns out unreadable half-way."""
    from cli.lookups import get_member, viewer_of
    from cli.session import read_clock
    from ledger.complaints.files import read_complaints
    from ledger.complaints.imports import ImportAccount, import_complaints
    from ledger.errors import LedgerError
    from ledger.viewer import OPERATOR, MemberKind

    async with session.database.reading(OPERATOR, as_of=read_clock()) as tx:
        viewer = viewer_of(await get_member(tx, source, MemberKind.AGENCY, MemberKind.REGULATOR))
    account = ImportAccount()
    try:
        with open_input(file) as stream, _RejectedRows.open(rejected) as rows, show_progress("Filing") as progress:
            await import_complaints(
                session.database,
                viewer,
                read_complaints(stream, reading),
                as_of=read_clock(),
                on_progress=lambda so_far: progress.move(so_far.read),
                on_rejected=rows.append,
                account=account,
            )
    except (LedgerError, asyncio.CancelledError):
        if account.read:  # what was filed before the bad place, or before Ctrl-C, stands, and is told
            tell_account(account, as_json=as_json)
        raise
    tell_account(account, as_json=as_json)
    if account.rejected_count and rejected is None:
        note("Give --rejected FILE to have the rejected rows with their lines and reasons.")
    return account


def tell_account(account: "ImportAccount", *, as_json: bool) -> None:
    """The account, as it stands."""
    reasons = dict(account.rejected.most_common())
    if as_json:
        values: dict[str, Any] = {
            "read": account.read,
            "filed": account.filed,
            "alreadyFiled": account.already_filed,
            "rejected": account.rejected_count,
            "rejectedByReason": reasons,
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
        }
    )
    if not account.adds_up:
        notes().print("The account does not add up.", style="bold red")


@contextmanager
def open_input(path: Path) -> Iterator[BinaryIO]:
    """A file to read bytes from; - is standard input. Errors: FileUnreadableError."""
    import sys

    if str(path) == "-":
        yield sys.stdin.buffer
        return
    try:
        stream = path.open("rb")
        stream.peek(1)
    except OSError as error:
        raise FileUnreadableError(f"{path} can't be read: {error.strerror}.") from error
    with stream:
        yield stream


class _RejectedRows:
    """Writes rejected rows as they come; nothing where no file was named."""

    COLUMNS = ("line", "code", "message", "field", "text")

    def __init__(self, stream: Any) -> None:
        self._writer = csv.writer(stream) if stream is not None else None
        if self._writer is not None:
            self._writer.writerow(self.COLUMNS)

    def append(self, row: "RejectedRow") -> None:
        """Write one."""
        if self._writer is not None:
            problem = row.problem
            self._writer.writerow((row.line, problem.code, problem.message, problem.field or "", row.text))

    @classmethod
    @contextmanager
    def open(cls, path: Path | None) -> Iterator["_RejectedRows"]:
        """The writer of a file, which is closed after the block. Errors: FileUnwritableError."""
        if path is None:
            yield cls(None)
            return
        try:
            stream = path.open("w", encoding="utf-8", newline="")
        except OSError as error:
            raise FileUnwritableError(f"{path} can't be written: {error.strerror}.") from error
        with stream:
            yield cls(stream)
