"""A filled register is one that the ledger could have written, as far as the read benchmarks look at it."""

from collections.abc import AsyncIterator, Iterator

import asyncpg
import pytest

from bench.order_filling import fill_register
from bench.read_loads import ask_postgres
from bench.read_workloads import COMPLAINTS, DASHBOARD, LOOK_UP, POLL, POLL_WITH_NUMBERS
from bench.world import Country, World, open_world

_ORDERS = 3_000


@pytest.fixture(scope="module")
def bench_world() -> Iterator[World]:
    with open_world() as world:
        yield world


@pytest.fixture(scope="module")
async def register(bench_world: World) -> AsyncIterator[tuple[str, Country]]:
    async with bench_world.clone() as name:
        yield name, await fill_register(bench_world, name, _ORDERS)


@pytest.fixture
async def connection(
    bench_world: World, register: tuple[str, Country]
) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    connection = await asyncpg.connect(bench_world.superuser_url_of(register[0]))
    yield connection
    await connection.close()


class TestAFilledRegister:
    @pytest.mark.parametrize(
        ("query", "count"),
        [
            ("SELECT count(*) FROM block_orders", _ORDERS),
            ("SELECT count(DISTINCT order_serial) FROM block_orders", _ORDERS),
            ("SELECT count(*) FROM block_orders o JOIN phone_numbers n USING (e164) WHERE n.holder_id = o.carrier_id",
             _ORDERS),
            (("SELECT count(*) FROM order_complaints l JOIN block_orders o ON o.id = l.order_id JOIN complaints c "
             "ON (c.id, c.e164) = (l.complaint_id, o.e164)"), _ORDERS),
            (("SELECT count(*) FROM order_acknowledgements a JOIN block_orders o "
             "ON (o.id, o.carrier_id) = (a.order_id, a.carrier_id)"), _ORDERS * 3 // 2),
            ("SELECT count(DISTINCT carrier_id) FROM block_orders", 2),
            ("SELECT count(*) FROM block_orders WHERE due_at <> issued_at + interval '24 hours'", 0),
        ],
    )  # fmt: skip
    async def test_is_consistent(
        self, connection: "asyncpg.Connection[asyncpg.Record]", query: str, count: int
    ) -> None:
        assert await connection.fetchval(query) == count

    async def test_has_the_indexes_that_it_had_when_it_was_empty(self, bench_world: World) -> None:
        query = "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'"
        found = []
        async with bench_world.clone() as empty, bench_world.clone() as filled:
            await fill_register(bench_world, filled, 2_000)
            for name in (empty, filled):
                connection = await asyncpg.connect(bench_world.superuser_url_of(name))
                found.append({row["indexdef"] for row in await connection.fetch(query)})
                await connection.close()
        assert found[0] == found[1]


class TestTheStatementsOfTheWorkloads:
    async def test_give_each_viewer_what_it_may_see(self, bench_world: World, register: tuple[str, Country]) -> None:
        name, country = register
        poll = await ask_postgres(bench_world, name, country, POLL, {})
        with_numbers = await ask_postgres(bench_world, name, country, POLL_WITH_NUMBERS, {})
        looked_up = await ask_postgres(bench_world, name, country, LOOK_UP, {"e164": "+628120000001"})
        complaints = await ask_postgres(bench_world, name, country, COMPLAINTS, {})
        dashboard = await ask_postgres(bench_world, name, country, DASHBOARD, {})

        orders = poll["blockOrders"]["nodes"]
        assert len(orders) == 50
        assert orders == sorted(orders, key=lambda order: (order["dueAt"], order["id"]))
        assert {len(order["acknowledgements"]) for order in orders} == {1, 2}
        numbers = {order["number"]["e164"][:6] for order in with_numbers["blockOrders"]["nodes"]}
        assert numbers == {"+62812"}, "the other carrier's are hidden"
        assert [order["version"] for order in looked_up["number"]["blockOrders"]] == [1]
        assert {(each["state"], each["category"]) for each in complaints["complaints"]["nodes"]} == {
            ("ESCALATED", "FRAUD")
        }
        assert dashboard == {"blockOrders": {"totalCount": _ORDERS}}
