"""The numbering plan: which member holds a number at a given time. An override wins, then the longest prefix.

A range whose holder is not a member keeps the holder's name, and its numbers are HOLDER_UNKNOWN.
It must never order a block or move an order: it only determines the holders of numbers.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

import orjson
from sqlalchemy import text

from ledger.errors import TimeInvalidError, UnknownError
from ledger.feed.events import EventDraft, append_events
from ledger.feed.vocabulary import EventKind, Subject
from ledger.identifiers import BrandId, MemberId, new_id, parse_id
from ledger.numbers.forms import parse_number
from ledger.numbers.ranges import RangeDraft, check_ranges
from ledger.numbers.table import Range
from ledger.numbers.vocabulary import HolderStatus
from ledger.pages import Listing, Page, PageRequest, fetch_page
from ledger.permissions import REGULATOR_OR_OPERATOR, require_kind
from ledger.storage.database import Transaction
from ledger.storage.roles import Role
from ledger.texts import check_text
from ledger.viewer import MemberKind, ViewerKind

HOME_PREFIX = "+62"
_REASON_LENGTH_MAX = 500
_LOADING_TIMEOUT_MS = 600_000
_RANGES = Listing("ranges", Range, ("prefix", "valid_from"))


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
  WHERE n.is_domestic AND (CAST(:e164 AS text) IS NULL OR n.e164 = CAST(:e164 AS text))
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

_SET_OVERRIDE = text("""
INSERT INTO number_overrides (id, e164, holder_id, brand_id, valid_from, valid_until, reason)
SELECT CAST(:id AS uuid), CAST(:e164 AS text), m.id, b.id, CAST(:valid_from AS timestamptz),
       CAST(:valid_until AS timestamptz), CAST(:reason AS text)
FROM members m LEFT JOIN brands b ON b.member_id = m.id AND b.id = CAST(:brand_id AS uuid)
WHERE m.id = CAST(:holder_id AS uuid) AND m.kind = :carrier AND (b.id IS NOT NULL OR CAST(:brand_id AS uuid) IS NULL)
ON CONFLICT (e164, valid_from) DO UPDATE
  SET holder_id = excluded.holder_id, brand_id = excluded.brand_id, valid_until = excluded.valid_until,
      reason = excluded.reason
RETURNING e164
""")


async def load_plan(tx: Transaction, ranges: Sequence[RangeDraft]) -> PlanAccount:
    """Add the ranges to the plan and update the holder of every known number. Loading them again changes nothing.

    A range whose holder is not an admitted carrier keeps the holder's name; load it again once that carrier is
    admitted. Existing orders are not moved.
    Errors: ForbiddenError; RangeInvalidError with nothing written.
    """
    require_kind(tx.viewer, REGULATOR_OR_OPERATOR)
    check_ranges(ranges)
    slugs = sorted({draft.holder_slug for draft in ranges if draft.holder_slug})
    rows = [{"id": new_id(), **asdict(draft)} for draft in ranges]
    async with tx.role(Role.TRANSITION):
        await tx.execute(_ALLOW_LONG, {"timeout_ms": str(_LOADING_TIMEOUT_MS)})
        known = (await tx.execute(_KNOWN_SLUGS, {"slugs": slugs, "carrier": MemberKind.CARRIER})).scalars().all()
        parameters = {"ranges": orjson.dumps(rows).decode(), "carrier": MemberKind.CARRIER}
        written = (await tx.execute(_UPSERT_RANGES, parameters)).all()
        moved = await tx.execute(_MOVE_NUMBERS, {"at": tx.as_of, "e164": None})
    account = PlanAccount(
        read_count=len(ranges),
        written_count=len(written),
        numbers_moved_count=moved.rowcount,
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
    """Return ranges, ordered by prefix and effective date; a carrier sees its own.

    Errors: ForbiddenError, CursorInvalidError.
    """
    require_kind(tx.viewer, REGULATOR_OR_OPERATOR | {ViewerKind.CARRIER})
    return await fetch_page(tx, _RANGES, page)


async def set_override(
    tx: Transaction,
    number: str,
    *,
    holder_id: str,
    reason: str,
    brand_id: str | None = None,
    valid_from: datetime | None = None,
    valid_until: datetime | None = None,
) -> None:
    """Set the holder of one number in place of its range's holder, from valid_from (by default now).

    Errors: ForbiddenError, NumberInvalidError, UnknownError (no such carrier, or not its brand), TimeInvalidError.
    """
    require_kind(tx.viewer, REGULATOR_OR_OPERATOR)
    e164 = parse_number(number).e164
    since = valid_from or tx.as_of
    if valid_until is not None and valid_until <= since:
        raise TimeInvalidError("The override ends before it begins.", field="validUntil")
    parameters = {
        "id": new_id(),
        "e164": e164,
        "holder_id": parse_id(holder_id),
        "brand_id": parse_id(brand_id) if brand_id else None,
        "valid_from": since,
        "valid_until": valid_until,
        "reason": check_text(reason, field="reason", length_max=_REASON_LENGTH_MAX),
        "carrier": MemberKind.CARRIER,
    }
    if brand_id and parameters["brand_id"] is None:
        raise UnknownError(field="holderId")
    async with tx.role(Role.TRANSITION):
        is_written = (await tx.execute(_SET_OVERRIDE, parameters)).first() is not None
        if is_written:
            await tx.execute(_MOVE_NUMBERS, {"at": tx.as_of, "e164": e164})
    if not is_written:
        raise UnknownError(field="holderId")
    draft = EventDraft(kind=EventKind.NUMBERING_LOADED, subject=Subject.NUMBER, subject_id=e164, payload={})
    await append_events(tx, [draft])
