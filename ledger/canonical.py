"""The canonical text of a piece of content, whose hash officers approve and the log commits to.

It is JSON after RFC 8785 without numbers that have a fraction: keys in order, no white space, UTF-8. Times are RFC 3339
in UTC with six decimals, bytes are standard base64, and closed lists are their members' names. So a browser that is
given the text computes the same hash with SHA-256 alone, and anyone who is given the values builds the same text.
"""

import base64
import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import orjson

_OPTIONS = orjson.OPT_SORT_KEYS | orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS


def render_canonical(content: Mapping[str, Any]) -> str:
    """Return the canonical text. Errors: TypeError for a value that has none, such as a naive time or a float."""
    return orjson.dumps(_plain(content), default=_plain, option=_OPTIONS).decode()


def hash_canonical(text: str, *, salt: bytes = b"") -> str:
    """Return the hexadecimal SHA-256 of the salt, if any, followed by the text in UTF-8."""
    return hashlib.sha256(salt + text.encode()).hexdigest()


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        raise TypeError("A number with a fraction has no canonical text.")
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, set | frozenset):
        return sorted(map(_plain, value))
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise TypeError("A time without a zone has no canonical text.")
        return value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    if value is None or isinstance(value, bool | int | str):
        return value
    raise TypeError(f"{type(value).__name__} has no canonical text.")
