"""The tables of block orders, their versions as issued, the complaints behind them, and the carriers' statements."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    ColumnElement,
    Index,
    Text,
    UniqueConstraint,
    Uuid,
    and_,
    case,
    cast,
    func,
    literal_column,
    text,
)

from ledger.feed.vocabulary import Subject
from ledger.identifiers import (
    AcknowledgementId,
    BrandId,
    ClientId,
    ComplaintId,
    DirectiveId,
    ExtensionId,
    MemberId,
    OfficeId,
    OfficerId,
    OrderId,
)
from ledger.orders.states import (
    AWAITING_CARRIER,
    OPEN_ORDER_STATES,
    STATUS_OF_STATE,
    UNFINISHED,
    ExtensionState,
    OrderMove,
    OrderState,
    states_before,
)
from ledger.orders.vocabulary import (
    AcknowledgementKind,
    AcknowledgementMark,
    BlockScope,
    ImpossibleReason,
    LiftBasis,
)
from ledger.serial_numbers import render_serial_no
from ledger.storage.access import EVERYTHING, ME, MY_BRAND, OF_MY_BRAND, TRANSITION_MOVES, Access, reads
from ledger.storage.columns import is_one_of
from ledger.storage.commitments import CommittedBy
from ledger.storage.markers import (
    AS_OF,
    ASSIGNED,
    BIG,
    DERIVED,
    KEY,
    REQUIRED,
    SERIAL,
    UNIQUE,
    Columns,
    derived,
    only,
    references,
)
from ledger.storage.records import declare
from ledger.storage.roles import Role
from ledger.vocabulary import BlockRequestStatus, Category, HoldReason

LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
"""When an order changed that no event is about yet; none that was committed has it."""
_OF_EVERY_CARRIER = "version >= 1"
_OFFICE = only(Role.REGULATOR)
_OPEN, _UNFINISHED, _AWAITED = (
    ", ".join(f"'{state}'" for state in sorted(states)) for states in (OPEN_ORDER_STATES, UNFINISHED, AWAITING_CARRIER)
)


def _order_no(c: Columns) -> ColumnElement[str]:
    return render_serial_no("O", c.drafted_at, c.order_serial)


def _lift_no(c: Columns) -> ColumnElement[Any]:
    lift_no = func.concat(_order_no(c), "-L", cast(c.version, Text), type_=Text())
    return case((c.lift_issued_at.is_not(None), lift_no))


def _is_overdue(c: Columns) -> ColumnElement[Any]:
    """Never NULL, and a condition that an index answers."""
    is_owed = is_one_of(c.state, (state.value for state in AWAITING_CARRIER))
    return and_(is_owed, c.due_at.is_not(None), c.due_at < AS_OF)


def _is_unconfirmed(c: Columns) -> ColumnElement[Any]:
    """Never NULL, and a condition that an index answers."""
    confirmable = is_one_of(c.state, (state.value for state in states_before(OrderMove.CONFIRM)))
    return and_(c.confirmation_due_at.is_not(None), confirmable)


def _is_confirmation_overdue(c: Columns) -> ColumnElement[Any]:
    return and_(_is_unconfirmed(c), c.confirmation_due_at < AS_OF)


def _status(c: Columns) -> ColumnElement[Any]:
    return case({state.value: status.value for state, status in STATUS_OF_STATE.items()}, value=c.state)


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockOrder:
    """One block order as the viewer may see it. Fields that only the regulator may see are None for others.

    standing_acknowledgement_id is the latest statement that moved the state.
    lift_no is the lift's own number: the order's number, with the version that issued the lift. is_overdue: the
    carrier still has to act although the due time has passed. drafted_complaint_count and drafted_complainant_count
    are of the complaints that it was drafted on, and do not change. A scheduled forwarding run, which no officer
    started, leaves office_id and drafted_by empty. is_emergency: its drafter issued it alone.
    confirmation_due_at is set while what one officer issued alone, the order or its lift, has not been confirmed.
    lift_issued_by approved the lift, or issued it alone if there is no lift_drafted_by. changed_at is the time of the
    last event about the order that all who may read it receive, so that a proposal, which the regulator alone sees,
    doesn't change it; it never goes back.
    """

    id: Annotated[OrderId, KEY]
    order_serial: Annotated[int, BIG, SERIAL, UNIQUE] = ASSIGNED
    order_no: Annotated[str, derived(_order_no)] = DERIVED
    version: int = 1
    directive_id: DirectiveId
    supersedes_id: Annotated[OrderId | None, references("block_orders.id")] = None
    carrier_id: Annotated[MemberId, references("members.id")]
    brand_id: Annotated[BrandId | None, references("brands.id")] = None
    e164: Annotated[str, references("phone_numbers.e164")]
    epoch: int
    category: Category
    scope: BlockScope
    legal_basis: str
    summary: str
    subscriber_notice: str
    complaint_count: int = 0
    drafted_complaint_count: Annotated[int | None, REQUIRED, _OFFICE] = 0
    drafted_complainant_count: Annotated[int | None, REQUIRED, _OFFICE] = 0
    state: OrderState = OrderState.DRAFT
    status: Annotated[BlockRequestStatus, derived(_status)] = DERIVED
    impossible_reason: ImpossibleReason | None = None
    last_acknowledgement: AcknowledgementKind | None = None
    standing_acknowledgement_id: AcknowledgementId | None = None
    office_id: Annotated[OfficeId | None, references("offices.id"), _OFFICE]
    drafted_by: Annotated[OfficerId | None, references("officers.id"), _OFFICE]
    drafted_at: datetime
    approved_by: Annotated[OfficerId | None, references("officers.id"), _OFFICE] = None
    return_reason: Annotated[str | None, _OFFICE] = None
    hold_reasons: Annotated[tuple[HoldReason, ...] | None, REQUIRED, _OFFICE] = ()
    override_note: Annotated[str | None, _OFFICE] = None
    overridden_by: Annotated[OfficerId | None, references("officers.id"), _OFFICE] = None
    is_emergency: bool = False
    emergency_note: Annotated[str | None, _OFFICE] = None
    confirmation_due_at: Annotated[datetime | None, _OFFICE] = None
    is_unconfirmed: Annotated[bool | None, derived(_is_unconfirmed), _OFFICE] = DERIVED
    is_confirmation_overdue: Annotated[bool | None, derived(_is_confirmation_overdue), _OFFICE] = DERIVED
    issued_at: datetime | None = None
    due_at: datetime | None = None
    is_overdue: Annotated[bool, derived(_is_overdue)] = DERIVED
    executed_at: datetime | None = None
    effective_at: datetime | None = None
    was_late: bool = False
    ended_at: datetime | None = None
    ended_by: Annotated[OfficerId | None, references("officers.id"), _OFFICE] = None
    end_note: Annotated[str | None, _OFFICE] = None
    lift_drafted_at: Annotated[datetime | None, _OFFICE] = None
    lift_basis: LiftBasis | None = None
    lift_no: Annotated[str | None, derived(_lift_no)] = DERIVED
    lift_note: Annotated[str | None, _OFFICE] = None
    lift_drafted_by: Annotated[OfficerId | None, references("officers.id"), _OFFICE] = None
    lift_issued_by: Annotated[OfficerId | None, references("officers.id"), _OFFICE] = None
    lift_confirmed_by: Annotated[OfficerId | None, references("officers.id"), _OFFICE] = None
    lift_issued_at: datetime | None = None
    lifted_at: datetime | None = None
    changed_at: datetime = LONG_AGO


OPEN_NUMBER = "uq_block_orders_open_number"
"""At most one order is open for a number, epoch and carrier."""

block_orders = declare(
    "block_orders",
    BlockOrder,
    CheckConstraint("drafted_by <> approved_by", name="four_eyes"),
    CheckConstraint("drafted_by IS NOT NULL OR NOT is_emergency", name="emergency_has_drafter"),
    CheckConstraint("(state IN ('DRAFT', 'DISCARDED')) = (issued_at IS NULL)", name="issued_once_approved"),
    CheckConstraint("lift_drafted_by <> lift_issued_by", name="lift_four_eyes"),
    CheckConstraint("lift_issued_by <> lift_confirmed_by", name="lift_confirmed_by_another"),
    CheckConstraint(
        "issued_at IS NULL OR (due_at IS NOT NULL AND (approved_by IS NOT NULL OR is_emergency))",
        name="issued_with_due_time",
    ),
    CheckConstraint(
        "issued_at IS NULL OR cardinality(hold_reasons) = 0 OR override_note IS NOT NULL", name="held_until_overridden"
    ),
    Index(
        OPEN_NUMBER,
        "e164",
        "epoch",
        "carrier_id",
        unique=True,
        postgresql_where=text(f"state IN ({_OPEN})"),
    ),
    Index("ix_block_orders_carrier_id_due_at_id", "carrier_id", "due_at", "id"),
    Index("ix_block_orders_due_at_id", "due_at", "id", postgresql_where=text(_OF_EVERY_CARRIER)),
    Index("ix_block_orders_carrier_id_id", "carrier_id", "id"),
    Index(
        "ix_block_orders_unfinished",
        "due_at",
        "id",
        postgresql_where=text(f"state IN ({_UNFINISHED}) AND {_OF_EVERY_CARRIER}"),
    ),
    Index(
        "ix_block_orders_carrier_id_awaited",
        "carrier_id",
        "due_at",
        "id",
        postgresql_where=text(f"state IN ({_AWAITED})"),
    ),
    Index("ix_block_orders_e164", "e164"),
    *(
        index
        for name in ("issued_at", "executed_at", "lifted_at")
        for index in (
            Index(
                f"ix_block_orders_{name}_id",
                name,
                "id",
                postgresql_where=text(f"{name} IS NOT NULL AND {_OF_EVERY_CARRIER}"),
            ),
            Index(
                f"ix_block_orders_carrier_id_{name}_id",
                "carrier_id",
                name,
                "id",
                postgresql_where=text(f"{name} IS NOT NULL"),
            ),
        )
    ),
    Index("ix_block_orders_changed_at_id", "changed_at", "id", postgresql_where=text(_OF_EVERY_CARRIER)),
    Index("ix_block_orders_carrier_id_changed_at_id", "carrier_id", "changed_at", "id"),
    Index("ix_block_orders_late", "due_at", "id", postgresql_where=text(f"was_late AND {_OF_EVERY_CARRIER}")),
    Index("ix_block_orders_carrier_id_late", "carrier_id", "due_at", "id", postgresql_where=text("was_late")),
    Index(
        "ix_block_orders_confirmation_due_at",
        "confirmation_due_at",
        postgresql_where=text("confirmation_due_at IS NOT NULL"),
    ),
    Index(
        "ix_block_orders_lift_drafted_at",
        "lift_drafted_at",
        postgresql_where=text("lift_drafted_at IS NOT NULL AND lift_issued_at IS NULL"),
    ),
    Index(
        "ix_block_orders_impossible_reason",
        "impossible_reason",
        "due_at",
        "id",
        postgresql_where=text("impossible_reason IS NOT NULL"),
    ),
    access=(
        *reads(Role.REGULATOR),
        *reads(Role.CARRIER, rows=f"carrier_id = {ME} AND issued_at IS NOT NULL AND {OF_MY_BRAND}"),
        *reads(Role.RETENTION, Role.ARCHIVE, select=("id", "e164")),
        TRANSITION_MOVES,
    ),
    # A trigger on events keeps changed_at, after the event has committed to the row; it follows from the log itself.
    committed_by=CommittedBy(Subject.BLOCK_ORDER, without=frozenset({"changed_at"})),
    is_watched=True,
)

OF_EVERY_CARRIER = block_orders.c.version >= literal_column("1")
"""True of every order: who reads all carriers' orders asks it as well, and the indexes for that have no other rows.

