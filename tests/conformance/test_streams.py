"""Subscriptions, as the npm clients that people use read them: graphql-ws, graphql-sse, Apollo Client, eventsource.

Each script says by lines what the stage is to do: write events by the ledger's own functions, or start the gateway
again at the same port. They are skipped, saying so, where Node or its packages are absent.
"""

import asyncio
import base64
import json
import os
import shutil
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from auth.scopes import BY_KIND, OFFICER_ONLY
from auth.tokens.signing_keys import ensure_signing_key
from ledger.identifiers import new_id
from ledger.storage.database import Database
from ledger.storage.sealing import Keyring
from ledger.viewer import MemberKind
from tests.support.auth_world import Clock, World, sign
from tests.support.cluster import Cluster
from tests.support.country import Parties, found_country
from tests.support.journeys import issue_orders
from tests.support.serving import Serving

pytestmark = pytest.mark.conformance
HERE = Path(__file__).parent
DOCUMENT = HERE.parents[1] / "docs" / "subscriptions.md"
STREAMS_MAX = 12
QUICK = {"stream_heartbeat_seconds": 0.3, "stream_stall_seconds": 2, "stream_init_seconds": 2}
LIMITS = {"stream_connections_per_client": STREAMS_MAX}
SECONDS_MAX = 60


@dataclass
class Stage:
    """What scripts may ask for."""

    serving: Serving
    database: Database
    parties: Parties
    world: World
    config: dict[str, Any]
    numbers: Iterator[str] = field(default_factory=lambda: (f"+62812000{place:05d}" for place in count()))

    async def do(self, command: str, arguments: dict[str, Any]) -> Any:
        return await {"issue": self.issue, "shorten": self.shorten, "restart": self.restart}[command](**arguments)

    async def issue(self, orders: int) -> list[dict[str, str]]:
        """Issue so many orders to the carrier; each is one event that it may see."""
        numbers = [next(self.numbers) for _ in range(orders)]
        issued = await issue_orders(self.database, self.parties, datetime.now(UTC), numbers)
        return [{"id": order.id, "orderNo": order.order_no} for order in issued]

    async def shorten(self, token: str, seconds: int) -> str:
        """The same token, which ends in so many seconds."""
        body = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        keys = await self.world.keys.get(as_of=datetime.now(UTC))
        return sign(keys.current, {**claims, "jti": new_id(), "exp": int(time.time()) + seconds}, typ="at+jwt")

    async def restart(self) -> None:
        """Stop the gateway as on SIGTERM, and start another at its port."""
        await self.serving.stop()
        self.serving.start()


@pytest.fixture(scope="module")
async def stage(cluster: Cluster, keyring: Keyring) -> AsyncIterator[Stage]:
    name = await cluster.clone()
    serving = Serving(cluster.url_of(name), keyring, **QUICK, **LIMITS)
    database = serving.connect()
    parties = await found_country(database, datetime.now(UTC))
    world = World(database, serving.settings, Clock(datetime.now(UTC)))
    async with world.auth() as tx:
        await ensure_signing_key(tx)
    scopes = sorted(BY_KIND[MemberKind.CARRIER] - OFFICER_ONLY)
    carrier, crowd = [await world.register(parties.telkomsel.member_id, scopes) for _ in range(2)]
    config = {
        "issuer": serving.settings.base_url,
        "port": serving.settings.port,
        "streamsMax": STREAMS_MAX,
        "carrier": {"id": carrier.client_id, "secret": carrier.secret},
        "crowd": {"id": crowd.client_id, "secret": crowd.secret},
    }
    serving.start()
    yield Stage(serving, database, parties, world, config)
    await serving.stop()
    await database.close()
    await cluster.drop(name)


@pytest.mark.parametrize("script", ["graphql-ws.mjs", "graphql-sse.mjs", "event-source.mjs", "apollo.mjs"])
async def test_node(stage: Stage, script: str) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("Node is not installed; its clients were not tried")
    if not (HERE / "node_modules" / "graphql-ws").is_dir():
        pytest.skip("the packages are not installed; run `npm ci` in tests/conformance")
    told, errors, status = await _play(stage, node, script)
    assert status == 0, f"{told}\n{errors}"
    assert told.count("ok ") >= 8


@pytest.mark.parametrize("recipe", ["follow.mjs", "resume.mjs"])
def test_the_document_shows_what_is_tried_here(recipe: str) -> None:
    assert (HERE / recipe).read_text() in DOCUMENT.read_text()


async def _play(stage: Stage, node: str, script: str) -> tuple[str, str, int | None]:
    """Run a script, doing what its lines ask for; what it said, and how it ended."""
    environment = {**os.environ, "JEMBATAN_CONFORMANCE": json.dumps(stage.config), "NO_PROXY": "127.0.0.1"}
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        node, script, cwd=HERE, env=environment, stdin=pipe, stdout=pipe, stderr=pipe
    )
    assert process.stdin
    assert process.stdout
    assert process.stderr
    said: list[str] = []
    errors = asyncio.create_task(process.stderr.read())
    try:
        async with asyncio.timeout(SECONDS_MAX):
            async for line in process.stdout:
                if not line.startswith(b"> "):
                    said.append(line.decode())
                    continue
                asked = json.loads(line[2:])
                answer = await stage.do(asked["command"], asked["arguments"])
                process.stdin.write(json.dumps({"id": asked["id"], "answer": answer}).encode() + b"\n")
            await process.wait()
    except TimeoutError:
        said.append("it took too long\n")
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return "".join(said), (await errors).decode(), process.returncode
