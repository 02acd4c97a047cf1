"""A gateway in a thread of its own, over a database of its own, at a port that it keeps when it is started again."""

import asyncio
import logging
import socket
from typing import Any

import structlog

from gateway.settings import Settings
from gateway.wiring import create_gateway
from ledger.storage.database import Database
from ledger.storage.sealing import Keyring
from schema.graph import schema
from tests.support.auth_world import CHEAP
from tests.support.server_thread import ServerThread, listen, port_of


class Serving:
    """Started and stopped by the test; its address is known before it is started."""

    def __init__(self, database_url: str, keyring: Keyring, **settings: Any) -> None:
        self._listener: socket.socket | None = listen()
        port = port_of(self._listener)
        quiet = {"metrics_port": 0, "drain_seconds": 1, "log_level": "ERROR"}
        self.settings = Settings(port=port, database_url=database_url, **{**quiet, **CHEAP, **settings})
        self._keyring = keyring
        self._thread: ServerThread | None = None
        self._app: Any = None

    @property
    def delivered(self) -> int:
        """How many messages its subscribers took since it was last started."""
        return int(self._app.state.streams.counts.delivered)

    def connect(self) -> Database:
        """A pool of the caller's own on the same database."""
        return Database.connect(self.settings, self._keyring)

    def start(self) -> None:
        listener = self._listener or listen(self.settings.port)
        self._listener = None
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
        self._app = create_gateway(self.settings, database=self.connect(), schema=schema)
        self._thread = ServerThread(self._app, self.settings, listener)

    async def stop(self) -> None:
        """As on SIGTERM."""
        if self._thread is None:
            return
        await asyncio.to_thread(self._thread.end)
        structlog.reset_defaults()
        self._thread = None
