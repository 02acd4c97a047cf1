"""A compiled root field, and how its text is read: whether it can be used, and what of it is noted."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ledger.accesses import Accesses, AccessKind
from ledger.compiling.rendering import UNSURE
from ledger.relations import Note

SHOWN, END = "\x02", "\x03"
"""Between these, the text says which record was shown: the note's number, and the record's id."""
_SHOWN = re.compile(f"{SHOWN}([0-9]+):([^{END}]*){END}".encode())
_UNSURE = UNSURE.encode()


@dataclass(frozen=True, slots=True)
class Program:
    """One statement, which returns the length of its JSON text in bytes, and the text unless that is too long.

    Shapes: slots name the values of the parameters in order: a text for what the run supplies, a number for a value of
    the arguments. notes are what the marks in the text refer to.
    """

    sql: str
    slots: tuple[str | int, ...]
    notes: tuple[Note, ...] = ()

    def bind(self, values: Sequence[Any], supplied: Mapping[str, Any]) -> list[Any]:
        """The values of the parameters in order."""
        return [values[slot] if isinstance(slot, int) else supplied[slot] for slot in self.slots]

    @staticmethod
    def is_unsure(text: bytes) -> bool:
        """Whether the field must be resolved the ordinary way."""
        return _UNSURE in text

    def read(self, text: bytes, accesses: Accesses, *, is_continued: bool) -> bytes:
        """The JSON text, with what it shows noted. is_continued: the first note's list was read from a cursor."""
        if not self.notes:
            return text
        shown: list[dict[str, None]] = [{} for _ in self.notes]

        def take(match: re.Match[bytes]) -> bytes:
            shown[int(match[1])][match[2].decode()] = None
            return b""

        text = _SHOWN.sub(take, text)
        for place, (note, ids) in enumerate(zip(self.notes, shown, strict=True)):
            if not ids:
                continue
            if note.kind is AccessKind.LIST and note.listed is not None:
                accesses.note_items(note.listed, ids, is_continued=is_continued and place == 0)
            else:
                accesses.note(note.kind, ids)
        return text
