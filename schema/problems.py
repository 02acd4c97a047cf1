"""Why one item of a bulk mutation was refused, while others were accepted."""

from collections.abc import Sequence

import strawberry
import strawberry.federation as fed

from ledger import errors
from schema.models import copy_model


@fed.type(description="Why one item of a bulk mutation was refused. The other items are not affected.")
class Problem:
    code: str = strawberry.field(description="A stable, specific code; docs/errors.md lists all of them.")
    message: str = strawberry.field(description="A human-readable explanation.")
    field: str | None = strawberry.field(description="The input field at fault, if there is one.")
    hint: str | None = strawberry.field(description="What to do about it.")

    @classmethod
    def of(cls, problem: errors.Problem) -> "Problem":
        return copy_model(cls, problem)


def count_problems(results: Sequence[object]) -> int:
    """How many items of a bulk result were refused."""
    return sum(1 for result in results if isinstance(result, errors.Problem))
