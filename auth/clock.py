"""The clock that the endpoints are given: what tells the time is passed in, never read."""

from collections.abc import Callable
from datetime import datetime

Clock = Callable[[], datetime]
"""Tells the time, aware, in UTC."""
