"""Times in options: durations such as `90s`, `30m`, `24h`, `7d`, points in time, and time zones by name."""

import re
from datetime import date, datetime, timedelta, tzinfo
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer

from ledger.errors import TimeInvalidError
from ledger.legal_time import INDONESIAN_ZONES
from ledger.written_times import NOTHING_SAID, FileTimes, ZoneUnknownError, read_time

DURATION_MAX = timedelta(days=366)
_FORM = re.compile(r"([0-9]{1,8})([smhd])")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}

TimezoneOption = Annotated[
    str | None, typer.Option("--timezone", help="The zone of times without one, such as Asia/Jakarta or WIB.")
]
DayFirstFlag = Annotated[
    bool, typer.Option("--day-first", help="All days in the file come before their months: 1/11/2026 is 1 November.")
]


def parse_duration(text: str) -> timedelta:
    """Parse a duration of at most a year. Errors: typer.BadParameter."""
    found = _FORM.fullmatch(text.strip())
    if found is None:
        raise typer.BadParameter(f"{text!r} is not a duration such as 90s, 30m, 24h or 7d.")
    length = timedelta(**{_UNITS[found[2]]: int(found[1])})
    if length > DURATION_MAX:
        raise typer.BadParameter(f"{text!r} is too long; the maximum is a year.")
    return length


def parse_times(timezone: str | None, *, day_first: bool) -> FileTimes:
    """What the options say of a file's times. Errors: typer.BadParameter."""
    return FileTimes(zone=parse_zone(timezone), is_day_first=day_first)


def parse_zone(name: str | None) -> tzinfo | None:
    """Parse the zone of a TimezoneOption. Errors: typer.BadParameter."""
    if name is None:
        return None
    if name.upper() in INDONESIAN_ZONES:
        return INDONESIAN_ZONES[name.upper()]
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise typer.BadParameter(f"There is no time zone {name!r}.", param_hint="--timezone") from error


def parse_moment(text: str) -> datetime:
    """Parse the value of an option: a day, which begins in UTC, or a time with its offset, as `read_time` does.

    Errors: typer.BadParameter.
    """
    try:
        return read_time(f"{text}T00:00Z" if _DAY.fullmatch(text) else text, NOTHING_SAID)
    except ZoneUnknownError:
        raise typer.BadParameter(f"The time {text!r} needs its offset from UTC, or WIB, WITA or WIT.") from None
    except TimeInvalidError as error:
        raise typer.BadParameter(f"{text!r}: {error.message} {error.hint}") from None


def parse_day(text: str) -> date:
    """Parse the value of an option: a day such as 2026-11-01. Errors: typer.BadParameter."""
    if _DAY.fullmatch(text) is None:
        raise typer.BadParameter(f"{text!r} is not a day such as 2026-11-01.")
    return parse_moment(text).date()
