"""Following the feed within one execution: the gateway hands in a batch, and a root field tells it message by message.

An execution ends with its batch. It waits for nothing, keeps no position and decides nothing about who may get an
entry: whoever hands the batch in has done all that. So one execution serves every subscriber of equal visibility.
Source: design section 5; docs/subscriptions.md.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ledger.complaints.resolution import INSTRUMENTS
from ledger.feed.entries import Entry
from ledger.feed.vocabulary import EventKind, Subject
from ledger.storage.database import Transaction
from resolvers.loaders import Loaders

if TYPE_CHECKING:
    from resolvers.context import Context  # which holds a batch


class BatchMissingError(RuntimeError):
    """A subscription ran without a batch: only the gateway's streams run one."""


@dataclass(frozen=True, slots=True)
class Message:
    """What a subscriber is told once: the place in the feed behind it, and the entry, None for the place alone."""

    cursor: str
    entry: Entry | None = None


def accept_every(entry: Entry) -> bool:  # noqa: ARG001 - a filter's signature
    """The filter of a source that has none."""
    return True


def expect_nothing(loaders: Loaders, entries: Sequence[Entry]) -> None:
    """What a source prepares whose events hang on nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Which entries a root field tells, of those that its viewer may get.

    accepts narrows the kinds further and looks at the entry alone. prime tells the loaders of a batch what its
    messages will ask for, so that a batch takes as many statements as one message. check refuses, by an error of
    the ledger, a viewer who may not follow this at all; it runs on the execution's snapshot. An entry of the kinds of
    ends_with is not told: what the viewer follows ends there.
    """

    kinds: frozenset[EventKind]
    accepts: Callable[[Entry], bool] = accept_every
    prime: Callable[[Loaders, Sequence[Entry]], None] = expect_nothing
    check: Callable[[Transaction], Awaitable[object]] | None = None
    ends_with: frozenset[EventKind] = frozenset()

    def takes(self, entry: Entry) -> bool:
        """Whether the field tells this entry."""
        return entry.kind in self.kinds and self.accepts(entry)


@dataclass(slots=True)
class EventBatch:
    """The messages of one execution, in order; source is filled in by the root field that follows them.

    An empty batch tells nothing: it is how the gateway learns the source, and what the viewer is refused.
    """

    messages: Sequence[Message] = ()
    source: Source | None = None


async def follow(context: "Context", source: Source) -> AsyncIterator[Message]:
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
