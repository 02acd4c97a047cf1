"""Roots and proofs out of what is stored, the same as the RFC's, and never more loaded than is said."""

from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.feed.merkle import Success, hash_children, hash_leaf, verify_consistency, verify_inclusion
from ledger.feed.tree_plans import (
    NodeRange,
    complete_nodes,
    count_before_node,
    plan_consistency,
    plan_inclusion,
    plan_root,
)
from tests.support.naive_tree import NaiveTree

SIZE = 66_300
"""Just beyond 65,536, where a node of level 16 is complete for the first time."""

TREE = NaiveTree([hash_leaf(str(index).encode()) for index in range(SIZE)])
BOUNDARIES = [1, 2, 255, 256, 257, 511, 512, 513, 65_279, 65_280, 65_535, 65_536, 65_537, 65_792, SIZE]
SIZES = st.integers(1, 600) | st.integers(1, SIZE) | st.sampled_from(BOUNDARIES)
MILLIONS = st.integers(9_990_000, 10_010_000) | st.sampled_from([1 << 24, (1 << 24) - 1, 9_961_472, 9_961_471])


def grow(sizes):
    """What storage holds after the tree grew from size to size, reading no more than the plans ask for."""
    stored = {}
    for before, after in zip([0, *sizes], sizes, strict=False):
        plan = complete_nodes(size_before=before, size_after=after)
        new = {(0, index): TREE.leaf_hashes[index] for index in range(before, after)}
        for part in plan.ranges:
            assert part.first <= part.last < before >> part.level
            assert part.last - part.first < 255
        stored |= new | plan.resolve(new | load(plan.ranges, stored))
    return stored


def load(ranges, nodes):
    return {
        (part.level, index): nodes[part.level, index] for part in ranges for index in range(part.first, part.last + 1)
    }


STORED = grow([SIZE])


class LargeTree:
    """A tree of any size whose leaves are alike but for one, so that its stored nodes cost nothing to keep."""

    def __init__(self, *, odd_leaf):
        self.odd_leaf = odd_leaf
        self.alike = [hash_leaf(b"alike")]
        self.along = [hash_leaf(b"odd")]
        for level in range(24):
            children = (self.along[-1], self.alike[-1])
            self.along.append(hash_children(*(reversed(children) if odd_leaf >> level & 1 else children)))
            self.alike.append(hash_children(self.alike[-1], self.alike[-1]))

    def __getitem__(self, node):
        level, index = node
        return self.along[level] if self.odd_leaf >> level == index else self.alike[level]


