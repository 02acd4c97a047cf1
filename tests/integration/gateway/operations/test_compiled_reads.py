"""Whatever is asked, by whomever and of whatever ledger, the compiled answer is the ordinary one, byte for byte."""

import os
import secrets
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from tests.support.both_ways import Operation
from tests.support.compared_reads import Bench, find_difference, open_bench
from tests.support.graph_sweeps import Sweep

SEED = 11
EXAMPLES = 200
OTHERS = ("agency", "telkomsel", "axis", "provider")
SECONDS = int(os.environ.get("DIFFERENTIAL_SECONDS", "600"))
"""How long the long run lasts."""
REPEATED = os.environ.get("DIFFERENTIAL_SEED")
"""The seed of a round to repeat."""
ROUND = 500
"""After so many operations, the long run takes another ledger."""


@pytest.fixture(scope="module")
async def bench(cluster, country, keyring) -> AsyncIterator[Bench]:
    async with open_bench(cluster, *country, keyring, seed=SEED) as bench:
        yield bench


@pytest.mark.timeout(600)  # a difference is made as small as possible before it is told
class TestCompiledReads:
    async def test_answer_all_that_the_graph_has_beside_what_is_not_compiled(self, bench):
        sweep = Sweep(bench.graph, bench.values, levels=1)
        told = [await bench.compare(each, "officer") for each in sweep.list_operations()]
        assert not any(told), next(filter(None, told))

    async def test_answer_each_party_all_that_can_be_compiled_and_that_was_compiled(self, bench):
        """Without the second, the ordinary way might have been compared with itself."""
        sweep = Sweep(bench.graph, bench.values, bench.can_compile)
        shallow = replace(sweep, levels=1)
        told = [await bench.compare(each, "officer") for each in sweep.list_operations()]
        told += [await bench.compare(each, token) for token in OTHERS for each in shallow.list_operations()]
        # What stood beside something that needed the ordinary way is asked for by itself.
        left = bench.compilable - bench.compiled
        told += [await bench.compare(each, "officer") for each in sweep.list_ways(left.__contains__)]
        assert not any(told), next(filter(None, told))
        assert bench.compilable - bench.compiled == set()

    async def test_leave_a_condition_that_is_null_to_the_ordinary_way(self, bench):
        """A nullable variable with a default may stand there, and still be sent as null."""
        document = "query($v: Boolean = false) { numberingPlan(first: 2) { nodes { id prefix @include(if: $v) } } }"
        asked = [Operation(document, variables) for variables in ({"v": None}, {"v": True}, {"v": False}, {})]
        assert [await bench.compare(each, "officer") for each in asked] == [None] * 4

    async def test_leave_an_argument_that_must_not_be_null_to_the_ordinary_way(self, bench):
        document = "query($sort: ComplaintSort) { complaints(sort: $sort, first: 2) { nodes { id } } }"
        asked = [Operation(document, variables) for variables in ({"sort": None}, {"sort": "VERIFICATION_DUE"}, {})]
        assert [await bench.compare(each, "officer") for each in asked] == [None] * 3

    async def test_count_the_whole_list_whatever_its_order_leaves_out(self, bench):
        orders = ["FILED_NEWEST", "VERIFICATION_DUE"]
        asked = [Operation(f"{{ complaints(sort: {each}, first: 1) {{ totalCount }} }}", {}) for each in orders]
        assert [await bench.compare(each, "officer") for each in asked] == [None] * 2

    async def test_answer_any_operation_of_any_caller_as_the_ordinary_way_does(self, bench):
        difference = await find_difference(bench, seed=SEED, examples=EXAMPLES)
        assert difference is None, difference
        assert bench.counts["compiled fields"] > EXAMPLES // 4


@pytest.mark.differential
@pytest.mark.timeout(SECONDS + 900)
async def test_compiled_reads_are_the_ordinary_ones_for_as_long_as_one_looks(cluster, country, keyring, capsys):
    """Ledgers and operations that no run before had; the seed of each round is printed with what it counted."""
    ends_at = time.monotonic() + SECONDS
    while time.monotonic() < ends_at:
        seed = int(REPEATED) if REPEATED else secrets.randbits(32)
        async with open_bench(cluster, *country, keyring, seed=seed) as bench:
            difference = await find_difference(bench, seed=seed, examples=ROUND)
            with capsys.disabled():
                sys.stdout.write(f"seed {seed}: {dict(bench.counts)}\n")
        assert difference is None, difference
