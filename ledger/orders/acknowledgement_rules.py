"""What an acknowledgement may state, and what it moves: from an order and a time to a verdict, without any I/O.

Source: domain.md, BlockOrder (moves by the carrier) and Acknowledgement.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ledger.copies import replace
from ledger.errors import InvalidInputError, StateConflictError, TimeInvalidError
from ledger.identifiers import AcknowledgementId, new_id
from ledger.orders.states import AWAITING_CARRIER, ORDER_MOVES, OrderMove, OrderState
from ledger.orders.table import BlockOrder
from ledger.orders.vocabulary import AcknowledgementKind, AcknowledgementMark, ExecutedReason, ImpossibleReason
from ledger.policies import OrderPolicy
from ledger.texts import check_optional_text, check_reference

REFERENCE_LENGTH_MAX = 128
NOTE_LENGTH_MAX = 2_000


class ReasonUnknownError(InvalidInputError):
    """This kind of acknowledgement does not take this reason."""

    code = "REASON_UNKNOWN"


class ReasonMissingError(InvalidInputError):
    """This kind of acknowledgement needs a reason."""

    code = "REASON_MISSING"


class EffectiveTimeError(TimeInvalidError):
    """The effective time is before the order was issued, or in the future."""

    code = "EFFECTIVE_TIME_INVALID"
    hint = "Send the time at which it took effect by your clock, in UTC, and keep that clock accurate."


class VersionUnknownError(InvalidInputError):
    """The order has no such version."""

    code = "VERSION_UNKNOWN"


class ExtensionTimeError(TimeInvalidError):
    """An extension must end after the due time, and within the longest extension that can be granted."""

    code = "EXTENSION_TIME_INVALID"


class ReferenceMissingError(InvalidInputError):
    """An acknowledgement needs the carrier's own reference."""

    code = "REFERENCE_MISSING"
    hint = "Send your ticket number; a retry with the same one returns the first recording."


@dataclass(frozen=True, slots=True, kw_only=True)
class AcknowledgementDraft:
    """What a carrier sends: which order, by id or number; which version, the current one if None; and what it says.

    A correction also names the statement that it replaces, by its id or by the carrier's own reference.
    """

    kind: AcknowledgementKind
    reference: str
    order_id: str | None = None
    order_no: str | None = None
    version: int | None = None
    reason: str | None = None
    effective_at: datetime | None = None
    until: datetime | None = None
    note: str | None = None
    corrects_id: str | None = None
    corrects_reference: str | None = None

    @property
    def is_correction(self) -> bool:
        """Whether it replaces an earlier statement."""
        return self.corrects_id is not None or self.corrects_reference is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A validated draft, with the id that it is recorded under if it is new."""

    id: AcknowledgementId = field(default_factory=lambda: AcknowledgementId(new_id()))
    kind: AcknowledgementKind
    reference: str
    version: int
    reason: str | None
    note: str | None
    effective_at: datetime
    until: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The effect of a statement: the order after it, or the mark that says why it moved nothing."""

    after: BlockOrder
    is_late: bool
    mark: AcknowledgementMark | None = None


_REASONS: Mapping[AcknowledgementKind, frozenset[str]] = {
    AcknowledgementKind.EXECUTED: frozenset(ExecutedReason),
    AcknowledgementKind.PARTIAL: frozenset(ImpossibleReason),
    AcknowledgementKind.IMPOSSIBLE: frozenset(ImpossibleReason),
    AcknowledgementKind.LIFT_IMPOSSIBLE: frozenset(ImpossibleReason),
    AcknowledgementKind.EXTENSION_REQUESTED: frozenset(ImpossibleReason),
}
_REASON_NEEDED = frozenset(
    {AcknowledgementKind.IMPOSSIBLE, AcknowledgementKind.LIFT_IMPOSSIBLE, AcknowledgementKind.EXTENSION_REQUESTED}
)
_MOVES: Mapping[AcknowledgementKind, OrderMove] = {
    AcknowledgementKind.RECEIVED: OrderMove.RECEIVE,
    AcknowledgementKind.EXECUTED: OrderMove.EXECUTE,
    AcknowledgementKind.PARTIAL: OrderMove.EXECUTE_PARTLY,
    AcknowledgementKind.IMPOSSIBLE: OrderMove.REFUSE_AS_IMPOSSIBLE,
    AcknowledgementKind.LIFTED: OrderMove.LIFT,
    AcknowledgementKind.LIFT_IMPOSSIBLE: OrderMove.REFUSE_LIFT,
}
_TARGETS: Mapping[AcknowledgementKind, OrderState] = {
    AcknowledgementKind.EXECUTED: OrderState.EXECUTED,
    AcknowledgementKind.PARTIAL: OrderState.PARTIAL,
    AcknowledgementKind.IMPOSSIBLE: OrderState.IMPOSSIBLE,
    AcknowledgementKind.LIFTED: OrderState.LIFTED,
    AcknowledgementKind.LIFT_IMPOSSIBLE: OrderState.LIFT_IMPOSSIBLE,
}


def check_draft(draft: AcknowledgementDraft, order: BlockOrder, *, as_of: datetime, policy: OrderPolicy) -> Statement:
    """Validate a draft. Errors: one of this module's, or those of check_text."""
    reference = check_reference(draft.reference, field="reference", length_max=REFERENCE_LENGTH_MAX)
    if not reference:
        raise ReferenceMissingError(field="reference")
    if draft.version is not None and not 1 <= draft.version <= order.version:
        raise VersionUnknownError(field="version")
    return Statement(
        kind=draft.kind,
        reference=reference,
        version=draft.version or order.version,
        reason=_check_reason(draft),
        note=check_optional_text(draft.note, field="note", length_max=NOTE_LENGTH_MAX, lines=True),
        effective_at=_check_effective_at(draft, order, as_of=as_of, policy=policy),
        until=_check_until(draft, order, policy=policy),
    )


