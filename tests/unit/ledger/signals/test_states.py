"""Every state by every move: what the table of the domain says and nothing else."""

import itertools

import pytest

from ledger.errors import StateConflictError
from ledger.signals.states import (
    ContributionMove,
    ContributionState,
    SignalMove,
    SignalState,
    next_contribution_state,
    next_signal_state,
)

TABLE = {
    SignalState.ACTIVE: {
        SignalMove.EXPIRE: SignalState.EXPIRED,
        SignalMove.REVOKE: SignalState.REVOKED,
    },
    SignalState.EXPIRED: {},
    SignalState.REVOKED: {},
}


@pytest.mark.parametrize(("state", "move"), list(itertools.product(SignalState, SignalMove)))
def test_a_signal_makes_exactly_the_moves_of_its_table(state, move):
    wanted = TABLE[state].get(move)
    if wanted is None:
        with pytest.raises(StateConflictError):
            next_signal_state(state, move)
    else:
        assert next_signal_state(state, move) is wanted


CONTRIBUTIONS = {
    ContributionState.STANDING: {
        ContributionMove.WITHDRAW: ContributionState.WITHDRAWN,
        ContributionMove.REPLACE: ContributionState.REPLACED,
    },
    ContributionState.WITHDRAWN: {},
    ContributionState.REPLACED: {},
}


@pytest.mark.parametrize(("state", "move"), list(itertools.product(ContributionState, ContributionMove)))
def test_a_contribution_makes_exactly_the_moves_of_its_table(state, move):
    wanted = CONTRIBUTIONS[state].get(move)
    if wanted is None:
        with pytest.raises(StateConflictError):
            next_contribution_state(state, move)
    else:
        assert next_contribution_state(state, move) is wanted
