"""Which nodes of the Merkle tree are stored, and which of them a root, a proof or new nodes are computed from. Pure.

A node is a perfect subtree, identified by level and index: it covers the leaves from index << level to
(index + 1) << level, exclusive; leaf i is the feed's entry at position i + 1. The leaf hashes (level 0) and the nodes
of every eighth level are stored, each once it is complete; any other hash is computed from at most 128 of them. So a
proof is first planned, which lists what to load in one statement, and then resolved. Stored nodes never change:
whatever a plan needs was already complete at the size that it is for.

Source: RFC 9162 section 2.1 (roots and proofs); ADR 0050 (what is stored).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from ledger.feed.merkle import count_trailing_zeros, fold_peaks, hash_children

STORED_LEVEL_STEP = 8
BLOCK_NODES = 1 << STORED_LEVEL_STEP
"""The number of nodes of one stored level that form one node of the next."""

Node: TypeAlias = tuple[int, int]
"""Level and index."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeRange:
    """Adjacent stored nodes at one level, from first to last inclusive, all within one block of 256."""

    level: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class RootPlan:
    """How to compute a tree's root: from its perfect subtrees, left to right."""

    subtrees: tuple[Node, ...]

    @property
    def ranges(self) -> tuple[NodeRange, ...]:
        """What to load: one range of at most 255 nodes per stored level."""
        return _list_ranges(self.subtrees)

    def resolve(self, nodes: Mapping[Node, bytes]) -> bytes:
        """The root, from the nodes of the ranges by (level, index). Errors: KeyError if one is missing."""
        return fold_peaks(self.resolve_peaks(nodes))

    def resolve_peaks(self, nodes: Mapping[Node, bytes]) -> list[bytes]:
        """The hashes of the perfect subtrees, left to right. Errors: KeyError if a node is missing."""
        return [_hash_subtree(subtree, nodes) for subtree in self.subtrees]


@dataclass(frozen=True, slots=True)
class ProofPlan:
    """How to compute each hash of a proof, in the proof's order: from perfect subtrees, left to right."""

    spans: tuple[tuple[Node, ...], ...]

    @property
    def ranges(self) -> tuple[NodeRange, ...]:
        """What to load: at most two ranges of at most 256 nodes per stored level.

        One is around the path, one at the tree's right edge. Up to 2**24 (16.7 million) entries there are three
        levels, so at most 6 ranges and 1,536 nodes.
        """
        return _list_ranges(subtree for span in self.spans for subtree in span)

    def resolve(self, nodes: Mapping[Node, bytes]) -> list[bytes]:
        """The proof, from the nodes of the ranges by (level, index). Errors: KeyError if one is missing."""
        return [fold_peaks([_hash_subtree(subtree, nodes) for subtree in span]) for span in self.spans]


def plan_root(size: int) -> RootPlan:
    """How to compute the root of the tree of a given size (section 2.1.1). Errors: ValueError if size is negative."""
    if size < 0:
        raise ValueError("A tree's size is 0 or more.")
    return RootPlan(_split(0, size))


def plan_inclusion(*, index: int, size: int) -> ProofPlan:
    """How to build the proof that a leaf is in the tree of a given size (section 2.1.3.1).

    Errors: ValueError if the tree of that size has no such leaf.
    """
    if not 0 <= index < size:
        raise ValueError("The leaf is outside the tree.")
    return ProofPlan(_list_siblings((0, index), size))


def plan_consistency(*, first_size: int, second_size: int) -> ProofPlan:
    """How to build the proof that the tree of the second size begins with the tree of the first (section 2.1.4.1).

    It is the path of the first tree's last perfect subtree, preceded by that subtree unless it is the whole first tree.
    Errors: ValueError if the first size is negative or greater than the second.
    """
    if not 0 <= first_size <= second_size:
        raise ValueError("The first size must be between 0 and the second.")
    if first_size in {0, second_size}:
        return ProofPlan(())
    level = count_trailing_zeros(first_size)
    index = (first_size >> level) - 1
    own = (((level, index),),) if index else ()
    return ProofPlan(own + _list_siblings((level, index), second_size))


