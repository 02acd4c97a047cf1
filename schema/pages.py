"""Pages of lists as Relay connections; `nodes` serves clients that don't need each item's cursor.

totalCount is a separate field of those lists that can be counted, and is computed only if it is selected.
Source: Relay's Cursor Connections Specification.
"""

from collections.abc import Callable
from typing import Annotated, Any, Generic, Self, TypeAlias, TypeVar

import strawberry
import strawberry.federation as fed
from strawberry.federation.schema_directives import Cost, ListSize
from strawberry.types.unset import UNSET

from ledger import pages
from ledger.pages import PAGE_SIZE_DEFAULT, PAGE_SIZE_MAX, PageRequest

T = TypeVar("T")

First: TypeAlias = Annotated[
    int | None,
    strawberry.argument(description=f"How many to return, 1 to {PAGE_SIZE_MAX}; {PAGE_SIZE_DEFAULT} by default."),
]
After: TypeAlias = Annotated[
    str | None,
    strawberry.argument(
        description="Return what follows this cursor, taken from the same list in the same sort order."
    ),
]

PAGED = ListSize(
    assumed_size=PAGE_SIZE_DEFAULT,
    slicing_arguments=["first"],
    sized_fields=["nodes", "edges"],
    require_one_slicing_argument=False,
)

COUNTED = Cost(weight=20)
"""A count reads every row of the list."""

QUERIED = Cost(weight=10)
"""A nested page runs one statement for each of its parents."""

OPENED = Cost(weight=10)
"""A text that may be very long, and is decrypted by itself."""

LONG = Cost(weight=1)
"""A text that may have thousands of characters."""


def few(assumed_size: int) -> ListSize:
    """The size of a list that belongs to one object and is not paged."""
    return ListSize(
        assumed_size=assumed_size, slicing_arguments=UNSET, sized_fields=UNSET, require_one_slicing_argument=False
    )


def page_request(first: int | None, after: str | None) -> PageRequest:
    """The ledger's page request for these arguments. Errors: PageSizeError."""
    return PageRequest(
        first=PAGE_SIZE_DEFAULT if first is UNSET or first is None else first,
        after=None if after is UNSET else after,
    )


@fed.type(description="The position of a page in its list. Lists can only be read forwards.", shareable=True)
class PageInfo:
    """Relay's PageInfo."""

    has_next_page: bool = strawberry.field(description="Whether more items follow.")
    has_previous_page: bool = strawberry.field(description="Whether this page was requested with a cursor.")
    start_cursor: str | None = strawberry.field(description="The first item's cursor.")
    end_cursor: str | None = strawberry.field(
        description="The last item's cursor; pass it as `after`. A page of the feed without items has the place up to "
        "which nothing was for you."
    )


@fed.type(description="One item of a page with its cursor.")
class Edge(Generic[T]):
    """Relay's Edge."""

    cursor: str = strawberry.field(description="An opaque string that identifies this item's place in the list.")
    node: T | None = strawberry.field(description="The item.")


@fed.type(description="One page of a list.")
class Connection(Generic[T]):
    """Relay's Connection."""

    nodes: list[T] | None = strawberry.field(description="The items of the page.")
    edges: list[Edge[T]] | None = strawberry.field(description="The items of the page, each with its cursor.")
    page_info: PageInfo = strawberry.field(description="The position of the page in the list.")

    @classmethod
    def of(cls, page: pages.Page[Any], make: Callable[[Any], T], *, after: str | None, **others: Any) -> Self:
        nodes = [make(item) for item in page.items]
        cursors = list(page.cursors)
        return cls(
            nodes=nodes,
            edges=[Edge(cursor=cursor, node=node) for cursor, node in zip(cursors, nodes, strict=True)],
            page_info=PageInfo(
                has_next_page=page.has_next_page,
                has_previous_page=after is not UNSET and after is not None,
                start_cursor=cursors[0] if cursors else None,
                end_cursor=page.end_cursor,
            ),
            **others,
        )
