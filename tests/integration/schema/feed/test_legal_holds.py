"""Legal holds through the graph, and a proof bundle that a member makes of what the graph answers."""

import json

from ledger.feed.bundles import parse_bundle, verify_bundle
from ledger.feed.verification import parse_keys
from tests.support.desk import Desk
from tests.support.journeys import TELKOMSEL_NUMBER, acknowledge, issue_orders

PLACE = """mutation($input: PlaceLegalHoldInput!) { placeLegalHold(input: $input) {
  legalHold { id subject subjectId reason placedAt placedBy { displayName } releasedAt } } }"""
RELEASE = """mutation($input: ReleaseLegalHoldInput!) { releaseLegalHold(input: $input) {
  legalHold { id releasedAt releasedBy { displayName } } } }"""
LIST = "query($active: Boolean) { legalHolds(active: $active) { nodes { id reason } pageInfo { hasNextPage } } }"
NUMBER = {"reason": "Court order 12/2026", "subject": "NUMBER", "subjectId": "0812 0000 0001"}


class TestLegalHolds:
    async def test_are_placed_listed_and_released_by_officers(self, desk: Desk):
        placed = (await desk.ask(desk.parties.officer, PLACE, input=NUMBER)).data["placeLegalHold"]["legalHold"]
        assert (placed["subject"], placed["subjectId"], placed["releasedAt"]) == ("NUMBER", TELKOMSEL_NUMBER, None)
        assert placed["placedBy"] == {"displayName": "Sari"}
        whole = await desk.ask(desk.parties.officer, PLACE, input={"reason": "All of it"})
        assert whole.data["placeLegalHold"]["legalHold"]["subject"] is None
        released = await desk.ask(desk.parties.other_officer, RELEASE, input={"id": placed["id"]})
        assert released.data["releaseLegalHold"]["legalHold"]["releasedBy"] == {"displayName": "Budi"}
        active = await desk.ask(desk.parties.officer, LIST, active=True)
        assert [node["reason"] for node in active.data["legalHolds"]["nodes"]] == ["All of it"]
        every = await desk.ask(desk.parties.officer, LIST)
        assert len(every.data["legalHolds"]["nodes"]) == 2

    async def test_are_nobody_elses(self, desk: Desk):
        machine = await desk.ask(desk.parties.regulator, PLACE, input=NUMBER)
        assert machine.problems == ["OFFICER_REQUIRED"]
        for viewer in (desk.parties.telkomsel, desk.parties.agency, desk.parties.provider):
            for document, values in ((PLACE, {"input": NUMBER}), (LIST, {})):
                assert (await desk.ask(viewer, document, **values)).problems == ["FORBIDDEN"]

    async def test_say_what_is_wrong_with_one(self, desk: Desk):
        for wrong, problem in (
            ({"reason": ""}, "HOLD_REASON_MISSING"),
            ({"reason": "x", "subject": "COMPLAINT"}, "HOLD_SUBJECT_INVALID"),
            ({"reason": "x", "subject": "COMPLAINT", "subjectId": "none"}, "NOT_FOUND"),
        ):
            assert (await desk.ask(desk.parties.officer, PLACE, input=wrong)).problems == [problem]


class TestBundleOfAMember:
    async def test_proves_its_acknowledgement_to_anybody(self, desk: Desk, audited):
        [order] = await issue_orders(desk.database, desk.parties, desk.as_of, [TELKOMSEL_NUMBER])
        await acknowledge(desk.database, desk.parties.telkomsel, desk.as_of, order)
        await audited.settle()
        carrier = desk.parties.telkomsel
        first = await desk.ask(carrier, "{ checkpoint { note treeSize } feed(first: 100) { nodes { kind position } } }")
        position = first.data["feed"]["nodes"][-1]["position"]
        assert first.data["feed"]["nodes"][-1]["kind"] == "ORDER_ACKNOWLEDGED"
        query = """query($position: Position!, $size: Position!) {
          inclusionProof(position: $position, treeSize: $size) { position leafHash treeSize hashes }
          feed(first: 100) { nodes { position text salt } } checkpointKeys { verifierKey } }"""
        size = first.data["checkpoint"]["treeSize"]
        answer = (await desk.ask(carrier, query, position=position, size=size)).data
        [entry] = [node for node in answer["feed"]["nodes"] if node["position"] == position]
        bundle = answer["inclusionProof"] | {
            "checkpoint": first.data["checkpoint"]["note"],
            "entry": entry["text"],
            "salt": entry["salt"],
        }
        keys = parse_keys([key["verifierKey"] for key in answer["checkpointKeys"]])
        verdict = verify_bundle(parse_bundle(json.dumps(bundle).encode()), keys=keys)
        assert verdict
        assert "ORDER_ACKNOWLEDGED" in verdict.entry
        forged = bundle | {"entry": entry["text"].replace("EXECUTED", "RECEIVED")}
        assert not verify_bundle(parse_bundle(json.dumps(forged).encode()), keys=keys)
