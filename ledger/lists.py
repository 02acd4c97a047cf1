"""Lists of records: which rows belong to a list for a viewer, in which orders, and by which filter.

A list is declared once and used in two ways: `fetch` and `count` read it, and ledger/compiling/ puts the same
conditions into a statement of its own.

    BLOCK_ORDERS = RecordList(BlockOrder, {OrderSort.DUE_SOONEST: Listing(...)}, OrderFilter, visible=visible_orders)
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Generic, Protocol, TypeVar

from sqlalchemy import ColumnElement, false

from ledger.counting import Count, CountedBy, Counting, count_rows
from ledger.errors import ForbiddenError
from ledger.filters import conditions_of, is_led
from ledger.pages import Listing, Page, PageRequest, fetch_page
from ledger.relations import Visible
from ledger.storage.database import Transaction
from ledger.storage.records import declaration_of
from ledger.storage.roles import Role, may_read
from ledger.viewer import Viewer, ViewerKind

R = TypeVar("R")


class Scope(Protocol):
    """For whom rows are selected; a transaction is one."""

    @property
    def viewer(self) -> Viewer:
        """The viewer."""

    @property
    def present_role(self) -> Role:
        """The database role that the statement runs as."""


@dataclass(frozen=True, slots=True, eq=False)
class Rows(Generic[R]):
    """The rows of a list for a viewer: their order, their conditions, and those that only the order implies."""

    listing: Listing[R]
    conditions: tuple[ColumnElement[bool], ...]
    implied: tuple[ColumnElement[bool], ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class RecordList(Generic[R]):
    """A list of records that viewers of these kinds may read; None means all, and others are refused.

    Shapes: orders has a Listing for each sort order, the first of which is the default. conditions are further ones
    that a sort order implies; of_all is one that is true of every row, and that is asked for who sees all of them.
    counted_by is the tally that counts the list.
    owners are the fields that have the viewer's own id, for the kinds of viewers who see those rows alone.
    """

    record: type[R]
    orders: Mapping[Any, Listing[R]]
    filter: type[Any] | None = None
    visible: Visible | None = None
    kinds: frozenset[ViewerKind] | None = None
    conditions: Mapping[Any, Callable[[], ColumnElement[bool]]] | None = None
    of_all: ColumnElement[bool] | None = None
    counted_by: CountedBy | None = None
    owners: Mapping[ViewerKind, str] = field(default_factory=dict)

    def select(self, scope: Scope, wanted: Any = None, sort: Any = None) -> Rows[R]:
        """The rows of the list, in order. Errors: ForbiddenError; those of the filter.

        An order by a field that the viewer may not read would tell what the field is: no row has it.
        """
        self._check_kind(scope)
        key = next(iter(self.orders)) if sort is None else sort
        listing = self.orders[key]
        members = declaration_of(self.record).members
        sorted_by = (members[each.removeprefix("-")] for each in listing.sort)
        is_readable = all(may_read(member.readers, scope.present_role) for member in sorted_by)
        found = self._list_conditions(scope)
        if wanted is not None:
            found.extend(conditions_of(wanted, self.record, scope.present_role))
        if wanted is not None and is_led(wanted, scope.present_role, listing.sort):
            listing = replace(listing, is_led=True)
        if not is_readable:
            return Rows(next(iter(self.orders.values())), tuple(found), (false(),))
        implied = [self.conditions[key]()] if self.conditions is not None and key in self.conditions else []
        return Rows(listing, tuple(found), (*implied, *self._keep_to_owner(scope, listing)))

    def _keep_to_owner(self, scope: Scope, listing: Listing[R]) -> Sequence[ColumnElement[bool]]:
        """A condition that is true of all of a member's rows, so that the member's own index is read in this order.

        A plan for any member supposes an average one, and would look for a small one's rows along the primary key.
        """
        declaration = declaration_of(self.record)
        is_by_key = tuple(each.removeprefix("-") for each in listing.sort) == tuple(declaration.key)
        if not self.owners or listing.is_led or not is_by_key or scope.viewer.kind not in self.owners:
            return ()
        member_id = scope.viewer.member_id
        return (declaration.table.c[self.owners[scope.viewer.kind]].between(member_id, member_id),)

    async def fetch(self, tx: Transaction, page: PageRequest, wanted: Any = None, *, sort: Any = None) -> Page[R]:
        """A page of the list, in one statement. Errors: ForbiddenError, CursorInvalidError; those of the filter."""
        rows = self.select(tx, wanted, sort)
        return await fetch_page(tx, rows.listing, page, *rows.conditions, *rows.implied)

    def counting(self, scope: Scope, wanted: Any = None) -> Counting:
        """How the list is counted, in any order. Errors: ForbiddenError; those of the filter."""
        self._check_kind(scope)
        own, role = self._list_conditions(scope), scope.present_role
        tallied = None
        if self.counted_by is not None:
            tallied = self.counted_by.count(self.record, own, wanted, scope.viewer, role)
        if tallied is not None:
            return tallied
        found = [] if wanted is None else conditions_of(wanted, self.record, role)
        return count_rows(self.record, [*own, *found], wanted, role)

    async def count(self, tx: Transaction, wanted: Any = None) -> Count:
        """How many records the list has, in any order. Errors: ForbiddenError; those of the filter."""
        counting = self.counting(tx, wanted)
        return counting.read(int((await tx.execute(counting.rows, {"as_of": tx.as_of})).scalar_one()))

    def _check_kind(self, scope: Scope) -> None:
        if self.kinds is not None and scope.viewer.kind not in self.kinds:
            raise ForbiddenError

    def _list_conditions(self, scope: Scope) -> list[ColumnElement[bool]]:
        """The conditions of the list itself, without those of a filter."""
        found: list[ColumnElement[bool]] = []
        if self.visible is not None:
            found.append(self.visible(scope.viewer, declaration_of(self.record).table.c))
        if self.of_all is not None and scope.viewer.is_regulator:
            found.append(self.of_all)
        return found
