"""What the log must show of a subject: the states that it may begin in, and the moves between them.

The moves are those of the nouns' tables of states, so that a move that is added there is known here.
Source: docs/adr/0095.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ledger.complaints.states import COMPLAINT_MOVES, ComplaintState
from ledger.feed.vocabulary import Subject
from ledger.forwarding.states import ForwardingState
from ledger.orders.states import ORDER_MOVES, OrderState
from ledger.participations.states import PROPOSAL_MOVES, ParticipationState, ProposalState
from ledger.referrals.states import REFERRAL_MOVES, ReferralState
from ledger.signals.states import CONTRIBUTION_MOVES, SIGNAL_MOVES, ContributionState, SignalState

_Moves = Mapping[tuple[Any, Any], Any]


@dataclass(frozen=True, slots=True)
class History:
    """The states that a subject may begin in, and the pairs of states that a move leads from and to."""

    beginnings: frozenset[str]
    steps: frozenset[tuple[str, str]]

    def allows(self, before: str | None, after: str) -> bool:
        """Whether an entry may have a state after one that had another; None is before the first."""
        return after in self.beginnings if before is None else before == after or (before, after) in self.steps


def _steps(moves: _Moves) -> frozenset[tuple[str, str]]:
    return frozenset((str(before), str(after)) for (before, _), after in moves.items())


_F, _P = ForwardingState, ParticipationState

HISTORIES: Mapping[str, History] = {
    Subject.BLOCK_ORDER: History(frozenset({OrderState.DRAFT}), _steps(ORDER_MOVES)),
    Subject.REFERRAL: History(frozenset({ReferralState.OFFERED}), _steps(REFERRAL_MOVES)),
    Subject.COMPLAINT: History(frozenset({ComplaintState.SUBMITTED}), _steps(COMPLAINT_MOVES)),
    Subject.FRAUD_SIGNAL: History(frozenset({SignalState.ACTIVE}), _steps(SIGNAL_MOVES)),
    # Entries from before contributions had states say none.
    Subject.SIGNAL_CONTRIBUTION: History(frozenset(ContributionState), _steps(CONTRIBUTION_MOVES)),
    Subject.FORWARDING_RUN: History(
        frozenset({_F.PROPOSED}), frozenset({(_F.PROPOSED, _F.APPROVED), (_F.PROPOSED, _F.DISCARDED)})
    ),
    Subject.PARTICIPATION: History(
        frozenset({_P.AGREED, _P.IN_FORCE}),
        frozenset({(_P.AGREED, _P.IN_FORCE), (_P.AGREED, _P.ENDED), (_P.IN_FORCE, _P.ENDED)}),
    ),
    Subject.PARTICIPATION_PROPOSAL: History(
        # What a provider asks for, it has signed.
        frozenset({ProposalState.OFFERED, ProposalState.ACCEPTED}),
        _steps({key: step.after for key, step in PROPOSAL_MOVES.items()}),
    ),
    Subject.LEGAL_HOLD: History(frozenset({"PLACED"}), frozenset({("PLACED", "RELEASED")})),
}
"""By kind of subject; the others have no states."""
