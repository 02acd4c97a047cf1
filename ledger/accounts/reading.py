"""Reading accounts: the regulator sees all of them, an agency those of its complaints, a provider those referred to it.

Carriers see none: what a messaging firm is asked is not theirs to know.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from sqlalchemy import ColumnElement, Uuid, and_, column, exists, false, literal_column, select, table, true

from ledger.accounts.forms import ReadAccount, find_by_address, name_account
from ledger.accounts.table import Account, MemberPlatform, accounts, member_platforms
from ledger.accounts.vocabulary import AccountKind, AccountSort
from ledger.counting import Count
from ledger.errors import UnknownError
from ledger.filters import among, at_least, leading, since, where
from ledger.identifiers import parse_id
from ledger.lists import RecordList
from ledger.numbers.forms import name_number
from ledger.numbers.vocabulary import RiskTier
from ledger.pages import Listing, Page, PageRequest, note_items
from ledger.relations import ToMany, ToOne, note_of
from ledger.storage.access import TAKES_PART
from ledger.storage.database import Transaction
from ledger.storage.markers import Columns
from ledger.storage.rows import find_record
from ledger.viewer import Viewer, ViewerKind
from ledger.vocabulary import Platform

_READERS = frozenset({ViewerKind.REGULATOR, ViewerKind.AGENCY, ViewerKind.OTT_PROVIDER})
_LISTINGS = {
    AccountSort.NEWEST: Listing("accounts", Account, ("-id",)),
    AccountSort.LAST_SEEN: Listing("accounts:LAST_SEEN", Account, ("-last_seen_at", "-id")),
    AccountSort.MOST_COMPLAINTS: Listing("accounts:MOST_COMPLAINTS", Account, ("-complaint_count", "-id")),
}


# Of which there are few accounts, however many there are in all.
_FEW_KINDS = frozenset(AccountKind) - {AccountKind.ACCOUNT}
_FEW_RISKS = frozenset(RiskTier) - {RiskTier.NONE}


def _is_of_number(_record: type[Any], number: str) -> ColumnElement[bool]:
    return accounts.c.e164 == name_number(number)


# Complaints and referrals are nouns above this one, which knows no more of them than whose there are of which account.
_filed = table("complaints", column("account_id", Uuid(as_uuid=False)), column("source_id", Uuid(as_uuid=False)))
_referred = table("referrals", column("account_id", Uuid(as_uuid=False)), column("provider_id", Uuid(as_uuid=False)))


def visible_accounts(viewer: Viewer, c: Columns = accounts.c) -> ColumnElement[bool]:
    """Which accounts a viewer may see: all, those of its own complaints, or those of its platforms referred to it."""
    if viewer.is_regulator:
        return true()
    if viewer.kind is ViewerKind.AGENCY:
        return c.id.in_(select(_filed.c.account_id).where(_filed.c.source_id == viewer.member_id))
    if viewer.kind is not ViewerKind.OTT_PROVIDER:
        return false()
    p = member_platforms.c
    runs = exists().where(
        p.member_id == viewer.member_id,
        p.ended_at.is_(None),
        p.platform == c.platform,
        p.platform_name == c.platform_name,
    )
    referred = c.id.in_(select(_referred.c.account_id).where(_referred.c.provider_id == viewer.member_id))
    return and_(referred, runs, literal_column(TAKES_PART))


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountFilter:
    """Which accounts to return. An empty tuple or None does not filter. number is as people write it."""

    platforms: Annotated[tuple[Platform, ...], among("platform", is_literal=True)] = ()
    kinds: Annotated[tuple[AccountKind, ...], leading(among("kind", is_literal=True), when=_FEW_KINDS.issuperset)] = ()
    risks: Annotated[tuple[RiskTier, ...], leading(among("risk", is_literal=True), when=_FEW_RISKS.issuperset)] = ()
    number: Annotated[str | None, leading(where(_is_of_number))] = None
    minimum_complaint_count: Annotated[int | None, leading(at_least("complaint_count"))] = None
    seen_after: Annotated[datetime | None, leading(since("last_seen_at"))] = None


ACCOUNTS = RecordList(Account, _LISTINGS, AccountFilter, visible=visible_accounts, kinds=_READERS)

load_accounts = ToOne(Account, kinds=_READERS, visible=visible_accounts, note=note_of(Account))
"""Accounts by id, without those that the viewer may not see."""

_OF_ONE_NUMBER_MAX = 1_000
load_accounts_by_number = ToMany(
    Account,
    by="e164",
    kinds=_READERS,
    visible=visible_accounts,
    note=note_of(Account),
    order=("id",),
    rows_max=_OF_ONE_NUMBER_MAX,
)
"""The accounts that are a number, oldest first, as far as the viewer may see them."""

load_platforms_by_member = ToMany(
    MemberPlatform,
    by="member_id",
    kinds=frozenset({ViewerKind.REGULATOR, ViewerKind.OPERATOR, ViewerKind.OTT_PROVIDER}),
    visible=lambda _viewer, c: c.ended_at.is_(None),
    order=("platform", "platform_name"),
)
"""The platforms that each member runs now, as far as the viewer may see them."""


def named_account(
    *,
    account_id: str | None = None,
    platform: Platform | None = None,
    handle: str | None = None,
    platform_name: str | None = None,
    url: str | None = None,
) -> tuple[ColumnElement[bool], ...] | None:
    """The conditions for the one account with that id, handle or address; None if no account can have it."""
    if account_id is not None:
        known = parse_id(account_id)
        return None if known is None else (accounts.c.id == known,)
    named: ReadAccount | None
    if url is not None:
        named = find_by_address(url)
    else:
        named = (
            None
            if platform is None or not handle
            else name_account(platform, handle, platform_name=platform_name or "")
        )
    return None if named is None else (accounts.c.key_hash == named.key_hash,)


async def get_account(
    tx: Transaction,
    /,
    *,
    platform: Platform | None = None,
    handle: str | None = None,
    platform_name: str | None = None,
    url: str | None = None,
) -> Account:
    """Return one account, by its platform and handle or by its address.

    Errors: UnknownError, also for an account that the viewer may not see.
    """
    meant = named_account(platform=platform, handle=handle, platform_name=platform_name, url=url)
    found = None
    if meant is not None and tx.viewer.kind in _READERS:
        found = await find_record(tx, Account, *meant, visible_accounts(tx.viewer))
    if found is None:
        raise UnknownError(field="handle")
    note_items(tx, Account, [found])
    return found


async def list_accounts(
    tx: Transaction, page: PageRequest, wanted: AccountFilter | None = None, *, sort: AccountSort = AccountSort.NEWEST
) -> Page[Account]:
    """Return a page of the accounts that the viewer may see.

    A filter on a field that the viewer may not see finds nothing, nor does an order by one.
    Errors: ForbiddenError, CursorInvalidError, NumberInvalidError.
    """
    return await ACCOUNTS.fetch(tx, page, wanted, sort=sort)


async def count_accounts(tx: Transaction, wanted: AccountFilter | None = None) -> Count:
    """Count the accounts that match the filter and that the viewer may see. Errors: as list_accounts."""
    return await ACCOUNTS.count(tx, wanted)
