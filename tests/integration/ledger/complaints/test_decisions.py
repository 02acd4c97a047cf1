"""Officers decide, one of two at once; sources withdraw and supply; every move comes from the table."""

import asyncio
import hashlib
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text

from ledger.complaints.complainant_drafts import ComplainantDraft
from ledger.complaints.complainants import load_reveals, reveal_complainant
from ledger.complaints.decisions import ComplaintDecision, Decision, decide_complaints, record_complainant_informed
from ledger.complaints.drafts import ComplaintDraft
from ledger.complaints.evidence import load_evidence
from ledger.complaints.evidence_drafts import EvidenceDraft
from ledger.complaints.filing import file_complaints
from ledger.complaints.reading import (
    ComplaintFilter,
    count_complaints,
    get_complaint,
    list_complaints,
    load_complaints,
    read_chronology,
)
from ledger.complaints.states import COMPLAINT_MOVES, ComplaintMove, ComplaintState
from ledger.complaints.supplements import Supplement, supply_information, withdraw_complaints
from ledger.complaints.vocabulary import ComplaintSort, Medium, RejectionReason
from ledger.errors import CursorInvalidError, ForbiddenError, OfficerRequiredError, Problem, UnknownError
from ledger.identifiers import new_id
from ledger.numbers.reading import get_number
from ledger.numbers.vocabulary import RiskTier
from ledger.pages import PageRequest
from ledger.policies import Policies
from ledger.storage.database import Database
from ledger.storage.rekeying import rotate_keys
from ledger.storage.roles import Role
from ledger.storage.sealing import Keyring
from ledger.vocabulary import Category
from migrations.metadata import metadata
from tests.support.statements import count_statements

NUMBER = "0811 9000 0001"
PERSON = ComplainantDraft(name="Ani", identity_number="3171010101010001")


@pytest.fixture
def run(database, as_of):
    """Do one call of the ledger in a transaction of the viewer's."""

    async def call(viewer, function, *arguments, at=as_of, **options):
        return await database.run(viewer, as_of=at, work=lambda tx: function(tx, *arguments, **options))

    return call


@pytest.fixture
def filed(run, parties):
    """File complaints and give their ids."""

    async def call(count=1, *, viewer=parties.agency, **changes):
        draft = ComplaintDraft(**{"medium": Medium.SMS, "category": Category.FRAUD, "number": NUMBER, **changes})
        drafts = [replace(draft, source_reference=new_id()) for _ in range(count)]
        return [item.complaint.id for item in await run(viewer, file_complaints, drafts)]

    return call


async def put_into(database, as_of, complaint_id, state):
    """Any state whatever, with what its constraints ask for."""
    async with database.system(Role.TRANSITION, as_of=as_of) as tx:
        statement = text(
            "UPDATE complaints SET state = :state, rejection_reason = 'NOT_MISUSE', duplicate_of = id "
            "WHERE id = CAST(:id AS uuid)"
        )
        await tx.execute(statement, {"state": state, "id": complaint_id})


def decision(complaint_id, what, **details):
    needs = {
        Decision.REJECT: {"reason": RejectionReason.NOT_MISUSE},
        Decision.ASK_INFO: {"note": "Mana buktinya?"},
    }
    return ComplaintDecision(complaint_id=complaint_id, decision=what, **{**needs.get(what, {}), **details})


