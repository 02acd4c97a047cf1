"""Canonical texts: one text for one content, however it is written down, and another for any other content."""

import hashlib
import json
from datetime import UTC, datetime, timedelta, timezone
from enum import StrEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.canonical import hash_canonical, render_canonical

_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)
_CONTENTS = st.dictionaries(st.text("abcdefXYZ_", min_size=1), _VALUES)


class Scope(StrEnum):
    """A closed list."""

    ALL = "ALL_SERVICES"


class TestCanonicalText:
    def test_of_every_kind_of_value_is_the_documented_one(self) -> None:
        jakarta = datetime(2026, 3, 1, 19, 30, tzinfo=timezone(timedelta(hours=7)))
        content = {
            "scope": Scope.ALL,
            "at": jakarta,
            "sha": b"\x00\xff",
            "notes": ("ü", None),
            "of": {"b": 1, "a": True},
        }
        assert render_canonical(content) == (
            '{"at":"2026-03-01T12:30:00.000000Z","notes":["ü",null],"of":{"a":true,"b":1},"scope":"ALL_SERVICES",'
            '"sha":"AP8="}'
        )

    @given(_CONTENTS)
    def test_ignores_the_order_of_keys_and_reads_back_as_the_content(self, content: dict[str, object]) -> None:
        text = render_canonical(content)
        assert text == render_canonical(dict(reversed(list(content.items()))))
        assert json.loads(text) == content

    @given(_CONTENTS, _CONTENTS)
    def test_differs_where_the_content_differs(self, first: dict[str, object], second: dict[str, object]) -> None:
        same = json.dumps(first, sort_keys=True) == json.dumps(second, sort_keys=True)
        assert (render_canonical(first) == render_canonical(second)) is same

    @pytest.mark.parametrize("value", [1.5, datetime(2026, 3, 1), object()])  # noqa: DTZ001 (a naive time is the case)
    def test_refuses_what_has_no_single_text(self, value: object) -> None:
        with pytest.raises(TypeError):
            render_canonical({"value": value, "at": datetime(2026, 3, 1, tzinfo=UTC)})

    def test_is_hashed_as_anyone_would_hash_it(self) -> None:
        assert hash_canonical('{"ü":1}') == hashlib.sha256('{"ü":1}'.encode()).hexdigest()
        assert hash_canonical("{}", salt=b"salt") == hashlib.sha256(b"salt{}").hexdigest()
