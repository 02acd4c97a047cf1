"""The servers that answer the read workloads, each in one process of its own over the same database."""

import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import orjson

from bench.json_lines import Worker
from bench.peers import PEERS_FOLDER, find_node
from bench.read_statements import DERIVED
from bench.serving import obtain_token, serve_process
from bench.side_names import COMPILED, ORDINARY, PGBENCH, POSTGRAPHILE, STRAWBERRY, YOGA
from bench.world import ROLE_PREFIX, Country, World
from ledger.storage.roles import login_name

_SETTINGS = {"JEMBATAN_LOOKUPS_PER_CLIENT_DAILY": "1000000000"}
"""The bound of look-ups would be measured itself."""
_SCOPES = {
    "carrier": "orders:read numbers:read",
    "agency": "complaints:read numbers:read",
    "regulator": "orders:read numbers:read complaints:read",
}
_POOL_SIZE = 10
"""What the gateway keeps by default."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A side that serves, and a token for each viewer. process_id is that of the one process that answers."""

    name: str
    url: str
    process_id: int
    tokens: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Trust:
    """What a peer needs in order to check the tokens that one of our gateways issued, and these."""

    issuer: str
    keys: Mapping[str, Any]
    tokens: Mapping[str, str]


@asynccontextmanager
async def serve_sides(
    world: World, name: str, country: Country, wanted: Sequence[str]
) -> AsyncIterator[Sequence[Endpoint]]:
    """Serve a database by the sides of these names, in their order, until the end of the block."""
    async with AsyncExitStack() as stack:
        ours = {
            side: await stack.enter_async_context(serve_ours(world, name, country, side))
            for side in (COMPILED, ORDINARY)
            if side in wanted or side == COMPILED
        }
        trust = await read_trust(ours[COMPILED])
        yield [
            ours[side] if side in ours else await stack.enter_async_context(serve_peer(world, name, side, trust))
            for side in wanted
            if side != PGBENCH and can_serve(side)
        ]


async def read_trust(ours: Endpoint) -> Trust:
    """Read the public keys of a gateway of ours."""
    issuer = ours.url.removesuffix("/graphql")
    async with aiohttp.ClientSession() as session, session.get(f"{issuer}/oauth/jwks") as response:
        return Trust(issuer, orjson.loads(await response.read()), ours.tokens)


@asynccontextmanager
async def serve_ours(
    world: World,
    name: str,
    country: Country,
    side: str,
    *,
    port: int = 0,
    tokens: Mapping[str, str] | None = None,
) -> AsyncIterator[Endpoint]:
    """Serve by the gateway with its defaults, reads compiled or not.

    tokens are those of an earlier gateway on the same database and port, which is their issuer.
    """
    clients = {
        "carrier": country.carrier_client,
        "agency": country.agency_client,
        "regulator": country.regulator_client,
    }
    compiled = {"JEMBATAN_COMPILED_READS": str(side == COMPILED).lower()}
    async with serve_process(world, name, {**_SETTINGS, **compiled}, port=port) as served:
        tokens = tokens or {
            viewer: await obtain_token(served.url, client, scope=_SCOPES[viewer]) for viewer, client in clients.items()
        }
        yield Endpoint(name=side, url=f"{served.url}/graphql", process_id=served.process_id, tokens=tokens)


def can_serve(side: str) -> bool:
    """Whether the side can run here: those on Node need one, which is installed on first use."""
    return side not in {POSTGRAPHILE, YOGA} or find_node() is not None


@asynccontextmanager
async def serve_peer(world: World, name: str, side: str, trust: Trust) -> AsyncIterator[Endpoint]:
    """Serve by a peer, which is told where the database is and which tokens to take."""
    told = orjson.dumps(
        {
            "database": {
                "host": world.socket_folder,
                "user": login_name(ROLE_PREFIX),
                "database": name,
                "max": _POOL_SIZE,
            },
            "keys": trust.keys,
            "issuer": trust.issuer,
            "audience": f"{trust.issuer}/graphql",
            "derived": DERIVED,
        }
    ).decode()
    log = world.folder / f"{side}.log"
    worker = await Worker.start(*_command_of(side), told, log=log)
    try:
        try:
            port = (await worker.read(timeout_seconds=60))["port"]
        except RuntimeError as error:
            raise RuntimeError(f"{side} did not start: {log.read_text()[-2000:]}") from error
        url = f"http://127.0.0.1:{port}/graphql"
        yield Endpoint(name=side, url=url, process_id=worker.process_id, tokens=trust.tokens)
    finally:
        await worker.kill()


def _command_of(side: str) -> Sequence[str]:
    if side == STRAWBERRY:
        return (sys.executable, "-m", "bench.read_strawberry")
    node = find_node()
    assert node is not None
    program = {POSTGRAPHILE: "postgraphile.mjs", YOGA: "yoga.mjs"}[side]
    return (node, str(PEERS_FOLDER / program))
