"""Forwarding: verified complaints become drafts to the carriers that hold the numbers, with a manifest to approve.

A run drafts, joins complaints to orders that are open already, and says of every other number why it can't be
ordered. It drops nothing: what it can't order stays verified. Two runs at once wait for each other, and the
second finds nothing left. Whoever starts a run is the drafter of all its drafts, so another officer approves.
Source: domain.md, Forwarding and the guard.
"""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from sqlalchemy import text

from ledger.errors import ConflictError, InvalidInputError, Problem, StateConflictError, UnknownError
from ledger.feed.events import EventDraft, append_events
from ledger.feed.vocabulary import EventKind, Subject
from ledger.forwarding.candidates import (
    Candidate,
    ForwardingRequest,
    find_candidates,
    find_unorderable,
    join_open_orders,
)
from ledger.forwarding.reading import ForwardingRun, lock_run
from ledger.forwarding.states import ForwardingState
from ledger.forwarding.vocabulary import ForwardingResult
from ledger.identifiers import OfficeId, OfficerId, new_id
from ledger.orders.approval import Approval, approve_block_orders
from ledger.orders.drafting import check_words
from ledger.orders.drafts import PreparedDraft, append_drafts
from ledger.orders.moves import Row, dump_rows
from ledger.orders.reading import BlockOrder
from ledger.pages import BATCH_SIZE_MAX
from ledger.permissions import require_drafter, require_officer
from ledger.storage.database import Transaction
from ledger.storage.roles import Role
from ledger.vocabulary import Category

_RUN_LOCK = text("SELECT pg_advisory_xact_lock(hashtext('jembatan.forwarding'))")

_APPEND_RUN = text("""
INSERT INTO forwarding_runs (id, office_id, started_by, started_at, state, manifest_hash, complaint_count)
VALUES (CAST(:id AS uuid), CAST(:office_id AS uuid), CAST(:started_by AS uuid), CAST(:started_at AS timestamptz),
        'PROPOSED', :manifest_hash, :complaint_count)
""")

_APPEND_ITEMS = text("""
INSERT INTO forwarding_items (run_id, place, e164, result, order_id, carrier_id, complaint_count, hold_reasons)
SELECT run_id, place, e164, result, order_id, carrier_id, complaint_count, hold_reasons
FROM json_populate_recordset(NULL::forwarding_items, CAST(:rows AS json))
""")

_DRAFTED_ITEMS = text("""
SELECT order_id FROM forwarding_items
WHERE run_id = CAST(:run_id AS uuid) AND result IN ('DRAFTED', 'HELD') ORDER BY place
""")

_CONCLUDE = text("""
UPDATE forwarding_runs SET state = :state, approved_by = CAST(:officer_id AS uuid),
  approved_at = CAST(:as_of AS timestamptz), approved_count = :approved_count
WHERE id = CAST(:id AS uuid) AND state = 'PROPOSED'
""")


class ManifestChangedError(ConflictError):
    """The hash is not this run's manifest's."""

    code = "MANIFEST_CHANGED"
    hint = "Read the manifest again and approve the hash that it shows now."


class NothingToForwardError(ConflictError):
    """No verified complaint awaits forwarding."""

    code = "NOTHING_TO_FORWARD"


@dataclass(frozen=True, slots=True, kw_only=True)
class ForwardingApproval:
    """The manifest that an approver read, by its hash, what to leave out, and overrides of held drafts in writing."""

    run_id: str
    manifest_hash: str
    excluded_order_ids: frozenset[str] = frozenset()
    override_notes: Mapping[str, str] = field(default_factory=dict)


async def forward_complaints(tx: Transaction, request: ForwardingRequest) -> ForwardingRun:
    """Draft orders from verified complaints and write the manifest of what was drafted, joined and left.

    Units: limits in numbers. Errors: OfficerRequiredError, ForbiddenError; InvalidInputError for limits out of
    1..1000; NothingToForwardError when there is nothing to say.
    """
    officer_id, office_id = require_drafter(tx.viewer)
    words = {name: check_words(getattr(request, name), field=name) for name in ("legal_basis", "subscriber_notice")}
    for name in ("limit", "carrier_limit"):
        value = getattr(request, name)
        if value is not None and not 1 <= value <= BATCH_SIZE_MAX:
            raise InvalidInputError(f"The limit is 1 to {BATCH_SIZE_MAX} numbers.", field=name)
    async with tx.role(Role.TRANSITION):
        await tx.execute(_RUN_LOCK)
        candidates = await find_candidates(tx, request)
        new = [candidate for candidate in candidates if candidate.open_order_id is None]
        prepared = [_prepare(candidate, request, words) for candidate in new]
        drafted, events = await append_drafts(tx, prepared, officer_id=officer_id, office_id=office_id)
        joined = [candidate for candidate in candidates if candidate.open_order_id is not None]
        events.extend(await join_open_orders(tx, joined))
        items = [_drafted_item(candidate, row) for candidate, row in zip(new, drafted, strict=True)]
        items.extend(_joined_item(candidate) for candidate in joined)
        items.extend(await find_unorderable(tx, request))
        if not items:
            raise NothingToForwardError
        return await _append_run(tx, items, events, officer_id=officer_id, office_id=office_id)


def _prepare(candidate: Candidate, request: ForwardingRequest, words: Mapping[str, str]) -> PreparedDraft:
    category = Counter(Category(row["category"]) for row in candidate.complaints).most_common(1)[0][0]
    count = len(candidate.complaints)
    return PreparedDraft(
        number=candidate.number,
        complaints=candidate.complaints,
        category=category,
        scope=request.scope,
        summary=f"{count} verified complaint{'s' if count > 1 else ''}, most of category {category}.",
        legal_basis=words["legal_basis"],
        subscriber_notice=words["subscriber_notice"],
    )


