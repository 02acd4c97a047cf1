"""Taking part: on which signed terms a provider gets fraud signals, from when to when.

Rows are terms as they were signed. Changing them ends one row and begins the next in the same transaction, so that
what was agreed at any time can be read; ending one ends the provider's keys with it, and its signals at once. Whether
one is in force is a column, written by these functions and by the job at the agreed times: no policy reads a clock.
Source: domain.md, Members and taking part.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, false, select, text, true, update
from sqlalchemy.dialects.postgresql import insert

from ledger.errors import ConflictError, InvalidInputError, StateConflictError, UnknownError
from ledger.feed.events import EventDraft, append_events
from ledger.feed.vocabulary import EventKind, Subject
from ledger.identifiers import ClientId, MemberId, OfficerId, ParticipationId, new_id, parse_id
from ledger.members.reading import get_member
from ledger.pages import Page, PageRequest, cursor_id, decode_cursor, encode_cursor
from ledger.participations.states import ParticipationState
from ledger.participations.table import Participation as StoredParticipation
from ledger.participations.table import participations
from ledger.participations.taking_part import change_participations
from ledger.participations.terms import ParticipationTermError, Terms, check_terms
from ledger.participations.vocabulary import Disclosure, ParticipationEndReason, PartingReason
from ledger.permissions import REGULATOR_OR_OPERATOR, require_officer_or_operator
from ledger.signals.keys import fill_keys, make_keys, refill_keys, retire_keys
from ledger.storage.columns import holds_id
from ledger.storage.database import Transaction
from ledger.storage.records import readable_names
from ledger.storage.roles import Role
from ledger.viewer import OPERATOR, MemberKind, Viewer, ViewerKind
from ledger.vocabulary import Category

_BATCH_ROWS = 100


class ParticipationExistsError(ConflictError):
    """The provider takes part already, or is about to."""

    code = "PARTICIPATION_EXISTS"
    hint = "Change its terms, or end it first."


class NotAProviderError(InvalidInputError):
    """Only an OTT provider takes part in this way."""

    code = "NOT_A_PROVIDER"


@dataclass(frozen=True, slots=True, kw_only=True)
class Participation:
    """Terms in their time. starts_at and ends_at were agreed; began_at and ended_at are what came to be."""

    id: ParticipationId
    member_id: MemberId
    terms_reference: str
    categories: tuple[Category, ...]
    purpose: str
    controller_roles: str
    transfer_ground: str | None
    disclosure: Disclosure
    starts_at: datetime
    ends_at: datetime | None
    began_at: datetime | None
    ended_at: datetime | None
    ended_reason: ParticipationEndReason | None
    recorded_at: datetime
    recorded_by: OfficerId | None = None
    recorded_by_client: ClientId | None = None

    @property
    def state(self) -> ParticipationState:
        """Where it stands, by what came to be."""
        if self.ended_at is not None:
            return ParticipationState.ENDED
        return ParticipationState.IN_FORCE if self.began_at is not None else ParticipationState.AGREED

    @classmethod
    def of(cls, row: Mapping[Any, Any]) -> "Participation":
        """From a row of participations, whole or as a provider may select it."""
        reason = row["ended_reason"]
        kinds = {
            "categories": tuple(Category(category) for category in row["categories"]),
            "disclosure": Disclosure(row["disclosure"]),
            "ended_reason": None if reason is None else ParticipationEndReason(reason),
        }
        return cls(**(dict(row) | kinds))


# Asked before the lock is taken: on most beats nothing is due, and nobody should wait for that.
_IS_DUE = text("""
SELECT EXISTS (
  SELECT 1 FROM participations
  WHERE ended_at IS NULL AND (ends_at <= :as_of OR (began_at IS NULL AND starts_at <= :as_of)))
