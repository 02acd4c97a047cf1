"""How fields about telephone numbers and the numbering plan get their values."""

from datetime import datetime

from ledger.errors import UnknownError
from ledger.numbers import plan as numbering
from ledger.numbers import reading as numbers
from ledger.numbers.plan import PlanAccount, Range, RangeDraft
from ledger.numbers.reading import NumberFilter, PhoneNumber
from ledger.pages import Page, PageRequest
from resolvers.context import Context


async def get_number(context: Context, e164: str) -> PhoneNumber:
    """One number, batched with others of the operation. Errors: UnknownError."""
    number = await context.loaders.numbers.load(e164)
    if number is None:
        raise UnknownError(field="e164")
    return number


async def list_numbers(context: Context, page: PageRequest, where: NumberFilter) -> Page[PhoneNumber]:
    """A page of the numbers that the viewer may see."""
    return await context.read(lambda tx: numbers.list_numbers(tx, page, where))


async def list_ranges(context: Context, page: PageRequest) -> Page[Range]:
    """A page of the plan's ranges that the viewer may see."""
    return await context.read(lambda tx: numbering.list_ranges(tx, page))


async def load_plan(context: Context, ranges: list[RangeDraft]) -> PlanAccount:
    """Take ranges into the plan."""
    return await context.write(lambda tx: numbering.load_plan(tx, ranges))


async def set_override(
    context: Context,
    e164: str,
    *,
    holder_id: str,
    reason: str,
    brand_id: str | None,
    valid_from: datetime | None,
    valid_until: datetime | None,
) -> PhoneNumber | None:
    """Say who holds one number, and show the number as it is then; None where it was never heard of."""
    await context.write(
        lambda tx: numbering.set_override(
            tx,
            e164,
            holder_id=holder_id,
            reason=reason,
            brand_id=brand_id,
            valid_from=valid_from,
            valid_until=valid_until,
        )
    )
    return await context.loaders.numbers.load(e164)
