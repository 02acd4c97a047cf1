"""Which entries of the feed a subscription sends, and the batch of messages that one execution of it gets."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from ledger.feed.entries import Entry
from ledger.feed.vocabulary import EventKind
from ledger.storage.database import Transaction
from resolvers.loaders import Loaders


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
