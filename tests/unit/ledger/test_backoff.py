"""Waits grow, have a bound, and differ."""

from hypothesis import given
from hypothesis import strategies as st

from ledger.backoff import back_off_seconds


class TestBackOffSeconds:
    @given(st.integers(0, 10_000), st.floats(0, 1))
    def test_lies_between_its_share_and_the_whole(self, failures, jitter):
        whole = min(2.0, 0.05 * 2 ** min(failures, 10))
        assert whole * (1 - jitter) <= back_off_seconds(failures, least=0.05, most=2.0, jitter=jitter) <= whole

    def test_doubles_up_to_its_bound(self):
        waits = [back_off_seconds(failures, least=1, most=5, jitter=0) for failures in range(5)]
        assert waits == [1, 2, 4, 5, 5]

    def test_parts_those_who_failed_together(self):
        assert len({back_off_seconds(3, least=1, most=30) for _ in range(100)}) == 100
