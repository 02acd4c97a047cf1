"""Participations on paper, and what their times bring: the regulator's own record of terms that a provider signed.

Each row holds terms as signed. Changing them ends one row and begins the next in the same transaction, so that what
was agreed at any time can be read. Ending one also retires the provider's keys and immediately stops its signals.
Whether one is in force is stored, by these functions and by the job at the agreed times: no policy reads a clock.
Terms that both sides sign in the gateway are in signing.py. Source: domain.md, Members and taking part.
"""

from dataclasses import replace

from sqlalchemy import ColumnElement

from ledger.errors import ConflictError, InvalidInputError, StateConflictError
from ledger.feed.events import append_events
from ledger.feed.vocabulary import EventKind
from ledger.members.reading import get_member
from ledger.members.table import Member
from ledger.participations.keys import Fill
from ledger.participations.periods import (
    give_keys,
    lock_participation,
    open_participation,
    part_with,
    participation_event,
    replace_participation,
)
from ledger.participations.states import ParticipationState
from ledger.participations.table import Participation, participations
from ledger.participations.taking_part import begin_change, change_participations
from ledger.participations.terms import ParticipationTermError, Terms, check_terms
from ledger.participations.vocabulary import AgreedOn, ParticipationEndReason, PartingReason
from ledger.permissions import require_officer_or_operator
from ledger.storage.database import Transaction
from ledger.storage.roles import Role
from ledger.storage.rows import fetch_records, select_records, update_records
from ledger.viewer import OPERATOR, MemberKind

_BATCH_ROWS = 100


class NotAProviderError(InvalidInputError):
    """Only an OTT provider can take part."""

    code = "NOT_A_PROVIDER"


class SignaturesNeededError(ConflictError):
    """Both sides signed these terms in the gateway, so that one alone can't replace them."""

    code = "SIGNATURES_NEEDED"
    hint = "Offer the new terms for both to sign, or narrow the present ones."


async def get_provider(tx: Transaction, member_id: str) -> Member:
    """Return the provider. Errors: UnknownError, NotAProviderError."""
    member = await get_member(tx, member_id)
    if member.kind is not MemberKind.OTT_PROVIDER:
        raise NotAProviderError(field="memberId")
    return member


async def start_participation(tx: Transaction, member_id: str, terms: Terms, *, fill: Fill) -> Participation:
    """Record the terms on which a provider takes part, from now or from the agreed time.

    Errors: ForbiddenError, UnknownError, NotAProviderError, ParticipationExistsError, ParticipationTermError,
    CategoriesMissingError, TermsMissingError, RetentionInvalidError, TextInvalidError, TextTooLongError.
    """
    require_officer_or_operator(tx.viewer)
    member = await get_provider(tx, member_id)
    agreed = check_terms(terms, as_of=tx.as_of)
    async with tx.role(Role.TRANSITION):
        await begin_change(tx)
        started, event = await open_participation(tx, member.id, agreed, fill=fill)
        await append_events(tx, [event])
    return started


async def change_participation(tx: Transaction, participation_id: str, terms: Terms, *, fill: Fill) -> Participation:
    """Replace terms on paper from now on: the participation ends and the returned one begins, at the same moment.

    Errors: as start_participation; StateConflictError for one that is not in force; SignaturesNeededError. starts_at
    must be None.
    """
    require_officer_or_operator(tx.viewer)
    if terms.starts_at is not None:
        raise ParticipationTermError("A change of terms takes effect now.", field="startsAt")
    agreed = check_terms(terms, as_of=tx.as_of)
    async with tx.role(Role.TRANSITION):
        await begin_change(tx)
        before = await lock_participation(tx, participation_id)
        if before.state is not ParticipationState.IN_FORCE:
            raise StateConflictError(f"The terms of a participation that is {before.state} can't change.")
        if before.agreed_on is AgreedOn.BOTH_SIGNED:
            raise SignaturesNeededError(field="participationId")
        after, events = await replace_participation(tx, before, agreed, fill=fill, kind=EventKind.PARTICIPATION_CHANGED)
        await append_events(tx, events)
    return after


async def end_participation(tx: Transaction, participation_id: str, reason: PartingReason) -> Participation:
    """End a participation immediately: the provider can read no more signals, and its streams end.

    Errors: ForbiddenError, UnknownError; StateConflictError for one that has ended.
    """
    require_officer_or_operator(tx.viewer)
    async with tx.role(Role.TRANSITION):
        await begin_change(tx)
        before = await lock_participation(tx, participation_id)
        if before.state is ParticipationState.ENDED:
            raise StateConflictError("The participation has already ended.")
        (ended,), events = await part_with(tx, [before], ParticipationEndReason(reason))
        await append_events(tx, events)
    return ended


async def end_due_participations(tx: Transaction) -> int:
    """The periodic job: end participations whose agreed end has come, at most 100. Returns how many."""
    c = participations.c
    async with tx.role(Role.TRANSITION):
        due = await _lock_due(tx, c.ended_at.is_(None), c.ends_at <= tx.as_of)
        ended, events = await part_with(tx, due, ParticipationEndReason.TERM_OVER)
        await append_events(tx, events, actor=OPERATOR)
    return len(ended)


async def begin_due_participations(tx: Transaction) -> int:
    """The periodic job: begin those that are due to start, at most 100. Returns how many. Another job sends signals."""
    c = participations.c
    async with tx.role(Role.TRANSITION):
        due = await _lock_due(tx, c.began_at.is_(None), c.ended_at.is_(None), c.starts_at <= tx.as_of)
        begun = await update_records(tx, [(item, replace(item, began_at=tx.as_of)) for item in due])
        if begun:
            await give_keys(tx, begun)
        events = [participation_event(EventKind.PARTICIPATION_STARTED, item) for item in begun]
        await append_events(tx, events, actor=OPERATOR)
    return len(begun)


async def _lock_due(tx: Transaction, *conditions: ColumnElement[bool]) -> list[Participation]:
    """Lock the participations for which something is due, and exclude other changes until the transaction ends.

    It checks before it takes that lock: usually nothing is due, and nobody should have to wait for that.
    """
    due = select_records(tx, Participation).where(*conditions).order_by(participations.c.id).limit(_BATCH_ROWS)
    if not await fetch_records(tx, Participation, due.limit(1)):
        return []
    await change_participations(tx)
    return await fetch_records(tx, Participation, due.with_for_update(key_share=True))
