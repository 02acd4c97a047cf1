"""Members of the shared view, their brands, and the regulator's offices and officers.

Only the regulator and the operator see contacts and officers; every member sees itself and the regulator.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Column, RowMapping, Table, select, update
from sqlalchemy.dialects.postgresql import insert

from ledger.errors import ConflictError, InvalidInputError, UnknownError
from ledger.feed.events import EventDraft, append_events
from ledger.feed.vocabulary import EventKind, Subject
from ledger.identifiers import BrandId, MemberId, OfficeId, OfficerId, new_id, parse_id
from ledger.members.table import brands, members, officers, offices
from ledger.pages import Page, PageRequest, cursor_id, decode_cursor, encode_cursor, rows_after
from ledger.permissions import REGULATOR_OR_OPERATOR, require_kind
from ledger.storage.columns import holds_id
from ledger.storage.database import Transaction
from ledger.storage.roles import Role
from ledger.texts import check_optional_text, check_text
from ledger.viewer import MemberKind, Viewer, ViewerKind

_SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_SCOPE = re.compile(r"[a-z]{1,32}:[a-z]{1,32}")
_NAME_LENGTH_MAX = 200
_CONTACT_LENGTH_MAX = 254
_URL_LENGTH_MAX = 2048
_SCOPES_MAX = 32


class SlugInvalidError(InvalidInputError):
    """This can't be a slug."""

    code = "SLUG_INVALID"
    hint = "Use 1 to 63 lower-case letters, digits and dashes, beginning with a letter or digit."


class SlugTakenError(ConflictError):
    """The slug is taken."""

    code = "SLUG_TAKEN"


class ScopeInvalidError(InvalidInputError):
    """This is no list of scopes."""

    code = "SCOPE_INVALID"


class UrlInvalidError(InvalidInputError):
    """This is no web address."""

    code = "URL_INVALID"
    hint = "Begin with https://."


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
    """Admit a member.

    Errors: ForbiddenError, SlugInvalidError, SlugTakenError, TextInvalidError, TextTooLongError, UrlInvalidError.
    """
    values = {
        "slug": _check_slug(draft.slug),
        "kind": draft.kind,
        "legal_name": _check_name(draft.legal_name, field="legalName"),
        "internet_access": draft.internet_access,
        "contact_name": check_optional_text(draft.contact_name, field="contactName", length_max=_NAME_LENGTH_MAX),
        "contact_email": check_optional_text(draft.contact_email, field="contactEmail", length_max=_CONTACT_LENGTH_MAX),
        "contact_phone": check_optional_text(draft.contact_phone, field="contactPhone", length_max=_CONTACT_LENGTH_MAX),
        "subgraph_url": _check_url(draft.subgraph_url),
        "admitted_at": tx.as_of,
    }
    row = await _insert(tx, members, values)
    await _tell(tx, EventKind.MEMBER_ADMITTED, row["id"], {"slug": draft.slug, "kind": draft.kind})
    return _member(row)


async def add_brand(tx: Transaction, member_id: MemberId, *, slug: str, name: str) -> Brand:
    """Add a brand to a member. Errors: as admit_member, UnknownError."""
    member = await get_member(tx, member_id)
    values = {"member_id": member.id, "slug": _check_slug(slug), "name": _check_name(name, field="name")}
    row = await _insert(tx, brands, values)
    await _tell(tx, EventKind.MEMBER_CHANGED, member.id, {"brand": slug})
    return Brand(**row)


async def add_office(tx: Transaction, member_id: MemberId, *, slug: str, name: str) -> Office:
    """Add an office to a member. Errors: as admit_member, UnknownError."""
    member = await get_member(tx, member_id)
    values = {"member_id": member.id, "slug": _check_slug(slug), "name": _check_name(name, field="name")}
    row = await _insert(tx, offices, values)
    await _tell(tx, EventKind.MEMBER_CHANGED, member.id, {"office": slug})
    return Office(**row)


async def add_officer(tx: Transaction, draft: OfficerDraft) -> Officer:
    """Add an officer to an office. Errors: as admit_member, UnknownError, ScopeInvalidError."""
    require_kind(tx.viewer, REGULATOR_OR_OPERATOR)
    office = (await load_offices(tx, [draft.office_id])).get(draft.office_id)
    if office is None:
        raise UnknownError(field="officeId")
    if len(draft.scopes) > _SCOPES_MAX or not all(_SCOPE.fullmatch(scope) for scope in draft.scopes):
        raise ScopeInvalidError(field="scopes")
    values = {
        "member_id": office.member_id,
        "office_id": office.id,
        "display_name": _check_name(draft.display_name, field="displayName"),
        "scopes": sorted(set(draft.scopes)),
        "created_at": tx.as_of,
    }
    row = await _insert(tx, officers, values)
    await _tell_officer(tx, row, "ADDED")
    return _officer(row)


