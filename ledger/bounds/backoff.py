"""Exponential backoff with jitter: how long to wait before trying again."""

import random
from dataclasses import dataclass

_DOUBLINGS_MAX = 30


@dataclass(frozen=True, slots=True)
class Backoff:
    """A wait that doubles with each failure, between two bounds, reduced at random by up to half.

    The random part keeps callers that failed together from retrying together.
    """

    seconds_min: float
    seconds_max: float

    def choose_seconds(self, failures: int) -> float:
        """The wait after this many consecutive failures."""
        wait_seconds = min(self.seconds_max, self.seconds_min * 2.0 ** min(failures, _DOUBLINGS_MAX))
        return wait_seconds * random.uniform(0.5, 1.0)  # noqa: S311 - no secret
