"""Times as people type them: durations such as `90s`, `30m`, `24h`, `7d`, points in time, and time zones by name."""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer

DURATION_MAX = timedelta(days=366)
_FORM = re.compile(r"([0-9]{1,8})([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}

TimezoneOption = Annotated[
    str | None, typer.Option("--timezone", help="The zone of times without one, such as Asia/Jakarta.")
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


def parse_zone(name: str | None) -> ZoneInfo | None:
    """Parse the zone of a TimezoneOption. Errors: typer.BadParameter."""
    if name is None:
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise typer.BadParameter(f"There is no time zone {name!r}.", param_hint="--timezone") from error


def parse_before(text: str) -> datetime:
    """Parse the value of an option --before: a date, which begins in UTC, or a time with its offset.

    Errors: typer.BadParameter.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter("Write --before as 2024-01-01 or 2024-01-01T00:00:00+07:00.") from None
    if moment.tzinfo is None:
        if "T" in text or " " in text:
            raise typer.BadParameter("The time of --before needs its offset from UTC.")
        return moment.replace(tzinfo=UTC)
    return moment
