"""Whatever sequence of statements and corrections: the order is what its last uncorrected statement says."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import LedgerError
from ledger.orders.acknowledgement_rules import Statement, judge
from ledger.orders.corrections import judge_correction
from ledger.orders.states import OrderState
from ledger.orders.table import BlockOrder, OrderAcknowledgement
from ledger.orders.vocabulary import AcknowledgementKind as Kind
from ledger.orders.vocabulary import BlockScope
from ledger.vocabulary import Category

ISSUED_AT = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)
KINDS = (Kind.RECEIVED, Kind.EXECUTED, Kind.PARTIAL, Kind.IMPOSSIBLE)
SAYINGS = st.lists(
    st.tuples(
        st.sampled_from(KINDS),
        st.one_of(st.none(), st.integers(min_value=0, max_value=9)),  # what it corrects
        st.integers(min_value=0, max_value=12),  # hours since the statement before
    ),
    max_size=10,
)


def issued() -> BlockOrder:
    return BlockOrder(
        id="1",
        directive_id="1",
        carrier_id="2",
        e164="+6289011110001",
        epoch=1,
        category=Category.FRAUD,
        scope=BlockScope.ALL_SERVICES,
        legal_basis="PM 5/2021",
        summary="Three complaints.",
        subscriber_notice="Blocked.",
        state=OrderState.ISSUED,
        office_id=None,
        drafted_by=None,
        drafted_at=ISSUED_AT,
        issued_at=ISSUED_AT,
        due_at=ISSUED_AT + timedelta(days=1),
    )


def statement_of(kind: Kind, at: datetime) -> Statement:
    reason = "TECHNICAL" if kind is Kind.IMPOSSIBLE else None
    return Statement(
        kind=kind, reference="r", version=1, reason=reason, note="It was wrong.", effective_at=at, until=None
    )


def recorded(place: int, statement: Statement, *, is_late: bool) -> OrderAcknowledgement:
    return OrderAcknowledgement(
        id=str(place),
        order_id="1",
        carrier_id="2",
        version=1,
        kind=statement.kind,
        reason=statement.reason,
        reference="r",
        note=statement.note,
        effective_at=statement.effective_at,
        recorded_at=statement.effective_at,
        is_late=is_late,
        moved_state=True,
    )


@given(SAYINGS)
def test_an_order_is_what_its_last_uncorrected_statement_says(sayings: list[tuple[Kind, int | None, int]]) -> None:
    order, at = issued(), ISSUED_AT
    said: list[OrderAcknowledgement] = []
    standing: list[OrderAcknowledgement] = []
    for kind, target, hours in sayings:
        at += timedelta(hours=hours)
        statement = statement_of(kind, at)
        corrected = said[target] if target is not None and target < len(said) else None
        try:
            if corrected is None:
                verdict = judge(statement, order, as_of=at)
            else:
                verdict = judge_correction(statement, order, corrected, as_of=at)
        except LedgerError:
            continue
        if verdict.mark is not None:
            assert verdict.after == order
            continue
        done = recorded(len(said), statement, is_late=verdict.is_late)
        if corrected is not None:
            assert standing[-1] == corrected
            said[said.index(corrected)] = replace(corrected, corrected_by=done.id)
            standing.pop()
        said.append(done)
        standing.append(done)
        order = replace(verdict.after, standing_acknowledgement_id=done.id)
        assert order.state == standing[-1].kind == order.last_acknowledgement
        assert verdict.is_late == (at > ISSUED_AT + timedelta(days=1))
        assert order.due_at == ISSUED_AT + timedelta(days=1)
        assert (order.impossible_reason is not None) == (order.state is OrderState.IMPOSSIBLE)


def test_an_answer_in_time_that_a_late_correction_turns_into_another_counts_as_late() -> None:
    executed = judge(statement_of(Kind.EXECUTED, ISSUED_AT), issued(), as_of=ISSUED_AT)
    order = replace(executed.after, standing_acknowledgement_id="0")
    said = recorded(0, statement_of(Kind.EXECUTED, ISSUED_AT), is_late=False)
    late = ISSUED_AT + timedelta(days=2)
    was_late = {
        kind: judge_correction(statement_of(kind, late), order, said, as_of=late).after.was_late for kind in KINDS
    }
    assert was_late == {Kind.RECEIVED: False, Kind.EXECUTED: False, Kind.PARTIAL: True, Kind.IMPOSSIBLE: True}
