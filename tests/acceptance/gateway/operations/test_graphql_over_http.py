"""GraphQL over HTTP, as a client sees it through a real uvicorn."""

import json
import socket
from urllib.parse import quote, urlencode

import pytest

from tests.support.sample_gateway import GRAPHQL_RESPONSE, Gateway, token

JSON = "application/json"


class TestMediaType:
    @pytest.mark.parametrize(
        ("accept", "answered"),
        [
            (GRAPHQL_RESPONSE, GRAPHQL_RESPONSE),
            (JSON, JSON),
            (None, JSON),
            ("", JSON),
            ("*/*", JSON),
            ("*/*;q=0.1", JSON),
            ("text/html, */*", JSON),
            ("application/*", JSON),
            (f"{GRAPHQL_RESPONSE}, */*", GRAPHQL_RESPONSE),
            (f"*/*, {GRAPHQL_RESPONSE}", JSON),
            (f"*/*;q=0.8, {GRAPHQL_RESPONSE}", GRAPHQL_RESPONSE),
            (f"{GRAPHQL_RESPONSE}, {JSON};q=0.9", GRAPHQL_RESPONSE),
            (f"{JSON}, {GRAPHQL_RESPONSE};q=0.5", JSON),
            (f"{JSON}, {GRAPHQL_RESPONSE}", JSON),
            (f"{GRAPHQL_RESPONSE};q=0, */*", JSON),
            ("application/json; charset=utf-8", JSON),
        ],
    )
    def test_is_the_best_that_the_client_accepts(self, gateway: Gateway, accept: str | None, answered: str) -> None:
        reply = gateway.post("{ open }", accept=accept)
        assert reply.status == 200
        assert reply.headers["Content-Type"] == f"{answered}; charset=utf-8"

    @pytest.mark.parametrize("accept", ["text/plain", "image/*", "application/json;q=0", "text/event-stream"])
    def test_none_acceptable_is_406(self, gateway: Gateway, accept: str) -> None:
        reply = gateway.post("{ open }", accept=accept)
        assert (reply.status, reply.problems) == (406, ["NOT_ACCEPTABLE"])

    @pytest.mark.parametrize(
        "content_type",
        [
            "text/plain",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x",
            "application/graphql",
            "application/json; charset=utf-16",
            "",
        ],
    )
    def test_a_body_that_is_no_json_by_its_header_is_415(self, gateway: Gateway, content_type: str) -> None:
        reply = gateway.post_bytes(b'{"query":"{ open }"}', Content_Type=content_type)
        assert (reply.status, reply.problems) == (415, ["UNSUPPORTED_MEDIA_TYPE"])

    @pytest.mark.parametrize(
        "content_type", ["application/json", "application/json; charset=UTF-8", "Application/JSON"]
    )
    def test_json_is_utf8_whether_it_says_so_or_not(self, gateway: Gateway, content_type: str) -> None:
        body = json.dumps({"query": "query($t:String){ echo(text:$t) }", "variables": {"t": "ñ✓"}}, ensure_ascii=False)
        reply = gateway.post_bytes(body.encode(), Content_Type=content_type)
        assert reply.body["data"] == {"echo": "ñ✓"}


