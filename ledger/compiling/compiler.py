"""Makes the statement of one root field: its text is the field's JSON, put together by PostgreSQL.

A relationship is a correlated sub-select; a page is an ordered sub-select of one row more than asked for. Everything
that differs between two requests with the same plan is a parameter, so that a statement serves them all.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import Boolean, ColumnElement, Integer, Select, Uuid, bindparam, literal_column, select

from ledger.compiling.catalog import Branch, Catalog, Leaf, Pages, Part, Shown
from ledger.compiling.programs import END, SHOWN, Program
from ledger.compiling.rendering import (
    Numbering,
    Piece,
    UncompilableError,
    braced,
    constant,
    join,
    parent_column,
    render_cursor_value,
    render_leaf,
    unsure_sql,
)
from ledger.compiling.selected import Selected
from ledger.counting import Counting
from ledger.pages import PAGE_SIZE_MAX, Listing, sort_by
from ledger.relations import Note, Relation, note_of
from ledger.storage.markers import AS_OF, Columns
from ledger.storage.records import declaration_of
from ledger.storage.roles import ROLE_OF_VIEWER, Role, may_read
from ledger.viewer import Viewer

MEMBER = bindparam("viewer_member_id", type_=Uuid(as_uuid=False))
BRAND = bindparam("viewer_brand_id", type_=Uuid(as_uuid=False))
"""The ids of a viewer, in statements that serve every viewer of a kind."""
_SUPPLIED = {each.key: each.key for each in (AS_OF, MEMBER, BRAND)}
FIRST, HAS_PREVIOUS, BYTES_MAX = "first", "has_previous", "bytes_max"
"""The values that a run supplies, besides the viewer's ids and the time."""
COUNTED_FIELDS = frozenset({"totalCount", "isExact"})
"""The fields of a page that tell how many items the whole list has."""
_INTEGER, _BOOLEAN = Integer(), Boolean()

Refuses = Callable[[Selected], bool]
"""Whether a field is refused and therefore null; it raises UncompilableError if the refusal isn't reported."""


@dataclass(frozen=True, slots=True)
class ViewerScope:
    """A kind of viewer, whose ids are parameters: what is compiled for it serves every viewer of the kind."""

    viewer: Viewer
    present_role: Role

    @classmethod
    def of(cls, viewer: Viewer) -> "ViewerScope":
        """The kind of this viewer; whether a client is narrowed to one brand is part of it."""
        ids: dict[str, Any] = {"member_id": MEMBER, "brand_id": None if viewer.brand_id is None else BRAND}
        return cls(replace(viewer, **ids), ROLE_OF_VIEWER[viewer.kind])


@dataclass(frozen=True, slots=True)
class Conditions:
    """Conditions for rows whose values are parameters.

    Shapes: shape is equal for conditions whose statement is the same; known numbers the parameters of values.
    """

    clauses: tuple[ColumnElement[bool], ...]
    shape: tuple[Any, ...]
    values: tuple[Any, ...]
    known: Mapping[str, int]

    @classmethod
    def of(cls, clauses: Sequence[ColumnElement[bool]], counting: Counting | None = None) -> "Conditions":
        """Read the values out of conditions, and out of what counts the list. Errors: UncompilableError."""
        shape: list[Any] = []
        values: list[Any] = []
        known: dict[str, int] = {}
        for clause in (*clauses, *((counting.rows,) if counting is not None else ())):
            found = clause._generate_cache_key()  # noqa: SLF001 - what SQLAlchemy's own cache of statements goes by
            if found is None:
                raise UncompilableError
            shape.append(found.key)
            for bound in found.bindparams:
                if bound.key in _SUPPLIED:
                    continue
                if bound.expanding:
                    shape.append(tuple(bound.effective_value or ()))
                    continue
                known[bound.key] = len(values)
                values.append(bound.effective_value)
        return cls(tuple(clauses), tuple(shape), tuple(values), known)


