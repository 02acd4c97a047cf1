"""The committed SDL is the graph, and the graph keeps what was released."""

from graphql import build_schema, parse, print_ast
from graphql.utilities import find_breaking_changes

from schema.graph import schema
from schema.rendering import GUIDE, PRESENT, RELEASED, render_guide, render_sdl


def read(path):
    return build_schema(path.read_text(encoding="utf-8"), assume_valid=True, assume_valid_sdl=True)


def read_needs(path):
    """What each type and field asks of a token, by coordinate."""
    needs = {}
    for definition in parse(path.read_text(encoding="utf-8")).definitions:
        name = getattr(getattr(definition, "name", None), "value", "schema")
        holders = [(name, definition)]
        holders += [(f"{name}.{field.name.value}", field) for field in getattr(definition, "fields", None) or ()]
        for coordinate, holder in holders:
            asked = [d for d in holder.directives or () if d.name.value in {"requiresScopes", "authenticated"}]
            needs[coordinate] = sorted(print_ast(directive) for directive in asked)
    return needs


class TestSchemaFile:
    def test_is_the_graph_as_it_is(self):
        assert PRESENT.read_text(encoding="utf-8") == render_sdl(), "run make schema"

    def test_breaks_nothing_that_was_released(self):
        changes = find_breaking_changes(read(RELEASED), read(PRESENT))
        assert [change.description for change in changes] == []

    def test_asks_for_no_other_scopes_than_were_released(self):
        present = read_needs(PRESENT)
        changed = {name for name, asked in read_needs(RELEASED).items() if present.get(name, asked) != asked}
        assert changed == set()

    def test_would_notice_a_field_that_is_gone(self):
        before = read(RELEASED)
        lines = RELEASED.read_text(encoding="utf-8").replace("  orderNo: String!\n", "  anotherNo: String!\n")
        after = build_schema(lines, assume_valid=True, assume_valid_sdl=True)
        assert [change.description for change in find_breaking_changes(before, after)] == [
            "Field BlockOrder.orderNo was removed."
        ]

    def test_is_what_the_graph_tells_a_router(self):
        result = schema.execute_sync("{ _service { sdl } }")
        assert result.data["_service"]["sdl"].rstrip() + "\n" == render_sdl()

    def test_links_federation_2_9(self):
        assert 'url: "https://specs.apollo.dev/federation/v2.9"' in render_sdl()

    def test_has_its_scopes_in_the_guide(self):
        page = GUIDE.read_text(encoding="utf-8")
        assert page == render_guide(page), "run make schema"
