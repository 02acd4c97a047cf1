"""How fields about taking part get their values."""

from ledger.pages import Page, PageRequest
from ledger.participations import agreements as participations
from ledger.participations.agreements import Participation
from ledger.participations.terms import Terms
from ledger.participations.vocabulary import PartingReason
from ledger.signals import keys as signal_keys
from ledger.signals.keys import RotatedKey, SignalKey
from resolvers.context import Context


async def list_participations(
    context: Context, page: PageRequest, *, member_id: str | None, in_force: bool | None
) -> Page[Participation]:
    """A page of participations, newest first."""
    return await context.read(
        lambda tx: participations.list_participations(tx, page, member_id=member_id, in_force=in_force)
    )


async def start_participation(context: Context, member_id: str, terms: Terms) -> Participation:
    """Record the terms on which a provider takes part."""
    return await context.write(lambda tx: participations.start_participation(tx, member_id, terms))


async def change_participation(context: Context, participation_id: str, terms: Terms) -> Participation:
    """Let other terms hold from now on."""
    return await context.write(lambda tx: participations.change_participation(tx, participation_id, terms))


async def end_participation(context: Context, participation_id: str, *, reason: PartingReason) -> Participation:
    """End a participation."""
    return await context.write(lambda tx: participations.end_participation(tx, participation_id, reason))


async def list_signal_keys(context: Context) -> list[SignalKey]:
    """A provider's own keys in use."""
    return await context.read(signal_keys.list_signal_keys)


async def rotate_signal_key(context: Context, *, member_id: str | None) -> RotatedKey:
    """Make a provider's next key."""
    return await context.write(lambda tx: signal_keys.rotate_signal_key(tx, member_id=member_id))
