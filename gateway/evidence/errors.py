"""What uploads and downloads are refused for, beside what the ledger refuses, and the HTTP status of each."""

from collections.abc import Mapping

from gateway.operations.errors import UNAVAILABLE_RETRY_SECONDS, Code, GatewayError, RequestRefusedError
from ledger.errors import Category, LedgerError

_STATUS_OF_CATEGORY: Mapping[Category, int] = {
    Category.BAD_USER_INPUT: 400,
    Category.NOT_FOUND: 404,
    Category.CONFLICT: 409,
    Category.FORBIDDEN: 403,
    Category.CURSOR_EXPIRED: 410,
    Category.UNAVAILABLE: 503,
}
_STATUS_OF_PROBLEM: Mapping[str, int] = {
    "EVIDENCE_TOO_LARGE": 413,
    "EVIDENCE_TYPE_UNKNOWN": 415,
    "EVIDENCE_TYPE_MISMATCH": 415,
    "EVIDENCE_AMBIGUOUS": 415,
    "EVIDENCE_DAMAGED": 500,
    "EVIDENCE_ERASED": 410,
    "UPLOAD_QUOTA": 429,
    "UPLOADS_TOO_MANY": 429,
}


class TusVersionError(RequestRefusedError):
    """The request names no version of the tus protocol that is spoken here."""

    code = "TUS_VERSION"
    status = 412
    hint = "Send Tus-Resumable: 1.0.0."


class UploadHeaderError(RequestRefusedError):
    """A header of the upload is missing or malformed."""

    code = "UPLOAD_HEADER"


class UploadOverlongError(RequestRefusedError):
    """The request has more bytes than the upload has left."""

    code = "UPLOAD_OVERLONG"
    status = 413


class UploadPartSmallError(RequestRefusedError):
    """A part that is not the last has at least 65,536 bytes."""

    code = "UPLOAD_PART_SMALL"
    hint = "Send larger parts, or all that is left in one request."


class UploadDigestError(RequestRefusedError):
    """What arrived is not what Repr-Digest tells; the upload is ended."""

    code = "UPLOAD_DIGEST"
    hint = "Begin anew: some of the bytes were changed on their way, or are of another file."


class LinkInvalidError(RequestRefusedError):
    """The link is not valid, has expired, or was made for somebody else."""

    code = "EVIDENCE_LINK_INVALID"
    category = Code.NOT_FOUND
    status = 404
    hint = "Ask for evidence { link { url } } again, with the token that you use for the link."


class ByteRangeError(RequestRefusedError):
    """The range lies outside of the content."""

    code = "BYTE_RANGE"
    status = 416


def find_status(failure: Exception) -> tuple[int, Mapping[str, str]]:
    """Return the status and headers of the answer to a request that failed."""
    if isinstance(failure, GatewayError):
        return failure.status, failure.headers
    if isinstance(failure, LedgerError):
        status = _STATUS_OF_PROBLEM.get(failure.code, _STATUS_OF_CATEGORY[failure.category])
        return status, {"Retry-After": str(UNAVAILABLE_RETRY_SECONDS)} if status == 503 else {}  # noqa: PLR2004
    return 500, {}
