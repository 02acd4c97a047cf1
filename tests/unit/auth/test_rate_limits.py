from datetime import UTC, datetime, timedelta

from auth.rate_limits import SlidingLimit

START = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


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
