"""How the wait before another try grows."""

from ledger.bounds.backoff import Backoff


class TestBackoff:
    def test_doubles_between_its_bounds_and_takes_off_up_to_a_half(self) -> None:
        backoff = Backoff(0.5, 4.0)
        for failures, most in enumerate([0.5, 1.0, 2.0, 4.0, 4.0]):
            waits = {backoff.choose_seconds(failures) for _ in range(50)}
            assert most / 2 <= min(waits) < max(waits) <= most

    def test_is_bounded_however_often_it_failed(self) -> None:
        assert Backoff(0.1, 2.0).choose_seconds(1_000_000) <= 2.0
