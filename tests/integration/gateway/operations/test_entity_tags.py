"""A tag is another one whenever the answer is: whatever was changed, whoever asks, and whatever is asked."""

import json
import re
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from operator import itemgetter
from typing import Any

import asyncpg
import pytest

from gateway.operations.progress import Answer, Transport
from ledger.storage.changes import find_dependencies, table_changes
from ledger.storage.metadata import metadata
from ledger.storage.roles import ROLE_OF_VIEWER, Role, role_name
from ledger.storage.sums import compact
from tests.support.asgi import call
from tests.support.both_ways import REQUEST_ID, Operation
from tests.support.cluster import ROLE_PREFIX
from tests.support.compared_reads import FILLED_AT, Bench, open_bench
from tests.support.desk import Desk, principal_of
from tests.support.graph_sweeps import Sweep
from tests.support.journeys import acknowledge, issue_orders
from tests.support.pipeline import Way, make_way
from tests.support.random_walk import Walk
from tests.support.row_changes import ChangeableColumn
from tests.support.signal_journeys import take_part
from tests.support.watched import list_watched

SEED = 12
STEPS = 60
READS_OF_A_COLUMN = 2
CALLERS = ("officer", "telkomsel", "axis", "agency", "provider")
POLL = "{ blockOrders(first: 50) { nodes { id state dueAt acknowledgements { kind reference isLate } } } }"
BY_THE_CLOCK = {
    "BlockOrder.isOverdue",
    "BlockOrder.isConfirmationOverdue",
    "Complaint.isVerificationOverdue",
    "Complaint.isClaimed",
}
POLLS = {
    "orders": "{ blockOrders(first: 50) { nodes { id orderNo version state status dueAt changedAt wasLate "
    "number { e164 status risk } acknowledgements { kind reference recordedAt isLate isExcused correctedBy { id } } "
    "extensions { state until } brand { slug } carrier { legalName } } } }",
    "counts": "{ blockOrders(first: 1) { totalCount } open: blockOrders(first: 3, filter: {states: [ISSUED]}) "
    "{ totalCount nodes { id } } }",
    "complaints": "{ complaints(first: 20) { totalCount nodes { id state outcome rejectionReason "
    "number { e164 status risk } } } }",
    "numbers": "{ numbers(first: 20) { nodes { e164 status risk isDisputed } } }",
    "referrals": "{ referrals(first: 20) { totalCount nodes { id state status action summary changedAt "
    "account { handle url risk } number { e164 } responses { kind reference } complaints { complaint { state } } } } }",
    "both instruments": "{ blockRequests(first: 20) { nodes { e164 status accountStanding gap "
    "blockOrders { state } referrals { state } } } }",
    "accounts": "{ accounts(first: 20) { totalCount nodes { id platform handle risk complaints { state } } } }",
    "terms": "{ participations(first: 20) { nodes { id state disclosure endedAt } } "
    "outages(first: 20) { nodes { id } } }",
    "contributions": "{ signalContributions(first: 20) { totalCount nodes { id state endedAt replacedBy { id } } } }",
    "revocations": "{ signalRevocationNotices(first: 20) { nodes { id confirmedAt signal { state basis "
    "corroborationCount } } } }",
}


@pytest.fixture(scope="module")
async def bench(cluster, country, keyring) -> AsyncIterator[Bench]:
    async with open_bench(cluster, *country, keyring, seed=SEED) as bench:
        # Here writers are held up by no rule either, and leave marks as all others do.
        await bench.ledger.owner.execute("SET session_replication_role = origin")
        yield bench


def list_relations(plan: Any) -> Iterator[str]:
    """The tables that a plan reads, as EXPLAIN tells them."""
    if isinstance(plan, dict):
        if "Relation Name" in plan:
            yield plan["Relation Name"]
        plan = list(plan.values())
    if isinstance(plan, list):
        for each in plan:
            yield from list_relations(each)


@dataclass(frozen=True)
class Read:
    """An operation, who asks it, and the statements that answer it."""

    operation: Operation
    caller: str
    sql: str

    async def ask(self, bench: Bench, tag: str | None = None) -> tuple[int, str | None, str]:
        """Shapes: status, tag, body."""
        headers = {"content_type": "application/json", "x_request_id": REQUEST_ID}
        headers |= {"authorization": f"Bearer {self.caller}"} | ({} if tag is None else {"if_none_match": tag})
        status, head, body = await call(bench.both.compiled, "POST", "/graphql", body=self.operation.body(), **headers)
        return status, head.get("etag"), body


