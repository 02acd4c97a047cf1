"""The table of proposals' moves: every state by every move by either side, and nothing beside it."""

import itertools

import pytest

from ledger.errors import ForbiddenError, StateConflictError
from ledger.participations.states import (
    OPEN_PROPOSAL_STATES,
    PROPOSAL_MOVES,
    ProposalMove,
    ProposalState,
    next_proposal_state,
)
from ledger.participations.vocabulary import Party

O, A, C, R, W = ProposalState  # noqa: E741 - offered, accepted, countersigned, refused, withdrawn
ALLOWED = {
    (O, ProposalMove.ACCEPT): (A, Party.PROVIDER),
    (O, ProposalMove.REFUSE): (R, Party.PROVIDER),
    (O, ProposalMove.WITHDRAW): (W, Party.REGULATOR),
    (A, ProposalMove.COUNTERSIGN): (C, Party.REGULATOR),
    (A, ProposalMove.REFUSE): (R, Party.REGULATOR),
    (A, ProposalMove.WITHDRAW): (W, Party.PROVIDER),
}


class TestMoves:
    @pytest.mark.parametrize(("state", "move"), list(itertools.product(ProposalState, ProposalMove)))
    def test_of_every_state_are_those_of_the_table_by_the_side_whose_they_are(self, state, move):
        step = ALLOWED.get((state, move))
        for party in Party:
            if step is None:
                with pytest.raises(StateConflictError):
                    next_proposal_state(state, move, by=party)
            elif party is step[1]:
                assert next_proposal_state(state, move, by=party) is step[0]
            else:
                with pytest.raises(ForbiddenError):
                    next_proposal_state(state, move, by=party)

    def test_lead_out_of_open_states_alone(self):
        assert {state for state, _ in PROPOSAL_MOVES} == OPEN_PROPOSAL_STATES

    def test_give_neither_side_both_signatures(self):
        signers = {move: step.by for (_, move), step in PROPOSAL_MOVES.items()}
        assert signers[ProposalMove.ACCEPT] is not signers[ProposalMove.COUNTERSIGN]
