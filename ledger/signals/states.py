"""The states of fraud signals and of contributions, and every move between them. A move not listed doesn't exist.

Pure: it may be imported from anywhere in the ledger. Source: domain.md, Signals.
"""

from collections.abc import Mapping
from enum import StrEnum

from ledger.closed_lists import ClosedList
from ledger.errors import StateConflictError


class SignalState(ClosedList, graph_name="FraudSignalState"):
    """The state of a fraud signal."""

    ACTIVE = "ACTIVE", "It is valid."
    EXPIRED = "EXPIRED", "Nothing confirmed it in time, or its number was assigned to another subscriber."
    REVOKED = "REVOKED", "It was wrong, or too few of its complaints still stand."


class SignalMove(StrEnum):
    """What can be done to a fraud signal."""

    EXPIRE = "EXPIRE"
    REVOKE = "REVOKE"


_S, _SM = SignalState, SignalMove


SIGNAL_MOVES: Mapping[tuple[SignalState, SignalMove], SignalState] = {
    (_S.ACTIVE, _SM.EXPIRE): _S.EXPIRED,
    (_S.ACTIVE, _SM.REVOKE): _S.REVOKED,
}


def next_signal_state(state: SignalState, move: SignalMove) -> SignalState:
    """Return the state after the move. Errors: StateConflictError."""
    after = SIGNAL_MOVES.get((state, move))
    if after is None:
        raise StateConflictError(f"A fraud signal that is {state} does not allow {move}.")
    return after


class ContributionState(ClosedList, graph_name="SignalContributionState"):
    """The state of what a member contributed."""

    STANDING = "STANDING", "The member stands by it."
    WITHDRAWN = "WITHDRAWN", "The member withdrew it."
    REPLACED = "REPLACED", "Another contribution of the member's replaced it."


class ContributionMove(StrEnum):
    """What its contributor can do to a contribution."""

    WITHDRAW = "WITHDRAW"
    REPLACE = "REPLACE"


_C, _CM = ContributionState, ContributionMove


CONTRIBUTION_MOVES: Mapping[tuple[ContributionState, ContributionMove], ContributionState] = {
    (_C.STANDING, _CM.WITHDRAW): _C.WITHDRAWN,
    (_C.STANDING, _CM.REPLACE): _C.REPLACED,
}


def next_contribution_state(state: ContributionState, move: ContributionMove) -> ContributionState:
    """Return the state after the move. Errors: StateConflictError."""
    after = CONTRIBUTION_MOVES.get((state, move))
    if after is None:
        raise StateConflictError(f"A contribution that is {state} does not allow {move}.")
    return after
