"""Beginning and ending the periods of participations: the rows, the keys and the events that every way shares.

Every function here runs under the TRANSITION role, with the lock on participations held (taking_part.py), so that what
is in force changes in one transaction at a time.
"""

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any, TypeVar

from ledger.errors import ConflictError, UnknownError
from ledger.feed.events import EventDraft
from ledger.feed.vocabulary import EventKind, Subject
from ledger.identifiers import MemberId, ParticipationId, new_id, parse_id
from ledger.participations.keys import Fill, make_keys, refill_keys, retire_keys
from ledger.participations.parting import withdraw_instruments
from ledger.participations.states import ParticipationState
from ledger.participations.table import ONE_PER_MEMBER, Participation, participations
from ledger.participations.terms import Terms
from ledger.participations.vocabulary import ParticipationEndReason
from ledger.storage.database import Transaction
from ledger.storage.records import hide
from ledger.storage.roles import ROLE_OF_VIEWER
from ledger.storage.rows import fetch_records, insert_and_read, lock_records, select_records, update_records

R = TypeVar("R")


class ParticipationExistsError(ConflictError):
    """The provider already takes part, or has agreed to start later."""

    code = "PARTICIPATION_EXISTS"
    hint = "Change its terms, or end it first."


async def lock_participation(tx: Transaction, participation_id: str, *, owner: MemberId | None = None) -> Participation:
    """Lock one participation, of the owner if one is given. Errors: UnknownError."""
    known = parse_id(participation_id)
    found = (await lock_records(tx, Participation, [known] if known else [])).get(known or "")
    if found is None or (owner is not None and found.member_id != owner):
        raise UnknownError(field="participationId")
    return found


async def lock_standing(tx: Transaction, member_id: MemberId) -> Participation | None:
    """Lock the member's participation that has not ended, if there is one."""
    c = participations.c
    standing = select_records(tx, Participation).where(c.member_id == member_id, c.ended_at.is_(None))
    found = await fetch_records(tx, Participation, standing.with_for_update(key_share=True))
    return found[0] if found else None


async def begin_participation(tx: Transaction, member_id: MemberId, agreed: Terms, **more: Any) -> Participation:
    """Insert a participation, in force if its start has come. Errors: ParticipationExistsError."""
    draft = Participation(
        id=ParticipationId(new_id()),
        member_id=member_id,
        began_at=tx.as_of if agreed.starts_at is None or agreed.starts_at <= tx.as_of else None,
        recorded_by=tx.viewer.officer_id,
        recorded_by_client=tx.viewer.client_id,
        recorded_at=tx.as_of,
        **asdict(agreed),
        **more,
    )
    written = await insert_and_read(tx, [draft], unless=ONE_PER_MEMBER)
    if not written:
        raise ParticipationExistsError(field="memberId")
    return written[0]


async def open_participation(
    tx: Transaction, member_id: MemberId, agreed: Terms, *, fill: Fill, **more: Any
) -> tuple[Participation, EventDraft]:
    """Begin a participation that replaces none, with a key if it is in force. Errors: ParticipationExistsError."""
    started = await begin_participation(tx, member_id, agreed, **more)
    if started.state is ParticipationState.IN_FORCE:
        await give_keys(tx, [started])
        await fill(tx, member_id, 1)
    return started, participation_event(EventKind.PARTICIPATION_STARTED, started)


async def replace_participation(
    tx: Transaction, before: Participation, agreed: Terms, *, fill: Fill, kind: EventKind, **more: Any
) -> tuple[Participation, list[EventDraft]]:
    """End a participation and begin the next at the same moment; the provider's keys remain and are filled again."""
    (ended,) = await end_participations(tx, [before], ParticipationEndReason.TERMS_CHANGED)
    after = await begin_participation(tx, before.member_id, agreed, previous_id=before.id, **more)
    if after.state is ParticipationState.IN_FORCE and before.state is ParticipationState.IN_FORCE:
        await refill_keys(tx, [before.member_id])
        await fill(tx, before.member_id, 2)
    elif after.state is ParticipationState.IN_FORCE:
        await give_keys(tx, [after])
        await fill(tx, before.member_id, 1)
    else:
        await retire_keys(tx, [before.member_id])
    said: dict[str, Any] = {"previousId": before.id}
    if after.narrowed_by is not None:
        said["party"] = after.narrowed_by
    return after, [participation_event(kind, ended), participation_event(kind, after, **said)]


async def end_participations(
    tx: Transaction, present: Sequence[Participation], reason: ParticipationEndReason
) -> list[Participation]:
    """Write the end. Unless other terms follow at once, what was sent under them is then to be deleted."""
    expected_by = None if reason is ParticipationEndReason.TERMS_CHANGED else tx.as_of + tx.policies.deletion_courtesy
    changes = [
        (
            item,
            replace(
                item,
                ended_at=tx.as_of,
                ended_reason=reason,
                deletion_expected_by=expected_by if item.began_at is not None else None,
            ),
        )
        for item in present
    ]
    return await update_records(tx, changes)


async def part_with(
    tx: Transaction, present: Sequence[Participation], reason: ParticipationEndReason
) -> tuple[list[Participation], list[EventDraft]]:
    """End participations that nothing follows: keys retire, and what is open towards the providers is withdrawn."""
    ended = await end_participations(tx, present, reason)
    if not ended:
        return [], []
    member_ids = [item.member_id for item in ended]
    await retire_keys(tx, member_ids)
    withdrawn = await withdraw_instruments(tx, member_ids)
    return ended, [*withdrawn, *(participation_event(EventKind.PARTICIPATION_ENDED, item) for item in ended)]


async def give_keys(tx: Transaction, begun: Sequence[Participation]) -> None:
    """Make a new key for each provider that begins, and retire any that remain from an earlier participation."""
    member_ids = [item.member_id for item in begun]
    await retire_keys(tx, member_ids)
    await make_keys(tx, member_ids)


def show(tx: Transaction, record: R) -> R:
    """The record, which was read with the rights of transitions, as the viewer may read it."""
    return hide(record, ROLE_OF_VIEWER[tx.viewer.kind])


def participation_event(kind: EventKind, participation: Participation, **more: Any) -> EventDraft:
    """The event about a participation, for its provider and the regulator."""
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
