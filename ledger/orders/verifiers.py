"""The officers behind a draft that no officer drafted: those who verified its complaints.

A scheduled forwarding run drafts in nobody's name, so that whoever verified is the first of the two officers who have
seen the matter, and one who verified every complaint of a draft can't issue it as well. Source: docs/adr/0130.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import text

from ledger.errors import FourEyesError
from ledger.identifiers import OfficerId
from ledger.orders.states import OrderState
from ledger.orders.table import BlockOrder
from ledger.storage.database import Transaction

_FIND = text("""
SELECT oc.order_id, array_agg(DISTINCT c.decided_by) AS officer_ids
FROM order_complaints oc JOIN complaints c ON c.id = oc.complaint_id
WHERE oc.order_id = ANY(CAST(:ids AS uuid[])) AND c.decided_by IS NOT NULL GROUP BY oc.order_id
""")


@dataclass(slots=True)
class Verifiers:
    """Who verified the complaints of one call's drafts, of those that no officer drafted."""

    tx: Transaction
    found: dict[str, frozenset[str]] = field(default_factory=dict)

    async def find(self, orders: Mapping[str, BlockOrder]) -> None:
        """Read them for these orders, which are locked, in one statement, if there are such drafts at all."""
        ids = [order.id for order in orders.values() if _is_nobodys(order)]
        if ids:
            rows = await self.tx.execute(_FIND, {"ids": ids})
            self.found = {row.order_id: frozenset(row.officer_ids) for row in rows}

    def require_another(self, order: BlockOrder, officer_id: OfficerId) -> None:
        """Errors: FourEyesError for an officer without whom nobody has verified a complaint behind such a draft."""
        if _is_nobodys(order) and not self.found.get(order.id, frozenset()) - {officer_id}:
            raise FourEyesError(
                "You verified every complaint behind this draft, which a scheduled run made; another officer must "
                "approve it.",
                field="orderId",
            )


def _is_nobodys(order: BlockOrder) -> bool:
    return order.state is OrderState.DRAFT and order.drafted_by is None
