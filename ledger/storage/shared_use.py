"""Who uses a folder's server, counted by the kernel: a lock ends with its process, however the process ends.

Each user holds a shared lock for as long as it works, and whoever starts or stops the server holds the turn, which only
one process can. The last user is the one that gets the first lock alone. Nothing is written that could become outdated.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_RETRY_SECONDS = 0.02
_MODE = 0o600


class TurnTimeoutError(Exception):
    """Another process has been starting or stopping the server for too long."""


class SharedUse:
    """One user of the server in a folder. Owned by one thread; a second one in the same process counts as well."""

    def __init__(self, folder: Path, name: str, *, wait_seconds_max: float) -> None:
        """Use nothing yet; the files are made in the folder when they are first needed."""
        self._turn_path = folder / f"{name}.turn"
        self._use_path = folder / f"{name}.use"
        self._wait_seconds_max = wait_seconds_max
        self._held: int | None = None

    @property
    def descriptor(self) -> int | None:
        """The open file that is this use. A process that inherits it goes on with the use until it ends."""
        return self._held

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Start or stop the server inside, while no other process does. Errors: TurnTimeoutError, OSError."""
        descriptor = os.open(self._turn_path, os.O_RDWR | os.O_CREAT, _MODE)
        try:
            deadline = time.monotonic() + self._wait_seconds_max
            while not _lock(descriptor, fcntl.LOCK_EX):
                if time.monotonic() >= deadline:
                    raise TurnTimeoutError
                time.sleep(_RETRY_SECONDS)  # flock waits for ever or not at all
            yield
        finally:
            os.close(descriptor)

    def begin(self) -> None:
        """Count as a user from now on; in a turn."""
        if self._held is None:
            self._held = os.open(self._use_path, os.O_RDWR | os.O_CREAT, _MODE)
            fcntl.flock(self._held, fcntl.LOCK_SH)  # only somebody whose turn it is could keep it waiting

    def end(self) -> bool:
        """Count as a user no longer; returns whether nobody uses the server any more. In a turn."""
        if self._held is not None:
            # Closed rather than unlocked: a process that inherited it goes on using the server.
            os.close(self._held)
            self._held = None
        descriptor = os.open(self._use_path, os.O_RDWR | os.O_CREAT, _MODE)
        try:
            return _lock(descriptor, fcntl.LOCK_EX)
        finally:
            os.close(descriptor)


def _lock(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
