"""Several serving processes on one listening socket, and the parent that supervises them.

Workers share only the socket and the database. Each has a pipe on which it says that it serves, or why it can't. What
keeps one from serving when `serve` begins ends `serve`, as it would with one process. A worker that ends later, or that
says nothing of why while another serves, is started again, after a wait that grows while it keeps ending. A worker
whose parent is gone stops: it holds the end of another pipe, which then closes.
"""

import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cli.failures import CommandError, Failure, RelayedError
from cli.printing import note
from ledger.bounds.backoff import Backoff

if TYPE_CHECKING:
    from cli.session import Installation

SERVES = b"serves\n"
"""What a worker writes to its pipe once it serves; anything else is the failure that ends it."""
_BACKOFF = Backoff(0.5, 30.0)
_STEADY_SECONDS = 10.0
"""A worker that served for so long is started again at once."""
_FAILURES_MAX = 5
"""How often in a row each worker may end early, with none left that serves, before the parent gives up."""
_KILL_MARGIN_SECONDS = 5.0
_READ_BYTES = 65_536


class WorkersFailedError(CommandError):
    """The serving processes end as soon as they start."""

    code = "WORKERS_FAILED"
    hint = "See their own messages above."


@dataclass(slots=True)
class _Worker:
    """One place among the workers, and the process in it, if there is one. Owned by the parent's main thread.

    failures counts its ends in a row before it was steady; start_at is when it is due to be started again.
    """

    place: int
    process: "subprocess.Popen[bytes] | None" = None
    report: int = -1
    said: bytes = b""
    serves_since: float | None = None
    has_served: bool = False
    failures: int = 0
    start_at: float = 0.0

    def describe_end(self, status: int) -> str:
        failure = Failure.parse(self.said.removeprefix(SERVES))
        if failure is not None:
            return f"could not serve: {failure.code}: {failure.message}"
        return f"ended with status {status}"


@dataclass(slots=True)
class _Crew:
    """The workers of one parent."""

    installation: "Installation"
    listener: socket.socket
    lifeline: int
    tell_serving: Callable[[], None]
    workers: list[_Worker]
    selector: selectors.BaseSelector = field(default_factory=selectors.DefaultSelector)

    def start(self, worker: _Worker) -> None:
        settings = self.installation.settings
        metrics_port = settings.metrics_port + worker.place if settings.metrics_port else 0
        environment = os.environ | self.installation.environment()
        environment |= {"JEMBATAN_HOST": settings.host, "JEMBATAN_PORT": str(settings.port)}
        environment["JEMBATAN_METRICS_PORT"] = str(metrics_port)
        report, written = os.pipe()
        descriptors = (self.listener.fileno(), self.lifeline, written)
        kept = self.installation.use_descriptor
        try:
            # In its own process group, so that Ctrl-C reaches only the parent, which then signals each worker once.
            worker.process = subprocess.Popen(  # noqa: S603 - our own module
                [sys.executable, "-m", "cli.worker", *map(str, descriptors)],
                env=environment,
                pass_fds=descriptors if kept is None else (*descriptors, kept),
                stdin=subprocess.DEVNULL,
                process_group=0,
            )
        finally:
            os.close(written)
        worker.report, worker.said, worker.serves_since = report, b"", None
        self.selector.register(report, selectors.EVENT_READ, worker)

    def watch(self) -> None:
        """Hear what the workers say, and start those that are due, until something ends it.

        Errors: RelayedError, WorkersFailedError.
        """
        while True:
            waiting = [worker.start_at for worker in self.workers if worker.process is None]
            seconds = max(0.0, min(waiting) - time.monotonic()) if waiting else None
            for key, _ in self.selector.select(seconds):
                self._hear(key.data)
            for worker in self.workers:
                if worker.process is None and worker.start_at <= time.monotonic():
                    self.start(worker)

    def _hear(self, worker: _Worker) -> None:
        heard = os.read(worker.report, _READ_BYTES)
        worker.said += heard
        if not heard:
            self._take_leave(worker)
        elif worker.serves_since is None and worker.said.startswith(SERVES):
            worker.serves_since, is_first = time.monotonic(), not any(each.has_served for each in self.workers)
            worker.has_served = True
            if is_first:
                self.tell_serving()

    def _take_leave(self, worker: _Worker) -> None:
        """Settle when a worker that has ended is started again. Errors: RelayedError, WorkersFailedError."""
        self.selector.unregister(worker.report)
        os.close(worker.report)
        assert worker.process is not None  # noqa: S101 - it has just closed its pipe
        status = worker.process.wait()
        worker.process = None
        if not worker.has_served:
            failure = Failure.parse(worker.said)
            if failure is not None:
                raise RelayedError(failure)
            if not any(each.has_served for each in self.workers):
                said = f"Worker {worker.place} ended with status {status} before it served."
                raise WorkersFailedError(said, hint=None)
        since, worker.serves_since = worker.serves_since, None
        is_steady = since is not None and time.monotonic() - since >= _STEADY_SECONDS
        worker.failures = 0 if is_steady else worker.failures + 1
        if all(each.process is None and each.failures >= _FAILURES_MAX for each in self.workers):
            raise WorkersFailedError
        seconds = 0.0 if is_steady else _BACKOFF.choose_seconds(worker.failures)
        worker.start_at = time.monotonic() + seconds
        when = f"in {seconds:.1f} s" if seconds else "now"
        note(f"Worker {worker.place} {worker.describe_end(status)}; starting another {when}.")

    def stop(self) -> None:
        """Signal every worker to drain, and wait for them."""
        running = [worker.process for worker in self.workers if worker.process is not None]
        for process in running:
            process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + self.installation.settings.drain_seconds + _KILL_MARGIN_SECONDS
        for process in running:
            try:
                process.wait(timeout=max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for worker in self.workers:
            if worker.process is not None:
                os.close(worker.report)
        self.selector.close()


def supervise(
    installation: "Installation", listener: socket.socket, *, count: int, tell_serving: Callable[[], None]
) -> None:
    """Keep this many workers running until stopped; tell_serving is called once the first one serves.

    Errors: RelayedError with what keeps a worker from serving; WorkersFailedError.
    """
    lifeline, kept_open = os.pipe()
    crew = _Crew(installation, listener, lifeline, tell_serving, [_Worker(place) for place in range(count)])
    try:
        crew.watch()
    except (KeyboardInterrupt, SystemExit):  # both are how serving is stopped
        note("Stopping.")
    finally:
        crew.stop()
        os.close(lifeline)
        os.close(kept_open)