class TestMethod:
    @pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS"])
    def test_other_than_get_head_and_post_is_405_with_allow(self, gateway: Gateway, method: str) -> None:
        reply = gateway.send(method, "/graphql")
        assert reply.status == 405
        assert reply.headers["Allow"] == "GET, HEAD, POST"

    @pytest.mark.parametrize(
        "path",
        [
            "/graphql?query=%7Bopen%7D",
            "/graphql?query=%7Bnothing%7D",
            "/graphql?query=mutation%20%7B%20touch%20%7B%20value%20%7D%20%7D",
            '/graphql?query=%7Becho(text:"%2B6281234567")%7D',
            "/graphql",
            "/healthz",
            "/readyz",
        ],
    )
    def test_head_is_answered_as_get_is_without_a_body(self, gateway: Gateway, path: str) -> None:
        got, headed = gateway.send("GET", path), gateway.send("HEAD", path)
        assert (headed.status, headed.content) == (got.status, b"")
        own = {"Date", "X-Request-Id"}
        assert {name: value for name, value in headed.headers.items() if name.title() not in own} == {
            name: value for name, value in got.headers.items() if name.title() not in own
        }
        assert "touch" not in gateway.calls

    def test_a_mutation_by_get_is_405_and_runs_nothing(self, gateway: Gateway) -> None:
        reply = gateway.send("GET", "/graphql?" + urlencode({"query": "mutation { touch { value } }"}))
        assert (reply.status, reply.headers["Allow"]) == (405, "POST")
        assert "touch" not in gateway.calls

    def test_a_query_by_get_is_answered(self, gateway: Gateway) -> None:
        parameters = {"query": "query A($t:String) { echo(text:$t) } query B { open }", "operationName": "A"}
        parameters["variables"] = json.dumps({"t": "hi"})
        reply = gateway.send("GET", "/graphql?" + urlencode(parameters))
        assert (reply.status, reply.body) == (200, {"data": {"echo": "hi"}})

    def test_an_empty_operation_name_in_a_url_is_none(self, gateway: Gateway) -> None:
        assert gateway.send("GET", "/graphql?query=%7Bopen%7D&operationName=&variables=").status == 200

    @pytest.mark.parametrize("accept", [GRAPHQL_RESPONSE, JSON])
    def test_a_subscription_by_plain_post_is_406(self, gateway: Gateway, accept: str) -> None:
        reply = gateway.post("subscription { ticks }", accept=accept)
        assert (reply.status, reply.problems) == (406, ["STREAM_REQUIRED"])


class TestStatus:
    @pytest.mark.parametrize(
        ("query", "variables", "code"),
        [
            ("{", None, "GRAPHQL_PARSE_FAILED"),
            ("{ nothing }", None, "GRAPHQL_VALIDATION_FAILED"),
            ("query A { open } query B { open }", None, "GRAPHQL_VALIDATION_FAILED"),
            ("fragment F on Query { open }", None, "GRAPHQL_VALIDATION_FAILED"),
            ("query($n:[Int!]!) { echo(numbers:$n) }", {"n": ["x"]}, "BAD_USER_INPUT"),
            ("query($n:[Int!]!) { echo(numbers:$n) }", {}, "BAD_USER_INPUT"),
        ],
    )
    def test_an_operation_that_is_not_executed_is_400_or_for_legacy_clients_200(
        self, gateway: Gateway, query: str, variables: object, code: str
    ) -> None:
        reply, legacy = gateway.post(query, variables), gateway.post(query, variables, accept=JSON)
        assert (reply.status, legacy.status) == (400, 200)
        for one in (reply, legacy):
            assert one.codes == [code]
            assert "data" not in one.body

    def test_a_partial_answer_is_200(self, gateway: Gateway) -> None:
        for accept in (GRAPHQL_RESPONSE, JSON):
            reply = gateway.post("{ open boom }", accept=accept)
            assert (reply.status, reply.body["data"]) == (200, {"open": "open", "boom": None})

    def test_the_edition_of_september_2026_has_294_and_422(self, serve) -> None:
        gateway = serve(http_status_edition="2026-09")
        assert gateway.post("{ open boom }").status == 294
        assert gateway.post("{ nothing }").status == 422
        assert gateway.post("{").status == 400
        assert gateway.post_bytes(b"[]").status == 422
        assert gateway.post("{ open boom }", accept=JSON).status == 200

    def test_a_syntax_error_says_where(self, gateway: Gateway) -> None:
        assert gateway.post("{ open ").body["errors"][0]["locations"] == [{"line": 1, "column": 8}]


