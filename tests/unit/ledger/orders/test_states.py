"""Every state by every move: what the table of the domain says and nothing else."""

import itertools

import pytest

from ledger.errors import StateConflictError
from ledger.orders.states import OrderMove, OrderState, next_order_state

TABLE = {
    OrderState.DRAFT: {
        OrderMove.APPROVE: OrderState.ISSUED,
        OrderMove.ISSUE_IN_EMERGENCY: OrderState.ISSUED,
        OrderMove.RETURN: OrderState.DRAFT,
        OrderMove.REVISE: OrderState.DRAFT,
        OrderMove.DISCARD: OrderState.DISCARDED,
    },
    OrderState.DISCARDED: {},
    OrderState.ISSUED: {
        OrderMove.RECEIVE: OrderState.RECEIVED,
        OrderMove.EXECUTE: OrderState.EXECUTED,
        OrderMove.EXECUTE_PARTLY: OrderState.PARTIAL,
        OrderMove.REFUSE_AS_IMPOSSIBLE: OrderState.IMPOSSIBLE,
        OrderMove.WITHDRAW: OrderState.WITHDRAWN,
        OrderMove.LAPSE: OrderState.WITHDRAWN,
    },
    OrderState.RECEIVED: {
        OrderMove.EXECUTE: OrderState.EXECUTED,
        OrderMove.EXECUTE_PARTLY: OrderState.PARTIAL,
        OrderMove.REFUSE_AS_IMPOSSIBLE: OrderState.IMPOSSIBLE,
        OrderMove.WITHDRAW: OrderState.WITHDRAWN,
        OrderMove.LAPSE: OrderState.WITHDRAWN,
    },
    OrderState.PARTIAL: {
        OrderMove.EXECUTE: OrderState.EXECUTED,
        OrderMove.REFUSE_AS_IMPOSSIBLE: OrderState.IMPOSSIBLE,
        OrderMove.DRAFT_LIFT: OrderState.PARTIAL,
        OrderMove.ISSUE_LIFT: OrderState.LIFT_ISSUED,
        OrderMove.END_RECYCLED: OrderState.ENDED,
        OrderMove.LAPSE: OrderState.LIFT_ISSUED,
    },
    OrderState.EXECUTED: {
        OrderMove.DRAFT_LIFT: OrderState.EXECUTED,
        OrderMove.ISSUE_LIFT: OrderState.LIFT_ISSUED,
        OrderMove.END_RECYCLED: OrderState.ENDED,
        OrderMove.LAPSE: OrderState.LIFT_ISSUED,
    },
    OrderState.IMPOSSIBLE: {
        OrderMove.REVISE: OrderState.IMPOSSIBLE,
        OrderMove.REISSUE: OrderState.ISSUED,
        OrderMove.CLOSE: OrderState.CLOSED,
        OrderMove.LAPSE: OrderState.CLOSED,
    },
    OrderState.WITHDRAWN: {
        OrderMove.DRAFT_LIFT: OrderState.WITHDRAWN,
        OrderMove.ISSUE_LIFT: OrderState.LIFT_ISSUED,
        OrderMove.LAPSE: OrderState.LIFT_ISSUED,
    },
    OrderState.LIFT_ISSUED: {OrderMove.LIFT: OrderState.LIFTED, OrderMove.REFUSE_LIFT: OrderState.LIFT_IMPOSSIBLE},
    OrderState.LIFT_IMPOSSIBLE: {
        OrderMove.DRAFT_LIFT: OrderState.LIFT_IMPOSSIBLE,
        OrderMove.ISSUE_LIFT: OrderState.LIFT_ISSUED,
        OrderMove.CLOSE: OrderState.CLOSED,
    },
    OrderState.CLOSED: {},
    OrderState.LIFTED: {},
    OrderState.ENDED: {},
}
for corrected in (OrderState.EXECUTED, OrderState.PARTIAL, OrderState.IMPOSSIBLE):
    TABLE[corrected] |= {
        OrderMove.CORRECT_TO_RECEIVED: OrderState.RECEIVED,
        OrderMove.CORRECT_TO_EXECUTED: OrderState.EXECUTED,
        OrderMove.CORRECT_TO_PARTIAL: OrderState.PARTIAL,
        OrderMove.CORRECT_TO_IMPOSSIBLE: OrderState.IMPOSSIBLE,
    }

for state in (
    OrderState.ISSUED, OrderState.RECEIVED, OrderState.PARTIAL, OrderState.EXECUTED, OrderState.IMPOSSIBLE,
    OrderState.LIFT_ISSUED, OrderState.LIFTED, OrderState.LIFT_IMPOSSIBLE,
):  # fmt: skip
    TABLE[state] = TABLE[state] | {OrderMove.CONFIRM: state}


@pytest.mark.parametrize(("state", "move"), list(itertools.product(OrderState, OrderMove)))
def test_an_order_makes_exactly_the_moves_of_its_table(state, move):
    wanted = TABLE[state].get(move)
    if wanted is None:
        with pytest.raises(StateConflictError):
            next_order_state(state, move)
    else:
        assert next_order_state(state, move) is wanted
