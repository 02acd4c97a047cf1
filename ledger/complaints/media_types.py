"""Which media types evidence may have, and whether content is of the type that it is declared as. Pure.

Only types that can be shown without executing anything are accepted, and each is known by its own signature. Content
that a browser or an archive program would take for something else as well is refused: a page or a document at the
beginning, an archive at the end.
Source: docs/adr/0157; WHATWG MIME Sniffing (what browsers look at, and how far); the formats' own specifications.
"""

import codecs
import hashlib
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType

from ledger.errors import InvalidInputError

_HEAD_BYTES = 4_096
_SNIFFED_BYTES = 1_445
"""How far browsers look for a page in what they have no type for."""
_ARCHIVE_END = b"PK\x05\x06"
_ARCHIVE_END_BYTES = 22
_TAIL_BYTES = 65_535 + _ARCHIVE_END_BYTES
"""A ZIP archive's last record, and the longest comment that may follow."""
_MARKUP = re.compile(rb"<(?:!doctype|html|head|body|script|iframe|svg|\?xml|!--|math|object|embed)\b", re.IGNORECASE)
_ODD_CONTROL = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f]")
_HEIC_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"})
_MP4_BRANDS = re.compile(rb"iso[m2-9]|mp4[12]|avc1|M4[ABV] |dash|3g[p2][0-9a-z]|mmp4|MSNV|f4[va] ")
_FRAME_SYNC, _LAYER, _LAYER_1 = 0xFFE0, 0x0006, 0x0006
_ADTS_MASK, _ADTS_SYNC = 0xFFF6, 0xFFF0
_TEXT = "text/plain"


class EvidenceTypeError(InvalidInputError):
    """Evidence of this media type is not accepted."""

    code = "EVIDENCE_TYPE_UNKNOWN"


class EvidenceTypeMismatchError(InvalidInputError):
    """The content is not of the media type that it is declared as."""

    code = "EVIDENCE_TYPE_MISMATCH"
    hint = "Declare what the file is, whatever its name says."


class EvidenceAmbiguousError(InvalidInputError):
    """The content is of its media type and of another at once, such as a picture that is also a page or an archive."""

    code = "EVIDENCE_AMBIGUOUS"
    hint = "Save the picture, recording or document anew from the program that shows it."


def _begins(*signatures: bytes) -> Callable[[bytes], bool]:
    return lambda head: head.startswith(signatures)


def _is_riff(kind: bytes) -> Callable[[bytes], bool]:
    return lambda head: head.startswith(b"RIFF") and head[8:12] == kind


def _is_mpeg_audio(head: bytes) -> bool:
    if head.startswith(b"ID3"):
        return True
    word = int.from_bytes(head[:2], "big")
    # Layer I, which nobody records in, begins as text in UTF-16 does.
    return word & _FRAME_SYNC == _FRAME_SYNC and word & _LAYER not in {0, _LAYER_1}


def _is_aac(head: bytes) -> bool:
    return int.from_bytes(head[:2], "big") & _ADTS_MASK == _ADTS_SYNC


def _is_mp4(head: bytes) -> bool:
    return head[4:8] == b"ftyp" and _MP4_BRANDS.fullmatch(head[8:12]) is not None


def _is_heic(head: bytes) -> bool:
    return head[4:8] == b"ftyp" and head[8:12] in _HEIC_BRANDS


def _is_webm(head: bytes) -> bool:
    return head.startswith(b"\x1a\x45\xdf\xa3") and b"webm" in head


def _is_text(head: bytes) -> bool:
    """Whether it can be text; that it is, in UTF-8, shows when all of it was looked at."""
    return b"\x00" not in head


SIGNATURES: Mapping[str, Callable[[bytes], bool]] = MappingProxyType(
    {
        "application/pdf": _begins(b"%PDF-"),
        "audio/aac": _is_aac,
        "audio/amr": _begins(b"#!AMR\n", b"#!AMR-WB\n"),
        "audio/mp4": _is_mp4,
        "audio/mpeg": _is_mpeg_audio,
        "audio/ogg": _begins(b"OggS"),
        "audio/wav": _is_riff(b"WAVE"),
        "audio/webm": _is_webm,
        "image/gif": _begins(b"GIF87a", b"GIF89a"),
        "image/heic": _is_heic,
        "image/jpeg": _begins(b"\xff\xd8\xff"),
        "image/png": _begins(b"\x89PNG\r\n\x1a\n"),
        "image/webp": _is_riff(b"WEBP"),
        _TEXT: _is_text,
        "video/mp4": _is_mp4,
        "video/webm": _is_webm,
    }
)
MEDIA_TYPES = frozenset(SIGNATURES)
FILE_ENDINGS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "application/pdf": (".pdf",),
        "audio/aac": (".aac",),
        "audio/amr": (".amr",),
        "audio/mp4": (".m4a", ".mp4"),
        "audio/mpeg": (".mp3",),
        "audio/ogg": (".ogg", ".oga", ".opus"),
        "audio/wav": (".wav",),
        "audio/webm": (".webm",),
        "image/gif": (".gif",),
        "image/heic": (".heic", ".heif"),
        "image/jpeg": (".jpg", ".jpeg"),
        "image/png": (".png",),
        "image/webp": (".webp",),
        _TEXT: (".txt",),
        "video/mp4": (".mp4", ".m4v", ".3gp"),
        "video/webm": (".webm",),
    }
)
"""How the name of a file of each type may end, so that no program takes it for another; the first is added if none."""
EvidenceTypeError.hint = f"Use one of {', '.join(sorted(MEDIA_TYPES))}."
_TYPE_LENGTH_MAX = 255


