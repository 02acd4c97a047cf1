"""Officers as the grants see them: who may act now, and with which scopes.

Nothing here is remembered: an officer is looked up again for every grant. Synchronous; runs inside the connection's
run_sync.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Text, Uuid, column, exists, or_, select, table

from auth.settings import AuthSettings
from ledger.identifiers import MemberId, OfficeId, OfficerId
from ledger.members.table import members, officers

# The tables are login's, which is above; only these columns are needed here.
_LOGINS = table("officer_logins", column("officer_id", Uuid(as_uuid=False)), column("totp_confirmed_at"))
_IDENTITIES = table("officer_identities", column("officer_id", Uuid(as_uuid=False)), column("issuer", Text))


@dataclass(frozen=True, slots=True, kw_only=True)
class ActiveOfficer:
    """An officer who may act now: neither disabled nor of a suspended member.

    scopes are those that can be granted now: without the second factor that the settings require for one, it is left
    out.
    """

    officer_id: OfficerId
    member_id: MemberId
    office_id: OfficeId
    scopes: Sequence[str]

    def get_user_id(self) -> str:
        """Return the `sub` claim of the officer's tokens."""
        return self.officer_id


def find_officer(connection: Connection, officer_id: str, *, settings: AuthSettings) -> ActiveOfficer | None:
    """Return the officer, unless the officer is disabled or the member suspended."""
    row = connection.execute(
        select(
            officers.c.member_id,
            officers.c.office_id,
            officers.c.scopes,
            has_second_factor(officers.c.id, settings=settings).label("has_second_factor"),
        )
        .join(members, members.c.id == officers.c.member_id)
        .where(officers.c.id == officer_id, officers.c.disabled_at.is_(None), members.c.suspended_at.is_(None))
    ).first()
    if row is None:
        return None
    scopes = [scope for scope in row.scopes if row.has_second_factor or not settings.needs_second_factor([scope])]
    return ActiveOfficer(
        officer_id=OfficerId(officer_id), member_id=row.member_id, office_id=row.office_id, scopes=scopes
    )


def has_second_factor(officer_id: ColumnElement[Any], *, settings: AuthSettings) -> ColumnElement[bool]:
    """Return the condition that a login of the officer has a second factor, or the regulator's provider knows them.

    Which factors the provider asks for is the provider's own; JEMBATAN_OPENID_REQUIRED_CLAIM can insist on them.
    """
    confirmed = exists().where(_LOGINS.c.officer_id == officer_id, _LOGINS.c.totp_confirmed_at.is_not(None))
    if not settings.openid_issuer:
        return confirmed
    known = exists().where(_IDENTITIES.c.officer_id == officer_id, _IDENTITIES.c.issuer == settings.openid_issuer)
    return or_(confirmed, known)
