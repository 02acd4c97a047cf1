"""Whether a provider takes part, and the one lock between those who send signals and those who change who gets them.

Every statement that raises, changes or ends signals holds the lock with the others; whatever starts, changes or ends
a participation, or makes a key, has it alone. So nobody who joins misses a signal that was just being raised. It is
taken after numbers and before signals (docs/adr/0060).
"""

from sqlalchemy import text

from ledger.errors import ForbiddenError
from ledger.storage.database import Transaction
from ledger.storage.roles import Role
from ledger.viewer import Viewer, ViewerKind

_HOLD = text("SELECT pg_advisory_xact_lock_shared(hashtextextended('jembatan.participations', 0))")
_CHANGE = text("SELECT pg_advisory_xact_lock(hashtextextended('jembatan.participations', 0))")
_FIND = text("""
SELECT 1 FROM participations
WHERE member_id = CAST(:member_id AS uuid) AND began_at IS NOT NULL AND ended_at IS NULL
""")

SIGNAL_READERS = frozenset({ViewerKind.REGULATOR, ViewerKind.CARRIER, ViewerKind.OTT_PROVIDER})
"""Those who may read signals at all: an agency contributes and reads none."""


class ParticipationMissingError(ForbiddenError):
    """You have no participation in force: signals are for providers that take part."""

    code = "PARTICIPATION_MISSING"
    hint = "Sign the terms with the regulator; its staff records when your participation starts."


async def hold_participations(tx: Transaction) -> None:
    """Keep who takes part as it is until the transaction ends."""
    await tx.execute(_HOLD)


async def change_participations(tx: Transaction) -> None:
    """Wait for all who hold them, and be alone until the transaction ends."""
    await tx.execute(_CHANGE)


async def require_participation(tx: Transaction) -> None:
    """Errors: ParticipationMissingError for a provider that has none in force; others need none."""
    if tx.viewer.kind is not ViewerKind.OTT_PROVIDER:
        return
    async with tx.role(Role.TRANSITION):
        found = (await tx.execute(_FIND, {"member_id": tx.viewer.member_id})).first()
    if found is None:
        raise ParticipationMissingError


def may_read_signals(viewer: Viewer) -> bool:
    """Whether the viewer's kind reads signals; a provider needs a participation besides."""
    return viewer.kind in SIGNAL_READERS


async def require_signal_reader(tx: Transaction) -> None:
    """Errors: ForbiddenError for a party that reads no signals, ParticipationMissingError."""
    if not may_read_signals(tx.viewer):
        raise ForbiddenError
    await require_participation(tx)