@pytest.fixture(scope="module")
async def reads(bench: Bench) -> list[Read]:
    """Operations that together select whatever is compiled, has a tag and follows no clock. Long answers come first."""

    def is_tagged(coordinate: str) -> bool:
        return bench.can_compile(coordinate) and coordinate not in BY_THE_CLOCK

    found = []
    bench.clock.now = FILLED_AT
    way = make_way(bench.database, compiled=True, entity_tags=False)
    for operation in Sweep(bench.graph, bench.values, is_tagged).list_operations():
        for caller in CALLERS:
            await run(way, bench.tokens[caller], operation)
            read = Read(operation, caller, "\n".join(way.sql))
            _, tag, body = await read.ask(bench)
            if tag is not None:
                found.append((len(body), read))
    return [read for _, read in sorted(found, key=itemgetter(0), reverse=True)]


async def run(way: Way, principal: Any, operation: Operation) -> Answer:
    way.contexts.clear()
    return await way.run(principal, operation.document, dict(operation.variables), as_of=FILLED_AT)


@dataclass
class Rewriting:
    """Gives all rows of a table the same value of a column, one column after another, and asks before and after."""

    bench: Bench
    reads: list[Read]
    lies: list[str] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)

    async def rewrite(self, table: str) -> None:
        owner, self.bench.clock.now = self.bench.ledger.owner, FILLED_AT
        keys = " AND ".join(f"t.{key.name} = k.{key.name}" for key in metadata.tables[table].primary_key.columns)
        await owner.execute(f"CREATE TEMP TABLE kept AS SELECT * FROM {table}")
        for column in self.bench.ledger.columns.get(table, ()):
            named = re.compile(rf"\b{column.name}\b")
            reads = [read for read in self.reads if re.search(rf"\b{table}\b", read.sql) and named.search(read.sql)]
            for read in reads[:READS_OF_A_COLUMN]:
                _, tag, body = await read.ask(self.bench)
                if tag is None or not await self._set(table, column):
                    continue
                status, _, _ = await read.ask(self.bench, tag)
                _, after, now = await read.ask(self.bench)
                await owner.execute(f"UPDATE {table} t SET {column.name} = k.{column.name} FROM kept k WHERE {keys}")
                if now != body:
                    self.shown.append(f"{table}.{column.name}")
                    if status == 304 or after == tag:
                        self.lies.append(f"{table}.{column.name}: {read.caller}, {read.operation.document}")
        await owner.execute("DROP TABLE kept")

    async def _set(self, table: str, column: ChangeableColumn) -> bool:
        """Whether a value was found that the table allows all rows to have."""
        owner = self.bench.ledger.owner
        for value in reversed(column.values):
            with suppress(asyncpg.IntegrityConstraintViolationError):
                await owner.execute(f"UPDATE {table} SET {column.name} = CAST($1::text AS {column.sql_type})", value)
                return True
        return False


@pytest.mark.timeout(600)
class TestDependencies:
    async def test_have_every_table_that_postgresql_reads_for_any_field_that_is_compiled(self, bench):
        """Its plan is asked, with the rules of row-level security in it."""
        sweep = Sweep(bench.graph, bench.values, bench.can_compile)
        way = make_way(bench.database, compiled=True, entity_tags=False)
        read: Counter[str] = Counter()
        for caller in CALLERS:
            principal = bench.tokens[caller]
            role = ROLE_OF_VIEWER[principal.viewer.kind]
            for operation in sweep.list_operations():
                await run(way, principal, operation)
                for sql in way.sql:
                    found = find_dependencies([sql], role)
                    assert found is not None, sql
                    relations = await self._explain(bench, role, sql)
                    assert relations <= {*found.own, *found.others}, sql
                    read.update(relations)
        assert {"block_orders", "order_acknowledgements", "phone_numbers", "complaints", "officers"} <= read.keys()

    async def test_have_functions_that_tell_the_same_of_the_same_rows(self, bench):
        """A function that is volatile, or tells the time, would change an answer that nothing else changed."""
        sweep = Sweep(bench.graph, bench.values, bench.can_compile)
        way = make_way(bench.database, compiled=True)
        texts = set()
        for operation in sweep.list_operations():
            await run(way, bench.tokens["officer"], operation)
            texts.update(way.sql)
        words = {word for text in texts for word in text.replace("(", " ( ").lower().split()}
        unsteady = await bench.ledger.owner.fetch(
            "SELECT DISTINCT proname FROM pg_proc WHERE proname = ANY ($1::text[]) AND (provolatile = 'v' "
            "OR proname IN ('now', 'statement_timestamp', 'transaction_timestamp'))",
            list(words),
        )
        assert [row["proname"] for row in unsteady] == []
        assert not words & {"current_timestamp", "current_date", "localtimestamp", "current_time"}

    async def _explain(self, bench: Bench, role: Role, sql: str) -> set[str]:
        owner = bench.ledger.owner
        async with owner.transaction():
            await owner.execute(f"SET LOCAL ROLE {role_name(ROLE_PREFIX, role)}")
            values = [None] * max((int(number) for number in re.findall(r"\$([0-9]+)", sql)), default=0)
            plan = await owner.fetchval(f"EXPLAIN (GENERIC_PLAN, FORMAT JSON) {sql}", *values)
        return set(list_relations(json.loads(plan)))


