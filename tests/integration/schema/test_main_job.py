"""The main job through the graph: complaint, order, acknowledgement, each party by its own token."""

from datetime import timedelta

from ledger.identifiers import new_id
from tests.support.desk import Desk
from tests.support.desk_journeys import FILE, NUMBER, complaint, file_verified

WORDS = {"legalBasis": "PM 5/2021", "summary": "Prize fraud.", "subscriberNotice": "Blocked for fraud."}

DRAFT = """mutation($input: DraftBlockOrdersInput!) { draftBlockOrders(input: $input) {
  results { blockOrder { id orderNo state status complaintCount contentHash } problem { code field } } } }"""
APPROVE = """mutation($input: ApproveBlockOrdersInput!) { approveBlockOrders(input: $input) {
  results { blockOrder { id state dueAt } problem { code field } } } }"""
ACKNOWLEDGE = """mutation($input: AcknowledgeBlockOrdersInput!) { acknowledgeBlockOrders(input: $input) {
  problemCount results { wasKnown acknowledgement { kind isLate } blockOrder { state status }
  problem { code field hint } } } }"""


async def draft(desk: Desk) -> tuple[str, str]:
    """The id of a draft, and the hash of its content."""
    await file_verified(desk)
    drafted = await desk.ask(desk.parties.officer, DRAFT, input={"drafts": [{"number": NUMBER} | WORDS]})
    (result,) = drafted.data["draftBlockOrders"]["results"]
    assert result["problem"] is None
    return result["blockOrder"]["id"], result["blockOrder"]["contentHash"]


async def issue(desk: Desk) -> str:
    order_id, content_hash = await draft(desk)
    approvals = [{"orderId": order_id, "contentHash": content_hash}]
    approved = await desk.ask(desk.parties.other_officer, APPROVE, input={"approvals": approvals})
    (result,) = approved.data["approveBlockOrders"]["results"]
    assert result["blockOrder"]["state"] == "ISSUED"
    return order_id


async def acknowledge(desk: Desk, viewer, order_id: str, **more):
    said = {"orderId": order_id, "kind": "EXECUTED", "reference": "TT-1"} | more
    return await desk.ask(viewer, ACKNOWLEDGE, later=timedelta(minutes=5), input={"acknowledgements": [said]})


