"""Numbers looked up by their value: a client has a budget for a day, whatever way it asks and wherever it asks."""

from dataclasses import replace
from typing import Any

import pytest
from structlog.testing import capture_logs

from ledger.identifiers import ClientId
from tests.support.graph_site import Site

LIMIT = 100
ENTITIES = "query($r: [_Any!]!) { _entities(representations: $r) { ... on PhoneNumber { e164 risk } } }"
VIEWER = "{ viewer { lookups { limit used resetsAt } } }"
SIGNALS = "query($f: FraudSignalFilter) { fraudSignals(filter: $f) { nodes { id } } }"
SIGNALS_OF = "query($e: [E164!]) { fraudSignals(filter: {e164s: $e}) { nodes { id } } }"
COMPLAINTS = "query($n: E164) { complaints(filter: {number: $n}) { nodes { id } } }"
ACCOUNTS = """query($h: String) {
  a: account(platform: TELEGRAM, handle: $h) { id } b: account(url: "https://t.me/ani_s") { id }
}"""
FOREIGN = "+62856"
"""Indosat's range, foreign to Telkomsel."""


@pytest.fixture
def bounds() -> dict[str, Any]:
    return {"lookups_per_client_daily": LIMIT}


def numbers(count: int, *, prefix: str = FOREIGN, first: int = 0) -> list[str]:
    return [f"{prefix}{serial:08d}" for serial in range(first, first + count)]


def represent(e164s: list[str]) -> list[dict[str, str]]:
    return [{"__typename": "PhoneNumber", "e164": e164} for e164 in e164s]


def used(site: Site, token: str) -> int:
    return int(site.post(token, VIEWER)["data"]["viewer"]["lookups"]["used"])


