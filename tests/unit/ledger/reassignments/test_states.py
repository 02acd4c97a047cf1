"""Every state by every move: a reported reassignment is decided once."""

import itertools

import pytest

from ledger.errors import StateConflictError
from ledger.reassignments.states import ReportMove, ReportState, next_report_state

TABLE = {
    (ReportState.REPORTED, ReportMove.CONFIRM): ReportState.CONFIRMED,
    (ReportState.REPORTED, ReportMove.REFUSE): ReportState.REFUSED,
}


@pytest.mark.parametrize(("state", "move"), list(itertools.product(ReportState, ReportMove)))
def test_a_report_makes_exactly_the_moves_of_its_table(state, move):
    wanted = TABLE.get((state, move))
    if wanted is None:
        with pytest.raises(StateConflictError):
            next_report_state(state, move)
    else:
        assert next_report_state(state, move) is wanted