@pytest.mark.timeout(600)
class TestTags:
    @pytest.mark.long
    async def test_differ_wherever_answers_do_whatever_column_is_changed_in_all_rows(self, bench, reads):
        rewriting = Rewriting(bench, reads)
        for table in list_watched():
            await rewriting.rewrite(table.name)
        assert rewriting.lies == []
        # Of a column, that is: most values that its constraints allow are shown.
        assert len(rewriting.shown) > 60, rewriting.shown

    @pytest.mark.long
    @pytest.mark.parametrize("table", ["block_orders", "order_acknowledgements", "phone_numbers"])
    async def test_would_lie_without_a_trigger(self, bench, reads, table):
        """The test above finds out if one is missing."""
        owner, rewriting = bench.ledger.owner, Rewriting(bench, reads)
        await owner.execute(f"ALTER TABLE {table} DISABLE TRIGGER changes_of_{table}_update")
        try:
            await rewriting.rewrite(table)
        finally:
            await owner.execute(f"ALTER TABLE {table} ENABLE TRIGGER changes_of_{table}_update")
        assert rewriting.lies

    @pytest.mark.parametrize("seed", range(2))
    async def test_differ_wherever_answers_do_whatever_moves_the_parties_make(self, audited, parties, as_of, seed):
        database = audited.database
        walk, way = Walk(audited, parties, as_of, seed), make_way(database, compiled=True)
        await take_part(database, parties, as_of)
        viewers = parties.everyone | {"byu": replace(parties.telkomsel, brand_id=parties.brands["byu"])}
        told: dict[tuple[str, str], tuple[str | None, bytes]] = {}
        counts: Counter[str] = Counter()
        for _ in range(STEPS):
            await walk.step()
            if walk.draw.random() < 0.2:
                async with database.system(Role.JOBS, as_of=as_of) as tx:
                    await compact(tx, table_changes)
            for name, viewer in viewers.items():
                for asked, query in POLLS.items():
                    tag, body = told.get((name, asked), (None, b""))
                    answer = await way.run(
                        principal_of(viewer, walk.as_of), query, as_of=walk.as_of, if_none_match=(tag,) if tag else ()
                    )
                    if answer.status == 304:
                        now = (await way.run(principal_of(viewer, walk.as_of), query, as_of=walk.as_of)).body
                        assert now == body, (name, asked)
                    elif answer.body != body:
                        assert answer.headers.get("ETag") != tag or tag is None, (name, asked)
                        told[name, asked] = (answer.headers.get("ETag"), answer.body)
                    counts[f"{answer.status} {'tagged' if answer.headers.get('ETag') else 'untagged'}"] += 1
        assert walk.made > STEPS // 3
        assert counts["304 tagged"] > counts["200 tagged"] > STEPS, counts


