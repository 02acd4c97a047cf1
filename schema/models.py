"""Converts the ledger's dataclasses to types of the graph, and inputs to the ledger's drafts, by equal field names."""

import dataclasses
from collections.abc import Mapping
from operator import attrgetter
from typing import Any, Generic, Self, TypeVar

from strawberry import UNSET

T = TypeVar("T")
R = TypeVar("R")


class Shown(Generic[R]):
    """A type of the graph that shows a record of the ledger: plain fields read the record's field of the same name."""

    row: R

    @classmethod
    def of(cls, row: R) -> Self:
        """Wrap a record in its type of the graph."""
        shown = cls.__new__(cls)
        shown.row = row
        return shown

    def __getattr__(self, name: str) -> Any:
        """Read a field that has no resolver from the record; from then on the class reads it without this method."""
        if name == "row" or name.startswith("__"):
            raise AttributeError(name)
        value = getattr(self.row, name)
        setattr(type(self), name, property(attrgetter(f"row.{name}")))
        return value


_shared_names: dict[tuple[Any, Any], tuple[str, ...]] = {}


def _list_shared_names(kind: Any, model_kind: Any) -> tuple[str, ...]:
    names = _shared_names.get((kind, model_kind))
    if names is None:
        held = {field.name for field in dataclasses.fields(model_kind)}
        names = tuple(field.name for field in dataclasses.fields(kind) if field.init and field.name in held)
        _shared_names[kind, model_kind] = names
    return names


def copy_model(kind: type[T], model: Any, **others: Any) -> T:
    """Create an object of the graph from the fields that it shares with the ledger's object, and the others given."""
    values = {name: getattr(model, name) for name in _list_shared_names(kind, type(model))}
    return kind(**(values | others))


def given(value: Any, *, without: tuple[str, ...] = ()) -> dict[str, Any]:
    """The non-null fields that the client set in an input, by name; the others keep the draft's defaults."""
    held = {field.name: getattr(value, field.name) for field in dataclasses.fields(value) if field.name not in without}
    return {name: item for name, item in held.items() if item is not UNSET and item is not None}


def given_filter(value: Any) -> Mapping[str, Any]:
    """As given, for a filter that may be absent itself; lists become tuples."""
    if value is UNSET or value is None:
        return {}
    return {name: tuple(item) if isinstance(item, list) else item for name, item in given(value).items()}


def optional(value: T) -> T | None:
    """The value of an argument, or None if it is absent."""
    return None if value is UNSET else value
