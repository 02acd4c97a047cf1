"""Closed lists: enumerations whose members say what they mean.

Pure: it may be imported from anywhere. A list's docstring is its description and a member's sentence is the member's;
whoever shows a list takes the words from here and has none of its own.
"""

from enum import StrEnum
from typing import ClassVar, Self


class ClosedList(StrEnum):
    '''A list whose members are all known: stored as text under a CHECK, and shown by the same names in the graph.

        class Medium(ClosedList):
            """How the offender reached the complainant."""

            VOICE = "VOICE", "A call."

    A member taken from another list keeps its sentence: `COURT = LiftBasis.COURT`. graph_name is the list's name in
    the graph, where that is not the name of the class.
    Errors: TypeError when the class is made, for a member without a sentence.
    '''

    graph_name: ClassVar[str]

    def __new__(cls, value: str, _: str | None = None) -> Self:
        """Make a member that is equal to its value, as every StrEnum's."""
        member = str.__new__(cls, value)
        member._value_ = str(value)
        return member

    def __init__(self, value: str, sentence: str | None = None) -> None:
        """Keep the member's own sentence, or the one that it has in the list that it is taken from."""
        if sentence is None and isinstance(value, ClosedList):
            sentence = value.sentence
        if not sentence:
            raise TypeError(f"{type(self).__name__} has no sentence for {value}.")
        self.sentence: str = sentence

    def __init_subclass__(cls, *, graph_name: str | None = None) -> None:
        super().__init_subclass__()
        cls.graph_name = graph_name or cls.__name__
