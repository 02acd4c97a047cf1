"""The legal time zone: legal days, months and years are reckoned in Jakarta time (WIB, UTC+7). Pure."""

from zoneinfo import ZoneInfo

LEGAL_ZONE = ZoneInfo("Asia/Jakarta")
