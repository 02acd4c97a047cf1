"""The real parts together: the graph, the ledger's database and the authorization server behind one port."""

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from itertools import product
from uuid import uuid4

import asyncpg
import pytest
from graphql import get_introspection_query
from joserfc.jwk import ECKey

from auth.clients.registration import CreatedClient
from auth.tokens.dpop import hash_access_token
from gateway.app import GRAPH_PATHS
from gateway.settings import Settings
from gateway.wiring import create_gateway
from ledger.pages import encode_cursor
from ledger.storage.database import Database
from ledger.storage.sealing import Keyring
from ledger.viewer import MemberKind
from schema.graph import schema
from tests.support.auth_world import Clock, World, sign
from tests.support.cluster import Cluster
from tests.support.sample_gateway import Gateway, Reply
from tests.support.server_thread import ServerThread, listen, port_of
from tests.support.waiting import until


class Wired(Gateway):
    machine: CreatedClient
    settings: Settings

    def obtain_token(self, scope: str) -> str:
        return self.send_form("/oauth/token", f"grant_type=client_credentials&scope={scope}").body["access_token"]

    def send_form(self, path: str, form: str) -> Reply:
        basic = base64.b64encode(f"{self.machine.client_id}:{self.machine.secret}".encode()).decode()
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Authorization": f"Basic {basic}"}
        return self.send("POST", path, form.encode(), headers)


@pytest.fixture(scope="module")
async def wired(cluster: Cluster, keyring: Keyring) -> AsyncIterator[Wired]:
    name = await cluster.clone()
    listener = listen()
    port = port_of(listener)
    settings = Settings(
        database_url=cluster.url_of(name), port=port, metrics_port=0, drain_seconds=1, log_level="ERROR",
        rate_anonymous_burst=1000, job_seconds=0.1, second_factor="optional",
    )  # fmt: skip
    database = Database.connect(settings, keyring)
    world = World(database, settings, Clock(datetime.now(UTC)))
    carrier = await world.admit(MemberKind.CARRIER, "carrier")
    machine = await world.register(carrier, ["orders:read", "numbers:read", "members:read"])
    await database.close()
    serving = Database.connect(settings, keyring)
    app = create_gateway(settings, database=serving, schema=schema)
    server = ServerThread(app, settings, listener)
    gateway = Wired(port, app)
    gateway.machine = machine
    gateway.settings = settings
    yield gateway
    await asyncio.to_thread(server.end)
    await cluster.drop(name)


