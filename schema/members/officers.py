"""Officers as whoever looks after them sees them: an administrator its own member's, the regulator any."""

from datetime import datetime
from typing import Annotated

import strawberry
import strawberry.federation as fed
from strawberry import UNSET

from ledger.members import table
from ledger.members.reading import OFFICERS, OfficerFilter
from schema.authority import OFFICER_KEEPERS, OFFICER_READERS
from schema.fields import field
from schema.info import Info
from schema.models import Shown, optional
from schema.pages import PAGED, After, Connection, First, few, page_request
from schema.reads import Listed
from schema.texts import CHECKED


@fed.type(
    description="A person who acts for a member. Only the regulator's decide; a member sees its own.",
    requires_scopes=OFFICER_READERS,
)
class MemberOfficer(Shown[table.Officer]):
    id: strawberry.ID = strawberry.field(description="Its ID; all logins of one person lead to the same officer.")
    member_id: strawberry.ID = strawberry.field(description="The member.")
    office_id: strawberry.ID = strawberry.field(description="The member's office.")
    display_name: str = strawberry.field(description="Name as colleagues read it.")
    scopes: list[str] = strawberry.field(description="What the officer may do.", directives=[few(8)])
    created_at: datetime = strawberry.field(description="When the officer was added.")
    disabled_at: datetime | None = strawberry.field(
        description="When the officer was disabled; an officer can do nothing from then on."
    )


@fed.type(description="One page of officers.", requires_scopes=OFFICER_READERS)
class MemberOfficerConnection(Connection[MemberOfficer]):
    pass


@fed.type
class MemberOfficerQueries:
    @field(
        "Officers, oldest first: your own member's, or for the regulator those of any.",
        needs=OFFICER_KEEPERS,
        directives=[PAGED],
        extensions=[CHECKED],
        reads=Listed(OFFICERS),
    )
    async def member_officers(
        self,
        info: Info,
        member_id: Annotated[strawberry.ID | None, strawberry.argument(description="Of this member.")] = UNSET,
        first: First = UNSET,
        after: After = UNSET,
    ) -> MemberOfficerConnection | None:
        wanted = OfficerFilter(member_id=optional(member_id))
        page = await info.context.read(OFFICERS.fetch, page_request(first, after), wanted)
        return MemberOfficerConnection.of(page, MemberOfficer.of, after=after)
