"""Whatever moves the parties make, and whichever are refused, the rows are what the log says and the counts come to."""

import pytest

from tests.support.audited import compare_now, count_rows, verify_now
from tests.support.random_walk import Walk
from tests.support.signal_journeys import take_part
from tests.support.tallies import find_miscounts

SEEDS = range(4)
STEPS = 130


@pytest.mark.parametrize("seed", SEEDS)
async def test_any_sequence_of_moves_leaves_rows_that_are_what_the_log_says(audited, parties, as_of, seed):
    walk = Walk(audited, parties, as_of, seed)
    await take_part(audited.database, parties, as_of)
    for _ in range(STEPS):
        await walk.step()
        assert await find_miscounts(audited.owner) == {}
    await audited.settle()
    assert (await verify_now(audited)).finding is None
    account = await compare_now(audited)
    assert account.finding is None, account.finding
    assert (account.erased, account.uncommitted, account.changed_since) == (0, 0, 0)
    assert account.compared == await count_rows(audited)
    kinds = await audited.owner.fetchval("SELECT count(DISTINCT (kind, state)) FROM events")
    assert kinds >= 15
    assert walk.made > STEPS // 3
