"""Reading complaints: their source and the regulator, nobody else; and hostile text."""

import pytest

from tests.support.desk import Desk
from tests.support.desk_journeys import FILE, complaint, file_verified


async def file_one(desk: Desk, **more):
    filed = await desk.ask(desk.parties.agency, FILE, input={"complaints": [complaint(**more)]})
    (result,) = filed.data["fileComplaints"]["results"]
    assert result["problem"] is None, result
    return result["complaint"]


class TestComplaint:
    async def test_is_found_by_its_ticket_and_by_its_id(self, desk: Desk):
        filed = await file_one(desk)
        query = "query($id: ID, $no: String) { a: complaint(id: $id) { ticketNo } b: complaint(ticketNo: $no) { id } }"
        answer = await desk.ask(desk.parties.agency, query, id=filed["id"], no=filed["ticketNo"].lower())
        assert answer.data == {"a": {"ticketNo": filed["ticketNo"]}, "b": {"id": filed["id"]}}

    async def test_of_another_source_looks_like_one_that_does_not_exist(self, desk: Desk):
        filed = await file_one(desk)
        year = filed["ticketNo"][2:6]
        for keys in (
            {"id": filed["id"]},
            {"no": filed["ticketNo"]},
            {"no": f"T-{year}-9999999"},
            {"no": "T-1999-0000001"},
            {"no": "T-2026-" + "9" * 40},
            {"no": "\u0662"},
        ):
            query = "query($id: ID, $no: String) { complaint(id: $id, ticketNo: $no) { id } }"
            for viewer in (desk.parties.other_agency, desk.parties.telkomsel):
                answer = await desk.ask(viewer, query, **keys)
                assert (answer.data, answer.problems) == ({"complaint": None}, ["NOT_FOUND"]), keys

    async def test_shows_its_source_what_it_filed_and_the_regulator_the_same(self, desk: Desk):
        filed = await file_one(
            desk,
            chronology="Saya ditelepon.\nLalu ditipu.",
            loss="2500000",
            incidentAt="2026-03-01T10:00:00+07:00",
            evidence=[{"mediaType": "image/png", "content": "iVBORw0KGgo=", "fileName": "layar.png"}],
        )
        query = """query($id: ID!) { complaint(id: $id) { chronology loss incidentAt source { slug } isEpochUncertain
          isVerificationOverdue evidence { mediaType fileName sizeBytes } number { e164 } } }"""
        for viewer in (desk.parties.agency, desk.parties.officer):
            answer = await desk.ask(viewer, query, id=filed["id"])
            assert answer.errors == []
            assert answer.data["complaint"] == {
                "chronology": "Saya ditelepon.\nLalu ditipu.",
                "loss": "2500000",
                "incidentAt": "2026-03-01T03:00:00Z",
                "source": {"slug": "agency"},
                "isEpochUncertain": answer.data["complaint"]["isEpochUncertain"],
                "isVerificationOverdue": False,
                "evidence": [{"mediaType": "image/png", "fileName": "layar.png", "sizeBytes": 8}],
                "number": {"e164": "+6281200000001"},
            }

    async def test_tells_a_duplicates_first_one_and_who_decided(self, desk: Desk):
        first, second = await file_one(desk), await file_one(desk)
        decide = """mutation($input: DecideComplaintsInput!) { decideComplaints(input: $input) { results {
          complaint { state duplicateOf { id } decidedBy { displayName } decisionNote } problem { code } } } }"""
        decision = {
            "complaintId": second["id"],
            "decision": "MARK_DUPLICATE",
            "duplicateOf": first["id"],
            "note": "Sama",
        }
        answer = await desk.ask(desk.parties.officer, decide, input={"decisions": [decision]})
        (result,) = answer.data["decideComplaints"]["results"]
        assert result["problem"] is None, result
        assert result["complaint"] == {
            "state": "DUPLICATE",
            "duplicateOf": {"id": first["id"]},
            "decidedBy": {"displayName": "Sari"},
            "decisionNote": "Sama",
        }

    async def test_is_answered_and_withdrawn_by_its_source(self, desk: Desk):
        filed = await file_one(desk)
        decide = """mutation($input: DecideComplaintsInput!) { decideComplaints(input: $input) { results {
          complaint { state infoRequest } } } }"""
        decision = {"complaintId": filed["id"], "decision": "ASK_INFO", "note": "Kirim tangkapan layar."}
        asked = await desk.ask(desk.parties.officer, decide, input={"decisions": [decision]})
        assert asked.data["decideComplaints"]["results"] == [
            {"complaint": {"state": "NEEDS_INFO", "infoRequest": "Kirim tangkapan layar."}}
        ]
        supply = """mutation($input: SupplyComplaintInformationInput!) { supplyComplaintInformation(input: $input) {
          problemCount results { complaint { state chronology } problem { code } } } }"""
        supplement = {"complaintId": filed["id"], "chronology": "Ini ceritanya."}
        supplied = await desk.ask(desk.parties.agency, supply, input={"supplements": [supplement]})
        assert supplied.data["supplyComplaintInformation"]["results"] == [
            {"complaint": {"state": "SUBMITTED", "chronology": "Ini ceritanya."}, "problem": None}
        ]
        withdraw = """mutation($input: WithdrawComplaintsInput!) { withdrawComplaints(input: $input) {
          results { complaint { state } problem { code } } } }"""
        ids = [filed["id"], "x"]
        withdrawn = await desk.ask(desk.parties.agency, withdraw, input={"complaintIds": ids})
        assert withdrawn.data["withdrawComplaints"]["results"] == [
            {"complaint": {"state": "WITHDRAWN"}, "problem": None},
            {"complaint": None, "problem": {"code": "NOT_FOUND"}},
        ]


