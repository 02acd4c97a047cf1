import copy

import orjson
import pytest

from ledger.closed_lists import ClosedList


class Colour(ClosedList, graph_name="PaintColour"):
    """Colours of paint."""

    RED = "RED", "As a ripe tomato."
    BLUE = "BLUE", "As the sky."


class WarmColour(ClosedList):
    """Colours that are warm."""

    RED = Colour.RED
    ORANGE = "ORANGE", "As an orange."


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

    def test_keeps_the_sentence_of_a_member_that_another_list_has(self):
        assert WarmColour.RED.sentence == Colour.RED.sentence == "As a ripe tomato."

    def test_is_named_in_the_graph_as_its_class_unless_it_says_otherwise(self):
        assert (Colour.graph_name, WarmColour.graph_name) == ("PaintColour", "WarmColour")
