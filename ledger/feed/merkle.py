"""The Merkle tree over the feed, as a member or an auditor sees it: hashes, roots, and verification of proofs. Pure.

Leaf i is the feed's entry at position i + 1. Verifying any input as a proof returns a verdict and never raises. This
module must not depend on how the tree is stored; see tree_plans.py.

Source: RFC 9162 section 2.1 (the hashes are those of RFC 6962 section 2.1).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256

HASH_BYTES = 32
EMPTY_ROOT = sha256(b"").digest()


def hash_leaf(data: bytes) -> bytes:
    """The hash of an entry's bytes (section 2.1.1)."""
    return sha256(b"\x00" + data).digest()


def hash_children(left: bytes, right: bytes) -> bytes:
    """The hash of the parent of two nodes (section 2.1.1)."""
    return sha256(b"\x01" + left + right).digest()


def fold_peaks(peaks: Sequence[bytes]) -> bytes:
    """The root over the hashes of perfect subtrees, which get smaller from left to right (section 2.1.1)."""
    if not peaks:
        return EMPTY_ROOT
    root = peaks[-1]
    for left in reversed(peaks[:-1]):
        root = hash_children(left, root)
    return root


class GrowingTree:
    """An append-only tree that gives its root at every size while holding one hash per level in memory."""

    def __init__(self) -> None:
        """Create an empty tree."""
        self._peaks: list[bytes] = []
        self._size = 0

    @classmethod
    def resume(cls, peaks: Sequence[bytes], *, size: int) -> "GrowingTree":
        """The tree of that size, from the hashes of its perfect subtrees, left to right.

        Errors: ValueError if a tree of that size has a different number of them.
        """
        if size < 0 or len(peaks) != size.bit_count():
            raise ValueError("A tree has one perfect subtree for each bit that is set in its size.")
        tree = cls()
        tree._peaks, tree._size = list(peaks), size
        return tree

    @property
    def size(self) -> int:
        """The number of leaves."""
        return self._size

    def append(self, leaf_hash: bytes) -> None:
        """Add the next leaf, and merge the subtrees that it makes perfect into one hash."""
        peak, size = leaf_hash, self._size
        while size & 1:
            peak = hash_children(self._peaks.pop(), peak)
            size >>= 1
        self._peaks.append(peak)
        self._size += 1

    def list_peaks(self) -> list[bytes]:
        """The hashes of its perfect subtrees, left to right, from which resume continues."""
        return list(self._peaks)

    def compute_root(self) -> bytes:
        """The root at the present size."""
        return fold_peaks(self._peaks)


def compute_root(leaf_hashes: Iterable[bytes]) -> bytes:
    """The root over leaf hashes."""
    tree = GrowingTree()
    for leaf_hash in leaf_hashes:
        tree.append(leaf_hash)
    return tree.compute_root()


class ProofFault(StrEnum):
    """Why a proof is invalid. Each is a stable code."""

    MALFORMED = "PROOF_MALFORMED"
    RANGE = "PROOF_OUT_OF_RANGE"
    LENGTH = "PROOF_LENGTH_WRONG"
    ROOT = "PROOF_ROOT_MISMATCH"
    FIRST_ROOT = "PROOF_FIRST_ROOT_MISMATCH"
    SECOND_ROOT = "PROOF_SECOND_ROOT_MISMATCH"


@dataclass(frozen=True, slots=True)
class Success:
    """The proof is valid."""

    def __bool__(self) -> bool:
        return True


@dataclass(frozen=True, slots=True)
class Failure:
    """The proof is invalid."""

    reason: ProofFault

    def __bool__(self) -> bool:
        return False


Verdict = Success | Failure


def verify_inclusion(*, leaf_hash: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> Verdict:
    """Verify that the leaf is at the index in the tree of that size and root.

    Size and root must come from the same signed checkpoint: a root alone does not determine the size.
    Source: RFC 9162 section 2.1.3.2.
    """
    if not 0 <= index < size:
        return Failure(ProofFault.RANGE)
    if not _are_hashes(leaf_hash, root, *proof):
        return Failure(ProofFault.MALFORMED)
    sides = _list_sides(index, last=size - 1)
    if len(proof) != len(sides):
        return Failure(ProofFault.LENGTH)
    computed = leaf_hash
    for sibling, is_left in zip(proof, sides, strict=True):
        computed = hash_children(sibling, computed) if is_left else hash_children(computed, sibling)
    return Success() if computed == root else Failure(ProofFault.ROOT)


def verify_consistency(
    *, first_size: int, first_root: bytes, second_size: int, second_root: bytes, proof: Sequence[bytes]
) -> Verdict:
    """Verify that the second tree begins with all leaves of the first, unchanged.

    Each size and its root must come from the same signed checkpoint. The RFC does not cover an empty first tree or
    trees of equal size; here, the proof must be empty for both.
    Source: RFC 9162 section 2.1.4.2.
    """
    if not 0 <= first_size <= second_size:
        return Failure(ProofFault.RANGE)
    if not _are_hashes(first_root, second_root, *proof):
        return Failure(ProofFault.MALFORMED)
    if first_size in {0, second_size}:
        return _judge_without_proof(first_size, first_root, second_root if first_size == second_size else None, proof)
    # A perfect first tree is itself the first node of the path, so the proof omits it.
    path = proof if first_size & (first_size - 1) else [first_root, *proof]
    height = count_trailing_zeros(first_size)
    sides = _list_sides((first_size - 1) >> height, last=(second_size - 1) >> height)
    if len(path) != len(sides) + 1:
        return Failure(ProofFault.LENGTH)
    first = second = path[0]
    for sibling, is_left in zip(path[1:], sides, strict=True):
        first = hash_children(sibling, first) if is_left else first
        second = hash_children(sibling, second) if is_left else hash_children(second, sibling)
    if first != first_root:
        return Failure(ProofFault.FIRST_ROOT)
    return Success() if second == second_root else Failure(ProofFault.SECOND_ROOT)


def _judge_without_proof(
    first_size: int, first_root: bytes, equal_root: bytes | None, proof: Sequence[bytes]
) -> Verdict:
    if proof:
        return Failure(ProofFault.LENGTH)
    if first_size == 0 and first_root != EMPTY_ROOT:
        return Failure(ProofFault.FIRST_ROOT)
    return Success() if equal_root in {None, first_root} else Failure(ProofFault.SECOND_ROOT)


def _list_sides(place: int, *, last: int) -> list[bool]:
    """For each hash of a path, bottom up, whether it is to the left of the hash computed so far.

    place and last are the RFC's fn and sn: a node's index at its level, and the last index there. A last node without
    a sibling moves up unchanged and adds nothing to the path.
    """
    sides = []
    while last:
        if place == last:
            height = count_trailing_zeros(place)
            place, last = place >> height, last >> height
        sides.append(bool(place & 1))
        place, last = place >> 1, last >> 1
    return sides


def count_trailing_zeros(number: int) -> int:
    """The level of the largest perfect subtree that ends at this number of leaves, which is 1 or more."""
    return (number & -number).bit_length() - 1


def _are_hashes(*values: bytes) -> bool:
    return all(len(value) == HASH_BYTES for value in values)
