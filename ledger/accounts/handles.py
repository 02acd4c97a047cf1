"""Handles as people write them, in the one form that each platform has for an account. Pure.

A handle that a platform could not have given out, or that two accounts could have, has no form: it must never be
guessed. A person's telephone number is read by ledger/numbers/forms.py, which refuses what has two readings.
Source: the platforms' own rules for user names; docs/adr/0150.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping

from ledger.numbers.forms import find_number
from ledger.texts import INVISIBLE, REVERSAL
from ledger.vocabulary import Platform

_WIDTHS = {0xFF01 + place: 0x21 + place for place in range(94)} | {0x3000: 0x20}

_TELEGRAM = re.compile(r"(?=.{4,32}\Z)[a-z](?:_?[a-z0-9])+", re.ASCII)
_FACEBOOK_ID = re.compile(r"profile\.php\?id=[1-9][0-9]{0,19}", re.ASCII)
_FACEBOOK_NAME = re.compile(r"[a-z0-9]{5,50}", re.ASCII)
_INSTAGRAM = re.compile(r"(?!.*\.\.)[a-z0-9_](?:[a-z0-9._]{0,28}[a-z0-9_])?", re.ASCII)
_TIKTOK = re.compile(r"[a-z0-9._]{1,23}[a-z0-9_]", re.ASCII)
_X = re.compile(r"[a-z0-9_]{1,15}", re.ASCII)
_LINE = re.compile(r"@?[a-z0-9][a-z0-9._-]{2,19}", re.ASCII)
_SIGNAL = re.compile(r"[a-z_][a-z0-9_]{2,31}\.[0-9]{2,9}", re.ASCII)
_YOUTUBE_HANDLE = re.compile(r"@[^\W_](?:[\w.·-]{1,28})[^\W_]")
_YOUTUBE_CHANNEL = re.compile(r"channel/UC[A-Za-z0-9_-]{22}", re.ASCII)
_YOUTUBE_NAMED = re.compile(r"(?:c|user)/[^\W_][\w.-]{0,99}")
_DISCORD_NAME = re.compile(r"(?!.*\.\.)[a-z0-9_.]{2,32}", re.ASCII)
_DISCORD_ID = re.compile(r"users/[1-9][0-9]{16,19}", re.ASCII)


def clean_handle(text: str) -> str:
    """Return what is seen of a handle: without invisible characters and the space around it, in ASCII's own width.

    A mark that shows the text in reverse is written out, so that nothing behind it is read as it would be without it.
    """
    if text.isascii():
        return text.strip()
    text = text.replace(REVERSAL, "[U+202E]")
    return "".join(character for character in text.translate(_WIDTHS) if character not in INVISIBLE).strip()


def read_handle(platform: Platform, text: str, *, region: str) -> str | None:
    """Return a handle in the platform's form, or None if it has none.

    Shapes: text is cleaned; a result that is read again is itself. A telephone number is in E.164, and one without a
    country code is read as a number of the region.
    """
    reader = _READERS.get(platform)
    return None if reader is None or not text else reader(text, region)


def is_number(handle: str) -> bool:
    """Whether a handle in its platform's form is a telephone number."""
    return handle.startswith("+")


def find_namespace(handle: str) -> str:
    """Return which of its platform's ways of naming an account a handle is; two of one way name different accounts."""
    if "/" in handle:
        return handle.partition("/")[0]
    if handle[0] in "+@":
        return handle[0]
    return "id" if "?" in handle else "name"


def _read_number(text: str, region: str) -> str | None:
    number = find_number(text, region=region)
    return None if number is None else number.e164


def _is_dialled(text: str) -> bool:
    """Whether a text is written as a number is dialled: bare digits could be a numeric ID as well."""
    return text.startswith(("+", "0", "(+", "(0"))


def _read_name(form: re.Pattern[str]) -> Callable[[str, str], str | None]:
    def read(text: str, _region: str) -> str | None:
        name = text.removeprefix("@").lower()
        return name if form.fullmatch(name) else None

    return read


def _read_number_or_name(form: re.Pattern[str]) -> Callable[[str, str], str | None]:
    read_name = _read_name(form)

    def read(text: str, region: str) -> str | None:
        return _read_number(text, region) if _is_dialled(text) else read_name(text, region)

    return read


def _read_facebook(text: str, _region: str) -> str | None:
    """Neither case nor full stops count in a name there. Bare digits are as likely a telephone number as an ID."""
    if _FACEBOOK_ID.fullmatch(text):
        return text
    name = text.removeprefix("@").lower()
    if not re.fullmatch(r"[a-z0-9][a-z0-9.]*", name, re.ASCII):
        return None
    name = name.replace(".", "")
    return name if _FACEBOOK_NAME.fullmatch(name) and not name.isdigit() else None


def _read_line(text: str, _region: str) -> str | None:
    name = text.removeprefix("~").lower()
    if text.startswith("~@"):
        return None
    return name if _LINE.fullmatch(name) else None


def _read_youtube(text: str, _region: str) -> str | None:
    """Only a channel's ID is sensitive to case. A bare word is a handle, unless it looks like such an ID."""
    if _YOUTUBE_CHANNEL.fullmatch(text):
        return text
    if "/" in text:
        return text.lower() if _YOUTUBE_NAMED.fullmatch(text.lower()) else None
    if text.startswith("UC") and _YOUTUBE_CHANNEL.fullmatch(f"channel/{text}"):
        return None
    handle = unicodedata.normalize("NFC", f"@{text.removeprefix('@')}".lower())
    return handle if _YOUTUBE_HANDLE.fullmatch(handle) else None


def _read_discord(text: str, region: str) -> str | None:
    return text if _DISCORD_ID.fullmatch(text) else _read_name(_DISCORD_NAME)(text, region)


_READERS: Mapping[Platform, Callable[[str, str], str | None]] = {
    Platform.WHATSAPP: _read_number,
    Platform.TELEGRAM: _read_number_or_name(_TELEGRAM),
    Platform.FACEBOOK: _read_facebook,
    Platform.INSTAGRAM: _read_name(_INSTAGRAM),
    Platform.TIKTOK: _read_name(_TIKTOK),
    Platform.X: _read_name(_X),
    Platform.LINE: _read_line,
    Platform.SIGNAL: _read_number_or_name(_SIGNAL),
    Platform.YOUTUBE: _read_youtube,
    Platform.DISCORD: _read_discord,
    Platform.VIBER: _read_number,
}
