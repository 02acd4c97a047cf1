"""Several serving processes on one listening socket, and the parent that supervises them.

Workers share only the socket and the database. One that dies is restarted; if they die soon after starting, the parent
gives up. A worker whose parent is gone stops: it holds the end of a pipe that then closes.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cli.failures import CommandError
from cli.printing import note

if TYPE_CHECKING:
    from cli.session import Installation

_EARLY_DEATH_SECONDS = 5.0
_EARLY_DEATHS_MAX = 3
_KILL_MARGIN_SECONDS = 5.0


class WorkersFailedError(CommandError):
    """The serving processes exit as soon as they start."""

    code = "WORKERS_FAILED"
    hint = "See their own messages above."


@dataclass(slots=True)
class _Crew:
    """The running workers by process id, with the place and start of each. Owned by the parent's main thread."""

    installation: "Installation"
    listener: socket.socket
    lifeline: int
    running: dict[int, tuple[int, float, "subprocess.Popen[bytes]"]] = field(default_factory=dict)
    early_deaths: int = 0

    def start(self, place: int) -> None:
        settings = self.installation.settings
        metrics_port = settings.metrics_port + place if settings.metrics_port else 0
        environment = os.environ | self.installation.environment()
        environment |= {"JEMBATAN_HOST": settings.host, "JEMBATAN_PORT": str(settings.port)}
        environment["JEMBATAN_METRICS_PORT"] = str(metrics_port)
        descriptors = (self.listener.fileno(), self.lifeline)
        # In its own process group, so that Ctrl-C reaches only the parent, which then signals each worker once.
        worker = subprocess.Popen(  # noqa: S603 - our own module
            [sys.executable, "-m", "cli.worker", *map(str, descriptors)],
            env=environment,
            pass_fds=descriptors,
            stdin=subprocess.DEVNULL,
            process_group=0,
        )
        self.running[worker.pid] = (place, time.monotonic(), worker)

    def replace_dead(self) -> None:
        """Wait until a worker ends, and start another in its place. Errors: WorkersFailedError."""
        process_id, status = os.wait()
        if process_id not in self.running:
            return
        place, started, worker = self.running.pop(process_id)
        worker.returncode = os.waitstatus_to_exitcode(status)
        is_early = time.monotonic() - started < _EARLY_DEATH_SECONDS
        self.early_deaths = self.early_deaths + 1 if is_early else 0
        if self.early_deaths >= _EARLY_DEATHS_MAX:
            raise WorkersFailedError
        note(f"Worker {place} ended with status {worker.returncode}; starting another.")
        self.start(place)

    def stop(self) -> None:
        """Signal every worker to drain, and wait for them."""
        for _, _, worker in self.running.values():
            worker.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + self.installation.settings.drain_seconds + _KILL_MARGIN_SECONDS
        for _, _, worker in self.running.values():
            try:
                worker.wait(timeout=max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                worker.kill()
                worker.wait()
        self.running.clear()


def supervise(installation: "Installation", listener: socket.socket, *, count: int) -> None:
    """Keep this many workers running until stopped. Errors: WorkersFailedError."""
    lifeline, kept_open = os.pipe()
    crew = _Crew(installation, listener, lifeline)
    try:
        for place in range(count):
            crew.start(place)
        while True:
            crew.replace_dead()
    except (KeyboardInterrupt, SystemExit):  # both are how serving is stopped
        note("Stopping.")
    finally:
        crew.stop()
        os.close(lifeline)
        os.close(kept_open)
