"""Acknowledgements: what a carrier reports about the orders addressed to it. Append-only: a correction is one more.

Repeating a statement returns the first recording. A late statement moves the state and stays marked as late; one about
an earlier version or a withdrawn order is recorded with a mark and moves nothing. Another carrier's order looks exactly
like one that does not exist. Lateness is measured by our clock, never by the carrier's.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import and_, or_, select

from ledger.complaints.resolution import resume_complaints
from ledger.errors import ConflictError, ForbiddenError, Problem, UnknownError
from ledger.feed.events import EventDraft
from ledger.feed.vocabulary import EventKind
from ledger.identifiers import ExtensionId, MemberId, new_id, parse_id
from ledger.moves import Change, Moved, Rules, move_records
from ledger.orders.acknowledgement_rules import AcknowledgementDraft, Statement, Verdict, check_draft, judge
from ledger.orders.corrections import check_correction, judge_correction
from ledger.orders.moves import dating, order_event, settle
from ledger.orders.reading import READERS, parse_order_no, visible_orders, visible_statements
from ledger.orders.recorded import RecordedStatements
from ledger.orders.states import BLOCK_ORDERS
from ledger.orders.table import BlockOrder, OrderAcknowledgement, OrderExtension, block_orders
from ledger.orders.vocabulary import AcknowledgementKind
from ledger.permissions import require_batch
from ledger.relations import ToMany, note_of
from ledger.storage.columns import is_any
from ledger.storage.database import Transaction
from ledger.storage.roles import Role
from ledger.storage.rows import insert_records
from ledger.viewer import ViewerKind


class AcknowledgementConflictError(ConflictError):
    """This reference was already used for a different statement about the order."""

    code = "ACKNOWLEDGEMENT_CONFLICT"
    hint = "Use a new reference for a new statement."


class StatementsExhaustedError(ConflictError):
    """This order has reached the maximum number of acknowledgements."""

    code = "TOO_MANY_ACKNOWLEDGEMENTS"
    hint = "Contact the regulator's help desk; one of your systems may be retrying with a new reference each time."


STATEMENTS_MAX = 200
"""For one order, over all its versions, so that a response that lists them stays bounded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AcknowledgedOrder:
    """The acknowledgement that a draft became, and its order afterwards. was_known: it had been recorded before."""

    acknowledgement: OrderAcknowledgement
    order: BlockOrder
    was_known: bool


async def acknowledge_block_orders(
    tx: Transaction, drafts: Sequence[AcknowledgementDraft]
) -> list[AcknowledgedOrder | Problem]:
    """Record what the carrier reports about its orders, item by item; later items see what earlier ones changed.

    Shapes: 1..1000; results in the order given. Units: effective_at is UTC by the carrier's clock.
    Errors: ForbiddenError for any party but a carrier, TooManyItemsError; for an item NOT_FOUND (also another
    carrier's order), REASON_UNKNOWN, EFFECTIVE_TIME_INVALID, ACKNOWLEDGEMENT_CONFLICT, INCOMPATIBLE_STATE; for a
    correction also those of corrections.py.
    Source: domain.md, Acknowledgement; field.md section 1.1 steps 4 and 5; docs/adr/0093.
    """
    carrier_id = tx.viewer.member_id
    if tx.viewer.kind is not ViewerKind.CARRIER or carrier_id is None:
        raise ForbiddenError
    require_batch(drafts)
    targets = await _resolve_orders(tx, drafts)
    batch = _Batch(tx, carrier_id, drafts)

    async def prepare(_orders: Mapping[str, BlockOrder]) -> None:
        await batch.recorded.find(tx, carrier_id, targets, drafts)

    rules = Rules(
        move=dating(tx, batch.take),
        unknown=lambda place: UnknownError(
            "There is no such block order.", field="orderId" if drafts[place].order_id else "orderNo"
        ),
        prepare=prepare,
        follow=batch.write,
    )
    orders = await move_records(tx, BlockOrder, [targets.get(place) for place in range(len(drafts))], rules)
    return [
        order
        if isinstance(order, Problem)
        else AcknowledgedOrder(acknowledgement=batch.said[place], order=order, was_known=place in batch.known_places)
        for place, order in enumerate(orders)
    ]


