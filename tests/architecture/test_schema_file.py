"""The committed SDL is the graph, and the graph keeps what was released."""

from graphql import build_schema
from graphql.utilities import find_breaking_changes

from schema.graph import schema
from schema.rendering import GUIDE, PRESENT, RELEASED, render_guide, render_sdl
from tests.support.declared_scopes import read_alternatives


def read(path):
    return build_schema(path.read_text(encoding="utf-8"), assume_valid=True, assume_valid_sdl=True)


class TestSchemaFile:
    def test_is_the_graph_as_it_is(self):
        assert PRESENT.read_text(encoding="utf-8") == render_sdl(), "run make schema"

    def test_breaks_nothing_that_was_released(self):
        changes = find_breaking_changes(read(RELEASED), read(PRESENT))
        assert [change.description for change in changes] == []

    def test_asks_for_no_more_scopes_than_were_released(self):
        """Where they are declared, on the field or on its type, makes no difference to a token; others may suffice."""
        released, present = (read_alternatives(path.read_text(encoding="utf-8")) for path in (RELEASED, PRESENT))
        fields = {
            f"{type_.name}.{name}"
            for type_ in read(RELEASED).type_map.values()
            for name in getattr(type_, "fields", ())
        }
        anyone = frozenset({frozenset()})
        assert {
            f"{name} for {sorted(scopes)}"
            for name in fields | released.keys()
            for scopes in released.get(name, anyone)
            if not any(needed <= scopes for needed in present.get(name, anyone))
        } == set()

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
