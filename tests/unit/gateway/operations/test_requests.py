"""Whatever bytes come, a request is read or refused; nothing else happens."""

import json
from urllib.parse import urlencode

import pytest
from graphql import build_schema, parse, validate
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.operations import requests
from gateway.operations.errors import GatewayError, MalformedRequestError, NumberInUrlError, TokenInUrlError
from gateway.operations.progress import GraphQLRequest
from gateway.operations.requests import (
    _load_strictly,
    load_json,
    parse_body,
    parse_query_string,
    refuse_number_in_document,
)
from tests.support.places import ROOT

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
SCHEMA = ROOT / "schema/schema.graphql"
KEYS = st.sampled_from(["query", "operationName", "variables", "extensions", "other"])


class TestParseBody:
    @given(st.binary(max_size=200))
    def test_never_fails_otherwise_on_any_bytes(self, body: bytes) -> None:
        with pytest.raises(MalformedRequestError):
            parse_body(body, depth_max=5)

    @given(st.dictionaries(KEYS, VALUES, max_size=5))
    def test_reads_or_refuses_any_object(self, value: object) -> None:
        try:
            request = parse_body(json.dumps(value).encode(), depth_max=5)
        except MalformedRequestError:
            return
        assert isinstance(request, GraphQLRequest)

    @given(st.dictionaries(st.text(max_size=5), st.integers() | st.text(), max_size=5))
    def test_hands_on_variables_as_they_were_sent(self, variables: dict) -> None:
        try:
            json.dumps(variables, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            return
        if "\x00" in "".join(f"{key}{value}" for key, value in variables.items()):
            return
        body = json.dumps({"query": "{ a }", "variables": variables}).encode()
        assert parse_body(body, depth_max=5).variables == variables

    def test_bounds_nesting(self) -> None:
        body = json.dumps({"query": "{ a }", "variables": {"a": [[1]]}}).encode()
        assert parse_body(body, depth_max=3).variables == {"a": [[1]]}
        with pytest.raises(MalformedRequestError, match="nested too deeply"):
            parse_body(body, depth_max=2)


# JSON as text, so that keys repeat, and numbers and escapes are written as no encoder of ours would.
STRINGS = st.lists(
    st.sampled_from(
        ["a", ":", "b:", r"\u003a", r"\u003A", r"\u0061", r"\\u003a", r"\u0000", r"\ud83d", r"\ude00", "é", ",", "["]
    ),
    max_size=3,
).map(lambda parts: '"' + "".join(parts) + '"')
NUMBERS = st.sampled_from(
    [
        "0",
        "-0",
        "1.5",
        "5.0",
        "1e5",
        "1e400",
        "-1e400",
        "NaN",
        "18446744073709551616",
        "9223372036854775808",
        "01",
        "9" * 30,
    ]
)
TEXTS = st.recursive(
    STRINGS | NUMBERS | st.sampled_from(["null", "true", "", "\ufeff", " "]),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda items: f"[{','.join(items)}]")
        | st.lists(st.tuples(STRINGS, inner), max_size=3).map(
            lambda pairs: "{" + " , ".join(f"{key} : {value}" for key, value in pairs) + "}"
        )
    ),
    max_leaves=8,
)


class TestLoadJson:
    @given(TEXTS, st.integers(min_value=1, max_value=6), st.sampled_from([2, 4, 8, 100]))
    @settings(max_examples=1_000)
    def test_reads_at_once_only_what_the_strict_way_reads_and_as_it_does(
        self, text: str, depth_max: int, values_max: int
    ) -> None:
        def read(load) -> tuple[object, ...]:
            try:
                value = load()
            except GatewayError as error:
                return type(error), error.message
            return repr(value), json.dumps(value)

        content = text.encode()
        at_once = read(lambda: load_json(content, what="body", depth_max=depth_max, values_max=values_max))
        assert at_once == read(lambda: _load_strictly(content, "body", depth_max, values_max))

    @pytest.mark.parametrize(
        "text",
        [
            r'{"query": "{ a }", "variables": {"a": 1, "a": 2}}',
            r'{"query": "{ a }", "query": "{ b }"}',
            r'{"query": "{ a\u003a b }", "a": 1, "a": 2}',
            r'{"query": "{ a }", "\u0071uery": "{ b }"}',
            r'{"query": ":", "a": {"b": ":"}, "a": 0}',
        ],
    )
    def test_refuses_a_key_that_is_repeated_however_it_is_written(self, text: str) -> None:
        with pytest.raises(MalformedRequestError, match="same key more than once"):
            load_json(text.encode(), what="body", depth_max=5)

    @pytest.mark.parametrize("text", ['{"a": 1, "b": [1.5, "x:y", {"c": null}]}', r'{"a": "\u00e9\ud83d\ude00"}', "[]"])
    def test_reads_what_is_plain_at_once(self, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(requests, "_load_strictly", None)
        assert load_json(text.encode(), what="body", depth_max=5, values_max=100) == json.loads(text)


class TestHint:
    def test_shows_a_request_that_the_graph_takes(self) -> None:
        example = MalformedRequestError.hint.removeprefix("Send a JSON object such as ").removesuffix(".")
        request = parse_body(example.encode(), depth_max=5)
        assert validate(build_schema(SCHEMA.read_text(), assume_valid=True), parse(request.query)) == []


class TestParseQueryString:
    @pytest.mark.parametrize("name", ["token", "authorization", "extensions", "query"])
    def test_refuses_a_token_under_whatever_name(self, name: str) -> None:
        token = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln"
        with pytest.raises(TokenInUrlError):
            parse_query_string(urlencode({name: json.dumps({"a": f"Bearer {token}"})}).encode(), depth_max=5)

    @given(st.binary(max_size=200))
    def test_never_fails_otherwise_on_any_bytes(self, query_string: bytes) -> None:
        with pytest.raises(GatewayError):
            parse_query_string(query_string.replace(b"query", b""), depth_max=5)

    @pytest.mark.parametrize("written", ["0812 3456 7890", "0812-3456-7890", "(021) 5551234", "0812.3456.7890"])
    def test_refuses_a_number_as_people_write_it(self, written: str) -> None:
        with pytest.raises(NumberInUrlError):
            parse_query_string(
                urlencode({"query": "{ a }", "variables": json.dumps({"n": written})}).encode(), depth_max=5
            )
        with pytest.raises(NumberInUrlError):
            refuse_number_in_document(parse(f'{{ a(n: "{written}") }}'))

    @pytest.mark.parametrize("value", ["2026-11-08", "159", "14045", "1500-888", "O-2026-0000001", "12345678"])
    def test_takes_days_codes_and_places(self, value: str) -> None:
        query_string = urlencode({"query": "{ a }", "variables": json.dumps({"n": value})}).encode()
        assert parse_query_string(query_string, depth_max=5).variables == {"n": value}

    @given(
        country=st.sampled_from(["62", "1", "44", "65"]),
        national=st.integers(min_value=20_000_000, max_value=9_999_999_999),
        form=st.sampled_from(
            ['{{ a(n: "+{0}") }}', '{{ a(n: "{0}") }}', "{{ a }} # +{0}", '{{ a(n: ["x", "+{0}"]) }}']
        ),
    )
    def test_refuses_every_number_however_it_is_put(self, country: str, national: int, form: str) -> None:
        query = form.format(f"{country}{national}")
        with pytest.raises(NumberInUrlError):
            parse_query_string(urlencode({"query": query}).encode(), depth_max=5)
        with pytest.raises(NumberInUrlError):
            parse_query_string(
                urlencode({"query": "{ a }", "variables": json.dumps({"n": query})}).encode(), depth_max=5
            )
