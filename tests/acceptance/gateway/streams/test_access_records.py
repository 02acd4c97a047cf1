"""The record of who read what, as it holds for answers and streams over HTTP: what can't be recorded isn't sent."""

import logging
from datetime import UTC, datetime

import pytest
import structlog

from tests.support.journeys import file_verified
from tests.support.station import Station

CHRONOLOGIES = "query Reading { complaints(first: 5) { nodes { id chronology } } }"
EVENTS = "subscription Watching { complaintEvents { cursor event { complaint { id chronology } } } }"
SECRET = "A prize, for a fee."


@pytest.fixture(autouse=True)
def quiet():
    """Rendering the traceback of each try takes seconds, longer than a reader waits."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    yield
    structlog.reset_defaults()


async def file(station: Station):
    return await file_verified(
        station.database, station.parties, datetime.now(UTC), ["+6281200000001"], chronology=SECRET
    )


class TestAnswer:
    async def test_is_recorded_with_the_operations_name_and_the_requests_id(self, station: Station, owner_connection):
        (complaint,) = await file(station)
        token = await station.token(station.parties.regulator)
        async with station.request(token, CHRONOLOGIES, accept="application/json") as response:
            assert SECRET in await response.text()
            request_id = response.headers["X-Request-Id"]
        (record,) = await owner_connection.fetch("SELECT * FROM access_records")
        assert (record["operation_name"], record["request_id"]) == ("Reading", request_id)
        assert record["subject_ids"] == [complaint.id]

    async def test_gives_nothing_while_the_record_can_not_be_written(self, station: Station, owner_connection):
        await file(station)
        token = await station.token(station.parties.regulator)
        await owner_connection.execute("ALTER TABLE access_records RENAME TO elsewhere")
        try:
            async with station.request(token, CHRONOLOGIES, accept="application/json") as response:
                body = await response.text()
        finally:
            await owner_connection.execute("ALTER TABLE elsewhere RENAME TO access_records")
        assert (SECRET in body, response.status) == (False, 500)
        assert '"INTERNAL_SERVER_ERROR"' in body


class TestStream:
    async def test_is_recorded_before_each_message_for_the_client_that_gets_it(
        self, station: Station, owner_connection
    ):
        token = await station.token(station.parties.regulator)
        async with station.follow(token, EVENTS) as reader:
            await reader.read_next()
            (complaint,) = await file(station)
            (message,) = await reader.read_messages(1)
            assert message["data"]["complaintEvents"]["event"]["complaint"]["chronology"] == SECRET
            record = await owner_connection.fetchrow("SELECT * FROM access_records LIMIT 1")
        client_id, _ = next(iter(station.clients.values()))
        assert (record["client_id"], record["operation_name"]) == (client_id, "Watching")
        assert record["subject_ids"] == [complaint.id]

    async def test_tells_no_chronology_while_the_record_can_not_be_written(self, station: Station, owner_connection):
        token = await station.token(station.parties.regulator)
        async with station.follow(token, EVENTS) as reader:
            await reader.read_next()
            await owner_connection.execute("ALTER TABLE access_records RENAME TO elsewhere")
            try:
                await file(station)
                (message,) = await reader.read_messages(1)
            finally:
                await owner_connection.execute("ALTER TABLE elsewhere RENAME TO access_records")
        assert message["data"] is None
        assert [error["extensions"]["code"] for error in message["errors"]] == ["INTERNAL_SERVER_ERROR"]
