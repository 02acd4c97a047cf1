"""The interfaces that all block requests implement, whatever their instrument. It defines no instrument itself.

An order is an obligation and never becomes a referral; the two share only how they are read.
"""

from collections.abc import Sequence
from datetime import datetime

import strawberry
import strawberry.federation as fed

from ledger.vocabulary import BlockRequestStatus, Category
from schema.members.types import Member
from schema.numbers.types import PhoneNumber
from schema.pages import few
from schema.scalars import E164

ACKNOWLEDGEMENTS_ASSUMED = 3


@fed.interface(description="What an addressee reported about a block request. It is never changed.")
class Acknowledgement:
    id: strawberry.ID = strawberry.field(description="Its ID.")
    reference: str | None = strawberry.field(description="The addressee's own ticket number; it need not be unique.")
    effective_at: datetime | None = strawberry.field(description="When it took effect, by the addressee's clock.")
    recorded_at: datetime = strawberry.field(description="When it was received, by the gateway's clock.")


@fed.interface(
    description="A request to stop the misuse of a number: an order, which obliges a carrier, or a referral, "
    "which obliges nobody."
)
class BlockRequest:
    id: strawberry.ID = strawberry.field(description="Its ID.")
    e164: E164 | None = strawberry.field(description="The number it concerns.")
    category: Category = strawberry.field(description="What the number is reported for.")
    summary: str = strawberry.field(description="The officer's summary for the addressee.")
    complaint_count: int = strawberry.field(description="The number of complaints it is based on.")
    issued_at: datetime | None = strawberry.field(description="When it was sent.")

    status: BlockRequestStatus = strawberry.field(
        description="How far it has progressed, in terms common to all instruments."
    )

    number: PhoneNumber | None = strawberry.field(description="The number, as far as you may see it.")
    addressee: Member | None = strawberry.field(description="The member it is addressed to.")
    acknowledgements: Sequence[Acknowledgement] | None = strawberry.field(
        description="The addressee's acknowledgements, oldest first.", directives=[few(ACKNOWLEDGEMENTS_ASSUMED)]
    )