No plan for one carrier can then take such an index. PostgreSQL may plan a statement once for all carriers, and would
let a small one pass over everyone else's orders to find its own few.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockOrderVersion:
    """One version of an order, or of its lift, as it was issued. issued_by is None if the gateway issued the lift."""

    order_id: Annotated[OrderId, KEY, references("block_orders.id")]
    version: Annotated[int, KEY]
    carrier_id: Annotated[MemberId, references("members.id", index=True)]
    scope: BlockScope
    legal_basis: str
    summary: str
    issued_by: Annotated[OfficerId | None, references("officers.id")]
    issued_at: datetime
    due_at: datetime
    is_lift: bool = False


OF_MY_ORDERS = (
    f"carrier_id = {ME} AND CASE WHEN {MY_BRAND} IS NULL THEN true ELSE EXISTS "
    f"(SELECT 1 FROM block_orders o WHERE o.id = order_id AND o.brand_id = {MY_BRAND}) END"
)
"""What belongs to an order has no brand of its own: a brand's client reads and says it for its brand's orders alone."""

declare(
    "block_order_versions",
    BlockOrderVersion,
    access=(*reads(Role.REGULATOR), *reads(Role.CARRIER, rows=OF_MY_ORDERS), TRANSITION_MOVES),
    committed_by=CommittedBy(Subject.BLOCK_ORDER, "order_id"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderComplaint:
    """A link between an order and a complaint behind it."""

    order_id: Annotated[OrderId, KEY, references("block_orders.id")]
    complaint_id: Annotated[ComplaintId, KEY, references("complaints.id")]
    joined_at: datetime


order_complaints = declare(
    "order_complaints",
    OrderComplaint,
    Index("ix_order_complaints_complaint_id", "complaint_id"),
    is_watched=True,
    access=(*reads(Role.REGULATOR, Role.RETENTION), TRANSITION_MOVES),
)

_SAID_BY_CARRIERS = (
    *reads(Role.REGULATOR),
    Access(role=Role.CARRIER, rows=OF_MY_ORDERS, select=EVERYTHING, insert=True),
)


def _is_excused(c: Columns) -> ColumnElement[Any]:
    said = c.id.table.name
    return literal_column(
        f"({said}.is_late AND EXISTS (SELECT 1 FROM outage_extensions e WHERE e.order_id = {said}.order_id "
        f"AND {said}.recorded_at > e.due_before AND {said}.recorded_at <= e.due_after))",
        Boolean(),
    )


def _corrected_by(c: Columns) -> ColumnElement[Any]:
    """At most one statement corrects another."""
    said = c.id.table.name
    return literal_column(
        f"(SELECT later.id FROM order_acknowledgements later WHERE later.corrects = {said}.id)", Uuid(as_uuid=False)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderAcknowledgement:
    """One statement as recorded. effective_at is by the carrier's clock, recorded_at by ours.

    corrects is the earlier statement that it replaces, and corrected_by the later one that replaces it. is_excused: it
    was late, but by an outage of ours that was recorded afterwards, and is not by the due time as that extended it.
    """

    id: Annotated[AcknowledgementId, KEY]
    order_id: Annotated[OrderId, references("block_orders.id")]
    carrier_id: Annotated[MemberId, references("members.id")]
    version: int
    kind: AcknowledgementKind
    reason: str | None = None
    reference: str
    note: str | None = None
    until: datetime | None = None
    effective_at: datetime
    recorded_at: datetime
    is_late: bool = False
    is_excused: Annotated[bool, derived(_is_excused)] = DERIVED
    moved_state: bool
    mark: AcknowledgementMark | None = None
    client_id: ClientId | None = None
    corrects: Annotated[AcknowledgementId | None, references("order_acknowledgements.id")] = None
    corrected_by: Annotated[AcknowledgementId | None, derived(_corrected_by)] = DERIVED


order_acknowledgements = declare(
    "order_acknowledgements",
    OrderAcknowledgement,
    CheckConstraint("moved_state = (mark IS NULL) OR kind = 'EXTENSION_REQUESTED'", name="unmoved_with_mark"),
    CheckConstraint("length(reference) BETWEEN 1 AND 128", name="reference_length"),
    CheckConstraint("corrects IS NULL OR (moved_state AND note IS NOT NULL)", name="correction_with_note"),
    # The reference comes first, so that statements are found by it too.
    UniqueConstraint(
        "reference", "carrier_id", "order_id", "version", "kind", name="uq_order_acknowledgements_said_once"
    ),
    UniqueConstraint("corrects"),
    Index("ix_order_acknowledgements_order_id_carrier_id_id", "order_id", "carrier_id", "id"),
    Index("ix_order_acknowledgements_carrier_id_recorded_at", "carrier_id", "recorded_at"),
    # Statements are only appended, so that their times rise with their place in the table.
    Index(
        "ix_order_acknowledgements_recorded_at",
        "recorded_at",
        postgresql_using="brin",
        postgresql_with={"pages_per_range": 16, "autosummarize": "on"},
    ),
    access=(*_SAID_BY_CARRIERS, *reads(Role.TRANSITION)),
    committed_by=CommittedBy(Subject.BLOCK_ORDER, "order_id"),
    is_watched=True,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderExtension:
    """One request for more time. due_before is the due time that granting it replaced."""

    id: Annotated[ExtensionId, KEY]
    order_id: Annotated[OrderId, references("block_orders.id", index=True)]
    carrier_id: Annotated[MemberId, references("members.id", index=True)]
    acknowledgement_id: Annotated[AcknowledgementId, references("order_acknowledgements.id")]
    until: datetime
    reason: str | None = None
    requested_at: datetime
    state: ExtensionState = ExtensionState.REQUESTED
    decided_by: Annotated[OfficerId | None, references("officers.id")] = None
    decided_at: datetime | None = None
    due_before: datetime | None = None


order_extensions = declare(
    "order_extensions",
    OrderExtension,
    UniqueConstraint("acknowledgement_id"),
    access=(*_SAID_BY_CARRIERS, Access(role=Role.TRANSITION, select=EVERYTHING, update=EVERYTHING)),
    committed_by=CommittedBy(Subject.BLOCK_ORDER, "order_id"),
    is_watched=True,
)