def _drafted_item(candidate: Candidate, row: Row | None) -> Row:
    if row is None:  # a draft of another officer's came between; the next run joins these complaints to it
        return _item(candidate, ForwardingResult.JOINED, order_id=None)
    result = ForwardingResult.HELD if row["hold_reasons"] else ForwardingResult.DRAFTED
    return _item(candidate, result, order_id=row["id"]) | {"hold_reasons": row["hold_reasons"]}


def _joined_item(candidate: Candidate) -> Row:
    return _item(candidate, ForwardingResult.JOINED, order_id=candidate.open_order_id)


def _item(candidate: Candidate, result: ForwardingResult, *, order_id: str | None) -> Row:
    return {
        "e164": candidate.number["e164"],
        "result": result.value,
        "order_id": order_id,
        "carrier_id": candidate.number["holder_id"],
        "complaint_count": len(candidate.complaints),
        "hold_reasons": [],
    }


async def _append_run(
    tx: Transaction,
    items: Sequence[Row],
    events: list[EventDraft],
    *,
    officer_id: OfficerId,
    office_id: OfficeId,
) -> ForwardingRun:
    run_id = new_id()
    placed = [{"run_id": run_id, "place": place, **item} for place, item in enumerate(items, start=1)]
    run: dict[str, Any] = {
        "id": run_id,
        "office_id": office_id,
        "started_by": officer_id,
        "started_at": tx.as_of,
        "manifest_hash": hash_manifest(placed),
        "complaint_count": sum(item["complaint_count"] for item in items),
    }
    await tx.execute(_APPEND_RUN, run)
    await tx.execute(_APPEND_ITEMS, {"rows": dump_rows(placed)})
    counts = Counter(item["result"] for item in items)
    events.append(_run_event(run_id, EventKind.FORWARDING_PROPOSED, ForwardingState.PROPOSED, **counts))
    await append_events(tx, events)
    return ForwardingRun(state=ForwardingState.PROPOSED, approved_by=None, approved_at=None, approved_count=0, **run)


def hash_manifest(items: Sequence[Mapping[str, Any]]) -> str:
    """SHA-256 over the manifest's items in their order, as canonical JSON; hexadecimal."""
    return hashlib.sha256(orjson.dumps(list(items), option=orjson.OPT_SORT_KEYS, default=str)).hexdigest()


def _run_event(run_id: str, kind: EventKind, state: ForwardingState, **payload: Any) -> EventDraft:
    return EventDraft(kind=kind, subject=Subject.FORWARDING_RUN, subject_id=run_id, state=state, payload=payload)


async def approve_forwarding(
    tx: Transaction, approval: ForwardingApproval
) -> tuple[ForwardingRun, list[BlockOrder | Problem]]:
    """Issue the drafts of a run, whole or less what is excluded; held ones only with an override in writing.

    Answers the run and an item for each draft that was not excluded, in the manifest's order.
    Errors: OfficerRequiredError, ForbiddenError, UnknownError, ManifestChangedError, StateConflictError when the
    run was concluded already. FOUR_EYES comes item by item.
    """
    officer_id = require_officer(tx.viewer)
    async with tx.role(Role.TRANSITION):
        run = await lock_run(tx, approval.run_id)
        _check_open(run)
        if run.manifest_hash != approval.manifest_hash.strip().lower():
            raise ManifestChangedError(field="manifestHash")
        found = await tx.execute(_DRAFTED_ITEMS, {"run_id": run.id})
        order_ids = [str(row["order_id"]) for row in found.mappings()]
    unknown = (approval.excluded_order_ids | set(approval.override_notes)) - set(order_ids)
    if unknown:
        raise UnknownError("An order that is named does not stand in this manifest.", field="excludedOrderIds")
    approvals = [
        Approval(order_id=order_id, override_note=approval.override_notes.get(order_id))
        for order_id in order_ids
        if order_id not in approval.excluded_order_ids
    ]
    results = await approve_block_orders(tx, approvals) if approvals else []
    issued = sum(isinstance(result, BlockOrder) for result in results)
    if approvals and not issued:
        return run, results
    return await _conclude(tx, run, ForwardingState.APPROVED, officer_id=officer_id, approved_count=issued), results


async def discard_forwarding(tx: Transaction, run_id: str) -> ForwardingRun:
    """Conclude a run without approving it; its drafts stand until each is approved or discarded on its own."""
    officer_id = require_officer(tx.viewer)
    async with tx.role(Role.TRANSITION):
        run = await lock_run(tx, run_id)
    _check_open(run)
    return await _conclude(tx, run, ForwardingState.DISCARDED, officer_id=officer_id, approved_count=0)


def _check_open(run: ForwardingRun) -> None:
    if run.state is not ForwardingState.PROPOSED:
        raise StateConflictError(f"This run is {run.state} already.", field="runId")


async def _conclude(
    tx: Transaction, run: ForwardingRun, state: ForwardingState, *, officer_id: OfficerId, approved_count: int
) -> ForwardingRun:
    concluded = {"officer_id": officer_id, "as_of": tx.as_of, "approved_count": approved_count}
    async with tx.role(Role.TRANSITION):
        written = await tx.execute(_CONCLUDE, {"id": run.id, "state": state.value, **concluded})
        if written.rowcount != 1:
            raise StateConflictError("This run was concluded under this call; nothing was written.", field="runId")
        kind = EventKind.FORWARDING_APPROVED if state is ForwardingState.APPROVED else EventKind.FORWARDING_DISCARDED
        await append_events(tx, [_run_event(run.id, kind, state, approvedCount=approved_count)])
    return run.concluded(state=state, officer_id=officer_id, at=tx.as_of, approved_count=approved_count)
