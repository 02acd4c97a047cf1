"""When scheduled runs are due, by legal days (WIB is UTC+7)."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from ledger.forwarding.moments import begin_day, find_moment, find_next_moment
from ledger.policies import Policies

WORDS = {"forwarding_legal_basis": "PM 5/2021", "forwarding_subscriber_notice": "Blocked; appeal to the help desk."}


def policy(schedule: str, **more: object) -> Policies:
    return Policies(forwarding_schedule=schedule, **(WORDS | more))  # type: ignore[arg-type]


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc, arg-type]


CASES = [
    ("daily", {}, utc(2026, 3, 1, 23, 59, 59), utc(2026, 3, 1), utc(2026, 3, 2)),
    ("daily", {}, utc(2026, 3, 2), utc(2026, 3, 2), utc(2026, 3, 3)),
    ("daily", {"forwarding_hour": 0}, utc(2026, 3, 1, 17), utc(2026, 3, 1, 17), utc(2026, 3, 2, 17)),
    ("monthly", {}, utc(2026, 3, 1, 0), utc(2026, 3, 1), utc(2026, 4, 1)),
    ("monthly", {}, utc(2026, 2, 28, 23, 59), utc(2026, 2, 1), utc(2026, 3, 1)),
    ("monthly", {}, utc(2026, 12, 31), utc(2026, 12, 1), utc(2027, 1, 1)),
    ("monthly", {"forwarding_day": 28}, utc(2026, 1, 5), utc(2025, 12, 28), utc(2026, 1, 28)),
    # The last day of February in Jakarta begins while it is still the day before in UTC.
    ("monthly", {"forwarding_hour": 0}, utc(2026, 2, 28, 17), utc(2026, 2, 28, 17), utc(2026, 3, 31, 17)),
    ("continuous", {}, utc(2026, 3, 2, 3, 14), utc(2026, 3, 2, 3), utc(2026, 3, 2, 3, 15)),
    # 50 minutes don't divide a day: the last stretch before midnight in Jakarta is shorter.
    ("continuous", {"forwarding_minutes": 50}, utc(2026, 3, 2, 16, 59), utc(2026, 3, 2, 16, 20), utc(2026, 3, 2, 17)),
]


class TestMoments:
    @pytest.mark.parametrize(("schedule", "more", "as_of", "last", "following"), CASES)
    def test_are_of_the_legal_day(
        self, schedule: str, more: dict[str, int], as_of: datetime, last: datetime, following: datetime
    ) -> None:
        assert find_moment(policy(schedule, **more), as_of) == last
        assert find_next_moment(policy(schedule, **more), as_of) == following

    @given(
        as_of=st.integers(0, 20 * 366 * 86_400).map(lambda seconds: utc(2020, 1, 1) + timedelta(seconds=seconds)),
        schedule=st.sampled_from(["daily", "monthly", "continuous"]),
        hour=st.integers(0, 23),
        day=st.integers(1, 28),
        minutes=st.integers(5, 1_440),
    )
    def test_leave_no_gap_and_never_repeat(
        self, as_of: datetime, schedule: str, hour: int, day: int, minutes: int
    ) -> None:
        chosen = policy(schedule, forwarding_hour=hour, forwarding_day=day, forwarding_minutes=minutes)
        last, following = find_moment(chosen, as_of), find_next_moment(chosen, as_of)
        assert last is not None
        assert following is not None
        assert last <= as_of < following
        assert find_moment(chosen, following) == following
        assert find_moment(chosen, following - timedelta(microseconds=1)) == last

    def test_of_a_schedule_that_is_off_do_not_exist(self) -> None:
        assert find_moment(Policies(), utc(2026, 3, 2)) is None
        assert find_next_moment(Policies(), utc(2026, 3, 2)) is None

    def test_day_begins_at_midnight_in_jakarta(self) -> None:
        assert begin_day(utc(2026, 3, 1, 16, 59, 59)) == utc(2026, 2, 28, 17)
        assert begin_day(utc(2026, 3, 1, 17)) == utc(2026, 3, 1, 17)


class TestPolicy:
    @pytest.mark.parametrize("missing", list(WORDS))
    def test_with_a_schedule_needs_the_words_of_its_orders(self, missing: str) -> None:
        with pytest.raises(ValidationError, match="FORWARDING_LEGAL_BASIS"):
            policy("daily", **{missing: "  "})
