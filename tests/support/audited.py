"""A feed that is signed as it grows, and how its tests wait for what was signed and break what was stored."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from ledger.feed.checkpoints import make_signer
from ledger.feed.notes import parse_verifier_key, verify_checkpoint
from ledger.feed.sequencer import Sequencer
from tests.integration.ledger.feed.conftest import Sequenced, running, until

ORIGIN = "graph.example.id/feed"


def read_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Audited(Sequenced):
    """A sequenced database whose checkpoints are signed."""

    async def fill(self, viewer, as_of, count: int = 1, **named) -> int:
        """Write so many events, and wait until a checkpoint has them all; the feed's size then."""
        await self.append(viewer, as_of, count=count, **({"payload": {}} | named))
        return await self.settle()

    async def settle(self) -> int:
        """Wait until every committed event stands in a signed checkpoint."""
        size = await self.wait()

        async def is_signed() -> bool:
            return await self.owner.fetchval("SELECT max(tree_size) FROM feed_checkpoints") == size

        await until(is_signed, f"a checkpoint of {size} entries")
        return size

    async def keys(self) -> list[str]:
        rows = await self.owner.fetch("SELECT verifier_key FROM feed_keys ORDER BY created_at, key_id")
        return [row["verifier_key"] for row in rows]

    async def note(self, size: int | None = None) -> str:
        return await self.owner.fetchval(
            "SELECT note FROM feed_checkpoints WHERE $1::bigint IS NULL OR tree_size = $1 "
            "ORDER BY tree_size DESC LIMIT 1",
            size,
        )

    async def verify(self, note: str, *, keys: list[str] | None = None, origin: str = ORIGIN):
        parsed = [parse_verifier_key(key) for key in keys or await self.keys()]
        return verify_checkpoint(note, origin=origin, keys=parsed)


@pytest.fixture
async def audited(database, owner_connection, sequencer_settings, keyring) -> AsyncIterator[Audited]:
    sign = make_signer(origin=ORIGIN, keyring=keyring, now=read_now)
    sequencer = Sequencer(sequencer_settings.model_copy(update={"checkpoint_seconds": 0.0}), sign=sign)
    async with running(sequencer):
        ready = Audited(database, owner_connection, sequencer)
        await ready.settle()
        yield ready
