"""Which fields of the graph the ledger can compile, from the schema's own declarations.

A plain field of a type that shows a record is a field of the record; a field made by `one` or `many` leads to other
records; a root field that declares what it reads (schema/reads.py) is where a statement begins. All others are left
out: what selects them is resolved the ordinary way.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, get_args, get_origin

from graphql import GraphQLEnumType, GraphQLField, GraphQLObjectType, get_named_type, is_list_type, is_non_null_type
from strawberry import UNSET
from strawberry.federation import Schema
from strawberry.types.arguments import convert_arguments

from ledger.compiling.catalog import Branch, Catalog, Form, Leaf, Pages, Part, Shape
from ledger.compiling.catalog import Shown as Source
from ledger.counting import Counting
from ledger.lists import Scope
from ledger.pages import Listing, decode_page_cursor
from ledger.relations import Linked
from ledger.storage.records import declaration_of
from schema.fields import LISTED, RELATED
from schema.models import Shown, given_filter, optional
from schema.pages import page_request
from schema.reads import Embedded, Listed, Named, Related
from schema.texts import check_storable

_FORMS = {
    "ID": Form.PLAIN,
    "String": Form.TEXT,
    "Int": Form.BARE,
    "Boolean": Form.BARE,
    "DateTime": Form.TIME,
    "Date": Form.PLAIN,
    "E164": Form.PLAIN,
    "Rupiah": Form.PLAIN,
    "Position": Form.PLAIN,
    "Base64": Form.BASE64,
}


@dataclass(frozen=True, slots=True)
class Asked:
    """What a root field is asked for.

    Shapes: clauses are the conditions for its rows, and counting is how the whole list is counted, of which they are a
    page, if that is asked for. listing is None for a field that returns one record.
    """

    clauses: tuple[Any, ...]
    counting: Counting | None = None
    listing: Listing[Any] | None = None
    first: int = 1
    is_continued: bool = False


@dataclass(frozen=True, slots=True)
class Root:
    """A root field that can be compiled."""

    reads: Listed | Named
    type_name: str
    node_type: str
    field: Any
    config: Any
    scalars: Any

    def ask(self, arguments: Mapping[str, Any], scope: Scope, *, is_counted: bool = False) -> Asked | None:
        """What the field is asked for; None if it must be resolved the ordinary way, which also tells all errors.

        Shapes: arguments are coerced, by their names in the graph. is_counted: how many there are is asked, too.
        Errors: LedgerError.
        """
        given_ = convert_arguments(dict(arguments), self.field.arguments, self.scalars, self.config)
        for name, value in given_.items():
            check_storable(value, field=name)
        if isinstance(self.reads, Named):
            return self._name(given_)
        return self._list(self.reads, given_, scope, is_counted=is_counted)

    def _name(self, arguments: Mapping[str, Any]) -> Asked | None:
        reads: Any = self.reads
        named = {name: value for name, value in arguments.items() if optional(value)}
        if not named or (len(named) > 1 and not reads.together.issuperset(named)):
            return None
        if reads.find is None:
            clauses = reads.relation.named(next(iter(named.values())))
        else:
            clauses = reads.find(**{argument.python_name: None for argument in self.field.arguments} | named)
        return None if clauses is None else Asked(tuple(clauses))

    def _list(self, reads: Listed, arguments: dict[str, Any], scope: Scope, *, is_counted: bool) -> Asked:
        page = page_request(arguments.pop("first", UNSET), arguments.pop("after", UNSET))
        sort = arguments.pop("sort", None)
        if "filter" in arguments:
            wanted = given_filter(arguments["filter"])
        else:
            wanted = {name: value for name, value in arguments.items() if optional(value) is not None}
        kind = reads.records.filter
        filter_ = None if kind is None else kind(**wanted)
        rows = reads.records.select(scope, filter_, sort)
        clauses = (*rows.conditions, *rows.implied)
        if page.after is not None:
            clauses = (*clauses, decode_page_cursor(rows.listing, page.after))
        counting = reads.records.counting(scope, filter_) if is_counted else None
        return Asked(clauses, counting, rows.listing, page.first, page.after is not None)


@dataclass(frozen=True, slots=True)
class Compilable:
    """All that can be compiled: the types, and the root fields of queries by name."""

    catalog: Catalog
    roots: Mapping[str, Root]


def find_compilable(schema: Schema) -> Compilable:
    """Read what can be compiled from a schema."""
    graph = schema._schema  # noqa: SLF001 - Strawberry has no public name for it
    catalog = {}
    for name, type_ in graph.type_map.items():
        record = _find_record(type_) if isinstance(type_, GraphQLObjectType) else None
        if record is not None and isinstance(type_, GraphQLObjectType):
            catalog[name] = Shape(record, dict(_list_fields(type_, record)))
    roots = {name: root for name, root in _list_roots(schema, graph.query_type) if root.node_type in catalog}
    return Compilable(catalog, roots)


def _find_record(type_: GraphQLObjectType) -> type[Any] | None:
    origin = getattr(_definition_of(type_), "origin", None)
    for base in getattr(origin, "__orig_bases__", ()):
        if get_origin(base) is Shown:
            (record,) = get_args(base)
            try:
                return declaration_of(record).record
            except KeyError:
                return None
    return None


def _list_fields(type_: GraphQLObjectType, record: type[Any]) -> Iterator[tuple[str, Source]]:
    members = declaration_of(record).members
    for name, field in type_.fields.items():
        held = _definition_of(field)
        if held is None:
            continue
        related = held.metadata.get(RELATED)
        is_required = is_non_null_type(field.type)
        if isinstance(related, Related) and isinstance(related.relation, Linked):
            page = get_named_type(field.type)
            node = get_named_type(page.fields["nodes"].type)
            yield name, Pages(related.relation, related.by, page.name, node.name, is_required)
        elif isinstance(related, Related):
            yield name, Branch(related.relation, related.by, get_named_type(field.type).name, is_required)
        elif isinstance(related, Embedded):
            inner = get_named_type(field.type)
            leaves = dict(_list_leaves(inner, related.fields))
            yield name, Part(inner.name, leaves, related.given, is_required)
        elif held.base_resolver is None and held.python_name in members:
            form = _find_form(field)
            if form is not None:
                yield name, Leaf(held.python_name, form, is_required)


def _list_leaves(type_: GraphQLObjectType, names: Mapping[str, str]) -> Iterator[tuple[str, Leaf]]:
    for name, field in type_.fields.items():
        form = _find_form(field)
        python_name = _definition_of(field).python_name
        if form is not None and python_name in names:
            yield name, Leaf(names[python_name], form, is_non_null_type(field.type))


def _find_form(field: GraphQLField) -> Form | None:
    named = get_named_type(field.type)
    inner = field.type.of_type if is_non_null_type(field.type) else field.type
    if isinstance(named, GraphQLEnumType):
        form = Form.PLAIN if _keeps_its_values(named) else None
    else:
        form = _FORMS.get(named.name)
    if is_list_type(inner):
        return Form.TEXTS if form in {Form.PLAIN, Form.TEXT} and is_non_null_type(inner.of_type) else None
    return form


def _keeps_its_values(type_: GraphQLEnumType) -> bool:
    """Whether each value's name in the graph is the text that is stored, now and by a later version."""
    later = getattr(getattr(_definition_of(type_), "wrapped_cls", None), "later_values", None)
    return later is None and all(
        getattr(value.value, "value", value.value) == name for name, value in type_.values.items()
    )


def _list_roots(schema: Schema, query: GraphQLObjectType | None) -> Iterator[tuple[str, Root]]:
    for name, field in query.fields.items() if query is not None else ():
        held = _definition_of(field)
        reads = held.metadata.get(LISTED) if held is not None else None
        if reads is None:
            continue
        type_ = get_named_type(field.type)
        node = type_ if isinstance(reads, Named) else get_named_type(type_.fields["nodes"].type)
        yield (
            name,
            Root(reads, type_.name, node.name, held, schema.config, schema.schema_converter.scalar_registry),
        )


def _definition_of(holder: Any) -> Any:
    return (holder.extensions or {}).get("strawberry-definition")
