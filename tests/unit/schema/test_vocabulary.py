from enum import StrEnum

import pytest

from schema.vocabulary import describe


class Colour(StrEnum):
    RED = "RED"
    BLUE = "BLUE"


class TestDescribe:
    def test_refuses_a_value_without_a_sentence(self):
        with pytest.raises(KeyError, match="BLUE"):
            describe(Colour, name="Colour", description="Colours.", values={"RED": "Red."})
