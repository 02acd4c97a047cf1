"""Officers who can approve now. One alone can't issue what they drafted themselves, so fewer than two is a warning."""

from sqlalchemy import ColumnElement, func, select, true

from auth.officers import has_second_factor
from auth.scopes import ORDERS_APPROVE
from auth.settings import AuthSettings
from ledger.members.table import members, officers
from ledger.storage.database import Transaction
from ledger.viewer import MemberKind

APPROVERS_MIN = 2
NO_SECOND_APPROVER = (
    "No second approver is active: an order needs one officer who drafts it and another who approves it. Two enabled "
    "officers need orders:approve{and_factor}."
)


async def count_active_approvers(tx: Transaction, settings: AuthSettings) -> int:
    """Count the regulator's enabled officers who may approve, with a second factor where the settings require it.

    Runs under the AUTH role.
    """
    is_ready: ColumnElement[bool] = true()
    if settings.needs_second_factor([ORDERS_APPROVE]):
        is_ready = has_second_factor(officers.c.id, settings=settings)
    counted = await tx.execute(
        select(func.count())
        .select_from(officers.join(members, members.c.id == officers.c.member_id))
        .where(
            members.c.kind == MemberKind.REGULATOR.value,
            members.c.suspended_at.is_(None),
            officers.c.disabled_at.is_(None),
            officers.c.scopes.contains([ORDERS_APPROVE]),
            is_ready,
        )
    )
    return int(counted.scalar_one())


def render_approver_warning(count: int, settings: AuthSettings) -> str | None:
    """Return the warning in words, or None while at least two officers can approve."""
    if count >= APPROVERS_MIN:
        return None
    needs = settings.needs_second_factor([ORDERS_APPROVE])
    return NO_SECOND_APPROVER.format(and_factor=" and a second factor" if needs else "")
