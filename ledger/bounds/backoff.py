"""How long to wait before something is tried again."""

import random
from dataclasses import dataclass

_DOUBLINGS_MAX = 30


@dataclass(frozen=True, slots=True)
class Backoff:
    """Twice as long after each failure, between two bounds, less up to a half of it by chance.

    Chance parts those that failed together, so that they don't come back together; it decides nothing else.
    """

    seconds_min: float
    seconds_max: float

    def choose_seconds(self, failures: int) -> float:
        """The wait after so many failures in a row."""
        wait_seconds = min(self.seconds_max, self.seconds_min * 2.0 ** min(failures, _DOUBLINGS_MAX))
        return wait_seconds * random.uniform(0.5, 1.0)  # noqa: S311 - no secret
