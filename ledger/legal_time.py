"""The legal time zone: days, months and years of the law are those of Jakarta (WIB, UTC+7). Pure."""

from zoneinfo import ZoneInfo

LEGAL_ZONE = ZoneInfo("Asia/Jakarta")
