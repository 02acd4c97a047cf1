"""Forwarding: verified complaints become drafts for carriers and offers to providers, with a manifest to approve.

A run drafts orders, adds complaints to orders that are already open, and lists every other number with the reason
why it can't be ordered blocked. It proposes referrals, which are offered when the manifest is approved (offers.py). It
drops nothing: those complaints stay verified. Of two concurrent runs, one waits and then finds nothing left. Whoever
starts a run is the drafter of all its drafts, so another officer approves; a run on schedule is nobody's
(docs/adr/0130).
Source: domain.md, Forwarding and the guard.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import text

from ledger.canonical import hash_canonical
from ledger.copies import replace
from ledger.errors import ConflictError, FourEyesError, InvalidInputError, Problem, StateConflictError, UnknownError
from ledger.feed.events import EventDraft, append_events
from ledger.feed.vocabulary import EventKind, Subject
from ledger.forwarding.candidates import (
    Candidate,
    ForwardingRequest,
    find_candidates,
    find_unorderable,
    join_open_orders,
)
from ledger.forwarding.manifest import render_manifest
from ledger.forwarding.offers import (
    ProposedOffers,
    end_without_provider,
    lock_offered,
    make_offers,
    propose_offers,
    render_links,
)
from ledger.forwarding.states import ForwardingState
from ledger.forwarding.table import UNPLACED, ForwardingItem, ForwardingRun, forwarding_items
from ledger.forwarding.vocabulary import ForwardingResult
from ledger.identifiers import ForwardingRunId, OfficeId, OfficerId, OrderId, new_id, parse_id
from ledger.orders.approval import Approval, approve_block_orders
from ledger.orders.content import hash_content
from ledger.orders.drafts import PreparedDraft, append_drafts, count_complainants
from ledger.orders.moves import check_words
from ledger.orders.revisions import SUMMARY_LENGTH_MAX
from ledger.orders.table import BlockOrder
from ledger.pages import BATCH_SIZE_MAX
from ledger.permissions import require_drafter, require_officer
from ledger.referrals.offers import Offerer
from ledger.referrals.table import Referral
from ledger.storage.database import Transaction
from ledger.storage.roles import Role
from ledger.storage.rows import fetch_records, insert_records, lock_records, select_records, update_records
from ledger.viewer import OPERATOR

_OFFERS = (ForwardingResult.OFFERED, ForwardingResult.NO_PROVIDER)
_RUN_LOCK = text("SELECT pg_advisory_xact_lock(hashtext('jembatan.forwarding'))")


class ManifestChangedError(ConflictError):
    """The hash does not match this run's manifest."""

    code = "MANIFEST_CHANGED"
    hint = "Read the manifest again and approve its current hash."


class NothingToForwardError(ConflictError):
    """No verified complaint is waiting to be forwarded."""

    code = "NOTHING_TO_FORWARD"


@dataclass(frozen=True, slots=True, kw_only=True)
class ForwardingApproval:
    """The manifest that an approver read, by its hash, what to exclude, and written overrides of held drafts.

    excluded_places are the places of offers, and of lines that no provider can be asked about.
    """

    run_id: str
    manifest_hash: str
    excluded_order_ids: frozenset[str] = frozenset()
    excluded_places: frozenset[int] = frozenset()
    override_notes: Mapping[str, str] = field(default_factory=dict)


async def forward_complaints(tx: Transaction, request: ForwardingRequest) -> ForwardingRun:
    """Draft orders from verified complaints and write the manifest of what was drafted, joined and left out.

    Units: limits in numbers. Errors: OfficerRequiredError, ForbiddenError; InvalidInputError for limits outside
    1..1000; NothingToForwardError if the manifest would be empty.
    """
    run = await propose_orders(tx, request, drafter=require_drafter(tx.viewer))
    if run is None:
        raise NothingToForwardError
    return run