class TestComplaints:
    @pytest.mark.parametrize(
        ("wanted", "expected"),
        [
            ({}, 2),
            ({"states": ["VERIFIED"]}, 2),
            ({"states": []}, 2),
            ({"states": None}, 2),
            ({"categories": ["EXTORTION"]}, 0),
            ({"number": "+6281200000001"}, 2),
            ({"number": "+6281200000002"}, 0),
            ({"number": "0812 0000 0001"}, 2),
            ({"number": "\u202a+62 812-0000-0001\u202c"}, 2),
            ({"number": "0812 0000 0002"}, 0),
            ({"sourceId": "nobody"}, 0),
            ({"filedAfter": "2026-03-03T00:00:00Z"}, 0),
            ({"filedBefore": "2026-03-03T00:00:00Z"}, 2),
            ({"isVerificationOverdue": True}, 0),
            ({"complainantRef": "none"}, 0),
        ],
    )
    async def test_are_filtered(self, desk: Desk, wanted, expected):
        await file_verified(desk, 2)
        query = "query($f: ComplaintFilter) { complaints(filter: $f, sort: FILED_NEWEST) { totalCount nodes { id } } }"
        answer = await desk.ask(desk.parties.officer, query, f=wanted)
        assert answer.errors == []
        assert answer.data["complaints"]["totalCount"] == len(answer.data["complaints"]["nodes"]) == expected

    async def test_are_forbidden_to_carriers(self, desk: Desk):
        answer = await desk.ask(desk.parties.telkomsel, "{ complaints { nodes { id } } }")
        assert (answer.data, answer.problems) == ({"complaints": None}, ["FORBIDDEN"])


class TestPastedText:
    @pytest.mark.parametrize(
        ("pasted", "shown"),
        [
            (
                "\u200e[01/11/26 19.30.12] Bank: \u200eimage omitted",
                "\u200e[01/11/26 19.30.12] Bank: \u200eimage omitted",
            ),
            ("Please call \u202a+62 890-1111-2036\u202c now", "Please call +62 890-1111-2036 now"),
            ("\u0645\u0643\u0627\u0644\u0645\u0629 \u200f(2026)", "\u0645\u0643\u0627\u0644\u0645\u0629 \u200f(2026)"),
            ("Named \u202eknaB\u202c", "Named [U+202E]knaB"),
        ],
        ids=["a chat's export", "a number from a contact", "Arabic", "a name in reverse"],
    )
    async def test_is_kept_or_cleaned_and_shown(self, desk: Desk, pasted: str, shown: str):
        filed = await file_one(desk, chronology=pasted)
        answer = await desk.ask(
            desk.parties.officer, "query($id: ID!) { complaint(id: $id) { chronology } }", id=filed["id"]
        )
        assert answer.data == {"complaint": {"chronology": shown}}

    async def test_makes_no_officer_take_a_program_for_a_picture(self, desk: Desk):
        evidence = [{"mediaType": "image/png", "content": "iVBORw0KGgo=", "fileName": "layar\u202egnp.exe"}]
        filed = await file_one(desk, evidence=evidence)
        query = "query($id: ID!) { complaint(id: $id) { evidence { fileName } } }"
        answer = await desk.ask(desk.parties.officer, query, id=filed["id"])
        assert answer.data == {"complaint": {"evidence": [{"fileName": "layar[U+202E]gnp.exe"}]}}

    async def test_in_a_reference_makes_no_second_complaint(self, desk: Desk):
        first = await file_one(desk, sourceReference="A-4711")
        assert (await file_one(desk, sourceReference="\u200eA-\u00ad4711\u2060"))["id"] == first["id"]


