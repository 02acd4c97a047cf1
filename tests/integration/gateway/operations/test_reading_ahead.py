"""What a list's objects lead to is read with the list: no task for each, and nothing that isn't selected and open."""

import asyncio
from dataclasses import replace
from typing import Any

import orjson
import pytest

from ledger.orders.vocabulary import AcknowledgementKind
from tests.support.desk import principal_of
from tests.support.journeys import acknowledge, issue_orders
from tests.support.pipeline import make_way
from tests.support.statements import count_statements

POLL = """query($first: Int) { blockOrders(first: $first) { nodes { orderNo carrier { slug } number { e164 status
  blockOrders { orderNo acknowledgements { kind } } } acknowledgements { kind reference } } } }"""
COUNT = 12


@pytest.fixture
async def orders(database, parties, as_of):
    issued = await issue_orders(database, parties, as_of, [f"+62812{serial:07d}" for serial in range(1, COUNT + 1)])
    for order in issued:
        await acknowledge(database, parties.telkomsel, as_of, order, AcknowledgementKind.RECEIVED, reference=order.e164)
    return issued


class Asked:
    """One answer, the statements that read the ledger for it, and how many tasks were begun."""

    def __init__(self) -> None:
        self.data: Any = None
        self.errors: list[Any] = []
        self.statements: list[str] = []
        self.tasks = 0


@pytest.fixture
def ask(database, parties, as_of):
    way = make_way(database, compiled=False)

    async def call(query: str, *, without: tuple[str, ...] = (), **variables: Any) -> Asked:
        principal = principal_of(parties.telkomsel, as_of)
        principal = replace(principal, scopes=principal.scopes - set(without))
        asked = Asked()
        loop = asyncio.get_running_loop()

        def begin(loop: asyncio.AbstractEventLoop, work: Any, **more: Any) -> asyncio.Task[Any]:
            asked.tasks += 1
            return asyncio.Task(work, loop=loop, **more)

        stop = count_statements(database, asked.statements.append)
        loop.set_task_factory(begin)
        try:
            answer = await way.run(principal, query, variables, as_of=as_of)
        finally:
            loop.set_task_factory(None)
            stop()
        asked.statements = [each for each in asked.statements if "set_config" not in each]
        body = orjson.loads(answer.body)
        asked.data, asked.errors = body["data"], body.get("errors", [])
        return asked

    return call


async def test_takes_no_more_tasks_and_statements_for_a_long_page_than_for_a_short_one(ask, orders):
    short, long = await ask(POLL, first=2), await ask(POLL, first=COUNT)
    assert (short.errors, long.errors) == ([], [])
    assert len(long.data["blockOrders"]["nodes"]) == len(orders)
    assert long.tasks == short.tasks
    # The page; carriers, numbers and acknowledgements; the numbers' orders, whose acknowledgements are known.
    assert len(long.statements) == len(short.statements) == 5
    for node in long.data["blockOrders"]["nodes"]:
        (same,) = node["number"]["blockOrders"]
        assert same == {"orderNo": node["orderNo"], "acknowledgements": [{"kind": "RECEIVED"}]}
        assert node["acknowledgements"] == [{"kind": "RECEIVED", "reference": node["number"]["e164"]}]


async def test_a_refused_relationship_is_not_read_and_then_dropped(ask, orders):
    asked = await ask(POLL, without=("numbers:read",), first=COUNT)
    assert all(node["number"] is None for node in asked.data["blockOrders"]["nodes"])
    assert {error["extensions"]["code"] for error in asked.errors} == {"UNAUTHORIZED_FIELD_OR_TYPE"}
    assert not any("phone_numbers" in statement.partition("FROM")[2] for statement in asked.statements)


@pytest.mark.parametrize("directive", ["@skip(if: true)", "@include(if: false)"])
async def test_what_is_left_out_is_not_read(ask, orders, directive):
    query = f"{{ blockOrders {{ nodes {{ id ...F {directive} acknowledgements {directive} {{ kind }} }} }} }} "
    asked = await ask(query + "fragment F on BlockOrder { number { e164 } }")
    assert len(asked.data["blockOrders"]["nodes"]) == len(orders)
    assert len(asked.statements) == 1


async def test_a_failure_is_told_by_each_field_that_needs_what_could_not_be_read(ask, orders, monkeypatch):
    monkeypatch.setattr("resolvers.loaders.Loader._load_batch", _fail)
    asked = await ask("{ blockOrders { nodes { orderNo acknowledgements { kind } } } }")
    assert {node["acknowledgements"] for node in asked.data["blockOrders"]["nodes"]} == {None}
    assert all(node["orderNo"] for node in asked.data["blockOrders"]["nodes"])
    assert {error["path"][-1] for error in asked.errors} == {"acknowledgements"}


async def _fail(_loader: Any, _keys: Any) -> Any:
    raise LookupError
