"""A filled ledger behind two applications, one of which compiles its reads, and the parties that ask them."""

import asyncio
import random
import re
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import structlog
from graphql import GraphQLSchema
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded
from hypothesis import strategies as st
from starlette.applications import Starlette

from auth.settings import AuthSettings
from auth.tokens.principal import Principal
from gateway.app import create_app
from gateway.settings import Settings
from ledger.compiling.catalog import Branch, Pages
from ledger.legal_time import LEGAL_ZONE
from ledger.settings import FeedSettings, LedgerSettings
from ledger.storage.database import Database
from ledger.storage.sealing import Keyring
from resolvers.context import Context
from schema.compiled import find_compilable
from schema.graph import schema
from tests.support.both_ways import BothWays, Callers, Operation
from tests.support.cluster import ROLE_PREFIX, Cluster
from tests.support.country import FOUNDED_AT, Parties
from tests.support.desk import principal_of
from tests.support.graph_operations import operations
from tests.support.graph_sweeps import list_coordinates
from tests.support.graph_values import GraphValues, collect_values
from tests.support.ledgers import fill_ledger
from tests.support.logging_state import restored_logs
from tests.support.row_changes import NO_INTS, Change, ChangeableColumn, Ledger

FILLED_AT = FOUNDED_AT + timedelta(hours=24)
"""When the first orders are due, to the microsecond."""
SHIFTS = (timedelta(hours=2), timedelta(), timedelta(microseconds=1), -timedelta(hours=20), timedelta(days=400))
ACCEPTED = ("application/json", "application/graphql-response+json")
LASTING_CHANGES = 10
"""So many rows of each column are changed after the parties filled it."""
_CODE = re.compile(r'"code":"([A-Z_]+)"')


@dataclass
class Clock:
    now: datetime = FILLED_AT


@dataclass(frozen=True)
class Sample:
    """One operation of callers, one after another and each at a time, of a ledger some of whose rows were changed."""

    changes: list[Change]
    callers: list[tuple[str | None, timedelta]]
    operation: Operation
    accept: str


class DifferenceError(AssertionError):
    """The two answers differ."""


@dataclass(repr=False)
class Bench:
    """Both applications over one filled ledger, and what of the graph was compiled so far."""

    database: Database
    both: BothWays
    ledger: Ledger
    values: GraphValues
    clock: Clock
    tokens: dict[str, Principal]
    graph: GraphQLSchema
    compilable: frozenset[str]
    counts: Counter[str] = field(default_factory=Counter)
    compiled: set[str] = field(default_factory=set)

    async def compare(self, operation: Operation, token: str | None, *, accept: str = ACCEPTED[0]) -> str | None:
        """Ask both ways, and tell what differs; None if nothing does."""
        before = self._read_counts()
        compiled, ordinary = await self.both.ask(operation, token, accept=accept)
        after = self._read_counts()
        self.counts["operations"] += 1
        self.counts["compiled fields"] += (made := after["compiled"] - before["compiled"])
        self.counts["unsure fields"] += after["unsure"] - before["unsure"]
        self.counts.update(sorted(set(_CODE.findall(ordinary.body))))
        assert "GRAPHQL_VALIDATION_FAILED" not in ordinary.body, f"{operation.document}\n{ordinary.body}"
        difference = compiled.tell_difference(ordinary)
        if difference is not None:
            self.counts["differences"] += 1
            return f"{token} at {self.clock.now}: {operation.document}\n{operation.variables}\n  {difference}"
        coordinates = list_coordinates(self.graph, operation.document)
        if made and made == sum(each.startswith("Query.") for each in coordinates):
            self.compiled |= coordinates
        return None

    async def compare_sample(self, sample: Sample) -> str | None:
        """The same of a ledger that is changed for this once, at the sample's times."""
        try:
            async with self.ledger.changed(sample.changes) as made:
                for token, shift in sample.callers:
                    self.clock.now = FILLED_AT + shift
                    difference = await self.compare(sample.operation, token, accept=sample.accept)
                    if difference is not None:
                        return f"{made}\n{difference}"
        finally:
            self.clock.now = FILLED_AT
        return None

    def can_compile(self, coordinate: str) -> bool:
        """Whether a field, by its coordinate, is compiled where all around it is, too."""
        return coordinate in self.compilable

    def _read_counts(self) -> dict[str, int]:
        metrics = self.both.compiled.state.metrics.registry
        return {
            outcome: int(metrics.get_sample_value("jembatan_compiled_reads_total", {"outcome": outcome}) or 0)
            for outcome in ("compiled", "unsure")
        }


