"""Follows the feed within one execution: the gateway passes in a batch, and a root field sends it message by message.

An execution ends with its batch. It waits for nothing, keeps no position and doesn't decide who may get an entry:
whoever passes in the batch has done all that. One execution therefore serves all subscribers with equal visibility.
Source: design section 5; docs/subscriptions.md.
"""

from collections.abc import AsyncIterator, Sequence

from ledger.feed.entries import Entry
from ledger.feed.vocabulary import EventKind, Subject
from ledger.orders.states import BLOCK_ORDERS
from ledger.referrals.states import REFERRALS as REFERRAL_INSTRUMENT
from resolvers.context import Context
from resolvers.loaders import Loaders
from resolvers.sources import Message, Source


class BatchMissingError(RuntimeError):
    """A subscription ran without a batch; only the gateway's streams may run one."""


async def follow(context: Context, source: Source) -> AsyncIterator[Message]:
    """Send the messages of the context's batch, and end.

    The source is in the batch before anything can fail. Errors: BatchMissingError; what the source's check raises.
    """
    batch = context.batch
    if batch is None:
        raise BatchMissingError
    batch.source = source
    if source.check is not None:
        await context.read(source.check)
    entries = [message.entry for message in batch.messages if message.entry is not None]
    source.prime(context.loaders, entries)
    for message in batch.messages:
        yield message


def _expect_orders(loaders: Loaders, entries: Sequence[Entry]) -> None:
    loaders.expect_orders([entry.subject_id for entry in entries if entry.subject is Subject.BLOCK_ORDER])


def _expect_referrals(loaders: Loaders, entries: Sequence[Entry]) -> None:
    loaders.expect_referrals([entry.subject_id for entry in entries if entry.subject is Subject.REFERRAL])


def _expect_complaints(loaders: Loaders, entries: Sequence[Entry]) -> None:
    loaders.expect_complaints([entry.subject_id for entry in entries if entry.subject is Subject.COMPLAINT])


def _expect_entries(loaders: Loaders, entries: Sequence[Entry]) -> None:
    loaders.expect_entries([entry.position for entry in entries])


BLOCK_REQUESTS = Source(
    kinds=BLOCK_ORDERS.kinds,
    prime=_expect_orders,
)
"""Events of block orders. A draft's events don't have its carrier among their recipients."""

REFERRALS = Source(kinds=REFERRAL_INSTRUMENT.kinds, prime=_expect_referrals)
"""Events of referrals, which no carrier is among the recipients of."""

COMPLAINTS = Source(
    kinds=frozenset({*(kind for kind in EventKind if kind.startswith("COMPLAINT_")), EventKind.COMPLAINANT_INFORMED}),
    prime=_expect_complaints,
)
"""Events of complaints. That a complainant was revealed concerns the audit, not the complaint."""

FEED = Source(kinds=frozenset(EventKind), prime=_expect_entries)
"""Everything that the viewer may get."""
