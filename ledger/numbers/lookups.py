"""Look-ups of numbers by their value, counted for each client and legal day, so that nobody reads a country's risk.

What counts is every number, or hash of one, that a client names, found or not, except what it may know anyway: numbers
of the carrier's own ranges (for a brand's client, of its brand's), and all look-ups of the regulator and the operator.
The count is in the database, so it holds over all processes and restarts; a client has one row, which the next day
uses again.
Source: docs/adr/0081.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from sqlalchemy import text

from ledger.identifiers import ClientId
from ledger.legal_time import LEGAL_ZONE
from ledger.numbers.plan import HOLDER_BRAND, HOLDER_JOIN, HOME_PREFIX
from ledger.permissions import REGULATOR_OR_OPERATOR
from ledger.policies import Policies
from ledger.storage.database import Transaction
from ledger.storage.roles import Role
from ledger.storage.wire import Statement, number_parameters
from ledger.viewer import Viewer


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookups:
    """How many numbers a client may look up in a day, how many it has, and when the next day begins."""

    limit: int
    used: int
    resets_at: datetime

    @property
    def left(self) -> int:
        """How many more it may look up."""
        return max(self.limit - self.used, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class CountedLookups:
    """The verdict on one operation: how many of its look-ups count, and whether the client may make them.

    If not, none of them was counted.
    """

    asked: int
    is_granted: bool
    today: Lookups


_NAMES = ("client_id", "day", "limit", "e164s", "others", "member_id", "brand_id", "home_prefix", "at")
# A day that is over is replaced; one that a process with a slower clock still has counts as the present one.
_COUNT = number_parameters(
    f"""
WITH named AS (
  SELECT count(*) + CAST(:others AS bigint) AS asked
  FROM (SELECT e164, starts_with(e164, CAST(:home_prefix AS text)) AS is_domestic
        FROM unnest(CAST(:e164s AS text[])) AS e164) n {HOLDER_JOIN}
  WHERE coalesce(o.holder_id, r.holder_id) IS DISTINCT FROM CAST(:member_id AS uuid)
     OR {HOLDER_BRAND} <> CAST(:brand_id AS uuid)
     OR ({HOLDER_BRAND} IS NULL AND CAST(:brand_id AS uuid) IS NOT NULL)
), counted AS (
  INSERT INTO number_lookups AS known (client_id, day, used)
  SELECT CAST(:client_id AS text), CAST(:day AS date), asked FROM named WHERE asked BETWEEN 1 AND CAST(:limit AS bigint)
  ON CONFLICT (client_id) DO UPDATE
    SET day = greatest(known.day, excluded.day),
        used = CASE WHEN known.day < excluded.day THEN excluded.used ELSE known.used + excluded.used END
    WHERE known.day < excluded.day OR known.used + excluded.used <= CAST(:limit AS bigint)
  RETURNING used
)
SELECT named.asked, counted.used, coalesce(before.used, 0) AS used_before
FROM named LEFT JOIN counted ON true
LEFT JOIN number_lookups before ON before.client_id = CAST(:client_id AS text) AND before.day >= CAST(:day AS date)
""",
    _NAMES,
)
_FIND = text("SELECT used FROM number_lookups WHERE client_id = :client_id AND day >= :day")


def is_counted(viewer: Viewer) -> bool:
    """Whether the viewer's look-ups count; the regulator's and the operator's don't."""
    return viewer.kind not in REGULATOR_OR_OPERATOR


@dataclass(frozen=True, slots=True)
class LookupCount:
    """The counting of the numbers and hashes that one operation names, all or none: one statement, and its result.

    The statement runs as TRANSITION for the client's party, and must be committed before anything is looked up.
    """

    statement: Statement
    limit: int
    day: date

    @classmethod
    def of(
        cls,
        viewer: Viewer,
        policies: Policies,
        client_id: ClientId,
        *,
        e164s: Collection[str],
        hashes: Collection[str],
        as_of: datetime,
    ) -> "LookupCount":
        """Shapes: e164s and hashes have no repetitions."""
        day, limit = _day_of(as_of), policies.lookups_per_client_daily
        place = (viewer.member_id, viewer.brand_id, HOME_PREFIX, as_of)
        return cls((_COUNT, (client_id, day, limit, sorted(e164s), len(hashes), *place)), limit, day)

    def read(self, row: Sequence[bytes | None]) -> CountedLookups:
        """The verdict, from the statement's row."""
        asked, used, before = (None if each is None else int(each) for each in row)
        today = Lookups(limit=self.limit, used=(before or 0) if used is None else used, resets_at=_end_of(self.day))
        return CountedLookups(asked=asked or 0, is_granted=not asked or used is not None, today=today)


async def count_lookups(tx: Transaction, count: LookupCount) -> CountedLookups:
    """Count the numbers and hashes that one operation names, all or none, in one statement."""
    async with tx.role(Role.TRANSITION):
        row = await tx.fetch_compiled(*count.statement)
    return count.read(row)


async def find_lookups(tx: Transaction, client_id: ClientId) -> Lookups | None:
    """Return what the client has looked up today; None for a viewer whose look-ups don't count."""
    if not is_counted(tx.viewer):
        return None
    day = _day_of(tx.as_of)
    async with tx.role(Role.TRANSITION):
        used = (await tx.execute(_FIND, {"client_id": client_id, "day": day})).scalar_one_or_none()
    return Lookups(limit=tx.policies.lookups_per_client_daily, used=used or 0, resets_at=_end_of(day))


def _day_of(at: datetime) -> date:
    return at.astimezone(LEGAL_ZONE).date()


def _end_of(day: date) -> datetime:
    return datetime.combine(day + timedelta(days=1), time(), LEGAL_ZONE)