async def disable_officer(tx: Transaction, officer_id: OfficerId) -> Officer:
    """Disable an officer; one who is disabled already stays as he is. Errors: ForbiddenError, UnknownError."""
    require_kind(tx.viewer, REGULATOR_OR_OPERATOR)
    known = (await load_officers(tx, [officer_id])).get(parse_id(officer_id) or "")
    if known is None:
        raise UnknownError(field="officerId")
    change = (
        update(officers)
        .where(officers.c.id == known.id, officers.c.disabled_at.is_(None))
        .values(disabled_at=tx.as_of)
        .returning(*officers.c)
    )
    async with tx.role(Role.TRANSITION):
        row = (await tx.execute(change)).mappings().one_or_none()
    if row is None:  # disabled before, by us or by another at the same time
        return (await load_officers(tx, [known.id]))[known.id]
    await _tell_officer(tx, row, "DISABLED")
    return _officer(row)


async def get_member(tx: Transaction, member_id: str) -> Member:
    """The member. Errors: UnknownError."""
    member = (await load_members(tx, [member_id])).get(parse_id(member_id) or "")
    if member is None:
        raise UnknownError(field="id")
    return member


async def find_member_by_slug(tx: Transaction, slug: str) -> Member | None:
    """The member of that slug, if the viewer may see it."""
    if not _SLUG.fullmatch(slug):
        return None
    statement = select(*_member_columns(tx.viewer)).where(members.c.slug == slug)
    row = (await tx.execute(statement)).mappings().one_or_none()
    return None if row is None else _member(row)


async def list_members(tx: Transaction, page: PageRequest, *, kind: MemberKind | None = None) -> Page[Member]:
    """Members in the order of their slugs."""
    statement = select(*_member_columns(tx.viewer)).order_by(members.c.slug).limit(page.first + 1)
    if kind is not None:
        statement = statement.where(members.c.kind == kind)
    if page.after is not None:
        after = decode_cursor("members", page.after, length=1)
        statement = statement.where(rows_after([(members.c.slug, False)], after))
    rows = (await tx.execute(statement)).mappings().all()
    items = [_member(row) for row in rows[: page.first]]
    return Page(items, [encode_cursor("members", [item.slug]) for item in items], len(rows) > page.first)


async def load_members(tx: Transaction, ids: Sequence[str]) -> dict[str, Member]:
    """Members by id, those that the viewer may see."""
    rows = await _load(tx, _member_columns(tx.viewer), members.c.id, ids)
    return {row["id"]: _member(row) for row in rows}


async def load_brands(tx: Transaction, ids: Sequence[str]) -> dict[str, Brand]:
    """Brands by id, those that the viewer may see."""
    if tx.viewer.kind is ViewerKind.AGENCY:
        return {}
    return {row["id"]: Brand(**row) for row in await _load(tx, [*brands.c], brands.c.id, ids)}


async def load_brands_by_member(tx: Transaction, member_ids: Sequence[str]) -> dict[str, list[Brand]]:
    """The brands of each member, those that the viewer may see, in the order of their slugs."""
    found: dict[str, list[Brand]] = {member_id: [] for member_id in member_ids}
    if tx.viewer.kind is ViewerKind.AGENCY:
        return found
    for row in sorted(await _load(tx, [*brands.c], brands.c.member_id, member_ids), key=lambda row: str(row["slug"])):
        found.setdefault(row["member_id"], []).append(Brand(**row))
    return found


async def load_offices(tx: Transaction, ids: Sequence[str]) -> dict[str, Office]:
    """Offices by id (regulator, operator); nobody else sees any."""
    if tx.viewer.kind not in REGULATOR_OR_OPERATOR:
        return {}
    return {row["id"]: Office(**row) for row in await _load(tx, [*offices.c], offices.c.id, ids)}


