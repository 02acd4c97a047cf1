"""`jembatan audit verify` and `verify-proof`: check files of the log with no database and no server.

They exit with 0 if everything matches, with 1 if something was tampered with or lost, with 2 if a file or a key can't
be used, and with 3 if what an export has is good but it is only a part of the log.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.audit.commands import audit
from cli.audit.verdicts import tell_account
from cli.failures import FAILED, MISUSED, CommandError
from cli.printing import JsonFlag, note, plain, print_result, show_progress

if TYPE_CHECKING:
    from cli.session import Session
    from ledger.feed.notes import VerifierKey
    from ledger.feed.row_comparison import RowAccount
    from ledger.feed.verification import Account, Finding

__all__ = ["audit"]

KeyOption = Annotated[
    list[str] | None,
    typer.Option("--key", help="A key that you trust (name+id+base64), or a file with one per line; may be repeated."),
]
INCOMPLETE = 3
_NOTE_BYTES_MAX = 1 << 17
_KEY_BYTES_MAX = 1 << 16


class VerificationError(CommandError):
    """A file can't be verified."""

    code = "UNVERIFIABLE"
    exit_code = MISUSED


@audit.command(
    "verify",
    epilog="Examples: jembatan audit verify feed.jsonl.gz --key graph.example.id/feed+0a1b2c3d+AQ...\n\n"
    "jembatan audit verify feed.jsonl.gz --key key.txt --checkpoint checkpoint-2026-05-01.txt\n\n"
    "jembatan audit verify feed.jsonl.gz --database",
)
def verify(
    *,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="An export, gzipped or not.")],
    key: KeyOption = None,
    checkpoint: Annotated[
        list[Path] | None,
        typer.Option(
            "--checkpoint", help="A checkpoint that you kept; the log must continue from it. May be repeated."
        ),
    ] = None,
    witness_key: Annotated[
        list[str] | None,
        typer.Option(
            "--witness-key",
            help="The key of a witness, or a file with one per line; each must have cosigned. May be repeated.",
        ),
    ] = None,
    database: Annotated[
        bool,
        typer.Option(
            "--database",
            help="Also compare this installation's database: hashes, checkpoints, times, recipients, and every row "
            "and the record of who read what with what the log says of them.",
        ),
    ] = False,
    part: Annotated[
        bool, typer.Option("--part", help="A part of the log is what you expect: exit with 0 if that is good.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Hash every entry of an export again, rebuild the tree, and check every signed checkpoint against it.

    It needs no database and no network. It names the first entry that was tampered with and what was changed. Without
    --key the keys come from the export itself, which reveals damage but not a forger who remade the export. An export
    of only a part of the log is reported as CUT, with exit status 3.
    """
    account = _read_whole(file, keys=read_keys(key), witness_texts=witness_key, kept=checkpoint or [])
    rows: RowAccount | None = None
    if account.finding is None and database:
        account.finding, rows = _compare(file, until=account.header.until)
    tell_account(account, rows, as_json=as_json)
    if account.is_key_from_export:
        note("The key was taken from the export itself: pass --key with one that you obtained another way.")
    if account.finding is not None or (rows is not None and rows.finding is not None):
        raise typer.Exit(FAILED)
    if account.is_cut and not part:
        raise typer.Exit(INCOMPLETE)


@audit.command("verify-proof", epilog="Example: jembatan audit verify-proof proof-4711.json --key key.txt")
def verify_proof(
    *,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A proof bundle.")],
    key: KeyOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Check that a bundle's entry is in the log for which its checkpoint was signed. It needs no database."""
    from cli.audit.streams import read_small
    from ledger.feed.bundles import BUNDLE_BYTES_MAX, Success, parse_bundle, verify_bundle

    content = read_small(file, bytes_max=BUNDLE_BYTES_MAX)
    keys = read_keys(key)
    with _unverifiable():
        verdict = verify_bundle(parse_bundle(content), keys=keys)
    told: dict[str, Any] = {"isProved": bool(verdict)} | plain(verdict)
    print_result(told, as_json=as_json)
    if not keys:
        note("The key was taken from the bundle itself: pass --key with one that you obtained another way.")
    if not isinstance(verdict, Success):
        raise typer.Exit(FAILED)


def _read_whole(
    file: Path, *, keys: "list[VerifierKey]", witness_texts: list[str] | None, kept: list[Path]
) -> "Account":
    from cli.audit.streams import open_lines
    from cli.session import read_clock
    from ledger.feed.verification import parse_witness_keys, verify_export

    notes = [_read_text(path, bytes_max=_NOTE_BYTES_MAX) for path in kept]
    with _unverifiable():
        witness_keys = parse_witness_keys(list_given_keys(witness_texts))
    with open_lines(file) as lines, show_progress("Verifying") as progress, _unverifiable():
        return verify_export(
            lines, keys=keys, kept_notes=notes, witness_keys=witness_keys, as_of=read_clock(), note=progress.move
        )


def _compare(file: Path, *, until: int) -> "tuple[Finding | None, RowAccount | None]":
    """Compare the log with the database and, if they are the same, every row and access with what the log says."""
    from cli.audit.streams import open_lines
    from cli.session import read_clock, run_session
    from ledger.access_records.sealing import find_broken_seal
    from ledger.feed.comparison import compare_with_database
    from ledger.feed.row_comparison import compare_rows
    from ledger.feed.unhashed_comparison import compare_unhashed
    from ledger.storage.roles import Role
    from migrations.metadata import metadata

    async def work(session: "Session") -> "tuple[Finding | None, RowAccount | None]":
        with open_lines(file) as lines:
            finding = await compare_with_database(lines, session.database, now=read_clock)
        if finding is None:
            with open_lines(file) as lines:
                finding = await compare_unhashed(lines, session.database, now=read_clock)
        if finding is not None:
            return finding, None
        with open_lines(file) as lines:
            tables = metadata.sorted_tables
            rows = await compare_rows(lines, session.database, tables=tables, now=read_clock)
        if rows.finding is not None:
            return None, rows
        async with session.system(Role.REGULATOR) as tx:
            return await find_broken_seal(tx, until=until), rows

    return run_session(work)


def read_keys(texts: list[str] | None) -> "list[VerifierKey]":
    """Return the keys of the options, each a key or a file with one per line.

    Errors: VerificationError, FileUnreadableError.
    """
    from ledger.feed.verification import parse_keys

    with _unverifiable():
        return parse_keys(list_given_keys(texts))


def list_given_keys(texts: list[str] | None) -> list[str]:
    """Return the keys as written, each given itself or on a line of a file; a file without any is an error.

    Errors: VerificationError, FileUnreadableError.
    """
    given: list[str] = []
    for text in texts or []:
        lines = [text] if "+" in text else _read_text(Path(text), bytes_max=_KEY_BYTES_MAX).splitlines()
        found = [line.strip() for line in lines if line.strip()]
        if not found:
            raise VerificationError(f"{text} contains no key.")
        given += found
    return given


def _read_text(path: Path, *, bytes_max: int) -> str:
    from cli.audit.streams import read_small

    try:
        return read_small(path, bytes_max=bytes_max).decode()
    except UnicodeDecodeError:
        raise VerificationError(f"{path} is not text.") from None


class _unverifiable:  # noqa: N801 - used as a statement: `with _unverifiable():`
    """Exits with status 2 where what was given can't be verified, whatever it contains."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        from ledger.errors import LedgerError

        if isinstance(error, LedgerError):
            raise VerificationError(f"{error.code}: {error.message}", hint=error.hint) from error
