"""Reassignments: a carrier reports that a number now belongs to another subscriber, and a new epoch begins.

The new subscriber inherits nothing: executed orders of the previous epoch end as RECYCLED, and status, risk and
verified count are those of the new epoch. Orders not yet executed stay open: the carrier answers them with IMPOSSIBLE
and RECYCLED_SINCE_INCIDENT. Another carrier's number, or one that nobody complained about, is reported as unknown.
Source: domain.md, Assignment epoch; field.md section 3.1.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy import select

from ledger.complaints.decisions import recount_verified
from ledger.errors import ConflictError, ForbiddenError, Problem, TimeInvalidError, UnknownError
from ledger.feed.events import EventDraft
from ledger.feed.vocabulary import EventKind, Subject
from ledger.identifiers import MemberId
from ledger.moves import Change, Moved, Rules, move_records
from ledger.numbers.forms import find_e164, parse_number
from ledger.numbers.table import NumberEpoch, PhoneNumber, number_epochs, phone_numbers
from ledger.orders.moves import order_event, settle
from ledger.orders.states import OrderMove, OrderState, next_order_state
from ledger.orders.table import BlockOrder, block_orders
from ledger.permissions import require_batch
from ledger.storage.database import Transaction
from ledger.storage.roles import Role
from ledger.storage.rows import fetch_records, insert_records, lock_records, select_records, update_records
from ledger.viewer import ViewerKind

_EXECUTED = (OrderState.EXECUTED, OrderState.PARTIAL)


class ReassignmentTimeError(TimeInvalidError):
    """A reassignment must be later than the number's previous one, and not in the future."""

    code = "REASSIGNMENT_TIME_INVALID"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReassignmentDraft:
    """A number as written, and when it was assigned to another subscriber, with a UTC offset."""

    number: str
    reassigned_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Reassignment:
    """The epoch that began. was_known: it had been reported before. ended_orders: how many orders it ended."""

    e164: str
    epoch: int
    starts_at: datetime
    was_known: bool
    ended_orders: int


async def report_reassignments(tx: Transaction, drafts: Sequence[ReassignmentDraft]) -> list[Reassignment | Problem]:
    """Begin new epochs for the carrier's own numbers, item by item. Safe to repeat.

    Shapes: 1..1000; results in the order given. Errors: ForbiddenError for any party but a carrier,
    TooManyItemsError; for an item NUMBER_INVALID, NOT_FOUND, REASSIGNMENT_TIME_INVALID, CONFLICT (twice in one call).
    """
    carrier_id = tx.viewer.member_id
    if tx.viewer.kind is not ViewerKind.CARRIER or carrier_id is None:
        raise ForbiddenError
    require_batch(drafts)
    e164s = [find_e164(draft.number) for draft in drafts]
    c = phone_numbers.c
    own = await tx.execute(select(c.e164).where(c.e164.in_({e164 for e164 in e164s if e164})))
    visible = set(own.scalars())
    batch = _Batch(tx, carrier_id, drafts, await _lock_executed(tx, visible))
    rules = Rules(
        move=batch.take,
        unknown=batch.refuse,
        repeated=lambda: ConflictError("The same number appears twice in this call.", field="number"),
        prepare=batch.find_epochs,
        follow=batch.write,
    )
    keys = [e164 if e164 in visible else None for e164 in e164s]
    numbers = await move_records(tx, PhoneNumber, keys, rules)
    return [number if isinstance(number, Problem) else batch.answers[place] for place, number in enumerate(numbers)]


