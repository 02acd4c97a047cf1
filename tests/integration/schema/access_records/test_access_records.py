"""Who read what: what the regulator's people and systems are shown is recorded before they get it, or they don't."""

import asyncio
import hashlib
import itertools
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from ledger.complaints.complainant_drafts import ComplainantDraft
from ledger.complaints.evidence_drafts import EvidenceDraft
from ledger.storage.roles import Role
from tests.support.desk import Desk
from tests.support.journeys import file_verified, issue_orders

TEXT = """{ complaints(first: 10) { nodes { id chronology } } }"""
EVIDENCE = """{ complaints(first: 10) { nodes { id evidence { sha256 } } } }"""
PLAIN = """{ complaints(first: 10) { nodes { id ticketNo state } } }"""
PAGE = """query ($first: Int, $after: String) {
  blockOrders(first: $first, after: $after) { nodes { orderNo } pageInfo { endCursor } } }"""
REVEAL = """mutation ($input: RevealComplainantInput!) { revealComplainant(input: $input) { complainant { name } } }"""
RECORDS = """query ($filter: AccessRecordFilter, $first: Int, $after: String) {
  accessRecords(filter: $filter, first: $first, after: $after) {
    nodes { id kind list subjectIds operationName documentHash requestId clientId officer { id displayName } }
    pageInfo { hasNextPage endCursor } } }"""


def numbers_of(count):
    return [f"+62812{number:08}" for number in range(1, count + 1)]


async def records(desk: Desk, **wanted):
    answer = await desk.ask(desk.parties.other_officer, RECORDS, **wanted)
    assert answer.errors == []
    return answer.data["accessRecords"]["nodes"]


@pytest.fixture
async def complaints(desk: Desk):
    return await file_verified(
        desk.database,
        desk.parties,
        desk.as_of,
        numbers_of(3),
        chronology="A prize, for a fee.",
        complainant=ComplainantDraft(name="Ani"),
        evidence=(EvidenceDraft(media_type="image/png", content=b"\x89PNG\r\n\x1a\n"),),
    )


class TestRecord:
    async def test_of_chronologies_names_officer_client_operation_and_complaints(self, desk: Desk, complaints):
        answer = await desk.ask(desk.parties.officer, TEXT)
        assert answer.data["complaints"]["nodes"][0]["chronology"] == "A prize, for a fee."
        assert sum("INSERT INTO access_records" in statement for statement in answer.statements) == 1
        (record,) = await records(desk)
        assert record | {"id": "", "subjectIds": set(record["subjectIds"])} == {
            "id": "",
            "kind": "CHRONOLOGY",
            "list": None,
            "subjectIds": {complaint.id for complaint in complaints},
            "operationName": None,
            "documentHash": hashlib.sha256(TEXT.encode()).hexdigest(),
            "requestId": "r",
            "clientId": "web",
            "officer": {"id": desk.parties.officer.officer_id, "displayName": "Sari"},
        }

    async def test_of_evidence_names_its_complaints(self, desk: Desk, complaints):
        await desk.ask(desk.parties.officer, EVIDENCE)
        (record,) = await records(desk)
        assert (record["kind"], len(record["subjectIds"])) == ("EVIDENCE", 3)

    async def test_is_not_made_of_a_short_list_without_personal_data(self, desk: Desk, complaints):
        await desk.ask(desk.parties.officer, PLAIN)
        assert await records(desk) == []

    async def test_is_made_of_a_system_of_the_regulator_without_an_officer(self, desk: Desk, complaints):
        await desk.ask(desk.parties.regulator, TEXT)
        (record,) = await records(desk)
        assert (record["officer"], record["clientId"]) == (None, "regulator-system")

    async def test_is_not_made_of_an_agency_that_reads_back_what_it_filed(self, desk: Desk, complaints):
        answer = await desk.ask(desk.parties.agency, TEXT)
        assert answer.data["complaints"]["nodes"][0]["chronology"]
        assert await records(desk) == []

    async def test_of_a_reveal_is_in_the_same_list_and_stored_once(self, desk: Desk, complaints, owner_connection):
        said = {"complaintId": complaints[0].id, "purpose": "calling back"}
        assert (await desk.ask(desk.parties.officer, REVEAL, input=said)).errors == []
        await desk.ask(desk.parties.officer, TEXT)
        newest, oldest = await records(desk)
        assert (newest["kind"], oldest["kind"]) == ("CHRONOLOGY", "COMPLAINANT")
        assert oldest["subjectIds"] == [complaints[0].id]
        assert oldest["id"] == await owner_connection.fetchval("SELECT id::text FROM complainant_reveals")
        assert await owner_connection.fetchval("SELECT count(*) FROM access_records WHERE kind = 'COMPLAINANT'") == 0


