"""Times of `jembatan outage declare`: with their offset, or refused; a wrong guess would extend orders for ever."""

from datetime import UTC, datetime

import pytest
import typer

from cli.outages import parse_moment


class TestParseMoment:
    @pytest.mark.parametrize(
        "text", ["2026-11-08T10:00+07:00", "2026-11-08 10:00:00+07:00", "2026-11-08T03:00Z", " 2026-11-08T03:00:00Z "]
    )
    def test_reads_a_time_with_its_offset(self, text: str) -> None:
        assert parse_moment(text) == datetime(2026, 11, 8, 3, tzinfo=UTC)

    @pytest.mark.parametrize(
        "text",
        [
            "", "2026-11-08", "2026-11-08T10:00", "2026-11-08 19.30+07:00", "08/11/2026 10:00+07:00",
            "2026-11-08T25:00Z",
            "2026-11-08T10Z", "2026-W45-7T10:00Z", "20261108T1000Z", "2026-11-08T10:00 WIB", "٢٠٢٦-11-08T10:00Z",
        ],
    )  # fmt: skip
    def test_refuses_what_has_no_offset_or_more_than_one_reading(self, text: str) -> None:
        with pytest.raises(typer.BadParameter, match="is not a time such as"):
            parse_moment(text)
