"""Pages: keyset cursors that survive inserts, and the bounds of a page.

A cursor names the last row by the values that the list is sorted by, and the list's name, so that it can't be
used with another list or order. It is opaque, not secret: it holds nothing that its reader was not shown.
"""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

import orjson
from sqlalchemy import ColumnElement, and_, or_

from ledger.errors import CursorInvalidError, InvalidInputError
from ledger.identifiers import parse_id

T = TypeVar("T")

PAGE_SIZE_DEFAULT = 50
PAGE_SIZE_MAX = 500
BATCH_SIZE_MAX = 1000
_CURSOR_LENGTH_MAX = 1024


class PageSizeError(InvalidInputError):
    """The page size is out of bounds."""

    code = "PAGE_SIZE_INVALID"
    hint = f"Ask for 1 to {PAGE_SIZE_MAX} at a time."


@dataclass(frozen=True, slots=True, kw_only=True)
class PageRequest:
    """What part of a list is wanted: the first so many after the cursor."""

    first: int = PAGE_SIZE_DEFAULT
    after: str | None = None

    def __post_init__(self) -> None:
        """Errors: PageSizeError."""
        if not 1 <= self.first <= PAGE_SIZE_MAX:
            raise PageSizeError(field="first")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A part of a list, in its order, each item with its cursor."""

    items: Sequence[T]
    cursors: Sequence[str]
    has_next_page: bool


def encode_cursor(list_name: str, values: Sequence[Any]) -> str:
    """The opaque form of a row's sort values; times become ISO texts."""
    return base64.urlsafe_b64encode(orjson.dumps([list_name, *values])).decode().rstrip("=")


def decode_cursor(list_name: str, cursor: str, *, length: int) -> list[Any]:
    """The sort values that a cursor of this list stands for. Errors: CursorInvalidError."""
    if len(cursor) > _CURSOR_LENGTH_MAX or not cursor.isascii():
        raise CursorInvalidError(field="after")
    try:
        decoded = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError):
        raise CursorInvalidError(field="after") from None
    if not isinstance(decoded, list) or len(decoded) != length + 1 or decoded[0] != list_name:
        raise CursorInvalidError(field="after")
    return decoded[1:]


def cursor_id(value: Any) -> str:
    """A row's id out of a cursor. Errors: CursorInvalidError."""
    known = parse_id(value) if isinstance(value, str) else None
    if known is None:
        raise CursorInvalidError(field="after")
    return known


def cursor_moment(value: Any) -> datetime:
    """A time out of a cursor. Errors: CursorInvalidError."""
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise CursorInvalidError(field="after") from None
    if moment.tzinfo is None:
        raise CursorInvalidError(field="after")
    return moment


def rows_after(columns: Sequence[tuple[ColumnElement[Any], bool]], values: Sequence[Any]) -> ColumnElement[bool]:
    """The condition for rows behind the cursor's, where each column comes with whether it descends.

    The columns hold no NULL; the last one is unique.
    """
    alternatives = []
    for index, (column, descends) in enumerate(columns):
        equal = [earlier == values[place] for place, (earlier, _) in enumerate(columns[:index])]
        alternatives.append(and_(*equal, column < values[index] if descends else column > values[index]))
    return or_(*alternatives)
