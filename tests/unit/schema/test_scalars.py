from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from graphql import GraphQLError
from hypothesis import assume, given
from hypothesis import strategies as st

from schema.scalars import (
    POSITION_MAX,
    RUPIAH_MAX,
    parse_base64,
    parse_day,
    parse_e164,
    parse_feed_cursor,
    parse_position,
    parse_rupiah,
    parse_time,
    render_time,
)


class TestDateTime:
    @pytest.mark.parametrize(
        ("value", "written"),
        [
            (datetime(2026, 3, 2, 3, 0, tzinfo=UTC), "2026-03-02T03:00:00Z"),
            (datetime(2026, 3, 2, 3, 0, 0, 500_000, tzinfo=UTC), "2026-03-02T03:00:00.5Z"),
            (datetime(2026, 3, 2, 10, 0, 0, 1, tzinfo=timezone(timedelta(hours=7))), "2026-03-02T03:00:00.000001Z"),
        ],
    )
    def test_is_written_in_utc_without_trailing_zeros(self, value, written):
        assert render_time(value) == written
        assert parse_time(written) == value

    @given(st.datetimes(timezones=st.one_of(st.just(UTC), st.timezones())))
    def test_is_the_same_point_in_time_whatever_its_zone(self, value):
        # At either end of the calendar, a time of another zone may be none in UTC.
        assume(1 < value.year < 9999)
        moment = value.astimezone(UTC)
        plain = moment.replace(tzinfo=None).isoformat()
        assert render_time(value) == (plain.rstrip("0") if value.microsecond else plain) + "Z"
        # A time that its zone skips or has twice equals none of another zone in Python.
        assert parse_time(render_time(value)) == moment

    @pytest.mark.parametrize("text", ["2026-03-02T10:00:00+07:00", "2026-03-02t03:00:00z", "2026-03-02T03:00:00.000Z"])
    def test_is_read_with_its_offset(self, text):
        assert parse_time(text) == datetime(2026, 3, 2, 3, 0, tzinfo=UTC)

    @pytest.mark.parametrize(
        "value",
        [
            "2026-03-02T03:00:00", "2026-03-02", "2026-02-30T00:00:00Z", "2026-03-02T24:00:00Z", "20260302T030000Z",
            "2026-03-02 03:00:00Z", "2026-03-02T03:00:60Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00",
            "infinity", "", 1772420400, None, True, "2026-03-02T03:00:00Z\n", "٢٠٢٦-03-02T03:00:00Z",
        ],
    )  # fmt: skip
    def test_is_refused_in_our_words(self, value):
        with pytest.raises(GraphQLError, match="A DateTime is written as RFC 3339"):
            parse_time(value)


class TestDate:
    def test_is_a_day_without_a_time(self):
        assert parse_day("2026-03-02") == date(2026, 3, 2)

    @pytest.mark.parametrize(
        "value", ["2026-3-2", "2026-02-30", "20260302", "2026-W10-1", "2026-03-02T00:00:00Z", 1, None]
    )
    def test_is_refused_in_our_words(self, value):
        with pytest.raises(GraphQLError, match="A Date is written as"):
            parse_day(value)


class TestE164:
    @pytest.mark.parametrize("value", ["+6281200000001", "+62110", "+12"])
    def test_is_taken(self, value):
        assert parse_e164(value) == value

    @pytest.mark.parametrize(
        "value", ["0812 0000 0001", "+62 812-0000-0001", "(0812) 00000001", "\u202a081200000001\u202c"]
    )
    def test_is_taken_as_people_write_it(self, value):
        assert parse_e164(value) == "+6281200000001"

    @pytest.mark.parametrize(
        "value",
        ["0812", "+0812", "62812", "+62 812", "+", "+1234567890123456", "+62812\0", "+٦٢٨١٢", 6281200000001, None],
    )
    def test_is_refused_in_our_words(self, value):
        with pytest.raises(GraphQLError, match="An E164 is written as"):
            parse_e164(value)

    def test_is_refused_with_a_hint_if_it_has_two_readings(self):
        with pytest.raises(GraphQLError, match="more than one reading") as refusal:
            parse_e164("6227550123")
        assert (refusal.value.original_error.code, bool(refusal.value.original_error.hint)) == ("NUMBER_INVALID", True)


class TestRupiah:
    @pytest.mark.parametrize(
        ("value", "amount"), [("0", 0), ("2500000", 2_500_000), (5, 5), (str(RUPIAH_MAX), RUPIAH_MAX)]
    )
    def test_is_taken(self, value, amount):
        assert parse_rupiah(value) == amount

    @pytest.mark.parametrize(
        "value", ["", "-1", -1, "1.5", 1.5, "1e3", "01", "1_000", str(RUPIAH_MAX + 1), True, None, "٣"]
    )
    def test_is_refused_in_our_words(self, value):
        with pytest.raises(GraphQLError, match="A Rupiah is a whole number"):
            parse_rupiah(value)


class TestPosition:
    @pytest.mark.parametrize(("value", "place"), [("0", 0), (7, 7), (str(POSITION_MAX), POSITION_MAX)])
    def test_is_taken(self, value, place):
        assert parse_position(value) == place

    @pytest.mark.parametrize("value", ["", "-1", -1, 1.5, "01", str(POSITION_MAX + 1), True, None, "٣"])
    def test_is_refused_in_our_words(self, value):
        with pytest.raises(GraphQLError, match="A Position is a whole number"):
            parse_position(value)


class TestFeedCursor:
    def test_is_any_text_for_the_ledger_to_judge(self):
        assert parse_feed_cursor("whatever") == "whatever"

    @pytest.mark.parametrize("value", [7, None, True, ["a"], {}])
    def test_is_nothing_but_text(self, value):
        with pytest.raises(GraphQLError, match="A FeedCursor is a string"):
            parse_feed_cursor(value)


class TestBase64:
    def test_is_taken(self):
        assert parse_base64("aGVsbG8=") == b"hello"

    @pytest.mark.parametrize("value", ["aGVsbG8", "aGVs bG8=", "a-_=", "aGVsbG8=\n", 5, None, "\ud800"])
    def test_is_refused_in_our_words(self, value):
        with pytest.raises(GraphQLError, match="A Base64 is a string"):
            parse_base64(value)
