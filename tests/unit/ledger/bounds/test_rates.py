"""Buckets and sliding limits: what a client may do at once, and how fast it may go on."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from ledger.bounds.rates import RateLimiter, SlidingLimit

START = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


class TestRateLimiter:
    def test_grants_a_burst_and_then_a_steady_rate(self) -> None:
        limiter = RateLimiter(rate_per_second=2, burst=3, clients_max=10)
        assert [limiter.take("a", now_seconds=0) for _ in range(4)] == [None, None, None, 0.5]
        assert limiter.take("a", now_seconds=0.5) is None
        assert limiter.take("a", now_seconds=0.5) == 0.5

    def test_keeps_clients_apart(self) -> None:
        limiter = RateLimiter(rate_per_second=1, burst=1, clients_max=10)
        assert [limiter.take(client, now_seconds=0) for client in "aab"] == [None, 1.0, None]

    def test_remembers_a_bounded_number_of_clients(self) -> None:
        limiter = RateLimiter(rate_per_second=1, burst=1, clients_max=10)
        for number in range(100):
            limiter.take(str(number), now_seconds=0)
        assert len(limiter) == 10

    def test_grants_nothing_for_a_clock_that_steps_back(self) -> None:
        limiter = RateLimiter(rate_per_second=1, burst=1, clients_max=10)
        assert limiter.take("a", now_seconds=100) is None
        assert limiter.take("a", now_seconds=50) == 1.0

    @given(st.lists(st.floats(min_value=0, max_value=5), max_size=60))
    def test_never_grants_more_than_burst_and_rate(self, pauses: list[float]) -> None:
        limiter = RateLimiter(rate_per_second=2, burst=3, clients_max=10)
        now, granted = 0.0, 0
        for pause in pauses:
            now += pause
            granted += limiter.take("a", now_seconds=now) is None
        assert granted <= 3 + 2 * now + 1e-6


class TestSlidingLimit:
    def test_admits_so_many_and_says_when_to_come_back(self) -> None:
        limit = SlidingLimit(requests_max=3, window_s=60, keys_max=10)
        assert [limit.admit("a", as_of=at(10)) for _ in range(4)] == [None, None, None, 51]
        assert limit.admit("b", as_of=at(10)) is None

    def test_the_window_slides_so_that_a_boundary_doubles_nothing(self) -> None:
        limit = SlidingLimit(requests_max=10, window_s=60, keys_max=10)
        for _ in range(10):
            assert limit.admit("a", as_of=at(59)) is None
        assert limit.admit("a", as_of=at(60)) is not None
        admitted = sum(limit.admit("a", as_of=at(90)) is None for _ in range(10))
        assert admitted == 5
        assert limit.admit("a", as_of=at(180)) is None

    def test_memory_is_bounded_whatever_comes(self) -> None:
        limit = SlidingLimit(requests_max=1, window_s=60, keys_max=100)
        for number in range(10_000):
            limit.admit(f"address-{number}", as_of=at(0))
        assert len(limit) == 100
