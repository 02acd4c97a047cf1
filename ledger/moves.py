"""Bulk state transitions: lock the records, change or refuse each, write the changes, and write what follows from them.

One call changes records of one noun in one transaction. Records are locked in key order, so that concurrent calls wait
for each other instead of deadlocking; docs/adr/0010 gives the lock order between nouns. A refused item never stops the
others. It doesn't check transitions itself: the `move` that a caller passes must follow its noun's table of states.
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
    """The record after one item was applied, which may be unchanged, and the event to append."""

    after: R
    event: EventDraft | None = None


@dataclass(frozen=True, slots=True)
class Change(Generic[R]):
    """A record as it was stored before the call and as it is stored after it."""

    before: R
    after: R


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules(Generic[R]):
    """How the items of one call are applied, and what happens after they are written.

    move(place, record) is called for each item in turn with the record as earlier items left it; it raises a
    LedgerError to refuse the item. unknown makes the error for a record that doesn't exist; repeated makes the error
    for a second item about the same record, which is allowed if repeated is None. prepare receives the locked records
    by key before the first item; the mapping is updated as items are applied. also names further records to lock.
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
    """Change records item by item; each result is the record after all items were applied, or why its item was refused.

    Shapes: 1..1000 keys, None for a malformed one; the result has their order and length.
    Errors: NoItemsError, TooManyItemsError, with nothing written; ConflictError if a record was changed concurrently.
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
