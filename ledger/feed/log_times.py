"""Whether the log's times are plausible. Pure.

The time at which an entry got its position and the time at which a checkpoint was signed are not hashed, so that they
prove nothing; but what is implausible is found: a time that runs backwards, that lies before what it follows, or that
had not come when the export was written. Clocks of several machines are allowed to differ by CLOCK_SKEW_MAX.
Source: ADR 0096.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

CLOCK_SKEW_MAX = timedelta(minutes=5)


@dataclass(slots=True)
class LogTimes:
    """Checks times in the order of the log. Each method returns what is wrong, or None."""

    exported_at: datetime
    _recorded_at: datetime | None = None
    _sequenced_at: datetime | None = None
    _signed_at: datetime | None = None

    def check_export(self, as_of: datetime) -> str | None:
        """Check the export's own time against the verifier's clock."""
        if self.exported_at > as_of + CLOCK_SKEW_MAX:
            return f"the export is dated {self.exported_at.isoformat()}, which has not come yet"
        return None

    def check_entry(self, *, recorded_at: datetime | None, sequenced_at: datetime | None) -> str | None:
        """Check the next entry; recorded_at is None if its content is gone."""
        for what, moment in (("recorded", recorded_at), ("given its position", sequenced_at)):
            if moment is not None and moment > self.exported_at + CLOCK_SKEW_MAX:
                return f"it was {what} at {moment.isoformat()}, after the export was written"
        if recorded_at is not None:
            self._recorded_at = max(self._recorded_at or recorded_at, recorded_at)
        if sequenced_at is None:
            return None
        if recorded_at is not None and sequenced_at < recorded_at - CLOCK_SKEW_MAX:
            return f"it was given its position at {sequenced_at.isoformat()}, before it was recorded"
        if self._sequenced_at is not None and sequenced_at < self._sequenced_at - CLOCK_SKEW_MAX:
            return f"it was given its position at {sequenced_at.isoformat()}, before an earlier entry"
        self._sequenced_at = max(self._sequenced_at or sequenced_at, sequenced_at)
        return None

    def check_checkpoint(self, signed_at: datetime | None) -> str | None:
        """Check the time of a checkpoint over all entries so far."""
        if signed_at is None:
            return None
        if signed_at > self.exported_at + CLOCK_SKEW_MAX:
            return f"its checkpoint was signed at {signed_at.isoformat()}, after the export was written"
        if self._recorded_at is not None and signed_at < self._recorded_at - CLOCK_SKEW_MAX:
            return f"its checkpoint was signed at {signed_at.isoformat()}, before an entry in it was recorded"
        if self._signed_at is not None and signed_at < self._signed_at - CLOCK_SKEW_MAX:
            return f"its checkpoint was signed at {signed_at.isoformat()}, before the checkpoint before it"
        self._signed_at = max(self._signed_at or signed_at, signed_at)
        return None
