"""Reading telephone numbers: their holder, epoch, status and risk, and who may see which of these."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

import orjson
from sqlalchemy import text

from ledger.errors import UnknownError
from ledger.filters import among, at_least, equals, holds, leading
from ledger.lists import RecordList
from ledger.numbers.forms import ParsedNumber, find_number, name_number
from ledger.numbers.plan import HOLDER_BRAND, HOLDER_JOIN, HOLDER_STATUS, HOME_PREFIX, Holder, find_holders
from ledger.numbers.table import PhoneNumber, of_own
from ledger.numbers.vocabulary import HolderStatus, NumberSort, NumberStatus, RiskTier
from ledger.pages import Listing, Page, PageRequest
from ledger.permissions import REGULATOR_OR_OPERATOR
from ledger.relations import ToOne, note_of
from ledger.storage.database import Transaction
from ledger.storage.records import hide
from ledger.storage.roles import Role
from ledger.storage.rows import fetch_records, lock_records
from ledger.viewer import ViewerKind

_READERS = REGULATOR_OR_OPERATOR | {ViewerKind.CARRIER, ViewerKind.AGENCY}
_LISTINGS = {
    NumberSort.DIGITS: Listing("numbers", PhoneNumber, ("e164",)),
    NumberSort.MOST_COMPLAINTS: Listing("numbers:MOST_COMPLAINTS", PhoneNumber, ("-complaint_count", "-e164")),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberFilter:
    """Which numbers to return. An empty tuple or None does not filter."""

    statuses: Annotated[tuple[NumberStatus, ...], among("status")] = ()
    risks: Annotated[tuple[RiskTier, ...], among("risk")] = ()
    holder_statuses: Annotated[tuple[HolderStatus, ...], among("holder_status")] = ()
    holder_id: Annotated[str | None, equals("holder_id")] = None
    brand_id: Annotated[str | None, equals("brand_id")] = None
    is_domestic: Annotated[bool | None, holds("is_domestic")] = None
    minimum_complaint_count: Annotated[int | None, leading(at_least("complaint_count"))] = None


NUMBERS = RecordList(
    PhoneNumber,
    _LISTINGS,
    NumberFilter,
    visible=of_own,
    owners={ViewerKind.CARRIER: "holder_id"},
    kinds=_READERS,
)

_ENSURE = text(f"""
INSERT INTO phone_numbers
  (e164, region, is_domestic, protected_reason, holder_status, holder_id, brand_id, first_seen_at)
SELECT n.e164, n.region, n.is_domestic, n.protected_reason, {HOLDER_STATUS},
       coalesce(o.holder_id, r.holder_id), {HOLDER_BRAND}, CAST(:at AS timestamptz)
FROM json_to_recordset(CAST(:numbers AS json))
  AS n(e164 text, region text, is_domestic boolean, protected_reason text) {HOLDER_JOIN}
ORDER BY n.e164
ON CONFLICT (e164) DO NOTHING
""")
_READ_OTHERS = text(f"""
WITH planned AS (
  SELECT n.e164, {HOLDER_STATUS} AS status, coalesce(o.holder_id, r.holder_id) AS holder_id, {HOLDER_BRAND} AS brand_id
  FROM (SELECT e164, starts_with(e164, :home_prefix) AS is_domestic
        FROM unnest(CAST(:e164s AS text[])) AS e164) n {HOLDER_JOIN}
)
SELECT p.e164, coalesce(k.risk, 'NONE') AS risk, own.status AS holder_status, own.holder_id, own.brand_id
FROM planned p
LEFT JOIN phone_numbers k ON k.e164 = p.e164
LEFT JOIN planned own ON own.e164 = p.e164 AND k.e164 IS NULL AND own.holder_id = CAST(:member_id AS uuid)
  AND (CAST(:brand_id AS uuid) IS NULL OR own.brand_id = CAST(:brand_id AS uuid))
