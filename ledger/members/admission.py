"""Admitting members, adding their brands, and the regulator's offices and officers.

Only the regulator and the operator may do this; each change is an event.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from ledger.errors import ConflictError, InvalidInputError, UnknownError
from ledger.feed.events import EventDraft, append_events
from ledger.feed.vocabulary import EventKind, Subject
from ledger.identifiers import BrandId, MemberId, OfficeId, OfficerId, new_id, parse_id
from ledger.members.reading import get_member, load_offices
from ledger.members.table import Brand, Member, Office, Officer
from ledger.permissions import REGULATOR_OR_OPERATOR, require_kind
from ledger.storage.database import Transaction
from ledger.storage.roles import Role
from ledger.storage.rows import insert_records, lock_records, update_records
from ledger.texts import check_optional_text, check_text
from ledger.viewer import MemberKind

_SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_SCOPE = re.compile(r"[a-z]{1,32}:[a-z]{1,32}")
_NAME_LENGTH_MAX = 200
_CONTACT_LENGTH_MAX = 254
_URL_LENGTH_MAX = 2048
_SCOPES_MAX = 32


class SlugInvalidError(InvalidInputError):
    """This is not a valid slug."""

    code = "SLUG_INVALID"
    hint = "Use 1 to 63 lower-case letters, digits and hyphens, beginning with a letter or digit."


class SlugTakenError(ConflictError):
    """The slug is taken."""

    code = "SLUG_TAKEN"


class ScopeInvalidError(InvalidInputError):
    """This is not a list of scopes."""

    code = "SCOPE_INVALID"


class UrlInvalidError(InvalidInputError):
    """This is not a web address."""

    code = "URL_INVALID"
    hint = "Send an address that begins with https://."


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberDraft:
    """A member to admit."""

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
    """An officer to add to an office."""

    office_id: str
    display_name: str
    scopes: tuple[str, ...] = ()


async def admit_member(tx: Transaction, draft: MemberDraft) -> Member:
    """Admit a member.

    Errors: ForbiddenError, SlugInvalidError, SlugTakenError, TextInvalidError, TextTooLongError, UrlInvalidError.
    """
    member = Member(
        id=MemberId(new_id()),
        slug=_check_slug(draft.slug),
        kind=draft.kind,
        legal_name=_check_name(draft.legal_name, field="legalName"),
        contact_name=check_optional_text(draft.contact_name, field="contactName", length_max=_NAME_LENGTH_MAX),
        contact_email=check_optional_text(draft.contact_email, field="contactEmail", length_max=_CONTACT_LENGTH_MAX),
        contact_phone=check_optional_text(draft.contact_phone, field="contactPhone", length_max=_CONTACT_LENGTH_MAX),
        internet_access=draft.internet_access,
        subgraph_url=_check_url(draft.subgraph_url),
        admitted_at=tx.as_of,
    )
    await _insert(tx, member, slug="uq_members_slug")
    await _tell(tx, EventKind.MEMBER_ADMITTED, member.id, {"slug": member.slug, "kind": member.kind})
    return member


async def add_brand(tx: Transaction, member_id: str, *, slug: str, name: str) -> Brand:
    """Add a brand to a member. Errors: as admit_member, UnknownError."""
    member = await get_member(tx, member_id, field="memberId")
    brand = Brand(
        id=BrandId(new_id()), member_id=member.id, slug=_check_slug(slug), name=_check_name(name, field="name")
    )
    await _insert(tx, brand, slug="uq_brands_member_id_slug")
    await _tell(tx, EventKind.MEMBER_CHANGED, member.id, {"brand": slug})
    return brand


async def add_office(tx: Transaction, member_id: str, *, slug: str, name: str) -> Office:
    """Add an office to a member. Errors: as admit_member, UnknownError."""
    member = await get_member(tx, member_id, field="memberId")
    office = Office(
        id=OfficeId(new_id()), member_id=member.id, slug=_check_slug(slug), name=_check_name(name, field="name")
    )
    await _insert(tx, office, slug="uq_offices_member_id_slug")
    await _tell(tx, EventKind.MEMBER_CHANGED, member.id, {"office": slug})
    return office


async def add_officer(tx: Transaction, draft: OfficerDraft) -> Officer:
    """Add an officer to an office. Errors: as admit_member, UnknownError, ScopeInvalidError."""
    require_kind(tx.viewer, REGULATOR_OR_OPERATOR)
    office = (await load_offices(tx, [draft.office_id])).get(parse_id(draft.office_id) or "")
    if office is None:
        raise UnknownError(field="officeId")
    if len(draft.scopes) > _SCOPES_MAX or not all(_SCOPE.fullmatch(scope) for scope in draft.scopes):
        raise ScopeInvalidError(field="scopes")
    officer = Officer(
        id=OfficerId(new_id()),
        member_id=office.member_id,
        office_id=office.id,
        display_name=_check_name(draft.display_name, field="displayName"),
        scopes=tuple(sorted(set(draft.scopes))),
        created_at=tx.as_of,
    )
    await _insert(tx, officer)
    await _tell_officer(tx, officer, "ADDED")
    return officer


async def disable_officer(tx: Transaction, officer_id: str) -> Officer:
    """Disable an officer; one who is already disabled is left unchanged. Errors: ForbiddenError, UnknownError."""
    require_kind(tx.viewer, REGULATOR_OR_OPERATOR)
    known = parse_id(officer_id)
    if known is None:
        raise UnknownError(field="officerId")
    async with tx.role(Role.TRANSITION):
        officer = (await lock_records(tx, Officer, [known])).get(known)
        if officer is None:
            raise UnknownError(field="officerId")
        if officer.disabled_at is not None:
            return officer
        (disabled,) = await update_records(tx, [(officer, replace(officer, disabled_at=tx.as_of))])
    await _tell_officer(tx, disabled, "DISABLED")
    return disabled


async def _insert(tx: Transaction, record: Member | Brand | Office | Officer, *, slug: str | None = None) -> None:
    """Insert one row, if the viewer may manage members. slug names the constraint that keeps slugs unique.

    Errors: ForbiddenError, SlugTakenError.
    """
    require_kind(tx.viewer, REGULATOR_OR_OPERATOR)
    async with tx.role(Role.TRANSITION):
        await insert_records(tx, [record], violations={slug: partial(SlugTakenError, field="slug")} if slug else None)


async def _tell(tx: Transaction, kind: EventKind, member_id: MemberId, payload: Mapping[str, Any]) -> None:
    draft = EventDraft(kind=kind, subject=Subject.MEMBER, subject_id=member_id, audience=[member_id], payload=payload)
    await append_events(tx, [draft])


async def _tell_officer(tx: Transaction, officer: Officer, change: str) -> None:
    """Append an event about an officer, which no member but the regulator receives."""
    draft = EventDraft(
        kind=EventKind.OFFICER_CHANGED,
        subject=Subject.OFFICER,
        subject_id=officer.id,
        payload={"change": change, "officeId": officer.office_id},
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
