"""The inputs and results of mutations of block orders, item by item."""

from collections.abc import Sequence
from typing import Self

import strawberry
import strawberry.federation as fed

from ledger.errors import Problem as LedgerProblem
from ledger.orders import table
from ledger.orders.approval import OrderNote
from schema.orders.types import BlockOrder
from schema.pages import few
from schema.problems import Problem, count_problems


@fed.type(description="The result for one block order: the order as it is now, or a problem.")
class BlockOrderResult:
    block_order: BlockOrder | None = strawberry.field(description="The order as it is now.")
    problem: Problem | None = strawberry.field(description="Why nothing was done.")

    @classmethod
    def of(cls, result: table.BlockOrder | LedgerProblem) -> "BlockOrderResult":
        if isinstance(result, LedgerProblem):
            return cls(block_order=None, problem=Problem.of(result))
        return cls(block_order=BlockOrder.of(result), problem=None)


@fed.type(description="The result of a mutation of block orders.")
class BlockOrdersPayload:
    """The fields that payloads of several mutations share."""

    results: list[BlockOrderResult] = strawberry.field(
        description="One for each item, in the order given.", directives=[few(100)]
    )
    problem_count: int = strawberry.field(description="How many items were refused.")

    @classmethod
    def of(cls, results: Sequence[table.BlockOrder | LedgerProblem]) -> Self:
        return cls(results=[BlockOrderResult.of(result) for result in results], problem_count=count_problems(results))


@fed.input(description="One block order and your note about it.")
class BlockOrderNoteInput:
    order_id: strawberry.ID = strawberry.field(description="The order.")
    note: str = strawberry.field(description="The explanation; it is kept with the order.")


@fed.input(description="Block orders, each with a note.")
class BlockOrderNotesInput:
    """The field that inputs of several mutations share."""

    orders: list[BlockOrderNoteInput] = strawberry.field(description="One for each order, at most 1,000.")

    def drafts(self) -> list[OrderNote]:
        return [OrderNote(order_id=item.order_id, note=item.note) for item in self.orders]
