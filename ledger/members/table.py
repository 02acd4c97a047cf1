"""The tables of members, their brands, their offices and their officers."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from sqlalchemy import CheckConstraint, UniqueConstraint

from ledger.feed.vocabulary import Subject
from ledger.identifiers import BrandId, MemberId, OfficeId, OfficerId
from ledger.storage.access import ME, TRANSITION_MOVES, reads
from ledger.storage.commitments import CommittedBy
from ledger.storage.markers import KEY, UNIQUE, only, references
from ledger.storage.records import declare
from ledger.storage.roles import Role
from ledger.viewer import MemberKind

_STAFF = only(Role.REGULATOR, Role.OPERATOR)
_LOOKED_AFTER = (*reads(Role.REGULATOR, Role.OPERATOR, Role.AUTH), TRANSITION_MOVES)
_OWN = reads(Role.AGENCY, Role.CARRIER, Role.PROVIDER, rows=f"member_id = {ME}")
_SLUG_FORM = "slug ~ '^[a-z0-9][a-z0-9-]{0,62}$'"


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A party to the shared view. Every member sees itself and the regulator."""

    id: Annotated[MemberId, KEY]
    slug: Annotated[str, UNIQUE]
    kind: MemberKind
    legal_name: str
    contact_name: Annotated[str | None, _STAFF] = None
    contact_email: Annotated[str | None, _STAFF] = None
    contact_phone: Annotated[str | None, _STAFF] = None
    internet_access: bool = False
    subgraph_url: Annotated[str | None, _STAFF] = None
    admitted_at: datetime
    suspended_at: datetime | None = None


members = declare(
    "members",
    Member,
    CheckConstraint(_SLUG_FORM, name="slug_form"),
    access=(
        *_LOOKED_AFTER,
        *reads(Role.AGENCY, Role.CARRIER, Role.PROVIDER, rows=f"id = {ME} OR kind = 'REGULATOR'"),
    ),
    committed_by=CommittedBy(Subject.MEMBER),
    is_watched=True,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Brand:
    """A name under which a member serves the public."""

    id: Annotated[BrandId, KEY]
    member_id: Annotated[MemberId, references("members.id")]
    slug: str
    name: str


brands = declare(
    "brands",
    Brand,
    UniqueConstraint("member_id", "slug"),
    CheckConstraint(_SLUG_FORM, name="slug_form"),
    access=(
        *_LOOKED_AFTER,
        *reads(Role.CARRIER, Role.PROVIDER, rows=f"member_id = {ME}"),
        *reads(Role.SEQUENCER, Role.ARCHIVE, select=("id", "member_id")),
    ),
    committed_by=CommittedBy(Subject.MEMBER, "member_id"),
    is_watched=True,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    """A department of a member. Drafts belong to it, so that an officer's absence does not block them."""

    id: Annotated[OfficeId, KEY]
    member_id: Annotated[MemberId, references("members.id")]
    slug: str
    name: str


offices = declare(
    "offices",
    Office,
    UniqueConstraint("member_id", "slug"),
    CheckConstraint(_SLUG_FORM, name="slug_form"),
    access=(*_LOOKED_AFTER, *_OWN),
    committed_by=CommittedBy(Subject.MEMBER, "member_id"),
    is_watched=True,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Officer:
    """A person who acts for a member. Every login of the same person maps to the same officer.

    Only the regulator's officers decide: ledger/permissions.py looks at the member's kind before the officer.
    """

    id: Annotated[OfficerId, KEY]
    member_id: Annotated[MemberId, references("members.id")]
    office_id: Annotated[OfficeId, references("offices.id", index=True)]
    display_name: str
    scopes: tuple[str, ...] = ()
    created_at: datetime
    disabled_at: datetime | None = None


officers = declare(
    "officers",
    Officer,
    access=(*_LOOKED_AFTER, *_OWN),
    committed_by=CommittedBy(Subject.OFFICER),
    is_watched=True,
)
