"""What else ends with a participation: instruments that other nouns opened towards the provider are withdrawn.

Participations know none of those nouns: each registers its withdrawal here when it is imported, and every way in which
a participation ends runs all of them in its transaction. New terms in the place of old ones end nothing.
"""

from collections.abc import Awaitable, Callable, Sequence

from ledger.feed.events import EventDraft
from ledger.identifiers import MemberId
from ledger.storage.database import Transaction

Withdraw = Callable[[Transaction, Sequence[MemberId]], Awaitable[Sequence[EventDraft]]]
"""Withdraws what is open towards these members, in a bounded number of statements, and returns the events of it.

It runs under the TRANSITION role, with the lock on participations held and the participations already ended. Shapes:
1..100 members.
"""

_withdrawals: list[Withdraw] = []


def withdraw_on_parting(withdraw: Withdraw) -> Withdraw:
    """Register what is run whenever participations end; usable as a decorator."""
    if withdraw not in _withdrawals:
        _withdrawals.append(withdraw)
    return withdraw


async def withdraw_instruments(tx: Transaction, member_ids: Sequence[MemberId]) -> list[EventDraft]:
    """Run every registered withdrawal, in the order of registration, and return their events."""
    events: list[EventDraft] = []
    if member_ids:
        for withdraw in _withdrawals:
            events.extend(await withdraw(tx, member_ids))
    return events