class TestLongList:
    async def test_is_recorded_beyond_the_policys_size_with_every_id(self, desk: Desk):
        orders = await issue_orders(desk.database, desk.parties, desk.as_of, numbers_of(101))
        await desk.ask(desk.parties.officer, PAGE, first=100)
        assert await records(desk) == []
        await desk.ask(desk.parties.officer, PAGE, first=101)
        (record,) = await records(desk)
        assert (record["kind"], record["list"]) == ("LIST", "block_orders")
        assert set(record["subjectIds"]) == {order.id for order in orders}

    async def test_that_is_read_in_small_pages_is_recorded_from_the_second_on(self, desk: Desk):
        await issue_orders(desk.database, desk.parties, desk.as_of, numbers_of(3))
        first = await desk.ask(desk.parties.officer, PAGE, first=2)
        assert await records(desk) == []
        await desk.ask(desk.parties.officer, PAGE, first=2, after=first.data["blockOrders"]["pageInfo"]["endCursor"])
        (record,) = await records(desk)
        assert (record["list"], len(record["subjectIds"])) == ("block_orders", 1)

    async def test_that_is_read_by_the_numbers_that_it_hangs_on_is_recorded(self, desk: Desk):
        orders = await issue_orders(desk.database, desk.parties, desk.as_of, numbers_of(101))
        answer = await desk.ask(desk.parties.officer, "{ numbers(first: 101) { nodes { blockOrders { id } } } }")
        assert answer.errors == []
        read = {each["list"]: set(each["subjectIds"]) for each in await records(desk)}
        assert read == {"phone_numbers": set(numbers_of(101)), "block_orders": {order.id for order in orders}}

    async def test_that_is_split_over_aliases_of_one_operation_is_recorded(self, desk: Desk):
        await issue_orders(desk.database, desk.parties, desk.as_of, numbers_of(120))
        halves = """{ a: blockOrders(first: 70) { nodes { id } }
          b: blockOrders(first: 70, sort: ISSUED_NEWEST) { nodes { id } } }"""
        answer = await desk.ask(desk.parties.officer, halves)
        assert answer.errors == []
        read = {node["id"] for page in answer.data.values() for node in page["nodes"]}
        assert len(read) > 100
        (record,) = await records(desk)
        assert set(record["subjectIds"]) == read


