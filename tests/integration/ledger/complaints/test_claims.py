"""Officers divide complaints among them: a claim holds against others and ends by itself."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from ledger.complaints.claims import Assignment, assign_complaints, claim_complaints, unclaim_complaints
from ledger.complaints.decisions import ComplaintDecision, Decision, decide_complaints
from ledger.complaints.filing import file_complaints
from ledger.complaints.notes import NoteDraft, load_notes, note_complaints
from ledger.complaints.reading import ComplaintFilter, list_complaints
from ledger.complaints.table import Complaint
from ledger.errors import ForbiddenError, OfficerRequiredError, Problem
from ledger.members.admission import disable_officer
from ledger.pages import PageRequest
from ledger.storage.roles import Role
from ledger.viewer import OPERATOR
from tests.support.journeys import complaint_draft

NUMBERS = ("+6281200000001", "+6281200000002")
LATER = timedelta(hours=8)


@pytest.fixture
async def ids(database, parties, as_of):
    drafts = [complaint_draft(number) for number in NUMBERS]
    async with database.transaction(parties.agency, as_of=as_of) as tx:
        return [each.complaint.id for each in await file_complaints(tx, drafts)]


@pytest.fixture
def run(database, as_of):
    async def do(viewer, work, *arguments, later=timedelta(), **more):
        return await database.run(viewer, as_of=as_of + later, work=lambda tx: work(tx, *arguments, **more))

    return do


async def find(run, viewer, later=timedelta(), **wanted):
    page = await run(viewer, list_complaints, PageRequest(first=10), ComplaintFilter(**wanted), later=later)
    return [each.id for each in page.items]


class TestClaim:
    async def test_of_two_officers_at_once_one_gets_it(self, parties, run, ids):
        both = await asyncio.gather(
            *(run(viewer, claim_complaints, ids[:1]) for viewer in (parties.officer, parties.other_officer) * 3)
        )
        winners = {result[0].claimed_by for result in both if isinstance(result[0], Complaint)}
        losers = {result[0].code for result in both if isinstance(result[0], Problem)}
        assert (len(winners), losers) == (1, {"COMPLAINT_CLAIMED"})

    async def test_ends_by_itself_and_lasts_longer_if_it_is_renewed(self, parties, run, ids):
        [claimed] = await run(parties.officer, claim_complaints, ids[:1])
        assert (claimed.is_claimed, claimed.claimed_by) == (True, parties.officer.officer_id)
        assert await find(run, parties.officer, is_claimed=True) == ids[:1]
        assert await find(run, parties.officer, is_claimed=False) == ids[1:]
        assert await find(run, parties.officer, later=LATER, is_claimed=False) == ids[::-1]
        await run(parties.officer, claim_complaints, ids[:1], later=LATER / 2)
        [refused] = await run(parties.other_officer, claim_complaints, ids[:1], later=LATER)
        assert refused.code == "COMPLAINT_CLAIMED"
        [taken] = await run(parties.other_officer, claim_complaints, ids[:1], later=LATER * 2)
        assert taken.claimed_by == parties.other_officer.officer_id

    async def test_holds_against_another_officers_decision(self, parties, run, ids):
        await run(parties.officer, claim_complaints, ids[:1])
        verify = [ComplaintDecision(complaint_id=ids[0], decision=Decision.VERIFY)]
        [refused] = await run(parties.other_officer, decide_complaints, verify)
        assert refused.code == "COMPLAINT_CLAIMED"
        [decided] = await run(parties.officer, decide_complaints, verify)
        assert decided.decided_by == parties.officer.officer_id

    async def test_is_given_back_by_its_officer_alone(self, parties, run, ids):
        await run(parties.officer, claim_complaints, ids[:1])
        [refused] = await run(parties.other_officer, unclaim_complaints, ids[:1])
        assert refused.code == "COMPLAINT_CLAIMED"
        [free] = await run(parties.officer, unclaim_complaints, ids[:1])
        assert (free.is_claimed, free.claimed_by) == (False, None)

    async def test_is_no_business_of_a_source(self, database, parties, run, ids, as_of):
        with pytest.raises(ForbiddenError):
            await run(parties.agency, claim_complaints, ids)
        with pytest.raises(OfficerRequiredError):
            await run(parties.regulator, claim_complaints, ids)
        await run(parties.officer, claim_complaints, ids)
        assert await find(run, parties.agency, is_claimed=True) == []
        assert await find(run, parties.agency, worked_on_by=parties.officer.officer_id) == []
        async with database.reading(parties.agency, as_of=as_of) as tx:
            kinds = (await tx.execute(text("SELECT DISTINCT kind FROM events WHERE subject = 'COMPLAINT'"))).scalars()
            assert set(kinds) == {"COMPLAINT_FILED"}
        with pytest.raises(DBAPIError, match="permission denied"):
            async with database.reading(parties.agency, as_of=as_of) as tx:
                await tx.execute(text("SELECT claimed_by FROM complaints"))


class TestAssignment:
    async def test_ends_anothers_claim_and_keeps_others_from_claiming(self, parties, run, ids):
        await run(parties.officer, claim_complaints, ids[:1])
        to_other = [Assignment(complaint_id=ids[0], officer_id=parties.other_officer.officer_id)]
        [assigned] = await run(parties.officer, assign_complaints, to_other)
        assert (assigned.assigned_to, assigned.is_claimed) == (parties.other_officer.officer_id, False)
        [refused] = await run(parties.officer, claim_complaints, ids[:1])
        assert refused.code == "COMPLAINT_ASSIGNED"
        assert await find(run, parties.officer, assigned_to=parties.other_officer.officer_id) == ids[:1]
        [nobody] = await run(parties.officer, assign_complaints, [Assignment(complaint_id=ids[0])])
        assert nobody.assigned_to is None

    async def test_with_claims_is_what_an_officer_works_on(self, parties, run, ids):
        officer = parties.officer.officer_id
        await run(parties.officer, claim_complaints, ids[:1])
        await run(parties.officer, assign_complaints, [Assignment(complaint_id=ids[1], officer_id=officer)])
        assert await find(run, parties.officer, worked_on_by=officer) == ids[::-1]
        assert await find(run, parties.officer, later=LATER, worked_on_by=officer) == ids[1:]

    async def test_goes_to_active_officers(self, parties, run, ids):
        for officer_id in ("nobody", parties.agency.member_id):
            wanted = [Assignment(complaint_id=ids[0], officer_id=officer_id)]
            [refused] = await run(parties.officer, assign_complaints, wanted)
            assert refused.code == "ASSIGNEE_UNKNOWN"
        await run(OPERATOR, disable_officer, parties.other_officer.officer_id)
        wanted = [Assignment(complaint_id=ids[0], officer_id=parties.other_officer.officer_id)]
        [refused] = await run(parties.officer, assign_complaints, wanted)
        assert refused.code == "ASSIGNEE_UNKNOWN"


class TestNotes:
    async def test_are_read_in_order_by_the_regulator_alone(self, database, parties, run, ids, as_of):
        drafts = [NoteDraft(complaint_id=ids[0], text=words) for words in ("Called Ani.", "  ", "Called\nagain.")]
        results = await run(parties.officer, note_complaints, drafts)
        assert [getattr(each, "code", None) for each in results] == [None, "NOTE_EMPTY", None]
        notes = await run(parties.other_officer, load_notes, ids)
        assert [note.text for note in notes[ids[0]]] == ["Called Ani.", "Called\nagain."]
        assert notes[ids[1]] == []
        assert await run(parties.agency, load_notes, ids[:1]) == {ids[0]: []}
        with pytest.raises(ForbiddenError):
            await run(parties.agency, note_complaints, drafts)
        async with database.system(Role.TRANSITION, as_of=as_of) as tx:
            stored = str((await tx.execute(text("SELECT to_jsonb(n) FROM complaint_notes n"))).all())
        assert b"Called Ani".hex() not in stored

    @pytest.mark.parametrize("act", ["UPDATE complaint_notes SET noted_at = now()", "DELETE FROM complaint_notes"])
    async def test_are_changed_by_no_role(self, database, parties, run, ids, as_of, act):
        await run(parties.officer, note_complaints, [NoteDraft(complaint_id=ids[0], text="So it is.")])
        for role in Role:
            with pytest.raises(DBAPIError, match="permission denied"):
                async with database.system(role, as_of=as_of) as tx:
                    await tx.execute(text(act))
