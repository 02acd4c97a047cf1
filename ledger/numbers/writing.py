"""How a telephone number is written: cleaned, and split into its groups of digits, or refused. Pure; no numbering plan.

What may stand between digits decides, and nothing is stripped because it is in the way: a slash, a decimal point or a
short group at the end can make another person's number of the digits.
Source: docs/adr/0108.
"""

import re
import unicodedata
from dataclasses import dataclass

from ledger.texts import INVISIBLE, REVERSAL

WRITTEN_LENGTH_MAX = 64
_AS_TEXT = "Format the column as text, and write the number with its leading 0 or with + and the country code."
_ONE_NUMBER = "Write one number, in full and without an extension."


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a text is not read as a number. message is None if it simply is none."""

    message: str | None = None
    hint: str | None = None


NOT_A_NUMBER = Refusal()
SHORT_END = Refusal("The last digits may be an extension, a second number or a decimal fraction.", _ONE_NUMBER)
_SEPARATED = Refusal("With a slash or a comma, this may be two numbers, a decimal fraction or a date.", _ONE_NUMBER)
_DECIMAL = Refusal("This may be a decimal number that a table program made of a telephone number.", _AS_TEXT)
_SHORTENED = Refusal("A table program shortened this number, so that its last digits are lost.", _AS_TEXT)
_DATE = Refusal("This may be a date.", "Write the number without separators, or with + and the country code.")
_REVERSED = Refusal("The text is marked to be shown in reverse, so that its digits read differently.", "Type it again.")
_MIXED = Refusal("The number has digits of several scripts, which can look alike.", "Write it with the digits 0 to 9.")


@dataclass(frozen=True, slots=True)
class Written:
    """The digits of a number in the groups in which they are written. is_international: a + stands before them."""

    is_international: bool
    groups: tuple[str, ...]

    @property
    def digits(self) -> str:
        """All digits."""
        return "".join(self.groups)

    @property
    def ends_short(self) -> bool:
        """Whether the last group is as short as an extension or a fraction. Pairs are a common way to group."""
        if len(self.groups) == 1 or len(self.groups[-1]) > 2:  # noqa: PLR2004 - see the docstring
            return False
        return not len(self.groups[-1]) == len(self.groups[-2]) == 2  # noqa: PLR2004


_CLEANING: dict[int, str | None] = dict.fromkeys(map(ord, INVISIBLE))
_CLEANING |= dict.fromkeys((*map(ord, "\t\u00a0\u1680\u202f\u205f\u3000"), *range(0x2000, 0x200B)), " ")
_CLEANING |= dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe63\uff0d"), "-")
_CLEANING |= {0xFF07: "'", 0xFF08: "(", 0xFF09: ")", 0xFF0B: "+", 0xFF0C: ",", 0xFF0E: ".", 0xFF0F: "/"}

_FORMULA = re.compile(r'="([^"]*)"')
_URI = re.compile(r"(?i:tel:)(?=\+)")
_SCIENTIFIC = re.compile(r"\d+(?:[.,]\d+)?[eE][+]?\d+")
_SEPARATED_DIGITS = re.compile(r"[+0-9 ().\-/,]*[/,][+0-9 ().\-/,]*")
_BRACKETED = re.compile(
    r"(?P<before>(?:\+ ?)?\d{0,5}[ -]?)\((?P<inside>\+?\d{1,5}(?:[ -]\d{1,4})?)\)[ .-]{0,3}(?P<after>\d[0-9 .-]*)",
    re.ASCII,
)
_BETWEEN = r"(?: ?- ?| |\.)"
_GROUPED = re.compile(rf"(?P<plus>\+ ?)?(?P<digits>\d+(?:{_BETWEEN}\d+)*)", re.ASCII)
_GROUP = re.compile(r"\d+", re.ASCII)
_DAY, _MONTH, _YEAR = r"(?:0?[1-9]|[12]\d|3[01])", r"(?:0?[1-9]|1[0-2])", r"(?:19|20)\d\d"
_DATE_FORM = re.compile(
    rf"(?:{_DAY}([ .-]){_MONTH}\1{_YEAR}|{_YEAR}([ .-]){_MONTH}\2{_DAY})(?!\d)|{_DAY}([.-]){_MONTH}\3\d\d(?: |$)",
    re.ASCII,
)
_DECIMAL_FORM = re.compile(r"(?:[1-9]\d*|0)\.\d+|\d+\.0+", re.ASCII)


def read_written(text: str) -> Written | Refusal:
    """Return the groups of digits of a number as somebody wrote, pasted or exported it, or why it is refused.

    Digits of any script, full-width forms, invisible characters, an apostrophe or ="..." of a table program, and tel:
    before a + are understood. Between digits may stand a space, a dash or a dot; brackets may stand around the area
    code, or a trunk 0 behind the country code.
    """
    cleaned = _clean(text)
    if isinstance(cleaned, Refusal):
        return cleaned
    bracketed = _BRACKETED.fullmatch(cleaned)
    if bracketed is not None:
        before, inside = bracketed["before"].rstrip(" -"), bracketed["inside"]
        if inside == "0" and before.startswith("0") and not before.startswith("00"):
            return NOT_A_NUMBER
        cleaned = f"{before} {inside} {bracketed['after']}".strip()
    grouped = _GROUPED.fullmatch(cleaned)
    if grouped is None:
        return _explain(cleaned)
    groups = tuple(_GROUP.findall(grouped["digits"]))
    if grouped["plus"] is None:
        if _DATE_FORM.match(cleaned):
            return _DATE
        if _DECIMAL_FORM.fullmatch(cleaned):
            return _DECIMAL
    return Written(is_international=grouped["plus"] is not None, groups=groups)


def _clean(text: str) -> str | Refusal:
    """Return a number with ASCII digits and signs only, as far as these are meant, without what nobody sees."""
    if len(text) > WRITTEN_LENGTH_MAX:
        return NOT_A_NUMBER
    if not text.isascii():
        if REVERSAL in text:
            return _REVERSED
        converted = _convert_digits(text.translate(_CLEANING))
        if converted is None:
            return _MIXED
        text = converted
    bare = text.replace("\t", " ").strip()
    formula = _FORMULA.fullmatch(bare)
    bare = formula[1].strip() if formula else bare.removeprefix("'").lstrip()
    return _URI.sub("", re.sub(" +", " ", bare), count=1)


def _convert_digits(text: str) -> str | None:
    """Replace the decimal digits of other scripts by ASCII's; None if there are digits of several scripts.

    Full-width and similar variants of ASCII's digits look the same and count as these.
    """
    zeros = set()
    converted = []
    for character in text:
        if unicodedata.category(character) != "Nd":
            converted.append(character)
            continue
        value = unicodedata.decimal(character)
        variant = unicodedata.normalize("NFKC", character)
        zeros.add(0 if variant.isascii() else ord(character) - value)
        converted.append(str(value))
    return None if len(zeros) > 1 else "".join(converted)


def _explain(cleaned: str) -> Refusal:
    if _SCIENTIFIC.fullmatch(cleaned):
        return _SHORTENED
    return _SEPARATED if _SEPARATED_DIGITS.fullmatch(cleaned) and _GROUP.search(cleaned) else NOT_A_NUMBER