class TestAuditor:
    async def test_filters_by_officer_subject_kind_and_time(self, desk: Desk, complaints):
        await desk.ask(desk.parties.officer, TEXT)
        later = timedelta(hours=1)
        await desk.ask(desk.parties.other_officer, EVIDENCE, later=later)
        of_officer = {"officerId": desk.parties.officer.officer_id}
        kinds = {
            "officer": [record["kind"] for record in await records(desk, filter=of_officer)],
            "subject": [record["kind"] for record in await records(desk, filter={"subjectId": complaints[1].id})],
            "kind": [record["kind"] for record in await records(desk, filter={"kinds": ["EVIDENCE"]})],
            "before": [
                record["kind"]
                for record in await records(desk, filter={"recordedBefore": (desk.as_of + later).isoformat()})
            ],
            "after": [
                record["kind"]
                for record in await records(desk, filter={"recordedAfter": (desk.as_of + later).isoformat()})
            ],
            "nothing": await records(desk, filter={"subjectId": "+6281200000001"}),
        }
        assert kinds == {
            "officer": ["CHRONOLOGY"],
            "subject": ["EVIDENCE", "CHRONOLOGY"],
            "kind": ["EVIDENCE"],
            "before": ["CHRONOLOGY"],
            "after": ["EVIDENCE"],
            "nothing": [],
        }

    async def test_reads_reveals_and_records_in_one_order_page_by_page(self, desk: Desk, complaints):
        for complaint in complaints:
            await desk.ask(desk.parties.officer, REVEAL, input={"complaintId": complaint.id, "purpose": "a call"})
            await desk.ask(desk.parties.officer, TEXT)
        seen, after = [], None
        while True:
            answer = await desk.ask(desk.parties.other_officer, RECORDS, first=2, after=after)
            page = answer.data["accessRecords"]
            seen += [node["kind"] for node in page["nodes"] if node["list"] is None]
            after = page["pageInfo"]["endCursor"]
            if not page["pageInfo"]["hasNextPage"]:
                break
        assert seen == ["CHRONOLOGY", "COMPLAINANT"] * 3

    @pytest.mark.parametrize("party", ["telkomsel", "agency", "provider"])
    async def test_is_never_a_carrier_an_agency_or_a_provider(self, desk: Desk, complaints, party):
        await desk.ask(desk.parties.officer, TEXT)
        answer = await desk.ask(getattr(desk.parties, party), RECORDS)
        assert (answer.data, answer.problems) == ({"accessRecords": None}, ["FORBIDDEN"])

    async def test_is_an_officer_and_no_system_of_the_regulator(self, desk: Desk, complaints):
        answer = await desk.ask(desk.parties.regulator, RECORDS)
        assert (answer.data, answer.problems) == ({"accessRecords": None}, ["OFFICER_REQUIRED"])


class TestOfficerWhoWouldHideAReading:
    CHANGES = (
        "DELETE FROM access_records",
        "UPDATE access_records SET officer_id = NULL",
        "UPDATE access_records SET subject_ids = '{x}'",
        "TRUNCATE access_records",
        "DELETE FROM access_seals",
        "UPDATE access_seals SET count = 0",
        "UPDATE access_seals SET erased_at = now()",
    )

    async def test_changes_and_deletes_nothing_under_any_role_of_the_application(
        self, desk: Desk, complaints, owner_connection
    ):
        await desk.ask(desk.parties.officer, TEXT)
        await owner_connection.execute(
            "INSERT INTO access_seals "
            "VALUES (gen_random_uuid(), now() - interval '1 hour', now(), 1, repeat('a', 64), now())"
        )
        stored = "SELECT r::text, s::text FROM access_records r, access_seals s"
        before = await owner_connection.fetch(stored)
        for role, change in itertools.product(Role, self.CHANGES):
            assert await self.try_change(desk, role, change) == 0, (role, change)
        assert len(before) == 1
        assert await owner_connection.fetch(stored) == before

    async def try_change(self, desk: Desk, role: Role, change: str) -> int:
        try:
            async with desk.database.system(role, as_of=desk.as_of) as tx:
                return (await tx.execute(text(change))).rowcount
        except DBAPIError as error:
            if "permission denied" not in str(error):
                raise
            return 0

    async def test_finds_no_mutation_that_names_an_access_record(self, desk: Desk):
        answer = await desk.ask(desk.parties.officer, "{ __schema { mutationType { fields { name } } } }")
        names = [field["name"].lower() for field in answer.data["__schema"]["mutationType"]["fields"]]
        assert names
        assert [name for name in names if "access" in name] == []


class TestUnwritableRecord:
    async def test_gives_nothing(self, desk: Desk, complaints, owner_connection):
        await owner_connection.execute("ALTER TABLE access_records RENAME TO elsewhere")
        try:
            with pytest.raises(DBAPIError):
                await desk.ask(desk.parties.officer, TEXT)
        finally:
            await owner_connection.execute("ALTER TABLE elsewhere RENAME TO access_records")

    async def test_keeps_no_connection(self, desk: Desk, complaints, owner_connection):
        await owner_connection.execute("ALTER TABLE access_records RENAME TO elsewhere")
        try:
            failed = await asyncio.gather(
                *(desk.ask(desk.parties.officer, TEXT) for _ in range(3)), return_exceptions=True
            )
        finally:
            await owner_connection.execute("ALTER TABLE elsewhere RENAME TO access_records")
        assert [type(failure).__name__ for failure in failed] == ["ProgrammingError"] * 3
        assert desk.database.engine.pool.checkedout() == 0