class TestMalformedBody:
    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"null",
            b'"text"',
            b"7",
            b"true",
            b"[]",
            b"{}",
            b"NONSENSE",
            b'{"query":',
            b'{"query":null}',
            b'{"query":7}',
            b'{"query":["{ open }"]}',
            b'{"query":"{ open }","variables":[7]}',
            b'{"query":"{ open }","variables":"{}"}',
            b'{"query":"{ open }","operationName":7}',
            b'{"query":"{ open }","extensions":[]}',
            b'{"qeury":"{ open }"}',
            b"[" * 100_000,
            b"[" * 100_000 + b"]" * 100_000,
            b'{"query":"{ open }","variables":' + b'{"a":' * 3_000 + b"1" + b"}" * 3_000 + b"}",
            b'{"query":"\xff\xfe"}',
            b"\xef\xbb\xbf{}",
            b'{"query":"{ open }","variables":{"a":NaN}}',
            b'{"query":"{ open }","variables":{"a":' + b"9" * 10_000 + b"}}",
        ],
        ids=lambda body: body[:40].decode("latin-1"),
    )
    @pytest.mark.parametrize("accept", [GRAPHQL_RESPONSE, JSON])
    def test_is_400_with_an_error_in_json(self, gateway: Gateway, body: bytes, accept: str) -> None:
        reply = gateway.post_bytes(body, bearer=token(), accept=accept)
        assert reply.status == 400
        assert reply.headers["Content-Type"].startswith(accept)
        assert reply.codes == ["BAD_USER_INPUT"]
        assert "data" not in reply.body

    def test_batching_is_refused(self, gateway: Gateway) -> None:
        reply = gateway.post_bytes(b'[{"query":"{ open }"},{"query":"{ open }"}]')
        assert reply.status == 400
        assert gateway.calls == []

    @pytest.mark.parametrize(
        "body",
        [
            b'{"query":"{ open }","query":"{ boom }"}',
            b'{"query":"{ open }","variables":{"a":1,"a":2}}',
            b'{"query":"{ open }","variables":{"a":[{"b":1,"b":2}]}}',
        ],
    )
    def test_a_key_given_twice_is_refused(self, gateway: Gateway, body: bytes) -> None:
        assert gateway.post_bytes(body).problems == ["REQUEST_MALFORMED"]

    @pytest.mark.parametrize(
        "text",
        ["\\u0000", "\\ud800", "a\\udfffb", "\\udc00\\ud800"],
        ids=["nul", "lone lead", "lone trail", "reversed"],
    )
    @pytest.mark.parametrize(
        "place",
        [
            '{{"query":"{{ echo }} # {0}"}}',
            '{{"query":"{{ open }}","variables":{{"{0}":1}}}}',
            '{{"query":"{{ open }}","variables":{{"a":["{0}"]}}}}',
        ],
    )
    def test_text_that_cannot_be_stored_is_refused(self, gateway: Gateway, place: str, text: str) -> None:
        assert gateway.post_bytes(place.format(text).encode()).problems == ["REQUEST_MALFORMED"]

    def test_a_whole_surrogate_pair_is_text(self, gateway: Gateway) -> None:
        reply = gateway.post_bytes(b'{"query":"query($t:String){ echo(text:$t) }","variables":{"t":"\\ud83d\\ude00"}}')
        assert reply.body["data"] == {"echo": "😀"}

    def test_variables_of_null_are_none(self, gateway: Gateway) -> None:
        body = b'{"query":"{ open }","variables":null,"operationName":null,"extensions":null,"other":1}'
        assert gateway.post_bytes(body).body == {"data": {"open": "open"}}


