"""The states of a carrier's report of a reassignment, and every move between them.

Pure: it may be imported from anywhere in the ledger. Source: domain.md, Assignment epoch; docs/adr/0090.
"""

from collections.abc import Mapping
from enum import StrEnum

from ledger.closed_lists import ClosedList
from ledger.errors import StateConflictError


class ReportState(ClosedList, graph_name="ReassignmentReportState"):
    """The state of a carrier's report that a number was assigned to another subscriber."""

    REPORTED = "REPORTED", "Reported; waiting for an officer. Nothing has changed yet."
    CONFIRMED = "CONFIRMED", "Confirmed; the number's next assignment began and its executed blocks ended."
    REFUSED = "REFUSED", "Refused; nothing changed."


class ReportMove(StrEnum):
    """What an officer can do to a report."""

    CONFIRM = "CONFIRM"
    REFUSE = "REFUSE"


REPORT_MOVES: Mapping[tuple[ReportState, ReportMove], ReportState] = {
    (ReportState.REPORTED, ReportMove.CONFIRM): ReportState.CONFIRMED,
    (ReportState.REPORTED, ReportMove.REFUSE): ReportState.REFUSED,
}


def next_report_state(state: ReportState, move: ReportMove) -> ReportState:
    """Return the state after the move. Errors: StateConflictError."""
    after = REPORT_MOVES.get((state, move))
    if after is None:
        raise StateConflictError(f"A report that is {state} does not allow {move}.", field="reportId")
    return after
