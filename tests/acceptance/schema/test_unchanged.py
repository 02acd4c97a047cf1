"""A client that holds an answer asks whether it still holds: 304 says that, and is never said of another one."""

import asyncio
import http.client
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import pytest
import structlog
from structlog.testing import capture_logs

from ledger.storage.database import Database
from ledger.viewer import Viewer
from tests.support.country import Parties
from tests.support.graph_site import Site
from tests.support.journeys import acknowledge, issue_orders
from tests.support.sample_gateway import GRAPHQL_RESPONSE, Reply

POLL = "{ blockOrders(first: 50) { nodes { id state number { e164 risk } acknowledgements { kind reference } } } }"
ACKNOWLEDGE = (
    "mutation($id: ID!, $reference: String!) { acknowledgeBlockOrders(input: {acknowledgements: "
    "[{orderId: $id, kind: RECEIVED, reference: $reference}]}) { results { problem { code } } } }"
)
NUMBERS = ["+6281200000001", "+6285600000001"]


class Client:
    """One connection to one gateway, which is used again and again."""

    def __init__(self, site: Site, token: str | None) -> None:
        self.site, self.token = site, token
        self.connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=20)

    def ask(self, query: str = POLL, *, method: str = "POST", variables: Any = None, **headers: str) -> Reply:
        sent = {"Accept": GRAPHQL_RESPONSE, "Content-Type": "application/json"}
        sent |= {} if self.token is None else {"Authorization": f"Bearer {self.token}"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        path, body = "/graphql", json.dumps({"query": query, "variables": variables or {}})
        if method == "POST":
            self.connection.request(method, path, body, sent)
        else:
            self.connection.request(method, f"{path}?{urlencode({'query': query})}", headers=sent)
        response = self.connection.getresponse()
        return Reply(response.status, response.headers, response.read())

    def find_tag(self, query: str = POLL, **headers: str) -> str:
        reply = self.ask(query, **headers)
        assert reply.status == 200
        return reply.headers["ETag"]


@pytest.fixture
async def orders(database: Database, parties: Parties, as_of: datetime) -> Any:
    return await issue_orders(database, parties, as_of, NUMBERS)


@pytest.fixture
def connect(orders: Any) -> Iterator[Callable[..., Client]]:
    """Connects a party of the site, or one with this token."""
    clients: list[Client] = []

    def make(site: Site, viewer: Viewer | None, *, without: tuple[str, ...] = ()) -> Client:
        clients.append(Client(site, None if viewer is None else site.token(viewer, without=without)))
        return clients[-1]

    yield make
    for client in clients:
        client.connection.close()


@pytest.fixture
def client(site: Site, connect: Callable[..., Client]) -> Client:
    return connect(site, site.parties.telkomsel)


class TestUnchangedAnswer:
    @pytest.mark.parametrize("method", ["POST", "GET", "HEAD"])
    def test_is_told_by_304_without_a_body(self, client: Client, method: str) -> None:
        whole = client.ask(method=method)
        tag = whole.headers["ETag"]
        for _ in range(2):  # the connection goes on being used
            reply = client.ask(method=method, If_None_Match=tag)
            assert (reply.status, reply.content) == (304, b"")
            told = {"ETag": tag, "Cache-Control": "private, no-cache", "Vary": "Accept, Authorization"}
            assert {name: reply.headers[name] for name in told} == told
            assert {name: whole.headers[name] for name in told} == told
            assert {"Content-Type", "Content-Length", "X-Jembatan-Cost"} & set(reply.headers) == set()
            assert reply.headers["X-Request-Id"]

    def test_has_the_same_tag_by_any_method_and_in_any_process(
        self, client: Client, open_site: Any, connect: Any
    ) -> None:
        other = open_site()
        others = connect(other, other.parties.telkomsel)
        assert {each.find_tag(method=method) for each in (client, others) for method in ("GET", "POST")} == {
            client.find_tag()
        }

    @pytest.mark.parametrize(
        ("given", "status"),
        [
            ("{tag}", 304),
            ("W/{tag}", 304),
            ('"other", {tag}', 304),
            ('W/"a,b",{tag} , "c"', 304),
            ("*", 304),
            ('"other"', 200),
            ("w/{tag}x", 304),
            ("{bare}", 200),
            ('"{bare}x"', 200),
            ('"*"', 200),
            ('*, "other"', 200),
            ("", 200),
            ("W/", 200),
            ('"', 200),
        ],
    )
    def test_is_found_among_the_tags_that_a_client_names(self, client: Client, given: str, status: int) -> None:
        tag = client.find_tag()
        reply = client.ask(If_None_Match=given.format(tag=tag, bare=tag.strip('"')))
        assert reply.status == status
        assert reply.headers["ETag"] == tag

    def test_is_found_among_several_headers(self, client: Client) -> None:
        tag = client.find_tag()
        connection = client.connection
        connection.putrequest("POST", "/graphql")
        body = json.dumps({"query": POLL}).encode()
        for name, value in (
            ("Accept", GRAPHQL_RESPONSE),
            ("Content-Type", "application/json"),
            ("Authorization", f"Bearer {client.token}"),
            ("If-None-Match", '"one"'),
            ("If-None-Match", tag),
            ("Content-Length", str(len(body))),
        ):
            connection.putheader(name, value)
        connection.endheaders(body)
        response = connection.getresponse()
        assert (response.status, response.read()) == (304, b"")

    def test_is_of_one_media_type(self, client: Client) -> None:
        tag = client.find_tag()
        reply = client.ask(Accept="application/json", If_None_Match=tag)
        assert (reply.status, reply.headers["ETag"] != tag) == (200, True)

    def test_is_counted_and_logged_as_unchanged(self, client: Client) -> None:
        tag = client.find_tag()
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(20))
        try:
            with capture_logs() as logs:
                assert client.ask(If_None_Match=tag).status == 304
                client.ask("{ __typename }")
        finally:
            structlog.reset_defaults()
        lines = [line for line in logs if line["event"] == "request"]
        assert next((line["status"], line["operation"]) for line in lines) == (304, "query")
        count = client.site.count
        assert count("jembatan_operations_total", kind="query", outcome="unchanged") == 1
        assert count("jembatan_http_requests_total", route="/graphql", status="304") == 1