class TestTagging:
    """Which answers have a tag, and what it is of."""

    @pytest.fixture
    async def desk(self, database, parties, as_of) -> Desk:
        orders = await issue_orders(database, parties, as_of, ["+6281200000001", "+6285600000001"])
        await acknowledge(database, parties.telkomsel, as_of, orders[0])
        return Desk(database, parties, as_of)

    @staticmethod
    async def find_tag(desk: Desk, principal: Any, query: str = POLL, **more: Any) -> str | None:
        way = make_way(desk.database, compiled=True, **more)
        answer = await way.run(principal, query, as_of=desk.as_of)
        assert answer.status == 200
        return answer.headers.get("ETag")

    async def test_is_the_same_in_every_process(self, desk):
        principal = principal_of(desk.parties.telkomsel, desk.as_of)
        tags = {await self.find_tag(desk, principal) for _ in range(2)}
        assert len(tags) == 1
        assert None not in tags

    async def test_is_another_one_for_every_other_caller_and_right(self, desk):
        principal = principal_of(desk.parties.telkomsel, desk.as_of)
        byu, tri = desk.parties.brands["byu"], desk.parties.brands["tri"]
        callers = [
            principal,
            principal_of(desk.parties.indosat, desk.as_of),
            principal_of(desk.parties.regulator, desk.as_of),
            principal_of(desk.parties.officer, desk.as_of),
            principal_of(desk.parties.other_officer, desk.as_of),
            principal_of(replace(desk.parties.telkomsel, brand_id=byu), desk.as_of),
            principal_of(replace(desk.parties.telkomsel, brand_id=tri), desk.as_of),
            replace(principal, scopes=principal.scopes - {"numbers:read"}),
        ]
        tags = [await self.find_tag(desk, each) for each in callers]
        assert None not in tags
        assert len(set(tags)) == len(callers)

    async def test_is_another_one_for_other_words_values_and_pages(self, desk):
        principal = principal_of(desk.parties.telkomsel, desk.as_of)
        queries = [
            POLL,
            POLL.replace("first: 50", "first: 49"),
            POLL.replace("nodes", "n: nodes"),
            "{ orders: " + POLL[2:],
            POLL.replace("first: 50", "first: 50, sort: ISSUED_NEWEST"),
            POLL.replace("first: 50", "first: 50, filter: {states: [EXECUTED]}"),
            POLL.replace("first: 50", "first: 50, filter: {states: [EXECUTED, ISSUED]}"),
            "{ __typename " + POLL[2:],
            POLL[:-1] + "__typename }",
        ]
        tags = [await self.find_tag(desk, principal, each) for each in queries]
        assert None not in tags
        assert len(set(tags)) == len(queries)

    @pytest.mark.parametrize(
        "query",
        [
            "{ blockOrders(first: 1) { nodes { isOverdue } } }",
            "{ blockOrders(first: 1, filter: {isOverdue: true}) { nodes { id } } }",
            "{ blockOrders(first: 1) { nodes { id } } viewer { __typename } }",
            "{ blockOrders(first: 1) { nodes { returnReason } } }",
            '{ number(e164: "+6285600000001") { risk } }',
            '{ blockOrder(id: "01900000-0000-7000-8000-000000000000") { id } }',
            "{ __typename }",
        ],
        ids=["the clock", "a filter by the clock", "not compiled", "denied", "counted", "nothing", "no ledger"],
    )
    async def test_leaves_out_what_it_is_not_sure_of(self, desk, query):
        assert await self.find_tag(desk, principal_of(desk.parties.telkomsel, desk.as_of), query) is None

    @pytest.mark.parametrize("transport", [each for each in Transport if each.is_stream])
    async def test_leaves_out_what_is_sent_as_a_stream(self, desk, transport):
        principal = principal_of(desk.parties.telkomsel, desk.as_of)
        tag = await self.find_tag(desk, principal)
        way = make_way(desk.database, compiled=True)
        answer = await way.run(principal, POLL, as_of=desk.as_of, if_none_match=(tag,), transport=transport)
        assert (answer.status, "ETag" in answer.headers) == (200, False)

    async def test_leaves_out_what_is_recorded_as_read(self, desk):
        officer = principal_of(desk.parties.officer, desk.as_of)
        assert await self.find_tag(desk, officer) is not None
        strict = replace_policy(desk, access_list_items=1)
        assert await self.find_tag(strict, officer) is None

    @pytest.mark.parametrize("off", [{"entity_tags": False}, {"compiled": False}], ids=str)
    async def test_can_be_turned_off(self, desk, off):
        way = make_way(desk.database, **({"compiled": True} | off))
        answer = await way.run(principal_of(desk.parties.telkomsel, desk.as_of), POLL, as_of=desk.as_of)
        assert "ETag" not in answer.headers
        assert answer.status == 200

    async def test_takes_one_statement_beside_the_binding_when_nothing_was_changed(self, desk):
        principal = principal_of(desk.parties.telkomsel, desk.as_of)
        way = make_way(desk.database, compiled=True)
        page = await way.run(principal, POLL, as_of=desk.as_of)
        assert len(way.sql) == 1
        unchanged = await way.run(principal, POLL, as_of=desk.as_of, if_none_match=(page.headers["ETag"],))
        assert (unchanged.status, unchanged.body) == (304, b"")
        assert len(way.sql) == way.trips == 1
        assert "block_orders " not in way.sql[0]

    async def test_reads_the_page_on_the_snapshot_of_its_version_where_several_statements_read_it(self, desk):
        principal = principal_of(desk.parties.telkomsel, desk.as_of)
        way = make_way(desk.database, compiled=True)
        two = POLL[:-1] + "members(first: 1) { nodes { id } } }"
        answer = await way.run(principal, two, as_of=desk.as_of)
        assert answer.headers["ETag"]
        assert (len(way.sql), way.trips) == (2, 1)


def replace_policy(desk: Desk, **policy: Any) -> Desk:
    database = desk.database
    database.policies = database.settings.model_copy(update=policy)
    return desk