def _check_reason(draft: AcknowledgementDraft) -> str | None:
    known = _REASONS.get(draft.kind, frozenset())
    if draft.reason is None:
        if draft.kind in _REASON_NEEDED:
            raise ReasonMissingError(field="reason", hint=f"One of: {', '.join(sorted(known))}.")
        return None
    if draft.reason not in known:
        listed = ", ".join(sorted(known)) or "none"
        raise ReasonUnknownError(
            f"{draft.kind} does not take this reason.", field="reason", hint=f"Known reasons: {listed}."
        )
    return str(draft.reason)


def _check_effective_at(
    draft: AcknowledgementDraft, order: BlockOrder, *, as_of: datetime, policy: OrderPolicy
) -> datetime:
    if draft.effective_at is None:
        return as_of
    if draft.effective_at.tzinfo is None:
        raise EffectiveTimeError("The effective time needs a UTC offset.", field="effectiveAt")
    skew = timedelta(seconds=policy.acknowledgement_skew_seconds)
    if draft.effective_at > as_of + skew:
        raise EffectiveTimeError("The effective time is in the future.", field="effectiveAt")
    # A number that was already blocked may have been so before the order was issued.
    if (
        draft.reason != ExecutedReason.ALREADY_BLOCKED
        and order.issued_at is not None
        and draft.effective_at < order.issued_at - skew
    ):
        raise EffectiveTimeError("The effective time is before the order was issued.", field="effectiveAt")
    return draft.effective_at


def _check_until(draft: AcknowledgementDraft, order: BlockOrder, *, policy: OrderPolicy) -> datetime | None:
    if draft.kind is not AcknowledgementKind.EXTENSION_REQUESTED:
        if draft.until is not None:
            raise ExtensionTimeError("Only EXTENSION_REQUESTED takes a requested time.", field="until")
        return None
    if draft.until is None or draft.until.tzinfo is None:
        raise ExtensionTimeError("EXTENSION_REQUESTED needs the requested time, with a UTC offset.", field="until")
    if order.due_at is None or not order.due_at < draft.until <= order.due_at + timedelta(
        days=policy.extension_days_max
    ):
        raise ExtensionTimeError(field="until")
    return draft.until


def judge(statement: Statement, order: BlockOrder, *, as_of: datetime) -> Verdict:
    """Judge what a statement does to the order. Errors: StateConflictError if the order's state rules it out."""
    is_late = order.due_at is not None and as_of > order.due_at
    if statement.version < order.version:
        after = _after_the_fact(statement, order, as_of=as_of)
        return Verdict(after=after, is_late=is_late, mark=AcknowledgementMark.STALE_VERSION)
    if order.state is OrderState.WITHDRAWN:
        after = _after_the_fact(statement, order, as_of=as_of)
        return Verdict(after=after, is_late=is_late, mark=AcknowledgementMark.ORDER_WITHDRAWN)
    if statement.kind is AcknowledgementKind.EXTENSION_REQUESTED:
        if order.state not in AWAITING_CARRIER:
            raise StateConflictError(f"A block order that is {order.state} can't be extended.", field="kind")
        return Verdict(after=order, is_late=is_late)
    state = ORDER_MOVES.get((order.state, _MOVES[statement.kind]))
    if state is None:
        # A receipt after the act, or the same act reported twice, is valid but changes nothing.
        if statement.kind is AcknowledgementKind.RECEIVED or _TARGETS[statement.kind] is order.state:
            return Verdict(after=order, is_late=is_late, mark=AcknowledgementMark.STATE_UNMOVED)
        raise StateConflictError(
            f"A block order that is {order.state} can't be acknowledged as {statement.kind}.", field="kind"
        )
    return Verdict(after=_move(statement, order, state, is_late=is_late, as_of=as_of), is_late=is_late)


def _after_the_fact(statement: Statement, order: BlockOrder, *, as_of: datetime) -> BlockOrder:
    """If the carrier executed a withdrawn order, the number is blocked, and a lift waits for an officer."""
    is_withdrawn = order.state is OrderState.WITHDRAWN
    if is_withdrawn and statement.kind is AcknowledgementKind.EXECUTED and order.lift_drafted_at is None:
        return replace(order, lift_drafted_at=as_of)
    return order


def _move(statement: Statement, order: BlockOrder, state: OrderState, *, is_late: bool, as_of: datetime) -> BlockOrder:
    is_done = state in {OrderState.EXECUTED, OrderState.PARTIAL}
    reason = statement.reason if state is OrderState.IMPOSSIBLE else None
    is_lifted = state is OrderState.LIFTED
    return replace(
        order,
        state=state,
        last_acknowledgement=statement.kind,
        standing_acknowledgement_id=statement.id,
        executed_at=as_of if is_done else order.executed_at,
        effective_at=statement.effective_at if is_done else order.effective_at,
        impossible_reason=ImpossibleReason(reason) if reason is not None else order.impossible_reason,
        lifted_at=as_of if is_lifted else order.lifted_at,
        ended_at=as_of if is_lifted else order.ended_at,
        was_late=order.was_late or (is_late and state is not OrderState.RECEIVED),
    )
