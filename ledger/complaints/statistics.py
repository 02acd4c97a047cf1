"""What became of the complaints that were received on each legal day, for statistics."""

from typing import Any

from sqlalchemy import ColumnElement, Select, case, literal_column

from ledger.complaints.states import VERIFIED_STATES, ComplaintState
from ledger.complaints.tally_table import complaint_days, visible_complaint_counts
from ledger.facts import is_within, state_facts
from ledger.viewer import Viewer


def select_complaint_facts(viewer: Viewer) -> list[Select[Any]]:
    """The facts of complaints that the viewer may see, which must be one that sees any."""
    c = complaint_days.c

    def count(states: frozenset[ComplaintState]) -> ColumnElement[Any]:
        return case((c.state.in_([state.value for state in sorted(states)]), c.n), else_=literal_column("0"))

    return [
        state_facts(
            complaint_days,
            is_within(c.day),
            visible_complaint_counts(viewer, c),
            day=c.day,
            category=c.category,
            region=c.region,
            received=c.n,
            verified=count(VERIFIED_STATES),
            rejected=count(frozenset({ComplaintState.REJECTED})),
            forwarded=case((c.is_forwarded, c.n), else_=literal_column("0")),
        )
    ]
