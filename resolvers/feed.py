"""How fields about the feed itself get their values."""

from dataclasses import dataclass
from typing import Any

import orjson

from ledger.feed.cursors import FeedCursor, find_ends, find_place, resolve_cursor
from ledger.feed.entries import Entry
from ledger.feed.reading import read_page
from ledger.identifiers import ClientId, MemberId, OfficerId, Position
from ledger.pages import Page, PageRequest
from ledger.storage.database import Transaction
from resolvers.context import Context

FEED = "feed"
"""What the record of accesses calls the list of entries."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Acting:
    """Who acted, and which members may get the entry: the reserved part, read from its own text."""

    member_id: MemberId | None
    officer_id: OfficerId | None
    client_id: ClientId | None
    audience: tuple[MemberId, ...]


async def list_entries(context: Context, page: PageRequest) -> Page[tuple[Entry, str]]:
    """Return a page of the viewer's own entries, oldest first, each with its cursor in the feed.

    A page without entries ends at the place up to which the feed was examined, so that a reader who goes on from there
    neither loses an entry nor keeps a cursor that archiving lets expire (docs/adr/0133).
    Errors: CursorInvalidError, CursorExpiredError.
    """

    async def read(tx: Transaction) -> Page[tuple[Entry, str]]:
        start = await resolve_cursor(tx, page.after) if page.after is not None else (await find_ends(tx))[0]
        found = await read_page(tx, after=start.position, limit=page.first + 1)
        entries = found.entries
        shown = [
            (entry, FeedCursor.of(start.feed_id, entry.position, entry.leaf_hash).render())
            for entry in entries[: page.first]
        ]
        positions = [str(entry.position) for entry, _ in shown]
        tx.accesses.note_items(FEED, positions, is_continued=page.after is not None)
        ends_at = None if shown else (await find_place(tx, found.scanned_to)).render()
        cursors = [cursor for _, cursor in shown]
        return Page(shown, cursors, has_next_page=len(entries) > page.first, ends_at=ends_at)

    return await context.read(read)


async def find_acting(context: Context, position: Position) -> Acting | None:
    """Return who acted at that position, batched over the operation; None if it was erased. Errors: ForbiddenError."""
    committed = await context.loaders.reserved_texts.load(position)
    if committed is None:
        return None
    said: dict[str, Any] = orjson.loads(committed.text)
    return Acting(
        member_id=said["actorMemberId"],
        officer_id=said["actorOfficerId"],
        client_id=said["actorClientId"],
        audience=tuple(said["audience"]),
    )