@dataclass(slots=True)
class Source:
    """The rows that a part of the statement reads: the table or alias, and how it is called there."""

    record: type[Any]
    table: Any
    columns: Columns
    name: str


@dataclass(slots=True)
class Compilation:
    """The making of one statement.

    counting is how the whole list is counted, whatever page of it is read. is_recorded: what the viewer is shown is
    noted in the text.
    """

    catalog: Catalog
    scope: ViewerScope
    refuses: Refuses
    conditions: Conditions
    counting: Counting | None
    is_recorded: bool
    numbering: Numbering = field(init=False)
    notes: dict[Note, int] = field(default_factory=dict)
    _aliases: int = 0

    def __post_init__(self) -> None:
        """Begin with no parameters."""
        self.numbering = Numbering({**_SUPPLIED, **self.conditions.known})

    def compile_named(self, root: Selected, type_name: str, relation: Relation[Any]) -> Program:
        """The statement of a field that returns one record; it returns no row if there is none."""
        self._check_kind(relation.kinds)
        source = self._root(relation.record)
        text = self.object(type_name, root.members[type_name], source, relation.note)
        rows = self._select(source, relation).where(*self.conditions.clauses).limit(1)
        return self._finish(self.numbering.render(rows.add_columns(literal_column(text).label("t"))))

    def compile_page(self, root: Selected, type_name: str, node_type: str, listing: Listing[Any]) -> Program:
        """The statement of a field that returns a page of a list. The row after the page tells that it goes on."""
        source = self._root(listing.record)
        page = _Page(self, source, listing, node_type, first=self.first())
        text = page.render(root.members[type_name])
        order = [(source.columns[each.removeprefix("-")], each.startswith("-")) for each in listing.sort]
        rows: Any = select(*(literal_column(sql).label(name) for name, sql in page.columns.items()))
        rows = rows.select_from(source.table).where(*self.conditions.clauses)
        rows = rows.order_by(*sort_by(order, is_led=listing.is_led))
        # PostgreSQL keeps one plan for all pages only if its guess of their size is no worse than the size itself.
        longest = f"{self.numbering.render(rows, is_whole=True)} LIMIT {PAGE_SIZE_MAX + 1}"
        inner = f"SELECT * FROM ({longest}) AS q LIMIT (SELECT {self.first()} + 1)"
        counted = f", ({page.counted}) AS c" if page.counted is not None else ""
        return self._finish(f"SELECT {text} AS t FROM (SELECT {page.gather()} FROM ({inner}) AS r) AS p{counted}")

    def first(self) -> str:
        """How many items the page has, as SQL."""
        return f"{self.numbering.place(FIRST, _INTEGER)}"

    def note(self, note: Note | None, source: Source) -> str | None:
        """The mark that a record was shown, as SQL; None where nothing is noted."""
        if note is None or not self.is_recorded:
            return None
        number = self.notes.setdefault(note, len(self.notes))
        ids = " || '/' || ".join(f"({self.numbering.render(source.columns[name])})::text" for name in note.columns)
        return f"E'\\x{ord(SHOWN):02x}{number}:' || {ids} || E'\\x{ord(END):02x}'"

    def object(self, type_name: str, fields: Sequence[Selected], source: Source, note: Note | None) -> str:
        """A record as JSON text, in SQL; never NULL. Errors: UncompilableError."""
        shape = self.catalog.get(type_name)
        if shape is None:
            raise UncompilableError
        pieces = self._fields(type_name, fields, shape.fields, source)
        mark = self.note(note, source)
        return join(pieces if mark is None else [*pieces, (mark,)])

    def _fields(
        self, type_name: str, fields: Sequence[Selected], shown: Mapping[str, Shown], source: Source
    ) -> list[Piece]:
        return braced((each.key, [self._value(type_name, each, shown.get(each.name), source)]) for each in fields)

    def _value(self, type_name: str, selected: Selected, shown: Shown | None, source: Source) -> Piece:
        if selected.name == "__typename":
            return f'"{type_name}"'
        if shown is None:
            raise UncompilableError
        if self.refuses(selected):
            return _null(is_required=shown.is_required)
        if isinstance(shown, Leaf):
            return self._leaf(shown, source)
        if isinstance(shown, Part):
            return self._part(shown, selected, source)
        if isinstance(shown, Pages):
            return self._pages(shown, selected, source)
        return self._many(shown, selected, source) if shown.is_list else self._one(shown, selected, source)

    def _part(self, part: Part, selected: Selected, source: Source) -> Piece:
        role, members = self.scope.present_role, declaration_of(source.record).members
        given = [name for name in part.given if may_read(members[name].readers, role)]
        if not given:
            return _null(is_required=part.is_required)
        text = join(self._fields(part.type_name, selected.members[part.type_name], part.fields, source))
        is_absent = " AND ".join(f"{self.numbering.render(self._expression(name, source))} IS NULL" for name in given)
        absent = unsure_sql() if part.is_required else constant("null")
        return (f"CASE WHEN {is_absent} THEN {absent} ELSE {text} END",)

    def _leaf(self, leaf: Leaf, source: Source) -> Piece:
        member = declaration_of(source.record).members[leaf.name]
        if not may_read(member.readers, self.scope.present_role):
            return _null(is_required=leaf.is_required)
        expression = self._expression(leaf.name, source)
        return (render_leaf(self.numbering, expression, leaf.form, is_required=leaf.is_required),)

    def _expression(self, name: str, source: Source) -> ColumnElement[Any]:
        derivation = declaration_of(source.record).members[name].derivation
        return source.columns[name] if derivation is None else derivation.expression(source.columns)

    def _one(self, branch: Branch, selected: Selected, source: Source) -> Piece:
        relation = branch.relation
        key = self._key(branch, source)
        if key is None or not self._may_see(relation):
            return _null(is_required=branch.is_required)
        target = self._alias(relation.record)
        text = self.object(branch.type_name, selected.members[branch.type_name], target, relation.note)
        found = self.numbering.render(
            self._select(target, relation)
            .where(target.columns[relation.by] == key)
            .add_columns(literal_column(text).label("t"))
        )
        if getattr(relation, "elsewhere", None) is not None:
            # An absent row says nothing here: what is known of it is found another way.
            absent = unsure_sql() if branch.is_required else constant("null")
            is_absent = f"{self.numbering.render(key)} IS NULL"
            return (f"CASE WHEN {is_absent} THEN {absent} ELSE coalesce(({found}), {unsure_sql()}) END",)
        return (f"coalesce(({found}), {unsure_sql() if branch.is_required else constant('null')})",)

    def _many(self, branch: Branch, selected: Selected, source: Source) -> Piece:
        relation: Any = branch.relation
        key = self._key(branch, source)
        if key is None or not self._may_see(relation):
            return "[]"
        target = self._alias(relation.record)
        text = self.object(branch.type_name, selected.members[branch.type_name], target, relation.note)
        rows = self._select(target, relation).where(target.columns[relation.by] == key)
        rows = rows.order_by(*(target.columns[name] for name in relation.order)).limit(relation.rows_max)
        found = self.numbering.render(rows.add_columns(literal_column(text).label("t")))
        return (f"'[' || array_to_string(ARRAY({found}), ',') || ']'",)

    def _pages(self, pages: Pages, selected: Selected, source: Source) -> Piece:
        relation = pages.relation
        key = self._key(pages, source)
        if key is None or not self._may_see(relation) or not 1 <= (selected.first or 0) <= PAGE_SIZE_MAX:
            raise UncompilableError
        link, target = self._alias(relation.link), self._alias(relation.record)
        [by] = declaration_of(relation.record).key
        listing = Listing(relation.name, relation.record, (by,))
        page = _Page(self, target, listing, pages.node_type, first=str(selected.first), of=key)
        text = page.render(selected.members[pages.type_name])
        joined = link.table.join(target.table, link.columns[relation.to] == target.columns[by])
        rows: Any = select(*(literal_column(sql).label(name) for name, sql in page.columns.items()))
        rows = rows.select_from(joined).where(link.columns[relation.of] == key)
        if relation.visible is not None:
            rows = rows.where(relation.visible(self.scope.viewer, target.columns))
        rows = rows.order_by(link.columns[relation.to])
        inner = f"{self.numbering.render(rows)} LIMIT {(selected.first or 0) + 1}"
        return (f"(SELECT {text} FROM (SELECT {page.gather()} FROM ({inner}) AS r) AS p)",)

    def _key(self, branch: Branch | Pages, source: Source) -> ColumnElement[Any] | None:
        """The value that the relation is followed from; None where the viewer may not read it."""
        member = declaration_of(source.record).members[branch.by]
        if not may_read(member.readers, self.scope.present_role):
            return None
        return parent_column(source.name, branch.by, source.columns[branch.by].type)

    def _select(self, source: Source, relation: Relation[Any]) -> Select[Any]:
        rows = select().select_from(source.table)
        return rows if relation.visible is None else rows.where(relation.visible(self.scope.viewer, source.columns))

    def _may_see(self, relation: Relation[Any]) -> bool:
        return relation.kinds is None or self.scope.viewer.kind in relation.kinds

    def _check_kind(self, kinds: Any) -> None:
        if kinds is not None and self.scope.viewer.kind not in kinds:
            raise UncompilableError

    def _root(self, record: type[Any]) -> Source:
        table = declaration_of(record).table
        return Source(record, table, table.c, table.name)

    def _alias(self, record: type[Any]) -> Source:
        self._aliases += 1
        name = f"t{self._aliases}"
        table = declaration_of(record).table.alias(name)
        return Source(record, table, table.c, name)

    def _finish(self, sql: str) -> Program:
        bytes_max = self.numbering.place(BYTES_MAX, _INTEGER)
        whole = (
            f"SELECT octet_length(s.t) AS size, CASE WHEN octet_length(s.t) <= {bytes_max} THEN s.t END AS t "
            f"FROM ({sql} OFFSET 0) AS s"
        )
        return Program(whole, tuple(self.numbering.placed), tuple(self.notes))


