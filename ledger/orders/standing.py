"""How block orders stand: what waits for an officer and what for a carrier. Counts alone, for metrics and operators."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import and_, func, select

from ledger.identifiers import MemberId
from ledger.orders.reading import HAS_PROPOSAL, IS_HELD
from ledger.orders.states import AWAITING_CARRIER, UNANSWERED, OrderState
from ledger.orders.table import BlockOrder, block_orders
from ledger.storage.database import Transaction
from ledger.storage.records import expression_of

_WAITING = (OrderState.DRAFT, *sorted(AWAITING_CARRIER))


@dataclass(frozen=True, slots=True, kw_only=True)
class CarrierStanding:
    """One carrier's orders, of which the drafts are the regulator's to issue.

    drafts_held are among the drafts: they need a written override. open are issued, and the carrier still has to act;
    overdue are those of them whose due time has passed, and unanswered those of these that it confirmed in
    no way, not even their receipt; a request for more time is no confirmation.
    """

    drafts: int
    drafts_held: int
    open: int
    overdue: int
    unanswered: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposalStanding:
    """What else waits for a second officer: proposals of issued orders, and what one officer issued alone."""

    proposals: int
    unconfirmed: int


async def count_waiting_orders(tx: Transaction) -> Mapping[MemberId, CarrierStanding]:
    """Count by carrier, in one statement; a carrier of whose orders none waits is not in it.

    Runs under the REGULATOR role, for the installation and not for a viewer.
    """
    c = block_orders.c
    is_overdue = expression_of(BlockOrder, "is_overdue")
    is_silent = c.state.in_([state.value for state in sorted(UNANSWERED)])
    counted = await tx.execute(
        select(
            c.carrier_id,
            func.count().filter(c.state == OrderState.DRAFT.value).label("drafts"),
            func.count().filter(IS_HELD).label("drafts_held"),
            func.count().filter(c.state.in_([state.value for state in sorted(AWAITING_CARRIER)])).label("open"),
            func.count().filter(is_overdue).label("overdue"),
            func.count().filter(and_(is_overdue, is_silent)).label("unanswered"),
        )
        .where(c.state.in_([state.value for state in _WAITING]))
        .group_by(c.carrier_id),
        {"as_of": tx.as_of},
    )
    found = [dict(row) for row in counted.mappings()]
    return {MemberId(row.pop("carrier_id")): CarrierStanding(**row) for row in found}


async def count_waiting_proposals(tx: Transaction) -> ProposalStanding:
    """Count in one statement. Runs under the REGULATOR role, for the installation and not for a viewer."""
    counted = await tx.execute(
        select(
            select(func.count()).select_from(block_orders).where(HAS_PROPOSAL).scalar_subquery().label("proposals"),
            select(func.count())
            .select_from(block_orders)
            .where(expression_of(BlockOrder, "is_unconfirmed"))
            .scalar_subquery()
            .label("unconfirmed"),
        )
    )
    return ProposalStanding(**counted.mappings().one())
