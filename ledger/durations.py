"""Durations in classes, so that the quantiles of any number of them follow from a few counts.

Class k has the durations from 1.1**k seconds, which belongs to it, up to 1.1**(k + 1), and class 0 those under a second
as well. A class stands for its middle, so that no duration of a second or more is told with an error above 5 %.
"""

import math

_RATIO = 1.1
ERROR_PERCENT_MAX = 5
"""How far a duration may be from that which its class stands for: the square root of 1.1, less 1, is 0.0488."""


def render_class(duration: str) -> str:
    """The class of an interval, in SQL; NULL if that is."""
    seconds = f"greatest(extract(epoch FROM {duration})::float8, 1)"
    return f"CASE WHEN {duration} IS NOT NULL THEN floor(ln({seconds}) / {math.log(_RATIO)!r})::integer END"


def read_class(place: int) -> int:
    """The seconds that a class stands for."""
    return round(math.pow(_RATIO, place + 0.5))