def list_compilable() -> frozenset[str]:
    """The coordinates of all fields that are compiled where nothing beside them prevents it."""
    found = find_compilable(schema)
    types = schema._schema.type_map
    coordinates = {f"Query.{name}" for name in found.roots}
    for root in found.roots.values():
        pages = {root.type_name, f"{root.node_type}Edge", "PageInfo"} if root.type_name != root.node_type else set()
        coordinates |= {f"{name}.{each}" for name in pages for each in types[name].fields}
    waiting, reached = [root.node_type for root in found.roots.values()], set()
    while waiting:
        name = waiting.pop()
        if name in reached:
            continue
        reached.add(name)
        for each, shown in found.catalog[name].fields.items():
            coordinates.add(f"{name}.{each}")
            if isinstance(shown, Branch):
                waiting.append(shown.type_name)
            if isinstance(shown, Pages):
                inner = {shown.type_name, f"{shown.node_type}Edge", "PageInfo"}
                coordinates |= {f"{page}.{field_}" for page in inner for field_ in types[page].fields}
                waiting.append(shown.node_type)
    return frozenset(coordinates)


def list_callers(parties: Parties, ledger: Ledger) -> dict[str, Principal]:
    """A token of every kind of party with all its scopes, with each one missing, and with few."""
    providers = {row["slug"]: row["id"] for row in ledger.rows["members"] if row["kind"] == "OTT_PROVIDER"}
    viewers = dict(parties.everyone)
    viewers["byu"] = replace(parties.telkomsel, brand_id=parties.brands["byu"], client_id="byu-system")
    viewers["axis"] = replace(parties.xlsmart, brand_id=parties.brands["axis"], client_id="axis-system")
    for slug, member_id in providers.items():
        if member_id != parties.provider.member_id:
            viewers[str(slug).replace("-", "_")] = replace(
                parties.provider, member_id=member_id, client_id=f"{slug}-system"
            )
    viewers["agency_officer"] = replace(parties.agency, officer_id=parties.officer.officer_id)
    found = {}
    for name, viewer in viewers.items():
        whole = principal_of(viewer, FILLED_AT)
        found[name] = whole
        for scope in sorted(whole.scopes):
            found[f"{name}-{scope.replace(':', '.')}"] = replace(whole, scopes=whole.scopes - {scope})
        few = sorted(whole.scopes)
        found[f"{name}-few"] = replace(whole, scopes=frozenset(few[::3]))
        found[f"{name}-none"] = replace(whole, scopes=frozenset())
    return found


def changes(ledger: Ledger) -> st.SearchStrategy[Change]:
    """A change of one column of one row."""
    places = [(table, column) for table, columns in ledger.columns.items() for column in columns]

    def draw_change(place: tuple[str, ChangeableColumn]) -> st.SearchStrategy[Change]:
        table, column = place
        rows = st.integers(0, len(ledger.rows[table]) - 1)
        return st.builds(Change, st.just(table), rows, st.just(column.name), st.sampled_from(list(column.values)))

    return st.sampled_from(places).flatmap(draw_change)


def samples(bench: Bench) -> st.SearchStrategy[Sample]:
    """Any operation of any caller; most select only what can be compiled, and most callers have all their scopes."""
    anything = operations(bench.graph, bench.values)
    compilable = operations(bench.graph, bench.values, bench.can_compile)
    whole = [name for name in bench.tokens if "-" not in name]
    tokens = [*bench.tokens, "expired", None]
    callers = st.tuples(
        st.one_of(st.sampled_from(["officer", "telkomsel"]), st.sampled_from(whole), st.sampled_from(tokens)),
        st.sampled_from(SHIFTS),
    )
    return st.builds(
        Sample,
        changes=st.lists(changes(bench.ledger), max_size=4),
        # What was compiled for the first caller is there for the second.
        callers=st.lists(callers, min_size=1, max_size=2),
        operation=st.one_of(compilable, compilable, anything),
        accept=st.sampled_from(ACCEPTED),
    )


