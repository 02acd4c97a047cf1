"""Renders the scopes that each part of the graph requires, as the table in docs/graph.md, from the schema itself."""

from collections.abc import Iterator

from graphql import GraphQLSchema, is_object_type
from strawberry.federation.schema_directives import Authenticated, RequiresScopes

_BACKREF = "strawberry-definition"
BEGIN, END = "<!-- needs: written by `make schema` -->", "<!-- end of needs -->"


def list_needs(graph: GraphQLSchema) -> Iterator[tuple[str, str]]:
    """Each type and field that declares a requirement, by its coordinate, with the requirement in words."""
    for type_name in sorted(graph.type_map):
        type_ = graph.type_map[type_name]
        if not is_object_type(type_):
            continue
        for coordinate, holder in (
            (type_name, type_),
            *((f"{type_name}.{name}", field) for name, field in type_.fields.items()),
        ):
            words = [_say(directive) for directive in _directives(holder) if _say(directive)]
            if words:
                yield coordinate, " and ".join(words)


def render_needs(graph: GraphQLSchema) -> str:
    """The table, with the markers around it."""
    rows = [f"| `{coordinate}` | {words} |" for coordinate, words in list_needs(graph)]
    return "\n".join([BEGIN, "| what | needs |", "|---|---|", *rows, END])


def replace_needs(page: str, graph: GraphQLSchema) -> str:
    """The page with its table replaced by the current one. Errors: ValueError if the page has no markers."""
    return page[: page.index(BEGIN)] + render_needs(graph) + page[page.index(END) + len(END) :]


def _directives(holder: object) -> list[object]:
    definition = getattr(holder, "extensions", {}).get(_BACKREF)
    return list(getattr(definition, "directives", None) or ())


def _say(directive: object) -> str:
    if isinstance(directive, Authenticated):
        return "a token"
    if isinstance(directive, RequiresScopes):
        return " or ".join(" with ".join(f"`{scope}`" for scope in group) for group in directive.scopes)
    return ""
