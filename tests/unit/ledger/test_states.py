"""The state machines, every state by every move: what the tables of the domain say and nothing else."""

import itertools

import pytest

from ledger.complaints.states import ComplaintMove as CMove
from ledger.complaints.states import ComplaintState as C
from ledger.complaints.states import next_complaint_state
from ledger.errors import StateConflictError
from ledger.orders.states import OrderMove as OMove
from ledger.orders.states import OrderState as O
from ledger.orders.states import next_order_state
from ledger.signals.states import SignalMove as SMove
from ledger.signals.states import SignalState as S
from ledger.signals.states import next_signal_state

COMPLAINT_TABLE = {
    C.SUBMITTED: {
        CMove.ASK_INFO: C.NEEDS_INFO,
        CMove.VERIFY: C.VERIFIED,
        CMove.REJECT: C.REJECTED,
        CMove.MARK_DUPLICATE: C.DUPLICATE,
        CMove.WITHDRAW: C.WITHDRAWN,
    },
    C.NEEDS_INFO: {CMove.SUPPLY_INFO: C.SUBMITTED, CMove.EXPIRE: C.REJECTED, CMove.WITHDRAW: C.WITHDRAWN},
    C.VERIFIED: {CMove.ESCALATE: C.ESCALATED},
    C.ESCALATED: {CMove.RESOLVE: C.RESOLVED},
    C.REJECTED: {CMove.REOPEN: C.REOPENED},
    C.RESOLVED: {CMove.REOPEN: C.REOPENED},
    C.REOPENED: {CMove.VERIFY: C.VERIFIED, CMove.REJECT: C.REJECTED},
    C.DUPLICATE: {},
    C.WITHDRAWN: {},
}

ORDER_TABLE = {
    O.DRAFT: {OMove.APPROVE: O.ISSUED, OMove.RETURN: O.DRAFT, OMove.REVISE: O.DRAFT, OMove.DISCARD: O.DISCARDED},
    O.DISCARDED: {},
    O.ISSUED: {
        OMove.RECEIVE: O.RECEIVED,
        OMove.EXECUTE: O.EXECUTED,
        OMove.EXECUTE_PARTLY: O.PARTIAL,
        OMove.REFUSE_AS_IMPOSSIBLE: O.IMPOSSIBLE,
        OMove.WITHDRAW: O.WITHDRAWN,
    },
    O.RECEIVED: {
        OMove.EXECUTE: O.EXECUTED,
        OMove.EXECUTE_PARTLY: O.PARTIAL,
        OMove.REFUSE_AS_IMPOSSIBLE: O.IMPOSSIBLE,
        OMove.WITHDRAW: O.WITHDRAWN,
    },
    O.PARTIAL: {
        OMove.EXECUTE: O.EXECUTED,
        OMove.REFUSE_AS_IMPOSSIBLE: O.IMPOSSIBLE,
        OMove.ISSUE_LIFT: O.LIFT_ISSUED,
        OMove.END_RECYCLED: O.ENDED,
    },
    O.EXECUTED: {OMove.ISSUE_LIFT: O.LIFT_ISSUED, OMove.END_RECYCLED: O.ENDED},
    O.IMPOSSIBLE: {OMove.REISSUE: O.ISSUED, OMove.CLOSE: O.CLOSED},
    O.WITHDRAWN: {OMove.ISSUE_LIFT: O.LIFT_ISSUED},
    O.LIFT_ISSUED: {OMove.LIFT: O.LIFTED, OMove.REFUSE_LIFT: O.LIFT_IMPOSSIBLE},
    O.LIFT_IMPOSSIBLE: {OMove.ISSUE_LIFT: O.LIFT_ISSUED, OMove.CLOSE: O.CLOSED},
    O.CLOSED: {},
    O.LIFTED: {},
    O.ENDED: {},
}

SIGNAL_TABLE = {
    S.ACTIVE: {SMove.CONFIRM: S.ACTIVE, SMove.EXPIRE: S.EXPIRED, SMove.REVOKE: S.REVOKED},
    S.EXPIRED: {},
    S.REVOKED: {},
}


@pytest.mark.parametrize(("state", "move"), list(itertools.product(C, CMove)))
def test_a_complaint_makes_exactly_the_moves_of_its_table(state, move):
    wanted = COMPLAINT_TABLE[state].get(move)
    if wanted is None:
        with pytest.raises(StateConflictError):
            next_complaint_state(state, move)
    else:
        assert next_complaint_state(state, move) is wanted


@pytest.mark.parametrize(("state", "move"), list(itertools.product(O, OMove)))
def test_an_order_makes_exactly_the_moves_of_its_table(state, move):
    wanted = ORDER_TABLE[state].get(move)
    if wanted is None:
        with pytest.raises(StateConflictError):
            next_order_state(state, move)
    else:
        assert next_order_state(state, move) is wanted


@pytest.mark.parametrize(("state", "move"), list(itertools.product(S, SMove)))
def test_a_signal_makes_exactly_the_moves_of_its_table(state, move):
    wanted = SIGNAL_TABLE[state].get(move)
    if wanted is None:
        with pytest.raises(StateConflictError):
            next_signal_state(state, move)
    else:
        assert next_signal_state(state, move) is wanted
