"""Batches of 1,000 acknowledgements: by the ledger and over HTTP, beside the same SQL by psql on a copy.

psql runs the same statements that the ledger sent, with literals for parameters, on a copy of the database made before.
The ratio is what the ledger costs beyond PostgreSQL's own work.
"""

from collections.abc import Sequence
from datetime import datetime

import asyncpg

from bench.batch_json import measure_json
from bench.figures import Figure, Samples, compare, read_stopwatch
from bench.scale import Scale
from bench.serving import Gateway, serve_gateway
from bench.statements import Psql, Statement, take_down, write_script
from bench.world import BATCH_SIZE, Country, World, found_country, issue_orders, read_clock
from ledger.orders.acknowledgement_rules import AcknowledgementDraft
from ledger.orders.acknowledgements import AcknowledgedOrder, acknowledge_block_orders
from ledger.orders.vocabulary import AcknowledgementKind
from ledger.storage.database import Database

_MUTATION = """mutation($input: AcknowledgeBlockOrdersInput!) { acknowledgeBlockOrders(input: $input) {
  problemCount results { acknowledgement { id isLate } blockOrder { state } problem { code } } } }"""


async def run(world: World, scale: Scale) -> list[Figure]:
    """A round is one batch on each side; the first one warms up and doesn't count."""
    rounds = scale.rounds + 1
    async with world.clone() as name:
        as_of = read_clock()
        database = world.connect(name)
        country = await found_country(database, as_of=as_of)
        order_ids = await issue_orders(database, country, (2 * rounds + 1) * BATCH_SIZE, as_of=as_of)
        await database.close()
        await world.refresh_statistics(name)
        *batches, last = [order_ids[start : start + BATCH_SIZE] for start in range(0, len(order_ids), BATCH_SIZE)]
        async with world.clone(name) as copy:
            figures = await _measure(world, name, copy, country, batches, as_of=as_of)
            await _check_equal(world, name, copy, by_http=rounds * BATCH_SIZE)
            database = world.connect(name)
            _, statements = await _acknowledge(database, country, last, as_of=as_of)
            await database.close()
            figures += await measure_json(world.url_of(copy), statements, rounds=scale.rounds)
    return figures


async def _measure(
    world: World, name: str, copy: str, country: Country, batches: Sequence[Sequence[str]], *, as_of: datetime
) -> list[Figure]:
    ledger: list[float] = []
    psql: list[float] = []
    http: list[float] = []
    script = world.folder / "acknowledgements.sql"
    database = world.connect(name)
    scope = "orders:read orders:acknowledge"
    async with serve_gateway(world, name, country.carrier_client, scope=scope) as gateway:
        with Psql(world.url_of(copy)) as session:
            for ours, others in zip(batches[::2], batches[1::2], strict=True):
                seconds, statements = await _acknowledge(database, country, ours, as_of=as_of)
                ledger.append(1 / seconds)
                write_script(script, statements)
                psql.append(1 / session.run(script))
                http.append(1 / await _acknowledge_by_http(gateway, others))
    await database.close()
    beside = Samples(psql[1:])
    return [
        compare("1,000 acknowledgements, ledger", Samples(ledger[1:]), beside, unit="batches/s", beside_name="psql"),
        compare("1,000 acknowledgements, HTTP", Samples(http[1:]), beside, unit="batches/s", beside_name="psql"),
        Figure(name="  statements of the ledger's batch", value=_count(statements), unit=""),
    ]


def _count(statements: Sequence[Statement]) -> int:
    return sum("set_config" not in statement.text for statement in statements)


async def _acknowledge(
    database: Database, country: Country, order_ids: Sequence[str], *, as_of: datetime
) -> tuple[float, list[Statement]]:
    """Return the seconds from a batch of drafts to the commit, and what was sent."""
    drafts = [
        AcknowledgementDraft(order_id=order_id, kind=AcknowledgementKind.EXECUTED, reference=f"TT-{place}")
        for place, order_id in enumerate(order_ids)
    ]
    with take_down(database) as statements:
        started = read_stopwatch()
        async with database.transaction(country.carrier, as_of=as_of) as tx:
            results = await acknowledge_block_orders(tx, drafts)
        seconds = read_stopwatch() - started
    assert all(isinstance(result, AcknowledgedOrder) for result in results), results[:1]
    return seconds, statements


async def _acknowledge_by_http(gateway: Gateway, order_ids: Sequence[str]) -> float:
    items = [
        {"orderId": order_id, "kind": "EXECUTED", "reference": f"TT-{place}"}
        for place, order_id in enumerate(order_ids)
    ]
    started = read_stopwatch()
    data = await gateway.ask(_MUTATION, {"input": {"acknowledgements": items}})
    seconds = read_stopwatch() - started
    payload = data["acknowledgeBlockOrders"]
    assert payload["problemCount"] == 0
    assert [result["blockOrder"]["state"] for result in payload["results"]] == ["EXECUTED"] * len(order_ids)
    return seconds


async def _check_equal(world: World, name: str, copy: str, *, by_http: int) -> None:
    """Check that psql did the same work."""
    counts = []
    for database in (name, copy):
        connection = await asyncpg.connect(world.superuser_url_of(database))
        row = await connection.fetchrow(
            "SELECT (SELECT count(*) FROM order_acknowledgements), (SELECT count(*) FROM events), "
            "(SELECT count(*) FROM block_orders WHERE state = 'EXECUTED'), "
            "(SELECT count(*) FROM complaints WHERE state = 'RESOLVED')"
        )
        assert row is not None
        counts.append(list(row))
        await connection.close()
    ours, psqls = counts
    assert [ours[0] - by_http, ours[1] - 2 * by_http, ours[2] - by_http, ours[3] - by_http] == psqls, counts