class TestDecideComplaints:
    @pytest.mark.parametrize("state", list(ComplaintState))
    @pytest.mark.parametrize("what", [item for item in Decision if item is not Decision.MARK_DUPLICATE])
    async def test_moves_as_the_table_says(self, database, run, filed, parties, as_of, state, what):
        (complaint_id,) = await filed()
        await put_into(database, as_of, complaint_id, state)
        (result,) = await run(parties.officer, decide_complaints, [decision(complaint_id, what)])
        after = COMPLAINT_MOVES.get((state, ComplaintMove(what)))
        if after is None:
            assert result.code == "INCOMPATIBLE_STATE"
        else:
            assert result.state is after

    async def test_verifies(self, run, filed, parties, as_of):
        (complaint_id,) = await filed()
        later = as_of + timedelta(hours=1)
        (complaint,) = await run(
            parties.officer, decide_complaints, [decision(complaint_id, Decision.VERIFY, note="jelas")], at=later
        )
        assert (complaint.decided_by, complaint.decided_at) == (parties.officer.officer_id, later)
        assert complaint.decision_note == "jelas"
        shown = await run(parties.agency, get_complaint, complaint_id)
        assert (shown.state, shown.decision_note, shown.decided_by) == (ComplaintState.VERIFIED, None, None)

    async def test_writes_the_risk_by_distinct_complainants(self, database, run, filed, parties):
        ours = await filed(4, complainant=PERSON)
        await filed(complainant=PERSON)
        theirs = await filed(3, viewer=parties.other_agency)
        database.policies = Policies(
            risk_medium_complainants=1, risk_high_complainants=2, risk_very_high_complainants=3
        )

        async def decide(ids, what=Decision.VERIFY):
            await run(parties.officer, decide_complaints, [decision(one, what) for one in ids])
            number = await run(parties.regulator, get_number, NUMBER)
            return number.risk, number.verified_complaint_count

        assert await decide(ours) == (RiskTier.MEDIUM, 4)
        assert await decide(theirs) == (RiskTier.HIGH, 7)
        others = await filed(complainant=ComplainantDraft(name="Budi"))
        assert await decide(others) == (RiskTier.VERY_HIGH, 8)
        shown = await run(parties.xlsmart, get_number, NUMBER)
        assert (shown.risk, shown.status) == (RiskTier.VERY_HIGH, None)

    async def test_leaves_the_risk_of_a_rejected_one(self, run, filed, parties):
        ids = await filed(3)
        await run(parties.officer, decide_complaints, [decision(one, Decision.REJECT) for one in ids])
        assert (await run(parties.regulator, get_number, NUMBER)).risk is RiskTier.NONE

    async def test_takes_the_count_back_when_a_resolved_one_is_reopened(self, database, run, filed, parties, as_of):
        (complaint_id,) = await filed()
        await run(parties.officer, decide_complaints, [decision(complaint_id, Decision.VERIFY)])
        await put_into(database, as_of, complaint_id, ComplaintState.RESOLVED)
        (complaint,) = await run(parties.officer, decide_complaints, [decision(complaint_id, Decision.REOPEN)])
        assert (complaint.decided_at, complaint.outcome) == (None, None)
        assert complaint.verification_due_at == as_of + timedelta(hours=24)
        number = await run(parties.regulator, get_number, NUMBER)
        assert (number.verified_complaint_count, number.risk) == (0, RiskTier.NONE)

    async def test_asks_the_source_and_stops_the_clock(self, run, filed, parties):
        (complaint_id,) = await filed()
        await run(parties.officer, decide_complaints, [decision(complaint_id, Decision.ASK_INFO)])
        shown = await run(parties.agency, get_complaint, complaint_id)
        assert (shown.state, shown.info_request) == (ComplaintState.NEEDS_INFO, "Mana buktinya?")
        assert (shown.complete_at, shown.verification_due_at, shown.decided_at) == (None, None, None)

    async def test_marks_a_duplicate_of_the_same_complainant_only(self, run, filed, parties):
        first, again = await filed(2, complainant=PERSON)
        (unnamed,) = await filed()
        (victim,) = await filed(complainant=ComplainantDraft(name="Budi"))
        (elsewhere,) = await filed(complainant=PERSON, number="0811 9000 0002")

        async def mark(one, other):
            item = decision(one, Decision.MARK_DUPLICATE, duplicate_of=other)
            (result,) = await run(parties.officer, decide_complaints, [item])
            return result.code if isinstance(result, Problem) else (result.state, result.duplicate_of)

        assert await mark(again, again) == "DUPLICATE_MISMATCH"
        assert await mark(victim, first) == "DUPLICATE_MISMATCH"
        assert await mark(elsewhere, first) == "DUPLICATE_MISMATCH"
        assert await mark(again, new_id()) == "NOT_FOUND"
        assert await mark(again, first) == (ComplaintState.DUPLICATE, first)
        assert await mark(unnamed, again) == "DUPLICATE_MISMATCH"
        assert await mark(unnamed, first) == (ComplaintState.DUPLICATE, first)

    async def test_answers_each_in_its_place(self, run, filed, parties):
        ids = await filed(4)
        results = await run(
            parties.officer,
            decide_complaints,
            [
                decision(ids[0], Decision.VERIFY),
                decision(new_id(), Decision.VERIFY),
                decision("no id", Decision.VERIFY),
                decision(ids[1], Decision.REJECT, reason=None),
                decision(ids[1], Decision.ASK_INFO, note=" "),
                decision(ids[1], Decision.VERIFY, reason=RejectionReason.NOT_MISUSE),
                decision(ids[2], Decision.VERIFY, expected_state=ComplaintState.NEEDS_INFO),
                decision(ids[0], Decision.REJECT),
                decision(ids[3], Decision.REJECT),
            ],
        )
        assert [item.code if isinstance(item, Problem) else item.state for item in results] == [
            "VERIFIED",
            "NOT_FOUND",
            "NOT_FOUND",
            "DECISION_INVALID",
            "DECISION_INVALID",
            "DECISION_INVALID",
            "INCOMPATIBLE_STATE",
            "ITEM_REPEATED",
            "REJECTED",
        ]

    async def test_is_an_officers(self, run, filed, parties):
        ids = await filed()
        items = [decision(ids[0], Decision.VERIFY)]
        with pytest.raises(OfficerRequiredError):
            await run(parties.regulator, decide_complaints, items)
        for viewer in (parties.agency, parties.telkomsel, parties.provider):
            with pytest.raises(ForbiddenError):
                await run(viewer, decide_complaints, items)

    async def test_lets_one_of_two_officers_win(self, run, filed, parties):
        ids = await filed(30)
        verdicts = await asyncio.gather(
            run(parties.officer, decide_complaints, [decision(one, Decision.VERIFY) for one in ids]),
            run(parties.other_officer, decide_complaints, [decision(one, Decision.REJECT) for one in reversed(ids)]),
        )
        won = [verdict for verdict in verdicts if not isinstance(verdict[0], Problem)]
        lost = [verdict for verdict in verdicts if isinstance(verdict[0], Problem)]
        assert (len(won), len(lost)) == (1, 1)
        assert {item.code for item in lost[0]} == {"INCOMPATIBLE_STATE"}
        assert len({item.state for item in won[0]}) == 1

    async def test_counts_right_while_others_decide_of_the_same_number(self, run, filed, parties):
        batches = [await filed(5, complainant=ComplainantDraft(name=f"person {n}")) for n in range(6)]
        await asyncio.gather(
            *(
                run(parties.officer, decide_complaints, [decision(one, Decision.VERIFY) for one in ids])
                for ids in batches
            )
        )
        number = await run(parties.regulator, get_number, NUMBER)
        assert (number.verified_complaint_count, number.risk) == (30, RiskTier.HIGH)

    async def test_takes_1000_in_as_many_statements_as_one(self, database, run, filed, parties):
        async def count(ids):
            statements = []
            stop = count_statements(database, statements.append)
            await run(parties.officer, decide_complaints, [decision(one, Decision.VERIFY) for one in ids])
            stop()
            return len([line for line in statements if "set_config" not in line])

        # The first raises the number's signal; each later one finds nothing to change of it.
        assert await count(await filed()) == 5 + 7
        assert await count(await filed()) == await count(await filed(1000)) == 5 + 3

    async def test_tells_the_source_without_the_note(self, database, run, filed, parties, as_of):
        (complaint_id,) = await filed()
        await run(parties.officer, decide_complaints, [decision(complaint_id, Decision.REJECT, note="rahasia")])
        async with database.transaction(parties.agency, as_of=as_of) as tx:
            rows = (
                (
                    await tx.execute(
                        text("SELECT subject_id, state, payload FROM events WHERE kind = 'COMPLAINT_DECIDED'")
                    )
                )
                .mappings()
                .all()
            )
        assert [(row["subject_id"], row["state"]) for row in rows] == [(complaint_id, "REJECTED")]
        assert rows[0]["payload"] == {"decision": "REJECT", "reason": "NOT_MISUSE"}


