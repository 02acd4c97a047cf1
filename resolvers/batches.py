"""Following the feed within one execution: the gateway hands in a batch, and a root field tells it message by message.

An execution ends with its batch. It waits for nothing, keeps no position and decides nothing about who may get an
entry: whoever hands the batch in has done all that. So one execution serves every subscriber of equal visibility.
Source: design section 5; docs/subscriptions.md.
"""

from collections.abc import AsyncIterator, Sequence

from ledger.complaints.resolution import INSTRUMENTS
from ledger.feed.entries import Entry
from ledger.feed.vocabulary import EventKind, Subject
from resolvers.context import Context
from resolvers.loaders import Loaders
from resolvers.sources import Message, Source


class BatchMissingError(RuntimeError):
    """A subscription ran without a batch: only the gateway's streams run one."""


async def follow(context: Context, source: Source) -> AsyncIterator[Message]:
    """Tell the messages of the context's batch, and end.

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


def _expect_complaints(loaders: Loaders, entries: Sequence[Entry]) -> None:
    loaders.expect_complaints([entry.subject_id for entry in entries if entry.subject is Subject.COMPLAINT])


def _expect_entries(loaders: Loaders, entries: Sequence[Entry]) -> None:
    loaders.expect_entries([entry.position for entry in entries])


BLOCK_REQUESTS = Source(
    kinds=frozenset(kind for instrument in INSTRUMENTS for kind in instrument.kinds),
    prime=_expect_orders,
)
"""What happens to block requests of every kind. A draft's events have no carrier among those who may get them."""

COMPLAINTS = Source(
    kinds=frozenset({*(kind for kind in EventKind if kind.startswith("COMPLAINT_")), EventKind.COMPLAINANT_INFORMED}),
    prime=_expect_complaints,
)
"""What happens to complaints. That a complainant was revealed is a matter of the audit, not of the complaint."""

FEED = Source(kinds=frozenset(EventKind), prime=_expect_entries)
"""Everything that the viewer may get."""
