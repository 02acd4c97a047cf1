"""No process outlives the benchmark that started it, whichever way that ends.

SIGTERM and SIGHUP end it as an exception does, so that every server is stopped by the block that started it. If it is
killed and can do nothing more, the kernel ends its children, and a guard ends PostgreSQL, which is nobody's child.
"""

import ctypes
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
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


@contextmanager
def ended_with_parent(process_id: int) -> Iterator[None]:
    """Interrupt a process that is no child of this one as soon as this one has ended, if it ends within the block."""
    # The guard waits for the end of its input, which the kernel closes with this process.
    command = ["sh", "-c", f"cat > /dev/null; kill -INT {process_id}"]
    guard = subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)
    try:
        yield
    finally:
        guard.kill()
        guard.communicate()


if sys.platform == "linux":
    _libc = ctypes.CDLL(None, use_errno=True)

    def end_with_parent() -> None:
        """Ask the kernel to end this process with the one that started it; to be run in a child before its program.

        Source: prctl(2).
        """
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)

else:

    def end_with_parent() -> None:
        """Do nothing: only Linux can tell."""
