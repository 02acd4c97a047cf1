"""Overrides of the numbering plan: one officer proposes, another approves what it read, and the number moves."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import orjson
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from ledger.canonical import hash_canonical
from ledger.errors import ForbiddenError, OfficerRequiredError, TooManyItemsError
from ledger.numbers.override_reading import OverrideFilter, list_override_proposals
from ledger.numbers.override_rules import OverrideApproval, OverrideDraft, OverrideRevision, render_override
from ledger.numbers.overrides import approve_overrides, discard_overrides, propose_overrides, revise_overrides
from ledger.numbers.plan import find_holders, load_plan
from ledger.numbers.plan_seed import seed_ranges
from ledger.numbers.reading import get_number
from ledger.numbers.states import OverrideState
from ledger.orders.drafting import OrderDraft, draft_block_orders
from ledger.orders.reading import OrderFilter, list_block_orders
from ledger.orders.states import OrderState
from ledger.orders.vocabulary import AcknowledgementKind, ImpossibleReason
from ledger.pages import PageRequest
from ledger.storage.roles import Role
from ledger.viewer import OPERATOR
from tests.support.journeys import (
    INDOSAT_NUMBER,
    TELKOMSEL_NUMBER,
    WORDS,
    acknowledge,
    approval_of_override,
    file_verified,
    issue_orders,
    override_number,
    propose_override,
)
from tests.support.waiting import until

PROSE = "Pak Budi of Indosat rang."


async def approve(database, viewer, as_of, *approvals):
    async with database.transaction(viewer, as_of=as_of) as tx:
        return await approve_overrides(tx, approvals)


async def revise(database, viewer, as_of, **revision):
    async with database.transaction(viewer, as_of=as_of) as tx:
        return (await revise_overrides(tx, [OverrideRevision(**revision)]))[0]


async def holder_of(database, as_of, number=TELKOMSEL_NUMBER):
    async with database.reading(OPERATOR, as_of=as_of) as tx:
        return (await get_number(tx, number)).holder_id


@pytest.fixture
async def proposal(database, parties, as_of):
    await file_verified(database, parties, as_of, [TELKOMSEL_NUMBER])
    return await propose_override(database, parties, as_of, TELKOMSEL_NUMBER, parties.indosat.member_id)


class TestProposal:
    async def test_moves_nothing(self, database, parties, as_of, proposal):
        assert proposal.state is OverrideState.PROPOSED
        assert proposal.holder_before_id == parties.telkomsel.member_id
        assert await holder_of(database, as_of) == parties.telkomsel.member_id

    async def test_is_one_at_a_time_for_a_number(self, database, parties, as_of, proposal):
        again = await propose_override(database, parties, as_of, TELKOMSEL_NUMBER, parties.xlsmart.member_id)
        assert (again.code, again.field) == ("OVERRIDE_ALREADY_PROPOSED", "number")

    async def test_says_item_by_item_what_is_wrong(self, database, parties, as_of):
        indosat, xl = parties.indosat.member_id, parties.brands["xl"]
        good = OverrideDraft(number=TELKOMSEL_NUMBER, holder_id=indosat, reason="The carrier says so.")
        latest = await override_number(database, parties, as_of, "+6281200000009", indosat)
        drafts = {
            "NUMBER_INVALID": replace(good, number="nonsense"),
            "NOT_DOMESTIC": replace(good, number="+12025550143"),
            "NOT_FOUND": replace(good, holder_id=parties.agency.member_id),
            "OVERRIDE_REASON_MISSING": replace(good, reason="  "),
            "OVERRIDE_CHANGES_NOTHING": replace(good, number=INDOSAT_NUMBER),
            "ORDER_NOT_REROUTABLE": replace(good, order_id=latest.id),
        }
        times = [
            replace(good, valid_from=as_of + timedelta(seconds=1)),
            replace(good, valid_from=as_of.replace(tzinfo=None)),
            replace(good, valid_until=as_of + timedelta(days=1)),
            replace(good, number="+6281200000009", holder_id=parties.xlsmart.member_id),
        ]
        async with database.transaction(parties.officer, as_of=as_of) as tx:
            results = await propose_overrides(tx, [*drafts.values(), *times, replace(good, brand_id=xl), good, good])
        codes = [getattr(result, "code", None) for result in results]
        assert codes == [*drafts, *["OVERRIDE_TIME_INVALID"] * 4, "NOT_FOUND", None, "OVERRIDE_ALREADY_PROPOSED"]

    async def test_is_an_officers_alone(self, database, parties, as_of):
        draft = OverrideDraft(number=TELKOMSEL_NUMBER, holder_id=parties.indosat.member_id, reason="So.")
        for viewer in (parties.agency, parties.telkomsel, parties.indosat, parties.provider, OPERATOR):
            with pytest.raises(ForbiddenError):
                async with database.transaction(viewer, as_of=as_of) as tx:
                    await propose_overrides(tx, [draft])
        with pytest.raises(OfficerRequiredError):
            async with database.transaction(parties.regulator, as_of=as_of) as tx:
                await propose_overrides(tx, [draft])
        with pytest.raises(TooManyItemsError):
            async with database.transaction(parties.officer, as_of=as_of) as tx:
                await propose_overrides(tx, [draft] * 1001)


class TestApproval:
    async def test_by_another_officer_moves_the_number(self, database, parties, as_of, proposal):
        [approved] = await approve(database, parties.other_officer, as_of, approval_of_override(proposal))
        assert (approved.state, approved.decided_by) == (OverrideState.APPROVED, parties.other_officer.officer_id)
        assert await holder_of(database, as_of) == parties.indosat.member_id
        async with database.transaction(OPERATOR, as_of=as_of) as tx:
            assert (await load_plan(tx, seed_ranges())).numbers_moved_count == 0

    async def test_of_a_number_nobody_complained_of_is_kept_for_the_first_complaint(self, database, parties, as_of):
        await override_number(database, parties, as_of, TELKOMSEL_NUMBER, parties.indosat.member_id)
        await file_verified(database, parties, as_of, [TELKOMSEL_NUMBER])
        assert await holder_of(database, as_of) == parties.indosat.member_id

    async def test_by_the_proposer_is_refused(self, database, parties, as_of, proposal):
        other_login = replace(parties.officer, client_id="another-client")
        for viewer in (parties.officer, other_login):
            [problem] = await approve(database, viewer, as_of, approval_of_override(proposal))
            assert problem.code == "FOUR_EYES"
        assert await holder_of(database, as_of) == parties.telkomsel.member_id

    async def test_by_whoever_revised_it_is_refused(self, database, parties, as_of, proposal):
        revised = await revise(
            database, parties.other_officer, as_of, proposal_id=proposal.id, reason="Two carriers say so."
        )
        [problem] = await approve(database, parties.other_officer, as_of, approval_of_override(revised))
        assert problem.code == "FOUR_EYES"
        [approved] = await approve(database, parties.officer, as_of, approval_of_override(revised))
        assert approved.state is OverrideState.APPROVED

    @pytest.mark.parametrize("changed", ["holder", "brand", "valid_from", "reason"])
    async def test_with_the_hash_of_what_it_said_before_it_was_changed_is_refused(
        self, database, parties, as_of, proposal, changed
    ):
        change = {
            "holder": {"holder_id": parties.xlsmart.member_id},
            "brand": {"brand_id": parties.brands["tri"]},
            "valid_from": {"valid_from": as_of - timedelta(days=1)},
            "reason": {"reason": "Another reason."},
        }[changed]
        revised = await revise(database, parties.officer, as_of, proposal_id=proposal.id, **change)
        [problem] = await approve(database, parties.other_officer, as_of, approval_of_override(proposal))
        assert (problem.code, problem.field) == ("OVERRIDE_CHANGED", "contentHash")
        assert await holder_of(database, as_of) == parties.telkomsel.member_id
        [approved] = await approve(database, parties.other_officer, as_of, approval_of_override(revised))
        assert approved.state is OverrideState.APPROVED

    async def test_is_refused_once_the_number_has_another_holder_than_was_read(self, database, parties, as_of):
        proposal = await propose_override(database, parties, as_of, TELKOMSEL_NUMBER, parties.indosat.member_id)
        moved = [replace(each, holder_slug="xlsmart", brand_slug=None) for each in seed_ranges()
                 if TELKOMSEL_NUMBER.startswith(each.prefix)]  # fmt: skip
        async with database.transaction(OPERATOR, as_of=as_of) as tx:
            await load_plan(tx, moved)
        [problem] = await approve(database, parties.other_officer, as_of, approval_of_override(proposal))
        assert problem.code == "OVERRIDE_OUTDATED"
        revised = await revise(database, parties.officer, as_of, proposal_id=proposal.id)
        assert revised.holder_before_id == parties.xlsmart.member_id
        [approved] = await approve(database, parties.other_officer, as_of, approval_of_override(revised))
        assert approved.state is OverrideState.APPROVED

    async def test_is_not_undone_by_a_plan_that_is_loaded_meanwhile(
        self, database, parties, as_of, proposal, owner_connection
    ):
        async def load():
            async with database.transaction(OPERATOR, as_of=as_of) as tx:
                return await load_plan(tx, seed_ranges())

        async with database.transaction(parties.other_officer, as_of=as_of) as tx:
            await approve_overrides(tx, [approval_of_override(proposal)])
            loading = asyncio.create_task(load())
            waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
            await until(lambda: owner_connection.fetchval(waiting), "the plan waits for the approval")
        assert (await loading).numbers_moved_count == 0
        assert await holder_of(database, as_of) == parties.indosat.member_id

    async def test_happens_once_when_two_race(self, database, parties, as_of, proposal):
        third = replace(parties.other_officer, client_id="another-client")
        results = await asyncio.gather(
            *(
                approve(database, viewer, as_of, approval_of_override(proposal))
                for viewer in (parties.other_officer, third)
            )
        )
        codes = sorted(getattr(result, "code", "done") for [result] in results)
        assert codes == ["INCOMPATIBLE_STATE", "done"]

    async def test_and_discarding_are_each_final(self, database, parties, as_of, proposal):
        async with database.transaction(parties.officer, as_of=as_of) as tx:
            [discarded] = await discard_overrides(tx, [proposal.id])
        assert discarded.state is OverrideState.DISCARDED
        [problem] = await approve(database, parties.other_officer, as_of, approval_of_override(proposal))
        assert problem.code == "INCOMPATIBLE_STATE"
        assert await holder_of(database, as_of) == parties.telkomsel.member_id
        async with database.transaction(parties.officer, as_of=as_of) as tx:
            unknown, malformed = await discard_overrides(tx, [parties.officer.member_id, "no id"])
        assert unknown == malformed

    @pytest.mark.parametrize("name", ["regulator", "agency", "telkomsel", "indosat", "provider"])
    async def test_is_no_machines_and_no_other_members(self, database, parties, as_of, proposal, name):
        viewer = parties.everyone[name]
        refusal = OfficerRequiredError if name == "regulator" else ForbiddenError
        for work in (
            lambda tx: approve_overrides(tx, [approval_of_override(proposal)]),
            lambda tx: revise_overrides(tx, [OverrideRevision(proposal_id=proposal.id)]),
            lambda tx: discard_overrides(tx, [proposal.id]),
        ):
            with pytest.raises(refusal):
                async with database.transaction(viewer, as_of=as_of) as tx:
                    await work(tx)

    async def test_by_the_proposer_fails_in_the_database_too(self, database, parties, as_of, proposal):
        forged = "UPDATE number_override_proposals SET state = 'APPROVED', decided_by = proposed_by, decided_at = now()"
        with pytest.raises(DBAPIError, match="four_eyes"):
            async with database.system(Role.TRANSITION, as_of=as_of) as tx:
                await tx.execute(text(forged))


class TestContent:
    async def test_is_a_text_whose_hash_anyone_computes(self, database, parties, as_of, proposal):
        content = render_override(proposal)
        assert orjson.loads(content) == {
            "proposalId": proposal.id,
            "number": TELKOMSEL_NUMBER,
            "holderBeforeId": parties.telkomsel.member_id,
            "holderId": parties.indosat.member_id,
            "brandId": None,
            "validFrom": None,
            "orderId": None,
            "reason": "The carrier says so.",
            "nonce": proposal.nonce,
        }
        approval = OverrideApproval(proposal_id=proposal.id, content_hash=f" {hash_canonical(content).upper()} ")
        [approved] = await approve(database, parties.other_officer, as_of, approval)
        assert approved.state is OverrideState.APPROVED

    async def test_puts_the_holders_in_the_log_and_the_reason_as_a_hash_alone(
        self, database, parties, as_of, owner_connection
    ):
        async with database.transaction(parties.officer, as_of=as_of) as tx:
            draft = OverrideDraft(number=TELKOMSEL_NUMBER, holder_id=parties.indosat.member_id, reason=PROSE)
            [proposal] = await propose_overrides(tx, [draft])
        await approve(database, parties.other_officer, as_of, approval_of_override(proposal))
        rows = await owner_connection.fetch("SELECT * FROM events WHERE kind LIKE 'NUMBER_OVERRIDE%' ORDER BY id")
        assert [(row["kind"], row["subject_id"], row["audience"]) for row in rows] == [
            ("NUMBER_OVERRIDE_PROPOSED", TELKOMSEL_NUMBER, []),
            ("NUMBER_OVERRIDE_APPROVED", TELKOMSEL_NUMBER, []),
        ]
        assert [str(row["actor_officer_id"]) for row in rows] == [
            proposal.proposed_by,
            parties.other_officer.officer_id,
        ]
        for row in rows:
            assert orjson.loads(row["payload"]) == {
                "proposalId": proposal.id,
                "contentHash": hash_canonical(render_override(proposal)),
                "holderBefore": parties.telkomsel.member_id,
                "holderAfter": parties.indosat.member_id,
                "brandAfter": None,
                "orderId": None,
            }
        assert PROSE not in str([dict(row) for row in rows])


class TestRerouting:
    async def test_goes_from_the_carriers_answer_to_the_right_holders_order(self, database, parties, as_of):
        right, wrong = await issue_orders(database, parties, as_of, [INDOSAT_NUMBER, TELKOMSEL_NUMBER])
        said = {"kind": AcknowledgementKind.IMPOSSIBLE, "reason": "WRONG_RANGE_HOLDER"}
        await acknowledge(database, parties.telkomsel, as_of, wrong, **said)
        async with database.reading(parties.officer, as_of=as_of) as tx:
            queue = OrderFilter(
                states=(OrderState.IMPOSSIBLE,), impossible_reasons=(ImpossibleReason.WRONG_RANGE_HOLDER,)
            )
            found = (await list_block_orders(tx, PageRequest(), queue)).items
        assert [order.id for order in found] == [wrong.id]
        mixed = await propose_override(
            database, parties, as_of, TELKOMSEL_NUMBER, parties.indosat.member_id, order_id=right.id
        )
        assert (mixed.code, mixed.field) == ("ORDER_NOT_REROUTABLE", "orderId")
        await override_number(database, parties, as_of, TELKOMSEL_NUMBER, parties.indosat.member_id, order_id=wrong.id)
        async with database.transaction(parties.officer, as_of=as_of) as tx:
            [successor] = await draft_block_orders(tx, [OrderDraft(supersedes_id=wrong.id, **WORDS)])
        assert (successor.carrier_id, successor.supersedes_id) == (parties.indosat.member_id, wrong.id)


class TestReading:
    async def test_lists_by_filter_and_in_pages(self, database, parties, as_of):
        numbers = [f"+628120000000{place}" for place in range(1, 4)]
        for number in numbers:
            await propose_override(database, parties, as_of, number, parties.indosat.member_id)
        await override_number(database, parties, as_of, "+6281200000004", parties.xlsmart.member_id)
        async with database.reading(parties.regulator, as_of=as_of) as tx:
            waiting = OverrideFilter(states=(OverrideState.PROPOSED,))
            first = await list_override_proposals(tx, PageRequest(first=2), waiting)
            rest = await list_override_proposals(tx, PageRequest(first=2, after=first.cursors[-1]), waiting)
            of_one = await list_override_proposals(tx, PageRequest(), OverrideFilter(number=numbers[0]))
            of_xl = await list_override_proposals(
                tx, PageRequest(), OverrideFilter(holder_id=parties.xlsmart.member_id)
            )
        assert [item.e164 for item in (*first.items, *rest.items)] == numbers[::-1]
        assert [item.e164 for item in of_one.items] == numbers[:1]
        assert [item.e164 for item in of_xl.items] == ["+6281200000004"]
        for viewer in (parties.agency, parties.indosat, parties.provider):
            with pytest.raises(ForbiddenError):
                async with database.reading(viewer, as_of=as_of) as tx:
                    await list_override_proposals(tx, PageRequest())

    async def test_of_the_plan_shows_no_carrier_the_reason(self, database, parties, as_of):
        await override_number(database, parties, as_of, TELKOMSEL_NUMBER, parties.indosat.member_id)
        with pytest.raises(DBAPIError, match="permission denied"):
            async with database.reading(parties.indosat, as_of=as_of) as tx:
                await tx.execute(text("SELECT reason FROM number_overrides"))
        async with database.reading(OPERATOR, as_of=as_of) as tx:
            assert (await find_holders(tx, [TELKOMSEL_NUMBER], at=as_of))[TELKOMSEL_NUMBER].holder_id == (
                parties.indosat.member_id
            )