""")

_END_DUE = text("""
WITH due AS (
  SELECT id FROM participations WHERE ended_at IS NULL AND ends_at <= :as_of ORDER BY id LIMIT :rows FOR UPDATE
)
UPDATE participations p SET ended_at = :as_of, ended_reason = 'TERM_OVER' FROM due WHERE p.id = due.id RETURNING p.*
""")

_BEGIN_DUE = text("""
WITH due AS (
  SELECT id FROM participations WHERE began_at IS NULL AND ended_at IS NULL AND starts_at <= :as_of
  ORDER BY id LIMIT :rows FOR UPDATE
)
UPDATE participations p SET began_at = :as_of FROM due WHERE p.id = due.id RETURNING p.*
""")


async def start_participation(tx: Transaction, member_id: str, terms: Terms) -> Participation:
    """Record the terms on which a provider takes part; from now, or from the agreed time.

    Errors: ForbiddenError, UnknownError, NotAProviderError, ParticipationExistsError, ParticipationTermError,
    CategoriesMissingError, TermsMissingError, TextInvalidError, TextTooLongError.
    """
    require_officer_or_operator(tx.viewer)
    member = await get_member(tx, member_id)
    if member.kind is not MemberKind.OTT_PROVIDER:
        raise NotAProviderError(field="memberId")
    values = check_terms(terms, as_of=tx.as_of)
    async with tx.role(Role.TRANSITION):
        await change_participations(tx)
        row = await _insert(tx, member.id, values)
        if row["began_at"] is not None:
            await _begin(tx, [row])
            await fill_keys(tx, member_ids=[member.id], batches=1)
        await append_events(tx, [_event(EventKind.PARTICIPATION_STARTED, row)])
    return Participation.of(row)


async def change_participation(tx: Transaction, participation_id: str, terms: Terms) -> Participation:
    """Let other terms hold from now on: the participation ends and the answered one begins, at one moment.

    Errors: as start_participation; StateConflictError for one that is not in force. starts_at is not taken.
    """
    require_officer_or_operator(tx.viewer)
    if terms.starts_at is not None:
        raise ParticipationTermError("A change of terms holds from now on.", field="startsAt")
    values = check_terms(terms, as_of=tx.as_of)
    async with tx.role(Role.TRANSITION):
        await change_participations(tx)
        before = await _lock(tx, participation_id)
        if before.state is not ParticipationState.IN_FORCE:
            raise StateConflictError(f"A participation that is {before.state} has no terms to be changed.")
        await _end(tx, before.id, ParticipationEndReason.TERMS_CHANGED)
        row = await _insert(tx, before.member_id, values)
        await refill_keys(tx, [before.member_id])
        await fill_keys(tx, member_ids=[before.member_id], batches=2)
        await append_events(tx, [_event(EventKind.PARTICIPATION_CHANGED, row, previousId=before.id)])
    return Participation.of(row)


async def end_participation(tx: Transaction, participation_id: str, reason: PartingReason) -> Participation:
    """End it at once: the provider reads no signal any more, and its streams end.

    Errors: ForbiddenError, UnknownError; StateConflictError for one that is over.
    """
    require_officer_or_operator(tx.viewer)
    async with tx.role(Role.TRANSITION):
        await change_participations(tx)
        before = await _lock(tx, participation_id)
        if before.state is ParticipationState.ENDED:
            raise StateConflictError("The participation is over already.")
        row = await _end(tx, before.id, ParticipationEndReason(reason))
        await retire_keys(tx, [before.member_id])
        await append_events(tx, [_event(EventKind.PARTICIPATION_ENDED, row)])
    return Participation.of(row)


async def end_due_participations(tx: Transaction) -> int:
    """The job: end those whose agreed end has come, at most 100; answers how many."""
    async with tx.role(Role.TRANSITION):
        if not (await tx.execute(_IS_DUE, {"as_of": tx.as_of})).scalar_one():
            return 0
        await change_participations(tx)
        found = await tx.execute(_END_DUE, {"as_of": tx.as_of, "rows": _BATCH_ROWS})
        rows = [_plain(row) for row in found.mappings()]
        if rows:
            await retire_keys(tx, [row["member_id"] for row in rows])
            await append_events(tx, [_event(EventKind.PARTICIPATION_ENDED, row) for row in rows], actor=OPERATOR)
    return len(rows)


async def begin_due_participations(tx: Transaction) -> int:
    """The job: begin those whose agreed start has come, at most 100; answers how many. Signals follow by their job."""
    async with tx.role(Role.TRANSITION):
        if not (await tx.execute(_IS_DUE, {"as_of": tx.as_of})).scalar_one():
            return 0
        await change_participations(tx)
        found = await tx.execute(_BEGIN_DUE, {"as_of": tx.as_of, "rows": _BATCH_ROWS})
        rows = [_plain(row) for row in found.mappings()]
        if rows:
            await _begin(tx, rows)
            await append_events(tx, [_event(EventKind.PARTICIPATION_STARTED, row) for row in rows], actor=OPERATOR)
    return len(rows)


async def list_participations(
    tx: Transaction, page: PageRequest, *, member_id: str | None = None, in_force: bool | None = None
) -> Page[Participation]:
    """Participations, newest first: the regulator's all, a provider's own; nobody else has any to see."""
    c = participations.c
    statement = _select(tx.viewer).order_by(c.id.desc()).limit(page.first + 1)
    if member_id is not None:
        statement = statement.where(holds_id(c.member_id, member_id))
    if in_force is not None:
        holds = c.began_at.is_not(None) & c.ended_at.is_(None)
        statement = statement.where(holds if in_force else ~holds)
    if page.after is not None:
        (last,) = decode_cursor("participations", page.after, length=1)
        statement = statement.where(c.id < cursor_id(last))
    if tx.viewer.kind not in _READERS:
        return Page((), (), has_next_page=False)
    rows = (await tx.execute(statement)).mappings().all()
    items = [Participation.of(row) for row in rows[: page.first]]
    return Page(items, [encode_cursor("participations", [item.id]) for item in items], len(rows) > page.first)


_READERS = frozenset({*REGULATOR_OR_OPERATOR, ViewerKind.OTT_PROVIDER})


def _select(viewer: Viewer) -> Select[Any]:
    c = participations.c
    if viewer.kind in REGULATOR_OR_OPERATOR:
        return select(participations).where(true())
    own = c.member_id == viewer.member_id if viewer.kind is ViewerKind.OTT_PROVIDER else false()
    return select(*(c[name] for name in readable_names(StoredParticipation, Role.PROVIDER))).where(own)


async def _lock(tx: Transaction, participation_id: str) -> Participation:
    known = parse_id(participation_id)
    statement = select(participations).where(participations.c.id == known).with_for_update()
    row = (await tx.execute(statement)).mappings().one_or_none() if known else None
    if row is None:
        raise UnknownError(field="participationId")
    return Participation.of(row)


async def _insert(tx: Transaction, member_id: MemberId, values: Mapping[str, Any]) -> Mapping[Any, Any]:
    statement = (
        insert(participations)
        .values(
            id=new_id(),
            member_id=member_id,
            recorded_by=tx.viewer.officer_id,
            recorded_by_client=tx.viewer.client_id,
            recorded_at=tx.as_of,
            **values,
        )
        .on_conflict_do_nothing()
        .returning(*participations.c)
    )
    row = (await tx.execute(statement)).mappings().one_or_none()
    if row is None:
        raise ParticipationExistsError(field="memberId")
    return row


async def _end(tx: Transaction, participation_id: str, reason: ParticipationEndReason) -> Mapping[Any, Any]:
    c = participations.c
    statement = (
        update(participations)
        .where(c.id == participation_id, c.ended_at.is_(None))
        .values(ended_at=tx.as_of, ended_reason=reason.value)
        .returning(*c)
    )
    return (await tx.execute(statement)).mappings().one()


async def _begin(tx: Transaction, rows: Sequence[Mapping[Any, Any]]) -> None:
    """Give each provider that begins a key of its own: the ones before ended with what they were made for."""
    member_ids = [MemberId(str(row["member_id"])) for row in rows]
    await retire_keys(tx, member_ids)
    await make_keys(tx, member_ids)


def _plain(row: Mapping[Any, Any]) -> dict[str, Any]:
    """A row of a textual statement, with its ids as text."""
    ids = ("id", "member_id", "recorded_by")
    return dict(row) | {name: None if row[name] is None else str(row[name]) for name in ids}


def _event(kind: EventKind, row: Mapping[Any, Any], **more: Any) -> EventDraft:
    payload = {"disclosure": row["disclosure"]} | more
    if row["ended_reason"] is not None:
        payload["reason"] = row["ended_reason"]
    return EventDraft(
        kind=kind,
        subject=Subject.PARTICIPATION,
        subject_id=row["id"],
        state=Participation.of(row).state,
        audience=[MemberId(row["member_id"])],
        payload=payload,
    )
