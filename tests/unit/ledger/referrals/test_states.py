"""Every state by every move: what the table of the domain says and nothing else."""

import itertools

import pytest

from ledger.errors import StateConflictError
from ledger.referrals.states import OPEN_STATES, PENDING_STATES, ReferralMove, ReferralState, next_referral_state

_ANSWERS = {
    ReferralMove.ACT: ReferralState.ACTIONED,
    ReferralMove.DECLINE: ReferralState.DECLINED,
    ReferralMove.FIND_NO_ACCOUNT: ReferralState.NO_ACCOUNT,
    ReferralMove.WITHDRAW: ReferralState.WITHDRAWN,
}
TABLE = {
    ReferralState.OFFERED: _ANSWERS
    | {ReferralMove.RECEIVE: ReferralState.RECEIVED, ReferralMove.LAPSE: ReferralState.LAPSED},
    ReferralState.RECEIVED: _ANSWERS | {ReferralMove.LAPSE: ReferralState.LAPSED},
    ReferralState.LAPSED: _ANSWERS,
    ReferralState.ACTIONED: {ReferralMove.REVERSE: ReferralState.REVERSED},
    ReferralState.DECLINED: {},
    ReferralState.NO_ACCOUNT: {},
    ReferralState.WITHDRAWN: {},
    ReferralState.REVERSED: {},
}


class TestMoves:
    @pytest.mark.parametrize(("state", "move"), list(itertools.product(ReferralState, ReferralMove)))
    def test_are_those_of_the_table(self, state, move):
        after = TABLE[state].get(move)
        if after is None:
            with pytest.raises(StateConflictError):
                next_referral_state(state, move)
        else:
            assert next_referral_state(state, move) is after

    def test_a_lapsed_referral_is_not_pending_and_can_still_be_answered(self):
        assert ReferralState.LAPSED not in PENDING_STATES
        assert next_referral_state(ReferralState.LAPSED, ReferralMove.ACT) is ReferralState.ACTIONED

    def test_another_complaint_joins_what_is_asked_or_was_acted_on(self):
        assert {ReferralState.OFFERED, ReferralState.RECEIVED, ReferralState.ACTIONED} == OPEN_STATES

    @pytest.mark.parametrize("word", ["ISSUED", "OVERDUE", "LATE", "DUE", "SANCTION", "ORDER", "BREACH", "ESCALATE"])
    def test_no_state_or_move_has_a_word_of_duty(self, word):
        assert not [each for each in (*ReferralState, *ReferralMove) if word in each.value]
