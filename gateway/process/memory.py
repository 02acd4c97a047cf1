"""Gives large buffers back to the system as soon as they are freed.

glibc takes large buffers from the system and returns them, but only above a threshold, which it raises to the size of
the first one that is freed. From then on bodies of megabytes are taken from the heap, and what is made behind them
keeps it large. A threshold that was set is not raised.
Source: mallopt(3), M_MMAP_THRESHOLD.
"""

import ctypes
from contextlib import suppress

_M_MMAP_THRESHOLD = -3
_BYTES = 131_072
"""glibc's own first threshold."""


def return_large_buffers() -> None:
    """Set the threshold for this process; where the C library has none, do nothing."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, _BYTES)
