"""Forwarding runs and their manifests: what they are, and reading them. The regulator's alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import select, text

from ledger.errors import CursorInvalidError, UnknownError
from ledger.forwarding.states import ForwardingState
from ledger.forwarding.table import forwarding_items, forwarding_runs
from ledger.forwarding.vocabulary import ForwardingResult
from ledger.identifiers import ForwardingRunId, MemberId, OfficeId, OfficerId, OrderId, parse_id
from ledger.orders.moves import plain_row
from ledger.pages import Page, PageRequest, cursor_id, decode_cursor, encode_cursor
from ledger.permissions import require_regulator
from ledger.storage.database import Transaction
from ledger.vocabulary import HoldReason


@dataclass(frozen=True, slots=True, kw_only=True)
class ForwardingRun:
    """One run: who started it, the hash of its manifest, and what an approver made of it."""

    id: ForwardingRunId
    office_id: OfficeId
    started_by: OfficerId
    started_at: datetime
    state: ForwardingState
    manifest_hash: str
    complaint_count: int
    approved_by: OfficerId | None
    approved_at: datetime | None
    approved_count: int

    def concluded(
        self, *, state: ForwardingState, officer_id: OfficerId, at: datetime, approved_count: int
    ) -> "ForwardingRun":
        """The same run after its conclusion."""
        return replace(self, state=state, approved_by=officer_id, approved_at=at, approved_count=approved_count)

    @classmethod
    def of(cls, row: Mapping[Any, Any]) -> "ForwardingRun":
        """From a row of forwarding_runs."""
        values: dict[str, Any] = dict(row)
        return cls(**(values | {"state": ForwardingState(row["state"])}))


@dataclass(frozen=True, slots=True, kw_only=True)
class ForwardingItem:
    """One line of a manifest: a number, what the run made of its complaints, and why a draft is held."""

    run_id: ForwardingRunId
    place: int
    e164: str
    result: ForwardingResult
    order_id: OrderId | None
    carrier_id: MemberId | None
    complaint_count: int
    hold_reasons: tuple[HoldReason, ...]

    @classmethod
    def of(cls, row: Mapping[Any, Any]) -> "ForwardingItem":
        """From a row of forwarding_items."""
        values: dict[str, Any] = dict(row)
        values["result"] = ForwardingResult(row["result"])
        values["hold_reasons"] = tuple(HoldReason(reason) for reason in row["hold_reasons"])
        return cls(**values)


_LOCK = text("SELECT * FROM forwarding_runs WHERE id = CAST(:id AS uuid) FOR UPDATE")


async def lock_run(tx: Transaction, run_id: str) -> ForwardingRun:
    """The run, locked until the transaction ends; runs under the transition role. Errors: UnknownError."""
    known = parse_id(run_id)
    row = (await tx.execute(_LOCK, {"id": known})).mappings().one_or_none() if known else None
    if row is None:
        raise UnknownError(field="runId")
    return ForwardingRun.of(plain_row(row))


async def get_forwarding_run(tx: Transaction, run_id: str) -> ForwardingRun:
    """One run. Errors: ForbiddenError for any party but the regulator, UnknownError."""
    require_regulator(tx.viewer)
    known = parse_id(run_id)
    statement = select(forwarding_runs).where(forwarding_runs.c.id == known)
    row = (await tx.execute(statement)).mappings().one_or_none() if known else None
    if row is None:
        raise UnknownError(field="id")
    return ForwardingRun.of(row)


async def list_forwarding_runs(
    tx: Transaction, page: PageRequest, *, states: Sequence[ForwardingState] | None = None
) -> Page[ForwardingRun]:
    """Runs, newest first. Errors: ForbiddenError, CursorInvalidError."""
    require_regulator(tx.viewer)
    c = forwarding_runs.c
    statement = select(forwarding_runs).order_by(c.id.desc()).limit(page.first + 1)
    if states is not None:
        statement = statement.where(c.state.in_([state.value for state in states]))
    if page.after is not None:
        statement = statement.where(c.id < cursor_id(decode_cursor("forwarding_runs", page.after, length=1)[0]))
    rows = (await tx.execute(statement)).mappings().all()
    runs = [ForwardingRun.of(row) for row in rows[: page.first]]
    cursors = [encode_cursor("forwarding_runs", [run.id]) for run in runs]
    return Page(runs, cursors, has_next_page=len(rows) > page.first)


async def list_forwarding_items(tx: Transaction, run_id: str, page: PageRequest) -> Page[ForwardingItem]:
    """A manifest's lines in their order. Errors: ForbiddenError, CursorInvalidError."""
    require_regulator(tx.viewer)
    c = forwarding_items.c
    statement = select(forwarding_items).where(c.run_id == parse_id(run_id)).order_by(c.place).limit(page.first + 1)
    if page.after is not None:
        last = decode_cursor("forwarding_items", page.after, length=1)[0]
        if not isinstance(last, int) or isinstance(last, bool):
            raise CursorInvalidError(field="after")
        statement = statement.where(c.place > last)
    rows = (await tx.execute(statement)).mappings().all()
    items = [ForwardingItem.of(row) for row in rows[: page.first]]
    cursors = [encode_cursor("forwarding_items", [item.place]) for item in items]
    return Page(items, cursors, has_next_page=len(rows) > page.first)
