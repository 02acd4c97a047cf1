"""A feed of any size, made by PostgreSQL alone: the events, their places and their readers, without any history.

Leaf hashes and nodes are made up, so that no proof holds; what it costs to add, to read and to prove is the same.
"""

import asyncpg

from bench.world import World

_CHUNK = 250_000
_OWN_EVERY = 1_000
_LIST_INDEXES = """
SELECT indexrelid::regclass::text AS name, pg_get_indexdef(indexrelid) AS definition
FROM pg_index WHERE indrelid = 'events'::regclass AND NOT indisprimary
"""
_ADD = f"""
WITH ids AS (
  SELECT (SELECT id FROM members WHERE slug = 'telkomsel') AS own,
    (SELECT id FROM members WHERE slug = 'indosat') AS other
), added AS (
  INSERT INTO events (kind, subject, subject_id, state, audience, payload, recorded_at)
  SELECT 'ORDER_ISSUED', 'BLOCK_ORDER', gen_random_uuid()::text, 'ISSUED',
    ARRAY[CASE WHEN place % {_OWN_EVERY} = 0 THEN ids.own ELSE ids.other END],
    jsonb_build_object('orderNo', 'O-' || place, 'version', 1), now()
  FROM generate_series($1::bigint + 1, $2::bigint) AS place CROSS JOIN ids
  RETURNING id, audience
), placed AS (
  SELECT id, audience, $1::bigint + row_number() OVER (ORDER BY id) AS position FROM added
), addressed AS (
  INSERT INTO feed_recipients (member_id, position) SELECT audience[1], position FROM placed
)
INSERT INTO feed (position, event_id, leaf_hash, reserved_hash, sequenced_at)
SELECT position, id, sha256(int8send(position)), sha256(int8send(-position)), now() FROM placed
"""
_ADD_NODES = """
INSERT INTO feed_nodes (level, index, hash)
SELECT level, index, sha256(int8send(index)) FROM (VALUES (8), (16), (24)) AS levels (level)
CROSS JOIN LATERAL generate_series($1::bigint >> level, ($2::bigint >> level) - 1) AS index
"""


async def fill_feed(world: World, name: str, size: int) -> None:
    """Bring the feed to a size; every thousandth entry is the first carrier's, the others are the second's."""
    connection = await asyncpg.connect(world.superuser_url_of(name), timeout=60, command_timeout=600)
    try:
        # Nothing here is for the sequencer, and a big table's indexes are made faster when it is there.
        await connection.execute("SET session_replication_role = replica; SET synchronous_commit = off")
        present: int = await connection.fetchval("SELECT size FROM feed_head")
        indexes = await connection.fetch(_LIST_INDEXES)
        for index in indexes:
            await connection.execute(f"DROP INDEX {index['name']}")
        for start in range(present, size, _CHUNK):
            end = min(start + _CHUNK, size)
            async with connection.transaction():
                await connection.execute(_ADD, start, end)
                await connection.execute(_ADD_NODES, start, end)
                await connection.execute("UPDATE feed_head SET size = $1", end)
        for index in indexes:
            await connection.execute(index["definition"])
    finally:
        await connection.close()
    await world.refresh_statistics(name)