class TestWithdrawComplaints:
    async def test_takes_back_ones_own(self, run, filed, parties):
        ids = await filed(2)
        results = await run(parties.agency, withdraw_complaints, [*ids, ids[0], new_id()])
        assert [item.code if isinstance(item, Problem) else item.state for item in results] == [
            "WITHDRAWN",
            "WITHDRAWN",
            "ITEM_REPEATED",
            "NOT_FOUND",
        ]
        (again,) = await run(parties.agency, withdraw_complaints, ids[:1])
        assert again.code == "INCOMPATIBLE_STATE"

    async def test_shows_anothers_as_unknown(self, run, filed, parties):
        ids = await filed()
        for viewer in (parties.other_agency, parties.regulator, parties.officer):
            (result,) = await run(viewer, withdraw_complaints, ids)
            (unknown,) = await run(viewer, withdraw_complaints, [new_id()])
            assert result == unknown
        with pytest.raises(ForbiddenError):
            await run(parties.telkomsel, withdraw_complaints, ids)


class TestSupplyInformation:
    async def test_adds_to_what_was_said_and_starts_the_clock_anew(self, run, filed, parties, as_of):
        (complaint_id,) = await filed(chronology="Satu.")
        await run(parties.officer, decide_complaints, [decision(complaint_id, Decision.ASK_INFO)])
        later = as_of + timedelta(days=2)
        piece = EvidenceDraft(media_type="text/plain", content=b"1")
        supplement = Supplement(complaint_id=complaint_id, chronology="Dua.", evidence=(piece,))
        (complaint,) = await run(parties.agency, supply_information, [supplement], at=later)
        assert (complaint.state, complaint.info_request) == (ComplaintState.SUBMITTED, None)
        assert (complaint.complete_at, complaint.verification_due_at) == (later, later + timedelta(hours=24))
        told = await run(parties.officer, read_chronology, [complaint_id])
        assert told[complaint_id] == "Satu.\n\nDua."
        assert len((await run(parties.officer, load_evidence, [complaint_id]))[complaint_id]) == 1

    async def test_refuses_in_its_place(self, database, run, filed, parties):
        asked, other, unasked = await filed(3, chronology="x" * 8)
        await run(parties.officer, decide_complaints, [decision(one, Decision.ASK_INFO) for one in (asked, other)])
        piece = EvidenceDraft(media_type="text/plain", content=b"1")
        database.policies = Policies(chronology_characters_max=10, evidence_items_max=2)
        items = [
            Supplement(complaint_id=asked),
            Supplement(complaint_id=asked, chronology="12345"),
            Supplement(complaint_id=asked, evidence=(piece,) * 3),
            Supplement(complaint_id=unasked, evidence=(piece,)),
            Supplement(complaint_id=new_id(), evidence=(piece,)),
            Supplement(complaint_id=other, evidence=(piece,)),
        ]
        results = await run(parties.agency, supply_information, items)
        assert [item.code if isinstance(item, Problem) else item.state for item in results] == [
            "SUPPLEMENT_EMPTY",
            "TEXT_TOO_LONG",
            "EVIDENCE_TOO_MANY",
            "INCOMPATIBLE_STATE",
            "NOT_FOUND",
            "SUBMITTED",
        ]


