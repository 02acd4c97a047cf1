"""What an operation was shown that its party's accesses are recorded for: notes, kept until they are written.

A function of the ledger that reads something of the kind notes it on its transaction. Whoever sends the answer writes
the notes first (ledger/access_records/recording.py). It knows no noun, and decides nothing.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from ledger.closed_lists import ClosedList


class AccessKind(ClosedList):
    """What was read."""

    CHRONOLOGY = "CHRONOLOGY", "What happened, in a complainant's words."
    EVIDENCE = "EVIDENCE", "The evidence of a complaint, or what describes it."
    COMPLAINANT = "COMPLAINANT", "Who complained, for a purpose that the reveal records."
    LIST = "LIST", "Many items of one list, or a later page of it."


@dataclass(slots=True)
class Noted:
    """What was shown of one kind and, for a list, of which one: the ids in order, each once."""

    ids: dict[str, None] = field(default_factory=dict)
    is_continued: bool = False


class Accesses:
    """The notes of one operation. Owned by it; several transactions may add to them, one after another."""

    __slots__ = ("noted",)

    def __init__(self) -> None:
        """Nothing has been shown yet."""
        self.noted: dict[tuple[AccessKind, str | None], Noted] = {}

    def note(self, kind: AccessKind, ids: Iterable[str]) -> None:
        """Note that these were shown, by the ids of what they belong to."""
        self._of(kind, None).ids.update(dict.fromkeys(ids))

    def note_items(self, listed: str, ids: Iterable[str], *, is_continued: bool = False) -> None:
        """Note items of a list. is_continued: they follow a page that was read before, so the list is longer."""
        noted = self._of(AccessKind.LIST, listed)
        before = len(noted.ids)
        noted.ids.update(dict.fromkeys(ids))
        noted.is_continued |= is_continued and len(noted.ids) > before

    def _of(self, kind: AccessKind, listed: str | None) -> Noted:
        return self.noted.setdefault((kind, listed), Noted())
