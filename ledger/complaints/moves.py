"""Moving complaints from state to state: lock them in id order, write what changed, tell the source.

Every state that is written here comes from the table in ledger.states. Runs under the transition role, after the
caller's own check of its viewer.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from sqlalchemy import select, text

from ledger.complaints.reading import Complaint, load_complaints
from ledger.complaints.table import complaints
from ledger.errors import ConflictError, Problem
from ledger.identifiers import parse_id
from ledger.storage.database import Transaction
from ledger.storage.roles import Role

Row = dict[str, Any]

CHANGING = (
    "state", "rejection_reason", "info_request", "decision_note", "outcome", "duplicate_of", "decided_by",
    "complete_at", "verification_due_at", "decided_at", "resolved_at", "complainant_informed_at",
)  # fmt: skip
_LOCKED = ("id", "source_id", "e164", "account_platform", "complainant_ref", *CHANGING)

_UPDATE = text(f"""
UPDATE complaints c SET {", ".join(f"{name} = d.{name}" for name in CHANGING)}
FROM json_to_recordset(CAST(:rows AS json))
  AS d(id uuid, state text, rejection_reason text, info_request text, decision_note text, outcome text,
       duplicate_of uuid, decided_by uuid, complete_at timestamptz, verification_due_at timestamptz,
       decided_at timestamptz, resolved_at timestamptz, complainant_informed_at timestamptz)
WHERE c.id = d.id
""")


class ItemRepeatedError(ConflictError):
    """The same thing stands twice in one list."""

    code = "ITEM_REPEATED"


async def lock_complaints(tx: Transaction, ids: Sequence[str]) -> dict[str, Row]:
    """What may change of each complaint, locked in id order until the transaction ends; unknown ids are left out."""
    wanted = sorted({parsed for parsed in map(parse_id, ids) if parsed is not None})
    if not wanted:
        return {}
    statement = (
        select(*(complaints.c[name] for name in _LOCKED))
        .where(complaints.c.id.in_(wanted))
        .order_by(complaints.c.id)
        .with_for_update(key_share=True)
    )
    async with tx.role(Role.TRANSITION):
        return {row["id"]: dict(row) for row in (await tx.execute(statement)).mappings()}


async def write_complaints(tx: Transaction, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write the changed rows of lock_complaints."""
    if not rows:
        return
    changed = [{name: row[name] for name in ("id", *CHANGING)} for row in rows]
    async with tx.role(Role.TRANSITION):
        written = await tx.execute(_UPDATE, {"rows": orjson.dumps(changed).decode()})
    if written.rowcount != len(rows):
        raise RuntimeError("A complaint that was just locked was not there to be changed.")


async def answer_complaints(
    tx: Transaction, ids: Sequence[str], problems: Mapping[int, Problem]
) -> list[Complaint | Problem]:
    """The complaints as they are now, a Problem in the place of each that was refused."""
    after = await load_complaints(tx, [wanted for place, wanted in enumerate(ids) if place not in problems])
    return [problems[place] if place in problems else after[parse_id(wanted) or ""] for place, wanted in enumerate(ids)]