class TestReadingACountrysRisk:
    def test_by_entities_ends_with_the_days_budget(self, site: Site) -> None:
        token = site.token(site.parties.telkomsel)
        first = site.send(token, ENTITIES, r=represent(numbers(60)))
        assert (first.status, first.headers["X-Jembatan-Lookups-Left"]) == (200, "40")
        assert {entity["risk"] for entity in first.body["data"]["_entities"]} == {"NONE"}
        second = site.send(token, ENTITIES, r=represent(numbers(60, first=60)))
        assert (second.status, second.codes, second.problems) == (429, ["RATE_LIMITED"], ["LOOKUPS_EXHAUSTED"])
        extensions = second.body["errors"][0]["extensions"]
        assert (extensions["asked"], extensions["used"], extensions["limit"]) == (60, 60, LIMIT)
        assert second.headers["Retry-After"] == str(extensions["retryAfterSeconds"])
        assert 0 < extensions["retryAfterSeconds"] <= 86_400
        assert "data" not in second.body

    def test_is_shown_to_operators(self, site: Site) -> None:
        token = site.token(site.parties.telkomsel)
        with capture_logs() as logs:
            site.send(token, ENTITIES, r=represent([*numbers(60), *numbers(5, prefix="+62812")]))
            site.send(token, ENTITIES, r=represent(numbers(41)))
        assert site.count("jembatan_number_lookups_total", member_kind="CARRIER", outcome="granted") == 60
        assert site.count("jembatan_number_lookups_total", member_kind="CARRIER", outcome="refused") == 41
        requests = [line for line in logs if line["event"] == "request"]
        assert [(line["client_id"], line.get("lookups"), line["status"]) for line in requests] == [
            ("telkomsel-system", 60, 200),
            ("telkomsel-system", None, 429),
        ]

    def test_counts_nothing_of_what_was_refused(self, site: Site) -> None:
        token = site.token(site.parties.telkomsel)
        assert site.send(token, ENTITIES, r=represent(numbers(LIMIT + 1))).problems == ["LOOKUPS_EXHAUSTED"]
        assert used(site, token) == 0
        assert site.send(token, ENTITIES, r=represent(numbers(LIMIT))).status == 200
        assert used(site, token) == LIMIT

    @pytest.mark.parametrize("rounds", [4])
    def test_by_aliases_in_many_operations_ends_too(self, site: Site, rounds: int) -> None:
        token = site.token(site.parties.telkomsel)
        replies = []
        for turn in range(rounds + 1):
            asked = numbers(LIMIT // rounds, first=turn * LIMIT)
            aliases = " ".join(f'a{place}: number(e164: "{e164}") {{ risk }}' for place, e164 in enumerate(asked))
            replies.append(site.send(token, f"{{ {aliases} }}"))
        assert [reply.status for reply in replies] == [200] * rounds + [429]

    def test_by_another_token_of_the_same_client_ends_with_the_same_budget(self, site: Site) -> None:
        assert site.send(site.token(site.parties.telkomsel), ENTITIES, r=represent(numbers(LIMIT))).status == 200
        token = site.token(site.parties.telkomsel)
        assert site.send(token, ENTITIES, r=represent(numbers(1, first=LIMIT))).problems == ["LOOKUPS_EXHAUSTED"]

    def test_in_the_national_form_ends_with_the_same_budget(self, site: Site) -> None:
        token = site.token(site.parties.telkomsel)
        assert site.send(token, ENTITIES, r=represent(numbers(60))).status == 200
        written = [f"0856 {e164[6:10]}-{e164[10:]}" for e164 in numbers(41, first=60)]
        assert site.send(token, ENTITIES, r=represent(written)).problems == ["LOOKUPS_EXHAUSTED"]
        assert used(site, token) == 60

    def test_uses_up_nothing_of_another_clients_budget(self, site: Site) -> None:
        assert site.send(site.token(site.parties.telkomsel), ENTITIES, r=represent(numbers(LIMIT))).status == 200
        other = replace(site.parties.telkomsel, client_id=ClientId("another"))
        assert site.send(site.token(other), ENTITIES, r=represent(numbers(LIMIT))).status == 200


class TestWhatCounts:
    @pytest.mark.parametrize(
        ("party", "query", "variables", "count"),
        [
            ("telkomsel", 'query { number(e164: "+6285600000001") { risk } }', {}, 1),
            ("telkomsel", 'query($n: E164 = "+6285600000001") { number(e164: $n) { risk } }', {}, 1),
            ("telkomsel", 'query { number(e164: "0856 0000 0001") { risk } }', {}, 1),
            ("telkomsel", SIGNALS_OF, {"e": ["+6285600000001", "0856-0000-0001", "6285600000001"]}, 1),
            ("telkomsel", SIGNALS, {"f": {"e164s": numbers(3)}}, 3),
            ("telkomsel", SIGNALS, {"f": {"e164s": numbers(1)[0]}}, 1),
            ("telkomsel", SIGNALS_OF, {"e": numbers(3)}, 3),
            ("telkomsel", ENTITIES, {"r": represent([*numbers(3), *numbers(3)])}, 3),
            ("agency", COMPLAINTS, {"n": numbers(1)[0]}, 1),
            ("agency", ENTITIES, {"r": represent(numbers(5))}, 5),
            ("agency", ACCOUNTS, {"h": "budi_s"}, 2),
            ("provider", SIGNALS, {"f": {"hashes": ["a" * 64, "b" * 64, "a" * 64]}}, 2),
        ],
        ids=[
            "a number",
            "a default",
            "a number as people write it",
            "one number in three forms",
            "a filter",
            "one item for a list",
            "a variable within a filter",
            "distinct representations",
            "complaints of a number",
            "an agency's representations",
            "accounts by handle and by address",
            "distinct hashes",
        ],
    )  # fmt: skip
    def test_is_each_number_that_a_query_names(
        self, site: Site, party: str, query: str, variables: dict[str, Any], count: int
    ) -> None:
        token = site.token(site.parties.everyone[party])
        site.send(token, query, **variables)
        assert used(site, token) == count

    @pytest.mark.parametrize(
        ("query", "variables"),
        [
            (ENTITIES, {"r": represent(numbers(50, prefix="+62812"))}),
            (ENTITIES, {"r": represent(["0812 0000 0001", "(0812) 00000002"])}),
            ('query { number(e164: "0812") { risk } }', {}),
            ('query { number(e164: "+6285600000001") @skip(if: true) { risk } viewer { memberId } }', {}),
            ("{ numbers { nodes { e164 risk } } }", {}),
        ],
        ids=[
            "its own range",
            "its own range as people write it",
            "no number",
            "what is skipped",
            "the list of its own",
        ],
    )
    def test_is_nothing_that_a_carrier_knows_anyway(self, site: Site, query: str, variables: dict[str, Any]) -> None:
        token = site.token(site.parties.telkomsel)
        reply = site.send(token, query, **variables)
        assert "X-Jembatan-Lookups-Left" not in reply.headers or reply.headers["X-Jembatan-Lookups-Left"] == str(LIMIT)
        assert used(site, token) == 0

    def test_is_what_a_brands_client_names_of_its_carriers_other_brands(self, site: Site) -> None:
        token = site.token(replace(site.parties.telkomsel, brand_id=site.parties.brands["byu"]))
        site.send(token, ENTITIES, r=represent(numbers(7, prefix="+62812")))
        assert used(site, token) == 7

    def test_is_nothing_of_the_regulators(self, site: Site) -> None:
        for viewer in (site.parties.regulator, site.parties.officer):
            token = site.token(viewer)
            assert site.send(token, ENTITIES, r=represent(numbers(2 * LIMIT))).status == 200
            assert site.post(token, VIEWER)["data"]["viewer"]["lookups"] is None


class TestWhatHasTwoReadings:
    @pytest.mark.parametrize(
        ("query", "variables"),
        [
            ('{ number(e164: "6227550123") { risk } }', {}),
            ("query($n: E164!) { number(e164: $n) { risk } }", {"n": "6227550123"}),
            (SIGNALS_OF, {"e": ["+6285600000001", "6227550123"]}),
            (SIGNALS, {"f": {"e164s": ["6227550123"]}}),
            (ENTITIES, {"r": represent(["6227550123"])}),
        ],
        ids=["a literal", "a variable", "a list", "a filter", "an entity"],
    )
    def test_is_refused_with_a_hint_wherever_it_is_named(
        self, site: Site, query: str, variables: dict[str, Any]
    ) -> None:
        reply = site.send(site.token(site.parties.telkomsel), query, **variables)
        (error,) = reply.body["errors"]
        assert (error["extensions"]["code"], error["extensions"]["problem"]) == ("BAD_USER_INPUT", "NUMBER_INVALID")
        assert "+6227550123 or +626227550123" in error["message"]
        assert "leading 0" in error["extensions"]["hint"]
