"""Reading members, their brands, and the regulator's offices and officers.

Only the regulator and the operator see contacts, offices and officers; every member sees itself and the regulator.
"""

from collections.abc import Sequence
from operator import attrgetter

from ledger.errors import UnknownError
from ledger.identifiers import parse_id
from ledger.members.table import Brand, Member, Office, Officer, brands, members, officers, offices
from ledger.pages import Listing, Page, PageRequest, fetch_page
from ledger.permissions import REGULATOR_OR_OPERATOR, require_kind
from ledger.storage.columns import holds_id
from ledger.storage.database import Transaction
from ledger.storage.rows import fetch_records, find_record, load_records, select_records
from ledger.viewer import MemberKind, ViewerKind

_MEMBERS = Listing("members", Member, ("slug",))
_OFFICERS = Listing("officers", Officer, ("id",))
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


async def list_members(tx: Transaction, page: PageRequest, *, kind: MemberKind | None = None) -> Page[Member]:
    """Return members, ordered by slug. Errors: CursorInvalidError."""
    wanted = [] if kind is None else [members.c.kind == kind.value]
    return await fetch_page(tx, _MEMBERS, page, *wanted)


async def load_members(tx: Transaction, ids: Sequence[str]) -> dict[str, Member]:
    """Return members by id, without those that the viewer may not see."""
    return await load_records(tx, Member, _parse_ids(ids))


async def load_brands(tx: Transaction, ids: Sequence[str]) -> dict[str, Brand]:
    """Return brands by id, without those that the viewer may not see."""
    if tx.viewer.kind is ViewerKind.AGENCY:
        return {}
    return await load_records(tx, Brand, _parse_ids(ids))


async def load_brands_by_member(tx: Transaction, member_ids: Sequence[str]) -> dict[str, list[Brand]]:
    """Return the brands of each member that the viewer may see, ordered by slug."""
    found: dict[str, list[Brand]] = {member_id: [] for member_id in member_ids}
    known = _parse_ids(member_ids)
    if tx.viewer.kind is ViewerKind.AGENCY or not known:
        return found
    statement = select_records(tx, Brand).where(brands.c.member_id.in_(known))
    for brand in sorted(await fetch_records(tx, Brand, statement), key=_BY_SLUG):
        found.setdefault(brand.member_id, []).append(brand)
    return found


async def load_offices(tx: Transaction, ids: Sequence[str]) -> dict[str, Office]:
    """Return offices by id (regulator, operator); no one else sees any."""
    return await load_records(tx, Office, _parse_ids(ids)) if tx.viewer.kind in REGULATOR_OR_OPERATOR else {}


async def load_officers(tx: Transaction, ids: Sequence[str]) -> dict[str, Officer]:
    """Return officers by id (regulator, operator); no one else sees any."""
    return await load_records(tx, Officer, _parse_ids(ids)) if tx.viewer.kind in REGULATOR_OR_OPERATOR else {}


async def list_offices(tx: Transaction, member_id: str) -> list[Office]:
    """Return a member's offices, ordered by slug. Errors: ForbiddenError."""
    require_kind(tx.viewer, REGULATOR_OR_OPERATOR)
    statement = select_records(tx, Office).where(holds_id(offices.c.member_id, member_id))
    return sorted(await fetch_records(tx, Office, statement), key=_BY_SLUG)


async def list_officers(tx: Transaction, page: PageRequest, *, member_id: str | None = None) -> Page[Officer]:
    """Return officers, oldest first. Errors: ForbiddenError, CursorInvalidError."""
    require_kind(tx.viewer, REGULATOR_OR_OPERATOR)
    wanted = [] if member_id is None else [holds_id(officers.c.member_id, member_id)]
    return await fetch_page(tx, _OFFICERS, page, *wanted)


def _parse_ids(ids: Sequence[str]) -> list[str]:
    """Return those that are valid ids; the others can't match anything."""
    return [known for text in ids if (known := parse_id(text))]
