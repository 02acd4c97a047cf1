"""Downloads of evidence and extracts: read chunk by chunk, recorded before the first byte leaves, and never run.

A download holds no transaction while its client reads: each chunk is read in one of its own, in which the viewer's
rights are looked at again.
Source: RFC 9110 section 14 (ranges); RFC 6266 and 8187 (file names); docs/adr/0158.
"""

import asyncio
import re
import unicodedata
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from urllib.parse import quote

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.evidence.errors import ByteRangeError, LinkInvalidError
from gateway.settings import Settings
from ledger.complaints.evidence import OpenedContent, open_evidence
from ledger.complaints.links import Link, Linked, read_link
from ledger.complaints.media_types import FILE_ENDINGS, MEDIA_TYPES
from ledger.errors import UnknownError
from ledger.extracts.reading import open_extract
from ledger.storage.database import Transaction
from resolvers.context import Context

_RANGE = re.compile(r"bytes=([0-9]{0,15})-([0-9]{0,15})")
_UNSAFE_NAME = re.compile(r'[\x00-\x1f\x7f"\\/:*?<>|;%]')
_ATTACHED = frozenset({"application/pdf"})
"""Types that are saved and not shown in place: a document may contain a program, which only its reader's rules hold."""
_SENT_BYTES = 65_536
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
DOCUMENT = "GET /evidence/content"
"""What stands for the operation's text in the record of accesses."""
_GUARDS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "sandbox; default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Accept-Ranges": "bytes",
}


@dataclass(frozen=True, slots=True)
class _Shown:
    """What a link leads to, as far as an answer needs it."""

    media_type: str
    file_name: str
    sha256: str
    opened: OpenedContent


async def show(
    request: Request, context: Context, text: str, settings: Settings, *, require_token: Callable[[], None]
) -> ASGIApp:
    """Return the download that a link leads to; require_token raises once the caller's token has ended.

    Errors: LinkInvalidError, ByteRangeError, those of reading.
    """
    link = read_link(context.database.keyring, text, context.viewer, as_of=context.as_of)
    if link is None:
        raise LinkInvalidError
    try:
        shown = await context.read(_open, link)
    except UnknownError:
        raise LinkInvalidError from None
    size = shown.opened.size_bytes
    first, last = _choose_range(request, size, shown.sha256)
    is_part = (first, last) != (0, size - 1)
    headers = {
        **_GUARDS,
        "Content-Type": _render_type(shown.media_type),
        "Content-Disposition": render_disposition(shown.media_type, shown.file_name),
        "Content-Length": str(last - first + 1),
        "ETag": f'"{shown.sha256}"',
    }
    if is_part:
        headers["Content-Range"] = f"bytes {first}-{last}/{size}"
    # Nothing leaves that is not recorded, whoever asks.
    await context.record_accesses(document=DOCUMENT, operation_name=DOCUMENT, is_always=True)
    await context.aclose()
    body = (
        None
        if request.method == "HEAD"
        else _read(context, link, shown.opened, first, last, require_token=require_token)
    )
    return _Download(206 if is_part else 200, headers, body, stall_seconds=settings.transfer_stall_seconds)


async def _open(tx: Transaction, link: Link) -> _Shown:
    if link.kind is Linked.EXTRACT:
        extract, opened = await open_extract(tx, link.id)
        return _Shown(extract.media_type, f"extract-{extract.id}", extract.sha256, opened)
    piece, opened = await open_evidence(tx, link.id)
    return _Shown(piece.media_type, piece.file_name or f"evidence-{piece.id}", piece.sha256, opened)


async def _read(
    context: Context, link: Link, opened: OpenedContent, first: int, last: int, *, require_token: Callable[[], None]
) -> AsyncIterator[bytes]:
    """Yield the bytes of a range.

    Errors: UnknownError once the viewer may no longer see them, TokenInvalidError once its token has ended;
    EvidenceDamagedError.
    """
    place = first
    while place <= last:
        require_token()
        async with context.database.reading(context.viewer, as_of=context.as_of) as tx:
            if opened.content is not None and place > first:
                await _open(tx, link)
            chunk = (await opened.read(tx, place))[: last - place + 1]
        yield chunk
        place += len(chunk)


class _Download:
    """A streamed answer whose client may read slowly, but not stop."""

    def __init__(
        self, status: int, headers: dict[str, str], body: AsyncIterator[bytes] | None, *, stall_seconds: float
    ) -> None:
        self._status, self._body, self._stall_seconds = status, body, stall_seconds
        self._headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        """Send it. Errors: TimeoutError for a client that reads nothing."""
        # What can't be read is refused with a status, as long as nothing was sent.
        chunk = b"" if self._body is None else await anext(self._body, b"")
        await send({"type": "http.response.start", "status": self._status, "headers": self._headers})
        if self._body is not None:
            while chunk:
                for begins in range(0, len(chunk), _SENT_BYTES):
                    part = chunk[begins : begins + _SENT_BYTES]
                    async with asyncio.timeout(self._stall_seconds):
                        await send({"type": "http.response.body", "body": part, "more_body": True})
                chunk = await anext(self._body, b"")
        await send({"type": "http.response.body", "body": b""})


def _choose_range(request: Request, size: int, sha256: str) -> tuple[int, int]:
    """Return the first and the last byte to send. Several ranges, or one of another unit, mean everything.

    Errors: ByteRangeError.
    """
    whole = (0, size - 1)
    if_range = request.headers.get("if-range")
    matched = _RANGE.fullmatch(request.headers.get("range", ""))
    if matched is None or (if_range is not None and if_range != f'"{sha256}"'):
        return whole
    begins, ends = matched.groups()
    if not begins and not ends:
        return whole
    first = int(begins) if begins else max(size - int(ends), 0)
    last = min(int(ends), size - 1) if begins and ends else size - 1
    if first > last or (not begins and int(ends) == 0):
        raise ByteRangeError(headers={"Content-Range": f"bytes */{size}"})
    return first, last


def _render_type(media_type: str) -> str:
    """A type that isn't accepted today is bytes; text is UTF-8, which was checked."""
    if media_type not in MEDIA_TYPES:
        return "application/octet-stream"
    return f"{media_type}; charset=utf-8" if media_type == "text/plain" else media_type


def render_disposition(media_type: str, file_name: str) -> str:
    """Return the Content-Disposition: shown in place only if nothing in it can run, and a name that is only a name.

    The name ends as names of its type do, and has nothing that makes it look otherwise, such as a change of direction.
    """
    kind = "inline" if media_type in MEDIA_TYPES - _ATTACHED else "attachment"
    visible = "".join(each for each in file_name if unicodedata.category(each) not in _INVISIBLE)
    safe = _UNSAFE_NAME.sub("_", visible).strip(". ") or "evidence"
    endings = FILE_ENDINGS.get(media_type, (".bin",))
    if not safe.lower().endswith(endings):
        safe += endings[0]
    plain = safe.encode("ascii", "replace").decode().replace("?", "_")
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{quote(safe, safe='')}"
