"""Numbers with what carriers were ordered and what providers were asked about them, side by side, for the regulator.

Neither instrument reads the other: both write where they stand of a number into the number's own row.
"""

from dataclasses import dataclass
from typing import Annotated, Any

from sqlalchemy import ColumnElement, literal_column, or_

from ledger.filters import among, equals, where, whether
from ledger.lists import RecordList
from ledger.numbers.table import PhoneNumber, phone_numbers
from ledger.numbers.vocabulary import AccountStanding, NumberStatus
from ledger.pages import Listing, Page, PageRequest
from ledger.storage.database import Transaction
from ledger.storage.roles import Role
from ledger.viewer import ViewerKind

# As text, so that the plan knows that the index of what providers were asked has all of these rows.
_BLOCKED_SIM_LIVE_ACCOUNT: ColumnElement[bool] = literal_column(
    "phone_numbers.account_standing <> 'NOT_ASKED' AND phone_numbers.account_standing <> 'ACTIONED' "
    "AND phone_numbers.status = 'BLOCKED'"
)
_LIVE_SIM_ACTIONED_ACCOUNT: ColumnElement[bool] = literal_column(
    "phone_numbers.account_standing <> 'NOT_ASKED' AND phone_numbers.account_standing = 'ACTIONED' "
    "AND phone_numbers.status <> 'BLOCKED'"
)


def _is_blocked_with_live_account(_record: type[Any], wanted: bool) -> ColumnElement[bool]:  # noqa: FBT001
    return whether(_BLOCKED_SIM_LIVE_ACCOUNT.self_group(), wanted)


def _is_live_with_actioned_account(_record: type[Any], wanted: bool) -> ColumnElement[bool]:  # noqa: FBT001
    return whether(_LIVE_SIM_ACTIONED_ACCOUNT.self_group(), wanted)


@dataclass(frozen=True, slots=True, kw_only=True)
class SideBySideFilter:
    """Which numbers to return. An empty tuple or None does not filter."""

    number: Annotated[str | None, equals("e164")] = None
    statuses: Annotated[tuple[NumberStatus, ...], among("status")] = ()
    account_standings: Annotated[tuple[AccountStanding, ...], among("account_standing")] = ()
    is_blocked_sim_live_account: Annotated[
        bool | None, where(_is_blocked_with_live_account, Role.REGULATOR, is_literal=True)
    ] = None
    is_live_sim_actioned_account: Annotated[
        bool | None, where(_is_live_with_actioned_account, Role.REGULATOR, is_literal=True)
    ] = None


def _is_requested() -> ColumnElement[bool]:
    c = phone_numbers.c
    return or_(c.status != NumberStatus.CLEAR.value, c.account_standing != AccountStanding.NOT_ASKED.value)


SIDE_BY_SIDE = RecordList(
    PhoneNumber,
    {None: Listing("block_requests", PhoneNumber, ("e164",))},
    SideBySideFilter,
    kinds=frozenset({ViewerKind.REGULATOR}),
    conditions={None: _is_requested},
)


async def list_side_by_side(
    tx: Transaction, page: PageRequest, wanted: SideBySideFilter | None = None
) -> Page[PhoneNumber]:
    """Return a page of the numbers that are ordered blocked or were referred. Errors: ForbiddenError."""
    return await SIDE_BY_SIDE.fetch(tx, page, wanted)
