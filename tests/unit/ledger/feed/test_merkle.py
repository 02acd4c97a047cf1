"""Hashes, roots and proofs, by the published vectors and beside the RFC's recursive definitions."""

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.feed.merkle import (
    EMPTY_ROOT,
    Failure,
    GrowingTree,
    ProofFault,
    Success,
    compute_root,
    hash_children,
    hash_leaf,
    verify_consistency,
    verify_inclusion,
)
from tests.support.naive_tree import NaiveTree

# The eight entries and the roots of their first n that the reference implementations of RFC 6962 are tested with.
ENTRIES = [
    bytes.fromhex(entry)
    for entry in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
ROOTS = [
    bytes.fromhex(root)
    for root in (
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    )
]
# Parts of those trees, by the leaves that they cover.
LEAF_0, LEAVES_0_1, LEAVES_0_3 = ROOTS[1], ROOTS[2], ROOTS[4]
LEAF_1, LEAF_4, LEAF_6, LEAVES_2_3, LEAVES_4_5, LEAVES_6_7, LEAVES_4_7 = (
    bytes.fromhex(node)
    for node in (
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "b08693ec2e721597130641e8211e7eedccb4c26413963eee6c1e2ed16ffb1a5f",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    )
)
INCLUSION_PROOFS = [
    (0, 1, []),
    (0, 8, [LEAF_1, LEAVES_2_3, LEAVES_4_7]),
    (5, 8, [LEAF_4, LEAVES_6_7, LEAVES_0_3]),
    (2, 3, [LEAVES_0_1]),
    (1, 5, [LEAF_0, LEAVES_2_3, LEAF_4]),
]
CONSISTENCY_PROOFS = [
    (1, 1, []),
    (1, 8, [LEAF_1, LEAVES_2_3, LEAVES_4_7]),
    (6, 8, [LEAVES_4_5, LEAVES_6_7, LEAVES_0_3]),
    (2, 5, [LEAVES_2_3, LEAF_4]),
    (6, 7, [LEAVES_4_5, LEAF_6, LEAVES_0_3]),
]

TREE = NaiveTree([hash_leaf(str(index).encode()) for index in range(600)])
SIZES = st.integers(1, 600) | st.sampled_from([255, 256, 257, 511, 512, 513])
OTHER_HASH = hashlib.sha256(b"of nothing in the tree").digest()


@st.composite
def inclusions(draw):
    size = draw(SIZES)
    return draw(st.integers(0, size - 1)), size


@st.composite
def growths(draw):
    second = draw(SIZES)
    return draw(st.integers(1, second)), second


def judge_inclusion(index, size, /, **changes):
    claim = {
        "leaf_hash": TREE.leaf_hashes[index],
        "index": index,
        "size": size,
        "proof": TREE.prove_inclusion(index, size),
        "root": TREE.root(size),
    }
    return verify_inclusion(**claim | changes)


def judge_consistency(first, second, /, **changes):
    claim = {
        "first_size": first,
        "first_root": TREE.root(first),
        "second_size": second,
        "second_root": TREE.root(second),
        "proof": TREE.prove_consistency(first, second),
    }
    return verify_consistency(**claim | changes)


def flip(data, at):
    return bytes(byte ^ (1 if place == at else 0) for place, byte in enumerate(data))


def spoil(proof):
    """The proof with each of its bytes flipped in turn, one hash short, long, doubled, and out of order."""
    for place, part in enumerate(proof):
        yield from ([*proof[:place], flip(part, at), *proof[place + 1 :]] for at in range(0, 32, 5))
        yield proof[:place] + proof[place + 1 :]
        yield [*proof[:place], part, *proof[place:]]
        yield [*proof[:place], part[:-1], *proof[place + 1 :]]
        yield [*proof[:place], b"", *proof[place + 1 :]]
    yield [*proof, OTHER_HASH]
    yield [OTHER_HASH, *proof]
    if len(proof) > 1:
        yield proof[::-1]


class TestHashes:
    def test_are_those_of_the_published_vectors(self):
        assert hash_leaf(b"") == ROOTS[1]
        assert hash_leaf(b"\x10") != hash_children(b"", b"\x10")
        assert [compute_root(map(hash_leaf, ENTRIES[:size])) for size in range(9)] == ROOTS
        assert ROOTS[0] == EMPTY_ROOT

    def test_keep_an_entry_and_a_node_apart(self):
        left, right = hash_leaf(b"left"), hash_leaf(b"right")
        assert hash_leaf(left + right) != hash_children(left, right) != hash_children(right, left)


class TestGrowingTree:
    def test_gives_the_root_at_every_size_on_the_way(self):
        tree = GrowingTree()
        for size in range(601):
            assert (tree.size, tree.compute_root()) == (size, TREE.root(size))
            if size < 600:
                tree.append(TREE.leaf_hashes[size])

    def test_remembers_no_more_than_one_hash_a_level(self):
        tree = GrowingTree()
        for leaf_hash in TREE.leaf_hashes:
            tree.append(leaf_hash)
            assert len(tree._peaks) == tree.size.bit_count()


class TestVerifyInclusion:
    @pytest.mark.parametrize(("index", "size", "proof"), INCLUSION_PROOFS)
    def test_takes_the_published_proofs(self, index, size, proof):
        leaf_hash = hash_leaf(ENTRIES[index])
        assert verify_inclusion(leaf_hash=leaf_hash, index=index, size=size, proof=proof, root=ROOTS[size])
        assert NaiveTree(list(map(hash_leaf, ENTRIES))).prove_inclusion(index, size) == proof

    def test_takes_the_proof_of_every_leaf_of_every_small_tree(self):
        assert all(judge_inclusion(index, size) == Success() for size in range(1, 67) for index in range(size))

    @settings(deadline=None)
    @given(inclusions())
    def test_takes_no_proof_that_was_touched(self, place):
        index, size = place
        assert judge_inclusion(index, size)
        for proof in spoil(TREE.prove_inclusion(index, size)):
            assert not judge_inclusion(index, size, proof=proof)

    @settings(deadline=None)
    @given(inclusions(), st.integers(-1, 601), st.integers(-1, 600))
    def test_takes_it_for_no_other_place_size_leaf_or_root(self, place, other_index, other_size):
        index, size = place
        assert other_index == index or not judge_inclusion(index, size, index=other_index)
        if other_size != size:
            root = TREE.root(other_size) if other_size >= 0 else EMPTY_ROOT
            assert not judge_inclusion(index, size, size=other_size, root=root)
        assert not judge_inclusion(index, size, size=2 * size)
        assert judge_inclusion(index, size, leaf_hash=OTHER_HASH) == Failure(ProofFault.ROOT)
        assert judge_inclusion(index, size, root=flip(TREE.root(size), 31)) == Failure(ProofFault.ROOT)

    def test_says_why_it_takes_a_proof_not(self):
        proof = TREE.prove_inclusion(4, 7)
        assert judge_inclusion(4, 7, index=7).reason == ProofFault.RANGE
        assert judge_inclusion(4, 7, index=-1).reason == ProofFault.RANGE
        assert judge_inclusion(4, 7, proof=proof[:-1]).reason == ProofFault.LENGTH
        assert judge_inclusion(4, 7, leaf_hash=b"").reason == ProofFault.MALFORMED
        assert judge_inclusion(4, 7, root=b"").reason == ProofFault.MALFORMED
        assert judge_inclusion(4, 7, proof=[proof[0], proof[1], proof[2] + b"\0"]).reason == ProofFault.MALFORMED

    def test_an_inner_node_passed_off_as_a_leaf_is_not_in_the_tree(self):
        inner = TREE.root_of(0, 2)
        assert not judge_inclusion(0, 4, leaf_hash=inner, proof=[TREE.root_of(2, 4)])
        # As a leaf of a tree of half the size it would be, were that size not signed together with another root.
        assert judge_inclusion(0, 4, leaf_hash=inner, proof=[TREE.root_of(2, 4)], size=2)


class TestVerifyConsistency:
    @pytest.mark.parametrize(("first", "second", "proof"), CONSISTENCY_PROOFS)
    def test_takes_the_published_proofs(self, first, second, proof):
        assert verify_consistency(
            first_size=first, first_root=ROOTS[first], second_size=second, second_root=ROOTS[second], proof=proof
        )
        assert NaiveTree(list(map(hash_leaf, ENTRIES))).prove_consistency(first, second) == proof

    def test_takes_the_proof_between_every_two_small_trees(self):
        assert all(judge_consistency(first, second) == Success() for second in range(67) for first in range(second + 1))

    @settings(deadline=None)
    @given(growths())
    def test_takes_no_proof_that_was_touched(self, sizes):
        first, second = sizes
        assert judge_consistency(first, second)
        for proof in spoil(TREE.prove_consistency(first, second)):
            assert not judge_consistency(first, second, proof=proof)

    @settings(deadline=None)
    @given(growths(), st.integers(-1, 600), st.integers(-1, 600))
    def test_takes_it_between_no_other_trees(self, sizes, other_first, other_second):
        first, second = sizes
        if other_first not in {0, first}:  # every tree begins with the empty one
            root = TREE.root(other_first) if other_first >= 0 else EMPTY_ROOT
            assert not judge_consistency(first, second, first_size=other_first, first_root=root)
        if other_second != second:
            root = TREE.root(other_second) if other_second >= 0 else EMPTY_ROOT
            assert not judge_consistency(first, second, second_size=other_second, second_root=root)
        assert not judge_consistency(first, second, first_root=OTHER_HASH)
        assert judge_consistency(first, second, second_root=OTHER_HASH) == Failure(ProofFault.SECOND_ROOT)

    def test_rewritten_history_is_noticed_wherever_it_was_rewritten(self):
        for changed in range(300):
            leaf_hashes = [*TREE.leaf_hashes[:changed], OTHER_HASH, *TREE.leaf_hashes[changed + 1 :]]
            rewritten = NaiveTree(leaf_hashes)
            verdict = judge_consistency(
                300, 520, second_root=rewritten.root(520), proof=rewritten.prove_consistency(300, 520)
            )
            assert verdict == Failure(ProofFault.FIRST_ROOT)

    def test_says_why_it_takes_a_proof_not(self):
        proof = TREE.prove_consistency(6, 7)
        assert judge_consistency(6, 7, first_size=8).reason == ProofFault.RANGE
        assert judge_consistency(6, 7, first_size=-1).reason == ProofFault.RANGE
        assert judge_consistency(6, 7, proof=[]).reason == ProofFault.LENGTH
        assert judge_consistency(6, 7, proof=[b"", *proof[1:]]).reason == ProofFault.MALFORMED
        assert judge_consistency(6, 7, first_root=OTHER_HASH).reason == ProofFault.FIRST_ROOT
        assert judge_consistency(6, 7, second_root=OTHER_HASH).reason == ProofFault.SECOND_ROOT

    def test_of_the_empty_tree_and_of_a_tree_with_itself_the_proof_is_empty(self):
        assert judge_consistency(0, 0)
        assert judge_consistency(0, 9)
        assert judge_consistency(9, 9)
        assert judge_consistency(0, 9, first_root=OTHER_HASH).reason == ProofFault.FIRST_ROOT
        assert judge_consistency(0, 0, first_root=OTHER_HASH, second_root=OTHER_HASH).reason == ProofFault.FIRST_ROOT
        assert judge_consistency(9, 9, second_root=OTHER_HASH).reason == ProofFault.SECOND_ROOT
        assert judge_consistency(0, 9, proof=[OTHER_HASH]).reason == ProofFault.LENGTH
        assert judge_consistency(9, 9, proof=[OTHER_HASH]).reason == ProofFault.LENGTH


class TestResumedTree:
    def test_goes_on_as_the_one_whose_peaks_it_got(self):
        leaves = [bytes([number]) * 32 for number in range(40)]
        for start in range(40):
            first = GrowingTree()
            for leaf in leaves[:start]:
                first.append(leaf)
            resumed = GrowingTree.resume(first.list_peaks(), size=start)
            for leaf in leaves[start:]:
                resumed.append(leaf)
            assert (resumed.size, resumed.compute_root()) == (40, compute_root(leaves))

    def test_needs_one_peak_for_each_bit_of_its_size(self):
        for size in (-1, 1, 3):
            with pytest.raises(ValueError, match="perfect subtree"):
                GrowingTree.resume([], size=size)
