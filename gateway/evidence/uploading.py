"""Uploads by the tus protocol 1.0.0: create, ask for the offset, continue, end. Bytes go on as they arrive.

At most one chunk of an upload is in memory. Each chunk is committed by itself, so that whatever happens, the client
continues behind the last one. What is left over when a client leaves is kept if it is large enough to be a chunk.
Source: tus resumable upload protocol 1.0.0, core with creation, expiration and termination; RFC 9530 (Repr-Digest);
docs/adr/0156.
"""

import base64
import binascii
import re
from collections.abc import Callable
from email.utils import format_datetime

from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp

from gateway.evidence.errors import (
    TusVersionError,
    UploadDigestError,
    UploadHeaderError,
    UploadOverlongError,
    UploadPartSmallError,
)
from gateway.operations.errors import MethodNotAllowedError, UnsupportedMediaTypeError
from gateway.operations.http_requests import Reply
from gateway.settings import Settings
from ledger.complaints.content_table import EvidenceContent
from ledger.complaints.contents import CHUNK_BYTES, CHUNK_BYTES_MIN, Content, UploadOffsetError, append_chunk
from ledger.complaints.media_types import Examiner
from ledger.complaints.uploads import (
    UploadDraft,
    begin_upload,
    end_upload,
    examine_upload,
    find_upload,
    finish_upload,
)
from ledger.errors import InvalidInputError
from resolvers.context import Context

_TUS = "1.0.0"
VERSION = {"Tus-Resumable": _TUS}
_PATCH_TYPE = "application/offset+octet-stream"
_DIGITS_MAX = 15
_DIGEST = re.compile(r"sha-256=:([A-Za-z0-9+/]{43}=):")
_METADATA_CHARACTERS_MAX = 4_096


def tell_abilities(settings: Settings) -> ASGIApp:
    """Return the answer to OPTIONS, which needs no token."""
    return Reply(
        204,
        {
            **VERSION,
            "Tus-Version": _TUS,
            "Tus-Extension": "creation,expiration,termination",
            "Tus-Max-Size": str(settings.upload_bytes_max),
        },
        b"",
    )


async def take(
    request: Request,
    context: Context,
    upload_id: str | None,
    settings: Settings,
    *,
    require_token: Callable[[], None],
) -> ASGIApp:
    """Return the answer to a request about an upload, or to begin one.

    require_token raises once the caller's token has ended. Errors: refusals of all kinds.
    """
    methods = ("POST",) if upload_id is None else ("HEAD", "PATCH", "DELETE")
    if request.method not in methods:
        raise MethodNotAllowedError(f"This takes only {', '.join(methods)}.", headers={"Allow": ", ".join(methods)})
    if request.headers.get("tus-resumable") != _TUS:
        raise TusVersionError(headers={"Tus-Version": _TUS})
    if upload_id is None:
        return await _begin(request, context, settings)
    if request.method == "HEAD":
        upload = await context.write(find_upload, upload_id)
        if upload.received_bytes == upload.size_bytes and upload.sha256 is None:
            # The request that brought the last bytes ended before it could say that they are whole.
            upload = await _finish(context, upload, None)
        return Reply(200, _describe(upload), b"")
    if request.method == "DELETE":
        await context.write(end_upload, upload_id)
        return Reply(204, VERSION, b"")
    return await _continue(request, context, upload_id, require_token)


async def _begin(request: Request, context: Context, settings: Settings) -> ASGIApp:
    said = _read_metadata(request.headers.get("upload-metadata", ""))
    draft = UploadDraft(
        media_type=said.get("filetype", ""),
        file_name=said.get("filename"),
        size_bytes=_read_count(request, "upload-length"),
        key=request.headers.get("idempotency-key"),
    )
    upload = await context.write(begin_upload, draft)
    return Reply(201, {**_describe(upload), "Location": f"{settings.base_url}/evidence/{upload.id}"}, b"")


async def _continue(request: Request, context: Context, upload_id: str, require_token: Callable[[], None]) -> ASGIApp:
    if request.headers.get("content-type", "").strip().lower() != _PATCH_TYPE:
        raise UnsupportedMediaTypeError(f"The body must be {_PATCH_TYPE}.", headers={"Accept-Patch": _PATCH_TYPE})
    if request.headers.get("content-encoding", "identity") != "identity":
        raise UnsupportedMediaTypeError("A compressed body is not accepted.", headers={"Accept-Encoding": "identity"})
    begins = _read_count(request, "upload-offset")
    upload = await context.write(find_upload, upload_id)
    if begins != upload.received_bytes or upload.sha256 is not None:
        raise UploadOffsetError(field="Upload-Offset")
    declared = request.headers.get("content-length")
    if declared is not None and declared.isdecimal() and begins + int(declared) > upload.size_bytes:
        raise UploadOverlongError(headers={"Connection": "close"})
    expected = _read_digest(request)
    arriving = _Arriving(context, upload, begins, require_token)
    await arriving.take_all(request)
    if arriving.received == upload.size_bytes:
        upload = await _finish(context, upload, arriving, expected=expected)
    else:
        upload = await context.write(find_upload, upload_id)
    return Reply(204, _describe(upload), b"")