class TestGateway:
    def test_answers_a_client_with_the_token_that_it_issued(self, wired: Wired) -> None:
        bearer = wired.obtain_token("members:read")
        reply = wired.post("{ viewer { member { legalName } } }", bearer=bearer)
        assert (reply.status, reply.body) == (200, {"data": {"viewer": {"member": {"legalName": "carrier"}}}})

    def test_nulls_what_the_token_lacks_the_scope_for(self, wired: Wired) -> None:
        reply = wired.post("{ blockOrders { nodes { id } } }", bearer=wired.obtain_token("members:read"))
        assert reply.body["data"] == {"blockOrders": None}
        assert reply.body["errors"][0]["extensions"]["missingScopes"] == ["orders:read"]
        allowed = wired.post("{ blockOrders { nodes { id } } }", bearer=wired.obtain_token("orders:read"))
        assert allowed.body == {"data": {"blockOrders": {"nodes": []}}}

    def test_refuses_a_token_that_it_never_issued(self, wired: Wired) -> None:
        header = base64.urlsafe_b64encode(json.dumps({"alg": "none"}).encode()).decode().rstrip("=")
        assert wired.post("{ viewer { member { id } } }", bearer=f"{header}.e30.").status == 401

    async def test_refuses_a_revoked_token_also_for_an_operation_that_is_known(self, wired: Wired) -> None:
        bearer, polled = wired.obtain_token("orders:read"), "{ blockOrders { nodes { id } } }"
        assert [wired.post(polled, bearer=bearer).status for _ in range(2)] == [200, 200]
        assert wired.send_form("/oauth/revoke", f"token={bearer}").status == 200
        await until(lambda: wired.post(polled, bearer=bearer).status == 401, "the known operation is refused")
        known, unknown = (wired.post(query, bearer=bearer) for query in (polled, f"{polled} # of now"))
        assert (known.status, known.problems) == (unknown.status, unknown.problems) == (401, ["TOKEN_INVALID"])
        assert known.headers["WWW-Authenticate"] == unknown.headers["WWW-Authenticate"]

    def test_is_ready_with_its_database_and_schema(self, wired: Wired) -> None:
        reply = wired.send("GET", "/readyz")
        assert (reply.status, reply.body["checks"]) == (200, {"database": "ok", "schema": "ok"})

    async def test_stays_ready_on_a_later_versions_schema_and_on_no_earlier_one(self, wired: Wired) -> None:
        owner = await asyncpg.connect(str(wired.settings.database_url).replace("app@", "owner@"))
        change = "UPDATE alembic_version SET version_num = $1 RETURNING version_num"
        present = await owner.fetchval("SELECT version_num FROM alembic_version")
        try:
            states = []
            for revision in ("of a later version", "0001", present):
                await owner.execute(change, revision)
                states.append(wired.send("GET", "/readyz").status)
        finally:
            await owner.execute(change, present)
            await owner.close()
        assert states == [200, 503, 200]

    async def test_counts_on_its_beat_who_can_approve(self, wired: Wired, keyring: Keyring) -> None:
        def count() -> float:
            return wired.app.state.metrics.registry.get_sample_value("jembatan_active_approvers")

        assert count() == 0
        database = Database.connect(wired.settings, keyring)
        world = World(database, wired.settings, Clock(datetime.now(UTC)))
        regulator = await world.admit(MemberKind.REGULATOR, "regulator")
        appointed = await world.appoint(regulator, "cici", ["orders:approve"])
        await until(lambda: count() == 1, "the gateway has counted her")
        await world.disable_officer(appointed)
        await until(lambda: count() == 0, "the gateway has counted nobody")
        await database.close()

    def test_publishes_metadata_and_keys(self, wired: Wired) -> None:
        metadata = wired.send("GET", "/.well-known/oauth-authorization-server").body
        assert metadata["issuer"] == f"http://127.0.0.1:{wired.port}"
        assert wired.send("GET", "/oauth/jwks").body["keys"]

    def test_leads_nobody_to_a_host_that_a_header_names(self, wired: Wired) -> None:
        headers = {"Host": "elsewhere.example", "X-Forwarded-Host": "elsewhere.example", "X-Forwarded-Prefix": "/else"}
        paths = sorted({route.path.replace("{name}", "start.js") for route in wired.app.routes} | {*GRAPH_PATHS})
        assert {"/graphql", "/oauth/authorize", "/oauth/token", "/.well-known/oauth-authorization-server"} <= set(paths)
        for path in paths:
            slashed = path if path.endswith("/") else f"{path}/"
            for method, asked in product(("GET", "POST"), (path, slashed)):
                for accept in ("text/html", "application/json"):
                    reply = wired.send(method, asked, headers={**headers, "Accept": accept})
                    assert reply.status < 500
                    assert b"elsewhere" not in reply.content + str(reply.headers).encode()
                    assert reply.status == 404 or asked in paths

    def test_takes_a_number_that_nothing_can_hold_for_a_mistake(self, wired: Wired) -> None:
        bearer = wired.obtain_token("members:read orders:read numbers:read")
        endless, uuid = "9" * 4_301, str(uuid4())
        for query in (
            "{ blockOrders(first: %s) { nodes { id } } }",
            "{ member(id: %s) { id } }",
            '{ _entities(representations: [{__typename: "PhoneNumber", e164: %s}]) { ... on PhoneNumber { e164 } } }',
            "query($first: Int = %s) { members(first: $first) { nodes { id } } }",
        ):
            reply = wired.post(query % endless, bearer=bearer)
            assert (reply.status, reply.codes) == (400, ["GRAPHQL_VALIDATION_FAILED"])
        for field, name, values in (
            ("members", "members", ["tel\x00komsel"]),
            ("blockOrders", "orders:DUE_SOONEST", ["9999-12-31T23:59:59-14:00", uuid]),
            ("blockOrders", "orders:DUE_SOONEST", ["0001-01-01T00:00:00+14:00", uuid]),
            ("blockOrders", "orders:DUE_SOONEST", [2**63, uuid]),
            ("numberingPlan", "ranges", ["+62", "9999-12-31T23:59:59-00:01"]),
        ):
            arguments = f'after: "{encode_cursor(name, values)}"' + (", sort: DUE_SOONEST" if "DUE" in name else "")
            reply = wired.post(f"{{ {field}({arguments}) {{ nodes {{ __typename }} }} }}", bearer=bearer)
            assert reply.problems == ["CURSOR_INVALID"], (field, values, reply.content)

    def test_prints_its_graph_to_a_router(self, wired: Wired) -> None:
        reply = wired.post("{ _service { sdl } }", bearer=wired.obtain_token("members:read"))
        assert "@requiresScopes" in reply.body["data"]["_service"]["sdl"]

    def test_answers_a_full_introspection_for_the_price_of_a_big_page(self, wired: Wired) -> None:
        bearer = wired.obtain_token("members:read")
        replies = [wired.post(get_introspection_query(), bearer=bearer) for _ in range(2)]
        assert [reply.status for reply in replies] == [200, 200]
        assert replies[0].content == replies[1].content
        assert 2_000 < int(replies[0].headers["X-Jembatan-Cost"]) < 10_000
        assert wired.post(get_introspection_query()).status == 401

    def test_suggests_no_names_for_variables_to_a_caller_without_a_token(self, wired: Wired) -> None:
        query = "query($s: [BlockOrderState!]) { blockOrders(filter: { states: $s }) { nodes { id } } }"
        hidden = wired.post(query, {"s": ["ISUED"]}).body["errors"][0]["message"]
        shown = wired.post(query, {"s": ["ISUED"]}, bearer=wired.obtain_token("orders:read")).body["errors"][0][
            "message"
        ]
        assert hidden.endswith("Value 'ISUED' does not exist in 'BlockOrderState' enum.")
        assert shown.startswith(f"{hidden} Did you mean the enum value 'ISSUED'")

    def test_takes_a_bound_token_with_a_proof_of_its_key_alone(self, wired: Wired) -> None:
        key = ECKey.generate_key("P-256", private=True)

        def prove(path: str, nonce: str | None, **more: str) -> str:
            claims = {"jti": str(uuid4()), "htm": "POST", "htu": f"http://127.0.0.1:{wired.port}{path}", **more}
            claims |= {"iat": int(time.time())} | ({"nonce": nonce} if nonce else {})
            return sign(key, claims, typ="dpop+jwt", jwk=key.as_dict(private=False))

        basic = base64.b64encode(f"{wired.machine.client_id}:{wired.machine.secret}".encode()).decode()
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Authorization": f"Basic {basic}"}
        body = b"grant_type=client_credentials&scope=members:read"
        first = wired.send("POST", "/oauth/token", body, {**headers, "DPoP": prove("/oauth/token", None)})
        assert first.body["error"] == "use_dpop_nonce"
        nonce = first.headers["DPoP-Nonce"]
        token = wired.send("POST", "/oauth/token", body, {**headers, "DPoP": prove("/oauth/token", nonce)}).body
        assert token["token_type"] == "DPoP"

        def ask(scheme: str, proof: str | None, path: str = "/graphql") -> Reply:
            sent = {"Content-Type": "application/json", "Authorization": f"{scheme} {token['access_token']}"}
            query = b'{"query": "{ viewer { member { legalName } } }"}'
            return wired.send("POST", path, query, sent | ({"DPoP": proof} if proof else {}))

        ath = hash_access_token(token["access_token"])
        good = prove("/graphql", nonce, ath=ath)
        assert ask("DPoP", good).body == {"data": {"viewer": {"member": {"legalName": "carrier"}}}}
        assert ask("DPoP", prove("/graphql/", nonce, ath=ath), "/graphql/").status == 200
        assert ask("DPoP", prove("/graphql", nonce, ath=ath), "/graphql/").status == 401
        for scheme, proof, error in (
            ("DPoP", good, "invalid_dpop_proof"),
            ("DPoP", None, "invalid_dpop_proof"),
            ("DPoP", prove("/oauth/token", nonce, ath=ath), "invalid_dpop_proof"),
            ("DPoP", prove("/graphql", None, ath=ath), "use_dpop_nonce"),
            ("Bearer", prove("/graphql", nonce, ath=ath), "invalid_token"),
        ):
            reply = ask(scheme, proof)
            assert reply.status == 401
            assert reply.headers["WWW-Authenticate"].startswith(f'DPoP realm="jembatan", error="{error}"')
            assert reply.headers["DPoP-Nonce"]
