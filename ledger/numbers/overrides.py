"""Overrides of the numbering plan: one officer proposes that another carrier holds a number, another approves.

An approval names the hash of the proposal's canonical text, so that nothing else than what was read is approved. It
moves the number in the same transaction. Orders, complaints and signals stay as they are; an order that went to the
wrong carrier is superseded by a new one (ledger/orders/drafting.py).
Source: domain.md, Numbers; docs/adr/0089.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace

from sqlalchemy import text

from ledger.canonical import hash_canonical
from ledger.errors import ConflictError, FourEyesError, LedgerError, NumberNotDomesticError, Problem, UnknownError
from ledger.feed.events import EventDraft, append_events
from ledger.feed.vocabulary import EventKind, Subject
from ledger.identifiers import OfficerId, OrderId, OverrideId, OverrideProposalId, new_id, parse_id
from ledger.members.table import Brand, Member
from ledger.moves import Change, Moved, Rules, move_records
from ledger.numbers.forms import ParsedNumber, parse_number
from ledger.numbers.override_rules import (
    OrderNotReroutableError,
    OverrideApproval,
    OverrideChangedError,
    OverrideDraft,
    OverrideOpenError,
    OverrideOutdatedError,
    OverrideRevision,
    OverrideTimeError,
    PlanFacts,
    check_reason,
    render_override,
)
from ledger.numbers.plan import find_holders, lock_plan, move_numbers
from ledger.numbers.states import OverrideMove, next_override_state
from ledger.numbers.table import OPEN_PROPOSAL, Override, OverrideProposal
from ledger.permissions import require_batch, require_officer
from ledger.storage.database import Transaction
from ledger.storage.roles import Role
from ledger.storage.rows import insert_and_read, insert_records, load_records

_NONCE_BYTES = 16

_LATEST = text("SELECT e164, max(valid_from) AS since FROM number_overrides WHERE e164 = ANY(:e164s) GROUP BY e164")
_REROUTABLE = text("""
SELECT id, e164 FROM block_orders
WHERE id = ANY(CAST(:ids AS uuid[])) AND state = 'IMPOSSIBLE' AND impossible_reason = 'WRONG_RANGE_HOLDER'
""")


async def propose_overrides(tx: Transaction, drafts: Sequence[OverrideDraft]) -> list[OverrideProposal | Problem]:
    """Propose overrides, item by item; nothing moves until another officer approves.

    Shapes: 1..1000; results in the order given. Errors: OfficerRequiredError, ForbiddenError, TooManyItemsError for
    the call; for an item NUMBER_INVALID, NOT_DOMESTIC, NOT_FOUND (no such carrier, or not its brand),
    OVERRIDE_TIME_INVALID, OVERRIDE_REASON_MISSING, OVERRIDE_CHANGES_NOTHING, OVERRIDE_ALREADY_PROPOSED,
    ORDER_NOT_REROUTABLE.
    """
    officer_id = require_officer(tx.viewer)
    require_batch(drafts)
    parsed = [_parse(draft.number) for draft in drafts]
    e164s = sorted({each.e164 for each in parsed if isinstance(each, ParsedNumber)})
    async with tx.role(Role.TRANSITION):
        plan = PlanFacts()
        await _fill_plan(tx, plan, e164s, [(draft.holder_id, draft.brand_id) for draft in drafts])
        plan.orders = await _find_reroutable(tx, drafts)
        results: dict[int, OverrideProposal | Problem] = {}
        proposed: dict[str, int] = {}
        for place, (draft, number) in enumerate(zip(drafts, parsed, strict=True)):
            try:
                if isinstance(number, Problem):
                    results[place] = number
                    continue
                if number.e164 in proposed:
                    raise OverrideOpenError(field="number")
                results[place] = _propose(tx, plan, draft, number, officer_id)
                proposed[number.e164] = place
            except LedgerError as error:
                results[place] = error.problem()
        wanted = [item for item in results.values() if isinstance(item, OverrideProposal)]
        in_key_order = sorted(wanted, key=lambda proposal: proposal.e164)
        written = {item.id: item for item in await insert_and_read(tx, in_key_order, unless=OPEN_PROPOSAL)}
        kept = [written[item.id] for item in wanted if item.id in written]
        await append_events(tx, [_event(item, EventKind.NUMBER_OVERRIDE_PROPOSED) for item in kept])
    open_already = OverrideOpenError(field="number").problem()
    return [
        item if isinstance(item, Problem) else written.get(item.id, open_already)
        for item in (results[place] for place in range(len(drafts)))
    ]


async def revise_overrides(tx: Transaction, revisions: Sequence[OverrideRevision]) -> list[OverrideProposal | Problem]:
    """Revise proposals. The reviser becomes the proposer, so another officer approves. Errors: as propose_overrides."""
    officer_id = require_officer(tx.viewer)
    plan = PlanFacts()

    async def prepare(proposals: Mapping[str, OverrideProposal]) -> None:
        e164s = sorted(proposal.e164 for proposal in proposals.values())
        kept = [(proposal.holder_id, proposal.brand_id) for proposal in proposals.values()]
        given = [(revision.holder_id, revision.brand_id) for revision in revisions]
        await _fill_plan(tx, plan, e164s, [*kept, *given])

    def revise(place: int, proposal: OverrideProposal) -> Moved[OverrideProposal]:
        state = next_override_state(proposal.state, OverrideMove.REVISE)
        revision = revisions[place]
        brand_id = revision.brand_id if revision.holder_id else revision.brand_id or proposal.brand_id
        holder_id, brand_id = plan.check_holder(revision.holder_id or proposal.holder_id, brand_id)
        revised = replace(
            proposal,
            state=state,
            holder_before_id=plan.holders[proposal.e164].holder_id,
            holder_id=holder_id,
            brand_id=brand_id,
            valid_from=revision.valid_from or proposal.valid_from,
            reason=proposal.reason if revision.reason is None else check_reason(revision.reason),
            proposed_by=officer_id,
            proposed_at=tx.as_of,
        )
        plan.check(revised, as_of=tx.as_of)
        return Moved(revised, _event(revised, EventKind.NUMBER_OVERRIDE_PROPOSED))

    rules = Rules(move=revise, unknown=_refuse_unknown, repeated=_refuse_repeated, prepare=prepare)
    return await _move(tx, [revision.proposal_id for revision in revisions], rules)


async def approve_overrides(tx: Transaction, approvals: Sequence[OverrideApproval]) -> list[OverrideProposal | Problem]:
    """Write other officers' proposals into the numbering plan and move the numbers, item by item.

    Shapes: 1..1000; results in the order given. Errors: OfficerRequiredError, ForbiddenError, TooManyItemsError for
    the call; for an item NOT_FOUND, INCOMPATIBLE_STATE, FOUR_EYES, OVERRIDE_CHANGED, OVERRIDE_OUTDATED,
    OVERRIDE_TIME_INVALID.
    """
    officer_id = require_officer(tx.viewer)
    plan = PlanFacts()

    async def prepare(proposals: Mapping[str, OverrideProposal]) -> None:
        await lock_plan(tx)
        e164s = sorted(proposal.e164 for proposal in proposals.values())
        await _fill_plan(tx, plan, e164s, [(item.holder_id, item.brand_id) for item in proposals.values()])

    def approve(place: int, proposal: OverrideProposal) -> Moved[OverrideProposal]:
        state = next_override_state(proposal.state, OverrideMove.APPROVE)
        if proposal.proposed_by == officer_id:
            raise FourEyesError("The officer who proposed it may not approve it.", field="proposalId")
        if hash_canonical(render_override(proposal)) != approvals[place].content_hash.strip().lower():
            raise OverrideChangedError(field="contentHash")
        if plan.holders[proposal.e164].holder_id != proposal.holder_before_id:
            raise OverrideOutdatedError(field="proposalId")
        plan.check(proposal, as_of=tx.as_of)
        return Moved(replace(proposal, state=state, decided_by=officer_id, decided_at=tx.as_of))

    async def follow(changes: Sequence[Change[OverrideProposal]]) -> list[EventDraft]:
        approved = [change.after for change in changes]
        await insert_records(tx, [_override(tx, proposal) for proposal in approved])
        await move_numbers(tx, [proposal.e164 for proposal in approved])
        return [_event(proposal, EventKind.NUMBER_OVERRIDE_APPROVED) for proposal in approved]

    rules = Rules(move=approve, unknown=_refuse_unknown, repeated=_refuse_repeated, prepare=prepare, follow=follow)
    return await _move(tx, [approval.proposal_id for approval in approvals], rules)


async def discard_overrides(tx: Transaction, proposal_ids: Sequence[str]) -> list[OverrideProposal | Problem]:
    """Discard proposals, one's own or another officer's. Shapes and errors: as approve_overrides."""
    officer_id = require_officer(tx.viewer)

    def discard(_place: int, proposal: OverrideProposal) -> Moved[OverrideProposal]:
        state = next_override_state(proposal.state, OverrideMove.DISCARD)
        discarded = replace(proposal, state=state, decided_by=officer_id, decided_at=tx.as_of)
        return Moved(discarded, _event(discarded, EventKind.NUMBER_OVERRIDE_DISCARDED))

    return await _move(tx, proposal_ids, Rules(move=discard, unknown=_refuse_unknown, repeated=_refuse_repeated))


async def _move(
    tx: Transaction, proposal_ids: Sequence[str], rules: Rules[OverrideProposal]
) -> list[OverrideProposal | Problem]:
    return await move_records(tx, OverrideProposal, [parse_id(each) for each in proposal_ids], rules)


def _refuse_unknown(_place: int) -> LedgerError:
    return UnknownError("There is no such proposal.", field="proposalId")


def _refuse_repeated() -> LedgerError:
    return ConflictError("The same proposal appears twice in this call.", field="proposalId")


async def _fill_plan(
    tx: Transaction, plan: PlanFacts, e164s: Sequence[str], holders: Sequence[tuple[str | None, str | None]]
) -> None:
    """Read the present holders of the numbers, their latest overrides, and the carriers and brands that are named."""
    plan.holders = await find_holders(tx, e164s, at=tx.as_of)
    plan.latest = {row.e164: row.since for row in await tx.execute(_LATEST, {"e164s": list(e164s)})}
    member_ids = [known for holder_id, _ in holders if holder_id and (known := parse_id(holder_id))]
    brand_ids = [known for _, brand_id in holders if brand_id and (known := parse_id(brand_id))]
    plan.carriers = await load_records(tx, Member, member_ids)
    plan.brands = await load_records(tx, Brand, brand_ids)


async def _find_reroutable(tx: Transaction, drafts: Sequence[OverrideDraft]) -> dict[str, str]:
    """Return the numbers of those orders whose carriers said that another carrier holds them, by order."""
    ids = [known for draft in drafts if draft.order_id and (known := parse_id(draft.order_id))]
    if not ids:
        return {}
    return {row.id: row.e164 for row in await tx.execute(_REROUTABLE, {"ids": ids})}


def _parse(written: str) -> ParsedNumber | Problem:
    try:
        number = parse_number(written)
        if not number.is_domestic:
            raise NumberNotDomesticError("The number is foreign; it is not in this plan.", field="number")
    except LedgerError as error:
        return error.problem()
    return number


def _propose(
    tx: Transaction, plan: PlanFacts, draft: OverrideDraft, number: ParsedNumber, officer_id: OfficerId
) -> OverrideProposal:
    if draft.valid_until is not None:
        raise OverrideTimeError("An override lasts until the next one.", field="validUntil")
    holder_id, brand_id = plan.check_holder(draft.holder_id, draft.brand_id)
    order_id = parse_id(draft.order_id) if draft.order_id else None
    if draft.order_id and plan.orders.get(order_id or "") != number.e164:
        raise OrderNotReroutableError(field="orderId")
    proposal = OverrideProposal(
        id=OverrideProposalId(new_id()),
        e164=number.e164,
        order_id=OrderId(order_id) if order_id else None,
        holder_before_id=plan.holders[number.e164].holder_id,
        holder_id=holder_id,
        brand_id=brand_id,
        valid_from=draft.valid_from,
        reason=check_reason(draft.reason),
        nonce=secrets.token_hex(_NONCE_BYTES),
        proposed_by=officer_id,
        proposed_at=tx.as_of,
    )
    plan.check(proposal, as_of=tx.as_of)
    return proposal


def _override(tx: Transaction, proposal: OverrideProposal) -> Override:
    return Override(
        id=OverrideId(new_id()),
        proposal_id=proposal.id,
        e164=proposal.e164,
        holder_id=proposal.holder_id,
        brand_id=proposal.brand_id,
        valid_from=proposal.valid_from or tx.as_of,
        reason=proposal.reason,
    )


def _event(proposal: OverrideProposal, kind: EventKind) -> EventDraft:
    """Return an event about the number for the regulator alone: a carrier never learns who else held a number."""
    return EventDraft(
        kind=kind,
        subject=Subject.NUMBER,
        subject_id=proposal.e164,
        state=proposal.state,
        payload={
            "proposalId": proposal.id,
            "contentHash": hash_canonical(render_override(proposal)),
            "holderBefore": proposal.holder_before_id,
            "holderAfter": proposal.holder_id,
            "brandAfter": proposal.brand_id,
            "orderId": proposal.order_id,
        },
    )
