"""Participations: the signed terms on which a provider receives fraud signals, and for how long.

Each row holds terms as signed. Changing them ends one row and begins the next in the same transaction, so that what
was agreed at any time can be read. Ending one also retires the provider's keys and immediately stops its signals.
Whether one is in force is stored, by these functions and by the job at the agreed times: no policy reads a clock.
Source: domain.md, Members and taking part.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Annotated, Any

from sqlalchemy import ColumnElement, true

from ledger.errors import ConflictError, InvalidInputError, StateConflictError, UnknownError
from ledger.feed.events import EventDraft, append_events
from ledger.feed.vocabulary import EventKind, Subject
from ledger.filters import equals, where
from ledger.identifiers import MemberId, ParticipationId, new_id, parse_id
from ledger.lists import RecordList
from ledger.members.reading import get_member
from ledger.pages import Listing, Page, PageRequest
from ledger.participations.keys import Fill, make_keys, refill_keys, retire_keys
from ledger.participations.states import ParticipationState
from ledger.participations.table import ONE_PER_MEMBER, Participation, in_force, participations
from ledger.participations.taking_part import change_participations
from ledger.participations.terms import ParticipationTermError, Terms, check_terms
from ledger.participations.vocabulary import ParticipationEndReason, PartingReason
from ledger.permissions import REGULATOR_OR_OPERATOR, require_officer_or_operator
from ledger.storage.database import Transaction
from ledger.storage.markers import Columns
from ledger.storage.roles import Role
from ledger.storage.rows import fetch_records, insert_and_read, lock_records, select_records, update_records
from ledger.viewer import OPERATOR, MemberKind, Viewer, ViewerKind

_BATCH_ROWS = 100
_LISTING = Listing("participations", Participation, ("-id",))
_READERS = frozenset({*REGULATOR_OR_OPERATOR, ViewerKind.OTT_PROVIDER})


class ParticipationExistsError(ConflictError):
    """The provider already takes part, or has agreed to start later."""

    code = "PARTICIPATION_EXISTS"
    hint = "Change its terms, or end it first."


class NotAProviderError(InvalidInputError):
    """Only an OTT provider can take part."""

    code = "NOT_A_PROVIDER"


def _is_in_force(_record: type[Any], wanted: bool) -> ColumnElement[bool]:  # noqa: FBT001 - the filter's value
    holds = in_force(participations.c)
    return holds if wanted else ~holds


@dataclass(frozen=True, slots=True, kw_only=True)
class ParticipationFilter:
    """Which participations to return. None does not filter."""

    member_id: Annotated[str | None, equals("member_id")] = None
    is_in_force: Annotated[bool | None, where(_is_in_force)] = None


async def start_participation(tx: Transaction, member_id: str, terms: Terms, *, fill: Fill) -> Participation:
    """Record the terms on which a provider takes part, from now or from the agreed time.

    Errors: ForbiddenError, UnknownError, NotAProviderError, ParticipationExistsError, ParticipationTermError,
    CategoriesMissingError, TermsMissingError, TextInvalidError, TextTooLongError.
    """
    require_officer_or_operator(tx.viewer)
    member = await get_member(tx, member_id)
    if member.kind is not MemberKind.OTT_PROVIDER:
        raise NotAProviderError(field="memberId")
    agreed = check_terms(terms, as_of=tx.as_of)
    async with tx.role(Role.TRANSITION):
        await change_participations(tx)
        started = await _insert(tx, member.id, agreed)
        if started.state is ParticipationState.IN_FORCE:
            await _give_keys(tx, [started])
            await fill(tx, member.id, 1)
        await append_events(tx, [_event(EventKind.PARTICIPATION_STARTED, started)])
    return started


async def change_participation(tx: Transaction, participation_id: str, terms: Terms, *, fill: Fill) -> Participation:
    """Replace the terms from now on: the participation ends and the returned one begins, at the same moment.

    Errors: as start_participation; StateConflictError for one that is not in force. starts_at must be None.
    """
    require_officer_or_operator(tx.viewer)
    if terms.starts_at is not None:
        raise ParticipationTermError("A change of terms takes effect now.", field="startsAt")
    agreed = check_terms(terms, as_of=tx.as_of)
    async with tx.role(Role.TRANSITION):
        await change_participations(tx)
        before = await _lock(tx, participation_id)
        if before.state is not ParticipationState.IN_FORCE:
            raise StateConflictError(f"The terms of a participation that is {before.state} can't change.")
        (ended,) = await _end(tx, [before], ParticipationEndReason.TERMS_CHANGED)
        after = await _insert(tx, before.member_id, agreed)
        await refill_keys(tx, [before.member_id])
        await fill(tx, before.member_id, 2)
        kind = EventKind.PARTICIPATION_CHANGED
        await append_events(tx, [_event(kind, ended), _event(kind, after, previousId=before.id)])
    return after


async def end_participation(tx: Transaction, participation_id: str, reason: PartingReason) -> Participation:
    """End a participation immediately: the provider can read no more signals, and its streams end.

    Errors: ForbiddenError, UnknownError; StateConflictError for one that has ended.
    """
    require_officer_or_operator(tx.viewer)
    async with tx.role(Role.TRANSITION):
        await change_participations(tx)
        before = await _lock(tx, participation_id)
        if before.state is ParticipationState.ENDED:
            raise StateConflictError("The participation has already ended.")
        (ended,) = await _end(tx, [before], ParticipationEndReason(reason))
        await retire_keys(tx, [ended.member_id])
        await append_events(tx, [_event(EventKind.PARTICIPATION_ENDED, ended)])
    return ended


async def end_due_participations(tx: Transaction) -> int:
    """The periodic job: end participations whose agreed end has come, at most 100. Returns how many."""
    c = participations.c
    async with tx.role(Role.TRANSITION):
        due = await _lock_due(tx, c.ended_at.is_(None), c.ends_at <= tx.as_of)
        ended = await _end(tx, due, ParticipationEndReason.TERM_OVER)
        if ended:
            await retire_keys(tx, [item.member_id for item in ended])
        await append_events(tx, [_event(EventKind.PARTICIPATION_ENDED, item) for item in ended], actor=OPERATOR)
    return len(ended)


async def begin_due_participations(tx: Transaction) -> int:
    """The periodic job: begin those that are due to start, at most 100. Returns how many. Another job sends signals."""
    c = participations.c
    async with tx.role(Role.TRANSITION):
        due = await _lock_due(tx, c.began_at.is_(None), c.ended_at.is_(None), c.starts_at <= tx.as_of)
        begun = await update_records(tx, [(item, replace(item, began_at=tx.as_of)) for item in due])
        if begun:
            await _give_keys(tx, begun)
        await append_events(tx, [_event(EventKind.PARTICIPATION_STARTED, item) for item in begun], actor=OPERATOR)
    return len(begun)


async def list_participations(
    tx: Transaction, page: PageRequest, wanted: ParticipationFilter | None = None
) -> Page[Participation]:
    """Return participations, newest first: all for the regulator and operator, a provider's own, none for others."""
    if tx.viewer.kind not in _READERS:
        return Page((), (), has_next_page=False)
    return await PARTICIPATIONS.fetch(tx, page, wanted)


