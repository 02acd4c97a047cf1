"""Reading members, their brands, offices and officers.

Only the regulator and the operator see contacts, and offices and officers of any member; a member sees its own. Every
member sees itself and the regulator.
"""

from dataclasses import dataclass
from operator import attrgetter
from typing import Annotated

from sqlalchemy import ColumnElement, true

from ledger.errors import UnknownError
from ledger.filters import equals
from ledger.lists import RecordList
from ledger.members.table import Brand, Member, Office, Officer, members, offices
from ledger.pages import Listing, Page, PageRequest
from ledger.permissions import REGULATOR_OR_OPERATOR, require_kind
from ledger.relations import ToMany, ToOne
from ledger.storage.columns import holds_id
from ledger.storage.database import Transaction
from ledger.storage.markers import Columns
from ledger.storage.rows import fetch_records, find_record, select_records
from ledger.viewer import MemberKind, Viewer, ViewerKind

_BY_SLUG = attrgetter("slug")


async def get_member(tx: Transaction, member_id: str, *, field: str = "id") -> Member:
    """Return the member. Errors: UnknownError, which names the field that contained the id."""
    member = await find_record(tx, Member, holds_id(members.c.id, member_id))
    if member is None:
        raise UnknownError(field=field)
    return member


async def find_member_by_slug(tx: Transaction, slug: str) -> Member | None:
    """Return the member with this slug, if there is one that the viewer may see."""
    return await find_record(tx, Member, members.c.slug == slug)


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberFilter:
    """Which members to return. None does not filter."""

    kind: Annotated[MemberKind | None, equals("kind")] = None


MEMBERS = RecordList(Member, {None: Listing("members", Member, ("slug",))}, MemberFilter)


async def list_members(tx: Transaction, page: PageRequest, *, kind: MemberKind | None = None) -> Page[Member]:
    """Return members, ordered by slug. Errors: CursorInvalidError."""
    return await MEMBERS.fetch(tx, page, MemberFilter(kind=kind))


load_members = ToOne(Member)
"""Members by id, without those that the viewer may not see."""

_BRAND_READERS = frozenset(ViewerKind) - {ViewerKind.AGENCY}
load_brands = ToOne(Brand, kinds=_BRAND_READERS)
"""Brands by id, without those that the viewer may not see."""

load_brands_by_member = ToMany(Brand, by="member_id", kinds=_BRAND_READERS, order=("slug",))
"""The brands of each member that the viewer may see, ordered by slug."""


def _own(viewer: Viewer, c: Columns) -> ColumnElement[bool]:
    """A member's own offices and officers; the regulator's are for the regulator alone."""
    return true() if viewer.kind in REGULATOR_OR_OPERATOR else c.member_id == viewer.member_id


load_offices = ToOne(Office, visible=_own)
"""Offices by id: all for the regulator and operator, a member's own for others."""

load_officers = ToOne(Officer, visible=_own)
"""Officers by id: all for the regulator and operator, a member's own for others."""


async def list_offices(tx: Transaction, member_id: str) -> list[Office]:
    """Return a member's offices, ordered by slug. Errors: ForbiddenError."""
    require_kind(tx.viewer, REGULATOR_OR_OPERATOR)
    statement = select_records(tx, Office).where(holds_id(offices.c.member_id, member_id))
    return sorted(await fetch_records(tx, Office, statement), key=_BY_SLUG)


@dataclass(frozen=True, slots=True, kw_only=True)
class OfficerFilter:
    """Which officers to return. None does not filter."""

    member_id: Annotated[str | None, equals("member_id")] = None


OFFICERS = RecordList(Officer, {None: Listing("officers", Officer, ("id",))}, OfficerFilter, visible=_own)


async def list_officers(tx: Transaction, page: PageRequest, *, member_id: str | None = None) -> Page[Officer]:
    """Return officers of any member, oldest first. Errors: ForbiddenError, CursorInvalidError."""
    require_kind(tx.viewer, REGULATOR_OR_OPERATOR)
    return await OFFICERS.fetch(tx, page, OfficerFilter(member_id=member_id))
