"""Lengths of time are short to type, and nothing else is taken for one."""

from datetime import timedelta

import pytest
import typer

from cli.times import parse_duration


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