class TestChangedAnswer:
    def test_is_read_after_the_clients_own_acknowledgement_in_whichever_process(
        self, client: Client, open_site: Callable[[], Site], connect: Any, orders: Any
    ) -> None:
        other = open_site()
        reader = connect(other, other.parties.telkomsel)
        tag, seen = reader.find_tag(), set()
        for number in range(20):
            said = client.ask(ACKNOWLEDGE, variables={"id": orders[0].id, "reference": f"TT-{number}"})
            assert said.body["data"]["acknowledgeBlockOrders"]["results"] == [{"problem": None}]
            reply = reader.ask(If_None_Match=tag)
            assert reply.status == 200
            assert f"TT-{number}" in reply.content.decode()
            tag = reply.headers["ETag"]
            assert tag not in seen
            seen.add(tag)
            assert reader.ask(If_None_Match=", ".join(seen)).status == 304

    async def test_is_not_that_of_another_carrier(self, client: Client, database: Any, as_of: Any, orders: Any) -> None:
        tag = await asyncio.to_thread(client.find_tag)
        await acknowledge(database, client.site.parties.indosat, as_of, orders[1])
        assert (await asyncio.to_thread(client.ask, If_None_Match=tag)).status == 304

    async def test_is_told_once_a_transaction_that_began_before_commits(
        self, client: Client, owner_connection: Any
    ) -> None:
        async with owner_connection.transaction():
            await owner_connection.execute("UPDATE phone_numbers SET risk = 'HIGH'")
            tag = await asyncio.to_thread(client.find_tag)
            assert (await asyncio.to_thread(client.ask, If_None_Match=tag)).status == 304
        reply = await asyncio.to_thread(client.ask, If_None_Match=tag)
        assert (reply.status, b"HIGH" in reply.content) == (200, True)


