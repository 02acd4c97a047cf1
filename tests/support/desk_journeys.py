"""Steps that tests of the graph begin with, taken through the graph itself."""

from ledger.identifiers import new_id
from tests.support.desk import Desk

NUMBER = "+6281200000001"


FILE = """mutation($input: FileComplaintsInput!) { fileComplaints(input: $input) {
  problemCount results { wasKnown complaint { id ticketNo state e164 } problem { code message field hint } } } }"""


DECIDE = """mutation($input: DecideComplaintsInput!) { decideComplaints(input: $input) {
  results { complaint { id state } problem { code } } } }"""


def complaint(**more):
    return {"number": NUMBER, "medium": "SMS", "category": "FRAUD", "sourceReference": new_id()} | more


async def file_verified(desk: Desk, count: int = 1) -> list[str]:
    filed = await desk.ask(desk.parties.agency, FILE, input={"complaints": [complaint() for _ in range(count)]})
    assert not filed.errors, filed.errors
    ids = [result["complaint"]["id"] for result in filed.data["fileComplaints"]["results"]]
    decisions = [{"complaintId": each, "decision": "VERIFY"} for each in ids]
    decided = await desk.ask(desk.parties.officer, DECIDE, input={"decisions": decisions})
    assert [r["complaint"]["state"] for r in decided.data["decideComplaints"]["results"]] == ["VERIFIED"] * count
    return ids
