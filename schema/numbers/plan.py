"""Changing the numbering plan."""

from datetime import datetime
from typing import Annotated

import strawberry
import strawberry.federation as fed
from strawberry import UNSET

from ledger.numbers.plan import PlanAccount, load_plan
from ledger.numbers.ranges import RangeDraft
from ledger.numbers.vocabulary import RangeKind
from schema.authority import NUMBERS_MANAGE
from schema.fields import field
from schema.info import Info
from schema.models import Shown, given
from schema.pages import few
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


@fed.type
class NumberingMutations:
    @field(
        "Load ranges into the numbering plan; the holder of every known number is determined anew. A range in one that "
        "another carrier holds is refused with RANGE_HELD. Only officers can do this.",
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
