"""Plain Strawberry as documented: its own ASGI application, with one generator per subscriber, fed by a queue.

It runs in its own process, reports its port as a line of JSON, and reads one event per line. It uses the fastest of
uvicorn's WebSocket implementations, without compression.
"""

import asyncio
import socket
from collections import defaultdict
from collections.abc import AsyncGenerator
from typing import Any

import orjson
import strawberry
import uvicorn
import uvloop
from strawberry.asgi import GraphQL
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL

from bench.json_lines import open_standard_input, tell


@strawberry.type
class Event:
    """What happened to a block order."""

    kind: str
    state: str
    order_no: str
    recorded_at: str


@strawberry.type
class BlockRequestEvent:
    """An event and its cursor."""

    cursor: str
    event: Event


@strawberry.type
class Query:
    """A schema must have one."""

    ready: bool = True


_subscribers: dict[str, set[asyncio.Queue[BlockRequestEvent]]] = defaultdict(set)


@strawberry.type
class Subscription:
    """A carrier gets only its own events."""

    @strawberry.subscription
    async def block_request_events(
        self, info: strawberry.Info[dict[str, Any], None]
    ) -> AsyncGenerator[BlockRequestEvent, None]:
        """Yield everything from now on."""
        queue: asyncio.Queue[BlockRequestEvent] = asyncio.Queue()
        audience = _subscribers[info.context["connection_params"]["carrier"]]
        audience.add(queue)
        try:
            while True:
                yield await queue.get()
        finally:
            audience.discard(queue)


async def serve() -> None:
    """Serve until standard input ends."""
    schema = strawberry.Schema(query=Query, subscription=Subscription)
    application = GraphQL[Any, None](schema, graphql_ide=None, subscription_protocols=[GRAPHQL_TRANSPORT_WS_PROTOCOL])
    config = uvicorn.Config(
        application,
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        lifespan="off",
        log_level="warning",
        access_log=False,
    )
    listener = socket.create_server(("127.0.0.1", 0), backlog=2048)
    serving = asyncio.create_task(uvicorn.Server(config).serve([listener]))
    lines = await open_standard_input()
    tell({"port": listener.getsockname()[1]})
    while line := await lines.readline():
        _publish(orjson.loads(line))
    serving.cancel()


def _publish(told: dict[str, Any]) -> None:
    event = Event(kind=told["kind"], state=told["state"], order_no=told["orderNo"], recorded_at=told["recordedAt"])
    for queue in _subscribers[told["carrier"]]:
        queue.put_nowait(BlockRequestEvent(cursor=told["cursor"], event=event))


if __name__ == "__main__":
    uvloop.run(serve())
