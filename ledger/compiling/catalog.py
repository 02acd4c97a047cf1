"""What of the graph lies in the ledger: for each of its types the record, and for each field where its value is."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from ledger.relations import Linked, Relation, ToMany


class Form(Enum):
    """How a leaf is written in JSON."""

    TEXT = auto()
    """A string, escaped."""
    PLAIN = auto()
    """A string that needs no escapes, such as an id, a name of a closed list, or digits."""
    BARE = auto()
    """A number or a truth value, without quotes."""
    TIME = auto()
    """RFC 3339 in UTC, without trailing zeros."""
    BASE64 = auto()
    """Bytes as base64 with padding."""
    TEXTS = auto()
    """A list of strings."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """A field that shows a field of the record. is_required: null would be an error."""

    name: str
    form: Form
    is_required: bool


@dataclass(frozen=True, slots=True)
class Branch:
    """A field that leads to other records, from the value of this record's field `by`."""

    relation: Relation[Any]
    by: str
    type_name: str
    is_required: bool

    @property
    def is_list(self) -> bool:
        """Whether it leads to any number of records."""
        return isinstance(self.relation, ToMany)


@dataclass(frozen=True, slots=True)
class Part:
    """A field whose object shows other fields of the same record; null if all of those in `given` are."""

    type_name: str
    fields: Mapping[str, Leaf]
    given: tuple[str, ...]
    is_required: bool


@dataclass(frozen=True, slots=True)
class Pages:
    """A field that leads to pages of the records that others link with this one's field `by`."""

    relation: Linked[Any]
    by: str
    type_name: str
    node_type: str
    is_required: bool


Shown = Leaf | Branch | Part | Pages


@dataclass(frozen=True, slots=True)
class Shape:
    """A type of the graph that shows a record. Fields that are missing here are none of the ledger's records."""

    record: type[Any]
    fields: Mapping[str, Shown]


Catalog = Mapping[str, Shape]
