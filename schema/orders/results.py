"""What mutations of block orders take and answer, item by item."""

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


@fed.type(description="What became of one block order: the order as it is now, or a problem.")
class BlockOrderResult:
    """The graph's BlockOrderResult."""

    block_order: BlockOrder | None = strawberry.field(description="The order as it is now.")
    problem: Problem | None = strawberry.field(description="Why nothing was done.")

    @classmethod
    def of(cls, result: table.BlockOrder | LedgerProblem) -> "BlockOrderResult":
        """From the ledger's."""
        if isinstance(result, LedgerProblem):
            return cls(block_order=None, problem=Problem.of(result))
        return cls(block_order=BlockOrder.of(result), problem=None)


@fed.type(description="What a mutation of block orders answers.")
class BlockOrdersPayload:
    """The fields that payloads of several mutations share."""

    results: list[BlockOrderResult] = strawberry.field(
        description="One for each item, in the order given.", directives=[few(100)]
    )
    problem_count: int = strawberry.field(description="How many items were refused.")

    @classmethod
    def of(cls, results: Sequence[table.BlockOrder | LedgerProblem]) -> Self:
        """From the ledger's."""
        return cls(results=[BlockOrderResult.of(result) for result in results], problem_count=count_problems(results))


@fed.input(description="One block order and your words about it.")
class BlockOrderNoteInput:
    """The graph's OrderNote."""

    order_id: strawberry.ID = strawberry.field(description="The order.")
    note: str = strawberry.field(description="Why, in words; it is kept with the order.")


@fed.input(description="Block orders, each with a note.")
class BlockOrderNotesInput:
    """The field that inputs of several mutations share."""

    orders: list[BlockOrderNoteInput] = strawberry.field(description="One for each order, at most 1,000.")

    def drafts(self) -> list[OrderNote]:
        """As the ledger takes them."""
        return [OrderNote(order_id=item.order_id, note=item.note) for item in self.orders]
