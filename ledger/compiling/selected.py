"""A selection as the compiler takes it: merged, for concrete types, with skip and include applied."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Selected:
    """One response key of a selection.

    Shapes: members holds, for each concrete type that the field may return, what is selected of it. path holds the
    response keys down to this one. node is the operation's own, for the arguments of a root field. first is how many
    items its arguments ask for, where they ask for a first page in so many words, or for nothing; otherwise None.
    """

    key: str
    name: str
    parent: str
    path: tuple[str, ...]
    members: Mapping[str, tuple["Selected", ...]]
    node: Any = None
    first: int | None = None
