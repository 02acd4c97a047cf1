"""The tree as the RFC's own recursive definitions have it, to compare with; it shares no code with ours."""

import hashlib
from functools import cache


class NaiveTree:
    """RFC 9162 sections 2.1.1 (root), 2.1.3.1 (inclusion proof), 2.1.4.1 (consistency proof), word for word."""

    def __init__(self, leaf_hashes):
        self.leaf_hashes = leaf_hashes
        self.root_of = cache(self._root_of)

    def root(self, size):
        return self.root_of(0, size)

    def _root_of(self, start, end):
        if start == end:
            return hashlib.sha256().digest()
        if end - start == 1:
            return self.leaf_hashes[start]
        middle = start + largest_power_below(end - start)
        return hashlib.sha256(b"\x01" + self.root_of(start, middle) + self.root_of(middle, end)).digest()

    def prove_inclusion(self, index, size):
        return self._path(index, 0, size)

    def _path(self, index, start, end):
        if end - start == 1:
            return []
        middle = start + largest_power_below(end - start)
        if index < middle:
            return [*self._path(index, start, middle), self.root_of(middle, end)]
        return [*self._path(index, middle, end), self.root_of(start, middle)]

    def prove_consistency(self, first, second):
        return self._subproof(first, 0, second, known=True) if first else []

    def _subproof(self, first, start, end, *, known):
        if first == end:
            return [] if known else [self.root_of(start, end)]
        middle = start + largest_power_below(end - start)
        if first <= middle:
            return [*self._subproof(first, start, middle, known=known), self.root_of(middle, end)]
        return [*self._subproof(first, middle, end, known=False), self.root_of(start, middle)]


def largest_power_below(number):
    power = 1
    while power * 2 < number:
        power *= 2
    return power
