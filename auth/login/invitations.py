"""Invitations: links for one use, with which an officer who has no login yet chooses one.

A member's administrator invites its own officers, and the regulator or the operator the first of them. The regulator's
own officers are added on the command line. Only a hash of the link's secret is stored. Whoever holds the link becomes
that officer, once; what the officer may do still asks for a second factor, which the first login has them set up.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlencode

from sqlalchemy import delete, exists, insert, select

from auth.errors import AuthError
from auth.hashed_secrets import generate_secret, hash_secret
from auth.login.logins import insert_login
from auth.login.sessions import end_sessions_of_officer
from auth.login.table import officer_invitations, officer_logins
from auth.outcomes import AccountEvent, AccountOutcome, record_outcome
from auth.protocol.ended_grants import end_officer_grants
from auth.scopes import check_scopes
from auth.settings import AuthSettings
from ledger.errors import UnknownError
from ledger.identifiers import OfficerId
from ledger.members.admission import (
    InvitationRefusedError,
    OfficerDraft,
    ScopeInvalidError,
    add_officer,
    change_scopes,
    disable_officer,
    lock_officer,
    tell_officer,
)
from ledger.members.reading import get_member, load_offices
from ledger.members.table import Officer, members, officers
from ledger.members.vocabulary import OfficerChange
from ledger.permissions import require_officer_or_operator
from ledger.storage.database import Transaction
from ledger.storage.roles import Role
from ledger.viewer import MemberKind

INVITATION = "/oauth/invitation"


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """An officer who may now choose a login, and the link, which is shown this once."""

    officer: Officer
    url: str
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class InvitedOfficer:
    """Whom a link that is still valid is for."""

    officer_id: OfficerId
    display_name: str
    member_name: str


async def admit_officer(tx: Transaction, draft: OfficerDraft) -> Officer:
    """Add an officer with scopes that the member's kind may have. Errors: those of add_officer; ScopeInvalidError."""
    office = (await load_offices(tx, [draft.office_id])).get(draft.office_id)
    if office is None:
        raise UnknownError(field="officeId")
    await _check_scopes(tx, office.member_id, draft.scopes)
    return await add_officer(tx, draft)


async def invite_officer(tx: Transaction, draft: OfficerDraft, *, settings: AuthSettings) -> Invitation:
    """Add an officer of a member other than the regulator, with a link to choose a login.

    Errors: as admit_officer, OfficerRequiredError for a system of the regulator's, InvitationRefusedError.
    """
    _require_person(tx)
    return await _invite(tx, await admit_officer(tx, draft), settings)


async def invite_officer_again(tx: Transaction, officer_id: str, *, settings: AuthSettings) -> Invitation:
    """Replace the link of an officer who has no login yet; the former one ends.

    Errors: those of lock_officer, OfficerRequiredError, InvitationRefusedError.
    """
    _require_person(tx)
    async with tx.role(Role.TRANSITION):
        officer = await lock_officer(tx, officer_id)
    return await _invite(tx, officer, settings)


async def change_officer_scopes(
    tx: Transaction, officer_id: str, scopes: Sequence[str], *, settings: AuthSettings
) -> Officer:
    """Replace what an officer may do. What applications were granted ends, and follows the new scopes when they return.

    Errors: those of change_scopes; ScopeInvalidError.
    """
    async with tx.role(Role.TRANSITION):
        officer = await lock_officer(tx, officer_id)
    await _check_scopes(tx, officer.member_id, scopes)
    changed = await change_scopes(tx, officer_id, scopes)
    if changed.scopes != officer.scopes:
        async with tx.role(Role.AUTH):
            await end_officer_grants(tx, changed.id, settings=settings)
    return changed


async def shut_out_officer(tx: Transaction, officer_id: str, *, settings: AuthSettings) -> Officer:
    """Disable an officer: sessions, grants and an open invitation end with it. Errors: those of disable_officer."""
    disabled = await disable_officer(tx, officer_id)
    async with tx.role(Role.AUTH):
        await tx.execute(delete(officer_invitations).where(officer_invitations.c.officer_id == disabled.id))
        await end_sessions_of_officer(tx, disabled.id)
        await end_officer_grants(tx, disabled.id, settings=settings)
    return disabled


async def find_invited(tx: Transaction, token: str) -> InvitedOfficer | None:
    """Return whom the link is for, while it is valid and the officer may act. Runs under the AUTH role."""
    found = await tx.execute(
        select(officers.c.id, officers.c.display_name, members.c.legal_name)
        .select_from(officer_invitations)
        .join(officers, officers.c.id == officer_invitations.c.officer_id)
        .join(members, members.c.id == officers.c.member_id)
        .where(
            officer_invitations.c.token_hash == hash_secret(token),
            officer_invitations.c.expires_at > tx.as_of,
            officers.c.disabled_at.is_(None),
            members.c.suspended_at.is_(None),
        )
    )
    row = found.first()
    if row is None:
        return None
    return InvitedOfficer(officer_id=row.id, display_name=row.display_name, member_name=row.legal_name)


async def use_invitation(tx: Transaction, token: str, *, login: str, password_hash: str) -> bool:
    """Use up the link for a login of its officer; returns whether it was still valid. Runs under the AUTH role.

    login is normalised. Errors: LoginTakenError, with nothing written once the transaction is rolled back.
    """
    invited = await find_invited(tx, token)
    used = await tx.execute(
        delete(officer_invitations)
        .where(officer_invitations.c.token_hash == hash_secret(token))
        .returning(officer_invitations.c.officer_id)
    )
    # Of two uses at once, the second finds the row gone.
    if invited is None or used.first() is None:
        return False
    await insert_login(tx, officer_id=invited.officer_id, login=login, password_hash=password_hash)
    told = AccountEvent(outcome=AccountOutcome.INVITATION_USED, officer_id=invited.officer_id)
    await record_outcome(tx, told)
    return True


async def _invite(tx: Transaction, officer: Officer, settings: AuthSettings) -> Invitation:
    member = await get_member(tx, officer.member_id, field="officerId")
    token, expires_at = generate_secret(), tx.as_of + timedelta(hours=settings.invitation_hours)
    async with tx.role(Role.AUTH):
        has_login = await tx.execute(select(exists().where(officer_logins.c.officer_id == officer.id)))
        if member.kind is MemberKind.REGULATOR or officer.disabled_at is not None or has_login.scalar_one():
            raise InvitationRefusedError(field="officerId")
        await tx.execute(delete(officer_invitations).where(officer_invitations.c.officer_id == officer.id))
        row = {
            "token_hash": hash_secret(token),
            "officer_id": officer.id,
            "created_at": tx.as_of,
            "expires_at": expires_at,
        }
        await tx.execute(insert(officer_invitations).values(row))
    await tell_officer(tx, officer, OfficerChange.INVITED)
    url = f"{settings.issuer}{INVITATION}?{urlencode({'token': token})}"
    return Invitation(officer=officer, url=url, expires_at=expires_at)


def _require_person(tx: Transaction) -> None:
    """Errors: OfficerRequiredError for a system of the regulator's; others are checked where officers are changed."""
    if tx.viewer.is_regulator:
        require_officer_or_operator(tx.viewer)


async def _check_scopes(tx: Transaction, member_id: str, scopes: Sequence[str]) -> None:
    """Errors: ScopeInvalidError, which a client of the graph reads."""
    member = await get_member(tx, member_id, field="memberId")
    try:
        check_scopes(scopes, kind=member.kind, is_machine_only=False)
    except AuthError as error:
        raise ScopeInvalidError(error.message, field="scopes") from error
