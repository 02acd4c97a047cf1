"""The clock as the endpoints use it: it is passed in, and the system's own is never read."""

from collections.abc import Callable
from datetime import datetime

Clock = Callable[[], datetime]
"""Returns the current time, aware, in UTC."""
