"""Lengths of time as people type them: `90s`, `30m`, `24h`, `7d`."""

import re
from datetime import timedelta

import typer

DURATION_MAX = timedelta(days=366)
_FORM = re.compile(r"([0-9]{1,8})([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def parse_duration(text: str) -> timedelta:
    """A length of time of at most a year. Errors: typer.BadParameter."""
    found = _FORM.fullmatch(text.strip())
    if found is None:
        raise typer.BadParameter(f"{text!r} is no length of time; it is like 90s, 30m, 24h or 7d.")
    length = timedelta(**{_UNITS[found[2]]: int(found[1])})
    if length > DURATION_MAX:
        raise typer.BadParameter(f"{text!r} is too long; a year is the most.")
    return length
