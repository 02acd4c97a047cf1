"""Pages make only what is asked of them; objects of the graph read their record's fields."""

from dataclasses import dataclass

import pytest
from strawberry import UNSET

from ledger.pages import Cursors, Page, decode_cursor, encode_cursor
from schema.models import Shown
from schema.pages import Connection


@dataclass(frozen=True, slots=True)
class Item:
    id: str
    rank: int


class ShownItem(Shown[Item]):
    """Shows an item."""


ITEMS = [Item("a", 1), Item("b", 2), Item("c", 3)]
NAMES = ("rank", "id")


def page_of(items: list[Item], **more: bool) -> Page[Item]:
    return Page(items, Cursors("list", NAMES, items), **({"has_next_page": False} | more))


class TestCursors:
    def test_are_each_items_own_in_their_order(self):
        cursors = Cursors("list", NAMES, ITEMS)
        assert list(cursors) == [encode_cursor("list", [item.rank, item.id]) for item in ITEMS]
        assert (len(cursors), cursors[-1]) == (3, list(cursors)[-1])
        assert list(cursors[1:]) == list(cursors)[1:]
        assert decode_cursor("list", cursors[0], length=2) == [1, "a"]

    def test_are_made_only_when_they_are_read(self):
        # An item without the fields that its cursor contains.
        page = Page([object()], Cursors("list", NAMES, [object()]), has_next_page=True)
        shown = Connection.of(page, lambda item: item, after=UNSET)
        assert shown.nodes == page.items
        assert shown.page_info.has_next_page
        assert [edge.node for edge in shown.edges] == page.items
        with pytest.raises(AttributeError):
            _ = shown.page_info.end_cursor


class TestConnection:
    def test_has_the_same_objects_as_nodes_and_in_edges(self):
        shown = Connection.of(page_of(ITEMS), ShownItem.of, after="c")
        assert [edge.node for edge in shown.edges] == shown.nodes
        assert shown.edges is shown.edges
        assert [edge.cursor for edge in shown.edges] == list(page_of(ITEMS).cursors)

    def test_says_where_its_page_lies(self):
        info = Connection.of(page_of(ITEMS, has_next_page=True), ShownItem.of, after="c").page_info
        cursors = page_of(ITEMS).cursors
        assert (info.start_cursor, info.end_cursor) == (cursors[0], cursors[2])
        assert (info.has_next_page, info.has_previous_page) == (True, True)

    def test_without_items_has_no_cursor_but_the_one_to_go_on_from(self):
        page: Page[Item] = Page((), (), has_next_page=False, ends_at="here")
        info = Connection.of(page, ShownItem.of, after=UNSET).page_info
        assert (info.start_cursor, info.end_cursor, info.has_previous_page) == (None, "here", False)

    def test_has_no_other_fields(self):
        with pytest.raises(AttributeError, match="unknown"):
            _ = Connection.of(page_of(ITEMS), ShownItem.of, after=UNSET).unknown


class TestShown:
    def test_reads_each_objects_own_record_also_after_the_first(self):
        assert [ShownItem.of(item).rank for item in ITEMS for _ in range(2)] == [1, 1, 2, 2, 3, 3]

    def test_has_no_field_that_its_record_lacks(self):
        with pytest.raises(AttributeError):
            _ = ShownItem.of(ITEMS[0]).unknown
        with pytest.raises(AttributeError):
            _ = ShownItem.of(ITEMS[0]).__await__
