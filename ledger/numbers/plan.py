"""The numbering plan: which member holds a number at a given time. An override wins, then the longest prefix.

A range whose holder is not a member keeps the holder's name, and its numbers are HOLDER_UNKNOWN.
It must never order a block or move an order: it only determines the holders of numbers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import text

from ledger.errors import ConflictError
from ledger.feed.events import EventDraft, append_events
from ledger.feed.vocabulary import EventKind, Subject
from ledger.identifiers import BrandId, MemberId, new_id
from ledger.lists import RecordList
from ledger.numbers.ranges import RangeDraft, check_ranges
from ledger.numbers.table import Range, of_own
from ledger.numbers.vocabulary import HolderStatus
from ledger.pages import Listing, Page, PageRequest
from ledger.permissions import REGULATOR_OR_OPERATOR, require_kind, require_officer_or_operator
from ledger.storage.database import Transaction
from ledger.storage.roles import Role
from ledger.viewer import MemberKind, ViewerKind

HOME_PREFIX = "+62"
_LOADING_TIMEOUT_MS = 600_000
RANGES = RecordList(
    Range,
    {None: Listing("ranges", Range, ("prefix", "valid_from"))},
    visible=of_own,
    kinds=REGULATOR_OR_OPERATOR | {ViewerKind.CARRIER},
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """The holder of a number."""

    status: HolderStatus
    holder_id: MemberId | None = None
    brand_id: BrandId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanAccount:
    """The result of loading a plan: ranges read, ranges added or changed, and numbers that changed holders."""

    read_count: int
    written_count: int
    numbers_moved_count: int
    unknown_holder_slugs: tuple[str, ...]


# The holder of a number n at a given time: that of its override o or else of the range r with the longest prefix.
HOLDER_JOIN = """
LEFT JOIN LATERAL (
  SELECT holder_id, brand_id FROM number_overrides
  WHERE n.is_domestic AND e164 = n.e164 AND valid_from <= CAST(:at AS timestamptz)
    AND (valid_until IS NULL OR valid_until > CAST(:at AS timestamptz))
  ORDER BY valid_from DESC LIMIT 1
) o ON true
LEFT JOIN LATERAL (
  SELECT prefix, holder_id, brand_id FROM numbering_ranges
  WHERE n.is_domestic AND prefix = ANY (ARRAY(SELECT left(n.e164, l) FROM generate_series(3, length(n.e164)) l))
    AND valid_from <= CAST(:at AS timestamptz) AND (valid_until IS NULL OR valid_until > CAST(:at AS timestamptz))
  ORDER BY length(prefix) DESC, valid_from DESC LIMIT 1
) r ON true
"""
HOLDER_STATUS = """
CASE WHEN NOT n.is_domestic THEN 'FOREIGN'
     WHEN coalesce(o.holder_id, r.holder_id) IS NOT NULL THEN 'HELD'
     WHEN r.prefix IS NULL THEN 'UNALLOCATED'
     ELSE 'HOLDER_UNKNOWN' END
"""
HOLDER_BRAND = "CASE WHEN o.holder_id IS NOT NULL THEN o.brand_id ELSE r.brand_id END"

_FIND_HOLDERS = text(f"""
SELECT n.e164, {HOLDER_STATUS} AS status, coalesce(o.holder_id, r.holder_id) AS holder_id, {HOLDER_BRAND} AS brand_id
FROM (SELECT e164, starts_with(e164, :home_prefix) AS is_domestic
      FROM unnest(CAST(:e164s AS text[])) AS e164) n {HOLDER_JOIN}
""")

_UPSERT_RANGES = text("""
INSERT INTO numbering_ranges AS known
  (id, prefix, kind, holder_id, brand_id, holder_name, valid_from, valid_until)
SELECT d.id, d.prefix, d.kind, m.id, b.id, d.holder_name, d.valid_from, d.valid_until
FROM json_to_recordset(CAST(:ranges AS json))
  AS d(id uuid, prefix text, kind text, holder_slug text, brand_slug text, holder_name text,
       valid_from timestamptz, valid_until timestamptz)
LEFT JOIN members m ON m.slug = d.holder_slug AND m.kind = :carrier
LEFT JOIN brands b ON b.member_id = m.id AND b.slug = d.brand_slug
ORDER BY d.prefix, d.valid_from
ON CONFLICT (prefix, valid_from) DO UPDATE
  SET kind = excluded.kind, holder_id = excluded.holder_id, brand_id = excluded.brand_id,
      holder_name = excluded.holder_name, valid_until = excluded.valid_until
  WHERE (known.kind, known.holder_id, known.brand_id, known.holder_name, known.valid_until)
    IS DISTINCT FROM (excluded.kind, excluded.holder_id, excluded.brand_id, excluded.holder_name, excluded.valid_until)
