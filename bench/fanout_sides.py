"""The servers that are compared: each in its own process, with the same field and the same events."""

import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from bench.json_lines import Worker
from bench.world import read_clock

_NODE_FOLDER = Path(__file__).parent / "fanout_node"
_DOCUMENT = "subscription { blockRequestEvents { cursor event { kind state orderNo recordedAt } } }"
YOGA = "yoga"
_CARRIER, _OTHER_CARRIER = "telkomsel", "indosat"
_CURSOR = "eyJmZWVkIjoiMDE5YWE3YzYiLCJwb3NpdGlvbiI6MCwiaGFzaCI6ImJmM2E5Y"
"""As long as ours, so that a message is about 250 bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A running side.

    active and idle are payloads of connection_init: with the first every event arrives, with the second none. key_path
    leads from `data` to what distinguishes one event from another. Only our side has metrics.
    """

    url: str
    process_id: int
    active: Mapping[str, Any]
    idle: Mapping[str, Any]
    document: str = _DOCUMENT
    variables: Mapping[str, Any] = field(default_factory=dict)
    key_path: Sequence[str] = ("blockRequestEvents", "event", "orderNo")
    metrics_url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """A published event. Units: at_ns is on the monotonic clock, which all processes of a machine share."""

    key: str
    at_ns: int


class Side(Protocol):
    """One server of the comparison. It is restarted each time, so that none inherits another run's heap."""

    name: str

    async def start(self) -> Endpoint:
        """Serve, and return when it is ready for subscribers."""
        ...

    async def publish(self, number: int) -> Publication:
        """Make one event for the active subscribers; at_ns is when it was committed or handed over."""
        ...

    async def stop(self) -> None:
        """Stop the server, even if it was only partly started."""
        ...


class PipedServer:
    """A side that receives its events on standard input, one per line."""

    def __init__(self, name: str, *command: str) -> None:
        self.name = name
        self._command = command
        self._worker: Worker | None = None

    async def start(self) -> Endpoint:
        """Start it, and read its port first."""
        self._worker = await Worker.start(*self._command)
        told = await self._worker.read(timeout_seconds=30)
        return Endpoint(
            url=f"ws://127.0.0.1:{told['port']}/graphql",
            process_id=self._worker.process_id,
            active={"carrier": _CARRIER},
            idle={"carrier": _OTHER_CARRIER},
        )

    async def publish(self, number: int) -> Publication:
        """Write the line; since there is nothing to commit, its time is that of the write."""
        assert self._worker is not None
        event = {
            "carrier": _CARRIER,
            "cursor": f"{_CURSOR}{number:08d}",
            "kind": "ORDER_ISSUED",
            "state": "ISSUED",
            "orderNo": f"O-2026-{number:07d}",
            "recordedAt": read_clock().isoformat(),
        }
        publication = Publication(key=event["orderNo"], at_ns=time.monotonic_ns())
        self._worker.send(event)
        return publication

    async def stop(self) -> None:
        """Kill it."""
        if self._worker is not None:
            await self._worker.kill()
            self._worker = None


def list_others() -> list[Side]:
    """List the sides that are compared with ours."""
    sides: list[Side] = [PipedServer("Strawberry", sys.executable, "-m", "bench.fanout_strawberry")]
    if (node := _find_node()) is not None:
        sides.append(PipedServer(YOGA, node, str(_NODE_FOLDER / "server.mjs")))
    return sides


def _find_node() -> str | None:
    """Return Node, with the server's packages installed; None, with a note, where that is not possible."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        print("Node or npm is absent: graphql-yoga is left out.", file=sys.stderr)
        return None
    if not (_NODE_FOLDER / "node_modules").exists():
        installed = subprocess.run([npm, "ci", "--silent"], cwd=_NODE_FOLDER, capture_output=True, check=False)
        if installed.returncode:
            print(f"npm ci failed, so graphql-yoga is left out: {installed.stderr.decode()[-500:]}", file=sys.stderr)
            return None
    return node
