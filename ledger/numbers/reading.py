"""Telephone numbers as the ledger knows them: holder, epoch, status, risk, and who may see which of these.

Counts and risk are columns that transitions write; a viewer never derives them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import RowMapping, Select, false, select, text

from ledger.errors import UnknownError
from ledger.identifiers import BrandId, MemberId
from ledger.numbers.forms import NumberKind, ParsedNumber, RegionInvalidError, check_region, parse_number
from ledger.numbers.plan import HOLDER_BRAND, HOLDER_JOIN, HOLDER_STATUS, find_holders
from ledger.numbers.table import PhoneNumber as StoredNumber
from ledger.numbers.table import phone_numbers
from ledger.numbers.vocabulary import HolderStatus, NumberStatus, ProtectedReason, RiskTier
from ledger.pages import Page, PageRequest, decode_cursor, encode_cursor
from ledger.permissions import require_kind
from ledger.storage.columns import holds_id
from ledger.storage.database import Transaction
from ledger.storage.records import readable_names
from ledger.storage.roles import Role
from ledger.viewer import Viewer, ViewerKind

__all__ = [
    "NumberFilter",
    "NumberKind",
    "ParsedNumber",
    "PhoneNumber",
    "RegionInvalidError",
    "check_region",
    "ensure_numbers",
    "get_number",
    "list_numbers",
    "load_numbers",
    "parse_number",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneNumber:
    """A number as its viewer may see it; what the viewer may not see is None.

    A carrier that asks for a number outside its ranges gets e164 and risk and nothing else.
    """

    e164: str
    risk: RiskTier
    region: str | None = None
    is_domestic: bool | None = None
    protected_reason: ProtectedReason | None = None
    holder_status: HolderStatus | None = None
    holder_id: MemberId | None = None
    brand_id: BrandId | None = None
    epoch: int | None = None
    status: NumberStatus | None = None
    is_disputed: bool | None = None
    complaint_count: int | None = None
    verified_complaint_count: int | None = None
    first_seen_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberFilter:
    """Which numbers are wanted; an empty tuple and None ask for all."""

    statuses: tuple[NumberStatus, ...] = ()
    risks: tuple[RiskTier, ...] = ()
    holder_statuses: tuple[HolderStatus, ...] = ()
    holder_id: str | None = None
    brand_id: str | None = None
    is_domestic: bool | None = None


_ENSURE = text(f"""
INSERT INTO phone_numbers
  (e164, region, is_domestic, protected_reason, holder_status, holder_id, brand_id, first_seen_at)
SELECT n.e164, n.region, n.is_domestic, n.protected_reason, {HOLDER_STATUS},
       coalesce(o.holder_id, r.holder_id), {HOLDER_BRAND}, CAST(:at AS timestamptz)
FROM json_to_recordset(CAST(:numbers AS json))
  AS n(e164 text, region text, is_domestic boolean, protected_reason text) {HOLDER_JOIN}
