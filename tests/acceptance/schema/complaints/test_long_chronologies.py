"""Ten aliases of a page of long chronologies once came to 103 MB: such an answer is given up while it is made."""

import json
import tracemalloc
from typing import Any

import pytest

from tests.support.graph_site import Site
from tests.support.long_chronologies import LENGTH, file_long

COUNT = 105
BYTES_MAX = 2_097_152
ALIASES = "{ " + " ".join(f"a{n}: complaints(first: {COUNT}) {{ nodes {{ id chronology }} }}" for n in range(10)) + " }"


@pytest.fixture
def bounds() -> dict[str, Any]:
    return {"answer_bytes_max": BYTES_MAX}


class TestTenAliasesOf105Chronologies:
    async def test_are_refused_without_holding_more_than_a_few_times_the_bound(self, site: Site):
        await file_long(site.database, site.parties, site.as_of, COUNT)
        token = site.token(site.parties.agency)
        site.post(token, "{ viewer { memberId } }")
        tracemalloc.start()
        answer = site.post(token, ALIASES)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert [error["extensions"]["problem"] for error in answer["errors"]] == ["ANSWER_TOO_LARGE"]
        assert answer.get("data") is None
        assert peak < 4 * BYTES_MAX, "it would be 50 times"

    async def test_of_one_page_that_fits_are_sent(self, site: Site):
        await file_long(site.database, site.parties, site.as_of, 12)
        answer = site.post(site.token(site.parties.agency), "{ complaints(first: 12) { nodes { chronology } } }")
        assert {len(node["chronology"]) for node in answer["data"]["complaints"]["nodes"]} == {LENGTH}
        assert len(json.dumps(answer)) < BYTES_MAX
