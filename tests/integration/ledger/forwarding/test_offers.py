"""Offers of forwarding runs: each remedy leads to the right instruments, and an approval covers what was read."""

import asyncio

import pytest

from ledger.complaints.decisions import ComplaintDecision, Decision, decide_complaints
from ledger.complaints.reading import load_complaints
from ledger.complaints.states import ComplaintState
from ledger.complaints.vocabulary import ComplaintOutcome, Medium, Remedy
from ledger.errors import UnknownError
from ledger.forwarding.proposals import ForwardingApproval, NothingToForwardError, approve_forwarding
from ledger.forwarding.reading import list_forwarding_items
from ledger.forwarding.states import ForwardingState
from ledger.forwarding.taking_back import TakeBack, take_back_complaints
from ledger.forwarding.vocabulary import ForwardingResult
from ledger.numbers.side_by_side import SideBySideFilter, list_side_by_side
from ledger.numbers.vocabulary import BlockRequestGap
from ledger.orders.vocabulary import AcknowledgementKind
from ledger.pages import PageRequest
from ledger.referrals.reading import list_referrals
from ledger.referrals.states import ReferralState
from ledger.referrals.table import Referral
from ledger.referrals.vocabulary import ResponseKind, WithdrawalReason
from ledger.vocabulary import Category, Platform
from tests.support.account_journeys import file_accused, run_platforms
from tests.support.journeys import TELKOMSEL_NUMBER, acknowledge, forward, recycle
from tests.support.referral_journeys import join_referrals, respond

WHATSAPP = ("WhatsApp", None, None)


async def accuse(database, parties, as_of, *written, **more):
    """Verified complaints about accounts."""
    filed = await file_accused(database, parties.agency, as_of, *written, **more)
    decisions = [ComplaintDecision(complaint_id=each.id, decision=Decision.VERIFY) for each in filed]
    async with database.transaction(parties.officer, as_of=as_of) as tx:
        return await decide_complaints(tx, decisions)


async def approve(database, parties, as_of, run, viewer=None, **more):
    approval = ForwardingApproval(run_id=run.id, manifest_hash=run.manifest_hash, **more)
    async with database.transaction(viewer or parties.other_officer, as_of=as_of) as tx:
        return await approve_forwarding(tx, approval)


async def read_items(database, parties, as_of, run):
    async with database.reading(parties.officer, as_of=as_of) as tx:
        return list((await list_forwarding_items(tx, run.id, PageRequest())).items)


async def read_complaint(database, parties, as_of, complaint):
    async with database.reading(parties.officer, as_of=as_of) as tx:
        return (await load_complaints(tx, [complaint.id]))[complaint.id]


async def read_referrals(database, viewer, as_of):
    async with database.reading(viewer, as_of=as_of) as tx:
        return list((await list_referrals(tx, PageRequest())).items)


@pytest.fixture
async def messenger(database, parties, as_of):
    """The provider takes part and runs two platforms."""
    await join_referrals(database, parties, as_of)
    await run_platforms(database, parties, as_of, Platform.WHATSAPP, Platform.TELEGRAM)