RETURNING prefix
""")

_MOVE_NUMBERS = text(f"""
WITH planned AS (
  SELECT n.e164, {HOLDER_STATUS} AS status, coalesce(o.holder_id, r.holder_id) AS holder_id,
         {HOLDER_BRAND} AS brand_id
  FROM phone_numbers n {HOLDER_JOIN}
  WHERE n.is_domestic AND (CAST(:e164s AS text[]) IS NULL OR n.e164 = ANY(CAST(:e164s AS text[])))
), moved AS (
  SELECT k.e164, p.status, p.holder_id, p.brand_id
  FROM phone_numbers k JOIN planned p USING (e164)
  WHERE (k.holder_status, k.holder_id, k.brand_id) IS DISTINCT FROM (p.status, p.holder_id, p.brand_id)
  ORDER BY k.e164 FOR NO KEY UPDATE OF k
)
UPDATE phone_numbers k SET holder_status = m.status, holder_id = m.holder_id, brand_id = m.brand_id
FROM moved m WHERE m.e164 = k.e164
""")

_KNOWN_SLUGS = text("SELECT slug FROM members WHERE kind = :carrier AND slug = ANY(CAST(:slugs AS text[]))")
_ALLOW_LONG = text("SELECT set_config('statement_timeout', :timeout_ms, true)")

_HELD_BY_ANOTHER = text("""
SELECT d.prefix
FROM json_to_recordset(CAST(:ranges AS json)) AS d(prefix text, holder_slug text)
LEFT JOIN members m ON m.slug = d.holder_slug AND m.kind = :carrier
JOIN numbering_ranges r ON starts_with(d.prefix, r.prefix) AND r.holder_id IS NOT NULL
  AND r.holder_id IS DISTINCT FROM m.id
ORDER BY d.prefix LIMIT 1
""")
_LOCK_PLAN = text("SELECT pg_advisory_xact_lock(hashtextextended('jembatan.numbering', 0))")


class RangeHeldError(ConflictError):
    """The range lies in one that another carrier holds."""

    code = "RANGE_HELD"
    hint = "One number is moved by an override, which two officers make; the operator loads a plan that moves ranges."


async def load_plan(tx: Transaction, ranges: Sequence[RangeDraft]) -> PlanAccount:
    """Add the ranges to the plan and update the holder of every known number. Loading them again changes nothing.

    A range whose holder is not an admitted carrier keeps the holder's name; load it again once that carrier is
    admitted. Existing orders are not moved. An officer, who is alone, moves nothing from one carrier to another.
    Errors: ForbiddenError, OfficerRequiredError; RangeInvalidError, RangeHeldError with nothing written.
    """
    require_officer_or_operator(tx.viewer)
    drafts = check_ranges(ranges)
    slugs = sorted({draft.holder_slug for draft in drafts if draft.holder_slug})
    rows = [{"id": new_id(), **asdict(draft)} for draft in drafts]
    async with tx.role(Role.TRANSITION):
        await tx.execute(_ALLOW_LONG, {"timeout_ms": str(_LOADING_TIMEOUT_MS)})
        known = (await tx.execute(_KNOWN_SLUGS, {"slugs": slugs, "carrier": MemberKind.CARRIER})).scalars().all()
        await lock_plan(tx)
        parameters = {"ranges": orjson.dumps(rows).decode(), "carrier": MemberKind.CARRIER}
        if tx.viewer.is_regulator:
            await _refuse_moves(tx, parameters)
        written = (await tx.execute(_UPSERT_RANGES, parameters)).all()
        moved_count = await move_numbers(tx, None)
    account = PlanAccount(
        read_count=len(ranges),
        written_count=len(written),
        numbers_moved_count=moved_count,
        unknown_holder_slugs=tuple(sorted(set(slugs) - set(known))),
    )
    if account.written_count or account.numbers_moved_count:
        payload = {"written": account.written_count, "numbersMoved": account.numbers_moved_count}
        await append_events(
            tx,
            [
                EventDraft(
                    kind=EventKind.NUMBERING_LOADED, subject=Subject.NUMBERING_PLAN, subject_id="plan", payload=payload
                )
            ],
        )
    return account


async def _refuse_moves(tx: Transaction, parameters: Mapping[str, Any]) -> None:
    """Errors: RangeHeldError if a range lies in one of another carrier than its holder."""
    prefix = (await tx.execute(_HELD_BY_ANOTHER, parameters)).scalar()
    if prefix is not None:
        raise RangeHeldError(f"The range {prefix} lies in one that another carrier holds.", field="prefix")


async def lock_plan(tx: Transaction) -> None:
    """Make other changes of the plan wait until the transaction ends, so that none moves a number by an older plan."""
    await tx.execute(_LOCK_PLAN)


async def move_numbers(tx: Transaction, e164s: Sequence[str] | None) -> int:
    """Update the holders of these known numbers, or of all, to those of the plan. Returns how many changed.

    Runs under the transition role.
    """
    moved = await tx.execute(_MOVE_NUMBERS, {"at": tx.as_of, "e164s": None if e164s is None else list(e164s)})
    return int(moved.rowcount)


async def find_holders(tx: Transaction, e164s: Sequence[str], *, at: datetime) -> dict[str, Holder]:
    """Return the holder of each number at a given time, in one statement. Errors: ForbiddenError."""
    require_kind(tx.viewer, REGULATOR_OR_OPERATOR)
    if not e164s:
        return {}
    parameters = {"e164s": list(e164s), "at": at, "home_prefix": HOME_PREFIX}
    return {
        row.e164: Holder(status=HolderStatus(row.status), holder_id=row.holder_id, brand_id=row.brand_id)
        for row in await tx.execute(_FIND_HOLDERS, parameters)
    }


async def list_ranges(tx: Transaction, page: PageRequest) -> Page[Range]:
    """Return ranges, ordered by prefix and effective date; a carrier sees its own, a brand's client its brand's.

    Errors: ForbiddenError, CursorInvalidError.
    """
    return await RANGES.fetch(tx, page)
