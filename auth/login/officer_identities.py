"""Officers' identities at the regulator's own OpenID provider: one link for each of the provider's subjects.

An officer may have several identities and logins and is still one officer to the four-eyes rule. Only officers of a
regulator can be linked, since the provider is the regulator's and must not identify anyone else. Runs under the AUTH
role.
"""

from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import delete, select
from sqlalchemy import insert as insert_plain
from sqlalchemy.dialects.postgresql import insert

from auth.errors import IdentityInvalidError, IdentityTakenError, IdentityUnknownError, OfficerUnknownError
from auth.hashed_secrets import hash_secret
from auth.login.table import login_sessions, officer_identities, provider_logins
from ledger.identifiers import OfficerId, parse_id
from ledger.members.table import members, officers
from ledger.storage.database import Transaction
from ledger.viewer import MemberKind

_LENGTH_MAX = 255


class OfficerIdentity(NamedTuple):
    """A link as it is listed for an operator."""

    issuer: str
    subject: str
    officer_id: OfficerId
    linked_at: datetime


async def link_identity(tx: Transaction, *, issuer: str, subject: str, officer_id: OfficerId) -> None:
    """Link a subject of the provider to the officer.

    Errors: IdentityInvalidError, OfficerUnknownError (also for another member's officer), IdentityTakenError.
    """
    if not subject.isprintable() or not 1 <= len(subject) <= _LENGTH_MAX:
        raise IdentityInvalidError(field="subject")
    if (await tx.execute(_officer(officer_id))).first() is None:
        raise OfficerUnknownError("There is no such officer of a regulator.", field="officerId")
    row = {"issuer": issuer, "subject": subject, "officer_id": officer_id, "linked_at": tx.as_of}
    made = await tx.execute(
        insert(officer_identities)
        .values(row)
        .on_conflict_do_nothing(index_elements=[officer_identities.c.issuer, officer_identities.c.subject])
        .returning(officer_identities.c.officer_id)
    )
    if made.first() is None:
        raise IdentityTakenError(field="subject")


async def unlink_identity(tx: Transaction, *, issuer: str, subject: str) -> None:
    """Remove a link; the sessions that a provider opened for the officer end. Errors: IdentityUnknownError."""
    gone = await tx.execute(
        delete(officer_identities)
        .where(officer_identities.c.issuer == issuer, officer_identities.c.subject == subject)
        .returning(officer_identities.c.officer_id)
    )
    officer_id = gone.scalar_one_or_none()
    if officer_id is None:
        raise IdentityUnknownError(field="subject")
    await tx.execute(
        delete(login_sessions).where(login_sessions.c.officer_id == officer_id, login_sessions.c.login_id.is_(None))
    )


async def list_identities(tx: Transaction) -> list[OfficerIdentity]:
    """List every link, by issuer and subject."""
    found = await tx.execute(
        select(*(officer_identities.c[name] for name in OfficerIdentity._fields)).order_by(
            officer_identities.c.issuer, officer_identities.c.subject
        )
    )
    return [OfficerIdentity._make(row) for row in found]


async def find_identity_officer(tx: Transaction, *, issuer: str, subject: str) -> OfficerId | None:
    """Return the officer that the subject is linked to, if the officer may act now."""
    if "\x00" in subject:
        return None
    found = await tx.execute(
        _officer(None)
        .join(officer_identities, officer_identities.c.officer_id == officers.c.id)
        .where(
            officer_identities.c.issuer == issuer,
            officer_identities.c.subject == subject,
            officers.c.disabled_at.is_(None),
            members.c.suspended_at.is_(None),
        )
    )
    return found.scalar_one_or_none()


async def remember_departure(tx: Transaction, *, state: str, browser_secret: str, query: str, lifetime_s: int) -> None:
    """Record that this browser leaves for the provider, to return to this authorization request."""
    row = {
        "state_hash": hash_secret(state),
        "browser_hash": hash_secret(browser_secret),
        "query": query,
        "expires_at": tx.as_of + timedelta(seconds=lifetime_s),
    }
    await tx.execute(insert_plain(provider_logins).values(row))


async def take_departure(tx: Transaction, *, state: str, browser_secret: str) -> str | None:
    """Return, once, the authorization request that this browser left with; None if it did not leave with this state."""
    found = await tx.execute(
        delete(provider_logins)
        .where(
            provider_logins.c.state_hash == hash_secret(state),
            provider_logins.c.browser_hash == hash_secret(browser_secret),
            provider_logins.c.expires_at > tx.as_of,
        )
        .returning(provider_logins.c.query)
    )
    return found.scalar_one_or_none()


def _officer(officer_id: str | None) -> Any:
    statement = (
        select(officers.c.id)
        .join(members, members.c.id == officers.c.member_id)
        .where(members.c.kind == MemberKind.REGULATOR.value)
    )
    return statement if officer_id is None else statement.where(officers.c.id == parse_id(officer_id))
