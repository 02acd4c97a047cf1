"""The tallies of complaints: how many there are of each kind, what is to be verified by when, and each day's."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated

from sqlalchemy import ColumnElement, Index, true

from ledger.complaints.states import AWAITING_VERIFICATION, ComplaintState
from ledger.complaints.vocabulary import ComplaintOutcome
from ledger.identifiers import MemberId
from ledger.legal_time import LEGAL_ZONE
from ledger.storage.access import ME, reads
from ledger.storage.markers import UNCHECKED, Columns
from ledger.storage.roles import Role
from ledger.storage.tallies import declare_tally, taken
from ledger.viewer import Viewer
from ledger.vocabulary import Category

_FORWARDED_STATES = (ComplaintState.ESCALATED, ComplaintState.RESOLVED)
# One that ended without anybody to ask was never forwarded.
_FORWARDED = (
    f"(r.state IN ({', '.join(repr(state.value) for state in _FORWARDED_STATES)}) "
    f"AND r.outcome IS DISTINCT FROM '{ComplaintOutcome.NO_PROVIDER}')"
)
_AWAITED = f"r.state IN ({', '.join(repr(state.value) for state in sorted(AWAITING_VERIFICATION))})"
_READERS = (*reads(Role.REGULATOR), *reads(Role.AGENCY, rows=f"source_id = {ME}"))


@dataclass(frozen=True, slots=True, kw_only=True)
class ComplaintCount:
    """Complaints by what lists of them are filtered by."""

    source_id: MemberId
    state: Annotated[ComplaintState, UNCHECKED]
    category: Annotated[Category, UNCHECKED]


complaint_counts = declare_tally("complaint_counts", ComplaintCount, of="complaints", access=_READERS)


@dataclass(frozen=True, slots=True, kw_only=True)
class ComplaintDue:
    """Complaints that wait for an officer, by the hour within which their verification is due."""

    source_id: MemberId
    state: Annotated[ComplaintState, UNCHECKED]
    category: Annotated[Category, UNCHECKED]
    due_hour: Annotated[datetime, taken("date_trunc('hour', r.verification_due_at, 'UTC')")]


complaint_dues = declare_tally(
    "complaint_dues",
    ComplaintDue,
    Index("ix_complaint_dues_due_hour", "due_hour"),
    of="complaints",
    where=f"{_AWAITED} AND r.verification_due_at IS NOT NULL",
    access=_READERS,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ComplaintDay:
    """Complaints by the legal day on which they were received, and by the region of their number, if they have one.

    A number's region never changes. is_forwarded: an instrument was drafted or offered for them.
    """

    day: Annotated[date, taken(f"(r.filed_at AT TIME ZONE '{LEGAL_ZONE.key}')::date")]
    source_id: MemberId
    state: Annotated[ComplaintState, UNCHECKED]
    category: Annotated[Category, UNCHECKED]
    region: Annotated[str | None, taken("(SELECT p.region FROM phone_numbers p WHERE p.e164 = r.e164)")]
    is_forwarded: Annotated[bool, taken(_FORWARDED)]


complaint_days = declare_tally(
    "complaint_days",
    ComplaintDay,
    Index("ix_complaint_days_day", "day"),
    of="complaints",
    access=_READERS,
)


def visible_complaint_counts(viewer: Viewer, c: Columns) -> ColumnElement[bool]:
    """Which rows of a tally of complaints the viewer may see: the regulator all, a source its own."""
    return true() if viewer.is_regulator else c.source_id == viewer.member_id
