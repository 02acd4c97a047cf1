"""Batches of acknowledgements, by which carriers answer their orders; of the largest also what JSON costs in it."""

from collections.abc import Sequence
from typing import Any

from bench.batch_json import measure_json
from bench.batches import BatchWrite, count_items, measure_batches
from bench.figures import Figure
from bench.scale import Scale
from bench.statements import Statement, take_down
from bench.world import BATCH_SIZE, Country, World, found_country, issue_orders, read_clock
from ledger.orders.acknowledgement_rules import AcknowledgementDraft
from ledger.orders.acknowledgements import AcknowledgedOrder, acknowledge_block_orders
from ledger.orders.vocabulary import AcknowledgementKind
from ledger.storage.database import Transaction

_MUTATION = """mutation($input: AcknowledgeBlockOrdersInput!) { acknowledgeBlockOrders(input: $input) {
  problemCount results { acknowledgement { id isLate } blockOrder { state } problem { code } } } }"""


async def run(world: World, scale: Scale) -> list[Figure]:
    """A round is some batches of each size on each side; the first round warms up and doesn't count."""
    rounds = scale.rounds + 1
    async with world.clone() as name:
        as_of = read_clock()
        database = world.connect(name)
        country = await found_country(database, as_of=as_of)
        order_ids = await issue_orders(database, country, count_items(rounds) + BATCH_SIZE, as_of=as_of)
        await database.close()
        await world.refresh_statistics(name)
        async with world.clone(name) as copy:
            written = order_ids[:-BATCH_SIZE]
            figures, _ = await measure_batches(
                world, name, copy, _describe(country), written, rounds=rounds, as_of=as_of
            )
            database = world.connect(name)
            with take_down(database) as statements:
                async with database.transaction(country.carrier, as_of=as_of) as tx:
                    await _acknowledge(tx, order_ids[-BATCH_SIZE:])
            await database.close()
            figures.append(Figure(name="  statements of the ledger's batch", value=_count(statements), unit=""))
            figures += await measure_json(world.url_of(copy), statements, rounds=scale.rounds)
    return figures


def _count(statements: Sequence[Statement]) -> int:
    return sum("set_config" not in statement.text for statement in statements)


def _describe(country: Country) -> BatchWrite:
    return BatchWrite(
        title="acknowledgements",
        viewer=country.carrier,
        client=country.carrier_client,
        scope="orders:read orders:acknowledge",
        mutation=_MUTATION,
        write=_acknowledge,
        variables=_ask,
        check=_check,
        counted={
            "SELECT count(*) FROM order_acknowledgements": 1,
            "SELECT count(*) FROM events": 2,
            "SELECT count(*) FROM block_orders WHERE state = 'EXECUTED'": 1,
            "SELECT count(*) FROM complaints WHERE state = 'RESOLVED'": 1,
        },
        largest_by_http_min=1 / 1.5,
    )


async def _acknowledge(tx: Transaction, order_ids: Sequence[str]) -> None:
    results = await acknowledge_block_orders(
        tx,
        [
            AcknowledgementDraft(order_id=order_id, kind=AcknowledgementKind.EXECUTED, reference=f"TT-{place}")
            for place, order_id in enumerate(order_ids)
        ],
    )
    assert all(isinstance(result, AcknowledgedOrder) for result in results), results[:1]


def _ask(order_ids: Sequence[str]) -> dict[str, Any]:
    items = [
        {"orderId": order_id, "kind": "EXECUTED", "reference": f"TT-{place}"}
        for place, order_id in enumerate(order_ids)
    ]
    return {"input": {"acknowledgements": items}}


def _check(data: Any, count: int) -> None:
    payload = data["acknowledgeBlockOrders"]
    assert payload["problemCount"] == 0, payload
    assert [result["blockOrder"]["state"] for result in payload["results"]] == ["EXECUTED"] * count
