"""Members of the shared view, their brands, and the regulator's offices and officers.

Only the regulator and the operator see contacts and officers; every member sees itself and the regulator.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from ledger.identifiers import BrandId, MemberId, OfficeId, OfficerId
from ledger.pages import Page, PageRequest
from ledger.storage.database import Transaction
from ledger.viewer import MemberKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A party of the shared view. Contacts and the subgraph's address are None for those who may not see them."""

    id: MemberId
    slug: str
    kind: MemberKind
    legal_name: str
    internet_access: bool
    admitted_at: datetime
    suspended_at: datetime | None
    contact_name: str | None = None
    contact_email: str | None = None
    contact_phone: str | None = None
    subgraph_url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Brand:
    """A name under which a member serves the public."""

    id: BrandId
    member_id: MemberId
    slug: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    """A desk of a member; drafts belong to it, so that leave stops nothing."""

    id: OfficeId
    member_id: MemberId
    slug: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Officer:
    """A person who decides. Every login of the same person leads to the same officer."""

    id: OfficerId
    member_id: MemberId
    office_id: OfficeId
    display_name: str
    scopes: tuple[str, ...]
    created_at: datetime
    disabled_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberDraft:
    """A member to be admitted."""

    slug: str
    kind: MemberKind
    legal_name: str
    internet_access: bool = False
    contact_name: str | None = None
    contact_email: str | None = None
    contact_phone: str | None = None
    subgraph_url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OfficerDraft:
    """An officer to be added to an office."""

    office_id: OfficeId
    display_name: str
    scopes: tuple[str, ...] = ()


async def admit_member(tx: Transaction, draft: MemberDraft) -> Member:
    """Admit a member. Errors: ForbiddenError, SlugTakenError, SlugInvalidError."""
    raise NotImplementedError


async def add_brand(tx: Transaction, member_id: MemberId, *, slug: str, name: str) -> Brand:
    """Add a brand to a member. Errors: as admit_member, UnknownError."""
    raise NotImplementedError


async def add_office(tx: Transaction, member_id: MemberId, *, slug: str, name: str) -> Office:
    """Add an office to a member. Errors: as admit_member, UnknownError."""
    raise NotImplementedError


async def add_officer(tx: Transaction, draft: OfficerDraft) -> Officer:
    """Add an officer to an office. Errors: as admit_member, UnknownError."""
    raise NotImplementedError


async def disable_officer(tx: Transaction, officer_id: OfficerId) -> Officer:
    """Disable an officer; one who is disabled already stays as he is. Errors: ForbiddenError, UnknownError."""
    raise NotImplementedError


async def get_member(tx: Transaction, member_id: str) -> Member:
    """The member. Errors: UnknownError."""
    raise NotImplementedError


async def find_member_by_slug(tx: Transaction, slug: str) -> Member | None:
    """The member of that slug, if the viewer may see it."""
    raise NotImplementedError


async def list_members(tx: Transaction, page: PageRequest, *, kind: MemberKind | None = None) -> Page[Member]:
    """Members in the order of their slugs."""
    raise NotImplementedError


async def load_members(tx: Transaction, ids: Sequence[str]) -> dict[str, Member]:
    """Members by id, those that the viewer may see."""
    raise NotImplementedError


async def load_brands(tx: Transaction, ids: Sequence[str]) -> dict[str, Brand]:
    """Brands by id, those that the viewer may see."""
    raise NotImplementedError


async def load_brands_by_member(tx: Transaction, member_ids: Sequence[str]) -> dict[str, list[Brand]]:
    """The brands of each member, those that the viewer may see, in the order of their slugs."""
    raise NotImplementedError


async def load_offices(tx: Transaction, ids: Sequence[str]) -> dict[str, Office]:
    """Offices by id (regulator, operator)."""
    raise NotImplementedError


async def load_officers(tx: Transaction, ids: Sequence[str]) -> dict[str, Officer]:
    """Officers by id (regulator, operator)."""
    raise NotImplementedError


async def list_officers(tx: Transaction, page: PageRequest, *, member_id: str | None = None) -> Page[Officer]:
    """Officers, oldest first (regulator, operator). Errors: ForbiddenError."""
    raise NotImplementedError