class TestHostileText:
    @pytest.mark.parametrize("text", ["a\0b", "\ud800", "\udc00x"])
    async def test_in_any_argument_of_a_query_is_refused_before_anything_is_read(self, desk: Desk, text: str):
        for query in (
            "query($t: String!) { complaints(filter: {complainantRef: $t}) { nodes { id } } }",
            "query($t: String!) { complaint(ticketNo: $t) { id } }",
            "query($t: String!) { blockOrder(orderNo: $t) { id } }",
            "query($t: ID!) { blockOrder(id: $t) { id } }",
            "query($t: ID!) { member(id: $t) { id } }",
            "query($t: ID!) { blockOrders(filter: {carrierId: $t}) { nodes { id } } }",
            "query($t: String!) { blockOrders(after: $t) { nodes { id } } }",
            "query($t: String!) { events(filter: {subjectId: $t}) { nodes { id } } }",
            "query($t: ID!) { forwardingRun(id: $t) { id } }",
            "query($t: ID!) { numbers(filter: {brandId: $t}) { nodes { e164 } } }",
        ):
            answer = await desk.ask(desk.parties.officer, query, t=text)
            assert (answer.problems, answer.statements) == (["TEXT_INVALID"], []), query

    @pytest.mark.parametrize("text", ["a\0b", "\ud800", "a\x0bb"])
    async def test_in_mutations_is_told_item_by_item_or_refused(self, desk: Desk, text: str):
        words = {"legalBasis": "PM 5/2021", "summary": "Fraud.", "subscriberNotice": "Blocked."}
        said = {"kind": "EXECUTED", "reference": "TT-1"}
        note, hashed = {"orderId": text, "note": text}, {"orderId": text, "contentHash": text}
        override = {"number": "+6281200000001", "holderId": desk.parties.indosat.member_id, "reason": "The holder."}
        for viewer, name, items in (
            (desk.parties.agency, "fileComplaints", {"complaints": [complaint(chronology=text)]}),
            (desk.parties.agency, "fileComplaints", {"complaints": [complaint(sourceReference=text)]}),
            (desk.parties.agency, "fileComplaints", {"complaints": [complaint(number=text)]}),
            (desk.parties.agency, "fileComplaints", {"complaints": [complaint(complainant={"name": text})]}),
            (desk.parties.agency, "withdrawComplaints", {"complaintIds": [text]}),
            (desk.parties.officer, "decideComplaints", {"decisions": [{"complaintId": text, "decision": "VERIFY"}]}),
            (desk.parties.officer, "draftBlockOrders", {"drafts": [words | {"number": text}]}),
            (desk.parties.officer, "draftBlockOrders", {"drafts": [words | {"number": "+628120", "summary": text}]}),
            (desk.parties.officer, "draftBlockOrders", {"drafts": [words | {"complaintIds": [text]}]}),
            (desk.parties.officer, "draftBlockOrders", {"drafts": [words | {"supersedesId": text}]}),
            (desk.parties.officer, "approveBlockOrders", {"approvals": [hashed | {"overrideNote": text}]}),
            (desk.parties.officer, "withdrawBlockOrders", {"orders": [note]}),
            (desk.parties.officer, "draftLifts", {"lifts": [note | {"basis": "COURT"}]}),
            (desk.parties.officer, "confirmBlockOrders", {"confirmations": [hashed]}),
            (desk.parties.officer, "decideExtensions", {"decisions": [{"extensionId": text, "isGranted": True}]}),
            (desk.parties.officer, "proposeNumberOverrides", {"overrides": [override | {"number": text}]}),
            (desk.parties.officer, "proposeNumberOverrides", {"overrides": [override | {"holderId": text}]}),
            (desk.parties.officer, "proposeNumberOverrides", {"overrides": [override | {"brandId": text}]}),
            (desk.parties.officer, "proposeNumberOverrides", {"overrides": [override | {"reason": text}]}),
            (desk.parties.officer, "proposeNumberOverrides", {"overrides": [override | {"orderId": text}]}),
            (desk.parties.officer, "reviseNumberOverrides", {"revisions": [{"proposalId": text, "reason": text}]}),
            (
                desk.parties.officer,
                "approveNumberOverrides",
                {"approvals": [{"proposalId": text, "contentHash": text}]},
            ),
            (desk.parties.officer, "discardNumberOverrides", {"proposalIds": [text]}),
            (desk.parties.officer, "confirmReassignments", {"reportIds": [text]}),
            (desk.parties.officer, "refuseReassignments", {"refusals": [{"reportId": text, "reason": text}]}),
            (
                desk.parties.telkomsel,
                "reportReassignments",
                {"reassignments": [{"number": text, "reassignedAt": "2026-01-01T00:00:00Z"}]},
            ),
            (desk.parties.telkomsel, "acknowledgeBlockOrders", {"acknowledgements": [said | {"orderId": text}]}),
            (desk.parties.telkomsel, "acknowledgeBlockOrders", {"acknowledgements": [said | {"orderNo": text}]}),
            (
                desk.parties.telkomsel,
                "acknowledgeBlockOrders",
                {"acknowledgements": [said | {"orderId": desk.parties.telkomsel.member_id, "reference": text}]},
            ),
        ):
            kind = name[0].upper() + name[1:]
            query = f"mutation($i: {kind}Input!) {{ {name}(input: $i) {{ results {{ problem {{ code }} }} }} }}"
            answer = await desk.ask(viewer, query, i=items)
            assert answer.errors == [], (name, items, answer.errors)
            (result,) = answer.data[name]["results"]
            assert result["problem"], (name, items)

    @pytest.mark.parametrize("text", ["a\0b", "\ud800"])
    async def test_in_what_is_no_list_is_a_clear_error(self, desk: Desk, text: str):
        held = {"prefix": "+628", "kind": "MOBILE", "validFrom": "2026-01-01T00:00:00Z"}
        member_id, words = desk.parties.telkomsel.member_id, {"legalBasis": text, "subscriberNotice": "x"}
        for name, one, sub in (
            ("revealComplainant", {"complaintId": text, "purpose": "A purpose"}, "complainant { name }"),
            ("forwardComplaints", words, "run { id }"),
            ("approveForwarding", {"runId": text, "manifestHash": text}, "problemCount"),
            ("discardForwarding", {"runId": text}, "run { id }"),
            ("admitMember", {"slug": text, "kind": "AGENCY", "legalName": "A"}, "member { id }"),
            ("admitMember", {"slug": "a", "kind": "AGENCY", "legalName": text}, "member { id }"),
            ("addBrand", {"memberId": member_id, "slug": "b", "name": text}, "brand { id }"),
            ("addOffice", {"memberId": text, "slug": "b", "name": "B"}, "office { id }"),
            ("addOfficer", {"officeId": desk.parties.officer.office_id, "displayName": text}, "officer { id }"),
            ("disableOfficer", {"officerId": text}, "officer { id }"),
            ("setNumberOverride", {"e164": "+6281200000001", "holderId": member_id, "reason": text}, "number { e164 }"),
            ("setNumberOverride", {"e164": "+6281200000001", "holderId": text, "reason": "R"}, "number { e164 }"),
            (
                "loadNumberingPlan",
                {"ranges": [held | {"prefix": text}]},
                "readCount",
            ),
            (
                "loadNumberingPlan",
                {
                    "ranges": [
                        {"prefix": "+628", "kind": "MOBILE", "validFrom": "2026-01-01T00:00:00Z", "holderSlug": text}
                    ]
                },
                "readCount",
            ),
        ):
            kind = name[0].upper() + name[1:]
            query = f"mutation($i: {kind}Input!) {{ {name}(input: $i) {{ {sub} }} }}"
            answer = await desk.ask(desk.parties.officer, query, i=one)
            assert answer.data == {name: None}, (name, one)
            assert answer.problems[0].isupper(), (name, one, answer.errors)


