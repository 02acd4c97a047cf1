"""Every state by every move: a proposed override of the plan is decided once."""

import itertools

import pytest

from ledger.errors import StateConflictError
from ledger.numbers.states import OverrideMove, OverrideState, next_override_state

TABLE = {
    (OverrideState.PROPOSED, OverrideMove.REVISE): OverrideState.PROPOSED,
    (OverrideState.PROPOSED, OverrideMove.APPROVE): OverrideState.APPROVED,
    (OverrideState.PROPOSED, OverrideMove.DISCARD): OverrideState.DISCARDED,
}


@pytest.mark.parametrize(("state", "move"), list(itertools.product(OverrideState, OverrideMove)))
def test_a_proposal_makes_exactly_the_moves_of_its_table(state, move):
    wanted = TABLE.get((state, move))
    if wanted is None:
        with pytest.raises(StateConflictError):
            next_override_state(state, move)
    else:
        assert next_override_state(state, move) is wanted
