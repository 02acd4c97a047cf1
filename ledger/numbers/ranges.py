"""Ranges of a numbering plan as a file or the seed has them, before they are added to the plan. Pure."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from ledger.errors import InvalidInputError
from ledger.numbers.vocabulary import RangeKind
from ledger.numbers.writing import Written, read_written
from ledger.texts import check_text

# Behind the country code stands no trunk 0.
_PREFIX = re.compile(r"[+](?!620)[1-9][0-9]{1,14}", re.ASCII)
_NAME_LENGTH_MAX = 200
_HOME_PREFIX = "+62"
_HOME_DIGITS_MAX = 9
"""A subscriber's number has ten digits or more, so that a longer prefix may be one number, which takes an override."""


class RangeInvalidError(InvalidInputError):
    """This is not a valid range of a numbering plan."""

    code = "RANGE_INVALID"
    hint = (
        "A prefix is + and 2 to 15 digits, in +62 at most 9; a range ends after it begins; no two ranges share prefix "
        "and start. A single number is moved by an override, which two officers make."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RangeDraft:
    """A range of the plan as a file or the seed has it: holder and brand by slug.

    Units: valid_from and valid_until are UTC, from inclusive, until exclusive.
    """

    prefix: str
    kind: RangeKind
    holder_slug: str | None = None
    holder_name: str | None = None
    brand_slug: str | None = None
    valid_from: datetime
    valid_until: datetime | None = None


def check_ranges(ranges: Sequence[RangeDraft]) -> list[RangeDraft]:
    """Return the ranges with their prefixes in one form. Errors: RangeInvalidError, TextTooLongError, TextInvalidError.

    A prefix is written as the beginning of a number is, always with its +.
    """
    checked = [replace(draft, prefix=_read_prefix(draft.prefix)) for draft in ranges]
    repeated = [key for key, count in Counter((d.prefix, d.valid_from) for d in checked).items() if count > 1]
    if repeated:
        raise RangeInvalidError(f"The prefix {repeated[0][0]} has two ranges with the same start.", field="prefix")
    for draft in checked:
        if draft.prefix.startswith(_HOME_PREFIX) and len(draft.prefix) > len("+") + _HOME_DIGITS_MAX:
            raise RangeInvalidError(f"{draft.prefix} is too long for a range: it may be one number.", field="prefix")
        if draft.valid_until is not None and draft.valid_until <= draft.valid_from:
            raise RangeInvalidError(f"The range {draft.prefix} ends before it begins.", field="validUntil")
        check_text(draft.holder_name or "", field="holderName", length_max=_NAME_LENGTH_MAX)
    return checked


def _read_prefix(text: str) -> str:
    written = read_written(text)
    is_prefix = isinstance(written, Written) and written.is_international and not written.ends_short
    prefix = f"+{written.digits}" if isinstance(written, Written) and is_prefix else ""
    if not _PREFIX.fullmatch(prefix):
        raise RangeInvalidError(field="prefix")
    return prefix