@dataclass(slots=True)
class _Batch:
    """The reassignments of one call: the orders that they may end, and the epochs that begin."""

    tx: Transaction
    carrier_id: MemberId
    drafts: Sequence[ReassignmentDraft]
    executed: Mapping[str, BlockOrder]
    epochs: dict[str, NumberEpoch] = field(default_factory=dict)
    begun: list[NumberEpoch] = field(default_factory=list)
    ended: list[tuple[BlockOrder, BlockOrder]] = field(default_factory=list)
    answers: dict[int, Reassignment] = field(default_factory=dict)

    async def find_epochs(self, numbers: Mapping[str, PhoneNumber]) -> None:
        """Read when the current epoch of each number began."""
        c = number_epochs.c
        statement = select_records(self.tx, NumberEpoch).where(c.e164.in_(list(numbers)))
        for epoch in await fetch_records(self.tx, NumberEpoch, statement):
            if epoch.epoch == numbers[epoch.e164].epoch:
                self.epochs[epoch.e164] = epoch

    def refuse(self, place: int) -> UnknownError:
        """The error for a number that the carrier doesn't hold. Errors: NumberInvalidError if it is not a number."""
        parse_number(self.drafts[place].number)
        return UnknownError("There is no such number.", field="number")

    def take(self, place: int, number: PhoneNumber) -> Moved[PhoneNumber]:
        """Judge one reassignment. Errors: ReassignmentTimeError."""
        reassigned_at = self.drafts[place].reassigned_at
        if reassigned_at.tzinfo is None or reassigned_at > self.tx.as_of:
            raise ReassignmentTimeError(
                "The reassignment is in the future, or its UTC offset is missing.", field="reassignedAt"
            )
        present = self.epochs.get(number.e164)
        if present is not None and present.starts_at is not None and reassigned_at <= present.starts_at:
            if reassigned_at < present.starts_at:
                raise ReassignmentTimeError(
                    "A later reassignment of this number has already been reported.", field="reassignedAt"
                )
            self.answers[place] = _answer(present, present.starts_at, was_known=True)
            return Moved(number)
        begun = NumberEpoch(
            e164=number.e164,
            epoch=(number.epoch or 0) + 1,
            reported_by=self.carrier_id,
            starts_at=reassigned_at,
            recorded_at=self.tx.as_of,
        )
        ended = [
            self._end(order)
            for order in self.executed.values()
            if (order.e164, order.epoch) == (number.e164, number.epoch)
        ]
        self.begun.append(begun)
        self.ended.extend(ended)
        self.answers[place] = _answer(begun, reassigned_at, was_known=False, ended_orders=len(ended))
        return Moved(replace(number, epoch=begun.epoch, is_disputed=False))

    def _end(self, order: BlockOrder) -> tuple[BlockOrder, BlockOrder]:
        ended = replace(
            order,
            state=next_order_state(order.state, OrderMove.END_RECYCLED),
            ended_at=self.tx.as_of,
            end_note="The number was given to another subscriber.",
        )
        return order, ended

    async def write(self, _changes: Sequence[Change[PhoneNumber]]) -> list[EventDraft]:
        """Write the epochs, end the orders, and update status, risk and counts."""
        await insert_records(self.tx, self.begun)
        ended = await update_records(self.tx, self.ended)
        events = [order_event(order, EventKind.ORDER_ENDED, reason="RECYCLED") for order in ended]
        events.extend(self._event(epoch) for epoch in self.begun)
        events.extend(await settle(self.tx, ended))
        await recount_verified(self.tx, sorted(epoch.e164 for epoch in self.begun))
        return events

    def _event(self, epoch: NumberEpoch) -> EventDraft:
        starts_at = None if epoch.starts_at is None else epoch.starts_at.isoformat()
        return EventDraft(
            kind=EventKind.NUMBER_REASSIGNED,
            subject=Subject.NUMBER,
            subject_id=epoch.e164,
            audience=[self.carrier_id],
            payload={"epoch": epoch.epoch, "startsAt": starts_at},
        )


def _answer(epoch: NumberEpoch, starts_at: datetime, *, was_known: bool, ended_orders: int = 0) -> Reassignment:
    return Reassignment(
        e164=epoch.e164, epoch=epoch.epoch, starts_at=starts_at, was_known=was_known, ended_orders=ended_orders
    )


async def _lock_executed(tx: Transaction, e164s: set[str]) -> Mapping[str, BlockOrder]:
    """Lock the executed orders of the numbers' current epochs, before the numbers themselves (docs/adr/0010).

    An order that another transaction moved before its lock was released is no longer executed, and is left alone.
    """
    o, n = block_orders.c, phone_numbers.c
    blocked = o.state.in_([state.value for state in _EXECUTED])
    statement = select(o.id).join(phone_numbers, (n.e164 == o.e164) & (n.epoch == o.epoch))
    async with tx.role(Role.TRANSITION):
        ids = (await tx.execute(statement.where(o.e164.in_(e164s), blocked))).scalars()
        locked = await lock_records(tx, BlockOrder, list(ids))
    return {order_id: order for order_id, order in locked.items() if order.state in _EXECUTED}
