"""The lines of an export of the feed: one JSON object per line, bytes in standard base64. Pure.

    {"header": {...}}         the feed, the range, the keys, and the checkpoint that covers the export
    {"position": 1, ...}      an entry: always its leaf hash; its content and salts unless erased or archived
    {"checkpoint": "...", ..} a stored checkpoint, after the last entry that it covers
    {"footer": {...}}         the end: a file without it is incomplete

What is parsed here must not be trusted until verification.py has checked it. docs/audit.md documents the format.
"""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

import orjson

from ledger.errors import InvalidInputError
from ledger.feed.merkle import HASH_BYTES

FORMAT = "jembatan-feed-1"
LINE_BYTES_MAX = 1 << 20
_POSITION_MAX = (1 << 63) - 1


class ExportUnreadableError(InvalidInputError):
    """This is not an export of a feed."""

    code = "EXPORT_UNREADABLE"
    hint = "Pass a file that `jembatan audit export` wrote."


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What an export contains: the positions after + 1 to until.

    peaks are the hashes of the perfect subtrees of the tree of size after; consistency proves that the checkpoint's
    tree begins with the tree of size until.
    """

    feed_id: str
    origin: str
    keys: Sequence[str]
    after: int
    until: int
    oldest_position: int
    peaks: Sequence[bytes]
    checkpoint: str
    consistency: Sequence[bytes]
    exported_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryLine:
    """One entry; entry, reserved and their salts are None if its content was erased or archived.

    sequenced_at is not hashed; files of earlier versions lack it.
    """

    position: int
    leaf_hash: bytes
    entry: str | None = None
    salt: bytes | None = None
    reserved: str | None = None
    reserved_salt: bytes | None = None
    erased_at: datetime | None = None
    sequenced_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointLine:
    """A checkpoint as stored: the note, the columns beside it, and the lines of the witnesses that cosigned it."""

    note: str
    tree_size: int
    root_hash: bytes
    signed_at: datetime | None = None
    cosignatures: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Footer:
    """The end of a complete file; files of earlier versions don't count their checkpoints."""

    entries: int
    until: int
    checkpoints: int | None = None


Line: TypeAlias = Header | EntryLine | CheckpointLine | Footer


def render_line(line: Line) -> bytes:
    """A line with its newline."""
    match line:
        case Header():
            value: dict[str, Any] = {"header": {"format": FORMAT} | _render(line)}
        case Footer():
            value = {"footer": _render(line)}
        case EntryLine():
            value = {name: part for name, part in _render(line).items() if part is not None}
        case CheckpointLine():
            value = {"checkpoint": line.note, "treeSize": line.tree_size, "rootHash": encode(line.root_hash)}
            value |= {} if line.signed_at is None else {"signedAt": line.signed_at.isoformat()}
            value |= {"cosignatures": list(line.cosignatures)} if line.cosignatures else {}
    return orjson.dumps(value) + b"\n"


def parse_line(line: bytes) -> Line | None:
    """Parse a line; None if it is not a line of an export."""
    try:
        value = orjson.loads(line)
        return _parse(value) if isinstance(value, dict) else None
    except (KeyError, TypeError, ValueError):
        return None


def encode(data: bytes) -> str:
    """Bytes as standard base64."""
    return base64.b64encode(data).decode("ascii")


def decode(text: Any) -> bytes:
    """Bytes from standard base64 in canonical form. Errors: TypeError, ValueError."""
    data = base64.b64decode(_text(text), validate=True)
    if encode(data) != text:
        raise ValueError("not canonical base64")
    return data


def decode_hash(text: Any) -> bytes:
    """A hash of 32 bytes from standard base64. Errors: TypeError, ValueError."""
    data = decode(text)
    if len(data) != HASH_BYTES:
        raise ValueError("not a hash of 32 bytes")
    return data


def _parse(value: Mapping[str, Any]) -> Line:
    """Errors: KeyError, TypeError, ValueError."""
    if "position" in value:
        return _parse_entry(value)
    if "checkpoint" in value:
        return CheckpointLine(
            note=_text(value["checkpoint"]),
            tree_size=_number(value["treeSize"]),
            root_hash=decode_hash(value["rootHash"]),
            signed_at=_optional_moment(value.get("signedAt")),
            cosignatures=[_text(line) for line in value.get("cosignatures", ())],
        )
    if "header" in value:
        return _parse_header(value["header"])
    footer = value["footer"]
    count = footer.get("checkpoints")
    return Footer(
        entries=_number(footer["entries"]),
        until=_number(footer["until"]),
        checkpoints=None if count is None else _number(count),
    )


def _parse_entry(value: Mapping[str, Any]) -> EntryLine:
    entry, reserved = value.get("entry"), value.get("reserved")
    salt, reserved_salt = value.get("salt"), value.get("reservedSalt")
    return EntryLine(
        position=_number(value["position"]),
        leaf_hash=decode_hash(value["leafHash"]),
        entry=None if entry is None else _text(entry),
        salt=None if salt is None else decode(salt),
        reserved=None if reserved is None else _text(reserved),
        reserved_salt=None if reserved_salt is None else decode(reserved_salt),
        erased_at=_optional_moment(value.get("erasedAt")),
        sequenced_at=_optional_moment(value.get("sequencedAt")),
    )


def _parse_header(value: Mapping[str, Any]) -> Header:
    if value["format"] != FORMAT:
        raise ValueError("another format")
    return Header(
        feed_id=_text(value["feedId"]),
        origin=_text(value["origin"]),
        keys=[_text(key) for key in value["keys"]],
        after=_number(value["after"]),
        until=_number(value["until"]),
        oldest_position=_number(value["oldestPosition"]),
        peaks=[decode_hash(peak) for peak in value["peaks"]],
        checkpoint=_text(value["checkpoint"]),
        consistency=[decode_hash(part) for part in value["consistency"]],
        exported_at=_moment(value["exportedAt"]),
    )


def _render(line: Header | EntryLine | Footer) -> dict[str, Any]:
    return {_camel(name): _plain(getattr(line, name)) for name in line.__slots__}


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return encode(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(part) for part in value]
    return value


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("not a string")
    return value


def _number(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _POSITION_MAX:
        raise ValueError("not a number of entries")
    return value


def _moment(value: Any) -> datetime:
    moment = datetime.fromisoformat(_text(value))
    if moment.tzinfo is None:
        raise ValueError("no time zone")
    return moment


def _optional_moment(value: Any) -> datetime | None:
    return None if value is None else _moment(value)
