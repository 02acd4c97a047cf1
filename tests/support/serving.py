"""A gateway in a thread of its own, over a database of its own, at a port that it keeps when it is started again."""

import asyncio
import logging
import socket
import threading
from typing import Any

import structlog

from gateway.process.server import DrainingServer, make_server
from gateway.settings import Settings
from gateway.wiring import create_gateway
from ledger.storage.database import Database
from ledger.storage.sealing import Keyring
from schema.graph import schema
from tests.support.auth_world import CHEAP


class Serving:
    """Started and stopped by the test; its address is known before it is started."""

    def __init__(self, database_url: str, keyring: Keyring, **settings: Any) -> None:
        self._listener: socket.socket | None = socket.create_server(("127.0.0.1", 0))
        port = self._listener.getsockname()[1]
        quiet = {"metrics_port": 0, "drain_seconds": 1, "log_level": "ERROR"}
        self.settings = Settings(port=port, database_url=database_url, **{**quiet, **CHEAP, **settings})
        self._keyring = keyring
        self._server: DrainingServer | None = None
        self._thread: threading.Thread | None = None

    def connect(self) -> Database:
        """A pool of the caller's own on the same database."""
        return Database.connect(self.settings, self._keyring)

    def start(self) -> None:
        listener = self._listener or socket.create_server(("127.0.0.1", self.settings.port))
        self._listener = None
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
        app = create_gateway(self.settings, database=self.connect(), schema=schema)
        self._server = make_server(app, self.settings)
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [listener]}, daemon=True)
        self._thread.start()

    async def stop(self) -> None:
        """As on SIGTERM."""
        if self._server is None or self._thread is None:
            return
        self._server.should_exit = True
        await asyncio.to_thread(self._thread.join, 10)
        assert not self._thread.is_alive()
        structlog.reset_defaults()
        self._server = self._thread = None
