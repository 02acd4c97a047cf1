"""The tables of forwarding runs and their manifests: what was proposed, and what an approver decided."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from sqlalchemy import CheckConstraint, Index

from ledger.feed.vocabulary import Subject
from ledger.forwarding.states import ForwardingState
from ledger.forwarding.vocabulary import ForwardingResult
from ledger.identifiers import (
    AccountId,
    ComplaintId,
    ForwardingRunId,
    MemberId,
    OfficeId,
    OfficerId,
    OrderId,
    ReferralId,
)
from ledger.storage.access import TRANSITION_MOVES, reads
from ledger.storage.commitments import CommittedBy
from ledger.storage.markers import DERIVED, KEY, derived, references
from ledger.storage.records import declare
from ledger.storage.roles import Role
from ledger.vocabulary import HoldReason

_ACCESS = (*reads(Role.REGULATOR), TRANSITION_MOVES)


@dataclass(frozen=True, slots=True, kw_only=True)
class ForwardingRun:
    """One run: who started it, the hash of its manifest, and the approver's decision.

    A scheduled run has neither an office nor an officer.
    """

    id: Annotated[ForwardingRunId, KEY]
    office_id: Annotated[OfficeId | None, references("offices.id")] = None
    started_by: Annotated[OfficerId | None, references("officers.id")] = None
    is_scheduled: Annotated[bool, derived(lambda c: c.started_by.is_(None))] = DERIVED
    started_at: datetime
    state: ForwardingState = ForwardingState.PROPOSED
    manifest_hash: str
    complaint_count: int
    approved_by: Annotated[OfficerId | None, references("officers.id")] = None
    approved_at: datetime | None = None
    approved_count: int = 0


forwarding_runs = declare(
    "forwarding_runs",
    ForwardingRun,
    CheckConstraint("(office_id IS NULL) = (started_by IS NULL)", name="officer_with_office"),
    Index("ix_forwarding_runs_started_at", "started_at"),
    access=_ACCESS,
    committed_by=CommittedBy(Subject.FORWARDING_RUN),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ForwardingItem:
    """One item of a manifest: a number or an account, what the run did with its complaints, why a draft is held.

    Of an offer, provider_id is who is asked once the manifest is approved; referral_id is a referral that was joined.
    complainant_count counts distinct people as the guard does. content_hash is that of the draft's content.
    """

    run_id: Annotated[ForwardingRunId, KEY, references("forwarding_runs.id")]
    place: Annotated[int, KEY]
    e164: str | None = None
    result: ForwardingResult
    order_id: Annotated[OrderId | None, references("block_orders.id", index=True)] = None
    carrier_id: Annotated[MemberId | None, references("members.id")] = None
    account_id: Annotated[AccountId | None, references("accounts.id")] = None
    provider_id: Annotated[MemberId | None, references("members.id")] = None
    referral_id: Annotated[ReferralId | None, references("referrals.id", index=True)] = None
    complaint_count: int
    complainant_count: int = 0
    content_hash: str | None = None
    hold_reasons: tuple[HoldReason, ...] = ()


UNPLACED = 0
"""The place of an item before its manifest is complete; places count from 1."""

forwarding_items = declare(
    "forwarding_items", ForwardingItem, access=_ACCESS, committed_by=CommittedBy(Subject.FORWARDING_RUN, "run_id")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ForwardingOffer:
    """A complaint behind an item of a manifest that no order is about: what is offered, or can't be."""

    run_id: Annotated[ForwardingRunId, KEY, references("forwarding_runs.id")]
    place: Annotated[int, KEY]
    complaint_id: Annotated[ComplaintId, KEY, references("complaints.id", index=True)]


forwarding_offers = declare(
    "forwarding_offers", ForwardingOffer, access=_ACCESS, committed_by=CommittedBy(Subject.FORWARDING_RUN, "run_id")
)

SCHEDULE_ID = 1
"""The key of the only row of scheduled forwarding."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduledForwarding:
    """Where the schedule stands: everything is run up to the moment done_until. ran_at is when that was."""

    id: Annotated[int, KEY]
    done_until: datetime
    ran_at: datetime
    last_run_id: Annotated[ForwardingRunId | None, references("forwarding_runs.id")] = None


scheduled_forwarding = declare(
    "scheduled_forwarding",
    ScheduledForwarding,
    CheckConstraint(f"id = {SCHEDULE_ID}", name="single"),
    access=(*_ACCESS, *reads(Role.OPERATOR)),
)
