"""Retention: how many entries a second it erases, beside the entries that a million a day makes.

The other side is a bare UPDATE of the same columns of as many rows, by primary key: what the joins, the holds, the
record in the log and the batches cost is the difference.
"""

from datetime import timedelta

import asyncpg

from bench.feed_filling import fill_feed
from bench.figures import Figure, Samples, compare, measure_in_turn, read_stopwatch
from bench.scale import Scale
from bench.world import World, found_country, read_clock
from ledger.feed.retention import BATCH_ENTRIES, Retention
from ledger.storage.database import Database
from ledger.storage.roles import Role

_A_MILLION_A_DAY = 1_000_000 / 86_400
_SIGN = """
INSERT INTO feed_checkpoints (tree_size, root_hash, note, signed_at)
SELECT size, sha256('bench'), 'bench', now() FROM feed_head
"""
_BARE = """
UPDATE events SET payload = '{}', salt = NULL, reserved_salt = NULL, actor_officer_id = NULL, actor_client_id = NULL,
  erased_at = now()
WHERE id = ANY(ARRAY(SELECT event_id FROM feed WHERE position > $1 ORDER BY position LIMIT $2))
"""


async def run(world: World, scale: Scale) -> list[Figure]:
    """Erase one half of a feed by retention, batch by batch, and the other by bare statements of the same size."""
    async with world.clone() as name:
        database = world.connect(name)
        owner = await asyncpg.connect(world.superuser_url_of(name), command_timeout=600)
        try:
            await found_country(database, as_of=read_clock())
            rounds, share = scale.rounds, max(BATCH_ENTRIES, scale.retention_entries // scale.rounds)
            await fill_feed(world, name, 2 * rounds * share)
            await owner.execute(_SIGN)
            await world.refresh_statistics(name)
            retention = Retention(kept_days=1)

            async def erase(_turn: int) -> float:
                return await _erase(database, retention, share)

            async def update(turn: int) -> float:
                # The end of the feed, which retention, beginning with the oldest, does not reach.
                return await _update(owner, first=(2 * rounds - 1 - turn) * share, count=share)

            samples = await measure_in_turn({"retention": erase, "bare": update}, rounds=rounds)
        finally:
            await owner.close()
            await database.close()
    needed = Samples([_A_MILLION_A_DAY])
    erased = samples["retention"]
    return [
        compare("entries erased by retention", erased, samples["bare"], unit="/s", beside_name="bare UPDATE"),
        compare("entries erased by retention", erased, needed, unit="/s", beside_name="a million a day"),
    ]


async def _erase(database: Database, retention: Retention, count: int) -> float:
    started, done = read_stopwatch(), 0
    while done < count:
        async with database.system(Role.RETENTION, as_of=read_clock() + timedelta(days=2)) as tx:
            done += await retention.erase_batch(tx)
    return done / (read_stopwatch() - started)


async def _update(owner: "asyncpg.Connection[asyncpg.Record]", *, first: int, count: int) -> float:
    started = read_stopwatch()
    for after in range(first, first + count, BATCH_ENTRIES):
        await owner.execute(_BARE, after, min(BATCH_ENTRIES, first + count - after))
    return count / (read_stopwatch() - started)
