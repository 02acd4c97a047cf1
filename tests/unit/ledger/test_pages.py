"""What a cursor holds is checked before it reaches the database, which would fail on it."""

import base64
import json

import pytest
from sqlalchemy import BigInteger, Column, DateTime, Integer, Text, Uuid

from ledger.errors import CursorInvalidError
from ledger.pages import decode_cursor, rows_after

IDENTIFIER = "0190b8a0-1111-7222-8333-123456789012"
COLUMNS = {
    "integer": Column("integer", Integer(), nullable=False),
    "big": Column("big", BigInteger(), nullable=False),
    "moment": Column("moment", DateTime(timezone=True), nullable=False),
    "text": Column("text", Text(), nullable=False),
    "id": Column("id", Uuid(as_uuid=False), nullable=False),
}


class TestCursor:
    @pytest.mark.parametrize(
        ("column", "value"),
        [
            ("integer", 2**31 - 1),
            ("integer", -7),
            ("big", 2**63 - 1),
            ("moment", "9999-12-31T23:59:59.999999+00:00"),
            ("moment", "0001-01-01T00:00:00+00:00"),
            ("text", "telkomsel"),
            ("id", IDENTIFIER),
        ],
    )
    def test_of_a_value_that_the_column_can_hold_is_taken(self, column: str, value: object) -> None:
        assert rows_after([(COLUMNS[column], False)], [value]) is not None

    @pytest.mark.parametrize(
        ("column", "value"),
        [
            ("integer", 2**31),
            ("integer", -(2**31) - 1),
            ("integer", 1e400),
            ("integer", True),
            ("integer", "7"),
            ("big", 2**63),
            ("big", 2**64 - 1),
            ("big", 1.0),
            ("moment", "9999-12-31T23:59:59-00:01"),
            ("moment", "0001-01-01T00:00:00+00:01"),
            ("moment", "2026-11-28T00:00:00"),
            ("moment", "2026-W48"),
            ("moment", 7),
            ("text", "tel\x00komsel"),
            ("text", None),
            ("id", "9" * 36),
            ("id", 7),
        ],
    )
    def test_made_up_with_a_value_that_it_can_not_hold_is_refused(self, column: str, value: object) -> None:
        with pytest.raises(CursorInvalidError):
            rows_after([(COLUMNS[column], False)], [value])

    @pytest.mark.parametrize("number", ["9" * 4_301, "1e400", "-1e400", "NaN", "Infinity"])
    def test_made_up_with_a_number_that_none_can_be_is_refused(self, number: str) -> None:
        cursor = base64.urlsafe_b64encode(f'["list",{number}]'.encode()).decode().rstrip("=")
        with pytest.raises(CursorInvalidError):
            rows_after([(COLUMNS["big"], False)], decode_cursor("list", cursor, length=1))

    def test_of_another_list_is_refused(self) -> None:
        cursor = base64.urlsafe_b64encode(json.dumps(["another", 7]).encode()).decode()
        with pytest.raises(CursorInvalidError):
            decode_cursor("list", cursor, length=1)
