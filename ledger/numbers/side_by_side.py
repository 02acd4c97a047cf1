"""Numbers with what carriers were ordered and what providers were asked about them, side by side, for the regulator.

Neither instrument reads the other: both write where they stand of a number into the number's own row.
"""

from dataclasses import dataclass
from typing import Annotated, Any

from sqlalchemy import ColumnElement

from ledger.filters import among, equals, where, whether
from ledger.lists import RecordList
from ledger.numbers.table import (
    PhoneNumber,
    is_blocked_with_live_account,
    is_live_with_actioned_account,
    is_requested,
    phone_numbers,
)
from ledger.numbers.vocabulary import AccountStanding, NumberStatus
from ledger.pages import Listing, Page, PageRequest
from ledger.storage.database import Transaction
from ledger.storage.roles import Role
from ledger.viewer import ViewerKind


def _is_blocked_with_live_account(_record: type[Any], wanted: bool) -> ColumnElement[bool]:  # noqa: FBT001
    return whether(is_blocked_with_live_account(phone_numbers.c), wanted)


def _is_live_with_actioned_account(_record: type[Any], wanted: bool) -> ColumnElement[bool]:  # noqa: FBT001
    return whether(is_live_with_actioned_account(phone_numbers.c), wanted)


@dataclass(frozen=True, slots=True, kw_only=True)
class SideBySideFilter:
    """Which numbers to return. An empty tuple or None does not filter."""

    number: Annotated[str | None, equals("e164")] = None
    statuses: Annotated[tuple[NumberStatus, ...], among("status", is_literal=True)] = ()
    account_standings: Annotated[tuple[AccountStanding, ...], among("account_standing", is_literal=True)] = ()
    is_blocked_sim_live_account: Annotated[bool | None, where(_is_blocked_with_live_account, Role.REGULATOR)] = None
    is_live_sim_actioned_account: Annotated[bool | None, where(_is_live_with_actioned_account, Role.REGULATOR)] = None


SIDE_BY_SIDE = RecordList(
    PhoneNumber,
    {None: Listing("block_requests", PhoneNumber, ("e164",))},
    SideBySideFilter,
    kinds=frozenset({ViewerKind.REGULATOR}),
    conditions={None: lambda: is_requested(phone_numbers.c)},
)


async def list_side_by_side(
    tx: Transaction, page: PageRequest, wanted: SideBySideFilter | None = None
) -> Page[PhoneNumber]:
    """Return a page of the numbers that are ordered blocked or were referred. Errors: ForbiddenError."""
    return await SIDE_BY_SIDE.fetch(tx, page, wanted)
