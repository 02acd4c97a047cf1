"""The demo server's clock: it begins yesterday, so that a due time of 24 hours can pass while somebody watches."""

from datetime import UTC, datetime, timedelta

BEHIND = timedelta(hours=26)


class DemoClock:
    """Runs behind by so much until it catches up; it never goes back. Read by the server's thread too."""

    def __init__(self, behind: timedelta = BEHIND) -> None:
        """Runs from now on."""
        self._behind = behind

    def read(self) -> datetime:
        """The demo's now, aware, in UTC."""
        return datetime.now(UTC) - self._behind

    def catch_up(self) -> None:
        """From here on it is the present."""
        self._behind = timedelta(0)
