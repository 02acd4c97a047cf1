"""Moving records, many at a time: lock them, let each be changed or refused, write what changed, and what follows.

One call is one transaction's worth of one noun. Records are locked in the order of their keys, so that two calls wait
for each other instead of deadlocking; the order among nouns is docs/adr/0010. One item that is refused never stops the
others. It must never move a record outside its noun's table of states: the change that a caller passes sees to that.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from ledger.errors import LedgerError, Problem
from ledger.feed.events import EventDraft, append_events
from ledger.permissions import require_batch
from ledger.storage.database import Transaction
from ledger.storage.records import hide
from ledger.storage.roles import ROLE_OF_VIEWER, Role
from ledger.storage.rows import lock_records, update_records

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Moved(Generic[R]):
    """What an item makes of its record, and the event of it; the record may stay as it was."""

    after: R
    event: EventDraft | None = None


@dataclass(frozen=True, slots=True)
class Change(Generic[R]):
    """A record before a call and after it, as it is stored."""

    before: R
    after: R


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules(Generic[R]):
    """How the items of one call are judged, and what follows when they are written.

    move(place, record) is called for each item in turn with the record as the items before left it; it raises a
    LedgerError to refuse the item. unknown is the refusal where there is no such record; repeated is the one of a
    second item about the same record, which is taken where that is None. prepare gets the locked records by key
    before the first item; they change as the items do. also names records to be locked beside those of the items.
    follow runs after the records are written and returns further events.
    """

    move: Callable[[int, R], Moved[R]]
    unknown: Callable[[int], LedgerError]
    repeated: Callable[[], LedgerError] | None = None
    also: Collection[str] = ()
    prepare: Callable[[Mapping[str, R]], Awaitable[None]] | None = None
    follow: Callable[[Sequence[Change[R]]], Awaitable[Sequence[EventDraft]]] | None = None


@dataclass(slots=True)
class _Batch(Generic[R]):
    locked: Mapping[str, R]
    present: dict[str, R]
    refused: dict[int, Problem] = field(default_factory=dict)
    moved: dict[str, R] = field(default_factory=dict)
    events: list[EventDraft] = field(default_factory=list)


async def move_records(
    tx: Transaction, record: type[R], keys: Sequence[str | None], rules: Rules[R]
) -> list[R | Problem]:
    """Change records, item by item; each result is the record as it stands after all of them, or why it was refused.

    Shapes: 1..1000 keys, None for one that can name nothing; the result has their order and length.
    Errors: NoItemsError, TooManyItemsError, with nothing written; ConflictError where a record was changed by others.
    """
    require_batch(keys)
    async with tx.role(Role.TRANSITION):
        wanted = {key for key in (*keys, *rules.also) if key is not None}
        locked = await lock_records(tx, record, sorted(wanted))
        batch = _Batch(locked, dict(locked))
        if rules.prepare is not None:
            await rules.prepare(batch.present)
        for place, key in enumerate(keys):
            try:
                _take(batch, place, key, rules)
            except LedgerError as error:
                batch.refused[place] = error.problem()
        written = await update_records(tx, [(locked[key], after) for key, after in batch.moved.items()])
        changes = [Change(locked[key], after) for key, after in zip(batch.moved, written, strict=True)]
        batch.present.update(zip(batch.moved, written, strict=True))
        if rules.follow is not None:
            batch.events.extend(await rules.follow(changes))
        await append_events(tx, batch.events)
    return [_answer(tx, batch, place, key) for place, key in enumerate(keys)]


def _take(batch: _Batch[R], place: int, key: str | None, rules: Rules[R]) -> None:
    record = None if key is None else batch.present.get(key)
    if key is None or record is None:
        raise rules.unknown(place)
    if rules.repeated is not None and key in batch.moved:
        raise rules.repeated()
    moved = rules.move(place, record)
    if moved.after is not record:
        batch.present[key] = batch.moved[key] = moved.after
    if moved.event is not None:
        batch.events.append(moved.event)


def _answer(tx: Transaction, batch: _Batch[Any], place: int, key: str | None) -> Any:
    if place in batch.refused:
        return batch.refused[place]
    return hide(batch.present[key or ""], ROLE_OF_VIEWER[tx.viewer.kind])
