"""The inputs and results of mutations of existing complaints: ids in, one result per item out."""

from collections.abc import Sequence
from typing import Self

import strawberry
import strawberry.federation as fed

from ledger.complaints import table
from ledger.errors import Problem as LedgerProblem
from schema.complaints.types import Complaint
from schema.pages import few
from schema.problems import Problem, count_problems


@fed.type(description="The result for one complaint: the complaint as it is now, or a problem.")
class ComplaintResult:
    complaint: Complaint | None = strawberry.field(description="The complaint as it is now.")
    problem: Problem | None = strawberry.field(description="Why nothing was done.")

    @classmethod
    def of(cls, result: table.Complaint | LedgerProblem) -> "ComplaintResult":
        if isinstance(result, LedgerProblem):
            return cls(complaint=None, problem=Problem.of(result))
        return cls(complaint=Complaint.of(result), problem=None)


@fed.type(description="The result of a mutation of complaints.")
class ComplaintsPayload:
    """The fields that payloads of several mutations share."""

    results: list[ComplaintResult] = strawberry.field(
        description="One for each item, in the order given.", directives=[few(100)]
    )
    problem_count: int = strawberry.field(description="How many items were refused.")

    @classmethod
    def of(cls, results: Sequence[table.Complaint | LedgerProblem]) -> Self:
        return cls(results=[ComplaintResult.of(result) for result in results], problem_count=count_problems(results))


@fed.input(description="Complaints by their IDs.")
class ComplaintIdsInput:
    """The field that inputs of several mutations share."""

    complaint_ids: list[strawberry.ID] = strawberry.field(description="The complaints, at most 1,000.")
