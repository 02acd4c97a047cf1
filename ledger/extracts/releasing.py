"""Releasing extracts to a carrier, for an order of its own about the complaint, or to a provider that takes part.

Only extracts can be released: no function and no grant shows an original to anybody but the regulator and its source.
Withdrawing a release ends it at once, also for links that are out.
Source: domain.md, the table of who sees what; docs/adr/0159.
"""

from dataclasses import dataclass, replace

from sqlalchemy import select

from ledger.complaints.erased import EvidenceErasedError, lock_content
from ledger.errors import ConflictError, InvalidInputError, UnknownError
from ledger.extracts.table import STILL_RELEASED, EvidenceExtract, ExtractRelease, evidence_extracts
from ledger.feed.events import EventDraft, append_events
from ledger.feed.vocabulary import EventKind, Subject
from ledger.identifiers import MemberId, ReleaseId, new_id, parse_id
from ledger.members.reading import load_members
from ledger.orders.table import BlockOrder, block_orders, order_complaints
from ledger.participations.taking_part import find_in_force
from ledger.permissions import require_officer
from ledger.storage.database import Transaction
from ledger.storage.roles import Role
from ledger.storage.rows import find_record, insert_records, lock_records, update_records
from ledger.texts import check_text
from ledger.viewer import MemberKind

_REASON_LENGTH_MAX = 2_000


class ReleaseRecipientError(InvalidInputError):
    """An extract goes to the carrier of an issued order about the complaint, or to a provider that takes part."""

    code = "RELEASE_RECIPIENT"
    hint = "Name a carrier together with its order, or a provider alone."


class ReleaseReasonError(InvalidInputError):
    """A release needs a reason."""

    code = "RELEASE_REASON"


class ReleasedAlreadyError(ConflictError):
    """The extract is released to this member already."""

    code = "RELEASED_ALREADY"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseDraft:
    """To whom an extract is released, for which order if it is a carrier, and why."""

    extract_id: str
    member_id: str
    order_id: str | None = None
    reason: str


async def release_extract(tx: Transaction, draft: ReleaseDraft) -> ExtractRelease:
    """Release an extract to a member.

    Errors: ForbiddenError, OfficerRequiredError, UnknownError, ReleaseReasonError, ReleaseRecipientError,
    ReleasedAlreadyError, EvidenceErasedError, TextInvalidError, TextTooLongError.
    """
    officer_id = require_officer(tx.viewer)
    reason = check_text(draft.reason, field="reason", length_max=_REASON_LENGTH_MAX, lines=True)
    if not reason:
        raise ReleaseReasonError(field="reason")
    extract = await _get_extract(tx, draft.extract_id)
    if extract.complaint_id is not None:
        await lock_content(tx, extract.complaint_id)
    order = await _find_order(tx, draft, extract)
    release = ExtractRelease(
        id=ReleaseId(new_id()),
        extract_id=extract.id,
        member_id=MemberId(parse_id(draft.member_id) or ""),
        brand_id=order.brand_id if order is not None else None,
        order_id=order.id if order is not None else None,
        reason=reason,
        released_by=officer_id,
        released_at=tx.as_of,
    )
    async with tx.role(Role.TRANSITION):
        await insert_records(tx, [release], violations={STILL_RELEASED: ReleasedAlreadyError})
    await append_events(tx, [_event(EventKind.EXTRACT_RELEASED, release, extract)])
    return release


async def withdraw_release(tx: Transaction, release_id: str) -> ExtractRelease:
    """End a release; ending it again changes nothing. Errors: ForbiddenError, OfficerRequiredError, UnknownError."""
    officer_id = require_officer(tx.viewer)
    wanted = parse_id(release_id)
    async with tx.role(Role.TRANSITION):
        locked = await lock_records(tx, ExtractRelease, [wanted] if wanted else [])
        release = locked.get(wanted or "")
        if release is None:
            raise UnknownError(field="releaseId")
        if release.withdrawn_at is not None:
            return release
        extract = await find_record(tx, EvidenceExtract, evidence_extracts.c.id == release.extract_id)
        ended = replace(release, withdrawn_by=officer_id, withdrawn_at=tx.as_of)
        [written] = await update_records(tx, [(release, ended)])
        if extract is None:
            raise UnknownError(field="releaseId")
        await append_events(tx, [_event(EventKind.EXTRACT_WITHDRAWN, written, extract)])
    return written


async def _get_extract(tx: Transaction, extract_id: str) -> EvidenceExtract:
    wanted = parse_id(extract_id)
    found = await find_record(tx, EvidenceExtract, evidence_extracts.c.id == wanted) if wanted else None
    if found is None:
        raise UnknownError(field="extractId")
    if found.erased_at is not None:
        raise EvidenceErasedError(field="extractId")
    return found


async def _find_order(tx: Transaction, draft: ReleaseDraft, extract: EvidenceExtract) -> BlockOrder | None:
    """Return the order for which a carrier gets the extract; None for a provider. Errors: ReleaseRecipientError."""
    member = (await load_members(tx, [draft.member_id])).get(parse_id(draft.member_id) or "")
    if member is None:
        raise UnknownError(field="memberId")
    if member.kind is MemberKind.OTT_PROVIDER and draft.order_id is None:
        if await find_in_force(tx, member.id) is None:
            raise ReleaseRecipientError(field="memberId")
        return None
    if member.kind is not MemberKind.CARRIER:
        raise ReleaseRecipientError(field="memberId")
    c = block_orders.c
    about = select(order_complaints.c.order_id).where(order_complaints.c.complaint_id == extract.complaint_id)
    order_id = parse_id(draft.order_id or "")
    conditions = (c.id == order_id, c.carrier_id == member.id, c.issued_at.is_not(None), c.id.in_(about))
    order = await find_record(tx, BlockOrder, *conditions) if order_id else None
    if order is None:
        raise ReleaseRecipientError(field="orderId")
    return order


def _event(kind: EventKind, release: ExtractRelease, extract: EvidenceExtract) -> EventDraft:
    return EventDraft(
        kind=kind,
        subject=Subject.EVIDENCE_EXTRACT,
        subject_id=extract.id,
        audience=[release.member_id],
        brand_id=release.brand_id,
        payload={"releaseId": release.id, "sha256": extract.sha256},
    )
