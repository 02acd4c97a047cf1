"""A copy with some fields changed is what `dataclasses.replace` makes, of every record and draft."""

import dataclasses
from dataclasses import FrozenInstanceError, dataclass, fields

import pytest

import ledger.tables  # noqa: F401 - declares the records
from ledger import copies
from ledger.complaints.drafts import ComplaintDraft
from ledger.feed.events import EventDraft
from ledger.feed.vocabulary import EventKind, Subject
from ledger.orders.table import BlockOrder
from ledger.storage.metadata import metadata

RECORDS = [table.info["record"] for table in metadata.tables.values() if "record" in table.info]


def filled(kind):
    return kind(**{field.name: f"the {field.name}" for field in fields(kind)})


@pytest.mark.parametrize("kind", [*RECORDS, ComplaintDraft], ids=lambda kind: kind.__name__)
def test_changes_each_field_and_nothing_else(kind):
    present = filled(kind)
    assert copies.replace(present) == present
    for field in fields(kind):
        changed = {field.name: "another"}
        copied = copies.replace(present, **changed)
        assert (type(copied), copied) == (kind, dataclasses.replace(present, **changed))
    assert present == filled(kind)


def test_is_as_frozen_as_what_was_copied():
    copied = copies.replace(filled(BlockOrder), version=2)
    with pytest.raises(FrozenInstanceError):
        copied.version = 3
    assert not hasattr(copied, "__dict__")


def test_has_no_field_that_the_class_has_not():
    with pytest.raises(AttributeError):
        copies.replace(filled(BlockOrder), colour="red")


def test_is_not_made_of_a_class_that_checks_what_it_is_made_of():
    draft = EventDraft(kind=EventKind.ORDER_DRAFTED, subject=Subject.BLOCK_ORDER, subject_id="1")
    with pytest.raises(TypeError, match="EventDraft"):
        copies.replace(draft, subject_id="2")


def test_is_not_made_of_a_class_without_slots():
    @dataclass(frozen=True)
    class Loose:
        name: str

    with pytest.raises(TypeError, match="Loose"):
        copies.replace(Loose("a"), name="b")
