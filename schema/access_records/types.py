"""Who read what, for officers who audit."""

from datetime import datetime
from typing import Annotated

import strawberry
import strawberry.federation as fed
from strawberry import UNSET

from ledger.access_records import reading
from ledger.access_records.reading import Access, list_accesses
from ledger.access_records.table import SUBJECTS_MAX
from ledger.accesses import AccessKind
from ledger.members.reading import load_officers
from schema.authority import AUDIT_READ
from schema.fields import field
from schema.info import Info
from schema.members.types import Officer
from schema.models import Shown, given_filter
from schema.pages import PAGED, After, Connection, First, few, page_request
from schema.reads import one
from schema.texts import CHECKED


@fed.type(
    description=(
        "What one operation showed to one party: of one kind, at most "
        f"{SUBJECTS_MAX:,} things. Nobody can alter or remove it; the log commits to it hour by hour."
    ),
    requires_scopes=AUDIT_READ,
)
class AccessRecord(Shown[Access]):
    id: strawberry.ID = strawberry.field(description="Its ID; of a reveal, that of the ComplainantReveal.")
    recorded_at: datetime = strawberry.field(description="When it was read.")
    kind: AccessKind = strawberry.field(description="What was read.")
    listed: str | None = strawberry.field(name="list", description="Which list, if a list was read.")
    subject_ids: list[str] = strawberry.field(
        description="What was shown: IDs or numbers; of what belongs to a complaint, the complaint's ID.",
        directives=[few(10)],
    )
    operation_name: str | None = strawberry.field(description="The operation's name, as the client sent it.")
    document_hash: str | None = strawberry.field(
        description="The SHA-256 of the operation's text, in hexadecimal; null for a reveal."
    )
    request_id: str | None = strawberry.field(description="The request's ID, which the access log has as well.")
    client_id: strawberry.ID | None = strawberry.field(description="The client that was used.")

    officer: Officer | None = one(
        "The officer who read it; null if a system of the regulator's did.", Officer, load_officers, by="officer_id"
    )


@fed.type(description="One page of the record of who read what.", requires_scopes=AUDIT_READ)
class AccessRecordConnection(Connection[AccessRecord]):
    pass


@fed.input(description="Which accesses to return. Criteria that are left out match everything.")
class AccessRecordFilter:
    officer_id: strawberry.ID | None = strawberry.field(description="By this officer.", default=UNSET)
    client_id: strawberry.ID | None = strawberry.field(description="Through this client.", default=UNSET)
    subject_id: str | None = strawberry.field(
        description="That showed this: an ID, or a number in E.164.", default=UNSET
    )
    kinds: list[AccessKind] | None = strawberry.field(description="Of any of these kinds.", default=UNSET)
    recorded_after: datetime | None = strawberry.field(description="Read at or after this time.", default=UNSET)
    recorded_before: datetime | None = strawberry.field(description="Read before this time.", default=UNSET)


@fed.type
class AccessRecordQueries:
    @field(
        "Who read chronologies, evidence, complainants and long lists, newest first; for officers only.",
        needs=AUDIT_READ,
        directives=[PAGED],
        extensions=[CHECKED],
    )
    async def access_records(
        self,
        info: Info,
        filter: Annotated[  # noqa: A002 - the graph's name
            AccessRecordFilter | None, strawberry.argument(description="Which ones.")
        ] = UNSET,
        first: First = UNSET,
        after: After = UNSET,
    ) -> AccessRecordConnection | None:
        """Errors: FORBIDDEN, OFFICER_REQUIRED."""
        where = reading.AccessFilter(**given_filter(filter))
        page = await info.context.read(list_accesses, page_request(first, after), where)
        return AccessRecordConnection.of(page, AccessRecord.of, after=after)