@pytest.mark.usefixtures("messenger")
class TestRemedies:
    async def test_an_accounts_action_leads_to_a_referral_alone(self, database, parties, as_of):
        [complaint] = await accuse(database, parties, as_of, ("Telegram", "@prizes_here", None))
        run = await forward(database, parties, as_of)
        [item] = await read_items(database, parties, as_of, run)
        assert (item.result, item.order_id, item.provider_id) == (
            ForwardingResult.OFFERED, None, parties.provider.member_id,
        )  # fmt: skip
        concluded, orders, [referral] = await approve(database, parties, as_of, run)
        assert (orders, concluded.state, concluded.approved_count) == ([], ForwardingState.APPROVED, 1)
        assert (referral.state, referral.account_id) == (ReferralState.OFFERED, complaint.account_id)
        assert (await read_complaint(database, parties, as_of, complaint)).state is ComplaintState.ESCALATED

    async def test_a_block_leads_to_an_order_alone(self, database, parties, as_of):
        await accuse(database, parties, as_of, WHATSAPP, number=TELKOMSEL_NUMBER, remedy=Remedy.NUMBER_BLOCK)
        run = await forward(database, parties, as_of)
        assert [item.result for item in await read_items(database, parties, as_of, run)] == [ForwardingResult.DRAFTED]

    async def test_both_lead_to_both_and_resolve_when_both_have_ended(self, database, parties, as_of):
        [complaint] = await accuse(database, parties, as_of, WHATSAPP, number=TELKOMSEL_NUMBER, remedy=Remedy.BOTH)
        run = await forward(database, parties, as_of)
        _, [order], [referral] = await approve(database, parties, as_of, run)
        await acknowledge(database, parties.telkomsel, as_of, order)
        seen = await read_complaint(database, parties, as_of, complaint)
        assert seen.state is ComplaintState.ESCALATED
        async with database.reading(parties.officer, as_of=as_of) as tx:
            wanted = SideBySideFilter(is_blocked_sim_live_account=True)
            [gap] = (await list_side_by_side(tx, PageRequest(), wanted)).items
        assert (gap.e164, gap.gap) == (TELKOMSEL_NUMBER, BlockRequestGap.BLOCKED_SIM_LIVE_ACCOUNT)
        await respond(database, parties.provider, as_of, referral, kind=ResponseKind.DECLINED)
        seen = await read_complaint(database, parties, as_of, complaint)
        assert (seen.state, seen.outcome) == (ComplaintState.RESOLVED, ComplaintOutcome.BLOCKED)
        assert (seen.order_outcome, seen.referral_outcome) == (
            ComplaintOutcome.BLOCKED, ComplaintOutcome.NOT_ACTIONABLE,
        )  # fmt: skip

    async def test_the_reverse_gap_is_a_live_sim_whose_account_was_acted_on(self, database, parties, as_of):
        await accuse(database, parties, as_of, WHATSAPP, number=TELKOMSEL_NUMBER, remedy=Remedy.BOTH)
        run = await forward(database, parties, as_of)
        _, [order], [referral] = await approve(database, parties, as_of, run)
        await respond(database, parties.provider, as_of, referral)
        await acknowledge(database, parties.telkomsel, as_of, order, AcknowledgementKind.IMPOSSIBLE, reason="TECHNICAL")
        async with database.reading(parties.officer, as_of=as_of) as tx:
            page = await list_side_by_side(tx, PageRequest(), SideBySideFilter(is_live_sim_actioned_account=True))
        assert [(each.e164, each.gap) for each in page.items] == [
            (TELKOMSEL_NUMBER, BlockRequestGap.LIVE_SIM_ACTIONED_ACCOUNT)
        ]


