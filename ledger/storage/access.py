"""One line of who may touch what: a role, a table, its rows and columns, and the viewer as a policy sees it."""

from collections.abc import Sequence
from dataclasses import dataclass

from ledger.storage.roles import Role

ME = "(SELECT nullif(current_setting('jembatan.member_id', true), '')::uuid)"
MY_BRAND = "(SELECT nullif(current_setting('jembatan.brand_id', true), '')::uuid)"
TAKES_PART = (
    f"(SELECT EXISTS (SELECT 1 FROM participations p WHERE p.member_id = {ME} "
    "AND p.began_at IS NOT NULL AND p.ended_at IS NULL))"
)
"""Whether the viewer has a participation in force; it depends on no row, so that it is asked once a statement."""
ALL_ROWS = "true"


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """What one role may do with one table.

    rows is the condition for every row that is read or changed, written that for a row as it is written
    (rows, where it is None). changed narrows further which of the rows may be updated or deleted. select may
    name columns; an empty tuple means all of them. update names the columns that may change.
    """

    table: str
    role: Role
    rows: str = ALL_ROWS
    written: str | None = None
    changed: str | None = None
    select: Sequence[str] | None = None
    insert: bool = False
    update: Sequence[str] | None = None
    delete: bool = False


EVERYTHING: tuple[str, ...] = ()