class TestTakeBack:
    TAKE = """mutation($input: TakeBackComplaintsInput!) { takeBackComplaints(input: $input) { problemCount
      results { complaint { state decidedAt decisionNote } problem { code field } } } }"""

    async def test_returns_a_complaint_to_the_officers_with_the_reason_for_them_alone(self, desk: Desk):
        (complaint_id,) = await file_verified(desk)
        item = {"complaintId": complaint_id, "note": "The wrong number."}
        answer = await desk.ask(desk.parties.officer, self.TAKE, input={"complaints": [item]})
        assert answer.errors == []
        assert answer.data["takeBackComplaints"]["results"] == [
            {
                "complaint": {"state": "SUBMITTED", "decidedAt": None, "decisionNote": "The wrong number."},
                "problem": None,
            }
        ]
        query = "query($id: ID!) { complaint(id: $id) { state decisionNote } }"
        shown = await desk.ask(desk.parties.agency, query, id=complaint_id)
        assert shown.data["complaint"] == {"state": "SUBMITTED", "decisionNote": None}

    async def test_by_a_machine_or_another_party_is_refused(self, desk: Desk):
        (complaint_id,) = await file_verified(desk)
        item = {"complaintId": complaint_id, "note": "The wrong number."}
        for viewer, code in (
            (desk.parties.regulator, "OFFICER_REQUIRED"),
            (desk.parties.agency, "FORBIDDEN"),
            (desk.parties.telkomsel, "FORBIDDEN"),
            (desk.parties.provider, "FORBIDDEN"),
        ):
            answer = await desk.ask(viewer, self.TAKE, input={"complaints": [item]})
            assert (answer.data["takeBackComplaints"], answer.problems) == (None, [code])
