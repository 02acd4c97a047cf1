"""The page at `/`: what this service is and where to go, for whoever comes without knowing."""

from collections.abc import Callable

import pytest

from tests.support.sample_gateway import Gateway

BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}


@pytest.fixture(scope="module")
def published(serve: Callable[..., Gateway]) -> Gateway:
    return serve(public_url="https://bridge.example", service_name="Jembatan <Nasional>", graphiql=False)


class TestStartPage:
    def test_leads_people_on(self, published: Gateway) -> None:
        reply = published.send("GET", "/", headers=BROWSER)
        page = reply.content.decode()
        assert (reply.status, reply.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
        assert 'href="https://bridge.example/oauth/account"' in page
        assert "Jembatan &lt;Nasional&gt;" in page
        assert "default-src 'none'" in reply.headers["Content-Security-Policy"]

    def test_offers_graphiql_only_where_there_is_one(self, published: Gateway, serve: Callable[..., Gateway]) -> None:
        assert "GraphiQL" not in published.send("GET", "/", headers=BROWSER).content.decode()
        assert "GraphiQL" in serve(graphiql=True).send("GET", "/", headers=BROWSER).content.decode()

    @pytest.mark.parametrize("headers", [{}, {"Accept": "*/*"}, {"Accept": "application/json"}])
    def test_gives_programs_the_addresses(self, published: Gateway, headers: dict[str, str]) -> None:
        assert published.send("GET", "/", headers=headers).body == {
            "service": "Jembatan <Nasional>",
            "graph": "https://bridge.example/graphql",
            "authorizationServer": "https://bridge.example/.well-known/oauth-authorization-server",
            "account": "https://bridge.example/oauth/account",
            "readiness": "https://bridge.example/readyz",
        }

    @pytest.mark.parametrize("accept", ["text/html", "application/json"])
    def test_takes_no_address_from_a_host_that_somebody_made_up(self, published: Gateway, accept: str) -> None:
        reply = published.send("GET", "/", headers={"Host": "evil.example", "Accept": accept})
        assert b"evil.example" not in reply.content

    def test_answers_head_and_nothing_else(self, published: Gateway) -> None:
        assert published.send("HEAD", "/").status == 200
        assert published.send("POST", "/").status == 405
