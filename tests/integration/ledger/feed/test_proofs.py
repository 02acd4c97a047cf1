"""Proofs of the feed's tree, made from what is stored, checked as a member would."""

import random

import pytest

from ledger.feed.merkle import compute_root as hash_whole
from ledger.feed.merkle import verify_consistency, verify_inclusion
from ledger.feed.proofs import (
    PositionUnknownError,
    TreeDamagedError,
    TreeSizeUnknownError,
    compute_root,
    prove_consistency,
    prove_inclusion,
)


async def list_leaves(sequenced):
    return [row["leaf_hash"] for row in await sequenced.owner.fetch("SELECT leaf_hash FROM feed ORDER BY position")]


class TestProofs:
    async def test_agree_with_the_whole_tree_at_every_kind_of_size(self, sequenced, parties, as_of):
        await sequenced.append(parties.officer, as_of, count=700, payload={}, audience=[parties.telkomsel.member_id])
        size = await sequenced.wait()
        leaves = await list_leaves(sequenced)
        sizes = sorted({1, 2, 3, 255, 256, 257, 511, 512, 513, size - 1, size})
        draw = random.Random(5)  # noqa: S311 - which positions are tried
        async with sequenced.database.reading(parties.telkomsel, as_of=as_of) as tx:
            assert await compute_root(tx, 0) == hash_whole([])
            for tree_size in sizes:
                root = hash_whole(leaves[:tree_size])
                assert await compute_root(tx, tree_size) == root
                for position in {1, tree_size, draw.randint(1, tree_size)}:
                    proof = await prove_inclusion(tx, position, tree_size)
                    assert proof.leaf_hash == leaves[position - 1]
                    assert verify_inclusion(
                        leaf_hash=proof.leaf_hash, index=position - 1, size=tree_size, proof=proof.hashes, root=root
                    )
                first = draw.randint(0, tree_size)
                consistency = await prove_consistency(tx, first, tree_size)
                assert verify_consistency(
                    first_size=first,
                    first_root=hash_whole(leaves[:first]),
                    second_size=tree_size,
                    second_root=root,
                    proof=consistency.hashes,
                )

    async def test_are_made_in_one_statement_each(self, sequenced, parties, as_of):
        from tests.support.statements import count_statements

        await sequenced.append(parties.officer, as_of, count=300, payload={})
        size = await sequenced.wait()
        async with sequenced.database.reading(parties.agency, as_of=as_of) as tx:
            seen = []
            stop = count_statements(sequenced.database, seen.append)
            await prove_inclusion(tx, 3, size)
            await prove_consistency(tx, 3, size)
            await compute_root(tx, size)
            stop()
        assert len(seen) == 3

    @pytest.mark.parametrize("position", [0, -1, 10_000, 2**70])
    async def test_of_positions_outside_the_tree_are_refused(self, sequenced, parties, as_of, position):
        async with sequenced.database.reading(parties.agency, as_of=as_of) as tx:
            with pytest.raises(PositionUnknownError):
                await prove_inclusion(tx, position, 3)

    @pytest.mark.parametrize("tree_size", [-1, 10_000, 2**63 - 1, 2**63, 2**70])
    async def test_of_sizes_that_the_feed_never_had_are_refused(self, sequenced, parties, as_of, tree_size):
        async with sequenced.database.reading(parties.agency, as_of=as_of) as tx:
            for asked in (
                compute_root(tx, tree_size),
                prove_consistency(tx, 1, tree_size),
                prove_consistency(tx, tree_size, 3) if tree_size > 3 else prove_inclusion(tx, 1, tree_size),
            ):
                with pytest.raises(TreeSizeUnknownError):
                    await asked

    async def test_say_that_the_tree_is_damaged_where_a_hash_is_gone(self, sequenced, parties, as_of):
        await sequenced.append(parties.officer, as_of, count=600, payload={})
        size = await sequenced.wait()
        await sequenced.owner.execute("DELETE FROM feed_nodes WHERE level = 8 AND index = 0")
        async with sequenced.database.reading(parties.agency, as_of=as_of) as tx:
            with pytest.raises(TreeDamagedError):
                await compute_root(tx, size)

    async def test_member_that_asks_a_proof_of_anothers_entry_gets_hashes_only(self, sequenced, parties, as_of):
        await sequenced.append(parties.officer, as_of, payload={}, audience=[parties.telkomsel.member_id])
        size = await sequenced.wait()
        async with sequenced.database.reading(parties.indosat, as_of=as_of) as tx:
            proof = await prove_inclusion(tx, size, size)
        assert {type(value) for value in (proof.leaf_hash, *proof.hashes)} == {bytes}
        assert {len(value) for value in (proof.leaf_hash, *proof.hashes)} == {32}
