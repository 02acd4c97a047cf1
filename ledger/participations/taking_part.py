"""Whether a provider takes part, and the lock between sending signals and changing who receives them.

Every transaction that raises, changes or ends signals holds the lock in shared mode; one that starts, changes or ends
a participation, or makes a key, holds it exclusively. A provider that joins therefore misses no signal that is being
raised. The lock is taken after numbers and before signals (docs/adr/0060).
"""

from sqlalchemy import text

from ledger.errors import ForbiddenError
from ledger.identifiers import MemberId
from ledger.members.acting import hold_officer
from ledger.participations.table import Participation, in_force, participations
from ledger.storage.database import Transaction
from ledger.storage.roles import Role
from ledger.storage.rows import find_record
from ledger.viewer import Viewer, ViewerKind

_HOLD = text("SELECT pg_advisory_xact_lock_shared(hashtextextended('jembatan.participations', 0))")
_CHANGE = text("SELECT pg_advisory_xact_lock(hashtextextended('jembatan.participations', 0))")

SIGNAL_READERS = frozenset({ViewerKind.REGULATOR, ViewerKind.CARRIER, ViewerKind.OTT_PROVIDER})
"""The kinds of viewer that may read signals; an agency contributes and reads none."""


class ParticipationMissingError(ForbiddenError):
    """You have no participation in force; signals are only for providers that take part."""

    code = "PARTICIPATION_MISSING"
    hint = "Sign the terms with the regulator; its staff records when your participation starts."


async def hold_participations(tx: Transaction) -> None:
    """Prevent changes to participations until the transaction ends."""
    await tx.execute(_HOLD)


async def change_participations(tx: Transaction) -> None:
    """Wait for all holders, then hold the lock exclusively until the transaction ends."""
    await tx.execute(_CHANGE)


async def begin_change(tx: Transaction) -> None:
    """As change_participations, for what somebody does: an officer who acts must still be one. Runs as TRANSITION.

    Errors: OfficerDisabledError.
    """
    await change_participations(tx)
    await hold_officer(tx)


async def find_in_force(tx: Transaction, member_id: MemberId | None) -> Participation | None:
    """Return a member's participation in force, whoever the viewer is, or None if it takes no part."""
    async with tx.role(Role.TRANSITION):
        return await find_record(tx, Participation, participations.c.member_id == member_id, in_force(participations.c))


async def require_participation(tx: Transaction) -> None:
    """Errors: ParticipationMissingError for a provider that has none in force; others need none."""
    if tx.viewer.kind is ViewerKind.OTT_PROVIDER and await find_in_force(tx, tx.viewer.member_id) is None:
        raise ParticipationMissingError


def may_read_signals(viewer: Viewer) -> bool:
    """Whether the viewer's kind may read signals; a provider also needs a participation."""
    return viewer.kind in SIGNAL_READERS


async def require_signal_reader(tx: Transaction) -> None:
    """Errors: ForbiddenError for a party that may not read signals, ParticipationMissingError."""
    if not may_read_signals(tx.viewer):
        raise ForbiddenError
    await require_participation(tx)