class TestWithoutProvider:
    @pytest.mark.parametrize("terms", [None, {"categories": (Category.EXTORTION,)}])
    async def test_a_complaint_that_needs_one_ends_with_an_outcome_that_says_so(self, database, parties, as_of, terms):
        await run_platforms(database, parties, as_of, Platform.TELEGRAM)
        if terms is not None:
            await join_referrals(database, parties, as_of, **terms)
        [complaint] = await accuse(database, parties, as_of, ("Telegram", "@prizes_here", None))
        run = await forward(database, parties, as_of)
        assert [item.result for item in await read_items(database, parties, as_of, run)] == [
            ForwardingResult.NO_PROVIDER
        ]
        assert (await read_complaint(database, parties, as_of, complaint)).state is ComplaintState.VERIFIED
        concluded, _, referrals = await approve(database, parties, as_of, run)
        assert (concluded.state, referrals) == (ForwardingState.APPROVED, [])
        seen = await read_complaint(database, parties, as_of, complaint)
        assert (seen.state, seen.outcome) == (ComplaintState.RESOLVED, ComplaintOutcome.NO_PROVIDER)

    async def test_a_complaint_that_names_no_platform_has_none_since_none_is_guessed(self, database, parties, as_of):
        await join_referrals(database, parties, as_of)
        await run_platforms(database, parties, as_of, Platform.WHATSAPP)
        [complaint] = await accuse(database, parties, as_of, (None, None, None), number=TELKOMSEL_NUMBER)
        run = await forward(database, parties, as_of)
        await approve(database, parties, as_of, run)
        seen = await read_complaint(database, parties, as_of, complaint)
        assert (seen.medium, seen.outcome) == (Medium.OTT, ComplaintOutcome.NO_PROVIDER)

    async def test_one_that_also_asks_for_a_block_goes_to_the_carrier_alone(self, database, parties, as_of):
        [complaint] = await accuse(database, parties, as_of, WHATSAPP, number=TELKOMSEL_NUMBER, remedy=Remedy.BOTH)
        run = await forward(database, parties, as_of)
        assert [item.result for item in await read_items(database, parties, as_of, run)] == [ForwardingResult.DRAFTED]
        _, [order], _ = await approve(database, parties, as_of, run)
        await acknowledge(database, parties.telkomsel, as_of, order)
        seen = await read_complaint(database, parties, as_of, complaint)
        assert (seen.outcome, seen.referral_outcome) == (ComplaintOutcome.BLOCKED, None)


@pytest.mark.usefixtures("messenger")
class TestApproval:
    @pytest.fixture
    async def run(self, database, parties, as_of, messenger):
        self.complaints = await accuse(database, parties, as_of, *[("Telegram", "@prizes_here", None)] * 2)
        return await forward(database, parties, as_of)

    async def test_by_whoever_started_the_run_is_refused(self, database, parties, as_of, run):
        still_open, _, [problem] = await approve(database, parties, as_of, run, parties.officer)
        assert (still_open.state, problem.code) == (ForwardingState.PROPOSED, "FOUR_EYES")
        assert await read_referrals(database, parties.provider, as_of) == []

    async def test_tells_the_provider_nothing_before_it(self, database, parties, as_of, run):
        assert await read_referrals(database, parties.provider, as_of) == []
        await approve(database, parties, as_of, run)
        [referral] = await read_referrals(database, parties.provider, as_of)
        assert (referral.complaint_count, referral.summary) == (2, "2 verified complaints, most of category FRAUD.")

    async def test_leaves_out_what_it_excludes_for_the_next_run(self, database, parties, as_of, run):
        await approve(database, parties, as_of, run, excluded_places=frozenset({1}))
        assert await read_referrals(database, parties.officer, as_of) == []
        again = await forward(database, parties, as_of)
        assert (await read_items(database, parties, as_of, again))[0].result is ForwardingResult.OFFERED

    async def test_of_a_place_that_is_no_offer_is_refused_whole(self, database, parties, as_of, run):
        with pytest.raises(UnknownError):
            await approve(database, parties, as_of, run, excluded_places=frozenset({2}))

    async def test_does_not_cover_what_changed_since_the_manifest(self, database, parties, as_of, run):
        item = TakeBack(complaint_id=self.complaints[0].id, note="Verified by mistake.")
        async with database.transaction(parties.officer, as_of=as_of) as tx:
            await take_back_complaints(tx, [item])
        _, _, [problem] = await approve(database, parties, as_of, run)
        assert problem.code == "CONTENT_CHANGED"
        assert await read_referrals(database, parties.officer, as_of) == []

    async def test_of_two_runs_at_once_offers_nothing_twice(self, database, parties, as_of):
        await accuse(database, parties, as_of, ("Telegram", "@prizes_here", None))
        runs = await asyncio.gather(
            forward(database, parties, as_of), forward(database, parties, as_of), return_exceptions=True
        )
        [run] = [each for each in runs if not isinstance(each, BaseException)]
        assert [type(each) for each in runs if isinstance(each, BaseException)] == [NothingToForwardError]
        await approve(database, parties, as_of, run)
        assert len(await read_referrals(database, parties.officer, as_of)) == 1

    async def test_another_complaint_joins_the_referral_that_is_open(self, database, parties, as_of, run):
        _, _, [referral] = await approve(database, parties, as_of, run)
        [more] = await accuse(database, parties, as_of, ("Telegram", "https://t.me/prizes_here", None))
        again = await forward(database, parties, as_of)
        [item] = await read_items(database, parties, as_of, again)
        assert (item.result, item.referral_id) == (ForwardingResult.JOINED, referral.id)
        [seen] = await read_referrals(database, parties.provider, as_of)
        assert seen.complaint_count == 3
        await respond(database, parties.provider, as_of, referral)
        assert (await read_complaint(database, parties, as_of, more)).outcome is ComplaintOutcome.ACCOUNT_ACTIONED


