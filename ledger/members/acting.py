"""Officers whose act nobody could take back later: they must not have been disabled before it is written.

A token is good for up to some seconds after its officer was disabled (docs/adr/0041); a signature, a confirmation or a
change of other officers would outlast that.
"""

from ledger.errors import ForbiddenError
from ledger.members.table import Officer, officers
from ledger.storage.database import Transaction
from ledger.storage.rows import fetch_records, select_records


class OfficerDisabledError(ForbiddenError):
    """You are no longer an officer who may act."""

    code = "OFFICER_DISABLED"
    hint = "Ask an administrator of your member, or the regulator."


async def hold_officer(tx: Transaction) -> None:
    """Keep the officer who is the viewer, if one is, from being disabled until the transaction ends.

    Runs under the TRANSITION role. Errors: OfficerDisabledError.
    """
    if tx.viewer.officer_id is None:
        return
    c, viewer = officers.c, tx.viewer
    held = select_records(tx, Officer).where(c.id == viewer.officer_id, c.member_id == viewer.member_id)
    check_enabled(*await fetch_records(tx, Officer, held.with_for_update(read=True)))


def check_enabled(*found: Officer) -> None:
    """Errors: OfficerDisabledError, also if there is none."""
    if not found or any(officer.disabled_at is not None for officer in found):
        raise OfficerDisabledError