""")


async def get_number(tx: Transaction, number: str) -> PhoneNumber:
    """Return one number, given in E.164 or as people write it, as `load_numbers` does.

    Errors: UnknownError, NumberInvalidError.
    """
    e164 = name_number(number)
    found = (await load_numbers(tx, [e164])).get(e164)
    if found is None:
        raise UnknownError(field="number")
    return found


async def list_numbers(
    tx: Transaction, page: PageRequest, wanted: NumberFilter | None = None, *, sort: NumberSort = NumberSort.DIGITS
) -> Page[PhoneNumber]:
    """Return a page of numbers: for a carrier its own, for an agency those it complained about.

    A filter on a field that the viewer may not see finds nothing, nor does an order by one: it would tell what the
    field is. Errors: ForbiddenError, CursorInvalidError.
    """
    return await NUMBERS.fetch(tx, page, wanted, sort=sort)


async def _find_elsewhere(tx: Transaction, missing: Sequence[str]) -> dict[str, PhoneNumber]:
    """Find what the viewer may know of numbers that are not stored, or not the carrier's."""
    if tx.viewer.kind in REGULATOR_OR_OPERATOR:
        return _list_unheard_of(tx, await find_holders(tx, missing, at=tx.as_of))
    return await _read_others(tx, missing) if tx.viewer.kind is ViewerKind.CARRIER else {}


load_numbers = ToOne(
    PhoneNumber, by="e164", kinds=_READERS, visible=of_own, note=note_of(PhoneNumber), elsewhere=_find_elsewhere
)
"""Numbers by E.164, without those that the viewer may not see.

A number that nobody complained about has its holder by the plan: for the regulator any number, for a carrier those of
its own ranges. To a carrier, all other numbers look alike unless verified complaints gave them a risk; to a client of
one brand, those of the carrier's other brands are such numbers too. An agency sees none but those that it complained
about. It runs one statement, and a second one if some of the numbers are not stored, or not the carrier's.
"""


async def ensure_numbers(tx: Transaction, numbers: Sequence[ParsedNumber]) -> dict[str, PhoneNumber]:
    """Store those of the numbers that are new, with their holders by the plan, and lock all in E.164 order.

    The lock lasts until the transaction ends, so that writes to a number's counts and orders are serialised;
    it doesn't block rows that only reference the number. Runs under the transition role.
    """
    unique = {number.e164: number for number in numbers}
    if not unique:
        return {}
    rows = [
        {
            "e164": number.e164,
            "region": number.region,
            "is_domestic": number.is_domestic,
            "protected_reason": number.protected_reason,
        }
        for number in unique.values()
    ]
    async with tx.role(Role.TRANSITION):
        await tx.execute(_ENSURE, {"numbers": orjson.dumps(rows).decode(), "at": tx.as_of})
        return await lock_numbers(tx, list(unique))


async def lock_numbers(tx: Transaction, e164s: Sequence[str]) -> dict[str, PhoneNumber]:
    """Lock known numbers in E.164 order until the transaction ends. Runs under the transition role."""
    async with tx.role(Role.TRANSITION):
        return await lock_records(tx, PhoneNumber, e164s)


async def _read_others(tx: Transaction, e164s: Sequence[str]) -> dict[str, PhoneNumber]:
    """Read what a carrier may know of numbers that aren't stored as its own.

    These are its own if nobody complained about them; of all others it learns the risk, NONE for unknown numbers.
    """
    parameters = {
        "e164s": list(e164s),
        "member_id": tx.viewer.member_id,
        "brand_id": tx.viewer.brand_id,
        "home_prefix": HOME_PREFIX,
        "at": tx.as_of,
    }
    async with tx.role(Role.TRANSITION):
        numbers = await fetch_records(tx, PhoneNumber, _READ_OTHERS, parameters)
    own = {
        number.e164: Holder(status=number.holder_status, holder_id=number.holder_id, brand_id=number.brand_id)
        for number in numbers
        if number.holder_status is not None
    }
    return {number.e164: number for number in numbers} | _list_unheard_of(tx, own)


def _list_unheard_of(tx: Transaction, holders: Mapping[str, Holder]) -> dict[str, PhoneNumber]:
    """Return numbers that nobody complained about by what the plan says; what is no number at all is left out."""
    found = {}
    for e164, holder in holders.items():
        parsed = find_number(e164)
        if parsed is None or parsed.e164 != e164:
            continue
        number = PhoneNumber(
            e164=e164,
            region=parsed.region,
            is_domestic=parsed.is_domestic,
            protected_reason=parsed.protected_reason,
            holder_status=holder.status,
            holder_id=holder.holder_id,
            brand_id=holder.brand_id,
        )
        found[e164] = hide(number, tx.present_role)
    return found
