"""`jembatan evidence`: uploads that resume, downloads, and redacted extracts. Clients, which need no database."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.failures import CommandError, FileUnreadableError
from cli.follow.commands import check_url
from cli.printing import JsonFlag, note, print_result, show_progress

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from cli.evidence.transfers import Transfers

evidence = typer.Typer(
    no_args_is_help=True, help="Upload evidence and resume, download it, and make redacted extracts."
)
Url = Annotated[str, typer.Option(help="The gateway's address, such as https://graph.example.id.")]
Key = Annotated[Path | None, typer.Option(help="JWK of the client's private key, if it signs assertions.")]

OF_COMPLAINT = """query Evidence($id: ID, $ticketNo: String) { complaint(id: $id, ticketNo: $ticketNo) {
  evidence { id fileName mediaType sizeBytes sha256 link { url } } } }"""
OF_EXTRACTS = """query Extracts { evidenceExtracts(first: 100) {
  nodes { id mediaType sizeBytes sha256 link { url } } } }"""
REDACT = """mutation Redact($input: RedactEvidenceInput!) { redactEvidence(input: $input) {
  extract { id mediaType sizeBytes sha256 originalSha256 } } }"""
_SUFFIXES = {"image/png": ".png", "text/plain": ".txt"}


class CutInvalidError(CommandError):
    """A region is X,Y,WIDTH,HEIGHT in pixels; a range is START-END in characters."""

    code = "CUT_INVALID"


@evidence.command(
    epilog="Example: JEMBATAN_CLIENT=ID:SECRET jembatan evidence upload call.m4a --url https://graph.example.id"
)
def upload(
    file: Annotated[Path, typer.Argument(help="The file.")],
    *,
    url: Url,
    media_type: Annotated[
        str | None, typer.Option("--type", help="Its media type; by default what its name says.")
    ] = None,
    key: Annotated[
        str | None,
        typer.Option(
            help="A name of yours: the same names the same upload. By default the file's hash, so that "
            "running the command again resumes."
        ),
    ] = None,
    private_key: Key = None,
    as_json: JsonFlag = False,
) -> None:
    """Upload a file, or go on where an earlier run stopped, and print the upload's id for fileComplaints.

    The client's id and secret are read from JEMBATAN_CLIENT, or a token from JEMBATAN_TOKEN, as `jembatan follow` does.
    """
    import mimetypes

    from cli.evidence.transfers import Upload

    chosen = media_type or mimetypes.guess_type(file.name)[0] or ""
    wanted = Upload.of(file, media_type=chosen, key=key)

    async def send(transfers: "Transfers") -> str:
        with show_progress(f"Uploading {file.name}", total=wanted.size_bytes) as report:
            return await transfers.upload(wanted, report.advance)

    upload_id = _run(url, private_key, send)
    print_result({"uploadId": upload_id, "sizeBytes": wanted.size_bytes, "sha256": wanted.sha256}, as_json=as_json)


@evidence.command(
    epilog="Example: JEMBATAN_TOKEN=... jembatan evidence download T-2026-0000001 --url https://graph.example.id"
)
def download(
    complaint: Annotated[
        str | None, typer.Argument(help="The complaint's ID or number; without it, the extracts released to you.")
    ] = None,
    *,
    url: Url,
    into: Annotated[Path, typer.Option(help="The folder to write to; no file in it is replaced.")] = Path(),
    private_key: Key = None,
) -> None:
    """Write the evidence of a complaint to files, or the extracts that were released to you. Each reading is recorded.

    Files are named by ids, never by the names that a source gave them.
    """

    async def fetch(transfers: "Transfers") -> int:
        pieces = await _find_pieces(transfers, complaint)
        for piece in pieces:
            target = into / f"{piece['id']}{_SUFFIXES.get(piece['mediaType'], '')}"
            with show_progress(f"Downloading {piece['id']}", total=piece["sizeBytes"]) as report:
                await transfers.download(piece["link"]["url"], target, sha256=piece["sha256"], report=report.advance)
            note(f"{target}: {piece['mediaType']}, {piece['sizeBytes']} bytes, SHA-256 as recorded.")
        return len(pieces)

    note(f"Wrote {_run(url, private_key, fetch)} files.")


@evidence.command(
    epilog="Example: JEMBATAN_TOKEN=... jembatan evidence redact ID --region 10,20,200,40 --url https://graph.example.id"
)
def redact(
    evidence_id: Annotated[str, typer.Argument(help="The evidence's ID.")],
    *,
    url: Url,
    region: Annotated[
        list[str] | None, typer.Option(help="X,Y,WIDTH,HEIGHT of a picture to black out; may be repeated.")
    ] = None,
    text_range: Annotated[
        list[str] | None, typer.Option("--range", help="START-END of a text to take out; may be repeated.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Make a redacted extract of a piece of evidence, as an officer whose token is in JEMBATAN_TOKEN."""
    regions = [dict(zip(("x", "y", "width", "height"), _numbers(each, ",", 4), strict=True)) for each in region or ()]
    ranges = [dict(zip(("start", "end"), _numbers(each, "-", 2), strict=True)) for each in text_range or ()]

    async def ask(transfers: "Transfers") -> Any:
        wanted = {"evidenceId": evidence_id, "regions": regions or None, "ranges": ranges or None}
        return (await transfers.graph.ask(REDACT, input=wanted))["redactEvidence"]["extract"]

    print_result(_run(url, None, ask), as_json=as_json)


async def _find_pieces(transfers: "Transfers", complaint: str | None) -> list[Any]:
    if complaint is None:
        return list((await transfers.graph.ask(OF_EXTRACTS))["evidenceExtracts"]["nodes"])
    named = {"ticketNo": complaint} if complaint.upper().startswith("T-") else {"id": complaint}
    return list((await transfers.graph.ask(OF_COMPLAINT, **named))["complaint"]["evidence"])


def _numbers(said: str, between: str, count: int) -> list[int]:
    parts = said.split(between)
    if len(parts) != count or not all(part.strip().isdecimal() for part in parts):
        raise CutInvalidError(f"{said!r} is neither X,Y,WIDTH,HEIGHT nor START-END.")
    return [int(part) for part in parts]


def _run(url: str, private_key: Path | None, work: "Callable[[Transfers], Coroutine[Any, Any, Any]]") -> Any:
    import asyncio

    from cli.evidence.transfers import Transfers
    from cli.follow.client_tokens import read_login

    base_url = check_url(url)
    transfers = Transfers(url=base_url, tokens=read_login(base_url, os.environ, private_key=private_key))
    try:
        return asyncio.run(work(transfers))
    except OSError as error:
        raise FileUnreadableError(str(error)) from error