def check_bounds(ranges, size):
    assert len(ranges) <= 2 * len({part.level for part in ranges})
    assert len(ranges) <= 6
    for part in ranges:
        assert part.level % 8 == 0
        assert 0 <= part.first <= part.last < size >> part.level  # nothing that is not complete
        assert part.first // 256 == part.last // 256
    blocks = [(part.level, part.first // 256) for part in ranges]
    assert len(set(blocks)) == len(blocks)
    assert all([level for level, _ in blocks].count(stored) <= 2 for stored in (0, 8, 16))


class TestCompleteNodes:
    def test_are_every_eighth_levels_and_no_other(self):
        plan = complete_nodes(size_before=0, size_after=SIZE)
        assert plan.complete == (*((8, index) for index in range(258)), (16, 0))
        assert plan.ranges == ()

    def test_are_computed_from_256_children_of_which_only_the_earlier_ones_are_read(self):
        plan = complete_nodes(size_before=600, size_after=1_000)
        assert plan.complete == ((8, 2),)
        assert plan.ranges == (NodeRange(level=0, first=512, last=599),)
        upper = complete_nodes(size_before=65_530, size_after=65_540)
        assert upper.complete == ((8, 255), (16, 0))
        assert upper.ranges == (NodeRange(level=0, first=65_280, last=65_529), NodeRange(level=8, first=0, last=254))

    def test_are_none_while_no_block_is_full(self):
        assert complete_nodes(size_before=256, size_after=511).complete == ()
        assert complete_nodes(size_before=0, size_after=0).complete == ()
        assert complete_nodes(size_before=512, size_after=512).complete == ()

    @settings(deadline=None, max_examples=30)
    @given(st.lists(st.integers(0, 1_500), max_size=12).map(sorted))
    def test_are_the_same_in_whatever_steps_the_tree_grew(self, sizes):
        stored = grow(sizes)
        size = sizes[-1] if sizes else 0
        assert stored == {node: STORED[node] for node in STORED if (node[1] + 1) << node[0] <= size}

    def test_are_the_roots_over_their_leaves(self):
        for level, index in STORED:
            assert STORED[level, index] == TREE.root_of(index << level, (index + 1) << level)

    def test_a_tree_never_shrinks(self):
        with pytest.raises(ValueError, match="shrinks"):
            complete_nodes(size_before=2, size_after=1)


class TestPlans:
    @settings(deadline=None)
    @given(SIZES)
    def test_of_a_root_give_the_root(self, size):
        plan = plan_root(size)
        check_bounds(plan.ranges, size)
        assert len({part.level for part in plan.ranges}) == len(plan.ranges)
        assert all(part.last - part.first < 255 for part in plan.ranges)
        assert plan.resolve(load(plan.ranges, STORED)) == TREE.root(size)

    @settings(deadline=None)
    @given(SIZES, st.data())
    def test_of_an_inclusion_give_its_proof(self, size, data):
        index = data.draw(st.integers(0, size - 1))
        plan = plan_inclusion(index=index, size=size)
        check_bounds(plan.ranges, size)
        assert plan.resolve(load(plan.ranges, STORED)) == TREE.prove_inclusion(index, size)

    @settings(deadline=None)
    @given(SIZES, st.data())
    def test_of_a_consistency_give_its_proof(self, second, data):
        first = data.draw(st.integers(0, second) | st.sampled_from([size for size in BOUNDARIES if size <= second]))
        plan = plan_consistency(first_size=first, second_size=second)
        check_bounds(plan.ranges, second)
        assert plan.resolve(load(plan.ranges, STORED)) == TREE.prove_consistency(first, second)

    def test_give_every_proof_of_every_small_tree(self):
        for size in range(1, 40):
            for place in range(size):
                inclusion = plan_inclusion(index=place, size=size)
                assert inclusion.resolve(load(inclusion.ranges, STORED)) == TREE.prove_inclusion(place, size)
                consistency = plan_consistency(first_size=place, second_size=size)
                assert consistency.resolve(load(consistency.ranges, STORED)) == TREE.prove_consistency(place, size)

    def test_of_nothing_load_nothing(self):
        assert plan_root(0).ranges == ()
        assert plan_root(0).resolve({}) == sha256().digest()
        assert plan_consistency(first_size=0, second_size=9).resolve({}) == []
        assert plan_consistency(first_size=9, second_size=9).resolve({}) == []
        assert plan_inclusion(index=0, size=1).resolve({}) == []

    def test_read_a_complete_node_and_not_what_is_below_it(self):
        assert plan_root(65_536).ranges == (NodeRange(level=16, first=0, last=0),)

    def test_are_refused_outside_the_tree(self):
        for refused in (
            lambda: plan_root(-1),
            lambda: plan_inclusion(index=3, size=3),
            lambda: plan_inclusion(index=-1, size=3),
            lambda: plan_consistency(first_size=4, second_size=3),
            lambda: plan_consistency(first_size=-1, second_size=3),
        ):
            with pytest.raises(ValueError, match=r"tree|size"):
                refused()

    def test_a_stored_node_that_is_missing_is_never_passed_over(self):
        plan = plan_root(300)
        nodes = load(plan.ranges, STORED)
        del nodes[0, 280]
        with pytest.raises(KeyError):
            plan.resolve(nodes)


class TestPlansOfMillions:
    @settings(deadline=None, max_examples=60)
    @given(MILLIONS, st.data())
    def test_of_an_inclusion_stay_within_their_bounds_and_verify(self, size, data):
        index = data.draw(st.integers(0, size - 1) | st.integers(1, 600).map(lambda back: size - back))
        tree = LargeTree(odd_leaf=index)
        plan, root_plan = plan_inclusion(index=index, size=size), plan_root(size)
        check_bounds(plan.ranges, size)
        assert sum(part.last - part.first + 1 for part in plan.ranges) <= 1_536
        root = root_plan.resolve(load(root_plan.ranges, tree))
        proof = plan.resolve(load(plan.ranges, tree))
        verdict = verify_inclusion(leaf_hash=tree[0, index], index=index, size=size, proof=proof, root=root)
        assert verdict == Success()

    @settings(deadline=None, max_examples=60)
    @given(MILLIONS, st.data())
    def test_of_a_consistency_stay_within_their_bounds_and_verify(self, second, data):
        first = data.draw(st.integers(1, second) | st.sampled_from([1 << 16, 1 << 23, 9_961_472, 256, 65_792]))
        first = min(first, second)
        tree = LargeTree(odd_leaf=first - 1)
        plan = plan_consistency(first_size=first, second_size=second)
        check_bounds(plan.ranges, second)
        assert sum(part.last - part.first + 1 for part in plan.ranges) <= 1_536
        first_plan, second_plan = plan_root(first), plan_root(second)
        verdict = verify_consistency(
            first_size=first,
            first_root=first_plan.resolve(load(first_plan.ranges, tree)),
            second_size=second,
            second_root=second_plan.resolve(load(second_plan.ranges, tree)),
            proof=plan.resolve(load(plan.ranges, tree)),
        )
        assert verdict == Success()


class TestCountBeforeNode:
    @pytest.mark.parametrize("size", [0, 1, 200, 254, 255, 256, 511, 65_534, 65_535, 65_536, 70_000])
    def test_is_the_most_that_completes_none(self, size):
        most = count_before_node(size)
        assert not complete_nodes(size_before=size, size_after=size + most).complete
        assert complete_nodes(size_before=size, size_after=size + most + 1).complete
