"""Reading telephone numbers: their holder, epoch, status and risk, and who may see which of these."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import orjson
from sqlalchemy import text

from ledger.errors import UnknownError
from ledger.filters import among, conditions_of, equals
from ledger.numbers.forms import ParsedNumber, parse_number
from ledger.numbers.plan import HOLDER_BRAND, HOLDER_JOIN, HOLDER_STATUS, find_holders
from ledger.numbers.table import PhoneNumber, of_own, phone_numbers
from ledger.numbers.vocabulary import HolderStatus, NumberStatus, RiskTier
from ledger.pages import Listing, Page, PageRequest, fetch_page, note_items
from ledger.permissions import REGULATOR_OR_OPERATOR, require_kind
from ledger.storage.database import Transaction
from ledger.storage.records import hide
from ledger.storage.roles import Role
from ledger.storage.rows import fetch_records, load_records, lock_records
from ledger.viewer import ViewerKind

_READERS = REGULATOR_OR_OPERATOR | {ViewerKind.CARRIER, ViewerKind.AGENCY}
_NUMBERS = Listing("numbers", PhoneNumber, ("e164",))


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberFilter:
    """Which numbers to return. An empty tuple or None does not filter."""

    statuses: Annotated[tuple[NumberStatus, ...], among("status")] = ()
    risks: Annotated[tuple[RiskTier, ...], among("risk")] = ()
    holder_statuses: Annotated[tuple[HolderStatus, ...], among("holder_status")] = ()
    holder_id: Annotated[str | None, equals("holder_id")] = None
    brand_id: Annotated[str | None, equals("brand_id")] = None
    is_domestic: Annotated[bool | None, equals("is_domestic")] = None


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
_READ_RISKS = text("""
SELECT e164, coalesce(risk, 'NONE') AS risk
FROM unnest(CAST(:e164s AS text[])) AS wanted(e164) LEFT JOIN phone_numbers USING (e164)
""")


async def get_number(tx: Transaction, number: str) -> PhoneNumber:
    """Return one number, given in E.164 or as people write it.

    For a number that nobody complained about, the regulator gets the holder by the plan. To a carrier, all
    numbers outside its ranges look alike unless verified complaints gave them a risk; to a client of one brand, those
    of the carrier's other brands are outside its ranges too.
    Errors: UnknownError, NumberInvalidError.
    """
    parsed = parse_number(number)
    found = (await load_numbers(tx, [parsed.e164])).get(parsed.e164)
    if found is not None:
        return found
    if tx.viewer.kind not in REGULATOR_OR_OPERATOR:
        raise UnknownError(field="number")
    holder = (await find_holders(tx, [parsed.e164], at=tx.as_of))[parsed.e164]
    unheard_of = PhoneNumber(
        e164=parsed.e164,
        region=parsed.region,
        is_domestic=parsed.is_domestic,
        protected_reason=parsed.protected_reason,
        holder_status=holder.status,
        holder_id=holder.holder_id,
        brand_id=holder.brand_id,
    )
    return hide(unheard_of, tx.present_role)


async def list_numbers(tx: Transaction, page: PageRequest, wanted: NumberFilter | None = None) -> Page[PhoneNumber]:
    """Return numbers in the order of their digits: for a carrier its own, for an agency those it complained about.

    A filter on a field that the viewer may not see finds nothing. Errors: ForbiddenError, CursorInvalidError.
    """
    require_kind(tx.viewer, _READERS)
    asked = conditions_of(wanted or NumberFilter(), PhoneNumber, tx.present_role)
    return await fetch_page(tx, _NUMBERS, page, of_own(tx.viewer, phone_numbers.c), *asked)


async def load_numbers(tx: Transaction, e164s: Sequence[str]) -> dict[str, PhoneNumber]:
    """Return known numbers by E.164, without those that the viewer may not see.

    Runs one statement, and for a carrier a second one if numbers outside its ranges are requested.
    """
    if tx.viewer.kind not in _READERS:
        return {}
    found = await load_records(tx, PhoneNumber, e164s, of_own(tx.viewer, phone_numbers.c))
    missing = sorted(set(e164s) - found.keys())
    if missing and tx.viewer.kind is ViewerKind.CARRIER:
        found |= await _read_risks(tx, missing)
    note_items(tx, PhoneNumber, found.values())
    return found


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


async def _read_risks(tx: Transaction, e164s: Sequence[str]) -> dict[str, PhoneNumber]:
    """Read only the risk tier of numbers outside the carrier's ranges; it is NONE for unknown numbers."""
    async with tx.role(Role.TRANSITION):
        numbers = await fetch_records(tx, PhoneNumber, _READ_RISKS, {"e164s": list(e164s)})
    return {number.e164: number for number in numbers}
