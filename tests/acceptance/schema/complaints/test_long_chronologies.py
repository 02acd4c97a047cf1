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

FILE = "mutation($c: [ComplaintInput!]!) { fileComplaints(input: { complaints: $c }) { results { CHOSEN } } }"


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

    async def test_of_whole_pages_are_refused_by_their_cost(self, site: Site):
        pages = ALIASES.replace(f"first: {COUNT}", "first: 500")
        reply = site.send(site.token(site.parties.agency), pages)
        assert reply.problems == ["OPERATION_TOO_COMPLEX"]
        assert reply.body["errors"][0]["extensions"]["cost"] > 50_000

    async def test_of_one_page_that_fits_are_sent(self, site: Site):
        await file_long(site.database, site.parties, site.as_of, 12)
        answer = site.post(site.token(site.parties.agency), "{ complaints(first: 12) { nodes { chronology } } }")
        assert {len(node["chronology"]) for node in answer["data"]["complaints"]["nodes"]} == {LENGTH}
        assert len(json.dumps(answer)) < BYTES_MAX


class TestMutation:
    async def test_whose_answer_is_too_large_stands_and_can_be_repeated(self, site: Site):
        complaints = [
            {
                "number": f"+62812{n:08d}",
                "medium": "SMS",
                "category": "FRAUD",
                "sourceReference": str(n),
                "chronology": "x" * LENGTH,
            }
            for n in range(30)
        ]
        token = site.token(site.parties.agency)
        refused = site.send(token, FILE.replace("CHOSEN", "complaint { chronology }"), c=complaints)
        assert refused.problems == ["ANSWER_TOO_LARGE"]
        repeated = site.post(token, FILE.replace("CHOSEN", "wasKnown"), c=complaints)
        assert repeated["data"]["fileComplaints"]["results"] == [{"wasKnown": True}] * 30