async def propose_orders(
    tx: Transaction, request: ForwardingRequest, *, drafter: tuple[OfficerId, OfficeId] | None
) -> ForwardingRun | None:
    """As forward_complaints, for whoever drafts; without a drafter it is a scheduled run.

    Returns None if there is nothing to forward; for a scheduled run, if there is nothing to draft or to join.
    """
    officer_id, office_id = drafter or (None, None)
    words = {
        name: check_words(getattr(request, name), field=name, length_max=SUMMARY_LENGTH_MAX)
        for name in ("legal_basis", "subscriber_notice")
    }
    for name in ("limit", "carrier_limit"):
        value = getattr(request, name)
        if value is not None and not 1 <= value <= BATCH_SIZE_MAX:
            raise InvalidInputError(f"The limit must be 1 to {BATCH_SIZE_MAX} numbers.", field=name)
    run_id = ForwardingRunId(new_id())
    async with tx.role(Role.TRANSITION):
        await tx.execute(_RUN_LOCK)
        candidates = await find_candidates(tx, request)
        new = [candidate for candidate in candidates if candidate.open_order_id is None]
        prepared = [_prepare(candidate, request, words) for candidate in new]
        drafted, events = await append_drafts(tx, prepared, officer_id=officer_id, office_id=office_id)
        joined = [candidate for candidate in candidates if candidate.open_order_id is not None]
        events.extend(await join_open_orders(tx, joined))
        items = [_drafted_item(run_id, candidate, order) for candidate, order in zip(new, drafted, strict=True)]
        items.extend(_item(run_id, each, ForwardingResult.JOINED, order_id=each.open_order_id) for each in joined)
        items.extend(await find_unorderable(tx, request, run_id))
        offers = await _propose_offers(tx, request, run_id)
        events.extend(offers.events)
        if not (items or offers.items if drafter is not None else candidates or offers.items):
            return None
        whole = [*((item, ()) for item in items), *offers.items]
        placed = [(replace(item, place=place), behind) for place, (item, behind) in enumerate(whole, start=1)]
        manifest = [item for item, _ in placed]
        run = ForwardingRun(
            id=run_id,
            office_id=office_id,
            started_by=officer_id,
            started_at=tx.as_of,
            manifest_hash=hash_canonical(render_manifest(manifest)),
            complaint_count=sum(item.complaint_count for item in manifest),
        )
        await insert_records(tx, [run])
        await insert_records(tx, manifest)
        await insert_records(tx, render_links(placed))
        counts = Counter(item.result.value for item in manifest)
        events.append(_run_event(run, EventKind.FORWARDING_PROPOSED, **counts))
        await append_events(tx, events, actor=OPERATOR if drafter is None else None)
    return run


async def _propose_offers(tx: Transaction, request: ForwardingRequest, run_id: ForwardingRunId) -> ProposedOffers:
    """The offers of a run; one for a single carrier makes none."""
    if request.carrier_id is not None:
        return ProposedOffers((), ())
    return await propose_offers(tx, run_id, categories=request.categories, limit=request.limit)


def _prepare(candidate: Candidate, request: ForwardingRequest, words: Mapping[str, str]) -> PreparedDraft:
    category = Counter(complaint.category for complaint in candidate.complaints).most_common(1)[0][0]
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


def _drafted_item(run_id: ForwardingRunId, candidate: Candidate, order: BlockOrder | None) -> ForwardingItem:
    if order is None:  # another officer drafted one meanwhile; the next run joins these complaints to it
        return _item(run_id, candidate, ForwardingResult.JOINED, order_id=None)
    result = ForwardingResult.HELD if order.hold_reasons else ForwardingResult.DRAFTED
    return replace(
        _item(run_id, candidate, result, order_id=order.id),
        hold_reasons=order.hold_reasons or (),
        content_hash=hash_content(order),
    )


def _item(
    run_id: ForwardingRunId, candidate: Candidate, result: ForwardingResult, *, order_id: OrderId | None
) -> ForwardingItem:
    return ForwardingItem(
        run_id=run_id,
        place=UNPLACED,
        e164=candidate.number.e164,
        result=result,
        order_id=order_id,
        carrier_id=candidate.number.holder_id,
        complaint_count=len(candidate.complaints),
        complainant_count=count_complainants(candidate.complaints),
    )


def _run_event(run: ForwardingRun, kind: EventKind, **payload: Any) -> EventDraft:
    return EventDraft(kind=kind, subject=Subject.FORWARDING_RUN, subject_id=run.id, state=run.state, payload=payload)


