"""Which transport a client gets for what it accepts, and what each does with operations that are no subscription."""

import asyncio
import json
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

from tests.support.station import FOLLOW, Serve, Station
from tests.support.stream_readers import EventReader, PartReader

APOLLO = 'multipart/mixed;boundary="graphql";subscriptionSpec="1.0",application/json'
QUERY = "{ __typename }"


def message_of(part: Any) -> Any:
    return part["payload"]["data"]["blockRequestEvents"]


class TestMultipart:
    async def test_tells_events_in_parts_with_empty_parts_as_heartbeats(self, serve: Serve) -> None:
        station = await serve(stream_heartbeat_seconds=0.1)
        token = await station.token(station.parties.telkomsel)
        async with station.request(token, accept=APOLLO) as response:
            assert response.status == 200
            content_type = response.headers["Content-Type"]
            assert content_type == 'multipart/mixed;boundary="graphql";subscriptionSpec="1.0"'
            reader = PartReader(response)
            first = await reader.read()
            assert message_of(first)["event"] is None
            assert first["payload"]["extensions"]["cursor"] == message_of(first)["cursor"]
            assert [await reader.read() for _ in range(2)] == [{}, {}]
            await station.write(station.parties.telkomsel, 2)
            told: list[Any] = []
            while len(told) < 2:
                part = await reader.read()
                told += [part] if part else []
        assert [message_of(part)["event"]["blockOrderId"] for part in told] == ["order-0", "order-1"]

    async def test_ends_with_errors_beside_a_payload_of_null(self, serve: Serve) -> None:
        station = await serve(revocation_check_seconds=0.1)
        token = await station.token(station.parties.telkomsel)
        async with station.request(token, accept=APOLLO) as response:
            reader = PartReader(response)
            cursor = message_of(await reader.read())["cursor"]
            station.clock.ahead = timedelta(hours=1)
            last = await reader.read()
            assert last["payload"] is None
            (error,) = last["errors"]
            assert (error["extensions"]["problem"], error["extensions"]["cursor"]) == ("TOKEN_EXPIRED", cursor)
            with pytest.raises(EOFError):
                await reader.read()

    async def test_resumes_by_the_extension(self, station: Station) -> None:
        token = await station.token(station.parties.telkomsel)
        async with station.request(token, accept=APOLLO) as response:
            cursor = message_of(await PartReader(response).read())["cursor"]
        await station.write(station.parties.telkomsel, 1)
        async with station.request(token, accept=APOLLO, extensions={"cursor": cursor}) as response:
            assert message_of(await PartReader(response).read())["event"]["blockOrderId"] == "order-0"


