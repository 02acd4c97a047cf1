"""Processes of the released version run on this version's schema while an installation is upgraded (ADR 0122)."""

import copy
import json

import pytest

from migrations.released import RELEASED, describe_schema
from tests.support.additions import find_breaks

HOW = (
    "Add first, and remove in the release after the one that stopped using it. "
    "A version is released by `python -m migrations.released`."
)


@pytest.fixture
def present():
    return copy.deepcopy(describe_schema())


HARMLESS = [
    # It reads a contribution by the reference that a member sends it with a number, and tells one without a number from
    # it: CONTRIBUTION_CONFLICT. Nothing else of it reads these columns but by comparing them, which NULL passes.
    "signal_contributions.e164: TEXT has become TEXT NULL",
    "signal_contributions.epoch: INTEGER has become INTEGER NULL",
]
"""What breaks the rule, each with the reason why the released version runs on it all the same."""


class TestTheSchema:
    def test_only_adds_to_that_of_the_released_version(self) -> None:
        assert find_breaks(json.loads(RELEASED.read_text()), describe_schema()) == HARMLESS, HOW


class TestFindingBreaks:
    """The rule itself, on a schema that was changed by one thing."""

    def test_takes_what_is_added(self, present):
        orders = present["block_orders"]
        orders["columns"] |= {"note": "TEXT NULL", "count": "INTEGER DEFAULT"}
        orders["rules"]["ck_block_orders_count"] = "CHECK count >= 0"
        known = orders["rules"]["ck_block_orders_state_known"]
        orders["rules"]["ck_block_orders_state_known"] = known.replace("'DRAFT'", "'DRAFT', 'PAUSED'")
        orders["rights"]["agency SELECT"] = "id"
        key = orders["rules"].pop("uq_block_orders_open_number")
        turned = key.replace("block_orders.e164, block_orders.epoch", "block_orders.epoch, block_orders.e164")
        assert turned != key
        orders["rules"]["uq_block_orders_turned"] = turned
        present["another"] = orders
        assert find_breaks(describe_schema(), present) == []

    @pytest.mark.parametrize(
        ("part", "name", "value", "told"),
        [
            ("columns", "e164", None, ".e164: the column is gone"),
            ("columns", "version", "BIGINT DEFAULT", ".version: INTEGER DEFAULT has become BIGINT DEFAULT"),
            ("columns", "version", "INTEGER", ".version: INTEGER DEFAULT has become INTEGER"),
            ("columns", "end_note", "TEXT", ".end_note: TEXT NULL has become TEXT"),
            ("columns", "summary", "TEXT NULL", ".summary: TEXT has become TEXT NULL"),
            ("columns", "must", "TEXT", ".must: it is required, and the released version doesn't write it"),
            ("rules", "ck_new", "CHECK e164 <> ''", ": ck_new may refuse what the released version writes"),
            (
                "rules",
                "ck_block_orders_state_known",
                "CHECK state IN ('DRAFT', 'ISSUED')",
                ": ck_block_orders_state_known may refuse what the released version writes",
            ),
            ("rules", "pk_block_orders", None, ": UNIQUE (id) is gone, which ON CONFLICT may name"),
            ("rights", "retention SELECT", "e164", ": retention SELECT no longer has id"),
        ],
    )
    def test_names_what_would_break(self, present, part, name, value, told):
        holder = present["block_orders"][part]
        holder.pop(name, None)
        if value is not None:
            holder[name] = value
        assert find_breaks(describe_schema(), present) == [f"block_orders{told}"]

    def test_names_a_table_that_is_gone(self, present):
        del present["block_orders"]
        assert find_breaks(describe_schema(), present) == ["block_orders: the table is gone"]
