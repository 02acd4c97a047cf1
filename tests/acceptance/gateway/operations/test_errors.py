"""What a client reads of a failure, and what it never reads."""

import json
import socket

import pytest
import structlog

from gateway.operations.failures import ALIKE_MAX
from tests.support.sample_gateway import Gateway, token
from tests.support.waiting import block_until


class TestInternalError:
    @pytest.mark.parametrize("query", ["{ boom }", "{ brokenLeaf }", "{ booms { value } }"])
    def test_is_masked_and_carries_the_request_id(self, gateway: Gateway, query: str) -> None:
        reply = gateway.post(query)
        assert reply.status == 200
        for error in reply.body["errors"]:
            assert error["message"] == "Internal server error"
            told = {name: value for name, value in error["extensions"].items() if name != "omitted"}
            assert told == {"code": "INTERNAL_SERVER_ERROR", "requestId": reply.headers["X-Request-Id"]}
        assert b"hunter" not in reply.content
        assert b"one cause" not in reply.content

    def test_is_logged_once_per_cause_however_many_fields_it_failed(self, gateway: Gateway) -> None:
        with structlog.testing.capture_logs() as logged:
            reply = gateway.post("{ booms { value } a: boom(at: 1) b: boom(at: 2) }")
        assert len(reply.body["errors"]) == ALIKE_MAX + 2
        errors = [line for line in logged if line["log_level"] == "error"]
        assert sorted(line["times"] for line in errors) == [2, 200]

    def test_is_none_where_the_client_left_while_it_was_still_sending(self, gateway: Gateway) -> None:
        with structlog.testing.capture_logs() as logged:
            with socket.create_connection(("127.0.0.1", gateway.port), timeout=10) as wire:
                wire.sendall(
                    b"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                    b'Content-Length: 99\r\n\r\n{"query":'
                )
            block_until(lambda: logged, "the request is logged")
        assert [(line["event"], line["status"]) for line in logged] == [("request", 0)]


class TestErrorsOfManyItems:
    @pytest.mark.parametrize("bearer", [None, token("members:read")], ids=["without a token", "without the scope"])
    def test_with_one_problem_are_told_a_few_times_and_counted(self, gateway: Gateway, bearer: str | None) -> None:
        query = "query($r: [_Any!]!) { _entities(representations: $r) { ... on Order { id } } }"
        reply = gateway.post(query, {"r": [{"__typename": "Order", "id": "1"}] * 1_000}, bearer=bearer)
        assert reply.body["data"]["_entities"] == [None] * 1_000
        errors = reply.body["errors"]
        assert [error["path"] for error in errors] == [["_entities", index] for index in range(ALIKE_MAX)]
        omitted = [error["extensions"].get("omitted") for error in errors]
        assert omitted == [None] * (ALIKE_MAX - 1) + [1_000 - ALIKE_MAX]

    def test_at_different_fields_are_all_told(self, gateway: Gateway) -> None:
        aliases = " ".join(f"a{n}: unknown" for n in range(2 * ALIKE_MAX))
        assert len(gateway.post(f"{{ {aliases} }}").body["errors"]) == 2 * ALIKE_MAX


class TestLedgerError:
    def test_is_told_with_code_problem_field_and_hint(self, gateway: Gateway) -> None:
        reply = gateway.post("{ unknown }")
        (error,) = reply.body["errors"]
        assert error["message"] == "There is no such order."
        assert error["path"] == ["unknown"]
        extensions = error["extensions"]
        assert (extensions["code"], extensions["problem"], extensions["field"]) == ("NOT_FOUND", "NOT_FOUND", "id")

    def test_that_forbids_is_no_missing_scope(self, gateway: Gateway) -> None:
        reply = gateway.post("mutation { approveOwn }")
        assert (reply.codes, reply.problems) == (["BAD_USER_INPUT"], ["FOUR_EYES"])
        assert reply.body["errors"][0]["extensions"]["hint"] == "Another officer must approve it."