class TestBodySize:
    def test_a_declared_length_above_the_limit_is_413_before_it_is_sent(self, serve) -> None:
        gateway = serve(body_bytes_max=2_000)
        with socket.create_connection(("127.0.0.1", gateway.port), timeout=10) as wire:
            wire.sendall(
                b"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 999999\r\n\r\n"
            )
            assert wire.recv(12) == b"HTTP/1.1 413"

    def test_a_narrative_of_10_megabytes_is_told_why_although_its_client_sends_it_whole(self, serve) -> None:
        reply = serve().post_bytes(b'{"query": "{ open }", "variables": {"a": "' + b"x" * 10_000_000 + b'"}}')
        assert (reply.status, reply.problems) == (413, ["BODY_TOO_LARGE"])

    def test_a_chunked_body_is_cut_off_at_the_limit(self, serve) -> None:
        gateway = serve(body_bytes_max=2_000)
        with socket.create_connection(("127.0.0.1", gateway.port), timeout=10) as wire:
            wire.sendall(
                b"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                b"Transfer-Encoding: chunked\r\n\r\n" + b"400\r\n" + b"x" * 1024 + b"\r\n" + b"400\r\n" + b"x" * 1024
            )
            assert wire.recv(12) == b"HTTP/1.1 413"

    def test_an_endless_header_ends_the_connection(self, serve) -> None:
        gateway = serve(header_bytes_max=2_000, url_bytes_max=1_000)
        with socket.create_connection(("127.0.0.1", gateway.port), timeout=10) as wire:
            wire.sendall(
                b"GET /healthz HTTP/1.1\r\nHost: x\r\n" + b"".join(b"X-%d: aaaaaaaa\r\n" % n for n in range(400))
            )
            assert wire.recv(12) == b"HTTP/1.1 431"

    def test_a_long_url_is_414(self, serve) -> None:
        gateway = serve(url_bytes_max=1_000)
        assert gateway.send("GET", "/graphql?query=%7Bopen%7D%23" + "x" * 1_000).status == 414


class TestUrl:
    @pytest.mark.parametrize(
        "parameters",
        [
            {"query": '{ echo(text: "+6281234567890") }'},
            {"query": '{ echo(text: "6281234567890") }'},
            {"query": '{ echo(text: "+62 812-3456-7890") }'},
            {"query": '{ echo(text: "\\u002b6281234567890") }'},
            {"query": '{ echo(text: """\n +6281234567890\n""") }'},
            {"query": "query($t:String) { echo(text: $t) }", "variables": '{"t":"+6281234567890"}'},
            {"query": "query($t:String) { echo(text: $t) }", "variables": '{"t":"\\u002b\\u0036281234567890"}'},
            {"query": "query($t:Float) { open }", "variables": '{"t":6281234567890}'},
            {"query": "{ open } # +6281234567890"},
            {"query": "{ open }", "extensions": '{"n":["081234567890"]}'},
            {"query": "{ open }", "anything": "+6281234567890"},
            {"query": "{ open }", "operationName": "+6281234567890"},
        ],
    )
    def test_a_telephone_number_in_a_url_is_400_and_not_repeated(self, gateway: Gateway, parameters: dict) -> None:
        reply = gateway.send("GET", "/graphql?" + urlencode(parameters))
        assert (reply.status, reply.problems) == (400, ["NUMBER_IN_URL"])
        assert b"81234567" not in reply.content

    def test_a_plus_that_nobody_escaped_hides_no_number(self, gateway: Gateway) -> None:
        assert gateway.send("GET", '/graphql?query=%7Becho(text:"+6281234567")%7D').problems == ["NUMBER_IN_URL"]

    def test_a_number_beside_a_post_body_is_refused_too(self, gateway: Gateway) -> None:
        headers = {"Content-Type": "application/json"}
        reply = gateway.send("POST", "/graphql?n=%2B6281234567890", b'{"query":"{ open }"}', headers)
        assert reply.problems == ["NUMBER_IN_URL"]

    @pytest.mark.parametrize(
        "text",
        [
            "0190b8a0-1111-7222-8333-123456789012",
            "2026-11-22T10:00:00.123456Z",
            "2026-11-22T10:00:00+07:00",
            "eyJwIjoxMjM0NTY3ODkwMTIzfQ123456789012==",
            "25",
        ],
    )
    def test_ids_times_and_cursors_are_no_numbers(self, gateway: Gateway, text: str) -> None:
        parameters = {"query": "query($t:String) { echo(text: $t) }", "variables": json.dumps({"t": text})}
        assert gateway.send("GET", "/graphql?" + urlencode(parameters)).body == {"data": {"echo": text}}

    @pytest.mark.parametrize("repeated", ["query", "variables", "operationName", "other"])
    def test_a_parameter_given_twice_is_refused(self, gateway: Gateway, repeated: str) -> None:
        path = f"/graphql?query={quote('{ open }')}&{repeated}=a&{repeated}=a"
        assert gateway.send("GET", path).problems == ["REQUEST_MALFORMED"]

    @pytest.mark.parametrize(
        "path",
        [
            "/graphql?query=%ff",
            "/graphql",
            "/graphql?query=",
            "/graphql?query=%00",
            "/graphql?query=%7Bopen%7D&variables=%5B%5D",
            "/graphql?query=%7Bopen%7D&variables=x",
        ],
    )
    def test_what_is_no_request_is_400(self, gateway: Gateway, path: str) -> None:
        assert gateway.send("GET", path).status == 400

    def test_a_token_in_a_url_is_refused(self, gateway: Gateway) -> None:
        reply = gateway.send("GET", f"/graphql?query=%7Bopen%7D&access_token={token()}")
        assert (reply.status, reply.problems) == (400, ["TOKEN_IN_URL"])