class TestRecordComplainantInformed:
    async def test_keeps_the_first_time(self, run, filed, parties, as_of):
        rejected, open_ = await filed(2)
        await run(parties.officer, decide_complaints, [decision(rejected, Decision.REJECT)])
        later = as_of + timedelta(days=1)
        results = await run(parties.officer, record_complainant_informed, [rejected, open_, "no id"])
        (again,) = await run(parties.officer, record_complainant_informed, [rejected], at=later)
        assert results[0].complainant_informed_at == again.complainant_informed_at == as_of
        assert [item.code for item in results[1:]] == ["INCOMPATIBLE_STATE", "NOT_FOUND"]


class TestRevealComplainant:
    async def test_shows_an_officer_and_leaves_an_event_for_the_regulator_alone(
        self, database, run, filed, parties, as_of
    ):
        (complaint_id,) = await filed(complainant=PERSON)
        shown = await run(parties.officer, reveal_complainant, complaint_id, purpose="memanggil pelapor")
        assert (shown.name, shown.identity_number, shown.phone) == ("Ani", "3171010101010001", None)
        statement = text(
            "SELECT actor_officer_id::text, payload, audience FROM events WHERE kind = 'COMPLAINANT_REVEALED'"
        )
        async with database.transaction(parties.regulator, as_of=as_of) as tx:
            actor, said, audience = (await tx.execute(statement)).one()
            (reveal,) = (await load_reveals(tx, [complaint_id]))[complaint_id]
        assert (actor, audience) == (parties.officer.officer_id, [])
        assert (reveal.purpose, reveal.officer_id, reveal.revealed_at) == ("memanggil pelapor", actor, as_of)
        committed = hashlib.sha256(reveal.purpose_salt + b"memanggil pelapor").hexdigest()
        assert said == {"revealId": reveal.id, "purposeHash": committed}

    async def test_keeps_the_purpose_under_seal_and_from_every_other_viewer(
        self, database, run, filed, parties, owner_connection
    ):
        (complaint_id,) = await filed(complainant=PERSON)
        await run(parties.officer, reveal_complainant, complaint_id, purpose="memanggil Ani")
        stored = await owner_connection.fetchval("SELECT purpose_sealed FROM complainant_reveals")
        assert b"Ani" not in stored
        assert (await run(parties.agency, load_reveals, [complaint_id]))[complaint_id] == []

    async def test_purpose_is_sealed_anew_with_everything_else(self, database, run, filed, parties, keyring, as_of):
        (complaint_id,) = await filed(complainant=PERSON)
        await run(parties.officer, reveal_complainant, complaint_id, purpose="memanggil pelapor")
        fresh = Keyring.from_text(*Keyring.generate_text())
        both = Keyring({**fresh.keys, **keyring.keys}, fresh.current_key_id, keyring.reference_key)
        other = Database.connect(database.settings, both)
        sealed_anew = await rotate_keys(other, as_of=as_of, tables=metadata.sorted_tables)
        async with other.reading(parties.officer, as_of=as_of) as tx:
            (reveal,) = (await load_reveals(tx, [complaint_id]))[complaint_id]
        await other.close()
        assert sealed_anew["complainant_reveals.purpose_sealed"] == 1
        assert reveal.purpose == "memanggil pelapor"

    async def test_needs_an_officer_and_a_purpose(self, run, filed, parties):
        (complaint_id,) = await filed(complainant=PERSON)
        with pytest.raises(OfficerRequiredError):
            await run(parties.regulator, reveal_complainant, complaint_id, purpose="x")
        for viewer in (parties.agency, parties.telkomsel, parties.provider):
            with pytest.raises(ForbiddenError):
                await run(viewer, reveal_complainant, complaint_id, purpose="x")
        with pytest.raises(Exception, match="requires a purpose"):
            await run(parties.officer, reveal_complainant, complaint_id, purpose=" ")

    async def test_says_where_there_is_none(self, run, filed, parties):
        (complaint_id,) = await filed()
        for unknown in (complaint_id, new_id(), "no id"):
            with pytest.raises(UnknownError):
                await run(parties.officer, reveal_complainant, unknown, purpose="x")


