"""Rows become records: every field of every record, as the record's own constructor would set it."""

from dataclasses import FrozenInstanceError, fields

import pytest

import ledger.tables  # noqa: F401 - it declares every record
from ledger.orders.states import OrderState
from ledger.orders.table import BlockOrder
from ledger.storage.records import _declarations, declaration_of, reader_of
from ledger.vocabulary import HoldReason

RECORDS = sorted(_declarations, key=lambda record: record.__name__)


def made_of(record: type) -> tuple[tuple[str, ...], tuple[object, ...], dict[str, object]]:
    """Columns and values of a row that holds what is in no other, and what its record then has."""
    members = declaration_of(record).members
    names = (*members, "unrelated")
    row = tuple(None if member.convert else object() for member in members.values())
    return names, (*row, object()), dict(zip(members, row, strict=True))


class TestReader:
    @pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.__name__)
    def test_makes_what_the_constructor_makes(self, record: type):
        names, row, expected = made_of(record)
        read = reader_of(record, names)(row)
        assert type(read) is record
        assert read == record(**expected)
        with pytest.raises(FrozenInstanceError):
            setattr(read, fields(record)[0].name, None)

    def test_converts_what_the_driver_returns_and_leaves_out_what_a_row_lacks(self):
        read = reader_of(BlockOrder, ("state", "hold_reasons", "id"))(("ISSUED", ["BURST"], "an id"))
        assert read.state is OrderState.ISSUED
        assert read.hold_reasons == (HoldReason.BURST,)
        assert (read.id, read.summary) == ("an id", None)
