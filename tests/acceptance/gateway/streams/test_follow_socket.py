"""The client of one subscription against a gateway of which a test says what it sends, and when."""

import asyncio
import json

import pytest
from websockets.asyncio.server import ServerConnection, serve

from cli.follow.socket import SUBPROTOCOL, StreamEndedError, open_subscription

RESULT = {"data": {"feed": {"cursor": "one"}}}
END = {"message": "It stops.", "extensions": {"code": "RATE_LIMITED", "problem": "SERVER_SHUTDOWN", "cursor": "two"}}


class TestSubscriptionSocket:
    async def test_reads_how_it_ended_also_when_it_can_no_longer_answer_a_ping(self) -> None:
        """Fault: the pong failed, since the close had come, and the error before the close was never read."""
        has_closed = asyncio.Event()

        async def end(connection: ServerConnection) -> None:
            assert json.loads(await connection.recv())["type"] == "connection_init"
            await connection.send(json.dumps({"type": "connection_ack"}))
            assert json.loads(await connection.recv())["type"] == "subscribe"
            for message in (
                {"id": "1", "type": "next", "payload": RESULT},
                {"type": "ping"},
                {"id": "1", "type": "error", "payload": [END]},
            ):
                await connection.send(json.dumps(message))
            await connection.close(1012, "SERVER_SHUTDOWN")
            has_closed.set()

        async with serve(end, "127.0.0.1", 0, subprotocols=[SUBPROTOCOL]) as server:
            url = f"http://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}"
            async with open_subscription(url, token="token", document="subscription { feed { cursor } }") as socket:
                async with asyncio.timeout(20):
                    await has_closed.wait()
                assert await socket.read() == RESULT
                with pytest.raises(StreamEndedError) as ended:
                    await socket.read()
        assert (ended.value.problem, ended.value.cursor) == ("SERVER_SHUTDOWN", "two")
