"""What operators did on the command line, and why, for officers who audit."""

from datetime import datetime

import strawberry
import strawberry.federation as fed
from strawberry import UNSET

from ledger.feed.vocabulary import Subject
from ledger.operator_acts.recording import OpenedAct, list_operator_acts
from ledger.operator_acts.vocabulary import Act
from schema.authority import AUDIT_READ
from schema.fields import field
from schema.info import Info
from schema.models import Shown
from schema.pages import OPENED, PAGED, After, Connection, First, page_request
from schema.scalars import Base64


@fed.type(description="One act of an operator on the command line.", requires_scopes=AUDIT_READ)
class OperatorAct(Shown[OpenedAct]):
    id: strawberry.ID = strawberry.field(description="Its ID; its event calls it actId.")
    act: Act = strawberry.field(description="What was done.")
    subject: Subject = strawberry.field(description="The type of the object it concerns.")
    subject_id: str = strawberry.field(description="The object's ID.")
    operator: str = strawberry.field(description="The operator's account at the operating system.")
    behalf_of: str | None = strawberry.field(description="The account that became the operator's (sudo), if known.")
    reason: str | None = strawberry.field(description="The reason, in the operator's words.", directives=[OPENED])
    reason_salt: Base64 | None = strawberry.field(
        description="The event's reasonHash is the SHA-256 of these bytes followed by the reason, in hexadecimal."
    )
    acted_at: datetime = strawberry.field(description="When it was done.")


@fed.type(description="One page of operators' acts.", requires_scopes=AUDIT_READ)
class OperatorActConnection(Connection[OperatorAct]):
    pass


@fed.type
class OperatorActQueries:
    @field("What operators did, newest first; for officers only.", needs=AUDIT_READ, directives=[PAGED])
    async def operator_acts(
        self, info: Info, first: First = UNSET, after: After = UNSET
    ) -> OperatorActConnection | None:
        """Errors: FORBIDDEN, OFFICER_REQUIRED."""
        page = await info.context.read(list_operator_acts, page_request(first, after))
        return OperatorActConnection.of(page, OperatorAct.of, after=after)