ORDER BY n.e164
ON CONFLICT DO NOTHING
""")
_LOCK = text("""
SELECT * FROM phone_numbers WHERE e164 = ANY(CAST(:e164s AS text[])) ORDER BY e164 FOR NO KEY UPDATE
""")


async def get_number(tx: Transaction, number: str) -> PhoneNumber:
    """One number, in E.164 or as people write it.

    The regulator is told of a number that nobody complained of, too: whose it is by the plan. To a carrier every
    number outside its ranges looks alike unless verified complaints gave it a risk.
    Errors: UnknownError, NumberInvalidError.
    """
    parsed = parse_number(number)
    found = (await load_numbers(tx, [parsed.e164])).get(parsed.e164)
    if found is not None:
        return found
    if tx.viewer.kind not in _SEES_ALL:
        raise UnknownError(field="number")
    holder = (await find_holders(tx, [parsed.e164], at=tx.as_of))[parsed.e164]
    is_regulator = tx.viewer.is_regulator
    return PhoneNumber(
        e164=parsed.e164,
        risk=RiskTier.NONE,
        region=parsed.region,
        is_domestic=parsed.is_domestic,
        protected_reason=parsed.protected_reason,
        holder_status=holder.status,
        holder_id=holder.holder_id,
        brand_id=holder.brand_id,
        epoch=1,
        status=NumberStatus.CLEAR,
        is_disputed=False,
        complaint_count=0 if is_regulator else None,
        verified_complaint_count=0 if is_regulator else None,
    )


async def list_numbers(tx: Transaction, page: PageRequest, where: NumberFilter | None = None) -> Page[PhoneNumber]:
    """Numbers in the order of their digits: a carrier's own range, an agency's of its complaints.

    A filter by what the viewer may not see finds nothing. Errors: ForbiddenError, CursorInvalidError.
    """
    require_kind(tx.viewer, _VISIBLE)
    statement = _select(tx.viewer).order_by(phone_numbers.c.e164).limit(page.first + 1)
    if where is not None:
        statement = _restrict(statement, where, visible=_VISIBLE[tx.viewer.kind])
    if page.after is not None:
        (after,) = decode_cursor("numbers", page.after, length=1)
        statement = statement.where(phone_numbers.c.e164 > str(after))
    rows = (await tx.execute(statement)).mappings().all()
    items = [_number(row) for row in rows[: page.first]]
    return Page(items, [encode_cursor("numbers", [item.e164]) for item in items], len(rows) > page.first)


async def load_numbers(tx: Transaction, e164s: Sequence[str]) -> dict[str, PhoneNumber]:
    """Numbers by E.164, as get_number shows each; those that the viewer may not see are left out.

    One statement, and for a carrier one more where numbers outside its ranges are asked for.
    """
    if tx.viewer.kind not in _VISIBLE or not e164s:
        return {}
    wanted = sorted(set(e164s))
    rows = (await tx.execute(_select(tx.viewer).where(phone_numbers.c.e164.in_(wanted)))).mappings()
    found = {row["e164"]: _number(row) for row in rows}
    missing = [e164 for e164 in wanted if e164 not in found]
    if missing and tx.viewer.kind is ViewerKind.CARRIER:
        found |= await _read_risks(tx, missing)
    return found


async def ensure_numbers(tx: Transaction, numbers: Sequence[ParsedNumber]) -> dict[str, PhoneNumber]:
    """Know these numbers from now on, with their holders by today's plan, and lock them in E.164 order.

    The lock lasts until the transaction ends, so that counts and orders of a number are written one after
    another; it doesn't hinder rows that only refer to the number. Runs under the transition role.
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
    if not e164s:
        return {}
    async with tx.role(Role.TRANSITION):
        rows = (await tx.execute(_LOCK, {"e164s": sorted(set(e164s))})).mappings().all()
    return {row["e164"]: _number(row) for row in rows}


async def _read_risks(tx: Transaction, e164s: Sequence[str]) -> dict[str, PhoneNumber]:
    """The risk tier and nothing else, of numbers that are not the carrier's. Unknown ones have none."""
    statement = select(phone_numbers.c.e164, phone_numbers.c.risk).where(phone_numbers.c.e164.in_(e164s))
    async with tx.role(Role.TRANSITION):
        risks = {row.e164: RiskTier(row.risk) for row in await tx.execute(statement)}
    return {e164: PhoneNumber(e164=e164, risk=risks.get(e164, RiskTier.NONE)) for e164 in e164s}


_ALL_COLUMNS = tuple(column.name for column in phone_numbers.c)
_COUNTS = {"complaint_count", "verified_complaint_count"}
_SEES_ALL = frozenset({ViewerKind.REGULATOR, ViewerKind.OPERATOR})
_VISIBLE = {
    ViewerKind.REGULATOR: _ALL_COLUMNS,
    ViewerKind.OPERATOR: tuple(name for name in _ALL_COLUMNS if name not in _COUNTS),
    ViewerKind.CARRIER: readable_names(StoredNumber, Role.CARRIER),
    ViewerKind.AGENCY: readable_names(StoredNumber, Role.AGENCY),
}


def _select(viewer: Viewer) -> Select[Any]:
    statement = select(*(phone_numbers.c[name] for name in _VISIBLE[viewer.kind]))
    if viewer.kind is ViewerKind.CARRIER:
        return statement.where(phone_numbers.c.holder_id == viewer.member_id)
    return statement


def _restrict(statement: Select[Any], where: NumberFilter, *, visible: Sequence[str]) -> Select[Any]:
    c = phone_numbers.c
    wanted = (
        (bool(where.statuses), c.status, c.status.in_(where.statuses)),
        (bool(where.risks), c.risk, c.risk.in_(where.risks)),
        (bool(where.holder_statuses), c.holder_status, c.holder_status.in_(where.holder_statuses)),
        (bool(where.holder_id), c.holder_id, holds_id(c.holder_id, where.holder_id or "")),
        (bool(where.brand_id), c.brand_id, holds_id(c.brand_id, where.brand_id or "")),
        (where.is_domestic is not None, c.is_domestic, c.is_domestic == where.is_domestic),
    )
    for is_asked, column, condition in wanted:
        if is_asked:
            statement = statement.where(condition if column.name in visible else false())
    return statement


_ENUMS = {
    "protected_reason": ProtectedReason,
    "holder_status": HolderStatus,
    "status": NumberStatus,
    "risk": RiskTier,
}


def _number(row: RowMapping) -> PhoneNumber:
    shown = dict(row)
    for name, enum in _ENUMS.items():
        if shown.get(name) is not None:
            shown[name] = enum(shown[name])
    return PhoneNumber(**shown)
