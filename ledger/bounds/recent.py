"""A bounded cache of the most recently used values. It must not know what it stores."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Recent(Generic[K, V]):
    """At most entries_max values; the least recently used is dropped first. Owned by one event loop."""

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
        """Drop the value kept for a key, if there is one."""
        self._entries.pop(key, None)

    def keep(self, key: K, value: V) -> None:
        """Keep a value, and drop the least recently used ones if there is no room."""
        if self.entries_max <= 0:
            return
        self._entries[key] = value
        self._entries.move_to_end(key)
        while len(self._entries) > self.entries_max:
            self._entries.popitem(last=False)
