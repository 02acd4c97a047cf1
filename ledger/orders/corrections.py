"""Corrections: a carrier replaces a statement that was wrong, and both are kept. It does no I/O.

Only the statement on which the order's state rests can be corrected: what a later statement, version or decision has
overtaken stays as it was said. The due time is unchanged, so that an order can be overdue at once.
Source: domain.md, BlockOrder (the carrier's CORRECTION); docs/adr/0093.
"""

from collections.abc import Mapping
from datetime import datetime

from ledger.copies import replace
from ledger.errors import ConflictError, InvalidInputError, StateConflictError
from ledger.orders.acknowledgement_rules import AcknowledgementDraft, Statement, Verdict
from ledger.orders.states import ORDER_MOVES, OrderMove, OrderState
from ledger.orders.table import BlockOrder, OrderAcknowledgement
from ledger.orders.vocabulary import AcknowledgementKind, ImpossibleReason


class CorrectionInvalidError(InvalidInputError):
    """A correction names one earlier statement and reports RECEIVED, EXECUTED, PARTIAL or IMPOSSIBLE."""

    code = "CORRECTION_INVALID"
    hint = "Name the statement by its ID or by your reference, and report what is true of the order instead."


class CorrectionReasonMissingError(InvalidInputError):
    """A correction needs a note that says why the earlier statement was wrong."""

    code = "CORRECTION_REASON_MISSING"


class AlreadyCorrectedError(ConflictError):
    """This statement was already corrected."""

    code = "ALREADY_CORRECTED"
    hint = "Correct the correction instead."


class StatementOutdatedError(ConflictError):
    """This statement is about an earlier version of the order."""

    code = "STATEMENT_OUTDATED"
    hint = "Acknowledge the current version; a lift is a version of its own."


class StatementNotStandingError(ConflictError):
    """The order's state does not rest on this statement."""

    code = "STATEMENT_NOT_STANDING"
    hint = "Correct the latest statement that changed the order's state."


_MOVES: Mapping[AcknowledgementKind, OrderMove] = {
    AcknowledgementKind.RECEIVED: OrderMove.CORRECT_TO_RECEIVED,
    AcknowledgementKind.EXECUTED: OrderMove.CORRECT_TO_EXECUTED,
    AcknowledgementKind.PARTIAL: OrderMove.CORRECT_TO_PARTIAL,
    AcknowledgementKind.IMPOSSIBLE: OrderMove.CORRECT_TO_IMPOSSIBLE,
}


def check_correction(draft: AcknowledgementDraft, statement: Statement) -> None:
    """Check what a correction has beyond a statement. Errors: CorrectionInvalidError, CorrectionReasonMissingError."""
    if not draft.is_correction:
        return
    if draft.corrects_id is not None and draft.corrects_reference is not None:
        raise CorrectionInvalidError(field="correctsReference")
    if statement.kind not in _MOVES:
        raise CorrectionInvalidError(field="kind")
    if statement.note is None:
        raise CorrectionReasonMissingError(field="note")


def judge_correction(
    statement: Statement, order: BlockOrder, corrected: OrderAcknowledgement, *, as_of: datetime
) -> Verdict:
    """Judge what a correction does to the order.

    Errors: AlreadyCorrectedError, StatementOutdatedError, CorrectionInvalidError for a version that the corrected
    statement is not about, StateConflictError, StatementNotStandingError.
    """
    field = "correctsId"
    if corrected.corrected_by is not None:
        raise AlreadyCorrectedError(field=field)
    if corrected.version < order.version:
        raise StatementOutdatedError(field=field)
    if statement.version != corrected.version:
        raise CorrectionInvalidError("The corrected statement is about another version.", field="version")
    state = ORDER_MOVES.get((order.state, _MOVES[statement.kind]))
    if state is None:
        raise StateConflictError(
            f"What was said of a block order that is {order.state} can't be corrected.", field=field
        )
    if order.standing_acknowledgement_id != corrected.id:
        raise StatementNotStandingError(field=field)
    is_late = order.due_at is not None and as_of > order.due_at
    return Verdict(after=_apply(statement, order, state, is_late=is_late, as_of=as_of), is_late=is_late)


def _apply(statement: Statement, order: BlockOrder, state: OrderState, *, is_late: bool, as_of: datetime) -> BlockOrder:
    """Write the state anew from the correction alone; a correction of details leaves when it was executed, and late."""
    is_blocked = state in {OrderState.EXECUTED, OrderState.PARTIAL}
    is_impossible = state is OrderState.IMPOSSIBLE
    corrected = replace(
        order,
        state=state,
        last_acknowledgement=statement.kind,
        standing_acknowledgement_id=statement.id,
        impossible_reason=ImpossibleReason(statement.reason) if is_impossible and statement.reason else None,
        effective_at=statement.effective_at if is_blocked else None,
    )
    if state is order.state:
        return corrected
    answers_late = is_late and state is not OrderState.RECEIVED
    return replace(corrected, executed_at=as_of if is_blocked else None, was_late=order.was_late or answers_late)
