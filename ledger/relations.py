"""Relations: how records of one kind are found from those of another, who may see them, and what is noted of it.

A relation is declared once and used in two ways. Called with keys, it loads the records of all of them in one
statement (resolvers/loaders.py); compiled into a statement (ledger/compiling/), it is a sub-select of it.

    load_brands = ToOne(Brand, kinds=NOT_AGENCIES)
    load_acknowledgements = ToMany(OrderAcknowledgement, by="order_id", order=("id",), visible=own_statements)

    list_order_complaints = Linked(Complaint, link=OrderComplaint, of="order_id", to="complaint_id", name=...)

Row-level security enforces each rule of visibility a second time.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Uuid, select

from ledger.accesses import AccessKind
from ledger.identifiers import parse_id
from ledger.storage.columns import is_any
from ledger.storage.database import Transaction
from ledger.storage.markers import Columns
from ledger.storage.records import declaration_of
from ledger.storage.rows import fetch_records, select_records
from ledger.viewer import Viewer, ViewerKind

R = TypeVar("R")
Visible = Callable[[Viewer, Columns], ColumnElement[bool]]


@dataclass(frozen=True, slots=True)
class Note:
    """What is noted of records that were shown: the kind, the list, and the columns that identify each."""

    kind: AccessKind
    listed: str | None
    columns: tuple[str, ...]

    def render(self, record: Any) -> str:
        """What identifies a record in the record of accesses."""
        return "/".join(str(getattr(record, name)) for name in self.columns)


def note_of(record: type[Any]) -> Note:
    """The note of items of a record's list, by their keys."""
    declaration = declaration_of(record)
    return Note(AccessKind.LIST, declaration.table.name, declaration.key)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Relation(Generic[R]):
    """Records that are found by the value of one column.

    kinds are the viewers that may see any; None means all. visible limits the rows for a viewer of these kinds; without
    it, row-level security alone does.
    """

    record: type[R] = field(kw_only=False)
    by: str = "id"
    kinds: frozenset[ViewerKind] | None = None
    visible: Visible | None = None
    note: Note | None = None

    async def fetch(
        self, tx: Transaction, keys: Sequence[str], order: Sequence[str] = (), *, rows_max: int | None = None
    ) -> list[R]:
        """The records with these keys that the viewer may see, in one statement, which notes them as read."""
        columns = declaration_of(self.record).table.c
        column = columns[self.by]
        if isinstance(column.type, Uuid):
            keys = [known for key in keys if (known := parse_id(key))]
        if not keys or (self.kinds is not None and tx.viewer.kind not in self.kinds):
            return []
        statement = select_records(tx, self.record).where(is_any(column, sorted(set(keys))))
        if self.visible is not None:
            statement = statement.where(self.visible(tx.viewer, columns))
        statement = statement.order_by(*(columns[name] for name in order))
        if rows_max is not None:
            statement = statement.limit(rows_max)
        found = await fetch_records(tx, self.record, statement)
        self.note_shown(tx, found)
        return found

    def note_shown(self, tx: Transaction, found: Sequence[R]) -> None:
        """Note that these were read."""
        note = self.note
        if note is None or not found:
            return
        ids = [note.render(each) for each in found]
        if note.kind is AccessKind.LIST and note.listed is not None:
            tx.accesses.note_items(note.listed, ids)
        else:
            tx.accesses.note(note.kind, ids)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ToOne(Relation[R]):
    """At most one record for each key.

    elsewhere finds what is known of keys whose records the viewer may not see or that are not stored: where it is
    given, an absent row doesn't mean that there is nothing.
    """

    elsewhere: Callable[[Transaction, Sequence[str]], Awaitable[dict[str, R]]] | None = None

    def named(self, key: str) -> tuple[ColumnElement[bool], ...] | None:
        """The conditions for the one record with this key; None if no record can have it."""
        column = declaration_of(self.record).table.c[self.by]
        known = parse_id(key) if isinstance(column.type, Uuid) else key
        return None if known is None else (column == known,)

    async def __call__(self, tx: Transaction, keys: Sequence[str]) -> dict[str, R]:
        """Return the records by key, without those that the viewer may not see."""
        found: dict[str, R] = {getattr(each, self.by): each for each in await self.fetch(tx, keys)}
        if self.elsewhere is not None and (missing := sorted(set(keys) - found.keys())):
            more = await self.elsewhere(tx, missing)
            self.note_shown(tx, list(more.values()))
            found |= more
        return found


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ToMany(Relation[R]):
    """The records for each key, in the order of these columns; rows_max bounds those of all keys together."""

    order: tuple[str, ...] = ("id",)
    rows_max: int | None = None

    async def __call__(self, tx: Transaction, keys: Sequence[str]) -> dict[str, list[R]]:
        """Return the records by key, in order; every given key has an entry."""
        found: dict[str, list[R]] = {key: [] for key in keys}
        for each in await self.fetch(tx, keys, self.order, rows_max=self.rows_max):
            found.setdefault(getattr(each, self.by), []).append(each)
        return found


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Linked(Relation[R]):
    """The records that others link with each key, in the order of their ids, page by page.

    of and to are the link's fields that hold the key and the record's id. A cursor contains name, the key and the id.
    """

    link: type[Any]
    of: str
    to: str
    name: str

    def name_list(self, key: str) -> str:
        """The list's name in cursors."""
        return f"{self.name}:{key}"

    async def list_ids(self, tx: Transaction, keys: Sequence[str]) -> dict[str, list[str]]:
        """The ids of the records for each key, in one statement; every given key has an entry."""
        found: dict[str, list[str]] = {key: [] for key in keys}
        if self.kinds is not None and tx.viewer.kind not in self.kinds:
            return found
        of, to = (declaration_of(self.link).table.c[name] for name in (self.of, self.to))
        statement = select(of.label("key"), to.label("id")).where(is_any(of, list(keys))).order_by(to)
        for row in await tx.execute(statement):
            found[row.key].append(row.id)
        return found