class TestTagOfSomebodyElse:
    def test_a_revoked_token_is_refused_although_it_holds_the_tag(self, client: Client) -> None:
        tag = client.find_tag()
        del client.site.tokens[client.token or ""]
        reply = client.ask(If_None_Match=tag)
        assert (reply.status, reply.problems) == (401, ["TOKEN_INVALID"])

    def test_no_token_is_told_nothing_of_what_is_current(self, client: Client, connect: Any) -> None:
        reply = connect(client.site, None).ask(If_None_Match=client.find_tag())
        assert reply.problems == ["TOKEN_REQUIRED"]
        assert "ETag" not in reply.headers

    def test_a_stolen_tag_says_nothing_to_another_member_or_brand(self, client: Client, connect: Any) -> None:
        tag, site = client.find_tag(), client.site
        parties = site.parties
        brand = replace(parties.telkomsel, brand_id=parties.brands["byu"])
        for viewer in (parties.indosat, parties.regulator, parties.officer, brand):
            assert connect(site, viewer).ask(If_None_Match=tag).status == 200

    @pytest.mark.parametrize("scope", ["orders:acknowledge", "numbers:read"])
    def test_a_token_with_a_scope_less_gets_its_own_answer(self, client: Client, connect: Any, scope: str) -> None:
        tag, site = client.find_tag(), client.site
        narrowed = connect(site, site.parties.telkomsel, without=(scope,))
        assert narrowed.ask(If_None_Match=tag).status == 200


class TestAnswerWithoutATag:
    @pytest.mark.parametrize(
        "query",
        [
            "mutation { acknowledgeBlockOrders(input: {acknowledgements: []}) { results { problem { code } } } }",
            "{ blockOrders(first: 1) { nodes { isOverdue } } }",
            "{ viewer { __typename } }",
            "{ nothing }",
        ],
        ids=["a mutation", "the clock", "no record of the ledger", "an error"],
    )
    @pytest.mark.parametrize("given", ["*", '"x"'])
    def test_is_never_304(self, client: Client, query: str, given: str) -> None:
        reply = client.ask(query, If_None_Match=given)
        assert reply.status in {200, 400}
        assert "ETag" not in reply.headers
        assert reply.headers["Cache-Control"] == "no-store"


class TestLimits:
    @pytest.fixture
    def bounds(self) -> dict[str, Any]:
        return {"rate_per_second": 0.001, "rate_burst": 30, "cost_per_operation": 10}

    def test_count_an_unchanged_answer_as_one_operation(self, client: Client) -> None:
        """A page of 50 orders, which costs as much as several, would have been refused long before."""
        reply = client.ask()
        spent = 1 + int(reply.headers["X-Jembatan-Cost"]) // 10
        assert spent > 15
        statuses = [client.ask(If_None_Match=reply.headers["ETag"]).status for _ in range(31 - spent)]
        assert statuses == [304] * (30 - spent) + [429]


class TestBrowsers:
    @pytest.fixture
    def bounds(self) -> dict[str, Any]:
        return {"cors_origins": ("https://console.example.id",)}

    def test_may_send_and_read_tags(self, client: Client) -> None:
        origin = {"Origin": "https://console.example.id"}
        reply = client.ask(**origin, If_None_Match=client.find_tag())
        assert reply.status == 304
        exposed = reply.headers["Access-Control-Expose-Headers"]
        assert "ETag" in exposed.split(", ")
        client.connection.request(
            "OPTIONS",
            "/graphql",
            headers={
                **origin,
                "Access-Control-Request-Method": "POST",
                "Access-Control-Request-Headers": "if-none-match",
            },
        )
        response = client.connection.getresponse()
        response.read()
        assert response.status == 200
