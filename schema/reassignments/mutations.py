"""Recycled numbers: a carrier reports that a number now belongs to another subscriber."""

from datetime import datetime
from typing import Annotated

import strawberry
import strawberry.federation as fed

from ledger.errors import Problem as LedgerProblem
from ledger.reassignments import reporting as reassignments
from ledger.reassignments.reporting import ReassignmentDraft, report_reassignments
from schema.authority import ORDERS_ACKNOWLEDGE
from schema.fields import field
from schema.info import Info
from schema.models import Shown, given
from schema.pages import few
from schema.problems import Problem, count_problems
from schema.scalars import E164


@fed.input(description="One of your numbers that was assigned to another subscriber.")
class ReassignmentInput:
    number: str = strawberry.field(description="The number, as written.")
    reassigned_at: datetime = strawberry.field(description="When it was assigned to the new subscriber.")


@fed.input(description="Your numbers that were assigned to other subscribers, at most 1,000.")
class ReportReassignmentsInput:
    reassignments: list[ReassignmentInput] = strawberry.field(description="The items, at most 1,000.")


@fed.type(description="A new assignment of a number.")
class Reassignment(Shown[reassignments.Reassignment]):
    e164: E164 = strawberry.field(description="The number.")
    epoch: int = strawberry.field(
        description="The count of the number's assignments; complaints and orders refer to it."
    )
    starts_at: datetime = strawberry.field(description="From when the number belongs to the new subscriber.")
    was_known: bool = strawberry.field(description="Whether it had already been reported.")
    ended_orders: int = strawberry.field(
        description="The number of executed orders that ended because the number was recycled."
    )


@fed.type(description="The result for one report: the new assignment, or a problem.")
class ReassignmentResult:
    reassignment: Reassignment | None = strawberry.field(description="The new assignment.")
    problem: Problem | None = strawberry.field(description="Why the report was refused.")

    @classmethod
    def of(cls, result: reassignments.Reassignment | LedgerProblem) -> "ReassignmentResult":
        if isinstance(result, LedgerProblem):
            return cls(reassignment=None, problem=Problem.of(result))
        return cls(reassignment=Reassignment.of(result), problem=None)


@fed.type(description="The result of reportReassignments.")
class ReportReassignmentsPayload:
    results: list[ReassignmentResult] = strawberry.field(
        description="One for each item, in the order given.", directives=[few(100)]
    )
    problem_count: int = strawberry.field(description="How many items were refused.")


@fed.type
class ReassignmentMutations:
    @field(
        "Report that your numbers now belong to other subscribers: blocks that you executed on "
        "them end, and the new subscriber inherits nothing. Safe to repeat. A number that is not "
        "yours, or that has no complaints, is reported as not found.",
        needs=ORDERS_ACKNOWLEDGE,
    )
    async def report_reassignments(
        self,
        info: Info,
        input: Annotated[ReportReassignmentsInput, strawberry.argument(description="The numbers.")],  # noqa: A002
    ) -> ReportReassignmentsPayload | None:
        drafts = [ReassignmentDraft(**given(item)) for item in input.reassignments]
        results = await info.context.write(report_reassignments, drafts)
        return ReportReassignmentsPayload(
            results=[ReassignmentResult.of(result) for result in results], problem_count=count_problems(results)
        )
