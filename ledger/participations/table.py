"""The tables of participations, and of the keys for providers' hashes."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from sqlalchemy import CheckConstraint, Column, ColumnElement, Index, LargeBinary, and_, case, or_, text

from ledger.feed.vocabulary import Subject
from ledger.identifiers import ClientId, MemberId, OfficerId, ParticipationId, SignalId, SignalKeyId
from ledger.participations.states import ParticipationState
from ledger.participations.vocabulary import Disclosure, ParticipationEndReason
from ledger.storage.access import EVERYTHING, ME, TRANSITION_MOVES, Access, reads
from ledger.storage.commitments import CommittedBy
from ledger.storage.markers import AS_OF, DERIVED, KEY, Columns, derived, kept_for, only, references
from ledger.storage.records import declare
from ledger.storage.roles import Role
from ledger.vocabulary import Category

_MINE = f"member_id = {ME}"
_STAFF = only(Role.REGULATOR, Role.OPERATOR)


def in_force(c: Columns) -> ColumnElement[bool]:
    """Whether a participation has begun and not ended; policies check the same with access.TAKES_PART."""
    return and_(c.began_at.is_not(None), c.ended_at.is_(None))


def _state(c: Columns) -> ColumnElement[Any]:
    return case(
        (in_force(c), ParticipationState.IN_FORCE.value),
        (c.ended_at.is_not(None), ParticipationState.ENDED.value),
        else_=ParticipationState.AGREED.value,
    )


def in_use(c: Columns) -> ColumnElement[bool]:
    """Whether a key is in use; whoever runs the statement binds as_of."""
    return or_(c.retired_at.is_(None), c.retired_at > AS_OF)


@dataclass(frozen=True, slots=True, kw_only=True)
class Participation:
    """Terms as signed, with their period: a change of terms ends one participation and begins the next.

    starts_at and ends_at are what was agreed; began_at and ended_at are what happened, and what policies check.
    """

    id: Annotated[ParticipationId, KEY]
    member_id: Annotated[MemberId, references("members.id")]
    terms_reference: str
    categories: tuple[Category, ...]
    purpose: str
    controller_roles: str
    transfer_ground: str | None = None
    disclosure: Disclosure
    starts_at: datetime
    ends_at: datetime | None = None
    began_at: datetime | None = None
    ended_at: datetime | None = None
    ended_reason: ParticipationEndReason | None = None
    state: Annotated[ParticipationState, derived(_state)] = DERIVED
    recorded_by: Annotated[OfficerId | None, references("officers.id"), _STAFF] = None
    recorded_by_client: Annotated[ClientId | None, _STAFF] = None
    recorded_at: datetime


ONE_PER_MEMBER = "uq_participations_member_id"
"""A member has at most one participation that has not ended."""

participations = declare(
    "participations",
    Participation,
    CheckConstraint("cardinality(categories) > 0", name="categories_named"),
    CheckConstraint("ends_at IS NULL OR ends_at > starts_at", name="term_order"),
    CheckConstraint("(ended_at IS NULL) = (ended_reason IS NULL)", name="ended_with_reason"),
    Index(ONE_PER_MEMBER, "member_id", unique=True, postgresql_where=text("ended_at IS NULL")),
    Index("ix_participations_member_id_id", "member_id", "id"),
    access=(
        *reads(Role.REGULATOR, Role.OPERATOR),
        *reads(Role.PROVIDER, rows=_MINE),
        TRANSITION_MOVES,
    ),
    committed_by=CommittedBy(Subject.PARTICIPATION),
    is_watched=True,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalKey:
    """A key for a provider's hashes; its bytes are sealed and are not part of this record.

    retired_at is when it goes out of use: None for the newest key, in the future during an overlap. filled_at is
    when every signal had a hash under this key; until then, filled_after is the last signal that has one.
    """

    id: Annotated[SignalKeyId, KEY]
    member_id: Annotated[MemberId, references("members.id")]
    created_at: datetime
    retired_at: datetime | None = None
    filled_at: datetime | None = None
    filled_after: Annotated[SignalId | None, only()] = None


signal_keys = declare(
    "signal_keys",
    SignalKey,
    Column("key_sealed", LargeBinary, nullable=False, info=kept_for()),
    Index("uq_signal_keys_member_id", "member_id", unique=True, postgresql_where=text("retired_at IS NULL")),
    Index("ix_signal_keys_unfilled", "id", postgresql_where=text("filled_at IS NULL")),
    access=(
        *reads(Role.REGULATOR),
        *reads(Role.PROVIDER, rows=_MINE),
        Access(
            role=Role.TRANSITION,
            select=EVERYTHING,
            insert=True,
            update=("retired_at", "filled_after", "filled_at"),
        ),
        Access(role=Role.JOBS, select=("id", "key_sealed"), update=("key_sealed",)),
    ),
)
