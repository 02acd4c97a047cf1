"""Reading reports of reassignments: the regulator sees all, a carrier its own, a brand's client those of its brand."""

from dataclasses import dataclass
from typing import Annotated

from sqlalchemy import ColumnElement, and_, true

from ledger.filters import among, equals
from ledger.lists import RecordList
from ledger.pages import Listing, Page, PageRequest
from ledger.reassignments.states import ReportState
from ledger.reassignments.table import ReassignmentReport
from ledger.storage.database import Transaction
from ledger.storage.markers import Columns
from ledger.viewer import Viewer, ViewerKind

_REPORTS = Listing("reassignment_reports", ReassignmentReport, ("-id",))


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportFilter:
    """Which reports to return. An empty tuple or None does not filter; number is E.164."""

    states: Annotated[tuple[ReportState, ...], among("state")] = ()
    number: Annotated[str | None, equals("e164")] = None
    carrier_id: Annotated[str | None, equals("carrier_id")] = None


async def list_reassignment_reports(
    tx: Transaction, page: PageRequest, wanted: ReportFilter | None = None
) -> Page[ReassignmentReport]:
    """Return the reports that the viewer may see, newest first. Errors: ForbiddenError, CursorInvalidError."""
    return await REASSIGNMENT_REPORTS.fetch(tx, page, wanted)


def _visible(viewer: Viewer, c: Columns) -> ColumnElement[bool]:
    """Limit a carrier to its own reports; row-level security enforces this again."""
    if viewer.kind is ViewerKind.REGULATOR:
        return true()
    own = c.carrier_id == viewer.member_id
    return own if viewer.brand_id is None else and_(own, c.brand_id == viewer.brand_id)


REASSIGNMENT_REPORTS = RecordList(
    ReassignmentReport,
    {None: _REPORTS},
    ReportFilter,
    visible=_visible,
    kinds=frozenset({ViewerKind.REGULATOR, ViewerKind.CARRIER}),
)
