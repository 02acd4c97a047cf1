"""Changing the numbering plan."""

from datetime import datetime
from typing import Annotated

import strawberry
import strawberry.federation as fed
from strawberry import UNSET

from ledger.numbers import plan as numbering
from ledger.numbers.vocabulary import RangeKind
from resolvers import numbers as resolve
from schema.authority import NUMBERS_MANAGE
from schema.fields import field
from schema.info import Info
from schema.models import copy_model, given, optional
from schema.numbers.types import PhoneNumber
from schema.pages import few
from schema.scalars import E164
from schema.texts import CHECKED


@fed.input(description="A range of the numbering plan.")
class NumberRangeInput:
    prefix: str = strawberry.field(description="Country code and leading digits, with +.")
    kind: RangeKind = strawberry.field(description="What it serves.")
    valid_from: datetime = strawberry.field(description="From when it holds.")
    valid_until: datetime | None = strawberry.field(description="Until when it holds.", default=UNSET)
    holder_slug: str | None = strawberry.field(description="The holder, by its short name.", default=UNSET)
    holder_name: str | None = strawberry.field(description="The holder's name where it is no member.", default=UNSET)
    brand_slug: str | None = strawberry.field(description="The holder's brand, by its short name.", default=UNSET)

    def draft(self) -> numbering.RangeDraft:
        return numbering.RangeDraft(**({"holder_slug": None, "holder_name": None, "brand_slug": None} | given(self)))


@fed.input(description="Ranges to take into the plan, at most 1,000. The same again changes nothing.")
class LoadNumberingPlanInput:
    ranges: list[NumberRangeInput] = strawberry.field(description="The ranges, at most 1,000.")


@fed.input(description="That one number is held by another than its range's holder.")
class SetNumberOverrideInput:
    e164: E164 = strawberry.field(description="The number.")
    holder_id: strawberry.ID = strawberry.field(description="The carrier that holds it.")
    reason: str = strawberry.field(description="Why, in words.")
    brand_id: strawberry.ID | None = strawberry.field(description="The carrier's brand.", default=UNSET)
    valid_from: datetime | None = strawberry.field(description="From when; now when it is not given.", default=UNSET)
    valid_until: datetime | None = strawberry.field(description="Until when.", default=UNSET)


@fed.type(description="What loadNumberingPlan answers.")
class LoadNumberingPlanPayload:
    read_count: int = strawberry.field(description="Ranges that were given.")
    written_count: int = strawberry.field(description="Ranges that are new or changed.")
    numbers_moved_count: int = strawberry.field(description="Numbers whose holder changed with them.")
    unknown_holder_slugs: list[str] = strawberry.field(
        description="Short names of holders that are no members.", directives=[few(5)]
    )


@fed.type(description="What setNumberOverride answers.")
class SetNumberOverridePayload:
    number: PhoneNumber | None = strawberry.field(description="The number as it is now, where it is known.")


@fed.type
class NumberingMutations:
    @field(
        "Take ranges into the numbering plan; every known number gets its holder again.",
        needs=NUMBERS_MANAGE,
        extensions=[CHECKED],
    )
    async def load_numbering_plan(
        self,
        info: Info,
        input: Annotated[LoadNumberingPlanInput, strawberry.argument(description="The ranges.")],  # noqa: A002
    ) -> LoadNumberingPlanPayload | None:
        account = await resolve.load_plan(info.context, [item.draft() for item in input.ranges])
        return copy_model(LoadNumberingPlanPayload, account)

    @field(
        "Say that one number is held by another than its range's holder.", needs=NUMBERS_MANAGE, extensions=[CHECKED]
    )
    async def set_number_override(
        self,
        info: Info,
        input: Annotated[SetNumberOverrideInput, strawberry.argument(description="Which, and whose.")],  # noqa: A002
    ) -> SetNumberOverridePayload | None:
        number = await resolve.set_override(
            info.context,
            input.e164,
            holder_id=input.holder_id,
            reason=input.reason,
            brand_id=optional(input.brand_id),
            valid_from=optional(input.valid_from),
            valid_until=optional(input.valid_until),
        )
        return SetNumberOverridePayload(number=PhoneNumber.of(number) if number else None)
