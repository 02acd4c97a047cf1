"""What all subscriptions share: the argument to go on after, and the parts that every message and event has.

A message has a cursor always. Its event is null where it only tells the place to go on from: the first message of a
subscription without `after` is one.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, TypeAlias, TypeVar

import strawberry

from ledger.feed.entries import Entry
from schema.scalars import FeedCursor

T = TypeVar("T")

FollowAfter: TypeAlias = Annotated[
    FeedCursor | None,
    strawberry.argument(
        description="Send what follows this cursor: first what has happened since, then what happens next. "
        "Without a cursor, the stream starts from now."
    ),
]

CURSOR = "The place after this message; keep it, and pass it as `after` to resume from there."
EVENT = "What happened; null if the message only reports a place."


def read_said(entry: Entry, name: str, make: Callable[[Any], T]) -> T | None:
    """One side of what an event says, None where it says nothing of it or was erased."""
    said = entry.payload.get(name)
    return None if said is None else make(said)


def read_moment(entry: Entry, name: str) -> datetime | None:
    """A time that an event says."""
    return read_said(entry, name, datetime.fromisoformat)


def read_state(entry: Entry, make: Callable[[str], T]) -> T | None:
    """The state that the thing had after the event."""
    return None if entry.state is None else make(entry.state)
