"""Terms that both sides sign: offered by the regulator or asked for by the provider, and in force once both signed.

Each side names the hash of the very content that it signs (docs/adr/0085), and it is an officer of that side: never a
machine, and never the other side's officer. Nothing of the content can change between the signatures.
Source: domain.md, Members and taking part; docs/adr/0148.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ledger.canonical import hash_canonical, render_canonical
from ledger.errors import ConflictError, UnknownError
from ledger.feed.events import EventDraft, append_events
from ledger.feed.vocabulary import EventKind, Subject
from ledger.identifiers import MemberId, ParticipationProposalId, new_id, parse_id
from ledger.participations.agreements import get_provider
from ledger.participations.keys import Fill
from ledger.participations.periods import lock_standing, open_participation, replace_participation, show
from ledger.participations.publishing import find_newest_terms, get_newest_terms
from ledger.participations.signing_table import (
    OPEN_PER_MEMBER,
    ParticipationProposal,
    PublishedTerms,
    participation_proposals,
)
from ledger.participations.states import OPEN_PROPOSAL_STATES, ProposalMove, ProposalState, next_proposal_state
from ledger.participations.table import Participation
from ledger.participations.taking_part import begin_change
from ledger.participations.terms import ParticipationTermError, Terms, check_terms, require_whole_terms
from ledger.participations.vocabulary import AgreedOn, Party
from ledger.permissions import require_kind, require_officer, require_officer_or_operator, require_signatory
from ledger.storage.database import Transaction
from ledger.storage.roles import Role
from ledger.storage.rows import fetch_records, insert_and_read, lock_records, select_records, update_records
from ledger.texts import check_optional_text
from ledger.viewer import ViewerKind

_NOTE_LENGTH_MAX = 2_000


class ProposalOpenError(ConflictError):
    """Terms already wait for one of the two sides."""

    code = "PARTICIPATION_PROPOSAL_OPEN"
    hint = "Answer them first, or have them withdrawn."


class TermsHashError(ConflictError):
    """The hash does not match what is to be signed."""

    code = "TERMS_HASH_MISMATCH"
    hint = "Read the text again, and name the hash that belongs to it."


class TermsSupersededError(ConflictError):
    """A later version of the terms was published."""

    code = "TERMS_SUPERSEDED"
    hint = "Have these withdrawn, and sign terms that name the present version."


class ProposalOutdatedError(ConflictError):
    """The participation that these terms were to follow was changed or has ended."""

    code = "PARTICIPATION_PROPOSAL_OUTDATED"
    hint = "Propose the terms again, in view of what stands now."


async def offer_participation(tx: Transaction, member_id: str, terms: Terms) -> ParticipationProposal:
    """Offer a provider terms to sign under the newest version, also to renew or widen what it has.

    terms.terms_reference is not used. Errors: ForbiddenError, OfficerRequiredError, UnknownError, NotAProviderError,
    TermsUnpublishedError, ProposalOpenError; those of check_terms and require_whole_terms.
    """
    require_officer_or_operator(tx.viewer)
    member = await get_provider(tx, member_id)
    return await _propose(tx, member.id, terms, Party.REGULATOR, offered_by=tx.viewer.officer_id)


async def request_participation(tx: Transaction, terms: Terms, *, terms_hash: str) -> ParticipationProposal:
    """Ask to take part on these terms, as the provider's signatory, whose acceptance this is.

    terms_hash is that of the version that the signatory read, which must be the newest. Errors: as
    offer_participation, OfficerDisabledError, TermsHashError.
    """
    officer_id, member_id = require_signatory(tx.viewer)
    signature = {"accepted_by": officer_id, "accepted_at": tx.as_of}
    return await _propose(tx, member_id, terms, Party.PROVIDER, terms_hash=terms_hash, **signature)


async def accept_participation(tx: Transaction, proposal_id: str, content_hash: str) -> ParticipationProposal:
    """Sign what the regulator offered, as the provider's signatory.

    Errors: ForbiddenError, OfficerRequiredError, OfficerDisabledError, UnknownError, StateConflictError,
    TermsHashError, TermsSupersededError.
    """
    officer_id, member_id = require_signatory(tx.viewer)
    async with tx.role(Role.TRANSITION):
        await begin_change(tx)
        proposal = await _lock(tx, proposal_id, owner=member_id)
        state = next_proposal_state(proposal.state, ProposalMove.ACCEPT, by=Party.PROVIDER)
        await _require_content(tx, proposal, content_hash)
        accepted = await _write(tx, proposal, state=state, accepted_by=officer_id, accepted_at=tx.as_of)
        await append_events(tx, [proposal_event(EventKind.TERMS_ACCEPTED, accepted)])
    return show(tx, accepted)


async def countersign_participation(
    tx: Transaction, proposal_id: str, content_hash: str, *, fill: Fill
) -> tuple[ParticipationProposal, Participation]:
    """Sign what the provider signed, as an officer of the regulator: the participation follows, not before its start.

    A participation that stands ends at this moment. Errors: as accept_participation, ProposalOutdatedError,
    ParticipationTermError if its end has passed.
    """
    officer_id = require_officer(tx.viewer)
    async with tx.role(Role.TRANSITION):
        await begin_change(tx)
        proposal = await _lock(tx, proposal_id)
        state = next_proposal_state(proposal.state, ProposalMove.COUNTERSIGN, by=Party.REGULATOR)
        terms = await _require_content(tx, proposal, content_hash)
        if proposal.ends_at is not None and proposal.ends_at <= tx.as_of:
            raise ParticipationTermError(field="endsAt")
        standing = await lock_standing(tx, proposal.member_id)
        if (standing.id if standing else None) != proposal.replaces_id:
            raise ProposalOutdatedError(field="proposalId")
        signed = await _write(tx, proposal, state=state, countersigned_by=officer_id, countersigned_at=tx.as_of)
        participation, events = await _take_effect(tx, signed, terms, standing, fill=fill)
        event = proposal_event(EventKind.TERMS_COUNTERSIGNED, signed, participationId=participation.id)
        await append_events(tx, [event, *events])
    return signed, participation


async def refuse_participation(tx: Transaction, proposal_id: str, note: str | None = None) -> ParticipationProposal:
    """Refuse to sign what the other side offered or signed.

    Errors: ForbiddenError, OfficerRequiredError, UnknownError, StateConflictError, TextTooLongError.
    """
    return await _end(tx, proposal_id, ProposalMove.REFUSE, note)


async def withdraw_participation(tx: Transaction, proposal_id: str, note: str | None = None) -> ParticipationProposal:
    """Take back what one's own side offered or signed, until the other side has signed.

    Errors: as refuse_participation.
    """
    return await _end(tx, proposal_id, ProposalMove.WITHDRAW, note)


async def withdraw_open_proposal(tx: Transaction, member_id: MemberId) -> list[EventDraft]:
    """End the provider's open proposal as it leaves, and return the event. Runs under the TRANSITION role."""
    c = participation_proposals.c
    waiting = select_records(tx, ParticipationProposal).where(
        c.member_id == member_id, c.state.in_(sorted(OPEN_PROPOSAL_STATES))
    )
    events = []
    for proposal in await fetch_records(tx, ParticipationProposal, waiting.with_for_update(key_share=True)):
        move = ProposalMove.REFUSE if proposal.state is ProposalState.OFFERED else ProposalMove.WITHDRAW
        state = next_proposal_state(proposal.state, move, by=Party.PROVIDER)
        ended = await _write(tx, proposal, state=state, ended_at=tx.as_of)
        events.append(_end_event(ended, move, Party.PROVIDER))
    return events


