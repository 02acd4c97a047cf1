"""Changing the numbering plan."""

from datetime import datetime
from typing import Annotated

import strawberry
import strawberry.federation as fed
from strawberry import UNSET

from ledger.numbers.plan import PlanAccount, load_plan, set_override
from ledger.numbers.ranges import RangeDraft
from ledger.numbers.vocabulary import RangeKind
from schema.authority import NUMBERS_MANAGE
from schema.fields import field
from schema.info import Info
from schema.models import Shown, given
from schema.numbers.types import PhoneNumber, find_number
from schema.pages import few
from schema.scalars import E164
from schema.texts import CHECKED


@fed.input(description="A range of the numbering plan.")
class NumberRangeInput:
    prefix: str = strawberry.field(description="The country code and leading digits, starting with +.")
    kind: RangeKind = strawberry.field(description="What the range serves.")
    valid_from: datetime = strawberry.field(description="When it takes effect.")
    valid_until: datetime | None = strawberry.field(description="When it ceases to apply.", default=UNSET)
    holder_slug: str | None = strawberry.field(description="The holder, by its short name.", default=UNSET)
    holder_name: str | None = strawberry.field(description="The holder's name if it is not a member.", default=UNSET)
    brand_slug: str | None = strawberry.field(description="The holder's brand, by its short name.", default=UNSET)

    def draft(self) -> RangeDraft:
        return RangeDraft(**given(self))


@fed.input(description="Ranges to load into the plan, at most 1,000. Loading the same ranges again changes nothing.")
class LoadNumberingPlanInput:
    ranges: list[NumberRangeInput] = strawberry.field(description="The ranges, at most 1,000.")


@fed.input(description="A number that is held by a carrier other than the holder of its range.")
class SetNumberOverrideInput:
    e164: E164 = strawberry.field(description="The number.")
    holder_id: strawberry.ID = strawberry.field(description="The carrier that holds it.")
    reason: str = strawberry.field(description="The explanation.")
    brand_id: strawberry.ID | None = strawberry.field(description="The carrier's brand.", default=UNSET)
    valid_from: datetime | None = strawberry.field(description="When it takes effect; now by default.", default=UNSET)
    valid_until: datetime | None = strawberry.field(description="When it ceases to apply.", default=UNSET)


@fed.type(description="The result of loadNumberingPlan.")
class LoadNumberingPlanPayload(Shown[PlanAccount]):
    read_count: int = strawberry.field(description="The number of ranges provided.")
    written_count: int = strawberry.field(description="The number of ranges that are new or changed.")
    numbers_moved_count: int = strawberry.field(
        description="The number of telephone numbers whose holder changed as a result."
    )
    unknown_holder_slugs: list[str] = strawberry.field(
        description="Short names of holders that are not members.", directives=[few(5)]
    )


@fed.type(description="The result of setNumberOverride.")
class SetNumberOverridePayload:
    number: PhoneNumber | None = strawberry.field(description="The number as it is now, if it is known.")


@fed.type
class NumberingMutations:
    @field(
        "Load ranges into the numbering plan; the holder of every known number is determined anew.",
        needs=NUMBERS_MANAGE,
        extensions=[CHECKED],
    )
    async def load_numbering_plan(
        self,
        info: Info,
        input: Annotated[LoadNumberingPlanInput, strawberry.argument(description="The ranges.")],  # noqa: A002
    ) -> LoadNumberingPlanPayload | None:
        account = await info.context.write(load_plan, [item.draft() for item in input.ranges])
        return LoadNumberingPlanPayload.of(account)

    @field(
        "Record that one number is held by a carrier other than the holder of its range.",
        needs=NUMBERS_MANAGE,
        extensions=[CHECKED],
    )
    async def set_number_override(
        self,
        info: Info,
        input: Annotated[SetNumberOverrideInput, strawberry.argument(description="The number, and its holder.")],  # noqa: A002
    ) -> SetNumberOverridePayload | None:
        await info.context.write(set_override, input.e164, **given(input, without=("e164",)))
        return SetNumberOverridePayload(number=await find_number(info.context, input.e164))
