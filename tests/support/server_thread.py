"""A gateway's own server in a thread with an event loop of its own, as in a process that serves."""

import socket
import threading
from typing import Any

from gateway.process.server import make_server
from gateway.settings import Settings

STOP_SECONDS_MAX = 15.0


def listen(port: int = 0) -> socket.socket:
    """A socket on loopback that takes connections at once, so that its port is known before anything is served."""
    return socket.create_server(("127.0.0.1", port))


def port_of(listener: socket.socket) -> int:
    return int(listener.getsockname()[1])


class ServerThread:
    """Serves from when it is made until it is ended."""

    def __init__(self, app: Any, settings: Settings, listener: socket.socket) -> None:
        self.server = make_server(app, settings)
        self.thread = threading.Thread(target=self.server.run, kwargs={"sockets": [listener]}, daemon=True)
        self.thread.start()

    def stop(self) -> None:
        """Ask it to stop, as SIGTERM does."""
        self.server.should_exit = True

    def count_connections(self) -> int:
        """Connections that the server knows, and requests that it works at."""
        state = self.server.server_state
        return len(state.connections) + len(state.tasks)

    def end(self) -> None:
        """Stop it, and wait until it has."""
        self.stop()
        self.thread.join(STOP_SECONDS_MAX)
        assert not self.thread.is_alive(), "the server did not stop"
