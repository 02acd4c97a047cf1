"""A feed that is signed as it grows, and how its tests wait for what was signed and break what was stored."""

from dataclasses import dataclass
from datetime import UTC, datetime

from ledger.feed.export import Range, open_export
from ledger.feed.notes import parse_verifier_key, verify_checkpoint
from ledger.feed.row_comparison import compare_rows
from ledger.feed.verification import parse_keys, verify_export
from ledger.storage.commitments import committed_tables
from migrations.metadata import metadata
from tests.support.sequenced import Sequenced
from tests.support.waiting import until

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


async def export_lines(audited, *, after=0, until=None, **more) -> list[bytes]:
    async with open_export(audited.database, Range(after=after, until=until), now=read_now) as export:
        chunks = [chunk async for chunk in export.render(**more)]
    return b"".join(chunks).splitlines(keepends=True)


async def compare_now(audited, lines=None):
    """The account of comparing every row with a fresh export, or with an earlier one."""
    lines = lines if lines is not None else await export_lines(audited)
    return await compare_rows(iter(lines), audited.database, tables=metadata.sorted_tables, now=read_now)


async def count_rows(audited) -> int:
    """How many rows entries commit to, or should."""
    return sum([await audited.owner.fetchval(f"SELECT count(*) FROM {table.name}") for table, _ in committed_tables()])


async def verify_now(audited, lines=None, *, kept=(), keys=None, **more):
    """The account of a fresh export, by keys that were known before anything was broken."""
    lines = lines if lines is not None else await export_lines(audited)
    trusted = parse_keys(keys or await audited.keys())
    return verify_export(iter(lines), keys=trusted, kept_notes=kept, as_of=read_now(), **more)


def find_finding(account):
    return account.finding and (account.finding.tampering, account.finding.first)
