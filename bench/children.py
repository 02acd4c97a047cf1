"""No process outlives the benchmark that started it, whichever way that ends."""

import ctypes
import signal
import sys
from types import FrameType

_PR_SET_PDEATHSIG = 1
_ENDING = (signal.SIGTERM, signal.SIGHUP)


def end_in_order_on_signals() -> None:
    """Turn the first SIGTERM or SIGHUP into SystemExit, so that every `finally` runs; the ones after it are ignored."""
    for sign in _ENDING:
        signal.signal(sign, _end)


def _end(sign: int, _frame: FrameType | None) -> None:
    for each in _ENDING:
        signal.signal(each, signal.SIG_IGN)
    raise SystemExit(128 + sign)


if sys.platform == "linux":
    _libc = ctypes.CDLL(None, use_errno=True)

    def end_with_parent() -> None:
        """Ask the kernel to end this process with the one that started it; to be run in a child before its program.

        It is for a parent that was killed and could do nothing more. Source: prctl(2).
        """
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)

else:

    def end_with_parent() -> None:
        """Do nothing: only Linux can tell."""
