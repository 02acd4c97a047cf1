"""`jembatan audit archive`: moves old entries into a verified file and out of the database; their hashes stay.

If it is killed at any point, it is run again with the same options: an incomplete file never has the final name, a
complete one is verified again but not rewritten, and dropping continues where it stopped.
"""

from datetime import datetime
from hashlib import file_digest
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.acting import Reason, name_operator
from cli.audit.commands import OutOption, write_export
from cli.audit.offline import audit
from cli.failures import CommandError
from cli.printing import JsonFlag, note, print_result, show_progress
from cli.times import parse_moment

if TYPE_CHECKING:
    from cli.session import Session
    from ledger.feed.audit_files import Header
    from ledger.feed.notes import VerifierKey
    from ledger.operator_acts.recording import Operator
    from ledger.storage.database import Transaction

__all__ = ["audit"]


class ArchiveUnverifiedError(CommandError):
    """The export does not verify; nothing was dropped."""

    code = "ARCHIVE_UNVERIFIED"
    hint = "Run `jembatan audit verify` on it; it names the first entry that does not match."


class ArchiveOtherFileError(CommandError):
    """The file exists and is an export of something else; nothing was dropped."""

    code = "ARCHIVE_OTHER_FILE"
    hint = "To continue an interrupted archive, give its own file and range; for a new one, use another name."


@audit.command(
    "archive",
    epilog="Examples: jembatan audit archive --before 2024-01-01 --out feed-until-2023.jsonl.gz\n\n"
    "jembatan audit archive --until 1200000 --out feed-1.jsonl.gz",
)
def archive(
    *,
    out: OutOption,
    before: Annotated[
        str | None, typer.Option(help="Entries older than this: a date (UTC) or a time with its offset.")
    ] = None,
    until: Annotated[int | None, typer.Option(min=1, help="Entries up to this position.")] = None,
    reason: Reason = None,
    as_json: JsonFlag = False,
) -> None:
    """Export the oldest entries, verify the file, then drop their content from the database; hashes and proofs stay.

    Readers that resume from a cursor in that range get CURSOR_EXPIRED. Entries under a legal hold prevent it. Keep the
    file: nothing else has the content any more. If interrupted, run it again with the same options.
    """
    from cli.session import run_session

    if (before is None) == (until is None):
        raise typer.BadParameter("Give either --before or --until.")
    moment = parse_moment(before) if before is not None else None

    operator = name_operator(reason)
    is_resumed = out.exists()

    async def work(session: "Session") -> dict[str, object]:
        oldest, last = await _find_range(session, before=moment, until=until)
        if oldest > last:
            return {"file": str(out), "last": last, "dropped": 0}
        if not is_resumed:
            await _export(session, out, first=oldest, last=last)
        return await _drop(session, out, operator, oldest=oldest, last=last)

    told = run_session(work)
    print_result(told, as_json=as_json)
    note(f"Keep {out}." if told["dropped"] else "There was nothing left to archive.")


async def _find_range(session: "Session", *, before: datetime | None, until: int | None) -> tuple[int, int]:
    """Return the oldest position and the last one requested. Errors: EntriesHeldError."""
    from ledger.feed.archive import check_not_held, find_last_before, get_oldest_position
    from ledger.storage.roles import Role

    async with session.system(Role.ARCHIVE) as tx:
        oldest = await get_oldest_position(tx)
        last = await find_last_before(tx, before) if before is not None else until or 0
        if oldest <= last:
            await check_not_held(tx, first=oldest, last=last)
    return oldest, last


async def _export(session: "Session", out: Path, *, first: int, last: int) -> None:
    await write_export(session, out, after=first - 1, until=last)


async def _drop(session: "Session", out: Path, operator: "Operator", *, oldest: int, last: int) -> dict[str, object]:
    """Drop what the file contains, once it is verified. Errors: ArchiveUnverifiedError, ArchiveOtherFileError."""
    from cli.session import read_clock
    from ledger.feed.archive import drop_entries
    from ledger.feed.checkpoints import list_verifier_keys
    from ledger.feed.events import RECORD_SUBJECT_ID
    from ledger.feed.verification import parse_keys
    from ledger.feed.vocabulary import Subject
    from ledger.operator_acts.recording import record_act
    from ledger.operator_acts.vocabulary import Act
    from ledger.storage.roles import Role

    async with session.system(Role.ARCHIVE) as tx:
        keys = parse_keys([key.verifier_key for key in await list_verifier_keys(tx)])
    header = _verify_file(out, keys)
    if not header.after < oldest <= header.until <= last:
        raise ArchiveOtherFileError
    await _compare_file(session, out)
    sha256 = _hash_file(out)

    async def record(tx: "Transaction") -> None:
        await record_act(tx, operator, Act.ENTRIES_ARCHIVED, subject=Subject.FEED, subject_id=RECORD_SUBJECT_ID)

    with show_progress("Dropping", total=header.until) as progress:
        progress.move(oldest - 1)
        dropped = await drop_entries(
            session.database, until=header.until, sha256=sha256, now=read_clock, record=record, note=progress.move
        )
    return {"file": str(out), "sha256": sha256, "first": oldest, "last": header.until, "dropped": dropped}


def _hash_file(out: Path) -> str:
    with out.open("rb") as stream:
        return file_digest(stream, "sha256").hexdigest()


def _verify_file(out: Path, keys: "list[VerifierKey]") -> "Header":
    from cli.audit.streams import open_lines
    from cli.session import read_clock
    from ledger.feed.verification import verify_export

    with open_lines(out) as lines, show_progress("Verifying") as progress:
        account = verify_export(lines, keys=keys, as_of=read_clock(), note=progress.move)
    if account.finding is not None or account.archived:
        finding = account.finding
        detail = f"{finding.tampering} at {finding.first}: {finding.detail}" if finding else "entries have no content"
        raise ArchiveUnverifiedError(f"The export in {out} does not verify ({detail}); nothing was dropped.")
    return account.header


async def _compare_file(session: "Session", out: Path) -> None:
    from cli.audit.streams import open_lines
    from cli.session import read_clock
    from ledger.feed.comparison import compare_with_database

    with open_lines(out) as lines:
        finding = await compare_with_database(lines, session.database, now=read_clock)
    if finding is not None:
        detail = f"position {finding.first}: {finding.detail}"
        raise ArchiveUnverifiedError(f"The database does not match {out} ({detail}); nothing was dropped.")
