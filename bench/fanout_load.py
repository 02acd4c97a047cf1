"""Many subscribers in a process of their own, so that their CPU is not the server's. It speaks in lines of JSON.

The first line says where and what to subscribe to. Then `connect` adds subscribers, `churn` adds some and lets go of
them, `settle` waits until an event has reached all that are active, and `judge` compares what each received with what
was published. It ends with its standard input.
"""

import asyncio
import gc
import itertools
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import orjson
import uvloop

from bench.fanout_subscriber import Call, Subscriber, Tally
from bench.json_lines import open_standard_input, tell

_PER_SOURCE = 5_000
"""Connections from one loopback address, well below the number of its ports."""
_HANDSHAKES_MAX = 64


@dataclass(slots=True, kw_only=True)
class Load:
    """The subscribers of one run. Only active ones are expected to receive."""

    task: dict[str, Any]
    tally: Tally
    active: list[Subscriber] = field(default_factory=list)
    idle: list[Subscriber] = field(default_factory=list)

    async def connect(
        self, *, count: int, payload: dict[str, Any], is_active: bool, per_second: float
    ) -> dict[str, Any]:
        """Add subscribers, at most per_second of them each second."""
        address = urlsplit(self.task["url"])
        assert address.hostname is not None
        call = Call.prepare(self.task, payload, host=address.netloc, target=address.path or "/")
        handshakes = asyncio.Semaphore(_HANDSHAKES_MAX)
        place = (address.hostname, address.port or 80)
        loop = asyncio.get_running_loop()
        started = loop.time()
        joining: list[asyncio.Task[Subscriber]] = []
        for number in range(count):
            await handshakes.acquire()
            await asyncio.sleep(started + number / per_second - loop.time())
            source = self._choose_source(len(self.active) + len(self.idle) + number)
            task = asyncio.create_task(self._join(call, place, source))
            task.add_done_callback(lambda _task: handshakes.release())
            joining.append(task)
        joined = await asyncio.gather(*joining)
        (self.active if is_active else self.idle).extend(joined)
        gc.collect()
        gc.freeze()
        return {"connected": len(joined), "seconds": loop.time() - started} | self._describe_failures()

    async def churn(self, *, count: int, payload: dict[str, Any], per_second: float) -> dict[str, Any]:
        """Add subscribers that are idle, and let go of them again."""
        before = len(self.idle)
        answer = await self.connect(count=count, payload=payload, is_active=False, per_second=per_second)
        for subscriber in self.idle[before:]:
            subscriber.close()
        del self.idle[before:]
        return answer

    async def settle(self, *, key: str, patience_seconds: float) -> dict[str, Any]:
        """Wait until an event has reached every active subscriber, or time is up."""
        deadline = time.monotonic() + patience_seconds
        while (reached := self._count(key)) < len(self.active) and time.monotonic() < deadline:
            if self.tally.failures:
                break
            await asyncio.sleep(0.01)
        return {"reached": reached} | self._describe_failures()

    def judge(self, *, expected: Sequence[tuple[str, int]]) -> dict[str, Any]:
        """Return the result for the published events: keys in order, each with its time on the monotonic clock.

        An event that reached an idle subscriber, which may see none, has leaked.
        """
        order = {self.tally.places.get(key, -1 - at): at for at, (key, _moment) in enumerate(expected)}
        moments = [moment for _key, moment in expected]
        delays: list[int] = []
        missing = doubled = disordered = 0
        for subscriber in self.active:
            came = [
                (order[place], moment)
                for place, moment in zip(subscriber.places, subscriber.times, strict=True)
                if place in order
            ]
            distinct = {at for at, _moment in came}
            missing += len(expected) - len(distinct)
            doubled += len(came) - len(distinct)
            disordered += sum(later[0] < earlier[0] for earlier, later in itertools.pairwise(came))
            delays.extend(moment - moments[at] for at, moment in came)
        delays.sort()
        counts = {
            "delivered": len(delays),
            "missing": missing,
            "doubled": doubled,
            "disordered": disordered,
            "leaked": sum(len(subscriber.places) for subscriber in self.idle),
        }
        return counts | _describe_delays(delays) | self._describe_failures()

    def close(self) -> None:
        """End all connections."""
        self.tally.is_closing = True
        for subscriber in self.active + self.idle:
            subscriber.close()

    async def _join(self, call: Call, place: tuple[str, int], source: tuple[str, int] | None) -> Subscriber:
        loop = asyncio.get_running_loop()
        transport, subscriber = await loop.create_connection(
            lambda: Subscriber(call, self.tally), *place, local_addr=source
        )
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        async with asyncio.timeout(30):
            await subscriber.ready
        return subscriber

    def _choose_source(self, number: int) -> tuple[str, int] | None:
        return (f"127.0.0.{1 + number // _PER_SOURCE}", 0) if number >= _PER_SOURCE else None

    def _count(self, key: str) -> int:
        place = self.tally.places.get(key)
        return 0 if place is None else self.tally.counts[place]

    def _describe_failures(self) -> dict[str, Any]:
        return {"failures": self.tally.failures, "first_failure": self.tally.first_failure}


class _Effort:
    """How busy this process has been since it was made: near 1, its own delays are in the figures."""

    def __init__(self) -> None:
        self._at, self._used = time.monotonic(), time.process_time()

    def read_share(self) -> float:
        return (time.process_time() - self._used) / (time.monotonic() - self._at)


async def run_load() -> None:
    """Do what the lines say, until there are no more."""
    lines = await open_standard_input()
    task = orjson.loads(await lines.readline())
    load = Load(task=task, tally=Tally(key_path=task["key_path"]))
    # Long-lived objects are frozen after connecting, and nothing here makes cycles.
    gc.disable()
    began = _Effort()
    while line := await lines.readline():
        order = orjson.loads(line)
        match order.pop("do"):
            case "connect":
                answer = await load.connect(**order)
                began = _Effort()
            case "churn":
                answer = await load.churn(**order)
            case "settle":
                answer = await load.settle(**order)
            case "judge":
                share = began.read_share()
                answer = load.judge(**order) | {"cpu_share": share}
                began = _Effort()
            case unknown:
                raise ValueError(unknown)
        tell(answer)
    load.close()


def _describe_delays(delays: Sequence[int]) -> dict[str, Any]:
    """Units: milliseconds. delays are sorted."""
    if not delays:
        return {"p50_ms": None, "p99_ms": None, "max_ms": None}
    middle, late, last = (delays[min(len(delays) - 1, int(len(delays) * part))] / 1e6 for part in (0.5, 0.99, 1))
    return {"p50_ms": middle, "p99_ms": late, "max_ms": last}


if __name__ == "__main__":
    uvloop.run(run_load())
