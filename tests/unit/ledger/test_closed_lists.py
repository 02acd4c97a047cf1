import copy

import orjson
import pytest

from ledger.closed_lists import ClosedList
from ledger.numbers.vocabulary import RangeKind
from ledger.vocabulary import Category


class Colour(ClosedList, graph_name="PaintColour"):
    """Colours of paint."""

    RED = "RED", "As a ripe tomato."
    BLUE = "BLUE", "As the sky."


class WarmColour(ClosedList):
    """Colours that are warm."""

    RED = Colour.RED
    ORANGE = "ORANGE", "As an orange."


class Growing(ClosedList, later_values="OTHER"):
    """A list that later versions extend."""

    RED = "RED", "As a ripe tomato."
    OTHER = "OTHER", "One that this version does not know."


class TestClosedList:
    def test_refuses_a_member_without_a_sentence(self):
        with pytest.raises(TypeError, match="Mute has no sentence for BLUE"):

            class Mute(ClosedList):
                BLUE = "BLUE"

    def test_has_members_that_are_their_values(self):
        assert Colour.RED == str(Colour.RED) == f"{Colour.RED}" == "RED"
        assert type(Colour.RED.value) is type(WarmColour.RED.value) is str
        assert {Colour.RED: 1}["RED"] == 1
        assert Colour("RED") is Colour.RED
        assert orjson.dumps({"colour": Colour.RED}) == b'{"colour":"RED"}'
        assert copy.deepcopy(Colour.RED) is Colour.RED

    def test_reads_a_later_versions_value_as_the_member_for_those_and_only_if_it_has_one(self):
        assert Growing("TURQUOISE") is Growing.OTHER
        assert Growing("RED") is Growing.RED
        for nothing in (None, 1):
            with pytest.raises(ValueError, match="not a valid"):
                Growing(nothing)
        with pytest.raises(ValueError, match="not a valid"):
            Colour("TURQUOISE")

    def test_for_any_other_use_has_an_ordinary_member_of_that_name(self):
        for ordinary in (Category, RangeKind):
            assert "OTHER" in ordinary.__members__
            with pytest.raises(ValueError, match="not a valid"):
                ordinary("TURQUOISE")

    def test_keeps_the_sentence_of_a_member_that_another_list_has(self):
        assert WarmColour.RED.sentence == Colour.RED.sentence == "As a ripe tomato."

    def test_is_named_in_the_graph_as_its_class_unless_it_says_otherwise(self):
        assert (Colour.graph_name, WarmColour.graph_name) == ("PaintColour", "WarmColour")
