"""A compiled read that fails, is unsure or is too large: the answer is the ordinary one, and look-ups count once."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import asyncpg
import pytest

from gateway.operations.compiling import Prepared
from ledger.storage.database import Database
from tests.support.country import Parties
from tests.support.desk import principal_of
from tests.support.journeys import issue_orders
from tests.support.pipeline import Way, make_way

OWN, FOREIGN = "+6281200000001", "+6285600000001"
ORDERS = "{ blockOrders { nodes { orderNo summary number { e164 status } acknowledgements { kind } } } }"
LOOK_UP = f'{{ number(e164: "{FOREIGN}") {{ e164 risk }} }}'
Ask = Callable[[Way, str], Any]


@pytest.fixture
async def ask(database: Database, parties: Parties, as_of: datetime, owner_connection: asyncpg.Connection) -> Ask:
    await issue_orders(database, parties, as_of, [OWN, FOREIGN])
    await owner_connection.execute("UPDATE block_orders SET legal_basis = repeat('x', 5000)")
    principal = principal_of(parties.telkomsel, as_of)

    async def ask_as_carrier(way: Way, query: str) -> Any:
        return await way.run(principal, query, as_of=as_of)

    return ask_as_carrier


def count(way: Way, outcome: str) -> float:
    return float(way.services.metrics.compiled.labels(outcome)._value.get())


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Prepared, "bind", lambda self, *_, **__: [("SELECT 1 / 0", ()) for _ in self.calls])


@pytest.mark.usefixtures("broken")
class TestFailedStatement:
    async def test_is_answered_the_ordinary_way_and_counted(self, database: Database, ask: Ask) -> None:
        compiled, ordinary = make_way(database, compiled=True), make_way(database, compiled=False)
        answer, expected = await ask(compiled, ORDERS), await ask(ordinary, ORDERS)
        assert (answer.status, answer.body) == (200, expected.body)
        assert (count(compiled, "failed"), count(compiled, "compiled")) == (1, 0)

    async def test_beside_an_ordinary_field_is_answered_with_it(self, database: Database, ask: Ask) -> None:
        compiled, ordinary = make_way(database, compiled=True), make_way(database, compiled=False)
        query = f"{{ viewer {{ memberId }} {ORDERS[1:-1]} }}"
        assert (await ask(compiled, query)).body == (await ask(ordinary, query)).body

    async def test_counts_its_look_ups_once(
        self, database: Database, ask: Ask, owner_connection: asyncpg.Connection
    ) -> None:
        answer = await ask(make_way(database, compiled=True), LOOK_UP)
        assert answer.status == 200
        assert await owner_connection.fetchval("SELECT sum(used) FROM number_lookups") == 1


class TestUnsureStatement:
    async def test_counts_its_look_ups_once(
        self, database: Database, ask: Ask, owner_connection: asyncpg.Connection
    ) -> None:
        """A number of another carrier isn't among the rows that this one may see: the numbering plan answers for it."""
        compiled = make_way(database, compiled=True)
        answer = await ask(compiled, LOOK_UP)
        assert (answer.status, answer.body) == (200, (await ask(make_way(database, compiled=False), LOOK_UP)).body)
        assert await owner_connection.fetchval("SELECT sum(used) FROM number_lookups") == 2, "one for each way"


class TestLargeAnswer:
    BYTES_MAX = 16_384

    @staticmethod
    def ask_for(count: int) -> str:
        """A field whose texts take more the higher the count."""
        return f"blockOrders {{ nodes {{ {' '.join(f's{n}: legalBasis' for n in range(count))} }} }}"

    async def test_is_refused_as_it_is_the_ordinary_way(self, database: Database, ask: Ask) -> None:
        roomy = make_way(database, compiled=True)
        for query in (f"{{ {self.ask_for(4)} }}", "{ a: %s b: %s }" % ((self.ask_for(2),) * 2)):
            assert len((await ask(roomy, query)).body) > self.BYTES_MAX
            ways = [make_way(database, compiled=each, answer_bytes_max=self.BYTES_MAX) for each in (True, False)]
            answers = [await ask(way, query) for way in ways]
            assert answers[0].body == answers[1].body
            assert [error["extensions"]["problem"] for error in answers[0].errors] == ["ANSWER_TOO_LARGE"]

    async def test_of_which_one_field_takes_most_is_answered(self, database: Database, ask: Ask) -> None:
        """Each field has its share of the bound; what takes more is resolved the ordinary way."""
        query = f"{{ a: blockOrders(first: 1) {{ nodes {{ version }} }} {self.ask_for(2)} }}"
        expected = await ask(make_way(database, compiled=False), query)
        assert self.BYTES_MAX // 2 < len(expected.body) < self.BYTES_MAX
        compiled = make_way(database, compiled=True, answer_bytes_max=self.BYTES_MAX)
        assert (await ask(compiled, query)).body == expected.body
        assert count(compiled, "unsure") == 2
