"""Every state by every move: what the table of the domain says and nothing else."""

import itertools

import pytest

from ledger.complaints.states import ComplaintMove, ComplaintState, next_complaint_state
from ledger.errors import StateConflictError

TABLE = {
    ComplaintState.SUBMITTED: {
        ComplaintMove.ASK_INFO: ComplaintState.NEEDS_INFO,
        ComplaintMove.VERIFY: ComplaintState.VERIFIED,
        ComplaintMove.REJECT: ComplaintState.REJECTED,
        ComplaintMove.MARK_DUPLICATE: ComplaintState.DUPLICATE,
        ComplaintMove.WITHDRAW: ComplaintState.WITHDRAWN,
    },
    ComplaintState.NEEDS_INFO: {
        ComplaintMove.SUPPLY_INFO: ComplaintState.SUBMITTED,
        ComplaintMove.EXPIRE: ComplaintState.REJECTED,
        ComplaintMove.WITHDRAW: ComplaintState.WITHDRAWN,
    },
    ComplaintState.VERIFIED: {
        ComplaintMove.ESCALATE: ComplaintState.ESCALATED,
        ComplaintMove.END_UNASKED: ComplaintState.RESOLVED,
        ComplaintMove.TAKE_BACK: ComplaintState.SUBMITTED,
    },
    ComplaintState.ESCALATED: {
        ComplaintMove.RESOLVE: ComplaintState.RESOLVED,
        ComplaintMove.TAKE_BACK: ComplaintState.SUBMITTED,
        ComplaintMove.RELEASE: ComplaintState.VERIFIED,
    },
    ComplaintState.REJECTED: {ComplaintMove.REOPEN: ComplaintState.REOPENED},
    ComplaintState.RESOLVED: {
        ComplaintMove.REOPEN: ComplaintState.REOPENED,
        ComplaintMove.RESUME: ComplaintState.ESCALATED,
    },
    ComplaintState.REOPENED: {
        ComplaintMove.VERIFY: ComplaintState.VERIFIED,
        ComplaintMove.REJECT: ComplaintState.REJECTED,
    },
    ComplaintState.DUPLICATE: {},
    ComplaintState.WITHDRAWN: {},
}


@pytest.mark.parametrize(("state", "move"), list(itertools.product(ComplaintState, ComplaintMove)))
def test_a_complaint_makes_exactly_the_moves_of_its_table(state, move):
    wanted = TABLE[state].get(move)
    if wanted is None:
        with pytest.raises(StateConflictError):
            next_complaint_state(state, move)
    else:
        assert next_complaint_state(state, move) is wanted
