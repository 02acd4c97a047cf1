"""The states of a participation, and those of a proposal with every move between them.

Pure: it may be imported from anywhere in the ledger. A move that is not in the table does not exist.
Source: docs/adr/0148.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

from ledger.closed_lists import ClosedList
from ledger.errors import ForbiddenError, StateConflictError
from ledger.participations.vocabulary import Party


class ParticipationState(ClosedList):
    """The state of a participation."""

    AGREED = "AGREED", "Signed, but not yet started."
    IN_FORCE = "IN_FORCE", "The provider participates."
    ENDED = "ENDED", "Ended; the provider can read no signals under it."


class ProposalState(ClosedList, graph_name="ParticipationProposalState"):
    """The state of a proposal of terms that both sides have to sign."""

    OFFERED = "OFFERED", "Offered by the regulator; waits for the provider's signatory."
    ACCEPTED = "ACCEPTED", "Signed by the provider; waits for the regulator's countersignature."
    COUNTERSIGNED = "COUNTERSIGNED", "Signed by both; a participation followed from it."
    REFUSED = "REFUSED", "The side that was to sign next refused."
    WITHDRAWN = "WITHDRAWN", "The side that signed or offered last took it back."


class ProposalMove(StrEnum):
    """What moves a proposal."""

    ACCEPT = "ACCEPT"
    COUNTERSIGN = "COUNTERSIGN"
    REFUSE = "REFUSE"
    WITHDRAW = "WITHDRAW"


class _Step(NamedTuple):
    after: ProposalState
    by: Party


_P, _PM = ProposalState, ProposalMove

PROPOSAL_MOVES: Mapping[tuple[ProposalState, ProposalMove], _Step] = {
    (_P.OFFERED, _PM.ACCEPT): _Step(_P.ACCEPTED, Party.PROVIDER),
    (_P.OFFERED, _PM.REFUSE): _Step(_P.REFUSED, Party.PROVIDER),
    (_P.OFFERED, _PM.WITHDRAW): _Step(_P.WITHDRAWN, Party.REGULATOR),
    (_P.ACCEPTED, _PM.COUNTERSIGN): _Step(_P.COUNTERSIGNED, Party.REGULATOR),
    (_P.ACCEPTED, _PM.REFUSE): _Step(_P.REFUSED, Party.REGULATOR),
    (_P.ACCEPTED, _PM.WITHDRAW): _Step(_P.WITHDRAWN, Party.PROVIDER),
}

OPEN_PROPOSAL_STATES = frozenset({_P.OFFERED, _P.ACCEPTED})
"""States in which a proposal waits for one of the two sides."""


def next_proposal_state(state: ProposalState, move: ProposalMove, *, by: Party) -> ProposalState:
    """Return the state after the move. Errors: StateConflictError; ForbiddenError for the other side's move."""
    step = PROPOSAL_MOVES.get((state, move))
    if step is None:
        raise StateConflictError(f"A proposal that is {state} does not allow {move}.", field="proposalId")
    if step.by is not by:
        raise ForbiddenError
    return step.after