class TestNegotiation:
    @pytest.mark.parametrize(
        "accept", ["application/json", "*/*", "application/graphql-response+json", "multipart/mixed,application/json"]
    )
    async def test_refuses_a_subscription_that_no_stream_can_carry(self, station: Station, accept: str) -> None:
        token = await station.token(station.parties.telkomsel)
        async with station.request(token, accept=accept) as response:
            assert response.status == 406
            (error,) = json.loads(await response.text())["errors"]
        assert error["extensions"]["problem"] == "STREAM_REQUIRED"
        for way in ("text/event-stream", "subscriptionSpec", "graphql-transport-ws"):
            assert way in error["extensions"]["hint"]

    @pytest.mark.parametrize(
        ("accept", "content_type"),
        [
            ("text/event-stream;q=0.1, multipart/mixed;subscriptionSpec=1.0", "multipart/mixed"),
            ("*/*, text/event-stream;q=0.5, multipart/mixed;subscriptionSpec=1.0;q=0.4", "text/event-stream"),
            ("text/event-stream;q=0, multipart/mixed;subscriptionSpec=1.0;q=0.4", "multipart/mixed"),
        ],
    )
    async def test_takes_the_stream_that_the_client_likes_best(
        self, station: Station, accept: str, content_type: str
    ) -> None:
        token = await station.token(station.parties.telkomsel)
        async with station.request(token, accept=accept) as response:
            assert response.status == 200
            assert response.headers["Content-Type"].startswith(content_type)
            assert response.headers["X-Accel-Buffering"] == "no"
            assert response.headers["Cache-Control"] == "no-store"

    async def test_follows_by_get_as_event_sources_of_browsers_do(self, station: Station) -> None:
        token = await station.token(station.parties.telkomsel)
        url = f"{station.url}/graphql?{urlencode({'query': FOLLOW})}"
        headers = {"Accept": "text/event-stream", "Authorization": f"Bearer {token}"}
        async with station.http.get(url, headers=headers) as response:
            cursor = (await EventReader(response).read_next()).id
        await station.write(station.parties.telkomsel, 1)
        assert cursor is not None
        async with station.http.get(url, headers={**headers, "Last-Event-ID": cursor}) as response:
            event = (await EventReader(response).read_next()).data["data"]["blockRequestEvents"]["event"]
        assert event["blockOrderId"] == "order-0"

    async def test_never_follows_over_http_1_0_which_has_no_chunks(self, station: Station) -> None:
        token = await station.token(station.parties.telkomsel)
        url = urlsplit(station.url)
        reader, writer = await asyncio.open_connection(url.hostname, url.port)
        lines = (f"GET /graphql?{urlencode({'query': FOLLOW})} HTTP/1.0", f"Authorization: Bearer {token}")
        writer.write("\r\n".join((*lines, "Accept: text/event-stream", "", "")).encode())
        answer = await reader.read()
        writer.close()
        assert answer.startswith(b"HTTP/1.1 505 ")
        head, _, body = answer.partition(b"\r\n\r\n")
        assert b"chunked" not in head.lower()
        [error] = json.loads(body)["errors"]
        assert error["extensions"]["problem"] == "STREAM_NEEDS_HTTP_1_1"

    async def test_is_never_opened_by_head(self, station: Station) -> None:
        token = await station.token(station.parties.telkomsel)
        url = f"{station.url}/graphql?{urlencode({'query': FOLLOW})}"
        headers = {"Accept": "text/event-stream", "Authorization": f"Bearer {token}"}
        async with station.http.head(url, headers=headers) as response:
            assert (response.status, await response.read()) == (406, b"")


class TestSingleResults:
    async def test_answers_a_query_as_one_event_and_its_end(self, station: Station) -> None:
        token = await station.token(station.parties.telkomsel)
        async with station.request(token, QUERY) as response:
            assert response.headers["Content-Type"] == "text/event-stream; charset=utf-8"
            result, complete = await EventReader(response).read_rest()
        assert result.data == {"data": {"__typename": "Query"}}
        assert complete.name == "complete"

    async def test_answers_a_query_as_json_where_that_is_accepted_too(self, station: Station) -> None:
        token = await station.token(station.parties.telkomsel)
        async with station.request(token, QUERY, accept=APOLLO) as response:
            assert response.headers["Content-Type"] == "application/json; charset=utf-8"
            assert json.loads(await response.text()) == {"data": {"__typename": "Query"}}

    async def test_answers_a_query_in_one_part_where_parts_alone_are_accepted(self, station: Station) -> None:
        token = await station.token(station.parties.telkomsel)
        async with station.request(token, QUERY, accept="multipart/mixed;subscriptionSpec=1.0") as response:
            reader = PartReader(response)
            assert await reader.read() == {"payload": {"data": {"__typename": "Query"}}}
            with pytest.raises(EOFError):
                await reader.read()

    async def test_refuses_as_json_with_a_status_what_never_begins(self, station: Station) -> None:
        token = await station.token(station.parties.telkomsel)
        for query, status in (("subscription { nothing }", 400), ("subscription {", 400), ("{ nothing }", 400)):
            async with station.request(token, query) as response:
                assert (response.status, response.content_type) == (status, "application/graphql-response+json")
                assert json.loads(await response.text())["errors"]