class TestDatabaseAway:
    @pytest.mark.parametrize("query", ["{ away }", "{ open away }", "mutation { away }"])
    @pytest.mark.parametrize("accept", ["application/json", "application/graphql-response+json"])
    def test_is_503_with_retry_after_and_json(self, gateway: Gateway, query: str, accept: str) -> None:
        reply = gateway.post(query, accept=accept)
        assert (reply.status, reply.problems) == (503, ["DATABASE_UNAVAILABLE"])
        assert int(reply.headers["Retry-After"]) >= 1
        assert "data" not in reply.body

    def test_keeps_what_a_mutation_already_did(self, gateway: Gateway) -> None:
        reply = gateway.post("mutation { touch { value } away }")
        assert (reply.status, reply.body["data"]) == (200, {"touch": {"value": "value"}, "away": None})

    def test_while_the_token_is_looked_at_is_503_too(self, serve) -> None:
        from ledger.errors import DatabaseUnavailableError

        gateway = serve()
        services = gateway.app.state.services

        async def away(*_: object) -> None:
            raise DatabaseUnavailableError

        object.__setattr__(services, "verify_token", away)
        assert gateway.post("{ open }", bearer="x").status == 503


class TestValidationErrors:
    def test_are_told_together_and_bounded(self, gateway: Gateway) -> None:
        assert len(gateway.post("{ one two three }").body["errors"]) == 3
        assert len(gateway.post("{ " + " ".join(f"no{n}" for n in range(100)) + " }").body["errors"]) == 20


class TestRequestId:
    def test_is_the_clients_where_it_is_well_formed(self, gateway: Gateway) -> None:
        headers = {"Content-Type": "application/json", "X-Request-Id": "trace-0001.abc"}
        reply = gateway.send("POST", "/graphql", b'{"query":"{ boom }"}', headers)
        assert reply.headers["X-Request-Id"] == "trace-0001.abc"
        assert reply.body["errors"][0]["extensions"]["requestId"] == "trace-0001.abc"

    @pytest.mark.parametrize("given", ["short", "x" * 200, 'a"b<script>xxxx', "spaces in it here"])
    def test_is_ours_otherwise(self, gateway: Gateway, given: str) -> None:
        reply = gateway.send("GET", "/healthz", headers={"X-Request-Id": given})
        assert reply.headers["X-Request-Id"] != given


class TestHeaders:
    @pytest.mark.parametrize("path", ["/graphql", "/healthz", "/nowhere"])
    def test_are_safe_everywhere(self, gateway: Gateway, path: str) -> None:
        headers = gateway.send("GET", path).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cache-Control"] == "no-store"
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert "Server" not in headers

    def test_bind_browsers_to_https_where_it_is_served(self, serve) -> None:
        headers = serve(public_url="https://graph.example.id").send("GET", "/healthz").headers
        assert headers["Strict-Transport-Security"].startswith("max-age=")


class TestAccessLog:
    def test_holds_neither_variables_nor_url_parameters_nor_tokens(self, gateway: Gateway) -> None:
        with structlog.testing.capture_logs() as logged:
            gateway.post("query Q($t: String) { echo(text: $t) }", {"t": "personal"}, bearer="client~secret_scope")
            gateway.send("GET", "/graphql?query=%7Bopen%7D&variables=%7B%22t%22%3A%22personal%22%7D")
        written = json.dumps(logged, default=str)
        assert "personal" not in written
        assert "secret" not in written
        assert {line["operation_name"] for line in logged} == {"Q", None}
        assert {line["client_id"] for line in logged} == {"client", None}

    def test_names_the_officer(self, gateway: Gateway) -> None:
        with structlog.testing.capture_logs() as logged:
            gateway.post("{ open }", bearer=token(client="console"))
            gateway.post("{ open }", bearer=token())
        assert [line["officer_id"] for line in logged] == ["an-officer", None]
