"""Lengths of time are short to type, and nothing else is taken for one; points in time need their zone."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import typer

from cli.times import parse_duration, parse_moment, parse_zone


class TestParseDuration:
    @pytest.mark.parametrize(
        ("text", "length"),
        [("90s", timedelta(seconds=90)), ("30m", timedelta(minutes=30)), ("24h", timedelta(days=1)),
         ("7d", timedelta(days=7)), (" 0s ", timedelta(0)), ("366d", timedelta(days=366))],
    )  # fmt: skip
    def test_reads_a_count_and_its_unit(self, text: str, length: timedelta) -> None:
        assert parse_duration(text) == length

    @pytest.mark.parametrize("text", ["", "24", "h", "-1h", "1.5h", "1h30m", "367d", "99999999d", "999999999s", "٣h"])
    def test_refuses_anything_else(self, text: str) -> None:
        with pytest.raises(typer.BadParameter):
            parse_duration(text)


class TestParseMoment:
    @pytest.mark.parametrize(
        ("text", "moment"),
        [
            ("2024-01-01", datetime(2024, 1, 1, tzinfo=UTC)),
            ("2024-01-01T00:00:00+07:00", datetime(2023, 12, 31, 17, tzinfo=UTC)),
            ("1 Januari 2024 19.30 WIB", datetime(2024, 1, 1, 12, 30, tzinfo=UTC)),
        ],
    )
    def test_reads_a_day_in_utc_or_a_time_with_its_zone(self, text: str, moment: datetime) -> None:
        assert parse_moment(text) == moment

    @pytest.mark.parametrize(
        ("text", "said"),
        [("2024-01-01 19.30", "needs its offset"), ("1/2/2024 19:30Z", "Either part"), ("2024-01-32", "no such day"),
         ("20240101", "not a time"), ("2024-W01-1", "not a time"), ("soon", "not a time")],
    )  # fmt: skip
    def test_refuses_anything_else(self, text: str, said: str) -> None:
        with pytest.raises(typer.BadParameter, match=said):
            parse_moment(text)


class TestParseZone:
    def test_reads_the_names_of_zones_and_those_that_indonesians_say(self) -> None:
        assert parse_zone(None) is None
        assert parse_zone("Asia/Makassar") == ZoneInfo("Asia/Makassar")
        wita = parse_zone("wita")
        assert wita is not None
        assert wita.utcoffset(None) == timedelta(hours=8)

    @pytest.mark.parametrize("name", ["", "Jakarta", "+07:00", "../etc/passwd"])
    def test_refuses_anything_else(self, name: str) -> None:
        with pytest.raises(typer.BadParameter, match="no time zone"):
            parse_zone(name)