class _Page:
    """The parts of a page: what is selected of each row, and the text that is made of all rows together.

    first is SQL: how many items it has. of is the key of a list that belongs to a record, whose name contains it and of
    which it is the first page.
    """

    def __init__(
        self,
        making: Compilation,
        source: Source,
        listing: Listing[Any],
        node_type: str,
        *,
        first: str,
        of: ColumnElement[Any] | None = None,
    ) -> None:
        self._making, self._source, self._listing, self._node_type = making, source, listing, node_type
        self._first, self._of = first, of
        self.columns: dict[str, str] = {}
        self.counted: str | None = None

    def gather(self) -> str:
        """What is selected of all rows together."""
        return ", ".join(f"array_agg(r.{name}) AS {name}" for name in self.columns)

    def render(self, fields: Sequence[Selected]) -> str:
        """The page as JSON text, in SQL over the gathered rows p; never NULL. Errors: UncompilableError."""
        self._note_first()
        pieces = braced((each.key, [self._field(each)]) for each in fields)
        if "shown" in self.columns:
            pieces.insert(0, (f"coalesce(array_to_string(p.shown[1:{self._first}], ''), '')",))
        if not self.columns:
            self.columns["n"] = "1"
        return join(pieces)

    def _note_first(self) -> None:
        """The rows of the page are noted once, whatever is selected of them, and first."""
        mark = self._making.note(note_of(self._listing.record), self._source)
        if mark is not None:
            self.columns["shown"] = mark

    def _field(self, selected: Selected) -> Piece:
        if selected.name == "__typename":
            return f'"{selected.parent}"'
        if self._making.refuses(selected):
            return _null(is_required=selected.name in {"pageInfo", *COUNTED_FIELDS})
        if selected.name == "nodes":
            return self._gather(self._making.object(*self._node(selected)))
        if selected.name == "edges":
            return self._gather(self._edge(selected))
        if selected.name == "pageInfo":
            return self._page_info(selected)
        if selected.name in COUNTED_FIELDS:
            return (self._count(selected.name),)
        raise UncompilableError

    def _node(self, selected: Selected) -> tuple[str, tuple[Selected, ...], Source, None]:
        return self._node_type, selected.members[self._node_type], self._source, None

    def _edge(self, selected: Selected) -> str:
        [(type_name, fields)] = selected.members.items()
        return join(braced((each.key, self._edge_field(type_name, each)) for each in fields))

    def _edge_field(self, type_name: str, selected: Selected) -> Sequence[Piece]:
        if selected.name == "__typename":
            return [f'"{type_name}"']
        if self._making.refuses(selected):
            return [_null(is_required=selected.name == "cursor")]
        if selected.name == "cursor":
            return ['"', (self._encode(self._cursor()),), '"']
        if selected.name == "node":
            return [(self._making.object(*self._node(selected)),)]
        raise UncompilableError

    def _gather(self, sql: str) -> tuple[str]:
        name = f"n{len(self.columns)}"
        self.columns[name] = sql
        return (f"'[' || coalesce(array_to_string(p.{name}[1:{self._first}], ','), '') || ']'",)

    def _page_info(self, selected: Selected) -> tuple[str]:
        [(type_name, fields)] = selected.members.items()
        return (join(braced((each.key, [self._page_field(type_name, each)]) for each in fields)),)

    def _page_field(self, type_name: str, selected: Selected) -> Piece:
        return f'"{type_name}"' if selected.name == "__typename" else (self._position(selected.name),)

    def _position(self, name: str) -> str:
        first = self._first
        if name == "hasNextPage":
            if not self.columns:
                self.columns["n"] = "1"
            column = next(iter(self.columns))
            return f"CASE WHEN coalesce(cardinality(p.{column}), 0) > {first} THEN 'true' ELSE 'false' END"
        if name == "hasPreviousPage":
            if self._of is not None:
                return "'false'"
            return f"({self._making.numbering.place(HAS_PREVIOUS, _BOOLEAN)})::text"
        if "k" not in self.columns:
            self.columns["k"] = self._cursor()
        if name == "startCursor":
            return f"coalesce('\"' || {self._encode('p.k[1]')} || '\"', 'null')"
        if name == "endCursor":
            return f"coalesce('\"' || {self._encode(f'p.k[least({first}, cardinality(p.k))]')} || '\"', 'null')"
        raise UncompilableError

    def _cursor(self) -> str:
        names = self._listing.cursor or tuple(each.removeprefix("-") for each in self._listing.sort)
        values = [render_cursor_value(self._making.numbering, self._source.columns[name]) for name in names]
        pieces: list[Piece] = [f'["{self._listing.name}']
        if self._of is not None:
            pieces += [":", (f"({self._making.numbering.render(self._of)})::text",)]
        pieces.append('"')
        for value in values:
            pieces += [",", (value,)]
        return join([*pieces, "]"])

    @staticmethod
    def _encode(sql: str) -> str:
        return f"translate(encode(convert_to({sql}, 'UTF8'), 'base64'), E'+/=\\n', '-_')"

    def _count(self, name: str) -> str:
        counting = self._making.counting
        if counting is None or self._of is not None:
            raise UncompilableError
        if self.counted is None:
            self.counted = self._making.numbering.render(counting.rows, is_whole=True)
        bound = counting.bound
        if name == "totalCount":
            return "c.n::text" if bound is None else f"least(c.n, {bound})::text"
        return "'true'" if bound is None else f"(c.n <= {bound})::text"


def _null(*, is_required: bool) -> str:
    if is_required:
        raise UncompilableError
    return "null"
