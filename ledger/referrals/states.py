"""The states of a referral and every move between them. A move that is not listed here does not exist.

No move leads to an order, and none follows from lateness but LAPSE, after which every answer is still welcome.
Pure: it may be imported from anywhere in the ledger. Source: domain.md, the table of Referral; docs/adr/0152.
"""

from collections.abc import Mapping
from enum import StrEnum

from ledger.closed_lists import ClosedList
from ledger.errors import StateConflictError
from ledger.feed.vocabulary import EventKind, Subject
from ledger.instruments import Instrument
from ledger.vocabulary import BlockRequestStatus


class ReferralState(ClosedList):
    """The state of a referral."""

    OFFERED = "OFFERED", "Offered to the provider."
    RECEIVED = "RECEIVED", "The provider said that it received it."
    ACTIONED = "ACTIONED", "The provider acted."
    DECLINED = "DECLINED", "The provider won't act."
    NO_ACCOUNT = "NO_ACCOUNT", "The provider has no such account."
    LAPSED = "LAPSED", "The courtesy reply date passed without an answer, which may still come."
    WITHDRAWN = "WITHDRAWN", "The regulator withdrew it."
    REVERSED = "REVERSED", "The provider reversed what it had done."


class ReferralMove(StrEnum):
    """What can be done to a referral."""

    RECEIVE = "RECEIVE"
    ACT = "ACT"
    DECLINE = "DECLINE"
    FIND_NO_ACCOUNT = "FIND_NO_ACCOUNT"
    REVERSE = "REVERSE"
    LAPSE = "LAPSE"
    WITHDRAW = "WITHDRAW"


_R, _RM = ReferralState, ReferralMove

UNANSWERED = frozenset({_R.OFFERED, _R.RECEIVED, _R.LAPSED})
"""States in which the provider has not answered: it still may, however late."""

REFERRAL_MOVES: Mapping[tuple[ReferralState, ReferralMove], ReferralState] = {
    (_R.OFFERED, _RM.RECEIVE): _R.RECEIVED,
    **{(state, _RM.ACT): _R.ACTIONED for state in sorted(UNANSWERED)},
    **{(state, _RM.DECLINE): _R.DECLINED for state in sorted(UNANSWERED)},
    **{(state, _RM.FIND_NO_ACCOUNT): _R.NO_ACCOUNT for state in sorted(UNANSWERED)},
    (_R.OFFERED, _RM.LAPSE): _R.LAPSED,
    (_R.RECEIVED, _RM.LAPSE): _R.LAPSED,
    **{(state, _RM.WITHDRAW): _R.WITHDRAWN for state in sorted(UNANSWERED)},
    (_R.ACTIONED, _RM.REVERSE): _R.REVERSED,
}

PENDING_STATES = frozenset({_R.OFFERED, _R.RECEIVED})
"""States in which a referral's outcome for the complaints behind it is still open."""

OPEN_STATES = PENDING_STATES | {_R.ACTIONED}
"""States in which another complaint about the same thing joins this referral instead of leading to a new one."""

STATUS_OF_STATE: Mapping[ReferralState, BlockRequestStatus] = {
    _R.OFFERED: BlockRequestStatus.AWAITING_ANSWER,
    _R.RECEIVED: BlockRequestStatus.AWAITING_ANSWER,
    _R.ACTIONED: BlockRequestStatus.IN_EFFECT,
    _R.DECLINED: BlockRequestStatus.NOT_DONE,
    _R.NO_ACCOUNT: BlockRequestStatus.NOT_DONE,
    _R.LAPSED: BlockRequestStatus.ENDED,
    _R.WITHDRAWN: BlockRequestStatus.ENDED,
    _R.REVERSED: BlockRequestStatus.ENDED,
}
"""The status for each state, in the terms that all kinds of instrument share."""


def next_referral_state(state: ReferralState, move: ReferralMove) -> ReferralState:
    """Return the state after the move. Errors: StateConflictError."""
    after = REFERRAL_MOVES.get((state, move))
    if after is None:
        raise StateConflictError(f"A referral that is {state} does not allow {move}.")
    return after


_PENDING = ", ".join(f"'{state}'" for state in sorted(PENDING_STATES))

REFERRALS = Instrument(
    subject=Subject.REFERRAL,
    kinds=frozenset(
        {
            EventKind.REFERRAL_OFFERED,
            EventKind.REFERRAL_COMPLAINT_JOINED,
            EventKind.REFERRAL_ANSWERED,
            EventKind.REFERRAL_LAPSED,
            EventKind.REFERRAL_WITHDRAWN,
        }
    ),
    outcome_column="referral_outcome",
    behind="SELECT complaint_id FROM referral_complaints WHERE referral_id = ANY(CAST(:ids AS uuid[]))",
    results=f"""
SELECT rc.complaint_id, r.state IN ({_PENDING}) AS is_pending,
       CASE WHEN r.state IN ('ACTIONED', 'REVERSED') THEN 'ACCOUNT_ACTIONED'
            WHEN r.state = 'NO_ACCOUNT' THEN 'NO_ACCOUNT'
            WHEN r.state = 'WITHDRAWN' THEN 'WITHDRAWN'
            ELSE 'NOT_ACTIONABLE' END AS outcome
FROM referral_complaints rc JOIN referrals r ON r.id = rc.referral_id""",
)
"""Referrals as an instrument: their events, and their outcomes for the complaints behind them."""