async def _finish(
    context: Context, upload: EvidenceContent, arriving: "_Arriving | None", *, expected: str | None = None
) -> EvidenceContent:
    """Finish an upload all of whose bytes are there, or end it if they are refused: they can't become others.

    Errors: UploadDigestError, those of finishing.
    """
    try:
        digest = arriving.finish() if arriving is not None else None
        if digest is None:
            digest = await context.write(examine_upload, upload)
        _check_digest(digest, expected)
        return await context.write(finish_upload, upload, digest)
    except (InvalidInputError, UploadDigestError):
        await context.write(end_upload, upload.id)
        raise


def _check_digest(digest: str, expected: str | None) -> None:
    """Errors: UploadDigestError."""
    if expected is not None and digest != expected:
        raise UploadDigestError


class _Arriving:
    """The bytes of one request, on their way to chunks. It looks at all of them only if the request brings all."""

    def __init__(
        self, context: Context, upload: EvidenceContent, begins: int, require_token: Callable[[], None]
    ) -> None:
        self._context, self._upload, self._require_token = context, upload, require_token
        self._content = Content(upload.id, upload.size_bytes)
        self._examiner = Examiner(upload.media_type, field="filetype")
        self._is_from_start = begins == 0
        self._buffer = bytearray()
        self.received = begins

    async def take_all(self, request: Request) -> None:
        """Store all that arrives. Errors: UploadOverlongError, UploadPartSmallError; those of the content's type."""
        try:
            async for part in request.stream():
                self._buffer += part
                if self.received + len(self._buffer) > self._upload.size_bytes:
                    raise UploadOverlongError(headers={"Connection": "close"})
                while len(self._buffer) >= CHUNK_BYTES:
                    await self._store(CHUNK_BYTES)
        except ClientDisconnect:
            if len(self._buffer) >= CHUNK_BYTES_MIN:
                await self._store(len(self._buffer))
            raise
        is_last = self.received + len(self._buffer) == self._upload.size_bytes
        if self._buffer and (is_last or len(self._buffer) >= CHUNK_BYTES_MIN):
            await self._store(len(self._buffer))
        elif self._buffer:
            raise UploadPartSmallError

    def finish(self) -> str | None:
        """Return the SHA-256, if this request brought all bytes. Errors: those of the content's type."""
        return self._examiner.finish() if self._is_from_start else None

    async def _store(self, size: int) -> None:
        self._require_token()
        chunk = bytes(self._buffer[:size])
        if self._is_from_start:
            # What is of another type is refused before any of it is kept.
            self._examiner.feed(chunk)
        self.received = await self._context.write(append_chunk, self._content, self.received, chunk)
        del self._buffer[:size]


def _describe(upload: EvidenceContent) -> dict[str, str]:
    told = {
        **VERSION,
        "Upload-Offset": str(upload.received_bytes),
        "Upload-Length": str(upload.size_bytes),
        "Cache-Control": "no-store",
    }
    if upload.kept_at is None:
        told["Upload-Expires"] = format_datetime(upload.expires_at, usegmt=True)
    if upload.sha256 is not None:
        told["Repr-Digest"] = f"sha-256=:{base64.b64encode(bytes.fromhex(upload.sha256)).decode()}:"
    return told


def _read_count(request: Request, name: str) -> int:
    """Read a header that is a number of bytes. Errors: UploadHeaderError."""
    said = request.headers.get(name, "")
    if not (said.isascii() and said.isdecimal() and len(said) <= _DIGITS_MAX):
        raise UploadHeaderError(f"{name.title()} must be a number of bytes.")
    return int(said)


def _read_digest(request: Request) -> str | None:
    """Read the SHA-256 that the client says the whole has, in hexadecimal; None without. Errors: UploadHeaderError."""
    said = request.headers.get("repr-digest")
    if said is None:
        return None
    matched = _DIGEST.fullmatch(said.strip())
    if matched is None:
        raise UploadHeaderError("Repr-Digest must be sha-256=:, the SHA-256 of the whole in base64, and a colon.")
    return base64.b64decode(matched[1]).hex()


def _read_metadata(header: str) -> dict[str, str]:
    """Read Upload-Metadata: names with values in base64, separated by commas. Errors: UploadHeaderError."""
    if len(header) > _METADATA_CHARACTERS_MAX:
        raise UploadHeaderError("Upload-Metadata is too long.")
    found: dict[str, str] = {}
    for part in filter(None, (each.strip() for each in header.split(","))):
        name, _, value = part.partition(" ")
        try:
            found[name] = base64.b64decode(value, validate=True).decode()
        except (binascii.Error, ValueError):
            raise UploadHeaderError("Upload-Metadata must be names with values in base64.") from None
    return found