class TestReading:
    async def test_shows_each_source_its_own(self, run, filed, parties):
        (ours,), (theirs,) = await filed(), await filed(viewer=parties.other_agency)
        everything = await run(parties.regulator, load_complaints, [ours, theirs])
        assert set(everything) == {ours, theirs}
        assert set(await run(parties.agency, load_complaints, [ours, theirs])) == {ours}
        assert await run(parties.agency, read_chronology, [theirs]) == {}
        assert [item.id for item in (await run(parties.agency, list_complaints, PageRequest())).items] == [ours]
        for viewer in (parties.telkomsel, parties.provider):
            assert await run(viewer, load_complaints, [ours]) == {}
            with pytest.raises(ForbiddenError):
                await run(viewer, list_complaints, PageRequest())
            with pytest.raises(UnknownError):
                await run(viewer, get_complaint, ours)
        with pytest.raises(UnknownError):
            await run(parties.agency, get_complaint, theirs)

    @pytest.mark.parametrize("sort", [ComplaintSort.FILED_NEWEST, ComplaintSort.VERIFICATION_DUE])
    async def test_pages_through_all_while_others_file(self, run, filed, parties, sort):
        ids = await filed(7)
        first = await run(parties.agency, list_complaints, PageRequest(first=4), sort=sort)
        if sort is ComplaintSort.FILED_NEWEST:
            await filed(2)
        rest = await run(parties.agency, list_complaints, PageRequest(first=4, after=first.cursors[-1]), sort=sort)
        seen = [item.id for item in (*first.items, *rest.items)]
        assert seen == (sorted(ids, reverse=True) if sort is ComplaintSort.FILED_NEWEST else sorted(ids))
        assert (first.has_next_page, rest.has_next_page) == (True, False)
        other = next(item for item in ComplaintSort if item is not sort)
        with pytest.raises(CursorInvalidError):
            await run(parties.agency, list_complaints, PageRequest(after=first.cursors[-1]), sort=other)

    async def test_filters(self, run, filed, parties, as_of):
        (spam,) = await filed(category=Category.SPAM_ADVERT, complainant=PERSON, number="+1 202 555 0143")
        (fraud,) = await filed()
        await run(parties.officer, decide_complaints, [decision(fraud, Decision.VERIFY)])
        reference = (await run(parties.agency, get_complaint, spam)).complainant_ref

        async def find(at=as_of, **where):
            page = await run(parties.regulator, list_complaints, PageRequest(), ComplaintFilter(**where), at=at)
            counted = await run(parties.regulator, count_complaints, ComplaintFilter(**where), at=at)
            assert (counted.total, counted.is_exact) == (len(page.items), True)
            return {item.id for item in page.items}

        assert await find(states=(ComplaintState.VERIFIED,)) == {fraud}
        assert await find(categories=(Category.SPAM_ADVERT,)) == {spam}
        assert await find(number="0811-9000-0001") == {fraud}
        assert await find(source_id=parties.agency.member_id) == {spam, fraud}
        assert await find(source_id="no id") == set()
        assert await find(complainant_ref=reference) == {spam}
        assert await find(complainant_ref="\x00\ud800") == set()
        assert await find(filed_after=as_of) == {spam, fraud}
        assert await find(filed_after=as_of + timedelta(microseconds=1)) == set()
        assert await find(filed_before=as_of) == set()
        assert await find(filed_before=as_of + timedelta(seconds=1)) == {spam, fraud}
        late = as_of + timedelta(hours=24, seconds=1)
        assert await find(is_verification_overdue=True) == set()
        assert await find(at=late, is_verification_overdue=True) == {spam}
        assert await find(at=late, is_verification_overdue=False) == {fraud}
        assert (await run(parties.regulator, get_complaint, spam, at=late)).is_verification_overdue
