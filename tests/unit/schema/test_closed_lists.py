import strawberry

import schema  # noqa: F401 - it makes closed lists enums of the graph
from ledger.closed_lists import ClosedList


class Shade(ClosedList, graph_name="Tone"):
    """How dark it is."""

    LIGHT = "LIGHT", "Nearly white."
    DARK = "DARK", "Nearly black."


@strawberry.type
class Query:
    shade: Shade = Shade.DARK


class TestClosedLists:
    def test_are_enums_of_the_graph_with_their_own_name_and_words(self):
        shade = strawberry.Schema(query=Query)._schema.type_map["Tone"]
        assert shade.description == "How dark it is."
        assert {name: value.description for name, value in shade.values.items()} == {
            "LIGHT": "Nearly white.",
            "DARK": "Nearly black.",
        }