class TestMainJob:
    async def test_ends_with_a_resolved_complaint_and_a_blocked_number(self, desk: Desk):
        order_id = await issue(desk)
        answer = await acknowledge(desk, desk.parties.telkomsel, order_id)
        (result,) = answer.data["acknowledgeBlockOrders"]["results"]
        assert result == {
            "wasKnown": False,
            "acknowledgement": {"kind": "EXECUTED", "isLate": False},
            "blockOrder": {"state": "EXECUTED", "status": "IN_EFFECT"},
            "problem": None,
        }
        seen = await desk.ask(desk.parties.agency, "{ complaints { nodes { state outcome number { status } } } }")
        assert seen.data["complaints"]["nodes"] == [
            {"state": "RESOLVED", "outcome": "BLOCKED", "number": {"status": "BLOCKED"}}
        ]

    async def test_refuses_to_approve_ones_own_draft_item_by_item(self, desk: Desk):
        order_id, content_hash = await draft(desk)
        approvals = [{"orderId": order_id, "contentHash": content_hash}]
        answer = await desk.ask(desk.parties.officer, APPROVE, input={"approvals": approvals})
        (result,) = answer.data["approveBlockOrders"]["results"]
        assert result == {"blockOrder": None, "problem": {"code": "FOUR_EYES", "field": "orderId"}}

    async def test_shows_a_wrong_carrier_what_an_unknown_id_shows(self, desk: Desk):
        order_id = await issue(desk)
        wrong = await acknowledge(desk, desk.parties.indosat, order_id)
        unknown = await acknowledge(desk, desk.parties.indosat, new_id())
        assert wrong.data == unknown.data
        (result,) = wrong.data["acknowledgeBlockOrders"]["results"]
        assert result["problem"]["code"] == "NOT_FOUND"

    async def test_takes_the_good_items_beside_the_bad(self, desk: Desk):
        items = [complaint(), complaint(number="not a number"), complaint(chronology="a\0b"), complaint()]
        answer = await desk.ask(desk.parties.agency, FILE, input={"complaints": items})
        results = answer.data["fileComplaints"]["results"]
        assert answer.data["fileComplaints"]["problemCount"] == 2
        assert [r["problem"] and r["problem"]["code"] for r in results] == [
            None,
            "NUMBER_INVALID",
            "TEXT_INVALID",
            None,
        ]

    async def test_answers_the_same_filing_with_the_first_complaint(self, desk: Desk):
        item = complaint()
        first = await desk.ask(desk.parties.agency, FILE, input={"complaints": [item]})
        again = await desk.ask(desk.parties.agency, FILE, input={"complaints": [item]})
        (one,), (two,) = (answer.data["fileComplaints"]["results"] for answer in (first, again))
        assert one["complaint"]["id"] == two["complaint"]["id"]
        assert (one["wasKnown"], two["wasKnown"]) == (False, True)

    async def test_refuses_1001_items_and_writes_nothing(self, desk: Desk):
        items = [complaint() for _ in range(1001)]
        answer = await desk.ask(desk.parties.agency, FILE, input={"complaints": items})
        assert answer.problems == ["TOO_MANY_ITEMS"]
        assert answer.data == {"fileComplaints": None}
        count = await desk.ask(desk.parties.agency, "{ complaints { totalCount } }")
        assert count.data["complaints"]["totalCount"] == 0

    async def test_reads_in_a_payload_what_the_mutation_wrote(self, desk: Desk):
        ids = await file_verified(desk)
        query = """mutation($a: DraftBlockOrdersInput!, $b: FileComplaintsInput!) {
          first: draftBlockOrders(input: $a) { results { blockOrder {
             complaints { nodes { id state } } number { status } } } }
          second: fileComplaints(input: $b) { results { complaint { number { complaintCount } } } } }"""
        drafts = {"drafts": [{"complaintIds": ids} | WORDS]}
        answer = await desk.ask(
            desk.parties.officer,
            query,
            a=drafts,
            b={"complaints": [complaint(complainant={"name": "Ani", "phone": "+628120"})]},
        )
        (drafted,) = answer.data["first"]["results"]
        assert drafted["blockOrder"]["complaints"]["nodes"] == [{"id": ids[0], "state": "ESCALATED"}]
        (filed,) = answer.data["second"]["results"]
        assert filed["complaint"]["number"]["complaintCount"] == 2

    async def test_forwards_by_a_manifest_that_another_officer_approves(self, desk: Desk):
        await file_verified(desk, 2)
        words = {"legalBasis": "PM 5/2021", "subscriberNotice": "Blocked for fraud."}
        made = await desk.ask(
            desk.parties.officer,
            """mutation($input: ForwardComplaintsInput!) { forwardComplaints(input: $input) { run {
               id state manifestHash complaintCount startedBy { displayName }
               items { nodes { place e164 result complaintCount
               blockOrder { state } carrier { slug } } } } } }""",
            input=words,
        )
        assert not made.errors, made.errors
        run = made.data["forwardComplaints"]["run"]
        assert run["items"]["nodes"] == [
            {
                "place": 1,
                "e164": NUMBER,
                "result": "DRAFTED",
                "complaintCount": 2,
                "blockOrder": {"state": "DRAFT"},
                "carrier": {"slug": "telkomsel"},
            }
        ]
        approve = """mutation($input: ApproveForwardingInput!) { approveForwarding(input: $input) {
          problemCount run { state approvedCount concludedBy { displayName } } results { blockOrder { state } } } }"""
        wrong = await desk.ask(
            desk.parties.other_officer, approve, input={"runId": run["id"], "manifestHash": "0" * 64}
        )
        assert wrong.problems == ["MANIFEST_CHANGED"]
        approved = await desk.ask(
            desk.parties.other_officer, approve, input={"runId": run["id"], "manifestHash": run["manifestHash"]}
        )
        assert approved.data["approveForwarding"] == {
            "problemCount": 0,
            "run": {"state": "APPROVED", "approvedCount": 1, "concludedBy": {"displayName": "Budi"}},
            "results": [{"blockOrder": {"state": "ISSUED"}}],
        }

    async def test_grants_a_carrier_more_time(self, desk: Desk):
        order_id = await issue(desk)
        until = (desk.as_of + timedelta(hours=30)).isoformat()
        await acknowledge(
            desk, desk.parties.telkomsel, order_id, kind="EXTENSION_REQUESTED", reason="TECHNICAL", until=until
        )
        asked = await desk.ask(
            desk.parties.telkomsel, "query($id: ID) { blockOrder(id: $id) { extensions { id state } } }", id=order_id
        )
        (extension,) = asked.data["blockOrder"]["extensions"]
        decided = await desk.ask(
            desk.parties.other_officer,
            """mutation($input: DecideExtensionsInput!) { decideExtensions(input: $input) {
               problemCount results { extension { state decidedBy { displayName } } problem { code } } } }""",
            input={"decisions": [{"extensionId": extension["id"], "isGranted": True}]},
        )
        assert decided.data["decideExtensions"]["results"] == [
            {"extension": {"state": "GRANTED", "decidedBy": {"displayName": "Budi"}}, "problem": None}
        ]

    async def test_reveals_a_complainant_with_a_purpose_and_an_event(self, desk: Desk):
        item = complaint(complainant={"name": "Ani", "identityNumber": "3171234567890001"})
        filed = await desk.ask(desk.parties.agency, FILE, input={"complaints": [item]})
        complaint_id = filed.data["fileComplaints"]["results"][0]["complaint"]["id"]
        reveal = """mutation($input: RevealComplainantInput!) { revealComplainant(input: $input) {
          complainant { name identityNumber } } }"""
        shown = await desk.ask(
            desk.parties.officer,
            reveal,
            input={"complaintId": complaint_id, "purpose": "Call back about the evidence."},
        )
        assert shown.data["revealComplainant"]["complainant"]["name"] == "Ani"
        events = await desk.ask(
            desk.parties.officer,
            "query($f: EventFilter) { events(filter: $f) { nodes { kind subjectId officer { displayName } } } }",
            f={"kinds": ["COMPLAINANT_REVEALED"]},
        )
        assert events.data["events"]["nodes"] == [
            {"kind": "COMPLAINANT_REVEALED", "subjectId": complaint_id, "officer": {"displayName": "Sari"}}
        ]
        audited = await desk.ask(
            desk.parties.officer,
            "query($id: ID) { complaint(id: $id) { reveals { purpose revealedAt officer { displayName } } } }",
            id=complaint_id,
        )
        (reveal,) = audited.data["complaint"]["reveals"]
        assert (reveal["purpose"], reveal["officer"]["displayName"]) == ("Call back about the evidence.", "Sari")
