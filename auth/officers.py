"""Officers as the grants see them: who may act now, and with which scopes.

Nothing here is remembered: an officer is looked up again for every grant. Synchronous; runs inside the connection's
run_sync.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select

from auth.rows import read_record
from ledger.identifiers import MemberId, OfficeId, OfficerId
from ledger.members.table import members, officers


@dataclass(frozen=True, slots=True, kw_only=True)
class ActiveOfficer:
    """An officer who may act now: neither disabled nor of a suspended member."""

    officer_id: OfficerId
    member_id: MemberId
    office_id: OfficeId
    scopes: Sequence[str]

    def get_user_id(self) -> str:
        """Return the `sub` claim of the officer's tokens."""
        return self.officer_id


def find_officer(connection: Connection, officer_id: str) -> ActiveOfficer | None:
    """Return the officer, unless the officer is disabled or the member suspended."""
    row = connection.execute(
        select(officers.c.id.label("officer_id"), officers.c.member_id, officers.c.office_id, officers.c.scopes)
        .join(members, members.c.id == officers.c.member_id)
        .where(officers.c.id == officer_id, officers.c.disabled_at.is_(None), members.c.suspended_at.is_(None))
    ).first()
    return read_record(ActiveOfficer, row)
