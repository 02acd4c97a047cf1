"""Whether a provider takes part, and the one lock between those who send signals and those who change who gets them.

Every statement that raises, changes or ends signals holds the lock with the others; whatever starts, changes or ends
a participation, or makes a key, has it alone. So nobody who joins misses a signal that was just being raised. It is
taken after numbers and before signals (docs/adr/0060).
"""

from sqlalchemy import text

from ledger.errors import ForbiddenError
from ledger.identifiers import MemberId
from ledger.participations.table import Participation, in_force, participations
from ledger.storage.database import Transaction
from ledger.storage.roles import Role
from ledger.storage.rows import find_record
from ledger.viewer import Viewer, ViewerKind

_HOLD = text("SELECT pg_advisory_xact_lock_shared(hashtextextended('jembatan.participations', 0))")
_CHANGE = text("SELECT pg_advisory_xact_lock(hashtextextended('jembatan.participations', 0))")

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


async def find_in_force(tx: Transaction, member_id: MemberId | None) -> Participation | None:
    """The terms on which a member takes part now, whoever asks; None where it takes no part."""
    async with tx.role(Role.TRANSITION):
        return await find_record(tx, Participation, participations.c.member_id == member_id, in_force(participations.c))


async def require_participation(tx: Transaction) -> None:
    """Errors: ParticipationMissingError for a provider that has none in force; others need none."""
    if tx.viewer.kind is ViewerKind.OTT_PROVIDER and await find_in_force(tx, tx.viewer.member_id) is None:
        raise ParticipationMissingError


def may_read_signals(viewer: Viewer) -> bool:
    """Whether the viewer's kind reads signals; a provider needs a participation besides."""
    return viewer.kind in SIGNAL_READERS


async def require_signal_reader(tx: Transaction) -> None:
    """Errors: ForbiddenError for a party that reads no signals, ParticipationMissingError."""
    if not may_read_signals(tx.viewer):
        raise ForbiddenError
    await require_participation(tx)