def check_media_type(text: str, *, field: str) -> str:
    """Return an accepted media type in lower case. Errors: EvidenceTypeError."""
    media_type = text.strip().lower() if len(text) <= _TYPE_LENGTH_MAX else ""
    if media_type not in MEDIA_TYPES:
        raise EvidenceTypeError(field=field)
    return media_type


class Examiner:
    """Looks at content as it goes by, and hashes it; it keeps the beginning and the end, and nothing between."""

    def __init__(self, media_type: str, *, field: str) -> None:
        """Expect content of an accepted type; field is what an error names."""
        self._media_type, self._field = media_type, field
        self._digest = hashlib.sha256()
        self._head = b""
        self._tail = b""
        self._is_begun = False
        self._decoder = codecs.getincrementaldecoder("utf-8")() if media_type == _TEXT else None

    def feed(self, data: bytes) -> None:
        """Take the next bytes. Errors: EvidenceTypeMismatchError, EvidenceAmbiguousError."""
        self._digest.update(data)
        if not self._is_begun:
            self._head = (self._head + data)[:_HEAD_BYTES]
            if len(self._head) == _HEAD_BYTES:
                self._check_head()
        if self._decoder is not None:
            self._check_text(data, is_last=False)
        else:
            self._tail = (self._tail + data)[-_TAIL_BYTES:]

    def finish(self) -> str:
        """Return the SHA-256 in hexadecimal. Errors: as feed."""
        if not self._is_begun:
            self._check_head()
        if self._decoder is not None:
            self._check_text(b"", is_last=True)
        elif _ends_as_archive(self._tail):
            raise EvidenceAmbiguousError("The content ends as a ZIP archive does.", field=self._field)
        return self._digest.hexdigest()

    def _check_head(self) -> None:
        self._is_begun = True
        head = self._head
        if not SIGNATURES[self._media_type](head):
            raise EvidenceTypeMismatchError(f"The content is not {self._media_type}.", field=self._field)
        if self._media_type == _TEXT:
            begins = head.removeprefix(codecs.BOM_UTF8).lstrip()
            if _MARKUP.match(begins) or begins.startswith((b"%PDF-", b"#!", b"{\\rtf")):
                raise EvidenceTypeMismatchError("The content is a page or a document, not text.", field=self._field)
            return
        if _MARKUP.search(head[:_SNIFFED_BYTES]):
            raise EvidenceAmbiguousError("The content begins as a page does.", field=self._field)
        if self._media_type != "application/pdf" and b"%PDF-" in head[:1_024]:
            raise EvidenceAmbiguousError("The content begins as a PDF does.", field=self._field)

    def _check_text(self, data: bytes, *, is_last: bool) -> None:
        if self._decoder is None:
            return
        try:
            text = self._decoder.decode(data, is_last)
        except UnicodeDecodeError:
            raise EvidenceTypeMismatchError("The content is not text in UTF-8.", field=self._field) from None
        if _ODD_CONTROL.search(text):
            raise EvidenceTypeMismatchError("The content has control characters, as no text has.", field=self._field)


def examine(content: bytes, media_type: str, *, field: str) -> str:
    """Return the SHA-256 of content that is of its type. Errors: EvidenceTypeMismatchError, EvidenceAmbiguousError."""
    examiner = Examiner(media_type, field=field)
    examiner.feed(content)
    return examiner.finish()


def _ends_as_archive(tail: bytes) -> bool:
    """Whether it ends with the last record of a ZIP archive, whose comment reaches exactly to the end."""
    place = tail.rfind(_ARCHIVE_END)
    while place >= 0:
        record = tail[place : place + _ARCHIVE_END_BYTES]
        if len(record) == _ARCHIVE_END_BYTES:
            comment = int.from_bytes(record[20:22], "little")
            if place + _ARCHIVE_END_BYTES + comment == len(tail):
                return True
        place = tail.rfind(_ARCHIVE_END, 0, place)
    return False
