"""A database as it is after a backup was restored: the end of the log is gone."""

import asyncpg

_TRUNCATE = (
    "DELETE FROM feed_cosignatures WHERE tree_size > $1",
    "DELETE FROM feed_checkpoints WHERE tree_size > $1",
    "DELETE FROM feed_recipients WHERE position > $1",
    "DELETE FROM events WHERE id IN (SELECT event_id FROM feed WHERE position > $1)",
    "DELETE FROM feed_nodes WHERE (index + 1) << level > $1",
    "DELETE FROM feed WHERE position > $1",
    "UPDATE feed_head SET size = $1, epoch = epoch + 1",
)


async def restore_backup(owner: asyncpg.Connection, size: int) -> None:
    """Cut the log to what a backup of that size has; whoever leads the sequencing must take over again."""
    async with owner.transaction():
        for statement in _TRUNCATE:
            await owner.execute(statement, size)
