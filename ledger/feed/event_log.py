"""Reading the events, newest first: the regulator's audit view. Others get theirs as notices of what is their own."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import select

from ledger.errors import CursorInvalidError
from ledger.feed.table import events
from ledger.feed.vocabulary import EventKind, Subject
from ledger.identifiers import ClientId, MemberId, OfficerId
from ledger.pages import Page, PageRequest, decode_cursor, encode_cursor
from ledger.permissions import require_regulator
from ledger.storage.database import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One change of state: what, about which thing, by whom, when, and who may get it."""

    id: int
    kind: EventKind
    subject: Subject
    subject_id: str
    state: str | None
    actor_member_id: MemberId | None
    actor_officer_id: OfficerId | None
    actor_client_id: ClientId | None
    audience: tuple[MemberId, ...]
    payload: Mapping[str, Any]
    recorded_at: datetime

    @classmethod
    def of(cls, row: Mapping[Any, Any]) -> "Event":
        """From a row of events."""
        values: dict[str, Any] = dict(row)
        values |= {"kind": EventKind(row["kind"]), "subject": Subject(row["subject"])}
        return cls(**(values | {"audience": tuple(row["audience"])}))


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFilter:
    """Which events are wanted; None and an empty tuple leave a side open."""

    subject_id: str | None = None
    kinds: tuple[EventKind, ...] = ()
    recorded_after: datetime | None = None
    recorded_before: datetime | None = None


async def list_events(tx: Transaction, page: PageRequest, wanted: EventFilter | None = None) -> Page[Event]:
    """A page of events, newest first. Errors: ForbiddenError for any party but the regulator, CursorInvalidError."""
    require_regulator(tx.viewer)
    where = wanted or EventFilter()
    c = events.c
    statement = select(*(c[column.name] for column in fields(Event))).order_by(c.id.desc()).limit(page.first + 1)
    if where.subject_id is not None:
        statement = statement.where(c.subject_id == where.subject_id)
    if where.kinds:
        statement = statement.where(c.kind.in_([kind.value for kind in where.kinds]))
    if where.recorded_after is not None:
        statement = statement.where(c.recorded_at >= where.recorded_after)
    if where.recorded_before is not None:
        statement = statement.where(c.recorded_at < where.recorded_before)
    if page.after is not None:
        last = decode_cursor("events", page.after, length=1)[0]
        if not isinstance(last, int) or isinstance(last, bool):
            raise CursorInvalidError(field="after")
        statement = statement.where(c.id < last)
    rows = (await tx.execute(statement)).mappings().all()
    found = [Event.of(row) for row in rows[: page.first]]
    return Page(found, [encode_cursor("events", [event.id]) for event in found], has_next_page=len(rows) > page.first)
