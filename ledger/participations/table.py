"""On which terms providers take part in fraud signals, as it is stored."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from sqlalchemy import CheckConstraint, ColumnElement, Index, case, text

from ledger.identifiers import ClientId, MemberId, OfficerId, ParticipationId
from ledger.participations.states import ParticipationState
from ledger.participations.vocabulary import Disclosure, ParticipationEndReason
from ledger.storage.access import ME, TRANSITION_MOVES, reads
from ledger.storage.records import DERIVED, KEY, Columns, declare, derived, only, references
from ledger.storage.roles import Role
from ledger.vocabulary import Category

_STAFF = only(Role.REGULATOR, Role.OPERATOR)


def _state(c: Columns) -> ColumnElement[Any]:
    return case(
        (c.ended_at.is_not(None), ParticipationState.ENDED.value),
        (c.began_at.is_not(None), ParticipationState.IN_FORCE.value),
        else_=ParticipationState.AGREED.value,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Participation:
    """Terms in their time, as they were signed: a change of terms ends one participation and begins the next.

    starts_at and ends_at are what was agreed; began_at and ended_at are what came to be, and what policies look at.
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
"""A member takes part, or is about to, on one set of terms at a time."""

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
        *reads(Role.PROVIDER, rows=f"member_id = {ME}"),
        TRANSITION_MOVES,
    ),
)
