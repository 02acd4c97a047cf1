"""The demo server's clock: it begins yesterday, so that a deadline of 24 hours can pass while someone watches."""

from datetime import UTC, datetime, timedelta

BEHIND = timedelta(hours=26)


class DemoClock:
    """Runs behind by a fixed time until it catches up; it never goes back. The server's thread reads it too."""

    def __init__(self, behind: timedelta = BEHIND) -> None:
        """Run behind from now on."""
        self._behind = behind

    def read(self) -> datetime:
        """Return the demo's current time, timezone-aware, in UTC."""
        return datetime.now(UTC) - self._behind

    def catch_up(self) -> None:
        """Show the present from here on."""
        self._behind = timedelta(0)
