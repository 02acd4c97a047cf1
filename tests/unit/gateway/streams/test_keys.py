"""What subscribers must have in common to share an execution, and where each goes on from."""

from datetime import UTC, datetime
from typing import Any

import pytest
from graphql import parse
from graphql.utilities import get_operation_ast

from auth.tokens.principal import Principal
from gateway.operations.errors import DocumentInvalidError
from gateway.operations.media_types import MediaType
from gateway.operations.progress import Document, GraphQLRequest, Parsed, Transport
from gateway.streams.keys import NEUTRAL_CURSOR, Following, choose_cursor, read_following
from ledger.errors import CursorInvalidError
from ledger.identifiers import ClientId, MemberId
from ledger.viewer import MemberKind

AS_OF = datetime(2026, 3, 2, tzinfo=UTC)
CALLER = Principal(
    client_id=ClientId("client"),
    member_id=MemberId("member"),
    member_kind=MemberKind.CARRIER,
    scopes=frozenset({"orders:read"}),
    token_id="token",
    expires_at=AS_OF,
)


def follow(query: str, variables: dict[str, Any] | None = None, *, name: str | None = None) -> Following:
    document = parse(query)
    operation = get_operation_ast(document, name)
    assert operation is not None
    parsed = Parsed(
        request_id="r",
        as_of=AS_OF,
        method="POST",
        media_type=MediaType.JSON,
        peer="peer",
        transport=Transport.WEBSOCKET,
        principal=CALLER,
        request=GraphQLRequest(query, name, variables or {}),
        text=query,
        document=Document(query, document),
        operation=operation,
    )
    return read_following(parsed, viewer=None)


PLAIN = "subscription ($after: C, $size: Int) { events(after: $after, size: $size) { cursor } }"


class TestKeys:
    def test_leaves_out_the_place_to_go_on_from(self) -> None:
        here, there = follow(PLAIN, {"after": "a", "size": 1}), follow(PLAIN, {"after": "b", "size": 1})
        assert here.key == there.key
        assert (here.after, there.after) == ("a", "b")
        assert here.variables == {"size": 1}

    def test_tells_other_variables_apart(self) -> None:
        assert follow(PLAIN, {"size": 1}).key != follow(PLAIN, {"size": 2}).key

    def test_leaves_out_variables_that_the_operation_does_not_define(self) -> None:
        assert follow(PLAIN, {"size": 1, "other": 7}).key == follow(PLAIN, {"size": 1}).key

    def test_does_not_care_for_the_order_of_variables(self) -> None:
        assert follow(PLAIN, {"size": 1, "after": "a"}).key == follow(PLAIN, {"after": "a", "size": 1}).key

    def test_puts_a_neutral_cursor_where_one_is_demanded(self) -> None:
        following = follow(PLAIN.replace("$after: C,", "$after: C!,"), {"after": "a"})
        assert following.variables == {"after": NEUTRAL_CURSOR}
        assert following.after == "a"

    def test_leaves_a_demanded_cursor_out_where_none_is_given(self) -> None:
        assert follow(PLAIN.replace("$after: C,", "$after: C!,")).variables == {}

    def test_keeps_the_variable_where_something_else_uses_it_too(self) -> None:
        query = "subscription ($after: C) { events(after: $after) { cursor other(than: $after) } }"
        assert follow(query, {"after": "a"}).key != follow(query, {"after": "b"}).key

    def test_keeps_the_variable_where_a_fragment_uses_it_too(self) -> None:
        query = "subscription ($after: C) { events(after: $after) { ...F } } fragment F on E { other(than: $after) }"
        assert follow(query, {"after": "a"}).key != follow(query, {"after": "b"}).key

    def test_finds_the_root_field_in_fragments(self) -> None:
        query = "subscription ($a: C) { ...F } fragment F on S { ... on S { events(after: $a) { cursor } } }"
        following = follow(query, {"a": "x"})
        assert (following.after, following.variables) == ("x", {})

    def test_takes_a_literal_and_a_default(self) -> None:
        assert follow('subscription { events(after: "x") { cursor } }').after == "x"
        assert follow('subscription ($a: C = "x") { events(after: $a) { cursor } }').after == "x"
        assert follow('subscription ($a: C = "x") { events(after: $a) { cursor } }', {"a": None}).after is None

    def test_refuses_a_cursor_that_is_no_text(self) -> None:
        with pytest.raises(CursorInvalidError):
            follow(PLAIN, {"after": 7})

    def test_refuses_an_operation_whose_field_is_left_out(self) -> None:
        with pytest.raises(DocumentInvalidError):
            follow("subscription ($yes: Boolean!) { events @skip(if: $yes) { cursor } }", {"yes": True})


class TestPlaces:
    def test_takes_what_is_nearest_to_the_transport(self) -> None:
        following = follow(PLAIN, {"after": "argument"})
        assert choose_cursor(following, {"cursor": "extension"}, last_event_id="event") == "event"
        assert choose_cursor(following, {"cursor": "extension"}, last_event_id=None) == "extension"
        assert choose_cursor(following, {"cursor": None}, last_event_id="") == "argument"
        assert choose_cursor(follow(PLAIN), {}, last_event_id=None) is None

    def test_refuses_an_extension_that_is_no_text(self) -> None:
        with pytest.raises(CursorInvalidError):
            choose_cursor(follow(PLAIN), {"cursor": {"a": 1}}, last_event_id=None)
