"""What all subscriptions share: the `after` argument, and the fields that every message and event has.

A message always has a cursor. Its event is null if the message only reports the position to resume from, such as the
first message of a subscription without `after`.
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
    """One value of an event's payload; None if the payload doesn't have it or was erased."""
    said = entry.payload.get(name)
    return None if said is None else make(said)


def read_moment(entry: Entry, name: str) -> datetime | None:
    """A time in an event's payload."""
    return read_said(entry, name, datetime.fromisoformat)


def read_state(entry: Entry, make: Callable[[str], T]) -> T | None:
    """The state of the event's subject after the event."""
    return None if entry.state is None else make(entry.state)
