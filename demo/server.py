"""The demo's server: the real gateway on a loopback port, in a thread of this process.

It is a thread so that it shares the demo's clock. Everything else goes through the port.
"""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from cli.session import Installation
from demo.clock import DemoClock
from demo.parties import StepFailedError
from gateway.process.server import make_server
from gateway.wiring import create_gateway
from ledger.storage.database import Database
from schema.graph import schema

_START_SECONDS_MAX = 30.0


@contextmanager
def run_server(installation: Installation, listener: socket.socket, clock: DemoClock) -> Iterator[threading.Thread]:
    """Serve while the block runs, then drain and stop. Errors: StepFailedError if it does not start."""
    settings = installation.settings
    database = Database.connect(settings, installation.keyring)
    app = create_gateway(settings, database=database, schema=schema, now=clock.read)
    server = make_server(app, settings)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="demo-server", daemon=True)
    thread.start()
    try:
        _wait_until_started(lambda: server.started, thread)
        yield thread
    finally:
        server.should_exit = True
        thread.join(timeout=settings.drain_seconds + 10)


def _wait_until_started(is_started: Callable[[], bool], thread: threading.Thread) -> None:
    waited = 0.0
    while not is_started():
        thread.join(timeout=0.02)
        waited += 0.02
        if not thread.is_alive() or waited > _START_SECONDS_MAX:
            raise StepFailedError("the server starts")
