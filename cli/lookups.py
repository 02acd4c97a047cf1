"""Finds the ledger's objects by the names that people type, read as the operator."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from cli.failures import NameUnknownError, OfficerInactiveError
from ledger.identifiers import OfficerId, parse_id
from ledger.members.reading import (
    find_member_by_slug,
    list_members,
    list_offices,
    load_brands_by_member,
    load_members,
    load_officers,
)
from ledger.members.table import Brand, Member, Office, Officer
from ledger.pages import PAGE_SIZE_MAX, Page, PageRequest
from ledger.storage.database import Transaction
from ledger.storage.roles import Role
from ledger.viewer import MemberKind, Viewer, ViewerKind

T = TypeVar("T")


async def read_pages(read_page: Callable[[PageRequest], Awaitable[Page[T]]]) -> list[T]:
    """Read a complete list, page by page."""
    found: list[T] = []
    after: str | None = None
    while True:
        page = await read_page(PageRequest(first=PAGE_SIZE_MAX, after=after))
        found.extend(page.items)
        if not page.has_next_page:
            return found
        after = page.cursors[-1]


async def get_member(tx: Transaction, slug: str, *kinds: MemberKind) -> Member:
    """Return the member with this slug, of one of the kinds if any are named. Errors: NameUnknownError."""
    member = await find_member_by_slug(tx, slug)
    if member is None:
        raise NameUnknownError(f"There is no member {slug!r}.", hint="`jembatan member list` shows every member.")
    if kinds and member.kind not in kinds:
        wanted = " or ".join(kind.value for kind in kinds)
        raise NameUnknownError(f"The member {slug!r} is of kind {member.kind.value}; this needs {wanted}.")
    return member


async def get_brand(tx: Transaction, member: Member, slug: str) -> Brand:
    """Return the member's brand with this slug. Errors: NameUnknownError."""
    brands = (await load_brands_by_member(tx, [member.id]))[member.id]
    for brand in brands:
        if brand.slug == slug:
            return brand
    known = ", ".join(brand.slug for brand in brands) or "none"
    raise NameUnknownError(f"The member {member.slug!r} has no brand {slug!r}; its brands: {known}.")


async def get_office(tx: Transaction, slug: str, *, member_slug: str | None) -> Office:
    """Return the office with this slug, of the named member or of the only regulator. Errors: NameUnknownError."""
    member = await get_member(tx, member_slug) if member_slug is not None else await _get_only_regulator(tx)
    offices = await list_offices(tx, member.id)
    for office in offices:
        if office.slug == slug:
            return office
    known = ", ".join(office.slug for office in offices) or "none"
    raise NameUnknownError(
        f"The member {member.slug!r} has no office {slug!r}; its offices: {known}.",
        hint=f"`jembatan office add {member.slug} {slug} --name NAME` adds it.",
    )


async def get_officer(tx: Transaction, login_or_id: str) -> Officer:
    """Return the officer with a login or an id. Errors: NameUnknownError."""
    from auth.login.logins import find_officer_id

    async with tx.role(Role.AUTH):
        officer_id = await find_officer_id(tx, login_or_id)
    found = await load_officers(tx, [officer_id or OfficerId(login_or_id)])
    officer = found.get(officer_id or parse_id(login_or_id) or "")
    if officer is None:
        raise NameUnknownError(f"There is no officer with the login or id {login_or_id!r}.")
    return officer


async def get_officer_viewer(tx: Transaction, login_or_id: str, *, scope: str) -> Viewer:
    """Return the regulator's officer as a viewer, active and with the scope.

    Errors: NameUnknownError, also for another member's officer; OfficerInactiveError.
    """
    officer = await get_officer(tx, login_or_id)
    member = (await load_members(tx, [officer.member_id]))[officer.member_id]
    if member.kind is not MemberKind.REGULATOR:
        raise NameUnknownError(f"{officer.display_name!r} is an officer of {member.slug!r}, not of the regulator.")
    if officer.disabled_at is not None:
        raise OfficerInactiveError(f"The officer {officer.display_name!r} is disabled.")
    if scope not in officer.scopes:
        raise OfficerInactiveError(f"The officer {officer.display_name!r} lacks the scope {scope}.")
    return Viewer(
        kind=ViewerKind.REGULATOR,
        member_id=officer.member_id,
        officer_id=officer.id,
        office_id=officer.office_id,
    )


def viewer_of(member: Member, *, brand: Brand | None = None) -> Viewer:
    """Return the member's own view, as its systems have it."""
    return Viewer(kind=ViewerKind(member.kind.value), member_id=member.id, brand_id=brand.id if brand else None)


async def get_carrier_viewer(tx: Transaction, slug: str, *, brand_slug: str | None) -> Viewer:
    """Return the view of a carrier's systems, or of those of one brand. Errors: NameUnknownError."""
    member = await get_member(tx, slug, MemberKind.CARRIER)
    return viewer_of(member, brand=await get_brand(tx, member, brand_slug) if brand_slug is not None else None)


async def get_regulator_viewer(tx: Transaction) -> Viewer:
    """Return the only regulator's own view, without an officer: it reads, and decides nothing."""
    return viewer_of(await _get_only_regulator(tx))


async def _get_only_regulator(tx: Transaction) -> Member:
    page = await list_members(tx, PageRequest(first=2), kind=MemberKind.REGULATOR)
    if len(page.items) != 1:
        raise NameUnknownError(
            "There is no regulator yet." if not page.items else "There is more than one regulator.",
            hint="Name the member with --member SLUG.",
        )
    return page.items[0]
