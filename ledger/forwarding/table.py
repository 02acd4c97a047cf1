"""Forwarding runs and their manifests as they are stored: what was proposed, and what an approver said of it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from ledger.forwarding.states import ForwardingState
from ledger.forwarding.vocabulary import ForwardingResult
from ledger.identifiers import ForwardingRunId, MemberId, OfficeId, OfficerId, OrderId
from ledger.storage.access import TRANSITION_MOVES, reads
from ledger.storage.records import KEY, declare, references
from ledger.storage.roles import Role
from ledger.vocabulary import HoldReason

_ACCESS = (*reads(Role.REGULATOR), TRANSITION_MOVES)


@dataclass(frozen=True, slots=True, kw_only=True)
class ForwardingRun:
    """One run: who started it, the hash of its manifest, and what an approver made of it."""

    id: Annotated[ForwardingRunId, KEY]
    office_id: Annotated[OfficeId, references("offices.id")]
    started_by: Annotated[OfficerId, references("officers.id")]
    started_at: datetime
    state: ForwardingState = ForwardingState.PROPOSED
    manifest_hash: str
    complaint_count: int
    approved_by: Annotated[OfficerId | None, references("officers.id")] = None
    approved_at: datetime | None = None
    approved_count: int = 0


forwarding_runs = declare("forwarding_runs", ForwardingRun, access=_ACCESS)


@dataclass(frozen=True, slots=True, kw_only=True)
class ForwardingItem:
    """One line of a manifest: a number, what the run made of its complaints, and why a draft is held."""

    run_id: Annotated[ForwardingRunId, KEY, references("forwarding_runs.id")]
    place: Annotated[int, KEY]
    e164: str | None = None
    result: ForwardingResult
    order_id: Annotated[OrderId | None, references("block_orders.id", index=True)] = None
    carrier_id: Annotated[MemberId | None, references("members.id")] = None
    complaint_count: int
    hold_reasons: tuple[HoldReason, ...] = ()


UNPLACED = 0
"""The place of a line before its manifest is whole; places count from 1."""

forwarding_items = declare("forwarding_items", ForwardingItem, access=_ACCESS)
