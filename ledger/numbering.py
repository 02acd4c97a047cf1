"""The numbering plan: which member holds a number at a time. The longest prefix wins, an override first.

Ranges of a holder that is no member keep the holder's name, and their numbers are HOLDER_UNKNOWN.
It must never order or move anything: it only answers whose a number is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from ledger.identifiers import BrandId, MemberId
from ledger.pages import Page, PageRequest
from ledger.storage.database import Transaction
from ledger.vocabulary import HolderStatus


class RangeKind(StrEnum):
    """What a range serves."""

    MOBILE = "MOBILE"
    FIXED = "FIXED"
    SATELLITE = "SATELLITE"
    OTHER = "OTHER"


@dataclass(frozen=True, slots=True, kw_only=True)
class RangeDraft:
    """A range of the plan as a file or the seed has it: holder and brand by slug.

    Units: valid_from and valid_until are UTC, from inclusive, until exclusive.
    """

    prefix: str
    kind: RangeKind
    holder_slug: str | None
    holder_name: str | None
    brand_slug: str | None
    valid_from: datetime
    valid_until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """A range of the plan."""

    id: str
    prefix: str
    kind: RangeKind
    holder_id: MemberId | None
    holder_name: str | None
    brand_id: BrandId | None
    valid_from: datetime
    valid_until: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Whose a number is."""

    status: HolderStatus
    holder_id: MemberId | None = None
    brand_id: BrandId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanAccount:
    """What loading a plan came to: ranges read, ranges new or changed, numbers whose holder changed with them."""

    read_count: int
    written_count: int
    numbers_moved_count: int
    unknown_holder_slugs: tuple[str, ...]


async def load_plan(tx: Transaction, ranges: Sequence[RangeDraft]) -> PlanAccount:
    """Take the ranges into the plan and give every known number its holder again. The same again changes nothing.

    Errors: ForbiddenError.
    """
    raise NotImplementedError


async def find_holders(tx: Transaction, e164s: Sequence[str], *, at: datetime) -> dict[str, Holder]:
    """The holder of each domestic number at a time (regulator, operator)."""
    raise NotImplementedError


async def list_ranges(tx: Transaction, page: PageRequest) -> Page[Range]:
    """Ranges in the order of prefix and effective date."""
    raise NotImplementedError


async def set_override(
    tx: Transaction,
    e164: str,
    *,
    holder_id: str,
    reason: str,
    brand_id: str | None = None,
    valid_from: datetime | None = None,
    valid_until: datetime | None = None,
) -> None:
    """Say that one number is held by another than its range's holder."""
    raise NotImplementedError
