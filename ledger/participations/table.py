"""The tables of participations, and of the keys for providers' hashes."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from sqlalchemy import CheckConstraint, Column, ColumnElement, Index, LargeBinary, and_, case, or_, text

from ledger.feed.vocabulary import Subject
from ledger.identifiers import (
    ClientId,
    MemberId,
    OfficerId,
    ParticipationId,
    ParticipationProposalId,
    SignalId,
    SignalKeyId,
    TermsId,
)
from ledger.participations.states import ParticipationState
from ledger.participations.vocabulary import (
    AgreedOn,
    Disclosure,
    ParticipationEndReason,
    Party,
    PermittedUse,
    TransferBasis,
)
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
    previous_id is the one that it replaced; narrowed_by the side that narrowed that one alone. After the end, the
    provider confirms that it deleted what it was sent: deletion_expected_by is when a reminder goes out, no duty.
    """

    id: Annotated[ParticipationId, KEY]
    member_id: Annotated[MemberId, references("members.id")]
    terms_reference: str
    categories: tuple[Category, ...]
    purpose: str
    controller_roles: str
    transfer_ground: str | None = None
    transfer_basis: TransferBasis | None = None
    permitted_uses: tuple[PermittedUse, ...] = ()
    retention_days: int | None = None
    breach_contact: str | None = None
    disclosure: Disclosure
    agreed_on: AgreedOn = AgreedOn.PAPER
    proposal_id: Annotated[ParticipationProposalId | None, references("participation_proposals.id")] = None
    terms_id: Annotated[TermsId | None, references("participation_terms.id")] = None
    terms_hash: str | None = None
    previous_id: Annotated[ParticipationId | None, references("participations.id")] = None
    narrowed_by: Party | None = None
    starts_at: datetime
    ends_at: datetime | None = None
    began_at: datetime | None = None
    ended_at: datetime | None = None
    ended_reason: ParticipationEndReason | None = None
    state: Annotated[ParticipationState, derived(_state)] = DERIVED
    recorded_by: Annotated[OfficerId | None, references("officers.id"), _STAFF] = None
    recorded_by_client: Annotated[ClientId | None, _STAFF] = None
    recorded_at: datetime
    deletion_expected_by: datetime | None = None
    deletion_reminded_at: datetime | None = None
    deleted_at: datetime | None = None
    deletion_note: str | None = None
    deletion_confirmed_at: datetime | None = None
    deletion_confirmed_by: Annotated[OfficerId | None, references("officers.id")] = None


def awaits_deletion(c: Columns) -> ColumnElement[bool]:
    """Whether the provider has yet to confirm that it deleted what it was sent."""
    return and_(c.deletion_expected_by.is_not(None), c.deletion_confirmed_at.is_(None))


ONE_PER_MEMBER = "uq_participations_member_id"
"""A member has at most one participation that has not ended."""

participations = declare(
    "participations",
    Participation,
    CheckConstraint("cardinality(categories) > 0", name="categories_named"),
    CheckConstraint("ends_at IS NULL OR ends_at > starts_at", name="term_order"),
    CheckConstraint("(ended_at IS NULL) = (ended_reason IS NULL)", name="ended_with_reason"),
    # Nobody can mark terms as signed by both that nobody signed here.
    CheckConstraint(
        "(agreed_on = 'BOTH_SIGNED') = (proposal_id IS NOT NULL) AND (proposal_id IS NULL) = (terms_id IS NULL) "
        "AND (terms_id IS NULL) = (terms_hash IS NULL)",
        name="signed_whole",
    ),
    CheckConstraint("retention_days IS NULL OR retention_days > 0", name="retention_positive"),
    CheckConstraint("deletion_expected_by IS NULL OR ended_at IS NOT NULL", name="deletion_after_end"),
    CheckConstraint(
        "deletion_confirmed_at IS NULL OR (deleted_at IS NOT NULL AND deletion_expected_by IS NOT NULL)",
        name="deletion_told",
    ),
    Index(
        "ix_participations_awaiting_deletion",
        "deletion_expected_by",
        postgresql_where=text("deletion_expected_by IS NOT NULL AND deletion_confirmed_at IS NULL"),
    ),
    Index("ix_participations_proposal_id", "proposal_id"),
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