async def _propose(
    tx: Transaction,
    member_id: MemberId,
    terms: Terms,
    party: Party,
    *,
    terms_hash: str | None = None,
    **signature: Any,
) -> ParticipationProposal:
    checked = replace(check_terms(replace(terms, terms_reference="-"), as_of=tx.as_of), starts_at=terms.starts_at)
    require_whole_terms(checked)
    async with tx.role(Role.TRANSITION):
        await begin_change(tx)
        newest = await get_newest_terms(tx)
        if terms_hash is not None and newest.terms_hash != terms_hash.strip().lower():
            raise TermsHashError(field="termsHash")
        standing = await lock_standing(tx, member_id)
        if standing is not None and checked.starts_at is not None:
            raise ParticipationTermError(
                "Terms in the place of others take effect when both have signed.", field="startsAt"
            )
        drafted = _draft(member_id, checked, newest, standing)
        state = ProposalState.OFFERED if party is Party.REGULATOR else ProposalState.ACCEPTED
        proposal = ParticipationProposal(**drafted, state=state, proposed_by=party, proposed_at=tx.as_of, **signature)
        written = await insert_and_read(tx, [proposal], unless=OPEN_PER_MEMBER)
        if not written:
            raise ProposalOpenError(field="memberId")
        await append_events(tx, [proposal_event(EventKind.TERMS_PROPOSED, written[0], party=party)])
    return show(tx, written[0])


def _draft(
    member_id: MemberId, terms: Terms, version: PublishedTerms, standing: Participation | None
) -> dict[str, Any]:
    """The values of a proposal, with the canonical text of all of them."""
    proposal_id = ParticipationProposalId(new_id())
    content = {
        "kind": "PARTICIPATION",
        "proposalId": proposal_id,
        "memberId": member_id,
        "replacesId": standing.id if standing else None,
        "termsVersion": version.version,
        "termsHash": version.terms_hash,
        "categories": terms.categories,
        "permittedUses": terms.permitted_uses,
        "purpose": terms.purpose,
        "controllerRoles": terms.controller_roles,
        "transferBasis": terms.transfer_basis,
        "transferGround": terms.transfer_ground,
        "retentionDays": terms.retention_days,
        "breachContact": terms.breach_contact,
        "disclosure": terms.disclosure,
        "startsAt": terms.starts_at,
        "endsAt": terms.ends_at,
    }
    text = render_canonical(content)
    same = (
        "categories", "permitted_uses", "purpose", "controller_roles", "transfer_basis", "transfer_ground",
        "retention_days", "breach_contact", "disclosure", "starts_at", "ends_at",
    )  # fmt: skip
    return {
        "id": proposal_id,
        "member_id": member_id,
        "replaces_id": standing.id if standing else None,
        "terms_id": version.id,
        "terms_hash": version.terms_hash,
        "content_text": text,
        "content_hash": hash_canonical(text),
        **{name: getattr(terms, name) for name in same},
    }