async def load_officers(tx: Transaction, ids: Sequence[str]) -> dict[str, Officer]:
    """Officers by id (regulator, operator); nobody else sees any."""
    if tx.viewer.kind not in REGULATOR_OR_OPERATOR:
        return {}
    return {row["id"]: _officer(row) for row in await _load(tx, [*officers.c], officers.c.id, ids)}


async def list_offices(tx: Transaction, member_id: str) -> list[Office]:
    """A member's offices in the order of their slugs. Errors: ForbiddenError."""
    require_kind(tx.viewer, REGULATOR_OR_OPERATOR)
    rows = await _load(tx, [*offices.c], offices.c.member_id, [member_id])
    return sorted((Office(**row) for row in rows), key=lambda office: office.slug)


async def list_officers(tx: Transaction, page: PageRequest, *, member_id: str | None = None) -> Page[Officer]:
    """Officers, oldest first. Errors: ForbiddenError, CursorInvalidError."""
    require_kind(tx.viewer, REGULATOR_OR_OPERATOR)
    statement = select(officers).order_by(officers.c.id).limit(page.first + 1)
    if member_id is not None:
        statement = statement.where(holds_id(officers.c.member_id, member_id))
    if page.after is not None:
        (after,) = decode_cursor("officers", page.after, length=1)
        statement = statement.where(officers.c.id > cursor_id(after))
    rows = (await tx.execute(statement)).mappings().all()
    items = [_officer(row) for row in rows[: page.first]]
    return Page(items, [encode_cursor("officers", [item.id]) for item in items], len(rows) > page.first)


def _member_columns(viewer: Viewer) -> list[Column[Any]]:
    """Contacts are for the regulator and the operator alone."""
    hidden = set() if viewer.kind in REGULATOR_OR_OPERATOR else _CONTACTS
    return [column for column in members.c if column.name not in hidden]


_CONTACTS = {"contact_name", "contact_email", "contact_phone", "subgraph_url"}


def _member(row: RowMapping) -> Member:
    return Member(**{**row, "kind": MemberKind(row["kind"])})


def _officer(row: RowMapping) -> Officer:
    return Officer(**{**row, "scopes": tuple(row["scopes"])})


async def _load(
    tx: Transaction, columns: Sequence[Column[Any]], key: Column[Any], ids: Sequence[str]
) -> Sequence[RowMapping]:
    """Rows whose key is one of the ids; what can't be an id names nothing."""
    wanted = sorted({parsed for parsed in map(parse_id, ids) if parsed is not None})
    if not wanted:
        return []
    return (await tx.execute(select(*columns).where(key.in_(wanted)))).mappings().all()


async def _insert(tx: Transaction, table: Table, values: Mapping[str, Any]) -> RowMapping:
    """Add one row for those who look after members. Errors: ForbiddenError, SlugTakenError."""
    require_kind(tx.viewer, REGULATOR_OR_OPERATOR)
    statement = insert(table).values(id=new_id(), **values).on_conflict_do_nothing().returning(*table.c)
    async with tx.role(Role.TRANSITION):
        row = (await tx.execute(statement)).mappings().one_or_none()
    if row is None:
        raise SlugTakenError(field="slug")
    return row


async def _tell(tx: Transaction, kind: EventKind, member_id: str, payload: Mapping[str, Any]) -> None:
    draft = EventDraft(
        kind=kind, subject=Subject.MEMBER, subject_id=member_id, audience=[MemberId(member_id)], payload=payload
    )
    await append_events(tx, [draft])


async def _tell_officer(tx: Transaction, row: RowMapping, change: str) -> None:
    """Officers are the regulator's own matter: no other member gets the event."""
    draft = EventDraft(
        kind=EventKind.OFFICER_CHANGED,
        subject=Subject.OFFICER,
        subject_id=row["id"],
        payload={"change": change, "officeId": row["office_id"]},
    )
    await append_events(tx, [draft])


def _check_slug(slug: str) -> str:
    if not _SLUG.fullmatch(slug):
        raise SlugInvalidError(field="slug")
    return slug


def _check_name(name: str, *, field: str) -> str:
    checked = check_text(name, field=field, length_max=_NAME_LENGTH_MAX)
    if not checked:
        raise InvalidInputError("The name is empty.", field=field)
    return checked


def _check_url(url: str | None) -> str | None:
    checked = check_optional_text(url, field="subgraphUrl", length_max=_URL_LENGTH_MAX)
    if checked is not None and not checked.startswith(("https://", "http://")):
        raise UrlInvalidError(field="subgraphUrl")
    return checked