@pytest.mark.usefixtures("messenger")
class TestGroundThatIsGone:
    async def refer(self, database, parties, as_of, *written, **more) -> tuple[list, Referral]:
        complaints = await accuse(database, parties, as_of, *written, **more)
        run = await forward(database, parties, as_of)
        _, _, [referral] = await approve(database, parties, as_of, run)
        return complaints, referral

    async def take_back(self, database, parties, as_of, complaint):
        item = TakeBack(complaint_id=complaint.id, note="Verified by mistake.")
        async with database.transaction(parties.officer, as_of=as_of) as tx:
            return (await take_back_complaints(tx, [item]))[0]

    async def test_withdraws_a_referral_once_its_last_complaint_is_taken_back(self, database, parties, as_of):
        complaints, referral = await self.refer(database, parties, as_of, *[("Telegram", "@prizes_here", None)] * 2)
        await self.take_back(database, parties, as_of, complaints[0])
        assert (await read_referrals(database, parties.officer, as_of))[0].state is ReferralState.OFFERED
        taken = await self.take_back(database, parties, as_of, complaints[1])
        assert taken.state is ComplaintState.SUBMITTED
        [seen] = await read_referrals(database, parties.provider, as_of)
        assert (seen.id, seen.state, seen.withdrawal_reason) == (
            referral.id, ReferralState.WITHDRAWN, WithdrawalReason.COMPLAINT_TAKEN_BACK,
        )  # fmt: skip

    async def test_stays_refused_once_the_provider_has_acted(self, database, parties, as_of):
        complaints, referral = await self.refer(
            database, parties, as_of, WHATSAPP, number=TELKOMSEL_NUMBER, remedy=Remedy.BOTH
        )
        await respond(database, parties.provider, as_of, referral)
        assert (await self.take_back(database, parties, as_of, complaints[0])).code == "INCOMPATIBLE_STATE"

    async def test_offers_it_again_once_it_is_verified_again(self, database, parties, as_of):
        [complaint], _ = await self.refer(database, parties, as_of, ("Telegram", "@prizes_here", None))
        await self.take_back(database, parties, as_of, complaint)
        async with database.transaction(parties.officer, as_of=as_of) as tx:
            await decide_complaints(tx, [ComplaintDecision(complaint_id=complaint.id, decision=Decision.VERIFY)])
        run = await forward(database, parties, as_of)
        _, _, [again] = await approve(database, parties, as_of, run)
        assert again.state is ReferralState.OFFERED

    async def test_withdraws_what_is_about_a_number_that_went_to_another_subscriber(self, database, parties, as_of):
        _, referral = await self.refer(database, parties, as_of, WHATSAPP, number=TELKOMSEL_NUMBER)
        await recycle(database, parties, parties.telkomsel, as_of, TELKOMSEL_NUMBER)
        [seen] = await read_referrals(database, parties.provider, as_of)
        assert (seen.id, seen.withdrawal_reason) == (referral.id, WithdrawalReason.NUMBER_REASSIGNED)
