"""Points in time as people and programs write them in files and options. Pure.

The only reader of such times. A time has a day, a time of day and a zone, which is its own or that of the file. What
has more than one reading, or lacks a part, is refused with a hint and never completed (docs/adr/0111).
Source: ISO 8601 and RFC 3339; Indonesian usage as in CLDR's locale id (1 November 2026 pukul 19.30 WIB).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import MAXYEAR, MINYEAR, UTC, date, datetime, timedelta, timezone, tzinfo
from types import MappingProxyType
from typing import Any

from ledger.errors import TimeInvalidError
from ledger.legal_time import INDONESIAN_ZONES

_EXAMPLES = "Write it as 2026-11-01T19:30:00+07:00, 2026-11-01 19.30 or 1 November 2026 19.30 WIB, with 24 hours."
_DAY_EXAMPLES = "Write the day as 2026-11-01 or 1 November 2026."
_ORDER_HINT = f"{_DAY_EXAMPLES} Of a file that writes all its days first, say so: --day-first."
_MONTHS_PER_YEAR = 12
_YEAR_DIGITS = 4
# By the place in the list: what each month is called in Indonesian and English, in full, in short, and as it was spelt.
_MONTH_NAMES = (
    "januari january jan",
    "februari pebruari february feb peb",
    "maret march mar",
    "april apr",
    "mei may",
    "juni june jun",
    "juli july jul",
    "agustus august agu agt ags aug",
    "september sept sep",
    "oktober october okt oct",
    "november nopember nov nop",
    "desember december des dec",
)
_MONTHS = {name: place for place, names in enumerate(_MONTH_NAMES, start=1) for name in names.split()}
_INDONESIAN_DAY_NAMES = (
    "senin sen", "selasa sel", "rabu rab", "kamis kam", "jumat jum'at jum", "sabtu sab", "minggu ahad min",
)  # fmt: skip
_ENGLISH_DAY_NAMES = ("monday mon", "tuesday tue", "wednesday wed", "thursday thu", "friday fri", "saturday sat",
                      "sunday sun")  # fmt: skip
_INDONESIAN_DAYS = {name: place for place, names in enumerate(_INDONESIAN_DAY_NAMES) for name in names.split()}
_DAYS = _INDONESIAN_DAYS | {name: place for place, names in enumerate(_ENGLISH_DAY_NAMES) for name in names.split()}

# Spaces that programs put between the parts of a time.
_SPACES = MappingProxyType(dict.fromkeys(map(ord, "\u00a0\u202f"), " "))
_YEAR = "[0-9]{4}|[0-9]{2}"
_FORM = re.compile(
    rf"""
    (?:(?P<weekday>[a-z']+)\.?,?\ )?
    (?:
        (?P<year_1>[0-9]{{4}}) (?P<mark_1>[-/]) (?P<month_1>[0-9]{{1,2}}) (?P=mark_1) (?P<day_1>[0-9]{{1,2}})
      | (?P<day_2>[0-9]{{1,2}}) (?P<mark_2>[-/.]) (?P<month_2>[0-9]{{1,2}}) (?P=mark_2) (?P<year_2>{_YEAR})
      | (?P<day_3>[0-9]{{1,2}}) (?P<mark_3>[-/\ ]) (?P<name_3>[a-z]+)\.? (?P=mark_3) (?P<year_3>{_YEAR})
      | (?P<name_4>[a-z]+)\.?\ (?P<day_4>[0-9]{{1,2}}),?\ (?P<year_4>{_YEAR})
    )
    (?:
        (?P<between>t|,?\ (?P<word>pukul\ |jam\ |pkl\.?\ |at\ )?)
        (?P<hour>[0-9]{{1,2}}) (?P<mark>[:.]) (?P<minute>[0-9]{{2}})
        (?:(?P=mark) (?P<second>[0-9]{{2}}) (?:(?<=:[0-9][0-9])[.,](?P<fraction>[0-9]{{1,6}})0{{0,3}})?)?
        (?:\ ?(?P<zone>z|wib|wita|wit|(?:utc|gmt)(?:[+-][0-9])?|(?:utc|gmt)?[+-][0-9]{{2}}(?::?[0-9]{{2}})?))?
    )?
    """,
    re.ASCII | re.IGNORECASE | re.VERBOSE,
)
_OFFSET = re.compile(r"([+-])([0-9]{1,2}):?([0-9]{2})?", re.ASCII)
# The offsets that are in use anywhere.
_OFFSET_MIN, _OFFSET_MAX = timedelta(hours=-12), timedelta(hours=14)
_OFFSET_MINUTES = (0, 15, 30, 45)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileTimes:
    """What was said of a file's times: the zone of those that name none, and whether 1/11/2026 is 1 November."""

    zone: tzinfo | None = None
    is_day_first: bool = False


NOTHING_SAID = FileTimes()


class ZoneUnknownError(TimeInvalidError):
    """The time has no UTC offset, and no time zone was given for the file."""

    hint = "Add the offset from UTC, or WIB, WITA or WIT; or name the zone of the file, as in --timezone Asia/Jakarta."


def read_time(text: str, times: FileTimes) -> datetime:
    """The point in time that a text means, in a file with such times.

    Errors: TimeInvalidError, ZoneUnknownError.
    """
    found = _FORM.fullmatch(text.translate(_SPACES).strip())
    if found is None:
        raise TimeInvalidError("This is not a time.", hint=_EXAMPLES)
    part = found.groupdict()
    day = _read_day(part)
    own = _read_zone(part)
    if part["mark_2"] and not times.is_day_first:
        _check_order(part)
    try:
        moment = datetime(day.year, day.month, day.day, *_read_clock(part), tzinfo=own or times.zone)
        if moment.tzinfo is None:
            raise ZoneUnknownError
        if own is None:
            _check_once(moment)
        if day.year in {MINYEAR, MAXYEAR}:
            moment.astimezone(UTC)  # which fails if the year is another one there
    except (ValueError, OverflowError):
        raise TimeInvalidError("There is no such time.", hint=_EXAMPLES) from None
    return moment


_Parts = Mapping[str, Any]
"""The named parts of a time as written; those that it lacks are None."""


def _read_day(part: _Parts) -> date:
    year = part["year_1"] or part["year_2"] or part["year_3"] or part["year_4"]
    day = part["day_1"] or part["day_2"] or part["day_3"] or part["day_4"]
    if len(year) != _YEAR_DIGITS:
        raise TimeInvalidError("The year has two digits.", hint=_DAY_EXAMPLES)
    if name := part["name_3"] or part["name_4"]:
        month = _MONTHS.get(name.lower())
        if month is None:
            raise TimeInvalidError("There is no month of this name.", hint=_DAY_EXAMPLES)
    else:
        month = int(part["month_1"] or part["month_2"])
    try:
        read = date(int(year), month, int(day))
    except ValueError:
        said = "There is no such day" + ("; the day comes before the month." if part["mark_2"] else ".")
        raise TimeInvalidError(said, hint=_DAY_EXAMPLES) from None
    if part["weekday"] and _DAYS.get(part["weekday"].lower()) != read.weekday():
        raise TimeInvalidError("The day of the week is not that of the date.", hint=_DAY_EXAMPLES)
    return read


def _check_order(part: _Parts) -> None:
    """Refuse 1/11/2026 unless the day is the first: by itself, or because the rest is written as only Indonesians do.

    A spreadsheet with American settings writes 11/1/2026 19:30 for what one with Indonesian settings writes 01/11/2026
    19.30.
    """
    if part["mark_2"] == "." or int(part["day_2"]) > _MONTHS_PER_YEAR:
        return
    is_indonesian = (
        part["mark"] == "."
        or (part["zone"] or "").upper() in INDONESIAN_ZONES
        or (part["word"] or "at ").lower() != "at "
        or (part["weekday"] or "").lower() in _INDONESIAN_DAYS
    )
    if not is_indonesian and int(part["day_2"]) != int(part["month_2"]):
        raise TimeInvalidError("Either part of the date may be the day.", hint=_ORDER_HINT)


def _read_clock(part: _Parts) -> tuple[int, int, int, int]:
    if part["hour"] is None:
        raise TimeInvalidError("This is a day without a time of day.", hint=_EXAMPLES)
    fraction = (part["fraction"] or "").ljust(6, "0")
    return int(part["hour"]), int(part["minute"]), int(part["second"] or 0), int(fraction)


def _read_zone(part: _Parts) -> tzinfo | None:
    written = (part["zone"] or "").upper()
    if not written:
        return None
    if written in INDONESIAN_ZONES:
        return INDONESIAN_ZONES[written]
    offset = _OFFSET.search(written)
    if offset is None:
        return UTC
    if written[0] == "-" and part["between"].lower() != "t" and part["second"] is None:
        # 09:00-10:00 is an hour rather than a time in Hawaii.
        raise TimeInvalidError("This may be a span of time.", hint=_EXAMPLES)
    hours, minutes = int(offset[2]), int(offset[3] or 0)
    distance = timedelta(hours=hours, minutes=minutes) * (-1 if offset[1] == "-" else 1)
    if not _OFFSET_MIN <= distance <= _OFFSET_MAX or minutes not in _OFFSET_MINUTES:
        raise TimeInvalidError("No place on earth has this offset from UTC.", hint=_EXAMPLES)
    return timezone(distance)


def _check_once(moment: datetime) -> None:
    """Refuse a time that a zone's clocks skip, or show twice, when they are changed."""
    if moment.utcoffset() != moment.replace(fold=1).utcoffset():
        raise TimeInvalidError(
            "The clocks of this zone were changed at this time.", hint="Add the offset from UTC, such as +07:00."
        )