@dataclass(frozen=True, slots=True, kw_only=True)
class GrowthPlan:
    """Which nodes to store after the tree has grown, lower levels first, and what they are computed from.

    The ranges are the children that were stored before: at most one range of at most 255 nodes per level.
    """

    complete: tuple[Node, ...]
    ranges: tuple[NodeRange, ...]

    def resolve(self, nodes: Mapping[Node, bytes]) -> dict[Node, bytes]:
        """The hashes of the complete nodes, from the nodes of the ranges and the new leaf hashes (level 0).

        Errors: KeyError if one is missing.
        """
        known = dict(nodes)
        for level, index in self.complete:
            first = index * BLOCK_NODES
            children = [known[level - STORED_LEVEL_STEP, child] for child in range(first, first + BLOCK_NODES)]
            known[level, index] = _hash_row(children)
        return {node: known[node] for node in self.complete}


def complete_nodes(*, size_before: int, size_after: int) -> GrowthPlan:
    """What to store of a tree that grew, in addition to its leaves. Errors: ValueError if the size shrinks."""
    if not 0 <= size_before <= size_after:
        raise ValueError("A tree never shrinks.")
    complete: list[Node] = []
    ranges: list[NodeRange] = []
    for level in range(STORED_LEVEL_STEP, size_after.bit_length(), STORED_LEVEL_STEP):
        first, end = size_before >> level, size_after >> level
        complete.extend((level, index) for index in range(first, end))
        children = level - STORED_LEVEL_STEP
        child, last_child = first * BLOCK_NODES, (size_before >> children) - 1
        if first < end and child <= last_child:
            ranges.append(NodeRange(level=children, first=child, last=last_child))
    return GrowthPlan(complete=tuple(complete), ranges=tuple(ranges))


def count_before_node(size: int) -> int:
    """How many leaves a tree of this size can take in before one completes a stored node."""
    return BLOCK_NODES - 1 - size % BLOCK_NODES


def _list_siblings(subtree: Node, size: int) -> tuple[tuple[Node, ...], ...]:
    """The siblings of a subtree and of each of its ancestors, bottom up; one at the right edge may be imperfect."""
    level, index = subtree
    spans = []
    while 1 << level < size:
        start = (index ^ 1) << level
        if start < size:
            spans.append(_split(start, min(start + (1 << level), size)))
        level, index = level + 1, index >> 1
    return tuple(spans)


def _split(start: int, end: int) -> tuple[Node, ...]:
    """The perfect subtrees over the leaves from start to end, exclusive; start is aligned to the largest of them."""
    subtrees = []
    while start < end:
        level = (end - start).bit_length() - 1
        subtrees.append((level, start >> level))
        start += 1 << level
    return tuple(subtrees)


def _list_ranges(subtrees: Iterable[Node]) -> tuple[NodeRange, ...]:
    """The stored nodes that the subtrees are computed from, as one range per block of 256."""
    bounds: dict[tuple[int, int], tuple[int, int]] = {}
    for subtree in subtrees:
        level, first, last = _locate(subtree)
        block = (level, first // BLOCK_NODES)
        lowest, highest = bounds.get(block, (first, last))
        bounds[block] = (min(lowest, first), max(highest, last))
    return tuple(NodeRange(level=level, first=first, last=last) for (level, _), (first, last) in sorted(bounds.items()))


def _locate(subtree: Node) -> tuple[int, int, int]:
    """The stored level at or below a subtree, and the first and last node there that it covers."""
    level, index = subtree
    height = level % STORED_LEVEL_STEP
    first = index << height
    return level - height, first, first + (1 << height) - 1


def _hash_subtree(subtree: Node, nodes: Mapping[Node, bytes]) -> bytes:
    level, first, last = _locate(subtree)
    return _hash_row([nodes[level, index] for index in range(first, last + 1)])


def _hash_row(row: list[bytes]) -> bytes:
    """The hash above adjacent nodes, whose number is a power of 2."""
    while len(row) > 1:
        row = [hash_children(left, right) for left, right in zip(row[::2], row[1::2], strict=True)]
    return row[0]
