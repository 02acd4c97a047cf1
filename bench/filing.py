"""Batches of complaints as an agency files them, each about a number that nobody complained of before."""

from collections.abc import Sequence
from typing import Any

from bench.batches import BatchWrite, count_items, measure_batches
from bench.figures import Figure
from bench.scale import Scale
from bench.world import Country, World, found_country, read_clock
from ledger.complaints.drafts import ComplaintDraft
from ledger.complaints.filing import FiledComplaint, file_complaints
from ledger.complaints.vocabulary import Medium
from ledger.storage.database import Transaction
from ledger.vocabulary import Category

_MUTATION = """mutation($input: FileComplaintsInput!) { fileComplaints(input: $input) {
  problemCount results { wasKnown complaint { id state } problem { code } } } }"""
_CHRONOLOGY = "A prize was promised for a fee."


async def run(world: World, scale: Scale) -> list[Figure]:
    """A round is some batches of each size on each side; the first round warms up and doesn't count."""
    rounds = scale.rounds + 1
    async with world.clone() as name:
        as_of = read_clock()
        database = world.connect(name)
        country = await found_country(database, as_of=as_of)
        await database.close()
        await world.refresh_statistics(name)
        numbers = [f"+62812{serial:07d}" for serial in range(count_items(rounds))]
        async with world.clone(name) as copy:
            figures, _ = await measure_batches(
                world, name, copy, _describe(country), numbers, rounds=rounds, as_of=as_of
            )
    return figures


def _describe(country: Country) -> BatchWrite:
    return BatchWrite(
        title="complaints filed",
        viewer=country.agency,
        client=country.agency_client,
        scope="complaints:read complaints:file",
        mutation=_MUTATION,
        write=_file,
        variables=_ask,
        check=_check,
        counted={
            "SELECT count(*) FROM complaints": 1,
            "SELECT count(*) FROM phone_numbers": 1,
            "SELECT count(*) FROM events": 1,
        },
    )


async def _file(tx: Transaction, numbers: Sequence[str]) -> None:
    drafts = [
        ComplaintDraft(
            number=number,
            medium=Medium.SMS,
            category=Category.FRAUD,
            source_reference=number,
            chronology=_CHRONOLOGY,
        )
        for number in numbers
    ]
    results = await file_complaints(tx, drafts)
    assert all(isinstance(result, FiledComplaint) for result in results), results[:1]


def _ask(numbers: Sequence[str]) -> dict[str, Any]:
    items = [
        {
            "number": number,
            "medium": "SMS",
            "category": "FRAUD",
            "sourceReference": number,
            "chronology": _CHRONOLOGY,
        }
        for number in numbers
    ]
    return {"input": {"complaints": items}}


def _check(data: Any, count: int) -> None:
    payload = data["fileComplaints"]
    assert payload["problemCount"] == 0, payload
    assert [result["complaint"]["state"] for result in payload["results"]] == ["SUBMITTED"] * count
