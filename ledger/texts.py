"""Validation of text: anything a person can write is accepted, except what breaks storage; nothing deceives a reader.

Text is pasted with marks that nobody sees. Direction marks and joiners are part of Arabic, Persian and emoji, and are
kept. Embeddings and isolates, which contacts and chats put around a number, are removed: the text then shows in its
natural order, which is the order that is stored and hashed. The override that shows letters in reverse is written out
as [U+202E], so that a reader sees it and what it disguised.
Source: docs/adr/0109; Unicode Technical Report 36, section 2.2 (bidirectional text spoofing).
"""

import unicodedata

from ledger.errors import TextInvalidError, TextTooLongError

REVERSAL = "\u202e"
"""The right-to-left override, behind which even letters and digits are shown in reverse."""
INVISIBLE = frozenset(
    map(chr, (0xAD, 0x34F, 0x61C, 0x180E, *range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2070)))
) | frozenset(map(chr, (0xFEFF, 0xE0001, *range(0xE0020, 0xE0080))))
"""Soft hyphen, joiners, direction marks, directional formatting, word joiner, byte order mark and tags."""

_DIRECTIONS: dict[int, str | None] = dict.fromkeys((*range(0x202A, 0x202F), *range(0x2066, 0x206A)))
_DIRECTIONS[ord(REVERSAL)] = "[U+202E]"


def check_text(text: str, *, field: str, length_max: int, lines: bool = False) -> str:
    """The text in NFC without surrounding whitespace and directional formatting; empty if there is nothing to see.

    Units: length_max in characters. lines allows line breaks and tabs.
    Errors: TextTooLongError; TextInvalidError for NUL and other control characters, and lone surrogates.
    """
    _check_length(text, field=field, length_max=length_max)
    if text.isascii() and text.isprintable():  # fast path: most texts
        return text.strip()
    allowed = "\n\r\t" if lines else ""
    for character in text:
        if unicodedata.category(character) in {"Cc", "Cs"} and character not in allowed:
            raise TextInvalidError(f"This character is not allowed: U+{ord(character):04X}.", field=field)
    cleaned = unicodedata.normalize("NFC", text.translate(_DIRECTIONS)).strip()
    if all(character.isspace() or character in INVISIBLE for character in cleaned):
        return ""
    _check_length(cleaned, field=field, length_max=length_max)
    return cleaned


def check_optional_text(text: str | None, *, field: str, length_max: int, lines: bool = False) -> str | None:
    """As check_text; returns None for None and for text in which there is nothing to see."""
    if text is None:
        return None
    return check_text(text, field=field, length_max=length_max, lines=lines) or None


def check_reference(text: str, *, field: str, length_max: int) -> str:
    """As check_text for what is compared, such as a reference or an address: it has no invisible characters at all.

    Otherwise two references that look the same would be two.
    """
    checked = check_text(text, field=field, length_max=length_max)
    if checked.isascii():  # none of them is
        return checked
    return "".join(character for character in checked if character not in INVISIBLE).strip()


def check_optional_reference(text: str | None, *, field: str, length_max: int) -> str | None:
    """As check_reference; returns None for None and for text in which there is nothing to see."""
    if text is None:
        return None
    return check_reference(text, field=field, length_max=length_max) or None


def _check_length(text: str, *, field: str, length_max: int) -> None:
    if len(text) > length_max:
        raise TextTooLongError(f"The text is longer than {length_max} characters.", field=field)
