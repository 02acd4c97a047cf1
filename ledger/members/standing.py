"""How many members there are. Counts alone, for operators."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select

from ledger.members.table import members
from ledger.storage.database import Transaction
from ledger.viewer import MemberKind


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberCount:
    """How many members of one kind were admitted, and how many of them are suspended."""

    kind: MemberKind
    admitted: int
    suspended: int


async def count_members(tx: Transaction) -> Sequence[MemberCount]:
    """Count by kind, in one statement; a kind without members is left out. Runs under the REGULATOR role."""
    c = members.c
    counted = await tx.execute(
        select(c.kind, func.count().label("admitted"), func.count(c.suspended_at).label("suspended"))
        .group_by(c.kind)
        .order_by(c.kind)
    )
    return [MemberCount(kind=MemberKind(row.kind), admitted=row.admitted, suspended=row.suspended) for row in counted]
