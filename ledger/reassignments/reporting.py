"""Reassignments: a carrier says that a number means another subscriber now, and a new epoch begins.

The new subscriber inherits nothing: executed orders of the epoch before end as RECYCLED, and status, risk and verified
count are those of the new epoch. Orders that were not executed yet stay: the carrier answers them
RECYCLED_SINCE_INCIDENT. Another carrier's number, and one that nobody ever complained of, look unknown.
Source: domain.md, Assignment epoch; field.md section 3.1.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text

from ledger.complaints.decisions import recount_verified
from ledger.errors import ConflictError, ForbiddenError, LedgerError, Problem, TimeInvalidError, UnknownError
from ledger.feed.events import EventDraft, append_events
from ledger.feed.vocabulary import EventKind, Subject
from ledger.identifiers import MemberId
from ledger.numbers.forms import parse_number
from ledger.orders.moves import Row, dump_rows, lock_orders, order_event, settle, write_orders
from ledger.orders.states import OrderMove, OrderState, next_order_state
from ledger.permissions import require_batch
from ledger.storage.database import Transaction
from ledger.storage.roles import Role
from ledger.viewer import ViewerKind

_FIND_OWN = text("SELECT e164, epoch FROM phone_numbers WHERE e164 = ANY(:e164s)")

_FIND_EXECUTED = text("""
SELECT o.id FROM block_orders o JOIN phone_numbers n ON n.e164 = o.e164 AND n.epoch = o.epoch
WHERE o.e164 = ANY(:e164s) AND o.state IN ('EXECUTED', 'PARTIAL')
""")

_LOCK = text("""
SELECT n.e164, n.epoch, e.starts_at FROM phone_numbers n
LEFT JOIN number_epochs e ON e.e164 = n.e164 AND e.epoch = n.epoch
WHERE n.e164 = ANY(:e164s) ORDER BY n.e164 FOR NO KEY UPDATE OF n
""")

_APPEND = text("""
INSERT INTO number_epochs (e164, epoch, reported_by, starts_at, recorded_at)
SELECT e164, epoch, reported_by, starts_at, recorded_at
FROM json_populate_recordset(NULL::number_epochs, CAST(:rows AS json))
""")

_BEGIN = text("""
UPDATE phone_numbers n SET epoch = r.epoch, is_disputed = false
FROM json_populate_recordset(NULL::number_epochs, CAST(:rows AS json)) r WHERE n.e164 = r.e164
""")


class ReassignmentTimeError(TimeInvalidError):
    """A number is reassigned after its last reassignment, and not in the future."""

    code = "REASSIGNMENT_TIME_INVALID"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReassignmentDraft:
    """A number as written, and when it was given to another subscriber (with its zone)."""

    number: str
    reassigned_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Reassignment:
    """The epoch that began; was_known where it had been reported before. ended_orders counts orders ended by it."""

    e164: str
    epoch: int
    starts_at: datetime
    was_known: bool
    ended_orders: int


async def report_reassignments(tx: Transaction, drafts: Sequence[ReassignmentDraft]) -> list[Reassignment | Problem]:
    """Begin new epochs of the carrier's own numbers, item by item. Safe to repeat.

    Shapes: 1..1000; results in the order given. Errors: ForbiddenError for any party but a carrier,
    TooManyItemsError; for an item NUMBER_INVALID, NOT_FOUND, REASSIGNMENT_TIME_INVALID, CONFLICT (twice in one call).
    """
    if tx.viewer.kind is not ViewerKind.CARRIER or tx.viewer.member_id is None:
        raise ForbiddenError
    require_batch(drafts)
    e164s = [_e164_or_none(draft.number) for draft in drafts]
    own = await tx.execute(_FIND_OWN, {"e164s": sorted({e164 for e164 in e164s if e164})})
    visible = [row["e164"] for row in own.mappings()]
    async with tx.role(Role.TRANSITION):
        executed = await tx.execute(_FIND_EXECUTED, {"e164s": visible})
        orders = await lock_orders(tx, [str(order_id) for order_id in executed.scalars()])
        locked = await tx.execute(_LOCK, {"e164s": visible})
        batch = _Batch(tx, tx.viewer.member_id, {row["e164"]: dict(row) for row in locked.mappings()}, orders)
        results: list[Reassignment | Problem] = []
        for e164, draft in zip(e164s, drafts, strict=True):
            try:
                results.append(batch.take(e164, draft))
            except LedgerError as error:
                results.append(error.problem())
        await batch.write()
    return results


class _Batch:
    def __init__(
        self, tx: Transaction, carrier_id: MemberId, numbers: dict[str, dict[str, Any]], orders: dict[str, Row]
    ) -> None:
        self.tx = tx
        self.carrier_id = carrier_id
        self.numbers = numbers
        self.orders = orders
        self.begun: dict[str, dict[str, Any]] = {}
        self.ended: list[Row] = []
        self.events: list[EventDraft] = []

    def take(self, e164: str | None, draft: ReassignmentDraft) -> Reassignment:
        if e164 is None:
            parse_number(draft.number)
        number = self.numbers.get(e164 or "")
        if number is None:
            raise UnknownError("There is no such number.", field="number")
        if number["e164"] in self.begun:
            raise ConflictError("The same number stands twice in this call.", field="number")
        if draft.reassigned_at.tzinfo is None or draft.reassigned_at > self.tx.as_of:
            raise ReassignmentTimeError(
                "The reassignment lies in the future, or its zone is missing.", field="reassignedAt"
            )
        before = number["starts_at"]
        if before is not None and draft.reassigned_at <= before:
            if draft.reassigned_at == before:
                return self._answer(number["e164"], number["epoch"], before, was_known=True, ended_orders=0)
            raise ReassignmentTimeError(
                "A later reassignment of this number was reported already.", field="reassignedAt"
            )
        return self._begin(number["e164"], number["epoch"] + 1, draft.reassigned_at)

    def _begin(self, e164: str, epoch: int, starts_at: datetime) -> Reassignment:
        self.begun[e164] = {
            "e164": e164,
            "epoch": epoch,
            "reported_by": self.carrier_id,
            "starts_at": starts_at,
            "recorded_at": self.tx.as_of,
        }
        ended = [row for row in self.orders.values() if row["e164"] == e164]
        for row in ended:
            row["state"] = next_order_state(OrderState(row["state"]), OrderMove.END_RECYCLED).value
            row |= {"ended_at": self.tx.as_of, "end_note": "The number was given to another subscriber."}
            self.events.append(order_event(row, EventKind.ORDER_ENDED, reason="RECYCLED"))
        self.ended.extend(ended)
        self.events.append(
            EventDraft(
                kind=EventKind.NUMBER_REASSIGNED,
                subject=Subject.NUMBER,
                subject_id=e164,
                audience=[self.carrier_id],
                payload={"epoch": epoch, "startsAt": starts_at.isoformat()},
            )
        )
        return self._answer(e164, epoch, starts_at, was_known=False, ended_orders=len(ended))

    @staticmethod
    def _answer(e164: str, epoch: int, starts_at: datetime, *, was_known: bool, ended_orders: int) -> Reassignment:
        return Reassignment(e164=e164, epoch=epoch, starts_at=starts_at, was_known=was_known, ended_orders=ended_orders)

    async def write(self) -> None:
        """Write the epochs, end the orders, and let status, risk and counts follow."""
        if not self.begun:
            return
        rows = dump_rows(list(self.begun.values()))
        await write_orders(self.tx, self.ended)
        await self.tx.execute(_APPEND, {"rows": rows})
        begun = await self.tx.execute(_BEGIN, {"rows": rows})
        if begun.rowcount != len(self.begun):
            raise ConflictError("A number changed under this call; nothing was written.")
        self.events.extend(await settle(self.tx, self.ended))
        await recount_verified(self.tx, sorted(self.begun))
        await append_events(self.tx, self.events)


def _check_time(reassigned_at: datetime, *, as_of: datetime) -> None:
    if reassigned_at.tzinfo is None:
        raise ReassignmentTimeError("The time needs its offset from UTC.", field="reassignedAt")
    if reassigned_at > as_of:
        raise ReassignmentTimeError("The reassignment lies in the future.", field="reassignedAt")


def _e164_or_none(number: str) -> str | None:
    try:
        return parse_number(number).e164
    except LedgerError:
        return None
