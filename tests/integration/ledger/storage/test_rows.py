"""What an update returns is what a reader finds: written and derived values as PostgreSQL has them."""

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta, timezone

import pytest

from ledger.errors import ConflictError
from ledger.identifiers import new_id
from ledger.orders.states import OrderState
from ledger.orders.table import BlockOrder
from ledger.orders.vocabulary import AcknowledgementKind
from ledger.storage.roles import Role
from ledger.storage.rows import lock_records, update_records
from ledger.vocabulary import HoldReason
from tests.support.journeys import INDOSAT_NUMBER, TELKOMSEL_NUMBER, issue_orders


class NotKeptError(Exception):
    """Ends a transaction whose writes no event commits to."""


JAKARTA = timezone(timedelta(hours=7))


@pytest.fixture
async def orders(database, parties, as_of):
    return await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER, INDOSAT_NUMBER])


@pytest.fixture
async def tx(database, parties, orders, as_of):
    """A transaction that has locked the orders' rows; what it writes is not kept."""
    with suppress(NotKeptError):
        async with database.transaction(parties.officer, as_of=as_of) as tx, tx.role(Role.TRANSITION):
            yield tx
            raise NotKeptError


class TestUpdate:
    async def test_returns_what_a_reader_finds(self, tx, orders, as_of):
        first, second = [(await lock_records(tx, BlockOrder, [order.id]))[order.id] for order in orders]
        executed = replace(
            first,
            state=OrderState.EXECUTED,
            last_acknowledgement=AcknowledgementKind.EXECUTED,
            executed_at=as_of,
            effective_at=as_of.astimezone(JAKARTA),
            hold_reasons=(HoldReason.BURST, HoldReason.PBX),
            override_note="Looked into.",
        )
        overdue = replace(second, due_at=as_of - timedelta(seconds=1))
        updated = await update_records(tx, [(first, executed), (second, overdue)])
        found = await lock_records(tx, BlockOrder, [first.id, second.id])
        assert updated == [found[first.id], found[second.id]]
        assert (updated[0].status, updated[0].effective_at.utcoffset()) == ("IN_EFFECT", timedelta())
        assert (first.is_overdue, second.is_overdue, updated[1].is_overdue) == (False, False, True)

    async def test_of_one_that_differs_in_nothing_returns_it_beside_one_that_does(self, tx, orders, as_of):
        first, second = [(await lock_records(tx, BlockOrder, [order.id]))[order.id] for order in orders]
        late = replace(second, was_late=True)
        assert await update_records(tx, [(first, first), (second, late)]) == [first, late]
        assert await update_records(tx, [(first, first)]) == [first]

    async def test_empties_a_field(self, tx, orders, as_of):
        (first, _) = [(await lock_records(tx, BlockOrder, [order.id]))[order.id] for order in orders]
        (noted,) = await update_records(tx, [(first, replace(first, end_note="Why.", ended_at=as_of))])
        (emptied,) = await update_records(tx, [(noted, replace(noted, end_note=None, ended_at=None))])
        assert emptied == first

    async def test_of_a_row_that_is_gone_writes_nothing(self, tx, orders):
        first = (await lock_records(tx, BlockOrder, [orders[0].id]))[orders[0].id]
        gone = replace(first, id=new_id())
        with pytest.raises(ConflictError):
            await update_records(tx, [(gone, replace(gone, was_late=True))])