class TestCrossSite:
    @pytest.mark.parametrize("method", ["GET", "POST"])
    def test_request_that_a_browser_marks_as_cross_site_is_refused(self, gateway: Gateway, method: str) -> None:
        headers = {"Sec-Fetch-Site": "cross-site", "Content-Type": "application/json"}
        reply = gateway.send(method, "/graphql?query=%7Bopen%7D", b'{"query":"{ open }"}', headers)
        assert (reply.status, gateway.calls) == (403, [])

    def test_origin_that_the_operator_named_may_call(self, serve) -> None:
        gateway = serve(cors_origins=("https://console.example.id",))
        headers = {"Sec-Fetch-Site": "cross-site", "Origin": "https://console.example.id"}
        headers["Content-Type"] = "application/json"
        reply = gateway.send("POST", "/graphql", b'{"query":"{ open }"}', headers)
        assert reply.status == 200
        assert reply.headers["Access-Control-Allow-Origin"] == "https://console.example.id"
        assert "Access-Control-Allow-Credentials" not in reply.headers


class TestBrowser:
    HTML = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"

    def test_is_shown_graphiql_that_needs_no_other_host(self, gateway: Gateway) -> None:
        reply = gateway.send("GET", "/graphql", headers={"Accept": self.HTML})
        assert reply.headers["Content-Type"].startswith("text/html")
        assert b"://" not in reply.content
        assert "script-src 'self'" in reply.headers["Content-Security-Policy"]
        assert "unsafe-eval" not in reply.headers["Content-Security-Policy"]

    @pytest.mark.parametrize("name", ["graphiql.min.js", "graphiql.min.css", "react.production.min.js", "start.js"])
    def test_gets_its_files_from_here(self, gateway: Gateway, name: str) -> None:
        assert gateway.send("GET", f"/graphql/assets/{name}").status == 200

    def test_cannot_reach_other_files(self, gateway: Gateway) -> None:
        assert gateway.send("GET", "/graphql/assets/..%2fsettings.py").status == 404

    def test_is_answered_in_json_where_graphiql_is_off(self, serve) -> None:
        reply = serve(graphiql=False).send("GET", "/graphql", headers={"Accept": "text/html"})
        assert reply.status == 406
