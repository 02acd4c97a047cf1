"""Validation of text: anything a person can write is accepted, except what breaks storage or deceives a reader."""

import unicodedata

from ledger.errors import TextInvalidError, TextTooLongError

_DECEIVING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c")
"""Bidirectional control characters: they can make a text look different from what it says."""


def check_text(text: str, *, field: str, length_max: int, lines: bool = False) -> str:
    """The text in NFC without surrounding whitespace.

    Units: length_max in characters. lines allows line breaks and tabs.
    Errors: TextTooLongError; TextInvalidError for NUL and other control characters, lone surrogates and
    bidirectional control characters.
    """
    if len(text) > length_max:
        raise TextTooLongError(f"The text is longer than {length_max} characters.", field=field)
    if text.isascii() and text.isprintable():  # fast path: most texts
        return text.strip()
    allowed = "\n\r\t" if lines else ""
    for character in text:
        is_control = unicodedata.category(character) in {"Cc", "Cs"} and character not in allowed
        if is_control or character in _DECEIVING:
            raise TextInvalidError(f"This character is not allowed: U+{ord(character):04X}.", field=field)
    return unicodedata.normalize("NFC", text).strip()


def check_optional_text(text: str | None, *, field: str, length_max: int, lines: bool = False) -> str | None:
    """As check_text; returns None for None and for text that is only whitespace."""
    if text is None:
        return None
    return check_text(text, field=field, length_max=length_max, lines=lines) or None
