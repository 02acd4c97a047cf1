"""Serves in one process: the only one of `jembatan serve`, or one of several that a parent supervises."""

import errno
import os
import signal
import socket
import sys
import threading
from types import FrameType
from typing import TYPE_CHECKING

from cli.failures import PortTakenError, report_failure

if TYPE_CHECKING:
    from cli.session import Installation


def run_gateway(installation: "Installation", listener: socket.socket) -> None:
    """Serve in this process until stopped. Errors: PortTakenError for the metrics port, IssuerInvalidError."""
    from gateway.process.logs import configure_logs
    from gateway.process.server import serve as run_server
    from gateway.wiring import create_gateway
    from ledger.storage.database import Database
    from schema.graph import schema

    settings = installation.settings
    configure_logs(level=settings.log_level, form=settings.log_format)
    database = Database.connect(settings, installation.keyring)
    app = create_gateway(settings, database=database, schema=schema)
    try:
        run_server(app, settings, sockets=[listener])
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        raise PortTakenError(
            f"The port {settings.metrics_port} for /metrics is in use.",
            hint="Set JEMBATAN_METRICS_PORT to another port, or to 0 for none.",
        ) from error


def run_worker(arguments: list[str]) -> int:
    """Run one worker: the listening socket and the lifeline are open descriptors inherited from the parent."""
    from cli.session import open_installation, read_settings

    signal.signal(signal.SIGTERM, _end)
    descriptor, lifeline = map(int, arguments)
    threading.Thread(target=_stop_with_parent, args=(lifeline,), daemon=True).start()
    try:
        with socket.socket(fileno=descriptor) as listener, open_installation(read_settings()) as installation:
            run_gateway(installation, listener)
    except Exception as error:  # noqa: BLE001 - every failure ends in one line and a status
        return report_failure(error)
    return 0


def _end(_signal: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)


def _stop_with_parent(lifeline: int) -> None:
    """Stop when the parent is gone: then the pipe has no writer left, and reading it returns nothing."""
    os.read(lifeline, 1)
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    raise SystemExit(run_worker(sys.argv[1:]))
