"""Reading referrals: the regulator sees all of them, a provider that takes part those offered to it, no one else any.

A referral is a request to a provider; it never becomes an order. A provider reads its referrals without access to any
complaint, and a carrier reads none.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from sqlalchemy import ColumnElement, and_, false, literal_column, true

from ledger.counting import Count
from ledger.errors import UnknownError
from ledger.filters import Related, among, before, equals, holds, leading, since, some
from ledger.identifiers import parse_id
from ledger.lists import RecordList
from ledger.pages import Listing, Page, PageRequest, note_items
from ledger.referrals.states import PENDING_STATES, ReferralState
from ledger.referrals.table import (
    OF_EVERY_PROVIDER,
    Referral,
    ReferralComplaint,
    ReferralResponse,
    ReferralTransfer,
    referrals,
)
from ledger.referrals.vocabulary import ReferralAction, ReferralSort
from ledger.relations import ToMany, ToOne, note_of
from ledger.storage.access import TAKES_PART
from ledger.storage.database import Transaction
from ledger.storage.markers import Columns
from ledger.storage.records import expression_of
from ledger.storage.rows import find_record
from ledger.viewer import Viewer, ViewerKind
from ledger.vocabulary import Category

_REFERRAL_NO = re.compile(r"^R-(\d{4})-(\d{7,12})$")
_OF_ONE_THING_MAX = 10_000
_REGULATOR = frozenset({ViewerKind.REGULATOR})

READERS = frozenset({ViewerKind.REGULATOR, ViewerKind.OTT_PROVIDER})
"""The viewers that may see referrals and what belongs to them."""

_LISTINGS = {
    # Ids follow the time of the offer.
    ReferralSort.OFFERED_NEWEST: Listing("referrals:OFFERED_NEWEST", Referral, ("-id",)),
    ReferralSort.CHANGED_OLDEST: Listing("referrals:CHANGED_OLDEST", Referral, ("changed_at", "id")),
}
_RESPONSES = Related(ReferralResponse, (("referral_id", "id"), ("provider_id", "provider_id")))


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferralFilter:
    """Which referrals to return. An empty tuple or None does not filter. Times are UTC; number is E.164.

    None of them compares providers: there is no count, rate or rank of them.
    """

    states: Annotated[
        tuple[ReferralState, ...], leading(among("state", is_literal=True), when=PENDING_STATES.issuperset)
    ] = ()
    categories: Annotated[tuple[Category, ...], among("category")] = ()
    actions: Annotated[tuple[ReferralAction, ...], among("action", is_literal=True)] = ()
    provider_id: Annotated[str | None, equals("provider_id")] = None
    number: Annotated[str | None, leading(equals("e164"))] = None
    account_id: Annotated[str | None, leading(equals("account_id"))] = None
    offered_after: Annotated[datetime | None, leading(since("offered_at"))] = None
    offered_before: Annotated[datetime | None, leading(before("offered_at"))] = None
    answered_after: Annotated[datetime | None, leading(since("answered_at"))] = None
    answered_before: Annotated[datetime | None, leading(before("answered_at"))] = None
    changed_since: Annotated[datetime | None, leading(since("changed_at"))] = None
    reference: Annotated[str | None, some(_RESPONSES, equals("reference"))] = None


def visible_referrals(viewer: Viewer, c: Columns = referrals.c) -> ColumnElement[bool]:
    """Which rows with a provider_id the viewer may see. Row-level security enforces the same rule a second time."""
    if viewer.kind is ViewerKind.REGULATOR:
        return true()
    if viewer.kind is not ViewerKind.OTT_PROVIDER:
        return false()
    return and_(c.provider_id == viewer.member_id, literal_column(TAKES_PART))


REFERRALS = RecordList(
    Referral,
    _LISTINGS,
    ReferralFilter,
    visible=visible_referrals,
    owners={ViewerKind.OTT_PROVIDER: "provider_id"},
    of_all=OF_EVERY_PROVIDER,
    kinds=READERS,
)


async def list_referrals(
    tx: Transaction,
    page: PageRequest,
    wanted: ReferralFilter | None = None,
    *,
    sort: ReferralSort = ReferralSort.OFFERED_NEWEST,
) -> Page[Referral]:
    """Return a page of the referrals that the viewer may see, in one statement. Errors: as RecordList.fetch."""
    return await REFERRALS.fetch(tx, page, wanted, sort=sort)


async def count_referrals(tx: Transaction, wanted: ReferralFilter | None = None) -> Count:
    """Count the referrals that match the filter and that the viewer may see. Errors: ForbiddenError."""
    return await REFERRALS.count(tx, wanted)


def parse_referral_no(referral_no: str) -> int | None:
    """Return the serial of a referral number as people quote it, or None."""
    match = _REFERRAL_NO.match(referral_no.strip().upper()) if referral_no.isascii() else None
    return int(match[2]) if match else None


async def get_referral_by_no(tx: Transaction, referral_no: str) -> Referral:
    """Return one referral by its number. Errors: UnknownError, also for one that the viewer may not see."""
    found = named_referral(referral_no=referral_no)
    referral = None
    if found is not None and tx.viewer.kind in READERS:
        referral = await find_record(tx, Referral, visible_referrals(tx.viewer), *found)
    if referral is None:
        raise UnknownError(field="referralNo")
    note_items(tx, Referral, [referral])
    return referral


def named_referral(
    *, referral_id: str | None = None, referral_no: str | None = None
) -> tuple[ColumnElement[bool], ...] | None:
    """The conditions for the one referral with that id or number; None if no referral can have it."""
    if referral_id is not None:
        known = parse_id(referral_id)
        return None if known is None else (referrals.c.id == known,)
    serial = parse_referral_no(referral_no) if referral_no is not None else None
    if serial is None or referral_no is None:
        return None
    return referrals.c.referral_serial == serial, expression_of(Referral, "referral_no") == referral_no.strip().upper()


load_referrals = ToOne(Referral, kinds=READERS, visible=visible_referrals, note=note_of(Referral))
"""Referrals by id, without those that the viewer may not see."""

load_referrals_by_number = ToMany(
    Referral,
    by="e164",
    kinds=READERS,
    visible=visible_referrals,
    note=note_of(Referral),
    rows_max=_OF_ONE_THING_MAX,
)
"""Referrals by number, oldest first."""

load_referrals_by_account = ToMany(
    Referral,
    by="account_id",
    kinds=READERS,
    visible=visible_referrals,
    note=note_of(Referral),
    rows_max=_OF_ONE_THING_MAX,
)
"""Referrals by account, oldest first."""

load_responses = ToMany(
    ReferralResponse, by="referral_id", kinds=READERS, visible=visible_referrals, note=note_of(ReferralResponse)
)
"""Responses by referral, oldest first."""

load_referral_grounds = ToMany(
    ReferralComplaint,
    by="referral_id",
    kinds=_REGULATOR,
    order=("complaint_id",),
    note=note_of(ReferralComplaint),
    rows_max=_OF_ONE_THING_MAX,
)
"""The links to the complaints behind each referral, for the regulator."""

load_complaint_referrals = ToMany(
    ReferralComplaint,
    by="complaint_id",
    kinds=_REGULATOR,
    order=("referral_id",),
    note=note_of(ReferralComplaint),
    rows_max=_OF_ONE_THING_MAX,
)
"""The links to the referrals of each complaint, for the regulator."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferFilter:
    """Which transfers to return. None does not filter."""

    provider_id: Annotated[str | None, equals("provider_id")] = None
    is_abroad: Annotated[bool | None, holds("is_abroad")] = None
    ground: Annotated[str | None, equals("ground")] = None
    sent_after: Annotated[datetime | None, since("sent_at")] = None
    sent_before: Annotated[datetime | None, before("sent_at")] = None


TRANSFERS: RecordList[Any] = RecordList(
    ReferralTransfer,
    {None: Listing("referral_transfers", ReferralTransfer, ("sent_at", "referral_id"))},
    TransferFilter,
    kinds=_REGULATOR,
)


async def list_transfers(
    tx: Transaction, page: PageRequest, wanted: TransferFilter | None = None
) -> Page[ReferralTransfer]:
    """Return a page of what providers were given, oldest first. Errors: ForbiddenError, CursorInvalidError."""
    return await TRANSFERS.fetch(tx, page, wanted)


async def count_transfers(tx: Transaction, wanted: TransferFilter | None = None) -> Count:
    """Count the transfers that match the filter, for the record of data protection. Errors: ForbiddenError."""
    return await TRANSFERS.count(tx, wanted)