async def find_difference(bench: Bench, *, seed: int, examples: int) -> str | None:
    """Compare so many samples, the same for the same seed, and tell the smallest difference; None if there is none.

    Hypothesis runs in a thread, and each comparison on the event loop that the applications belong to.
    """
    loop = asyncio.get_running_loop()
    told: list[str] = []

    @seeded(seed)
    @settings(
        max_examples=examples,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate, Phase.shrink),
        report_multiple_bugs=False,
    )
    @given(samples(bench))
    def compare_each(sample: Sample) -> None:
        difference = asyncio.run_coroutine_threadsafe(bench.compare_sample(sample), loop).result()
        if difference is not None:
            told.append(difference)
            raise DifferenceError(difference)

    try:
        await asyncio.to_thread(compare_each)
    except DifferenceError:
        return told[-1]
    return None


@asynccontextmanager
async def open_bench(
    cluster: Cluster, template: str, parties: Parties, keyring: Keyring, *, seed: int
) -> AsyncIterator[Bench]:
    """Fill a database of its own, change it at random but the same way for the same seed, and serve it both ways."""
    name = await cluster.clone(template)
    url = cluster.url_of(name)
    database = Database.connect(LedgerSettings(database_url=url, role_prefix=ROLE_PREFIX), keyring)
    owner = await asyncpg.connect(cluster.urls.superuser.replace("/postgres?", f"/{name}?"))
    feed = FeedSettings(database_url=url, role_prefix=ROLE_PREFIX, checkpoint_seconds=0.05)
    served: list[Database] = []
    try:
        with restored_logs():
            # Each operation's line, and each failure's trace, would take longer than the operation.
            structlog.configure(processors=[_drop])
            await fill_ledger(database, parties, FOUNDED_AT, owner=owner, feed=feed)
            await _change_for_good(await Ledger.read(owner, FILLED_AT), seed)
            ledger = await Ledger.read(owner, FILLED_AT)
            clock, tokens = Clock(), list_callers(parties, ledger)
            served += [database.connect(database.settings, keyring) for _ in range(2)]
            apps = [_make_app(each, url, Callers(tokens), clock, compiled=each is served[0]) for each in served]
            today = FILLED_AT.astimezone(LEGAL_ZONE).date().isoformat()
            both = BothWays(*apps, owner, lookups=(("indosat-system", today, 9_997),))
            await both.begin()
            graph = schema._schema
            values = await collect_values(graph, both, ledger, FILLED_AT, tokens=list(parties.everyone))
            yield Bench(database, both, ledger, values, clock, tokens, graph, list_compilable())
    finally:
        await owner.close()
        for each in (database, *served):
            await each.close()
        await cluster.drop(name)


def _drop(_logger: Any, _method: str, _event: Any) -> Any:
    raise structlog.DropEvent


def _make_app(database: Database, url: str, callers: Callers, clock: Clock, *, compiled: bool) -> Starlette:
    many = {"rate_burst": 10**6, "rate_per_second": 10**6, "rate_anonymous_burst": 10**6}
    many |= {"rate_anonymous_per_second": 10**6, "log_level": "ERROR"}
    own = Settings(database_url=url, role_prefix=ROLE_PREFIX, compiled_reads=compiled, **many)

    def make_context(principal: Principal | None, as_of: datetime, request_id: str) -> Context:
        return Context(
            database=database, auth_settings=AuthSettings(), principal=principal, as_of=as_of, request_id=request_id
        )

    return create_app(own, schema=schema, verify_token=callers.verify, make_context=make_context, now=lambda: clock.now)


async def _change_for_good(ledger: Ledger, seed: int) -> int:
    pick = random.Random(seed)  # noqa: S311 - which rows are changed
    made = [
        Change(table, place, column.name, pick.choice([value for value in column.values if value not in NO_INTS]))
        for table, columns in ledger.columns.items()
        for column in columns
        for place in pick.sample(range(len(ledger.rows[table])), k=min(LASTING_CHANGES, len(ledger.rows[table])))
    ]
    pick.shuffle(made)
    return await ledger.change(made)
