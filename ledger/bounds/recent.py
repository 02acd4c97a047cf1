"""A bounded memory of the most recently used values. Nothing here knows what it keeps."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Recent(Generic[K, V]):
    """At most entries_max values; the one unused for longest goes first. Owned by one event loop."""

    def __init__(self, entries_max: int) -> None:
        """Keep at most entries_max values; 0 keeps none."""
        self.entries_max = entries_max
        self._entries: OrderedDict[K, V] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def find(self, key: K) -> V | None:
        """The value kept for a key, or None."""
        value = self._entries.get(key)
        if value is not None:
            self._entries.move_to_end(key)
        return value

    def forget(self, key: K) -> None:
        """Let go of what is kept for a key, if anything is."""
        self._entries.pop(key, None)

    def keep(self, key: K, value: V) -> None:
        """Keep a value, and let go of the oldest where there is no room."""
        if self.entries_max <= 0:
            return
        self._entries[key] = value
        self._entries.move_to_end(key)
        while len(self._entries) > self.entries_max:
            self._entries.popitem(last=False)
