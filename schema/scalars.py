"""The graph's own scalars: how values are serialized, and which inputs are accepted.

The graph has no floats: amounts of money are whole rupiah in a string, since they may exceed 32 bits, and so are
positions in the feed.
Invalid input raises a GraphQL error with our own message; messages of Python never reach the client.
Source: RFC 3339 for times, ITU-T E.164 for numbers.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, date, datetime
from typing import NewType

import strawberry
from graphql import GraphQLError
from strawberry.types.scalar import ScalarDefinition

from ledger.errors import NumberInvalidError
from ledger.identifiers import Position
from ledger.numbers.forms import name_number

E164 = NewType("E164", str)
Rupiah = NewType("Rupiah", int)
Base64 = NewType("Base64", bytes)
FeedCursor = NewType("FeedCursor", str)

RUPIAH_MAX = 2**63 - 1
POSITION_MAX = 2**63 - 1
_OFFSET_START = -len("+00:00")
_DIGITS_FORM = re.compile(r"0|[1-9][0-9]{0,18}")
_DAY_FORM = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_RFC3339_FORM = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)
_TIME_WORDS = "A DateTime is written as RFC 3339 with its offset, for example 2026-03-02T10:00:00+07:00."
_DAY_WORDS = "A Date is written as RFC 3339's full-date, for example 2026-03-02."
_E164_WORDS = (
    "An E164 is written as + and 2 to 15 digits, for example +6281234567890, or as people in Indonesia write it."
)
_POSITION_WORDS = 'A Position is a whole number that is not negative, in a string, for example "4711".'
_RUPIAH_WORDS = 'A Rupiah is a whole number that is not negative, in a string, for example "2500000".'


def render_time(value: datetime) -> str:
    """RFC 3339 in UTC; the fraction has no trailing zeros, as in PostgreSQL."""
    # A value of the ledger is in UTC already.
    text = (value if value.tzinfo is UTC else value.astimezone(UTC)).isoformat()[:_OFFSET_START]
    return (text.rstrip("0") if value.microsecond else text) + "Z"


def parse_time(value: object) -> datetime:
    """A time with its offset. Errors: GraphQLError, also for a date or time that does not exist."""
    if not isinstance(value, str) or _RFC3339_FORM.fullmatch(value) is None:
        raise GraphQLError(_TIME_WORDS)
    try:
        return datetime.fromisoformat(value.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise GraphQLError(_TIME_WORDS) from None


def parse_day(value: object) -> date:
    """A day. Errors: GraphQLError."""
    if isinstance(value, str) and _DAY_FORM.fullmatch(value):
        with suppress(ValueError):
            return date.fromisoformat(value)
    raise GraphQLError(_DAY_WORDS)


def parse_e164(value: object) -> E164:
    """A number in international form, or as people write it. Errors: GraphQLError, caused by NumberInvalidError."""
    if not isinstance(value, str):
        raise GraphQLError(_E164_WORDS)
    try:
        return E164(name_number(value))
    except NumberInvalidError as error:
        refusal = NumberInvalidError(f"{error.message} {_E164_WORDS}", hint=error.hint)
        raise GraphQLError(refusal.message, original_error=refusal) from None


def parse_rupiah(value: object) -> Rupiah:
    """A whole number in a string, or a whole number. Errors: GraphQLError."""
    number = _read_digits(value)
    if number is None or number > RUPIAH_MAX:
        raise GraphQLError(_RUPIAH_WORDS)
    return Rupiah(number)


def parse_position(value: object) -> Position:
    """A whole number in a string, or a whole number. Errors: GraphQLError."""
    number = _read_digits(value)
    if number is None or number > POSITION_MAX:
        raise GraphQLError(_POSITION_WORDS)
    return Position(number)


def _read_digits(value: object) -> int | None:
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    return int(text) if isinstance(text, str) and _DIGITS_FORM.fullmatch(text) else None


def parse_feed_cursor(value: object) -> FeedCursor:
    """Any string: the ledger checks whether it is a cursor, so that the error is the same however it is sent.

    Errors: GraphQLError for anything but a string.
    """
    if not isinstance(value, str):
        raise GraphQLError("A FeedCursor is a string; send it back exactly as you received it.")
    return FeedCursor(value)


def parse_base64(value: object) -> Base64:
    """Bytes from base64 with padding. Errors: GraphQLError."""
    try:
        if isinstance(value, str):
            return Base64(base64.b64decode(value.encode("ascii"), validate=True))
    except (binascii.Error, UnicodeEncodeError):
        pass
    raise GraphQLError("A Base64 is a string encoded as in RFC 4648 section 4, with padding and no line breaks.")


SCALARS: Mapping[object, ScalarDefinition] = {
    datetime: strawberry.scalar(
        name="DateTime",
        description="A point in time in the format of RFC 3339. Output is in UTC; input must have an offset.",
        specified_by_url="https://scalars.graphql.org/andimarek/date-time",
        serialize=render_time,
        parse_value=parse_time,
    ),
    date: strawberry.scalar(
        name="Date",
        description="A date in the format of RFC 3339, in Western Indonesia Time (UTC+7), which governs legal days.",
        specified_by_url="https://scalars.graphql.org/andimarek/local-date",
        serialize=date.isoformat,
        parse_value=parse_day,
    ),
    E164: strawberry.scalar(
        name="E164",
        description="A telephone number. Output is in international format: + and 2 to 15 digits, nothing else. "
        "Input may also be as people in Indonesia write it, such as 0812-3456-7890; what has more than one reading is "
        "refused.",
        specified_by_url="https://www.itu.int/rec/T-REC-E.164",
        serialize=str,
        parse_value=parse_e164,
    ),
    Rupiah: strawberry.scalar(
        name="Rupiah",
        description="A non-negative whole number of rupiah, as a string of digits because it may exceed 32 bits.",
        serialize=str,
        parse_value=parse_rupiah,
    ),
    Base64: strawberry.scalar(
        name="Base64",
        description="Bytes as base64 with padding.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc4648#section-4",
        serialize=lambda value: base64.b64encode(value).decode(),
        parse_value=parse_base64,
    ),
    Position: strawberry.scalar(
        name="Position",
        description="A place in the feed: 1, 2, 3 and so on, as a string of digits because it may exceed 32 "
        "bits. 0 is before the first entry.",
        serialize=str,
        parse_value=parse_position,
    ),
    FeedCursor: strawberry.scalar(
        name="FeedCursor",
        description="An opaque place in the feed: what follows it has not been sent yet. It also identifies "
        "the entry before it, so that a feed that is no longer the same is noticed.",
        serialize=str,
        parse_value=parse_feed_cursor,
    ),
}
