"""Messages of PostgreSQL's protocol for statements that are sent together: what we send, and what comes back.

Pure: it opens no connection. All values travel as text, which the statements cast (`$1::uuid`).
Source: PostgreSQL 18, chapter 54, Frontend/Backend Protocol.
"""

import re
import struct
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

SYNC = b"S\x00\x00\x00\x04"
TERMINATE = b"X\x00\x00\x00\x04"
_LENGTH = struct.Struct("!i")
_COUNT = struct.Struct("!h")
_NULL = _LENGTH.pack(-1)
_HEAD_BYTES = 5
_TAKEN = b"DCIEZ"
"""The kinds of messages that say something: a row, an end of a statement, an error, an end of a transaction."""
_NAMED = re.compile(r"(?<!:):([a-z_][a-z0-9_]*)")
Statement = tuple[str, Sequence[Any] | bytes]
"""A statement with numbered parameters, and their values, which may be encoded already."""


def number_parameters(sql: str, names: Sequence[str]) -> str:
    """A statement whose parameters are named (`:name`), with the place of each name as its number."""
    places = {name: f"${place}" for place, name in enumerate(names, start=1)}
    return _NAMED.sub(lambda match: places[match[1]], sql)


def parse_message(name: str, sql: str) -> bytes:
    """Prepare a statement under a name; the empty name is replaced by the next one."""
    return _message(b"P", name.encode() + b"\0" + sql.encode() + b"\0\x00\x00")


def close_message(name: str) -> bytes:
    """Drop a prepared statement."""
    return _message(b"C", b"S" + name.encode() + b"\0")


def run_message(name: str, values: Sequence[Any] | bytes = ()) -> bytes:
    """Bind values, or what encode_values made of them, to a prepared statement and execute it."""
    encoded = values if isinstance(values, bytes) else encode_values(values)
    body = b"\0" + name.encode() + b"\0\x00\x00" + encoded + b"\x00\x00"
    return _message(b"B", body) + b"E\x00\x00\x00\x09\x00\x00\x00\x00\x00"


def encode_values(values: Sequence[Any]) -> bytes:
    """The values of a statement's parameters, which may be sent any number of times. Errors: as encode_value."""
    parts = [_COUNT.pack(len(values))]
    for value in values:
        encoded = encode_value(value)
        if encoded is None:
            parts.append(_NULL)
        else:
            parts += [_LENGTH.pack(len(encoded)), encoded]
    return b"".join(parts)


def encode_value(value: Any) -> bytes | None:
    """A value as PostgreSQL reads it from text. Errors: TypeError for a kind that no statement takes."""
    if value is None:
        return None
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, bool):
        return b"true" if value else b"false"
    if isinstance(value, int):
        return str(value).encode()
    if isinstance(value, date):
        return value.isoformat().encode()
    if isinstance(value, list | tuple):
        return ("{" + ",".join(_encode_element(each) for each in value) + "}").encode()
    raise TypeError(f"A statement takes no {type(value).__name__}.")


def _encode_element(value: Any) -> str:
    if value is None:
        return "NULL"
    encoded = encode_value(value)
    text = (encoded or b"").decode()
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _message(kind: bytes, body: bytes) -> bytes:
    return kind + _LENGTH.pack(len(body) + 4) + body


class FailedStatementError(Exception):
    """PostgreSQL refused a statement; sqlstate is its code, and rows what the statements before it returned."""

    def __init__(self, fields: Mapping[str, str]) -> None:
        """Keep the code, and what PostgreSQL says about it."""
        super().__init__(fields.get("M", "PostgreSQL failed without a message."))
        self.sqlstate = fields.get("C", "XX000")
        self.rows: list[list[bytes | None] | None] = []


class Reply:
    """What came back for the statements of one call: the first row of each, until PostgreSQL is ready for more.

    Shapes: rows has, for each statement that was executed, the columns of its first row as text, or None.
    """

    __slots__ = ("_buffer", "_row", "_syncs", "failure", "is_ready", "rows")

    def __init__(self, syncs: int) -> None:
        """Nothing has come yet. PostgreSQL is ready after each of so many ends of a transaction."""
        self._syncs = syncs
        self._buffer = bytearray()
        self._row: list[bytes | None] | None = None
        self.rows: list[list[bytes | None] | None] = []
        self.failure: FailedStatementError | None = None
        self.is_ready = False

    def feed(self, data: bytes) -> None:
        """Take what arrived; is_ready says whether it was all."""
        buffer = self._buffer
        buffer += data
        place = 0
        while len(buffer) - place >= _HEAD_BYTES:
            (length,) = _LENGTH.unpack_from(buffer, place + 1)
            end = place + 1 + length
            if end > len(buffer):
                break
            if buffer[place] in _TAKEN:
                self._take(buffer[place], bytes(memoryview(buffer)[place + _HEAD_BYTES : end]))
            place = end
        del buffer[:place]

    def _take(self, kind: int, body: bytes) -> None:
        if kind == ord("D"):
            if self._row is None:
                self._row = _read_row(body)
        elif kind in b"CI":  # command complete, or an empty query
            self.rows.append(self._row)
            self._row = None
        elif kind == ord("E"):
            self.failure = self.failure or FailedStatementError(_read_fields(body))
        elif kind == ord("Z"):
            self._syncs -= 1
            self.is_ready = self._syncs == 0
            if self.failure is not None:
                self.failure.rows = self.failure.rows or list(self.rows)


def _read_row(body: bytes) -> list[bytes | None]:
    (count,) = _COUNT.unpack_from(body, 0)
    place = _COUNT.size
    row: list[bytes | None] = []
    for _ in range(count):
        (length,) = _LENGTH.unpack_from(body, place)
        place += _LENGTH.size
        if length < 0:
            row.append(None)
        else:
            row.append(body[place : place + length])
            place += length
    return row


def _read_fields(body: bytes) -> dict[str, str]:
    return {each[:1].decode(): each[1:].decode(errors="replace") for each in body.split(b"\0") if each}