@dataclass(slots=True)
class _Batch:
    """The acknowledgements of one call: earlier statements, what each draft states, and what to write."""

    tx: Transaction
    carrier_id: MemberId
    drafts: Sequence[AcknowledgementDraft]
    recorded: RecordedStatements = field(default_factory=RecordedStatements)
    said: dict[int, OrderAcknowledgement] = field(default_factory=dict)
    known_places: set[int] = field(default_factory=set)
    appended: list[OrderAcknowledgement] = field(default_factory=list)

    def take(self, place: int, order: BlockOrder) -> Moved[BlockOrder]:
        """Judge one draft against its order's current state. Errors: a LedgerError."""
        draft = self.drafts[place]
        statement = check_draft(draft, order, as_of=self.tx.as_of, policy=self.tx.policies)
        check_correction(draft, statement)
        earlier = self._find_earlier(order, statement, draft)
        if earlier is not None:
            self.said[place] = earlier
            self.known_places.add(place)
            return Moved(order)
        if self.recorded.counts[order.id] >= STATEMENTS_MAX:
            raise StatementsExhaustedError(field="orderId")
        corrected = self.recorded.get_corrected(order, draft) if draft.is_correction else None
        if corrected is None:
            verdict = judge(statement, order, as_of=self.tx.as_of)
        else:
            verdict = judge_correction(statement, order, corrected, as_of=self.tx.as_of)
        said = self.said[place] = self._record(order, statement, verdict, corrected)
        self.appended.append(said)
        self.recorded.add(said)
        return Moved(verdict.after, _event(verdict.after, said))

    def _find_earlier(
        self, order: BlockOrder, statement: Statement, draft: AcknowledgementDraft
    ) -> OrderAcknowledgement | None:
        """Return the first recording of the same statement. A draft without a version matches any version."""
        for said in self.recorded.with_key(order.id, statement.kind, statement.reference):
            if draft.version is not None and said.version != draft.version:
                continue
            is_same = (said.reason, said.note, said.until) == (statement.reason, statement.note, statement.until)
            is_at_same_time = draft.effective_at is None or said.effective_at == draft.effective_at
            if not (is_same and is_at_same_time and self.recorded.corrects_same(said, draft)):
                raise AcknowledgementConflictError(field="reference")
            return said
        return None

    def _record(
        self, order: BlockOrder, statement: Statement, verdict: Verdict, corrected: OrderAcknowledgement | None
    ) -> OrderAcknowledgement:
        is_request = statement.kind is AcknowledgementKind.EXTENSION_REQUESTED
        return OrderAcknowledgement(
            id=statement.id,
            order_id=order.id,
            carrier_id=self.carrier_id,
            version=statement.version,
            kind=statement.kind,
            reason=statement.reason,
            reference=statement.reference,
            note=statement.note,
            until=statement.until,
            effective_at=statement.effective_at,
            recorded_at=self.tx.as_of,
            is_late=verdict.is_late,
            is_excused=False,
            moved_state=verdict.mark is None and not is_request,
            mark=verdict.mark,
            client_id=self.tx.viewer.client_id,
            corrects=corrected.id if corrected is not None else None,
        )

    async def write(self, changes: Sequence[Change[BlockOrder]]) -> list[EventDraft]:
        """Write the statements under the carrier's role, so that row-level security applies, and settle the orders."""
        if self.appended:
            async with self.tx.role(Role.CARRIER):
                await insert_records(self.tx, self.appended)
                await insert_records(self.tx, _requests_of(self.appended))
        corrected = sorted({said.order_id for said in self.appended if said.corrects is not None})
        resumed = await resume_complaints(self.tx, BLOCK_ORDERS, corrected)
        return resumed + await settle(self.tx, [change.after for change in changes])


def _requests_of(said: Sequence[OrderAcknowledgement]) -> list[OrderExtension]:
    """Return the requests for more time among the statements; no other statement has until."""
    return [
        OrderExtension(
            id=ExtensionId(new_id()),
            order_id=each.order_id,
            carrier_id=each.carrier_id,
            acknowledgement_id=each.id,
            until=each.until,
            reason=each.reason,
            requested_at=each.recorded_at,
        )
        for each in said
        if each.until is not None
    ]


def _event(order: BlockOrder, said: OrderAcknowledgement) -> EventDraft:
    is_request = said.kind is AcknowledgementKind.EXTENSION_REQUESTED
    correction = {"corrects": said.corrects} if said.corrects is not None else {}
    return order_event(
        order,
        EventKind.EXTENSION_REQUESTED if is_request else EventKind.ORDER_ACKNOWLEDGED,
        acknowledgementId=said.id,
        acknowledgement=said.kind,
        reason=said.reason,
        late=said.is_late,
        mark=said.mark,
        **correction,
    )


async def _resolve_orders(tx: Transaction, drafts: Sequence[AcknowledgementDraft]) -> dict[int, str]:
    """Return the order that each draft names, by place, without those that the carrier can't see."""
    ids = {place: known for place, draft in enumerate(drafts) if (known := parse_id(draft.order_id or ""))}
    numbers = {
        place: parsed[1]
        for place, draft in enumerate(drafts)
        if draft.order_id is None and (parsed := parse_order_no(draft.order_no or ""))
    }
    c = block_orders.c
    wanted = or_(is_any(c.id, sorted(set(ids.values()))), is_any(c.order_serial, sorted(set(numbers.values()))))
    found = (await tx.execute(select(c.id, c.order_serial).where(and_(visible_orders(tx.viewer), wanted)))).all()
    visible = {row.id for row in found}
    by_serial = {row.order_serial: row.id for row in found}
    targets = {place: order_id for place, order_id in ids.items() if order_id in visible}
    return targets | {place: by_serial[serial] for place, serial in numbers.items() if serial in by_serial}


load_acknowledgements = ToMany(
    OrderAcknowledgement,
    by="order_id",
    kinds=READERS,
    visible=visible_statements,
    note=note_of(OrderAcknowledgement),
)
"""Acknowledgements by order, oldest first."""
