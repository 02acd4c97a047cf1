"""Reading reports of reassignments: the regulator sees all, a carrier its own, a brand's client those of its brand."""

from dataclasses import dataclass
from typing import Annotated

from sqlalchemy import ColumnElement, and_, true

from ledger.filters import among, conditions_of, equals
from ledger.pages import Listing, Page, PageRequest, fetch_page
from ledger.permissions import require_kind
from ledger.reassignments.states import ReportState
from ledger.reassignments.table import ReassignmentReport, reassignment_reports
from ledger.storage.database import Transaction
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
    require_kind(tx.viewer, {ViewerKind.REGULATOR, ViewerKind.CARRIER})
    conditions = conditions_of(wanted or ReportFilter(), ReassignmentReport, tx.present_role)
    return await fetch_page(tx, _REPORTS, page, _visible(tx.viewer), *conditions)


def _visible(viewer: Viewer) -> ColumnElement[bool]:
    """Limit a carrier to its own reports; row-level security enforces this again."""
    c = reassignment_reports.c
    if viewer.kind is ViewerKind.REGULATOR:
        return true()
    own = c.carrier_id == viewer.member_id
    return own if viewer.brand_id is None else and_(own, c.brand_id == viewer.brand_id)
