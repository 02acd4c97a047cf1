"""What block requests have in common, whatever their instrument: the interfaces, and no instrument itself.

An order is a duty and never becomes a referral; they share how they are looked at and nothing else.
"""

from collections.abc import Sequence
from datetime import datetime

import strawberry
import strawberry.federation as fed

from ledger.vocabulary import BlockRequestStatus, Category
from schema.fields import field
from schema.info import Info
from schema.members.types import Member
from schema.numbers.types import PhoneNumber
from schema.pages import few
from schema.scalars import E164

ACKNOWLEDGEMENTS_ASSUMED = 3


@fed.interface(description="What an addressee said of a block request. Nothing of it is ever changed.")
class Acknowledgement:
    id: strawberry.ID = strawberry.field(description="Its id.")
    reference: str | None = strawberry.field(description="The addressee's own ticket; it may recur.")
    effective_at: datetime | None = strawberry.field(description="When it took effect, by the addressee's clock.")
    recorded_at: datetime = strawberry.field(description="When it came in, by ours.")


@fed.interface(description="A request to stop a number's misuse: an order to a carrier is one kind.")
class BlockRequest:
    id: strawberry.ID = strawberry.field(description="Its id.")
    e164: E164 | None = strawberry.field(description="The number that it is about.")
    category: Category = strawberry.field(description="What the number is complained of.")
    summary: str = strawberry.field(description="The officer's summary for the addressee.")
    complaint_count: int = strawberry.field(description="How many complaints stand behind it.")
    issued_at: datetime | None = strawberry.field(description="When it was sent.")

    @field("How far it has come, in words that fit every instrument.")
    def status(self, info: Info) -> BlockRequestStatus:
        raise NotImplementedError  # an interface has no objects of its own to ask

    @field("The number, as far as you may see it.")
    async def number(self, info: Info) -> PhoneNumber | None:
        raise NotImplementedError  # an interface has no objects of its own to ask

    @field("The member that it is addressed to.")
    async def addressee(self, info: Info) -> Member | None:
        raise NotImplementedError  # an interface has no objects of its own to ask

    @field("What its addressee said, oldest first.", directives=[few(ACKNOWLEDGEMENTS_ASSUMED)])
    async def acknowledgements(self, info: Info) -> Sequence[Acknowledgement] | None:
        raise NotImplementedError  # an interface has no objects of its own to ask
