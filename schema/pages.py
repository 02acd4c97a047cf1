"""Pages of lists as Relay connections; `nodes` serves clients that don't need each item's cursor.

totalCount is a separate field of those lists that can be counted, and is computed only if it is selected.
Source: Relay's Cursor Connections Specification.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Annotated, Any, Generic, Self, TypeAlias, TypeVar

import strawberry
import strawberry.federation as fed
from strawberry import Private
from strawberry.federation.schema_directives import Cost, ListSize
from strawberry.types.unset import UNSET

from ledger import pages
from ledger.counting import COUNTED_MAX, Count
from ledger.pages import PAGE_SIZE_DEFAULT, PAGE_SIZE_MAX, PageRequest
from schema.fields import field
from schema.info import Info

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

COUNTED = Cost(weight=10)
"""A count is read from a tally, or else goes no further than a bound."""

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


class Late:
    """An object of the graph whose fields are made when they are first read: most answers read few of them."""

    _late: Mapping[str, Callable[[], Any]]

    @classmethod
    def of_late(cls, late: Mapping[str, Callable[[], Any]], **given: Any) -> Self:
        """Create the object from what makes each late field, by its name in Python, and the others' values."""
        made = cls.__new__(cls)
        vars(made).update(given, _late=late)
        return made

    def __getattr__(self, name: str) -> Any:
        """Make a late field, once."""
        make = vars(self).get("_late", {}).get(name)
        if make is None:
            raise AttributeError(name)
        value = vars(self)[name] = make()
        return value


@fed.type(description="The position of a page in its list. Lists can only be read forwards.", shareable=True)
class PageInfo(Late):
    """Relay's PageInfo."""

    has_next_page: bool = strawberry.field(description="Whether more items follow.")
    has_previous_page: bool = strawberry.field(description="Whether this page was requested with a cursor.")
    start_cursor: str | None = strawberry.field(description="The first item's cursor.")
    end_cursor: str | None = strawberry.field(
        description="The last item's cursor; pass it as `after`. A page of the feed without items has the place up to "
        "which nothing was for you."
    )


@fed.type(description="One item of a page with its cursor.")
class Edge(Late, Generic[T]):
    """Relay's Edge."""

    cursor: str = strawberry.field(description="An opaque string that identifies this item's place in the list.")
    node: T | None = strawberry.field(description="The item.")


@fed.type(description="One page of a list.")
class Connection(Late, Generic[T]):
    """Relay's Connection."""

    nodes: list[T] | None = strawberry.field(description="The items of the page.")
    edges: list[Edge[T]] | None = strawberry.field(description="The items of the page, each with its cursor.")
    page_info: PageInfo = strawberry.field(description="The position of the page in the list.")

    @classmethod
    def of(cls, page: pages.Page[Any], make: Callable[[Any], T], *, after: str | None, **others: Any) -> Self:
        """Show a page, whose items become objects of the graph by make."""
        nodes = [make(item) for item in page.items]
        late = {
            "edges": lambda: [_make_edge(page.cursors, place, node) for place, node in enumerate(nodes)],
            "page_info": lambda: _make_page_info(page, after),
        }
        return cls.of_late(late, nodes=nodes, **others)


class Counts:
    """Counts one list, once for all fields that tell of it."""

    def __init__(self, count: Callable[..., Awaitable[Count]], wanted: Any) -> None:
        """Count nothing yet. wanted is the list's filter."""
        self._count, self._wanted = count, wanted
        self._counted: asyncio.Future[Count] | None = None

    async def read(self, info: Info) -> Count:
        """Count the list, or wait for who does."""
        if self._counted is None:
            self._counted = asyncio.ensure_future(info.context.read(self._count, self._wanted))
        return await self._counted


@fed.type(description="One page of a list that can be counted.")
class CountedConnection(Connection[T], Generic[T]):
    """A connection that tells how many items the whole list has."""

    counts: Private[Counts]

    @field(
        f"The number of items in the whole list, counted only if requested. Where isExact is false, there are more: "
        f"what no running count has is counted up to {COUNTED_MAX:,}.",
        directives=[COUNTED],
    )
    async def total_count(self, info: Info) -> int:
        return (await self.counts.read(info)).total

    @field("Whether totalCount is the exact number, and not a bound.", directives=[COUNTED])
    async def is_exact(self, info: Info) -> bool:
        return (await self.counts.read(info)).is_exact


def _make_edge(cursors: Sequence[str], place: int, node: T) -> Edge[T]:
    return Edge[T].of_late({"cursor": lambda: cursors[place]}, node=node)


def _make_page_info(page: pages.Page[Any], after: str | None) -> PageInfo:
    late: dict[str, Callable[[], Any]] = {
        "start_cursor": lambda: page.cursors[0] if page.cursors else None,
        "end_cursor": lambda: page.end_cursor,
    }
    has_previous = after is not UNSET and after is not None
    return PageInfo.of_late(late, has_next_page=page.has_next_page, has_previous_page=has_previous)
