"""Closed lists: enumerations that describe their own members.

Pure: it may be imported from anywhere. A list's docstring is its description, and each member carries a sentence that
describes it. Code that displays a list must use these texts and define none itself.
"""

from enum import StrEnum
from typing import ClassVar, Self


class ClosedList(StrEnum):
    '''An enumeration that is stored as text under a CHECK and appears under the same names in the graph.

        class Medium(ClosedList):
            """How the offender reached the complainant."""

            VOICE = "VOICE", "A call."

    A member taken from another list keeps its sentence: `COURT = LiftBasis.COURT`. graph_name is the list's name in
    the graph, if it differs from the name of the class. later_values names the member as which a list reads
    a value that it doesn't know, since a process of a later version may have written it (docs/adr/0132).
    Errors: TypeError when the class is created, for a member without a sentence.
    '''

    graph_name: ClassVar[str]
    later_values: ClassVar[str | None]

    def __new__(cls, value: str, _: str | None = None) -> Self:
        """Create a member that equals its value, as in any StrEnum."""
        member = str.__new__(cls, value)
        member._value_ = str(value)
        return member

    def __init__(self, value: str, sentence: str | None = None) -> None:
        """Set the member's sentence; a member taken from another list keeps the sentence it has there."""
        if sentence is None and isinstance(value, ClosedList):
            sentence = value.sentence
        if not sentence:
            raise TypeError(f"{type(self).__name__} has no sentence for {value}.")
        self.sentence: str = sentence

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        """Return the member as which the list reads a later version's value; without one, that is an error."""
        return None if cls.later_values is None or not isinstance(value, str) else cls[cls.later_values]

    def __init_subclass__(cls, *, graph_name: str | None = None, later_values: str | None = None) -> None:
        super().__init_subclass__()
        cls.later_values = later_values
        cls.graph_name = graph_name or cls.__name__
