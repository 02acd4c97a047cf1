"""How fields about legal holds get their values."""

from ledger.feed import legal_holds
from ledger.feed.legal_holds import LegalHold, LegalHoldDraft
from ledger.pages import Page, PageRequest
from resolvers.context import Context


async def list_holds(context: Context, page: PageRequest, *, is_active: bool | None) -> Page[LegalHold]:
    """A page of holds, newest first."""
    return await context.read(lambda tx: legal_holds.list_legal_holds(tx, page, is_active=is_active))


async def place_hold(context: Context, draft: LegalHoldDraft) -> LegalHold:
    """Place a hold."""
    return await context.write(lambda tx: legal_holds.place_legal_hold(tx, draft))


async def release_hold(context: Context, hold_id: str) -> LegalHold:
    """Release a hold."""
    return await context.write(lambda tx: legal_holds.release_legal_hold(tx, hold_id))
