"""Filters of complaints by who decided, when, and by the source's own reference."""

from datetime import timedelta

import pytest

from ledger.complaints.decisions import ComplaintDecision, Decision, decide_complaints
from ledger.complaints.filing import file_complaints
from ledger.complaints.reading import ComplaintFilter, count_complaints, list_complaints
from ledger.complaints.vocabulary import ComplaintSort
from ledger.pages import PageRequest
from tests.support.journeys import TELKOMSEL_NUMBER, complaint_draft

HOUR = timedelta(hours=1)
MOMENT = timedelta(microseconds=1)


@pytest.fixture
def file(database, as_of):
    """File a complaint under this reference, and give its id."""

    async def call(viewer, reference) -> str:
        async with database.transaction(viewer, as_of=as_of) as tx:
            [filed] = await file_complaints(tx, [complaint_draft(TELKOMSEL_NUMBER, source_reference=reference)])
        return filed.complaint.id

    return call


@pytest.fixture
def find(database, as_of):
    """The ids that a viewer finds, which must be as many as it counts."""

    async def call(viewer, sort=ComplaintSort.FILED_NEWEST, **wanted) -> list[str]:
        async with database.reading(viewer, as_of=as_of + 9 * HOUR) as tx:
            page = await list_complaints(tx, PageRequest(), ComplaintFilter(**wanted), sort=sort)
            if sort is ComplaintSort.FILED_NEWEST:
                assert (await count_complaints(tx, ComplaintFilter(**wanted))).total == len(page.items)
        return [complaint.id for complaint in page.items]

    return call


async def verify(database, officer, at, complaint_id):
    decision = ComplaintDecision(complaint_id=complaint_id, decision=Decision.VERIFY)
    async with database.transaction(officer, as_of=at) as tx:
        await decide_complaints(tx, [decision])


class TestDecisions:
    async def test_are_found_by_officer_and_time(self, database, parties, as_of, file, find):
        early, late, _ = [await file(parties.agency, f"A-{place}") for place in range(3)]
        await verify(database, parties.officer, as_of + HOUR, early)
        await verify(database, parties.other_officer, as_of + 2 * HOUR, late)
        sari, budi = parties.officer.officer_id, parties.other_officer.officer_id
        for wanted, expected in (
            ({"decided_by": sari}, [early]),
            ({"decided_by": budi}, [late]),
            ({"decided_by": "nobody"}, []),
            ({"decided_after": as_of + 2 * HOUR}, [late]),
            ({"decided_after": as_of + 2 * HOUR + MOMENT}, []),
            ({"decided_before": as_of + HOUR}, []),
            ({"decided_before": as_of + HOUR + MOMENT}, [early]),
            ({"decided_by": sari, "decided_after": as_of + 2 * HOUR}, []),
        ):
            assert await find(parties.officer, **wanted) == expected, wanted
        assert await find(parties.officer, ComplaintSort.DECIDED_NEWEST) == [late, early]
        assert await find(parties.agency, decided_after=as_of) == [late, early]

    async def test_are_not_found_by_officer_by_anyone_outside(self, database, parties, as_of, file, find):
        """The attack: to learn which officer decides an agency's complaints."""
        complaint = await file(parties.agency, "A-1")
        await verify(database, parties.officer, as_of, complaint)
        for viewer in (parties.agency, parties.other_agency):
            assert await find(viewer, decided_by=parties.officer.officer_id) == []


class TestReferences:
    async def test_are_each_sources_own(self, parties, file, find):
        """The attack: to try out an agency's numbering and learn what it filed."""
        mine, theirs = await file(parties.agency, "A-1"), await file(parties.other_agency, "A-1")
        await file(parties.agency, "A-2")
        assert await find(parties.agency, source_reference="A-1") == [mine]
        assert await find(parties.other_agency, source_reference="A-1") == [theirs]
        assert await find(parties.other_agency, source_reference="A-2") == []
        assert sorted(await find(parties.officer, source_reference="A-1")) == sorted([mine, theirs])
        assert await find(parties.officer, source_reference="A-1", source_id=parties.agency.member_id) == [mine]
