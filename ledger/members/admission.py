"""Admitting members, adding their brands and offices, and looking after officers.

Only the regulator and the operator may do this; of its own officers alone, also a member's administrator. Each change
is an event.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from ledger.errors import ConflictError, InvalidInputError, UnknownError
from ledger.feed.events import EventDraft, append_events
from ledger.feed.vocabulary import EventKind, Subject
from ledger.identifiers import BrandId, MemberId, OfficeId, OfficerId, new_id, parse_id
from ledger.members.acting import check_enabled, hold_officer
from ledger.members.reading import get_member, load_offices
from ledger.members.table import Brand, Member, Office, Officer
from ledger.members.vocabulary import OfficerChange
from ledger.permissions import REGULATOR_OR_OPERATOR, require_administrator, require_kind
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


class OwnAccountError(ConflictError):
    """Nobody changes or disables their own account as an administrator, so that one always remains."""

    code = "OWN_ACCOUNT"
    hint = "Ask another administrator of your member, or the regulator."


class InvitationRefusedError(ConflictError):
    """This officer can't be invited: the regulator's are added on the command line, and who has a login needs none."""

    code = "INVITATION_REFUSED"


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
    require_kind(tx.viewer, REGULATOR_OR_OPERATOR)
    member = await get_member(tx, member_id, field="memberId")
    brand = Brand(
        id=BrandId(new_id()), member_id=member.id, slug=_check_slug(slug), name=_check_name(name, field="name")
    )
    await _insert(tx, brand, slug="uq_brands_member_id_slug")
    await _tell(tx, EventKind.MEMBER_CHANGED, member.id, {"brand": slug})
    return brand


async def add_office(tx: Transaction, member_id: str, *, slug: str, name: str) -> Office:
    """Add an office to a member. Errors: as admit_member, UnknownError."""
    require_kind(tx.viewer, REGULATOR_OR_OPERATOR)
    member = await get_member(tx, member_id, field="memberId")
    office = Office(
        id=OfficeId(new_id()), member_id=member.id, slug=_check_slug(slug), name=_check_name(name, field="name")
    )
    await _insert(tx, office, slug="uq_offices_member_id_slug")
    await _tell(tx, EventKind.MEMBER_CHANGED, member.id, {"office": slug})
    return office


async def add_officer(tx: Transaction, draft: OfficerDraft) -> Officer:
    """Add an officer to an office: of any member, or of the administrator's own.

    Whether the member's kind may have the scopes is checked by auth, which knows them.
    Errors: as admit_member, OfficerRequiredError, UnknownError, ScopeInvalidError.
    """
    _find_owner(tx)
    office = (await load_offices(tx, [draft.office_id])).get(parse_id(draft.office_id) or "")
    if office is None:
        raise UnknownError(field="officeId")
    scopes = _check_scopes(draft.scopes)
    officer = Officer(
        id=OfficerId(new_id()),
        member_id=office.member_id,
        office_id=office.id,
        display_name=_check_name(draft.display_name, field="displayName"),
        scopes=scopes,
        created_at=tx.as_of,
    )
    async with tx.role(Role.TRANSITION):
        await hold_officer(tx)
        await insert_records(tx, [officer])
    await tell_officer(tx, officer, OfficerChange.ADDED)
    return officer


async def disable_officer(tx: Transaction, officer_id: str) -> Officer:
    """Disable an officer; one who is already disabled is left unchanged.

    Errors: ForbiddenError, OfficerRequiredError, UnknownError, OwnAccountError.
    """
    async with tx.role(Role.TRANSITION):
        officer = await lock_officer(tx, officer_id)
        if officer.disabled_at is not None:
            return officer
        (disabled,) = await update_records(tx, [(officer, replace(officer, disabled_at=tx.as_of))])
    await tell_officer(tx, disabled, OfficerChange.DISABLED)
    return disabled


async def change_scopes(tx: Transaction, officer_id: str, scopes: Sequence[str]) -> Officer:
    """Replace what an officer may do; auth checks first whether the member's kind may.

    Errors: ForbiddenError, OfficerRequiredError, UnknownError, OwnAccountError, ScopeInvalidError.
    """
    wanted = _check_scopes(scopes)
    async with tx.role(Role.TRANSITION):
        officer = await lock_officer(tx, officer_id)
        if officer.scopes == wanted:
            return officer
        (changed,) = await update_records(tx, [(officer, replace(officer, scopes=wanted))])
    await tell_officer(tx, changed, OfficerChange.SCOPES_CHANGED)
    return changed


async def lock_officer(tx: Transaction, officer_id: str) -> Officer:
    """Lock an officer whom the viewer looks after. Runs under the TRANSITION role.

    Errors: ForbiddenError, OfficerRequiredError, OfficerDisabledError; UnknownError, also for another member's officer;
    OwnAccountError.
    """
    owner, acting = _find_owner(tx)
    known = parse_id(officer_id)
    # Beside the administrator: of two who disable each other, one remains.
    found = await lock_records(tx, Officer, [each for each in (known, acting) if each is not None])
    if acting is not None:
        check_enabled(*([found[acting]] if acting in found else []))
    officer = found.get(known or "")
    if officer is None or (owner is not None and officer.member_id != owner):
        raise UnknownError(field="officerId")
    if officer.id == acting:
        raise OwnAccountError(field="officerId")
    return officer


def _find_owner(tx: Transaction) -> tuple[MemberId | None, OfficerId | None]:
    """The member whose officers the viewer looks after, and its administrator; None for who looks after all members'.

    Errors: ForbiddenError, OfficerRequiredError.
    """
    if tx.viewer.kind in REGULATOR_OR_OPERATOR:
        return None, None
    officer_id, member_id = require_administrator(tx.viewer)
    return member_id, officer_id


def _check_scopes(scopes: Sequence[str]) -> tuple[str, ...]:
    if len(scopes) > _SCOPES_MAX or not all(_SCOPE.fullmatch(scope) for scope in scopes):
        raise ScopeInvalidError(field="scopes")
    return tuple(sorted(set(scopes)))


async def _insert(tx: Transaction, record: Member | Brand | Office, *, slug: str) -> None:
    """Insert one row, if the viewer may manage members. slug names the constraint that keeps slugs unique.

    Errors: ForbiddenError, SlugTakenError.
    """
    require_kind(tx.viewer, REGULATOR_OR_OPERATOR)
    async with tx.role(Role.TRANSITION):
        await insert_records(tx, [record], violations={slug: partial(SlugTakenError, field="slug")})


async def _tell(tx: Transaction, kind: EventKind, member_id: MemberId, payload: Mapping[str, Any]) -> None:
    draft = EventDraft(kind=kind, subject=Subject.MEMBER, subject_id=member_id, audience=[member_id], payload=payload)
    await append_events(tx, [draft])


async def tell_officer(tx: Transaction, officer: Officer, change: OfficerChange) -> None:
    """Append an event about an officer: for the officer's member, unless that is the regulator."""
    member = await get_member(tx, officer.member_id, field="memberId")
    draft = EventDraft(
        kind=EventKind.OFFICER_CHANGED,
        subject=Subject.OFFICER,
        subject_id=officer.id,
        audience=[] if member.kind is MemberKind.REGULATOR else [member.id],
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
