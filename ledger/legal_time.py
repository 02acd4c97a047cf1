"""The legal time zones: legal days, months and years are reckoned in Jakarta time (WIB, UTC+7). Pure."""

from collections.abc import Mapping
from datetime import timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

LEGAL_ZONE = ZoneInfo("Asia/Jakarta")
INDONESIAN_ZONES: Mapping[str, tzinfo] = {
    name: timezone(timedelta(hours=hours), name) for name, hours in (("WIB", 7), ("WITA", 8), ("WIT", 9))
}
"""Western, Central and Eastern Indonesia Time, by the names that stand behind a time."""
