"""Serves in one process: the only one of `jembatan serve`, or one of several that a parent supervises."""

import errno
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import TYPE_CHECKING

from cli.entry import search_seldom
from cli.failures import PortTakenError, ServerFailedError, describe_failure, print_failure
from cli.workers import SERVES

if TYPE_CHECKING:
    from cli.session import Installation


def run_gateway(installation: "Installation", listener: socket.socket, *, tell_serving: Callable[[], None]) -> None:
    """Serve in this process until stopped; tell_serving is called once it does.

    Errors: PortTakenError for the metrics port, IssuerInvalidError, ServerFailedError.
    """
    search_seldom()
    from gateway.process.logs import configure_logs
    from gateway.process.server import StartFailedError
    from gateway.process.server import serve as run_server
    from gateway.wiring import create_gateway
    from ledger.storage.database import Database
    from schema.graph import schema

    settings = installation.settings
    configure_logs(level=settings.log_level, form=settings.log_format)
    database = Database.connect(settings, installation.keyring)
    app = create_gateway(settings, database=database, schema=schema)
    try:
        run_server(app, settings, sockets=[listener], tell_serving=tell_serving)
    except StartFailedError as error:
        raise ServerFailedError from error
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        raise PortTakenError(
            f"The port {settings.metrics_port} for /metrics is in use.",
            hint="Set JEMBATAN_METRICS_PORT to another port, or to 0 for none.",
        ) from error


def run_worker(arguments: list[str]) -> int:
    """Run one worker: the listening socket, the lifeline and the pipe to the parent are inherited open files.

    A failure to serve goes to the parent, which prints it; what ends a worker later, it prints itself.
    """
    from cli.session import open_installation
    from gateway.settings import load_settings

    signal.signal(signal.SIGTERM, _end)
    descriptor, lifeline, report = map(int, arguments)
    os.set_inheritable(report, False)  # noqa: FBT003 - of the standard library
    threading.Thread(target=_stop_with_parent, args=(lifeline,), daemon=True).start()
    serving: list[bool] = []

    def tell_serving() -> None:
        serving.append(True)
        _report(report, SERVES)

    try:
        with socket.socket(fileno=descriptor) as listener, open_installation(load_settings()) as installation:
            run_gateway(installation, listener, tell_serving=tell_serving)
    except Exception as error:  # noqa: BLE001 - every failure ends in one line and a status
        failure = describe_failure(error)
        if serving:
            print_failure(failure)
        else:
            _report(report, failure.render())
        return failure.exit_code
    return 0


def _report(report: int, said: bytes) -> None:
    with suppress(BrokenPipeError):  # the parent is gone, which ends this process as well
        os.write(report, said)


def _end(_signal: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)


def _stop_with_parent(lifeline: int) -> None:
    """Stop when the parent is gone: then the pipe has no writer left, and reading it returns nothing."""
    os.read(lifeline, 1)
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    raise SystemExit(run_worker(sys.argv[1:]))
