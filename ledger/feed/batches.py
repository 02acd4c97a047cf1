"""One batch of the sequencer: assigns the next positions to the oldest pending events, with hashes and recipients.

It must run on the session that holds the sequencer's lock. A batch is written completely or not at all, and only if
the head still has the sequencer's epoch.
Source: design section 5; graphql-facts.md, The sequencer; ADR 0052 and 0053.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields

from ledger.feed.direct import DirectSession
from ledger.feed.entries import ENTRY_TEXT, RESERVED_TEXT
from ledger.feed.table import Event
from ledger.feed.tree_plans import Node, complete_nodes, count_before_node

FEED_CHANNEL = "jembatan_feed"

_COLUMNS = ", ".join(f"e.{name}" for name in (*(field.name for field in fields(Event)), "salt", "content"))

# Events of one transaction keep their order, since their ids increase; events of another transaction may have lower ids
# and get later positions. Only the brand's own member gets brand_id.
_SEQUENCE = f"""
WITH head AS MATERIALIZED (
  SELECT size FROM feed_head WHERE id = 1 AND epoch = $1 FOR UPDATE
), taken AS (
  DELETE FROM feed_pending WHERE EXISTS (SELECT 1 FROM head) AND event_id = ANY(ARRAY(
    SELECT event_id FROM feed_pending WHERE event_id > $3 ORDER BY event_id LIMIT $2
  )) RETURNING event_id
), joined AS MATERIALIZED (
  SELECT {_COLUMNS}, head.size + row_number() OVER (ORDER BY e.id) AS position,
    sha256(e.reserved_salt || convert_to({RESERVED_TEXT}, 'UTF8')) AS reserved_hash
  FROM taken JOIN events e ON e.id = taken.event_id CROSS JOIN head
), added AS (
  INSERT INTO feed (position, event_id, leaf_hash, reserved_hash, sequenced_at)
  SELECT e.position, e.id, sha256('\\x00'::bytea || e.salt || convert_to(
    {ENTRY_TEXT.format(reserved_hash="e.reserved_hash")}, 'UTF8')), e.reserved_hash, clock_timestamp()
  FROM joined e ORDER BY e.position RETURNING position, leaf_hash
), addressed AS (
  INSERT INTO feed_recipients (member_id, position, brand_id)
  SELECT reader.id, e.position, b.id
  FROM joined e CROSS JOIN LATERAL (SELECT DISTINCT unnest(e.audience) AS id) AS reader
  LEFT JOIN brands b ON b.id = e.brand_id AND b.member_id = reader.id
  ORDER BY reader.id, e.position
), moved AS (
  UPDATE feed_head SET size = size + (SELECT count(*) FROM added)
  WHERE id = 1 AND epoch = $1 AND EXISTS (SELECT 1 FROM added)
)
SELECT head.size AS size_before, grown.leaf_hashes, (SELECT max(event_id) FROM taken) AS last_event_id,
  CASE WHEN grown.count > 0 THEN pg_notify('{FEED_CHANNEL}', (head.size + grown.count)::text) END
FROM head CROSS JOIN (
  SELECT count(*) AS count, array_agg(leaf_hash ORDER BY position) AS leaf_hashes FROM added
) AS grown
"""
# Its own transaction: nothing else is written with it, and it takes one trip where a transaction around it takes three.
_SEQUENCE_FEW = _SEQUENCE.replace("id = 1 AND epoch = $1 FOR UPDATE", "id = 1 AND epoch = $1 AND size = $4 FOR UPDATE")
_LOAD_NODES = """
SELECT 0 AS level, f.position - 1 AS index, f.leaf_hash AS hash
FROM unnest($1::smallint[], $2::bigint[], $3::bigint[]) AS r(level, first, last)
JOIN feed f ON r.level = 0 AND f.position BETWEEN r.first + 1 AND r.last + 1
UNION ALL
SELECT n.level, n.index, n.hash
FROM unnest($1::smallint[], $2::bigint[], $3::bigint[]) AS r(level, first, last)
JOIN feed_nodes n ON n.level = r.level AND n.index BETWEEN r.first AND r.last
"""
_KEEP_NODE = "INSERT INTO feed_nodes (level, index, hash) VALUES ($1, $2, $3)"


class FencedError(Exception):
    """Another sequencer has taken over: the head has a newer epoch, and nothing was written."""


@dataclass(frozen=True, slots=True)
class Batch:
    """The feed's size before and after a batch, and the highest id among its events, 0 if it had none."""

    size_before: int
    size_after: int
    last_event_id: int

    @property
    def count(self) -> int:
        """How many events were assigned positions."""
        return self.size_after - self.size_before


async def sequence_batch(session: DirectSession, *, epoch: int, batch_max: int, behind: int = 0) -> Batch:
    """Assign positions to the oldest pending events and store the new nodes of the tree, in one transaction.

    Only events with an id greater than behind are included.
    Errors: FencedError; direct.FAILURES, after which only the database knows the outcome.
    """
    async with session.transaction():
        row = await session.fetch_row(_SEQUENCE, epoch, batch_max, behind)
        if row is None:
            raise FencedError
        leaf_hashes: Sequence[bytes] = row["leaf_hashes"] or ()
        size = row["size_before"]
        batch = Batch(size, size + len(leaf_hashes), row["last_event_id"] or 0)
        await _keep_nodes(session, batch, leaf_hashes)
    return batch


async def sequence_few(session: DirectSession, *, epoch: int, size: int, count_max: int, behind: int = 0) -> Batch:
    """Assign positions to the oldest pending events, in one statement: to at most as many as complete no node.

    size is the feed's, as the leader knows it; count_max must not exceed count_before_node(size).
    Errors: FencedError, also if the feed has another size; direct.FAILURES, as sequence_batch.
    """
    if not 0 < count_max <= count_before_node(size):
        raise ValueError("These entries may complete a node of the tree.")
    row = await session.fetch_row(_SEQUENCE_FEW, epoch, count_max, behind, size)
    if row is None:
        raise FencedError
    return Batch(size, size + len(row["leaf_hashes"] or ()), row["last_event_id"] or 0)


async def _keep_nodes(session: DirectSession, batch: Batch, leaf_hashes: Sequence[bytes]) -> None:
    plan = complete_nodes(size_before=batch.size_before, size_after=batch.size_after)
    if not plan.complete:
        return
    known: dict[Node, bytes] = {(0, batch.size_before + place): each for place, each in enumerate(leaf_hashes)}
    if plan.ranges:
        bounds = zip(*((each.level, each.first, each.last) for each in plan.ranges), strict=True)
        rows = await session.fetch(_LOAD_NODES, *(list(bound) for bound in bounds))
        known |= {(row["level"], row["index"]): row["hash"] for row in rows}
    nodes = plan.resolve(known)
    await session.execute_many(_KEEP_NODE, [(level, index, node) for (level, index), node in nodes.items()])