def _visible(viewer: Viewer, c: Columns) -> ColumnElement[bool]:
    """Which participations a reader may see; row-level security enforces this a second time."""
    return true() if viewer.kind in REGULATOR_OR_OPERATOR else c.member_id == viewer.member_id


PARTICIPATIONS = RecordList(
    Participation, {None: _LISTING}, ParticipationFilter, visible=_visible, kinds=frozenset(_READERS)
)


async def _lock(tx: Transaction, participation_id: str) -> Participation:
    known = parse_id(participation_id)
    found = await lock_records(tx, Participation, [known] if known else [])
    if known not in found:
        raise UnknownError(field="participationId")
    return found[known]


async def _lock_due(tx: Transaction, *conditions: ColumnElement[bool]) -> list[Participation]:
    """Lock the participations for which something is due, and exclude other changes until the transaction ends.

    It checks before it takes that lock: usually nothing is due, and nobody should have to wait for that.
    """
    due = select_records(tx, Participation).where(*conditions).order_by(participations.c.id).limit(_BATCH_ROWS)
    if not await fetch_records(tx, Participation, due.limit(1)):
        return []
    await change_participations(tx)
    return await fetch_records(tx, Participation, due.with_for_update(key_share=True))


async def _insert(tx: Transaction, member_id: MemberId, agreed: Terms) -> Participation:
    """Errors: ParticipationExistsError."""
    draft = Participation(
        id=ParticipationId(new_id()),
        member_id=member_id,
        began_at=tx.as_of if agreed.starts_at is None or agreed.starts_at <= tx.as_of else None,
        recorded_by=tx.viewer.officer_id,
        recorded_by_client=tx.viewer.client_id,
        recorded_at=tx.as_of,
        **asdict(agreed),
    )
    written = await insert_and_read(tx, [draft], unless=ONE_PER_MEMBER)
    if not written:
        raise ParticipationExistsError(field="memberId")
    return written[0]


async def _end(
    tx: Transaction, present: Sequence[Participation], reason: ParticipationEndReason
) -> list[Participation]:
    changes = [(item, replace(item, ended_at=tx.as_of, ended_reason=reason)) for item in present]
    return await update_records(tx, changes)


async def _give_keys(tx: Transaction, begun: Sequence[Participation]) -> None:
    """Make a new key for each provider that begins, and retire any that remain from an earlier participation."""
    member_ids = [item.member_id for item in begun]
    await retire_keys(tx, member_ids)
    await make_keys(tx, member_ids)


def _event(kind: EventKind, participation: Participation, **more: Any) -> EventDraft:
    payload = {"disclosure": participation.disclosure} | more
    if participation.ended_reason is not None:
        payload["reason"] = participation.ended_reason
    return EventDraft(
        kind=kind,
        subject=Subject.PARTICIPATION,
        subject_id=participation.id,
        state=participation.state,
        audience=[participation.member_id],
        payload=payload,
    )
