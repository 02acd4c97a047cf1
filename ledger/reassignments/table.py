"""The table of carriers' reports that numbers were assigned to other subscribers."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text

from ledger.identifiers import BrandId, ClientId, MemberId, OfficerId, ReassignmentReportId
from ledger.numbers.table import E164_FORM
from ledger.reassignments.states import ReportState
from ledger.storage.access import EVERYTHING, ME, OF_MY_BRAND, Access, reads
from ledger.storage.markers import KEY, only, references
from ledger.storage.records import declare
from ledger.storage.roles import Role

_OWN = f"carrier_id = {ME} AND {OF_MY_BRAND}"
# The number is sought as the carrier sees it: the policy on phone_numbers leaves its own range and brand.
_SAYS = (
    f"{_OWN} AND state = 'REPORTED' AND EXISTS (SELECT 1 FROM phone_numbers n "
    "WHERE n.e164 = reassignment_reports.e164 AND n.brand_id IS NOT DISTINCT FROM reassignment_reports.brand_id)"
)
OPEN_REPORT = "uq_reassignment_reports_open"
"""At most one report is open for a number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReassignmentReport:
    """One report as the viewer may see it.

    epoch is the one that begins when the report is confirmed, at starts_at. brand_id is the number's brand when it was
    reported. ended_order_count is how many executed orders the confirmation ended.
    """

    id: Annotated[ReassignmentReportId, KEY]
    e164: Annotated[str, references("phone_numbers.e164")]
    epoch: int
    starts_at: datetime
    carrier_id: Annotated[MemberId, references("members.id")]
    brand_id: Annotated[BrandId | None, references("brands.id")] = None
    client_id: ClientId | None = None
    reported_at: datetime
    state: ReportState = ReportState.REPORTED
    decided_by: Annotated[OfficerId | None, references("officers.id"), only(Role.REGULATOR)] = None
    decided_at: datetime | None = None
    refusal_reason: str | None = None
    ended_order_count: int = 0


reassignment_reports = declare(
    "reassignment_reports",
    ReassignmentReport,
    CheckConstraint(E164_FORM, name="e164_form"),
    CheckConstraint("epoch >= 2", name="epoch_later"),
    CheckConstraint("starts_at <= reported_at", name="started_before_report"),
    CheckConstraint("(state = 'REPORTED') = (decided_by IS NULL)", name="decided_by_somebody"),
    CheckConstraint("(decided_by IS NULL) = (decided_at IS NULL)", name="decided_at_some_time"),
    CheckConstraint("(state = 'REFUSED') = (refusal_reason IS NOT NULL)", name="refused_with_reason"),
    UniqueConstraint("e164", "carrier_id", "starts_at"),
    Index(OPEN_REPORT, "e164", unique=True, postgresql_where=text("state = 'REPORTED'")),
    Index("ix_reassignment_reports_state_id", "state", "id"),
    Index("ix_reassignment_reports_carrier_id_id", "carrier_id", "id"),
    access=(
        *reads(Role.REGULATOR),
        Access(role=Role.CARRIER, rows=_OWN, written=_SAYS, select=EVERYTHING, insert=True),
        Access(role=Role.TRANSITION, select=EVERYTHING, update=EVERYTHING),
    ),
    is_watched=True,
)
