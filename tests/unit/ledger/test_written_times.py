"""A time is read as the one instant that it can mean, or refused; nothing is completed, turned round or rounded."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ledger.errors import TimeInvalidError
from ledger.legal_time import INDONESIAN_ZONES
from ledger.written_times import FileTimes, ZoneUnknownError
from ledger.written_times import read_time as read_file_time

JAKARTA = ZoneInfo("Asia/Jakarta")
NEW_YORK = ZoneInfo("America/New_York")
EVENING = datetime(2026, 11, 1, 19, 30, tzinfo=JAKARTA)

MONTHS = {
    name: months.split(" ")
    for name, months in {
        "id": "Januari Februari Maret April Mei Juni Juli Agustus September Oktober November Desember",
        "id short": "Jan Feb Mar Apr Mei Jun Jul Agu Sep Okt Nov Des",
        "en": "January February March April May June July August September October November December",
        "en short": "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec",
    }.items()
}
DAYS = ["Senin", "Selasa", "Rabu", "Kamis", "Jumat", "Sabtu", "Minggu"]

# Each prints a day, or a time of day, as people or programs do. A time with dots shows that the day comes first.
PRINTED_DAYS: list[Callable[[datetime], str]] = [
    lambda at: f"{at:%Y-%m-%d}",
    lambda at: f"{at.year:04}/{at.month}/{at.day}",
    lambda at: f"{at:%d.%m.%Y}",
    *(lambda at, names=names: f"{at.day} {names[at.month - 1]} {at.year:04}" for names in MONTHS.values()),
    *(lambda at, names=names: f"{at:%d}-{names[at.month - 1]}-{at.year:04}" for names in MONTHS.values()),
    lambda at: f"{MONTHS['en'][at.month - 1]} {at.day}, {at.year:04}",
    lambda at: f"{DAYS[at.weekday()]}, {at.day} {MONTHS['id'][at.month - 1]} {at.year:04}",
    lambda at: f"{at:%a}, {at.day} {at:%b} {at.year:04}",
]
PRINTED_DAYS_FIRST: list[Callable[[datetime], str]] = [
    lambda at: f"{at.day}/{at.month}/{at.year:04}",
    lambda at: f"{at:%d-%m-%Y}",
]
PRINTED_CLOCKS = ["%H:%M:%S.%f", "%H:%M:%S,%f", "%H:%M:%S.%f000"]
BETWEEN = [" ", ", ", " pukul ", ", pukul ", " pkl. ", " jam ", "\u00a0"]


LOCAL_TIMES = st.datetimes(*(datetime(year, 1, 2, tzinfo=UTC).replace(tzinfo=None) for year in (1970, 2100)))


def read_time(text: str, zone: tzinfo | None) -> datetime:
    return read_file_time(text, FileTimes(zone=zone))


def print_offset(at: datetime, style: str) -> str:
    text = f"{at:%z}"
    return {"colon": f"{text[:3]}:{text[3:]}", "plain": text, "utc": f"UTC{text[:3]}:{text[3:]}"}[style]


class TestReadTime:
    @given(
        at=LOCAL_TIMES,
        zone=st.sampled_from([*INDONESIAN_ZONES.values(), UTC, timezone(timedelta(hours=-9, minutes=-30)), JAKARTA]),
        day=st.sampled_from(PRINTED_DAYS),
        clock=st.sampled_from(PRINTED_CLOCKS),
        between=st.sampled_from(["T", *BETWEEN]),
        offset=st.sampled_from(["colon", "plain", "utc"]),
    )
    def test_reads_back_whatever_programs_print(self, at, zone, day, clock, between, offset):
        moment = at.replace(tzinfo=zone)
        written = day(moment) + between + moment.strftime(clock)
        assume(moment.utcoffset().total_seconds() % 900 == 0)
        assert read_time(written + print_offset(moment, offset), None) == moment
        assert read_time(f"{written} {print_offset(moment, offset)}", JAKARTA) == moment
        assert read_time(written, zone) == moment

    @given(
        at=LOCAL_TIMES,
        name=st.sampled_from(sorted(INDONESIAN_ZONES)),
        day=st.sampled_from(PRINTED_DAYS + PRINTED_DAYS_FIRST),
        clock=st.sampled_from(["%H.%M.%S", "%H:%M:%S"]),
        between=st.sampled_from(BETWEEN),
    )
    def test_reads_back_what_indonesians_write(self, at, name, day, clock, between):
        moment = at.replace(microsecond=0, tzinfo=INDONESIAN_ZONES[name])
        written = day(moment) + between + moment.strftime(clock)
        assert read_time(f"{written} {name}", None) == moment
        assert read_time(f"{written}{name.lower()}", UTC) == moment
        if clock == "%H.%M.%S":
            assert read_time(written, moment.tzinfo) == moment
            minute = moment.replace(second=0)
            assert read_time(written.removesuffix(moment.strftime(".%S")), moment.tzinfo) == minute

    @given(
        at=LOCAL_TIMES,
        day=st.sampled_from(PRINTED_DAYS_FIRST),
        clock=st.sampled_from(["%H:%M", "%H:%M:%S"]),
    )
    def test_reads_a_day_first_or_not_at_all(self, at, day, clock):
        """What an American spreadsheet writes is never another day of the Indonesian calendar."""
        moment = at.replace(second=0, microsecond=0, tzinfo=JAKARTA)
        written = f"{day(moment)} {moment.strftime(clock)}"
        american = f"{moment.month}/{moment.day}/{moment.year:04} {moment.strftime(clock)}"
        for text in (written, american):
            if (moment.day > 12 and text is written) or moment.day == moment.month:
                assert read_time(text, JAKARTA) == moment
            else:
                with pytest.raises(TimeInvalidError):
                    read_time(text, JAKARTA)
        assert read_file_time(written, FileTimes(zone=JAKARTA, is_day_first=True)) == moment

    def test_reads_a_day_first_where_the_operator_says_so(self) -> None:
        times = FileTimes(zone=JAKARTA, is_day_first=True)
        assert read_file_time("1/11/2026 19:30", times) == EVENING
        with pytest.raises(TimeInvalidError, match="no such day"):
            read_file_time("11/13/2026 19:30", times)
        with pytest.raises(TimeInvalidError, match="two digits"):
            read_file_time("1/11/26 19:30", times)

    @pytest.mark.parametrize(
        "text",
        [
            "2026-11-01 19.30",
            "2026-11-01 19.30 WIB",
            "2026-11-01T19.30+07:00",
            "2026-11-01T12:30Z",
            "2026-11-01t12:30:00z",
            "2026-11-01 12:30 UTC",
            "2026-11-01 19:30+07",
            "2026-11-01 19:30 GMT+7",
            "2026-11-01 21.30 WIT",
            "2026/11/1 19:30",
            "1/11/2026 19.30",
            "01/11/2026 19.30.00",
            "1/11/2026, 19.30.00",
            "01-11-2026 19:30 WIB",
            "1.11.2026 19:30",
            "1/11/2026 pukul 19:30",
            "Minggu, 1/11/2026 19:30",
            "1 November 2026 pukul 19.30 WIB",
            "1 Nopember 2026 19.30",
            "1-Nov-2026 19:30",
            "November 1, 2026 at 19:30",
            "Minggu, 1 November 2026 pukul 20.30.00 WITA",
            "Sun, 01 Nov 2026 19:30:00 +0700",
            "  2026-11-01 19:30  ",
        ],
    )
    def test_reads_the_evening_of_1_november(self, text: str) -> None:
        assert read_time(text, JAKARTA) == EVENING

    def test_reads_the_seconds_behind_a_dot_as_seconds(self) -> None:
        assert read_time("2026-11-01 19.30.15", JAKARTA) == EVENING.replace(second=15)
        assert read_time("2026-11-01 19:30:15.5", JAKARTA) == EVENING.replace(second=15, microsecond=500_000)
        assert read_time("2026-11-01 7.05", JAKARTA) == EVENING.replace(hour=7, minute=5)

    def test_prefers_the_texts_own_zone_to_the_files(self) -> None:
        assert read_time("2026-01-02T03:04:05Z", JAKARTA) == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
        assert read_time("2026-01-02 03.04 WIT", JAKARTA) == datetime(2026, 1, 1, 18, 4, tzinfo=UTC)

    @pytest.mark.parametrize("text", ["2026-11-01 19.30", "1 November 2026 19:30:15", "13/11/2026 19:30"])
    def test_needs_a_zone(self, text: str) -> None:
        with pytest.raises(ZoneUnknownError) as caught:
            read_time(text, None)
        assert "--timezone" in (caught.value.hint or "")

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("2026-11-01 19,30", "not a time"),
            ("2026-11-01 19.3", "not a time"),
            ("2026-11-01 19:30.15", "not a time"),
            ("2026-11-01 19.30.15.25", "not a time"),
            ("2026-11-01 19:30:15.1234567", "not a time"),
            ("2026-11-01 7:30 PM", "not a time"),
            ("2026-11-01 jam 7", "not a time"),
            ("19.30", "not a time"),
            ("46327.8125", "not a time"),
            ("1793536200", "not a time"),
            ("20261101T193000Z", "not a time"),
            ("2026-W44-7 19:30", "not a time"),
            ("\uff12\uff10\uff12\uff16-11-01 19:30", "not a time"),
            ("kemarin", "not a time"),
            ("", "not a time"),
            ("2026-11-01", "day without a time"),
            ("1 November 2026", "day without a time"),
            ("1/11/26 19.30", "two digits"),
            ("11/12/26 19.30", "two digits"),
            ("26-11-01 19.30", "two digits"),
            ("1 Nov 26 19.30", "two digits"),
            ("1/11/2026 19:30", "Either part"),
            ("11-12-2026 19:30:00+07:00", "Either part"),
            ("Sunday, 1/11/2026 19:30", "Either part"),
            ("11/13/2026 19.30", "no such day"),
            ("31/11/2026 19.30", "no such day"),
            ("29 Februari 2026 19.30", "no such day"),
            ("0000-11-01 19:30", "no such day"),
            ("1 Brumaire 2026 19.30", "no month"),
            ("Senin, 1 November 2026 19.30", "day of the week"),
            ("Satuday, 1 November 2026 19.30", "day of the week"),
            ("2026-11-01 24:00", "no such time"),
            ("2026-11-01 19.60", "no such time"),
            ("2026-11-01 23:59:60Z", "no such time"),
            ("0001-01-01 00:00+07:00", "no such time"),
            ("9999-12-31 23:59-07:00", "span"),
            ("9999-12-31T23:59-07:00", "no such time"),
            ("2026-11-01 09:00-10:00", "span"),
            ("2026-11-01 09.00-10", "span"),
            ("2026-11-01T19:30+15:00", "offset"),
            ("2026-11-01T19:30-13:00", "offset"),
            ("2026-11-01T19:30+07:75", "offset"),
        ],
    )
    def test_refuses_what_it_would_have_to_guess(self, text: str, said: str) -> None:
        with pytest.raises(TimeInvalidError, match=said) as caught:
            read_time(text, UTC)
        assert caught.value.code == "TIME_INVALID"
        assert caught.value.hint

    @pytest.mark.parametrize("text", ["2026-11-01 01:30", "2026-03-08 02:30"])
    def test_refuses_a_time_that_was_twice_or_never(self, text: str) -> None:
        """New York's clocks go back from 02:00 to 01:00 on 1 November, and forward from 02:00 to 03:00 on 8 March."""
        with pytest.raises(TimeInvalidError, match="clocks"):
            read_time(text, NEW_YORK)
        assert read_time(f"{text}-05:00".replace(" ", "T"), NEW_YORK).utcoffset() == timedelta(hours=-5)

    @given(st.text(st.sampled_from("0123456789/-.: ,TZWIBnov+"), max_size=24))
    def test_fails_in_one_way_alone(self, text: str) -> None:
        try:
            assert read_time(text, JAKARTA).tzinfo is not None
        except TimeInvalidError as error:
            assert error.hint  # noqa: PT017 - most texts are no times, some are
