"""The servers that are measured side by side: each in a process of its own, with the same field and the same events."""

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
_CARRIER, _OTHER_CARRIER = "telkomsel", "indosat"
_CURSOR = "eyJmZWVkIjoiMDE5YWE3YzYiLCJwb3NpdGlvbiI6MCwiaGFzaCI6ImJmM2E5Y"
"""As long as ours, so that a message is about 250 bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A served side.

    active and idle are payloads of connection_init: with the one every event comes, with the other none.
    key_path leads from `data` to what tells one event from another.
    """

    url: str
    process_id: int
    active: Mapping[str, Any]
    idle: Mapping[str, Any]
    document: str = _DOCUMENT
    variables: Mapping[str, Any] = field(default_factory=dict)
    key_path: Sequence[str] = ("blockRequestEvents", "event", "orderNo")


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """An event that was published. Units: at_ns is on the monotonic clock, which all processes of a machine share."""

    key: str
    at_ns: int


class Side(Protocol):
    """One server of the comparison. It is started anew each time, so that none inherits another run's heap."""

    name: str

    async def start(self) -> Endpoint:
        """Serve, ready for subscribers."""
        ...

    async def publish(self, number: int) -> Publication:
        """Make one event for the active subscribers; at_ns is when it was committed or handed over."""
        ...

    async def stop(self) -> None:
        """End the server. What was started only in part is ended, too."""
        ...


class PipedServer:
    """A side that takes its events by standard input, a line each."""

    def __init__(self, name: str, *command: str) -> None:
        self.name = name
        self._command = command
        self._worker: Worker | None = None

    async def start(self) -> Endpoint:
        """It tells its port first."""
        self._worker = await Worker.start(*self._command)
        told = await self._worker.read(timeout_seconds=30)
        return Endpoint(
            url=f"ws://127.0.0.1:{told['port']}/graphql",
            process_id=self._worker.process_id,
            active={"carrier": _CARRIER},
            idle={"carrier": _OTHER_CARRIER},
        )

    async def publish(self, number: int) -> Publication:
        """There is nothing to commit: the moment is when the line was written."""
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
    """Those that are measured beside ours."""
    sides: list[Side] = [PipedServer("Strawberry", sys.executable, "-m", "bench.fanout_strawberry")]
    if (node := _find_node()) is not None:
        sides.append(PipedServer("yoga", node, str(_NODE_FOLDER / "server.mjs")))
    return sides


def _find_node() -> str | None:
    """Node, with what the server needs installed; None, said aloud, where that can't be had."""
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
