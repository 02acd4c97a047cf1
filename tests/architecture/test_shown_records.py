"""A type of the graph over a record has no field that its record lacks: what isn't resolved is read from the record."""

import dataclasses
import typing
from collections.abc import Iterator

import pytest

from schema.graph import schema
from schema.models import Shown


def list_shown(kind: type = Shown) -> Iterator[type]:
    for shown in kind.__subclasses__():
        if shown.__module__.startswith("schema."):
            yield shown
            yield from list_shown(shown)


def record_of(shown: type) -> type:
    """The record that a type is declared over."""
    for kind in shown.__mro__:
        for base in getattr(kind, "__orig_bases__", ()):
            if typing.get_origin(base) is Shown:
                return typing.get_args(base)[0]
    raise AssertionError(f"{shown.__name__} names no record.")


@pytest.mark.parametrize("shown", sorted(list_shown(), key=lambda shown: shown.__name__), ids=lambda s: s.__name__)
class TestShownType:
    def test_reads_every_plain_field_from_its_record(self, shown: type) -> None:
        assert schema is not None  # importing it has declared them all
        plain = {field.python_name for field in shown.__strawberry_definition__.fields if field.base_resolver is None}
        assert plain <= {field.name for field in dataclasses.fields(record_of(shown))}
