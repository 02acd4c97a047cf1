"""The record of who did what, for the regulator's audit."""

from datetime import datetime
from typing import Annotated

import strawberry
import strawberry.federation as fed
from strawberry import UNSET

from ledger.feed import event_log, table
from ledger.feed.event_log import list_events
from ledger.feed.vocabulary import EventKind, Subject
from ledger.members.reading import load_members, load_officers
from schema.authority import AUDIT_READ
from schema.fields import field
from schema.info import Info
from schema.members.types import Member, Officer
from schema.models import Shown, given_filter
from schema.pages import PAGED, After, Connection, First, page_request
from schema.reads import one
from schema.texts import CHECKED


@fed.type(description="One change of state. Nobody can alter or remove it.", requires_scopes=AUDIT_READ)
class Event(Shown[table.Event]):
    id: strawberry.ID = strawberry.field(
        description="Its ID. It identifies the event and says nothing about its order among others."
    )
    kind: EventKind = strawberry.field(description="What happened.")
    subject: Subject = strawberry.field(description="The type of the object it concerns.")
    subject_id: str = strawberry.field(description="The object's ID, or the number itself.")
    state: str | None = strawberry.field(description="The object's state after the event.")
    recorded_at: datetime = strawberry.field(description="When it was recorded.")
    actor_client_id: strawberry.ID | None = strawberry.field(name="clientId", description="The client that acted.")

    member: Member | None = one("The member that acted.", Member, load_members, by="actor_member_id")

    officer: Officer | None = one("The officer who acted.", Officer, load_officers, by="actor_officer_id")


@fed.type(description="One page of events.", requires_scopes=AUDIT_READ)
class EventConnection(Connection[Event]):
    pass


@fed.input(description="Which events to return. Criteria that are left out match everything.")
class EventFilter:
    subject_id: str | None = strawberry.field(description="About this object.", default=UNSET)
    kinds: list[EventKind] | None = strawberry.field(description="Of any of these kinds.", default=UNSET)
    recorded_after: datetime | None = strawberry.field(description="Recorded at or after this time.", default=UNSET)
    recorded_before: datetime | None = strawberry.field(description="Recorded before this time.", default=UNSET)


@fed.type
class EventQueries:
    @field(
        "Who did what, newest first; visible to the regulator only.",
        needs=AUDIT_READ,
        directives=[PAGED],
        extensions=[CHECKED],
    )
    async def events(
        self,
        info: Info,
        filter: Annotated[EventFilter | None, strawberry.argument(description="Which ones.")] = UNSET,  # noqa: A002
        first: First = UNSET,
        after: After = UNSET,
    ) -> EventConnection | None:
        where = event_log.EventFilter(**given_filter(filter))
        page = await info.context.read(list_events, page_request(first, after), where)
        return EventConnection.of(page, Event.of, after=after)
