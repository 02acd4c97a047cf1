"""One number of the graph: its holder by the plan, even if nobody complained of it, however it is written."""

import pytest

from tests.support.desk import Desk
from tests.support.desk_journeys import complaint

NUMBER = """query($n: E164!) { number(e164: $n) {
  e164 region isDomestic protectedReason holderStatus status risk firstSeenAt epoch
  holder { slug } brand { slug } } }"""
ENTITY = """query($r: [_Any!]!) { _entities(representations: $r) {
  ... on PhoneNumber { e164 holderStatus holder { slug } } } }"""
NOTHING_KNOWN = dict.fromkeys(
    ("region", "isDomestic", "protectedReason", "holderStatus", "status", "firstSeenAt", "epoch", "holder", "brand")
)


class TestNumberThatNobodyComplainedOf:
    @pytest.mark.parametrize(
        ("written", "e164", "status", "holder", "brand"),
        [
            ("+6281190000001", "+6281190000001", "HELD", {"slug": "telkomsel"}, None),
            ("0851 5500 0001", "+6285155000001", "HELD", {"slug": "telkomsel"}, {"slug": "byu"}),
            ("0890-9000-0001", "+6289090000001", "UNALLOCATED", None, None),
            ("(021) 5550001", "+62215550001", "HOLDER_UNKNOWN", None, None),
            ("+1 202 555 0143", "+12025550143", "FOREIGN", None, None),
        ],
    )
    async def test_answers_the_regulator_with_its_range_holder(
        self, desk: Desk, written: str, e164: str, status: str, holder: object, brand: object
    ):
        answer = await desk.ask(desk.parties.officer, NUMBER, n=written)
        number = answer.data["number"]
        assert (number["e164"], number["holderStatus"], number["holder"], number["brand"]) == (
            e164, status, holder, brand,
        )  # fmt: skip
        assert (number["status"], number["risk"], number["firstSeenAt"], number["epoch"]) == ("CLEAR", "NONE", None, 1)
        entity = await desk.ask(desk.parties.officer, ENTITY, r=[{"__typename": "PhoneNumber", "e164": written}])
        assert entity.data["_entities"] == [{"e164": e164, "holderStatus": status, "holder": holder}]

    async def test_tells_why_it_can_not_be_blocked(self, desk: Desk):
        number = (await desk.ask(desk.parties.officer, NUMBER, n="159")).data["number"]
        assert (number["e164"], number["protectedReason"]) == ("+62159", "REGULATOR_HOTLINE")

    async def test_answers_a_carrier_for_its_own_ranges_alone(self, desk: Desk):
        own = (await desk.ask(desk.parties.telkomsel, NUMBER, n="0811 9000 0001")).data["number"]
        assert (own["holderStatus"], own["holder"], own["status"]) == ("HELD", {"slug": "telkomsel"}, "CLEAR")
        for other in ("+6285600000001", "+6289090000001", "+62215550001", "+12025550143"):
            answer = await desk.ask(desk.parties.telkomsel, NUMBER, n=other)
            assert answer.data["number"] == NOTHING_KNOWN | {"e164": other, "risk": "NONE"}, other

    async def test_is_not_found_by_an_agency_that_did_not_complain(self, desk: Desk):
        answer = await desk.ask(desk.parties.agency, NUMBER, n="+6281190000001")
        assert (answer.data, answer.problems) == ({"number": None}, ["NOT_FOUND"])

    async def test_costs_one_more_statement_for_a_thousand(self, desk: Desk):
        asked = [{"__typename": "PhoneNumber", "e164": f"+6281190{place:06d}"} for place in range(1000)]
        query = "query($r: [_Any!]!) { _entities(representations: $r) { ... on PhoneNumber { holderStatus } } }"
        answer = await desk.ask(desk.parties.officer, query, r=asked)
        assert {entity["holderStatus"] for entity in answer.data["_entities"]} == {"HELD"}
        assert len(answer.statements) <= 4, answer.statements


class TestNumberThatIsNone:
    async def test_is_not_found_although_it_has_the_form_of_one(self, desk: Desk):
        answer = await desk.ask(desk.parties.officer, NUMBER, n="+999123456")
        assert (answer.data, answer.problems) == ({"number": None}, ["NOT_FOUND"])


class TestNumberWithTwoReadings:
    """6227550123 is +62 27550123, or 0622 7550123 without its 0."""

    async def test_is_refused_with_a_hint_wherever_one_is_written(self, desk: Desk):
        written, at = "6227550123", "2026-01-01T00:00:00Z"
        words = {"legalBasis": "PM 5/2021", "summary": "Fraud.", "subscriberNotice": "Blocked.", "number": written}
        override = {"number": written, "holderId": desk.parties.indosat.member_id, "reason": "The holder."}
        for viewer, name, items in (
            (desk.parties.agency, "fileComplaints", {"complaints": [complaint(number=written)]}),
            (
                desk.parties.agency,
                "contributeSignals",
                {"contributions": [{"number": written, "category": "FRAUD", "reference": "1"}]},
            ),
            (desk.parties.officer, "draftBlockOrders", {"drafts": [words]}),
            (desk.parties.officer, "proposeNumberOverrides", {"overrides": [override]}),
            (
                desk.parties.telkomsel,
                "reportReassignments",
                {"reassignments": [{"number": written, "reassignedAt": at}]},
            ),
        ):
            kind = name[0].upper() + name[1:]
            results = "results { problem { code message hint } }"
            query = f"mutation($i: {kind}Input!) {{ {name}(input: $i) {{ {results} }} }}"
            answer = await desk.ask(viewer, query, i=items)
            (result,) = answer.data[name]["results"]
            assert result["problem"]["code"] == "NUMBER_INVALID", name
            assert "+6227550123 or +626227550123" in result["problem"]["message"], name
            assert "leading 0" in result["problem"]["hint"], name

    async def test_is_held_by_no_legal_hold(self, desk: Desk):
        place = "mutation($i: PlaceLegalHoldInput!) { placeLegalHold(input: $i) { legalHold { id } } }"
        draft = {"reason": "A court asked.", "subject": "NUMBER", "subjectId": "6227550123"}
        answer = await desk.ask(desk.parties.officer, place, i=draft)
        assert (answer.problems, answer.errors[0].original_error.field) == (["NUMBER_INVALID"], "subjectId")
