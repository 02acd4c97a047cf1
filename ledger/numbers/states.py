"""The states of a proposed override of the numbering plan, and every move between them.

Pure: it may be imported from anywhere in the ledger. Source: domain.md, Numbers; docs/adr/0089.
"""

from collections.abc import Mapping
from enum import StrEnum

from ledger.closed_lists import ClosedList
from ledger.errors import StateConflictError


class OverrideState(ClosedList, graph_name="NumberOverrideState"):
    """The state of a proposal that a number is held by another carrier."""

    PROPOSED = "PROPOSED", "Proposed; waiting for another officer's approval."
    APPROVED = "APPROVED", "Approved; the number was moved to the carrier that the proposal names."
    DISCARDED = "DISCARDED", "Discarded; nothing was moved."


class OverrideMove(StrEnum):
    """What can be done to a proposal."""

    REVISE = "REVISE"
    APPROVE = "APPROVE"
    DISCARD = "DISCARD"


_S, _M = OverrideState, OverrideMove

OVERRIDE_MOVES: Mapping[tuple[OverrideState, OverrideMove], OverrideState] = {
    (_S.PROPOSED, _M.REVISE): _S.PROPOSED,
    (_S.PROPOSED, _M.APPROVE): _S.APPROVED,
    (_S.PROPOSED, _M.DISCARD): _S.DISCARDED,
}


def next_override_state(state: OverrideState, move: OverrideMove) -> OverrideState:
    """Return the state after the move. Errors: StateConflictError."""
    after = OVERRIDE_MOVES.get((state, move))
    if after is None:
        raise StateConflictError(f"A proposal that is {state} does not allow {move}.", field="proposalId")
    return after
