"""How long to wait before trying again: longer after each failure, and never the same for two who failed together.

Pure but for chance, which decides nothing else.
"""

import random

_DOUBLINGS_MAX = 30


def back_off_seconds(failures: int, *, least: float, most: float, jitter: float = 0.5) -> float:
    """The wait after so many failures in a row: least for none, doubled for each, never more than most.

    Shapes: failures from 0; jitter is the share of the wait that is left to chance, 0 to 1.
    """
    wait = min(most, least * 2.0 ** min(failures, _DOUBLINGS_MAX))
    return wait * random.uniform(1.0 - jitter, 1.0)  # noqa: S311 - it only parts those who failed together
