"""A provider leaves by itself, at once, and later confirms that it deleted what it was sent.

Leaving needs nobody's consent and no reason. The confirmation is asked for, once more when the courtesy date has come,
and is listed for the regulator while it is missing; nothing else ever follows from it. Source: docs/adr/0149.
"""

from dataclasses import replace
from datetime import datetime

from ledger.errors import ConflictError, StateConflictError, TimeInvalidError, UnknownError
from ledger.feed.events import append_events
from ledger.feed.vocabulary import EventKind
from ledger.identifiers import MemberId
from ledger.members.acting import hold_officer
from ledger.participations.periods import lock_participation, lock_standing, part_with, participation_event, show
from ledger.participations.signing import withdraw_open_proposal
from ledger.participations.states import ParticipationState
from ledger.participations.table import Participation, awaits_deletion, participations
from ledger.participations.taking_part import begin_change
from ledger.participations.vocabulary import ParticipationEndReason
from ledger.permissions import require_provider
from ledger.policies import INCIDENT_SKEW
from ledger.storage.database import Transaction
from ledger.storage.roles import Role
from ledger.storage.rows import fetch_records, select_records, update_records
from ledger.texts import check_optional_text
from ledger.viewer import OPERATOR

_BATCH_ROWS = 100
_NOTE_LENGTH_MAX = 2_000


class DeletionTimeError(TimeInvalidError):
    """What was sent can't have been deleted before it ceased to be sent, nor later than now."""

    code = "DELETION_TIME_INVALID"


class DeletionConfirmedError(ConflictError):
    """The deletion was already confirmed, with another time or note."""

    code = "DELETION_CONFIRMED"


async def leave_participation(tx: Transaction, participation_id: str | None = None) -> Participation:
    """End the provider's participation now: signals stop, keys retire, streams end, what is open is withdrawn.

    Without an id, whatever stands, what waits for a signature included. Leaving again returns what was left before.
    Errors: ForbiddenError; UnknownError if the provider never took part, or not under this id; StateConflictError for
    one that other terms replaced.
    """
    member_id = require_provider(tx.viewer)
    async with tx.role(Role.TRANSITION):
        await begin_change(tx)
        standing = await lock_standing(tx, member_id)
        if participation_id is not None:
            named = await lock_participation(tx, participation_id, owner=member_id)
        else:
            named = standing or await _get_newest(tx, member_id)
        if named.ended_reason is ParticipationEndReason.TERMS_CHANGED:
            raise StateConflictError("Other terms replaced this participation.", field="participationId")
        has_ended = named.state is ParticipationState.ENDED
        # Who says again that it left a certain one doesn't speak of what was proposed since.
        events = [] if has_ended and participation_id is not None else await withdraw_open_proposal(tx, member_id)
        if not has_ended:
            (named,), parted = await part_with(tx, [named], ParticipationEndReason.PROVIDER_LEFT)
            events.extend(parted)
        await append_events(tx, events)
    return show(tx, named)


async def confirm_deletion(
    tx: Transaction, participation_id: str, deleted_at: datetime, note: str | None = None
) -> Participation:
    """Record that the provider deleted what it was sent under a participation that ended; saying it again is harmless.

    Units: deleted_at by the provider's clock. Errors: ForbiddenError, UnknownError, StateConflictError if nothing is
    to be deleted, DeletionTimeError, DeletionConfirmedError, TextTooLongError.
    """
    member_id = require_provider(tx.viewer)
    said = check_optional_text(note, field="note", length_max=_NOTE_LENGTH_MAX, lines=True)
    if deleted_at.tzinfo is None or deleted_at > tx.as_of + INCIDENT_SKEW:
        raise DeletionTimeError(field="deletedAt")
    async with tx.role(Role.TRANSITION):
        await hold_officer(tx)
        present = await lock_participation(tx, participation_id, owner=member_id)
        if present.deletion_expected_by is None or present.ended_at is None:
            raise StateConflictError("Nothing is to be deleted under this participation.", field="participationId")
        if deleted_at < present.ended_at:
            raise DeletionTimeError(field="deletedAt")
        if present.deletion_confirmed_at is not None:
            if (present.deleted_at, present.deletion_note) != (deleted_at, said):
                raise DeletionConfirmedError(field="participationId")
            return show(tx, present)
        after = replace(
            present,
            deleted_at=deleted_at,
            deletion_note=said,
            deletion_confirmed_at=tx.as_of,
            deletion_confirmed_by=tx.viewer.officer_id,
        )
        (confirmed,) = await update_records(tx, [(present, after)])
        kind = EventKind.PARTICIPATION_DELETION_CONFIRMED
        await append_events(tx, [participation_event(kind, confirmed, deletedAt=deleted_at.isoformat())])
    return show(tx, confirmed)


async def remind_of_deletions(tx: Transaction) -> int:
    """The periodic job: remind providers whose courtesy date has come, once each, at most 100. Returns how many."""
    c = participations.c
    async with tx.role(Role.TRANSITION):
        due = select_records(tx, Participation).where(
            awaits_deletion(c), c.deletion_reminded_at.is_(None), c.deletion_expected_by <= tx.as_of
        )
        found = await fetch_records(
            tx, Participation, due.order_by(c.id).limit(_BATCH_ROWS).with_for_update(key_share=True, skip_locked=True)
        )
        reminded = await update_records(tx, [(item, replace(item, deletion_reminded_at=tx.as_of)) for item in found])
        kind = EventKind.PARTICIPATION_DELETION_AWAITED
        events = [
            participation_event(kind, item, expectedBy=item.deletion_expected_by.isoformat())
            for item in reminded
            if item.deletion_expected_by is not None
        ]
        await append_events(tx, events, actor=OPERATOR)
    return len(reminded)


async def _get_newest(tx: Transaction, member_id: MemberId) -> Participation:
    c = participations.c
    newest = select_records(tx, Participation).where(c.member_id == member_id).order_by(c.id.desc()).limit(1)
    found = await fetch_records(tx, Participation, newest)
    if not found:
        raise UnknownError("You have never taken part.", field="participationId")
    return found[0]
