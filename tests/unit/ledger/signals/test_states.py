"""Every state by every move: what the table of the domain says and nothing else."""

import itertools

import pytest

from ledger.errors import StateConflictError
from ledger.signals.states import SignalMove, SignalState, next_signal_state

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
