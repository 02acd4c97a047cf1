"""The heartbeat: a silence of every process is an outage of ours, noticed by whoever comes back first."""

import asyncio
from datetime import timedelta

import pytest

from gateway.process.jobs import HEARTBEAT, run_job
from ledger.orders.reading import get_block_order
from ledger.outages.reading import list_outages
from ledger.outages.vocabulary import OutageCause
from ledger.pages import PageRequest
from ledger.viewer import OPERATOR
from tests.support.journeys import TELKOMSEL_NUMBER, issue_orders
from tests.support.outages import declare

HOUR = timedelta(hours=1)
THRESHOLD = timedelta(seconds=300)


async def beat(database, as_of):
    return await run_job(HEARTBEAT, database, as_of=as_of)


async def read_outages(database, as_of):
    async with database.reading(OPERATOR, as_of=as_of) as tx:
        return (await list_outages(tx, PageRequest())).items


class TestHeartbeat:
    async def test_of_the_first_start_is_no_outage(self, database, as_of):
        assert await beat(database, as_of) == 0
        assert await read_outages(database, as_of) == []

    async def test_after_a_silence_records_it_from_the_last_sign_to_this_one(self, database, parties, as_of):
        [order] = await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
        await beat(database, as_of + HOUR)
        assert await beat(database, as_of + 5 * HOUR) == 1
        [outage] = await read_outages(database, as_of)
        assert (outage.starts_at, outage.ends_at) == (as_of + HOUR, as_of + 5 * HOUR)
        assert (outage.cause, outage.reason) == (OutageCause.DETECTED, None)
        async with database.reading(parties.telkomsel, as_of=as_of) as tx:
            assert (await get_block_order(tx, order_id=order.id)).due_at == order.due_at + 4 * HOUR

    @pytest.mark.parametrize(("silence", "outages"), [(THRESHOLD - timedelta(microseconds=1), 0), (THRESHOLD, 1)])
    async def test_counts_a_silence_from_the_threshold_on(self, database, as_of, silence, outages):
        await beat(database, as_of)
        assert await beat(database, as_of + silence) == outages

    async def test_of_many_processes_after_a_silence_records_it_once(self, database, as_of):
        await beat(database, as_of)
        found = await asyncio.gather(*(beat(database, as_of + HOUR) for _ in range(5)))
        assert sum(each or 0 for each in found) == 1
        assert await beat(database, as_of + HOUR) == 0

    async def test_of_a_clock_that_is_behind_changes_nothing(self, database, as_of):
        await beat(database, as_of)
        assert await beat(database, as_of - HOUR) == 0
        assert await beat(database, as_of + THRESHOLD / 2) == 0
        assert await read_outages(database, as_of) == []

    async def test_leaves_out_what_an_operator_declared_of_the_same_silence(self, database, as_of):
        await beat(database, as_of)
        await declare(database, as_of + 2 * HOUR, as_of - HOUR, as_of + HOUR)
        assert await beat(database, as_of + 3 * HOUR) == 1
        spans = [(outage.starts_at - as_of, outage.ends_at - as_of) for outage in await read_outages(database, as_of)]
        assert spans == [(HOUR, 3 * HOUR), (-HOUR, HOUR)]

    async def test_is_not_written_if_the_outage_can_not_be_recorded(self, database, as_of, owner_connection):
        await beat(database, as_of)
        await owner_connection.execute("ALTER TABLE outages ADD CONSTRAINT broken CHECK (false) NOT VALID")
        with pytest.raises(Exception, match="broken"):
            await beat(database, as_of + HOUR)
        await owner_connection.execute("ALTER TABLE outages DROP CONSTRAINT broken")
        assert await beat(database, as_of + 2 * HOUR) == 1
        [outage] = await read_outages(database, as_of)
        assert outage.ends_at - outage.starts_at == 2 * HOUR

    async def test_keeps_one_row_however_often_it_beats(self, database, as_of, owner_connection):
        for seconds in range(0, 60, 15):
            await beat(database, as_of + timedelta(seconds=seconds))
        rows = await owner_connection.fetch("SELECT beat_at FROM heartbeats")
        assert [row["beat_at"] for row in rows] == [as_of + timedelta(seconds=45)]
