"""What an acknowledgement may say, and what it moves. Pure: an order's row and a clock in, a verdict out.

Source: domain.md, BlockOrder (moves by the carrier) and Acknowledgement.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ledger.errors import InvalidInputError, StateConflictError, TimeInvalidError
from ledger.orders.states import ORDER_MOVES, OrderMove, OrderState
from ledger.orders.vocabulary import AcknowledgementKind, ExecutedReason, ImpossibleReason
from ledger.policies import Policies
from ledger.texts import check_optional_text, check_text

REFERENCE_LENGTH_MAX = 128
NOTE_LENGTH_MAX = 2_000


class ReasonUnknownError(InvalidInputError):
    """The reason is none of those that go with this kind of acknowledgement."""

    code = "REASON_UNKNOWN"


class ReasonMissingError(InvalidInputError):
    """This kind of acknowledgement needs a reason."""

    code = "REASON_MISSING"


class EffectiveTimeError(TimeInvalidError):
    """The effective time lies before the order was issued, or in the future."""

    code = "EFFECTIVE_TIME_INVALID"
    hint = "Send the time at which it took effect by your clock, in UTC, and keep that clock right."


class VersionUnknownError(InvalidInputError):
    """The order has no such version."""

    code = "VERSION_UNKNOWN"


class ExtensionTimeError(TimeInvalidError):
    """An extension asks for a later time than the due time, within the longest that is granted."""

    code = "EXTENSION_TIME_INVALID"


class ReferenceMissingError(InvalidInputError):
    """An acknowledgement needs a reference of the carrier's own."""

    code = "REFERENCE_MISSING"
    hint = "Send your ticket number; a retry with the same one is answered with the first recording."


@dataclass(frozen=True, slots=True, kw_only=True)
class AcknowledgementDraft:
    """What a carrier sends: which order, by id or number; which version, the current one if None; and what it says."""

    kind: AcknowledgementKind
    reference: str
    order_id: str | None = None
    order_no: str | None = None
    version: int | None = None
    reason: str | None = None
    effective_at: datetime | None = None
    until: datetime | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A draft whose every side was checked."""

    kind: AcknowledgementKind
    reference: str
    version: int
    reason: str | None
    note: str | None
    effective_at: datetime
    until: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a statement does: the columns of the order that change, and why it moves nothing where it doesn't."""

    is_late: bool
    mark: str | None = None
    changes: Mapping[str, Any] = field(default_factory=dict)


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


def check_draft(
    draft: AcknowledgementDraft, order: Mapping[str, Any], *, as_of: datetime, policies: Policies
) -> Statement:
    """The draft with its sides checked. Errors: one of this module's, or a text's."""
    reference = check_text(draft.reference, field="reference", length_max=REFERENCE_LENGTH_MAX)
    if not reference:
        raise ReferenceMissingError(field="reference")
    if draft.version is not None and not 1 <= draft.version <= order["version"]:
        raise VersionUnknownError(field="version")
    return Statement(
        kind=draft.kind,
        reference=reference,
        version=draft.version or order["version"],
        reason=_check_reason(draft),
        note=check_optional_text(draft.note, field="note", length_max=NOTE_LENGTH_MAX, lines=True),
        effective_at=_check_effective_at(draft, order, as_of=as_of, policies=policies),
        until=_check_until(draft, order, policies=policies),
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
            f"{draft.kind} takes no reason of this name.", field="reason", hint=f"Known reasons: {listed}."
        )
    return str(draft.reason)


def _check_effective_at(
    draft: AcknowledgementDraft, order: Mapping[str, Any], *, as_of: datetime, policies: Policies
) -> datetime:
    if draft.effective_at is None:
        return as_of
    if draft.effective_at.tzinfo is None:
        raise EffectiveTimeError("The effective time needs its offset from UTC.", field="effectiveAt")
    skew = policies.acknowledgement_skew
    if draft.effective_at > as_of + skew:
        raise EffectiveTimeError("The effective time lies in the future.", field="effectiveAt")
    # A number that was blocked already was so before anybody ordered it.
    if draft.reason != ExecutedReason.ALREADY_BLOCKED and draft.effective_at < order["issued_at"] - skew:
        raise EffectiveTimeError("The effective time lies before the order was issued.", field="effectiveAt")
    return draft.effective_at


def _check_until(draft: AcknowledgementDraft, order: Mapping[str, Any], *, policies: Policies) -> datetime | None:
    if draft.kind is not AcknowledgementKind.EXTENSION_REQUESTED:
        if draft.until is not None:
            raise ExtensionTimeError("Only EXTENSION_REQUESTED asks for a later time.", field="until")
        return None
    if draft.until is None or draft.until.tzinfo is None:
        raise ExtensionTimeError("EXTENSION_REQUESTED needs the time until which it asks.", field="until")
    if not order["due_at"] < draft.until <= order["due_at"] + policies.extension_max:
        raise ExtensionTimeError(field="until")
    return draft.until


def judge(statement: Statement, order: Mapping[str, Any], *, as_of: datetime) -> Verdict:
    """What the statement does to the order as it stands. Errors: StateConflictError where it can't be meant."""
    state = OrderState(order["state"])
    is_late = order["due_at"] is not None and as_of > order["due_at"]
    if statement.version < order["version"]:
        return Verdict(is_late=is_late, mark="STALE_VERSION", changes=_after_the_fact(statement, order, as_of=as_of))
    if state is OrderState.WITHDRAWN:
        return Verdict(is_late=is_late, mark="ORDER_WITHDRAWN", changes=_after_the_fact(statement, order, as_of=as_of))
    if statement.kind is AcknowledgementKind.EXTENSION_REQUESTED:
        if state not in {OrderState.ISSUED, OrderState.RECEIVED, OrderState.PARTIAL, OrderState.LIFT_ISSUED}:
            raise StateConflictError(f"A block order that is {state} needs no more time.", field="kind")
        return Verdict(is_late=is_late)
    after = ORDER_MOVES.get((state, _MOVES[statement.kind]))
    if after is None:
        # A receipt that comes after the act, or the same act told twice, says nothing wrong and nothing new.
        if statement.kind is AcknowledgementKind.RECEIVED or _TARGETS[statement.kind] is state:
            return Verdict(is_late=is_late, mark="STATE_UNMOVED")
        raise StateConflictError(f"A block order that is {state} can't be acknowledged {statement.kind}.", field="kind")
    return Verdict(is_late=is_late, changes=_changes(statement, after, is_late=is_late, as_of=as_of))


def _after_the_fact(statement: Statement, order: Mapping[str, Any], *, as_of: datetime) -> Mapping[str, Any]:
    """A carrier that executed what was withdrawn has blocked a number: a lift waits for an officer."""
    is_withdrawn = order["state"] == OrderState.WITHDRAWN
    if is_withdrawn and statement.kind is AcknowledgementKind.EXECUTED and order["lift_drafted_at"] is None:
        return {"lift_drafted_at": as_of}
    return {}


def _changes(statement: Statement, after: OrderState, *, is_late: bool, as_of: datetime) -> dict[str, Any]:
    changes: dict[str, Any] = {"state": after.value, "last_acknowledgement": statement.kind.value}
    if after in {OrderState.EXECUTED, OrderState.PARTIAL}:
        changes |= {"executed_at": as_of, "effective_at": statement.effective_at}
    if after is OrderState.IMPOSSIBLE:
        changes["impossible_reason"] = statement.reason
    if after is OrderState.LIFTED:
        changes |= {"lifted_at": as_of, "ended_at": as_of}
    if is_late and after is not OrderState.RECEIVED:
        changes["was_late"] = True
    return changes
