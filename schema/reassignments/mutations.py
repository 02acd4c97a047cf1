"""Recycled numbers: a carrier reports that a number now belongs to another subscriber, and an officer decides."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Self

import strawberry
import strawberry.federation as fed

from ledger.errors import Problem as LedgerProblem
from ledger.reassignments import table
from ledger.reassignments.confirming import ReportRefusal, confirm_reassignments, refuse_reassignments
from ledger.reassignments.reporting import ReassignmentDraft, ReportedReassignment, report_reassignments
from schema.authority import ORDERS_ACKNOWLEDGE, ORDERS_APPROVE
from schema.fields import field
from schema.info import Info
from schema.models import given
from schema.pages import few
from schema.problems import Problem, count_problems
from schema.reassignments.types import ReassignmentReport
from schema.scalars import E164


@fed.input(description="One of your numbers that was assigned to another subscriber.")
class ReassignmentInput:
    number: str = strawberry.field(description="The number, as written.")
    reassigned_at: datetime = strawberry.field(
        description="When it was assigned to the new subscriber: not in the future, not before the incident behind a "
        "block order of the number, and not before a block that you executed was issued."
    )


@fed.input(description="Your numbers that were assigned to other subscribers, at most 1,000.")
class ReportReassignmentsInput:
    reassignments: list[ReassignmentInput] = strawberry.field(description="The items, at most 1,000.")


@fed.input(description="Reports to be confirmed, at most 1,000.")
class ConfirmReassignmentsInput:
    report_ids: list[strawberry.ID] = strawberry.field(description="The reports, at most 1,000.")


@fed.input(description="A report to be refused.")
class ReassignmentRefusalInput:
    report_id: strawberry.ID = strawberry.field(description="The report.")
    reason: str = strawberry.field(description="Why, in at most 500 characters; its carrier reads it.")


@fed.input(description="Reports to be refused, at most 1,000.")
class RefuseReassignmentsInput:
    refusals: list[ReassignmentRefusalInput] = strawberry.field(description="One for each report, at most 1,000.")


@fed.type(description="A new assignment of a number, as it was reported.")
class Reassignment:
    e164: E164 = strawberry.field(description="The number.")
    epoch: int = strawberry.field(
        description="The count of the number's assignments; complaints and orders refer to it."
    )
    starts_at: datetime = strawberry.field(description="From when the number belongs to the new subscriber.")
    was_known: bool = strawberry.field(description="Whether it had already been reported.")
    ended_orders: int = strawberry.field(
        description="The number of executed orders that ended because the number was recycled: 0 until an officer "
        "confirms the report."
    )


@fed.type(description="The result for one report: the report, or a problem.")
class ReassignmentResult:
    report: ReassignmentReport | None = strawberry.field(description="The report as it is now.")
    was_known: bool | None = strawberry.field(description="Whether it had already been reported.")
    reassignment: Reassignment | None = strawberry.field(
        description="The new assignment.", deprecation_reason="An officer decides about it first: use report."
    )
    problem: Problem | None = strawberry.field(description="Why the report was refused.")

    @classmethod
    def of(cls, result: ReportedReassignment | LedgerProblem) -> "ReassignmentResult":
        if isinstance(result, LedgerProblem):
            return cls(report=None, was_known=None, reassignment=None, problem=Problem.of(result))
        report = result.report
        reassignment = Reassignment(
            e164=E164(report.e164),
            epoch=report.epoch,
            starts_at=report.starts_at,
            was_known=result.was_known,
            ended_orders=report.ended_order_count,
        )
        return cls(
            report=ReassignmentReport.of(report), was_known=result.was_known, reassignment=reassignment, problem=None
        )


@fed.type(description="The result of reportReassignments.")
class ReportReassignmentsPayload:
    results: list[ReassignmentResult] = strawberry.field(
        description="One for each item, in the order given.", directives=[few(100)]
    )
    problem_count: int = strawberry.field(description="How many items were refused.")


@fed.type(description="The result for one decided report: the report as it is now, or a problem.")
class ReassignmentDecisionResult:
    report: ReassignmentReport | None = strawberry.field(description="The report as it is now.")
    problem: Problem | None = strawberry.field(description="Why nothing was done.")

    @classmethod
    def of(cls, result: table.ReassignmentReport | LedgerProblem) -> "ReassignmentDecisionResult":
        if isinstance(result, LedgerProblem):
            return cls(report=None, problem=Problem.of(result))
        return cls(report=ReassignmentReport.of(result), problem=None)


@fed.type(description="The result of decisions about reports.")
class ReassignmentDecisionsPayload:
    """The fields that payloads of several mutations share."""

    results: list[ReassignmentDecisionResult] = strawberry.field(
        description="One for each item, in the order given.", directives=[few(100)]
    )
    problem_count: int = strawberry.field(description="How many items were refused.")

    @classmethod
    def of(cls, results: Sequence[table.ReassignmentReport | LedgerProblem]) -> Self:
        return cls(
            results=[ReassignmentDecisionResult.of(result) for result in results],
            problem_count=count_problems(results),
        )


@fed.type(description="The result of confirmReassignments.")
class ConfirmReassignmentsPayload(ReassignmentDecisionsPayload):
    pass


@fed.type(description="The result of refuseReassignments.")
class RefuseReassignmentsPayload(ReassignmentDecisionsPayload):
    pass


@fed.type
class ReassignmentMutations:
    @field(
        "Report that your numbers now belong to other subscribers. When an officer confirms it, blocks that you "
        "executed on them end, and the new subscriber inherits nothing. Safe to repeat. A number that is not yours, "
        "not of your client's brand, or that has no complaints, is reported as not found.",
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

    @field(
        "Confirm reports of carriers: the executed orders of the numbers end, their signals expire, and complaints of "
        "later incidents concern the new subscriber. Only officers can do this.",
        needs=ORDERS_APPROVE,
    )
    async def confirm_reassignments(
        self,
        info: Info,
        input: Annotated[ConfirmReassignmentsInput, strawberry.argument(description="The reports.")],  # noqa: A002
    ) -> ConfirmReassignmentsPayload | None:
        return ConfirmReassignmentsPayload.of(await info.context.write(confirm_reassignments, input.report_ids))

    @field("Refuse reports of carriers, with the reason. Only officers can do this.", needs=ORDERS_APPROVE)
    async def refuse_reassignments(
        self,
        info: Info,
        input: Annotated[RefuseReassignmentsInput, strawberry.argument(description="The reports.")],  # noqa: A002
    ) -> RefuseReassignmentsPayload | None:
        refusals = [ReportRefusal(**given(item)) for item in input.refusals]
        return RefuseReassignmentsPayload.of(await info.context.write(refuse_reassignments, refusals))
