"""Messages of a subscription have the same bound as answers: one that is larger is sent as an error, never left out."""

from datetime import UTC, datetime

from ledger.complaints.filing import file_complaints
from tests.support.journeys import complaint_draft
from tests.support.station import Serve, Station

FOLLOW = "subscription { complaintEvents { cursor event { complaintId complaint { chronology } } } }"
BYTES_MAX = 65_536


async def file(station: Station, *lengths: int) -> list[str]:
    """Complaints of the agency with chronologies of these lengths, in one transaction."""
    drafts = [complaint_draft(f"+62812{n:08d}", chronology="x" * length) for n, length in enumerate(lengths)]
    async with station.database.transaction(station.parties.agency, as_of=datetime.now(UTC)) as tx:
        return [filed.complaint.id for filed in await file_complaints(tx, drafts)]


class TestLargeMessages:
    async def test_are_sent_one_by_one_where_a_batch_would_be_too_large(self, serve: Serve) -> None:
        station = await serve(answer_bytes_max=BYTES_MAX)
        token = await station.token(station.parties.agency)
        async with station.follow(token, FOLLOW) as reader:
            await reader.read_next()
            filed = await file(station, *[30_000] * 5)
            told = [(await reader.read_next()).data["data"]["complaintEvents"]["event"] for _ in filed]
        assert sorted(event["complaintId"] for event in told) == sorted(filed)
        assert {len(event["complaint"]["chronology"]) for event in told} == {30_000}

    async def test_beyond_the_bound_are_told_as_errors_and_the_stream_goes_on(self, serve: Serve) -> None:
        station = await serve(answer_bytes_max=BYTES_MAX)
        token = await station.token(station.parties.agency)
        async with station.follow(token, FOLLOW) as reader:
            await reader.read_next()
            await file(station, 98_000)
            refused = (await reader.read_next()).data
            (filed,) = await file(station, 10)
            told = (await reader.read_next()).data
        assert [error["extensions"]["problem"] for error in refused["errors"]] == ["ANSWER_TOO_LARGE"]
        assert refused["data"] is None
        assert refused["extensions"]["cursor"]
        assert told["data"]["complaintEvents"]["event"]["complaintId"] == filed
