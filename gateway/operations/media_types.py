"""Content negotiation: which GraphQL media type a client gets, and whether it takes a stream or is a browser.

Source: RFC 9110 section 12.5.1; GraphQL over HTTP, "Accept" and "Body"; Apollo's multipart subscription protocol.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache


class MediaType(StrEnum):
    """The media types of a response."""

    GRAPHQL_RESPONSE = "application/graphql-response+json"
    JSON = "application/json"

    @property
    def is_legacy(self) -> bool:
        """Whether a client can't tell if a status other than 200 is ours or an intermediary's."""
        return self is MediaType.JSON

    @property
    def header(self) -> str:
        """The value of the Content-Type header."""
        return f"{self.value}; charset=utf-8"


HTML = "text/html"
EVENT_STREAM = "text/event-stream"
MULTIPART = "multipart/mixed"
_SPECIFICATION = "subscriptionspec"
# Ties go to the first: a client that names neither may know nothing but JSON.
_OFFERS = (MediaType.JSON.value, MediaType.GRAPHQL_RESPONSE.value)
_RANGES_MAX = 50
_REMEMBERED_CHARACTERS_MAX = 256
_WEIGHT = re.compile(r"[0-9]{1,9}(?:\.[0-9]{0,9})?|\.[0-9]{1,9}")


@dataclass(frozen=True, slots=True)
class Accepted:
    """What an Accept header comes to: the media type of an answer, that of a refusal, and the stream, if it takes one.

    Shapes: media_type is None where neither is accepted.
    """

    media_type: MediaType | None
    refusal_type: MediaType
    stream: str | None
    is_browser: bool


def negotiate(accept: str | None) -> Accepted:
    """Read an Accept header; a client sends the same one each time, so those of a usual length are remembered."""
    return _remembered(accept) if len(accept or "") <= _REMEMBERED_CHARACTERS_MAX else _negotiate(accept)


def _negotiate(accept: str | None) -> Accepted:
    media_type, stream = choose_media_type(accept), choose_stream(accept)
    # Where neither is accepted, a stream client needs the one whose status it can trust.
    refusal_type = media_type or (MediaType.JSON if stream is None else MediaType.GRAPHQL_RESPONSE)
    return Accepted(media_type, refusal_type, stream, wants_html(accept))


_remembered = lru_cache(maxsize=1_024)(_negotiate)


def choose_media_type(accept: str | None) -> MediaType | None:
    """Return the better of the two for an Accept header, or None where it accepts neither.

    Shapes: a missing or empty header means */*.
    """
    best = _choose(accept, _OFFERS)
    return MediaType(best) if best else None


def choose_stream(accept: str | None) -> str | None:
    """Return the preferred one of EVENT_STREAM and MULTIPART that an Accept header names, or None.

    A wildcard names neither: a client that accepts anything may not know how to read a stream. multipart/mixed has
    other uses, so it counts only with subscriptionSpec 1.0.
    """
    named: list[tuple[float, int, str]] = []
    for position, part in enumerate((accept or "").lower().split(",")[:_RANGES_MAX]):
        name, quality, _ = _parse_range(part)
        if quality > 0 and (name == EVENT_STREAM or (name == MULTIPART and _is_of_subscriptions(part))):
            named.append((-quality, position, name))
    return min(named)[2] if named else None


def wants_html(accept: str | None) -> bool:
    """Whether the caller is a browser that prefers a page to JSON."""
    return bool(accept) and _choose(accept, (*_OFFERS, HTML)) == HTML and HTML in (accept or "").lower()


def is_json_in_utf8(content_type: str | None) -> bool:
    """Whether a body of this Content-Type can be read: application/json, and UTF-8 if it names a charset."""
    if content_type == MediaType.JSON.value:
        return True
    if content_type is None:
        return False
    name, *parameters = [part.strip() for part in content_type.lower().split(";")]
    if name != MediaType.JSON.value:
        return False
    charsets = [value.strip('" ') for key, _, value in (p.partition("=") for p in parameters) if key == "charset"]
    return all(charset in {"utf-8", "utf8"} for charset in charsets)


def _choose(accept: str | None, offers: tuple[str, ...]) -> str | None:
    if accept is None or not accept.strip():
        return offers[0]
    ranges = [_parse_range(part) for part in accept.lower().split(",")[:_RANGES_MAX] if part.strip()]
    scored: list[tuple[float, int, int, str]] = []
    for order, offer in enumerate(offers):
        matches = [
            (specificity, quality, position)
            for position, (pattern, quality, specificity) in enumerate(ranges)
            if _matches(pattern, offer)
        ]
        if matches:
            _, quality, position = max(matches, key=lambda match: match[0])
            if quality > 0:
                # At equal quality the type listed first wins, as clients intend; a wildcard lists both at once.
                scored.append((-quality, position, order, offer))
    return min(scored)[3] if scored else None


def _parse_range(text: str) -> tuple[str, float, int]:
    name, *parameters = [part.strip() for part in text.split(";")]
    quality = 1.0
    for parameter in parameters:
        key, _, value = parameter.partition("=")
        if key.strip() == "q":
            weight = value.strip()
            quality = min(float(weight), 1.0) if _WEIGHT.fullmatch(weight) else 0.0
        elif key.strip() == "charset" and value.strip('" ') not in {"utf-8", "utf8", "*"}:
            quality = 0.0
    specificity = 0 if name == "*/*" else 1 if name.endswith("/*") else 2
    return name, quality, specificity


def _is_of_subscriptions(media_range: str) -> bool:
    parameters = [parameter.partition("=") for parameter in media_range.split(";")[1:]]
    versions = [value.strip('" ') for key, _, value in parameters if key.strip() == _SPECIFICATION]
    return versions == ["1.0"]


def _matches(pattern: str, offer: str) -> bool:
    return pattern in {"*/*", offer} or (pattern.endswith("/*") and offer.startswith(pattern[:-1]))
