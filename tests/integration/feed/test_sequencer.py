"""The sequencer: dense positions for what was committed, in one process at a time."""

import hashlib


async def rows_of(owner):
    return await owner.fetch(
        "SELECT f.position, f.event_id, f.leaf_hash, f.reserved_hash, e.* FROM feed f JOIN events e ON e.id = f.event_id "
        "ORDER BY f.position"
    )


class TestPositions:
    async def test_are_dense_and_in_the_order_of_a_transaction(self, sequenced, parties, as_of, owner_connection):
        before = await sequenced.head()
        await sequenced.append(parties.officer, as_of, 600, audience=[parties.telkomsel.member_id])
        assert await sequenced.wait(before + 600) == before + 600
        rows = await rows_of(owner_connection)
        assert [row["position"] for row in rows] == list(range(1, before + 601))
        assert [row["subject_id"] for row in rows[before:]] == [f"subject-{number}" for number in range(600)]
        nodes = await owner_connection.fetch("SELECT level, index, hash FROM feed_nodes ORDER BY level, index")
        assert [(n["level"], n["index"]) for n in nodes] == [(8, i) for i in range((before + 600) // 256)]
        assert rows[0]["leaf_hash"] and hashlib
