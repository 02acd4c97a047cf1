"""Pages: keyset cursors that stay valid when rows are inserted, and the limits of a page.

A cursor contains the last row's sort values and the list's name, so that it can't be used with another list or
order. It is opaque but not secret: it must contain nothing that its reader was not shown.
"""

import base64
import binascii
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, NoReturn, TypeVar, overload

import orjson
from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    DateTime,
    Uuid,
    and_,
    false,
    func,
    literal,
    or_,
    true,
    tuple_,
)

from ledger.errors import CursorInvalidError, InvalidInputError
from ledger.identifiers import parse_id
from ledger.storage.database import Transaction
from ledger.storage.records import declaration_of
from ledger.storage.rows import fetch_records, select_records

T = TypeVar("T")

PAGE_SIZE_DEFAULT = 50
PAGE_SIZE_MAX = 500
BATCH_SIZE_MAX = 1000
_CURSOR_LENGTH_MAX = 1024
_INTEGER_MAX, _BIG_INTEGER_MAX = 2**31 - 1, 2**63 - 1


class PageSizeError(InvalidInputError):
    """The page size is out of range."""

    code = "PAGE_SIZE_INVALID"
    hint = f"Ask for 1 to {PAGE_SIZE_MAX} at a time."


@dataclass(frozen=True, slots=True, kw_only=True)
class PageRequest:
    """Which part of a list to return: the first items after the cursor."""

    first: int = PAGE_SIZE_DEFAULT
    after: str | None = None

    def __post_init__(self) -> None:
        """Errors: PageSizeError."""
        if not 1 <= self.first <= PAGE_SIZE_MAX:
            raise PageSizeError(field="first")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A part of a list in the list's order, with a cursor for each item.

    ends_at is the cursor from which a page without items goes on, for a list that grows at its end.
    """

    items: Sequence[T]
    cursors: Sequence[str]
    has_next_page: bool
    ends_at: str | None = None

    @property
    def end_cursor(self) -> str | None:
        """The cursor from which to go on: the last item's, or ends_at."""
        return self.cursors[-1] if self.cursors else self.ends_at


def encode_cursor(list_name: str, values: Sequence[Any]) -> str:
    """A row's sort values as an opaque cursor; times are encoded in ISO 8601."""
    return base64.urlsafe_b64encode(orjson.dumps([list_name, *values])).decode().rstrip("=")


class Cursors(Sequence[str]):
    """The cursors of a page's items, each made when it is read: most answers contain one of them, or none."""

    def __init__(self, list_name: str, names: Sequence[str], items: Sequence[Any]) -> None:
        """Make none yet. names are the fields of an item whose values its cursor contains."""
        self._list_name = list_name
        self._names = names
        self._items = items

    def __len__(self) -> int:
        return len(self._items)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[str]: ...
    def __getitem__(self, index: int | slice) -> str | Sequence[str]:
        if isinstance(index, slice):
            return Cursors(self._list_name, self._names, self._items[index])
        item = self._items[index]
        return encode_cursor(self._list_name, [getattr(item, name) for name in self._names])


def decode_cursor(list_name: str, cursor: str, *, length: int) -> list[Any]:
    """The sort values in a cursor of this list. Errors: CursorInvalidError."""
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
    """A row's id from a cursor. Errors: CursorInvalidError."""
    known = parse_id(value) if isinstance(value, str) else None
    if known is None:
        raise CursorInvalidError(field="after")
    return known


def cursor_moment(value: Any) -> datetime:
    """A time from a cursor. Errors: CursorInvalidError."""
    try:
        moment = datetime.fromisoformat(value)
        # Near its ends, a time with an offset may be none in UTC, in which it is sent to the database.
        return moment.astimezone(UTC) if moment.tzinfo is not None else _refuse_cursor()
    except (TypeError, ValueError, OverflowError):
        _refuse_cursor()


@dataclass(frozen=True, slots=True)
class Listing(Generic[T]):
    """A list of records: its name in cursors, and its sort fields, with `-` before those that descend.

    The last field must be unique. In an ascending field, NULLs sort last. cursor names the fields that a cursor
    contains, if there are more of them than sort fields: clients keep cursors, so their form must not change.
    is_led: a filter finds the rows, which are sorted afterwards, as `leading` in filters.py says.
    """

    name: str
    record: type[T]
    sort: tuple[str, ...]
    cursor: tuple[str, ...] = ()
    is_led: bool = False


