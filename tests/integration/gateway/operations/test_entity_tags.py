"""A tag is another one whenever the answer is: whatever was changed, whoever asks, and whatever is asked."""

import asyncio
import json
import re
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded
from hypothesis import strategies as st

from gateway.operations.progress import Answer, Transport
from ledger.storage.changes import find_dependencies, table_changes
from ledger.storage.roles import ROLE_OF_VIEWER, Role, role_name
from ledger.storage.sums import compact
from tests.support.asgi import call
from tests.support.both_ways import REQUEST_ID, Operation
from tests.support.cluster import ROLE_PREFIX
from tests.support.compared_reads import ACCEPTED, FILLED_AT, SHIFTS, Bench, Sample, changes, open_bench
from tests.support.desk import Desk, principal_of
from tests.support.graph_operations import operations
from tests.support.graph_sweeps import Sweep
from tests.support.journeys import acknowledge, issue_orders
from tests.support.pipeline import Way, make_way
from tests.support.random_walk import Walk
from tests.support.signal_journeys import take_part
from tests.support.watched import list_watched

SEED = 12
EXAMPLES = 300
STEPS = 60
CALLERS = ("officer", "telkomsel", "axis", "agency", "provider")
POLL = "{ blockOrders(first: 50) { nodes { id state dueAt acknowledgements { kind reference isLate } } } }"
BY_THE_CLOCK = {"BlockOrder.isOverdue", "BlockOrder.isConfirmationOverdue", "Complaint.isVerificationOverdue"}
POLLS = {
    "orders": "{ blockOrders(first: 50) { nodes { id orderNo version state status dueAt changedAt wasLate "
    "number { e164 status risk } acknowledgements { kind reference recordedAt isLate isExcused correctedBy { id } } "
    "extensions { state until } brand { slug } carrier { legalName } } } }",
    "counts": "{ blockOrders(first: 1) { totalCount } open: blockOrders(first: 3, filter: {states: [ISSUED]}) "
    "{ totalCount nodes { id } } }",
    "complaints": "{ complaints(first: 20) { totalCount nodes { id state outcome rejectionReason "
    "number { e164 status risk } } } }",
    "numbers": "{ numbers(first: 20) { nodes { e164 status risk isDisputed } } }",
    "terms": "{ participations(first: 20) { nodes { id state disclosure endedAt } } "
    "outages(first: 20) { nodes { id } } }",
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


def tagged_samples(bench: Bench) -> st.SearchStrategy[Sample]:
    """Whatever doesn't follow the clock, asked by who may see it, and changes of tables that it is read from."""

    def is_tagged(coordinate: str) -> bool:
        return bench.can_compile(coordinate) and coordinate not in BY_THE_CLOCK

    watched = {table.name for table in list_watched()}
    columns = {name: columns for name, columns in bench.ledger.columns.items() if name in watched}
    ledger = replace(bench.ledger, columns=columns)
    swept = list(Sweep(bench.graph, bench.values, is_tagged).list_operations())
    return st.builds(
        Sample,
        changes=st.lists(changes(ledger), min_size=1, max_size=12),
        callers=st.tuples(st.sampled_from(CALLERS), st.sampled_from(SHIFTS)).map(lambda caller: [caller]),
        operation=st.one_of(st.sampled_from(swept), operations(bench.graph, bench.values, is_tagged)),
        accept=st.sampled_from(ACCEPTED),
    )


@dataclass
class Poller:
    """Asks the same again and again, as a client does, and knows what it was told."""

    bench: Bench
    counts: Counter[str] = field(default_factory=Counter)

    async def ask(self, sample: Sample, token: str | None, tag: str | None) -> tuple[int, str | None, str]:
        """Shapes: status, tag, body."""
        headers = {"content_type": "application/json", "accept": sample.accept, "x_request_id": REQUEST_ID}
        headers |= {} if token is None else {"authorization": f"Bearer {token}"}
        headers |= {} if tag is None else {"if_none_match": tag}
        app = self.bench.both.compiled
        status, head, body = await call(app, "POST", "/graphql", body=sample.operation.body(), **headers)
        return status, head.get("etag"), body

    async def find_lie(self, sample: Sample) -> str | None:
        """Ask before a change, after it and after it was undone; tell the first answer that a tag lies about."""
        told: dict[str | None, tuple[str | None, str]] = {}
        async with self.bench.ledger.changed([]):
            lie = await self._compare(sample, told)
        async with self.bench.ledger.changed(sample.changes) as made:
            lie = lie or await self._compare(sample, told)
        lie = lie or await self._compare(sample, told)
        return f"{made}\n{lie}" if lie else None

    async def _compare(self, sample: Sample, told: dict[str | None, tuple[str | None, str]]) -> str | None:
        for token, shift in sample.callers:
            self.bench.clock.now = FILLED_AT + shift
            known, body = told.get(token, (None, ""))
            _, tag, now = await self.ask(sample, token, None)
            told[token] = (tag, now)
            self.counts["tagged" if tag else "untagged"] += 1
            if known is None:
                continue
            again, _, _ = await self.ask(sample, token, known)
            self.counts[f"{again} {'same' if now == body else 'changed'}"] += 1
            if now != body and (again == 304 or tag == known):
                return f"{token}: {sample.operation.document}\n{sample.operation.variables}\n{body}\n{now}"
        return None


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
                await self._run(way, principal, operation)
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
            await self._run(way, bench.tokens["officer"], operation)
            texts.update(way.sql)
        words = {word for text in texts for word in text.replace("(", " ( ").lower().split()}
        unsteady = await bench.ledger.owner.fetch(
            "SELECT DISTINCT proname FROM pg_proc WHERE proname = ANY ($1::text[]) AND (provolatile = 'v' "
            "OR proname IN ('now', 'statement_timestamp', 'transaction_timestamp'))",
            list(words),
        )
        assert [row["proname"] for row in unsteady] == []
        assert not words & {"current_timestamp", "current_date", "localtimestamp", "current_time"}

    async def _run(self, way: Way, principal: Any, operation: Operation) -> Answer:
        way.contexts.clear()
        return await way.run(principal, operation.document, dict(operation.variables), as_of=FILLED_AT)

    async def _explain(self, bench: Bench, role: Role, sql: str) -> set[str]:
        owner = bench.ledger.owner
        async with owner.transaction():
            await owner.execute(f"SET LOCAL ROLE {role_name(ROLE_PREFIX, role)}")
            values = [None] * max((int(number) for number in re.findall(r"\$([0-9]+)", sql)), default=0)
            plan = await owner.fetchval(f"EXPLAIN (GENERIC_PLAN, FORMAT JSON) {sql}", *values)
        return set(list_relations(json.loads(plan)))


@pytest.mark.timeout(600)  # a difference is made as small as possible before it is told
class TestTags:
    async def test_differ_wherever_answers_do_whatever_value_of_whatever_row_was_changed(self, bench):
        poller, loop = Poller(bench), asyncio.get_running_loop()
        told: list[str] = []

        @seeded(SEED)
        @settings(
            max_examples=EXAMPLES,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            phases=(Phase.generate, Phase.shrink),
            report_multiple_bugs=False,
        )
        @given(tagged_samples(bench))
        def compare_each(sample: Sample) -> None:
            lie = asyncio.run_coroutine_threadsafe(poller.find_lie(sample), loop).result()
            if lie is not None:
                told.append(lie)
                raise AssertionError(lie)

        try:
            await asyncio.to_thread(compare_each)
        except AssertionError:
            assert not told, told[-1]
            raise
        assert poller.counts["304 same"] > EXAMPLES // 10
        assert poller.counts["200 changed"] > EXAMPLES // 30
        assert poller.counts["304 changed"] == 0

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
