"""Telephone numbers as the ledger knows them: holder, epoch, status, risk, and who may see which of these.

Counts and risk are columns that transitions write; a viewer never derives them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from ledger.identifiers import BrandId, MemberId
from ledger.number_forms import NumberKind, ParsedNumber, RegionInvalidError, check_region, parse_number
from ledger.pages import Page, PageRequest
from ledger.storage.database import Transaction
from ledger.vocabulary import HolderStatus, NumberStatus, ProtectedReason, RiskTier

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


async def get_number(tx: Transaction, e164: str) -> PhoneNumber:
    """One number, by E.164 or as people write it. Errors: UnknownError."""
    raise NotImplementedError


async def list_numbers(tx: Transaction, page: PageRequest, where: NumberFilter | None = None) -> Page[PhoneNumber]:
    """Numbers in the order of their digits. Errors: ForbiddenError."""
    raise NotImplementedError


async def load_numbers(tx: Transaction, e164s: Sequence[str]) -> dict[str, PhoneNumber]:
    """Numbers by E.164, as get_number shows each; those that the viewer may not see are left out."""
    raise NotImplementedError


async def ensure_numbers(tx: Transaction, numbers: Sequence[ParsedNumber]) -> dict[str, PhoneNumber]:
    """Know these numbers from now on, with their holders by today's plan, and lock them in E.164 order."""
    raise NotImplementedError