async def fetch_page(
    tx: Transaction, listing: Listing[T], page: PageRequest, *conditions: ColumnElement[bool]
) -> Page[T]:
    """A page of the records that meet the conditions, in one statement. Errors: CursorInvalidError."""
    order = [_sorted_by(listing.record, field) for field in listing.sort]
    names = listing.cursor or tuple(column.name for column, _ in order)
    if page.after is not None:
        conditions = (*conditions, decode_page_cursor(listing, page.after))
    statement = select_records(tx, listing.record).where(*conditions).limit(page.first + 1)
    statement = statement.order_by(*sort_by(order, is_led=listing.is_led))
    rows = await fetch_records(tx, listing.record, statement)
    items = rows[: page.first]
    note_items(tx, listing.record, items, is_continued=page.after is not None)
    cursors = Cursors(listing.name, names, items)
    return Page(items, cursors, has_next_page=len(rows) > page.first)


def decode_page_cursor(listing: Listing[Any], after: str) -> ColumnElement[bool]:
    """The condition for what follows a cursor of the list. Errors: CursorInvalidError."""
    order = [_sorted_by(listing.record, field) for field in listing.sort]
    names = listing.cursor or tuple(column.name for column, _ in order)
    held = dict(zip(names, decode_cursor(listing.name, after, length=len(names)), strict=True))
    after_it = rows_after(order, [held[column.name] for column, _ in order])
    # Where a filter leads, its own index is to find the rows, and not that of the cursor's field.
    return after_it.is_(true()) if listing.is_led else after_it


def note_items(tx: Transaction, record: type[Any], items: Iterable[Any], *, is_continued: bool = False) -> None:
    """Note that items of a record's list were read, by their keys."""
    declaration = declaration_of(record)
    key = declaration.key
    if len(key) == 1:
        ids = [str(getattr(item, key[0])) for item in items]
    else:
        ids = ["/".join(str(getattr(item, name)) for name in key) for item in items]
    tx.accesses.note_items(declaration.table.name, ids, is_continued=is_continued)


def _sorted_by(record: type[Any], field: str) -> tuple[Column[Any], bool]:
    return declaration_of(record).table.c[field.removeprefix("-")], field.startswith("-")


def sort_by(order: Sequence[tuple[ColumnElement[Any], bool]], *, is_led: bool) -> list[ColumnElement[Any]]:
    """The expressions of ORDER BY; order gives each column and whether it descends.

    is_led: the same order, NULLs included, as whole rows, which no index has. The columns must have one direction.
    """
    if not is_led:
        return [column.desc() if descends else column.asc() for column, descends in order]
    (descends,) = {descends for _, descends in order}
    row = func.row(*(column for column, _ in order))
    return [row.desc() if descends else row.asc()]


def rows_after(order: Sequence[tuple[Column[Any], bool]], values: Sequence[Any]) -> ColumnElement[bool]:
    """The condition for rows after the cursor's; order gives each column and whether it descends."""
    read = [_read_value(column, value) for (column, _), value in zip(order, values, strict=True)]
    if _is_one_comparison(order, read):
        after = tuple_(*(column for column, _ in order))
        reached = tuple_(*(literal(value, column.type) for (column, _), value in zip(order, read, strict=True)))
        return after < reached if order[0][1] else after > reached
    return _rows_beyond(order, read)


def _is_one_comparison(order: Sequence[tuple[Column[Any], bool]], values: Sequence[Any]) -> bool:
    """Whether the rows can be compared whole, so that an index starts at the cursor and passes over nothing."""
    is_mixed = len({descends for _, descends in order}) > 1
    may_end_in_nulls = any(column.nullable and not descends for column, descends in order)
    return not (is_mixed or may_end_in_nulls or any(value is None for value in values))


def _rows_beyond(order: Sequence[tuple[Column[Any], bool]], values: Sequence[Any]) -> ColumnElement[bool]:
    (column, descends), *rest = order
    value = values[0]
    beyond: ColumnElement[bool] = false()
    if value is not None:
        beyond = column < value if descends else column > value
        if column.nullable and not descends:
            beyond = or_(beyond, column.is_(None))
    equal = column.is_(None) if value is None else column == value
    return or_(beyond, and_(equal, _rows_beyond(rest, values[1:]))) if rest else beyond


def _read_value(column: Column[Any], value: Any) -> Any:
    """A cursor's value, converted to its column's type. Errors: CursorInvalidError."""
    if value is None and column.nullable:
        return None
    if isinstance(column.type, Uuid):
        return cursor_id(value)
    if isinstance(column.type, DateTime):
        return cursor_moment(value)
    is_fitting = isinstance(value, column.type.python_type) and not isinstance(value, bool)
    if isinstance(value, int):
        limit = _BIG_INTEGER_MAX if isinstance(column.type, BigInteger) else _INTEGER_MAX
        is_fitting = is_fitting and -limit <= value <= limit
    if isinstance(value, str):
        is_fitting = is_fitting and "\x00" not in value
    return value if is_fitting else _refuse_cursor()


def _refuse_cursor() -> NoReturn:
    raise CursorInvalidError(field="after")