async def _take_effect(
    tx: Transaction,
    signed: ParticipationProposal,
    terms: PublishedTerms,
    standing: Participation | None,
    *,
    fill: Fill,
) -> tuple[Participation, Sequence[EventDraft]]:
    agreed = Terms(
        terms_reference=f"Version {terms.version}",
        categories=signed.categories,
        purpose=signed.purpose,
        controller_roles=signed.controller_roles,
        disclosure=signed.disclosure,
        permitted_uses=signed.permitted_uses,
        retention_days=signed.retention_days,
        transfer_basis=signed.transfer_basis,
        transfer_ground=signed.transfer_ground,
        breach_contact=signed.breach_contact,
        starts_at=signed.starts_at or tx.as_of,
        ends_at=signed.ends_at,
    )
    more = {
        "agreed_on": AgreedOn.BOTH_SIGNED,
        "proposal_id": signed.id,
        "terms_id": terms.id,
        "terms_hash": terms.terms_hash,
    }
    if standing is None:
        participation, event = await open_participation(tx, signed.member_id, agreed, fill=fill, **more)
        return participation, [event]
    return await replace_participation(tx, standing, agreed, fill=fill, kind=EventKind.PARTICIPATION_CHANGED, **more)


async def _end(tx: Transaction, proposal_id: str, move: ProposalMove, note: str | None) -> ParticipationProposal:
    party, owner = _find_party(tx)
    said = check_optional_text(note, field="note", length_max=_NOTE_LENGTH_MAX, lines=True)
    async with tx.role(Role.TRANSITION):
        await begin_change(tx)
        proposal = await _lock(tx, proposal_id, owner=owner)
        state = next_proposal_state(proposal.state, move, by=party)
        ended = await _write(tx, proposal, state=state, ended_at=tx.as_of, end_note=said)
        await append_events(tx, [_end_event(ended, move, party)])
    return show(tx, ended)


def _find_party(tx: Transaction) -> tuple[Party, MemberId | None]:
    """The side that the viewer's officer acts for, and the provider if it is that. Errors: see refuse_participation."""
    require_kind(tx.viewer, {ViewerKind.REGULATOR, ViewerKind.OPERATOR, ViewerKind.OTT_PROVIDER})
    if tx.viewer.kind is ViewerKind.OTT_PROVIDER:
        return Party.PROVIDER, require_signatory(tx.viewer)[1]
    require_officer_or_operator(tx.viewer)
    return Party.REGULATOR, None


async def _lock(tx: Transaction, proposal_id: str, *, owner: MemberId | None = None) -> ParticipationProposal:
    known = parse_id(proposal_id)
    found = (await lock_records(tx, ParticipationProposal, [known] if known else [])).get(known or "")
    if found is None or (owner is not None and found.member_id != owner):
        raise UnknownError(field="proposalId")
    return found


async def _write(tx: Transaction, before: ParticipationProposal, **changes: Any) -> ParticipationProposal:
    (after,) = await update_records(tx, [(before, replace(before, **changes))])
    return after


async def _require_content(tx: Transaction, proposal: ParticipationProposal, content_hash: str) -> PublishedTerms:
    """The version that the proposal names. Errors: TermsHashError, TermsSupersededError."""
    if proposal.content_hash != content_hash.strip().lower():
        raise TermsHashError(field="contentHash")
    newest = await find_newest_terms(tx)
    if newest is None or newest.id != proposal.terms_id:
        raise TermsSupersededError(field="proposalId")
    return newest


def _end_event(ended: ParticipationProposal, move: ProposalMove, party: Party) -> EventDraft:
    kind = EventKind.TERMS_REFUSED if move is ProposalMove.REFUSE else EventKind.TERMS_WITHDRAWN
    return proposal_event(kind, ended, party=party)


def proposal_event(kind: EventKind, proposal: ParticipationProposal, **more: Any) -> EventDraft:
    """The event about a proposal, for its provider and the regulator."""
    return EventDraft(
        kind=kind,
        subject=Subject.PARTICIPATION_PROPOSAL,
        subject_id=proposal.id,
        state=proposal.state,
        audience=[proposal.member_id],
        payload={"contentHash": proposal.content_hash, "termsHash": proposal.terms_hash} | more,
    )