async def approve_forwarding(
    tx: Transaction, approval: ForwardingApproval
) -> tuple[ForwardingRun, list[BlockOrder | Problem], list[Referral | Problem]]:
    """Issue the drafts of a run and offer its referrals, except those excluded; held drafts only with an override.

    A draft is issued, and an offer made, only if its content is still what the manifest says of it. Complaints that no
    provider can be asked about end with that outcome.
    Returns the run, and an item for each draft and each offer that was not excluded, in the manifest's order.
    Errors: OfficerRequiredError, ForbiddenError, UnknownError, ManifestChangedError, StateConflictError if the
    run is already concluded. FOUR_EYES and CONTENT_CHANGED are reported item by item.
    """
    officer_id, office_id = require_drafter(tx.viewer)
    async with tx.role(Role.TRANSITION):
        run = await _lock_open(tx, approval.run_id)
        if run.manifest_hash != approval.manifest_hash.strip().lower():
            raise ManifestChangedError(field="manifestHash")
        decided = [result.value for result in (ForwardingResult.DRAFTED, ForwardingResult.HELD, *_OFFERS)]
        c = forwarding_items.c
        statement = select_records(tx, ForwardingItem).where(c.run_id == run.id, c.result.in_(decided))
        items = await fetch_records(tx, ForwardingItem, statement.order_by(c.place))
    approvals = _list_approvals(items, approval)
    offers = [item for item in items if item.result in _OFFERS and item.place not in approval.excluded_places]
    if approval.excluded_places - {item.place for item in items if item.result in _OFFERS}:
        raise UnknownError("One of the places is not an offer of this manifest.", field="excludedPlaces")
    results = await approve_block_orders(tx, approvals) if approvals else []
    issued = sum(isinstance(result, BlockOrder) for result in results)
    referrals, ended = await _offer(tx, run, offers, offerer=Offerer(officer_id=officer_id, office_id=office_id))
    made = issued + sum(isinstance(each, Referral) for each in referrals)
    if (approvals or offers) and not made + ended:
        return run, results, referrals
    concluded = await _conclude(tx, run, ForwardingState.APPROVED, officer_id=officer_id, approved_count=made)
    return concluded, results, referrals


def _list_approvals(items: Sequence[ForwardingItem], approval: ForwardingApproval) -> list[Approval]:
    """The approvals of the manifest's drafts. Errors: UnknownError."""
    hashes = {item.order_id: item.content_hash for item in items if item.order_id is not None}
    unknown = (approval.excluded_order_ids | set(approval.override_notes)) - hashes.keys()
    if unknown:
        raise UnknownError("One of the orders is not in this manifest.", field="excludedOrderIds")
    return [
        # A manifest from before hashes were kept covers no content, so that its drafts are approved one by one.
        Approval(
            order_id=order_id, content_hash=content_hash or "", override_note=approval.override_notes.get(order_id)
        )
        for order_id, content_hash in hashes.items()
        if order_id not in approval.excluded_order_ids
    ]


async def _offer(
    tx: Transaction, run: ForwardingRun, items: Sequence[ForwardingItem], *, offerer: Offerer
) -> tuple[list[Referral | Problem], int]:
    """Make a manifest's offers; whoever started the run makes none. Returns a result for each, and how many ended."""
    offered = [item for item in items if item.result is ForwardingResult.OFFERED]
    if run.started_by == offerer.officer_id:
        return [FourEyesError().problem() for _ in offered], 0
    async with tx.role(Role.TRANSITION):
        behind = await lock_offered(tx, items)
        results, events = await make_offers(tx, offered, behind, offerer=offerer) if offered else ([], [])
        unasked = [item for item in items if item.result is ForwardingResult.NO_PROVIDER]
        ended = await end_without_provider(tx, unasked, behind)
        await append_events(tx, [*events, *ended])
    return results, len(ended)


async def discard_forwarding(tx: Transaction, run_id: str) -> ForwardingRun:
    """Conclude a run without approving it; its drafts remain until each is approved or discarded separately."""
    officer_id = require_officer(tx.viewer)
    async with tx.role(Role.TRANSITION):
        run = await _lock_open(tx, run_id)
    return await _conclude(tx, run, ForwardingState.DISCARDED, officer_id=officer_id, approved_count=0)


async def _lock_open(tx: Transaction, run_id: str) -> ForwardingRun:
    """Lock a run until the transaction ends. Errors: UnknownError; StateConflictError for a concluded one."""
    known = parse_id(run_id)
    run = (await lock_records(tx, ForwardingRun, [known] if known else [])).get(known or "")
    if run is None:
        raise UnknownError(field="runId")
    if run.state is not ForwardingState.PROPOSED:
        raise StateConflictError(f"This run is already {run.state}.", field="runId")
    return run


async def _conclude(
    tx: Transaction, run: ForwardingRun, state: ForwardingState, *, officer_id: OfficerId, approved_count: int
) -> ForwardingRun:
    concluded = replace(run, state=state, approved_by=officer_id, approved_at=tx.as_of, approved_count=approved_count)
    kind = EventKind.FORWARDING_APPROVED if state is ForwardingState.APPROVED else EventKind.FORWARDING_DISCARDED
    async with tx.role(Role.TRANSITION):
        await update_records(tx, [(run, concluded)])
        await append_events(tx, [_run_event(concluded, kind, approvedCount=approved_count)])
    return concluded
