"""Which entries of the feed a subscription sends, and the batch of messages that one execution of it gets."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from ledger.feed.entries import Entry
from ledger.feed.vocabulary import EventKind
from ledger.storage.database import Transaction
from resolvers.loaders import Loaders


@dataclass(frozen=True, slots=True)
class Message:
    """What a subscriber is sent once: the cursor, and the entry, or None for the cursor alone."""

    cursor: str
    entry: Entry | None = None


def accept_every(entry: Entry) -> bool:  # noqa: ARG001 - a filter's signature
    """Accept everything: the filter of a source without one."""
    return True


def expect_nothing(loaders: Loaders, entries: Sequence[Entry]) -> None:
    """Prepare nothing: for a source whose events refer to nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Which entries a root field sends, of those that its viewer may get.

    accepts narrows the kinds further and looks only at the entry. prime makes the loaders of a batch expect what its
    messages will ask for, so that a batch takes as many statements as one message. check refuses, with an error of the
    ledger, a viewer who may not follow this at all; it runs on the execution's snapshot. An entry of the kinds in
    ends_with is not sent: it ends the viewer's stream.
    """

    kinds: frozenset[EventKind]
    accepts: Callable[[Entry], bool] = accept_every
    prime: Callable[[Loaders, Sequence[Entry]], None] = expect_nothing
    check: Callable[[Transaction], Awaitable[object]] | None = None
    ends_with: frozenset[EventKind] = frozenset()

    def takes(self, entry: Entry) -> bool:
        """Whether the field sends this entry."""
        return entry.kind in self.kinds and self.accepts(entry)


@dataclass(slots=True)
class EventBatch:
    """The messages of one execution, in order; the root field that follows them fills in source.

    An empty batch sends nothing: through it the gateway learns the source, or why the viewer is refused.
    """

    messages: Sequence[Message] = ()
    source: Source | None = None
