"""Offering referrals: to a provider that takes part, within its terms, on verified complaints, by officers alone."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from ledger.accounts.reading import load_accounts
from ledger.complaints.decisions import ComplaintDecision, Decision, decide_complaints
from ledger.complaints.drafts import ComplaintDraft
from ledger.complaints.filing import file_complaints
from ledger.complaints.reading import load_complaints
from ledger.complaints.states import ComplaintState
from ledger.complaints.vocabulary import Medium, Remedy
from ledger.errors import ForbiddenError, NoItemsError, OfficerRequiredError, Problem, TooManyItemsError
from ledger.numbers.reading import get_number
from ledger.numbers.vocabulary import AccountStanding
from ledger.pages import PageRequest
from ledger.participations.vocabulary import Disclosure
from ledger.referrals.ending import withdraw_from_departed
from ledger.referrals.offering import OfferDraft, offer_referrals
from ledger.referrals.reading import (
    ReferralFilter,
    TransferFilter,
    count_transfers,
    list_referrals,
    list_transfers,
    load_referral_grounds,
)
from ledger.referrals.states import PENDING_STATES, ReferralState
from ledger.referrals.table import Referral
from ledger.referrals.vocabulary import TransferredField
from ledger.storage.roles import Role
from ledger.vocabulary import Category, Platform
from tests.support.account_journeys import file_accused, run_platforms
from tests.support.journeys import TELKOMSEL_NUMBER, draft_orders, file_verified, recycle
from tests.support.referral_journeys import ABROAD, SUMMARY, join_referrals, offer, refer, respond
from tests.support.signal_journeys import admit_provider, leave

FOREIGN = "+12025550123"
OTT = {"medium": Medium.OTT, "remedy": Remedy.OTT_ACTION}


class TestOffer:
    async def test_tells_the_provider_the_number_its_category_and_the_day(self, database, parties, as_of):
        await join_referrals(database, parties, as_of)
        incident = datetime(2026, 3, 1, 18, 30, tzinfo=UTC)  # 01:30 of the next legal day
        await file_verified(database, parties, as_of, [TELKOMSEL_NUMBER], incident_at=incident, **OTT)
        referral = await offer(database, parties, as_of, TELKOMSEL_NUMBER)
        assert (referral.e164, referral.category, referral.summary) == (TELKOMSEL_NUMBER, Category.FRAUD, SUMMARY)
        assert (referral.state, str(referral.incident_on), referral.complaint_count) == (
            ReferralState.OFFERED, "2026-03-02", 1,
        )  # fmt: skip
        assert referral.referral_no == f"R-{as_of.year}-{referral.referral_serial:07}"

    async def test_escalates_its_complaints_and_is_linked_to_them(self, database, parties, as_of):
        await join_referrals(database, parties, as_of)
        complaints = await file_verified(database, parties, as_of, [TELKOMSEL_NUMBER] * 2, **OTT)
        referral = await offer(database, parties, as_of, TELKOMSEL_NUMBER)
        ids = [complaint.id for complaint in complaints]
        async with database.reading(parties.officer, as_of=as_of) as tx:
            states = {each.state for each in (await load_complaints(tx, ids)).values()}
            behind = (await load_referral_grounds(tx, [referral.id]))[referral.id]
            number = await get_number(tx, TELKOMSEL_NUMBER)
        assert states == {ComplaintState.ESCALATED}
        assert [each.complaint_id for each in behind] == sorted(ids)
        assert number.account_standing is AccountStanding.ASKED

    async def test_leaves_a_complaint_that_also_asks_for_a_block_to_the_next_forwarding_run(
        self, database, parties, as_of
    ):
        await join_referrals(database, parties, as_of)
        [complaint] = await file_verified(
            database, parties, as_of, [TELKOMSEL_NUMBER], medium=Medium.OTT, remedy=Remedy.BOTH
        )
        await offer(database, parties, as_of, TELKOMSEL_NUMBER)
        async with database.reading(parties.officer, as_of=as_of) as tx:
            assert (await load_complaints(tx, [complaint.id]))[complaint.id].state is ComplaintState.VERIFIED
        [order] = await draft_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
        assert not isinstance(order, Problem)

    async def test_hopes_for_a_reply_by_the_policys_day_or_the_officers(self, database, parties, as_of):
        await join_referrals(database, parties, as_of)
        await file_verified(database, parties, as_of, [TELKOMSEL_NUMBER], **OTT)
        await file_verified(database, parties, as_of, [FOREIGN], **OTT)
        today = (as_of + timedelta(hours=7)).date()
        first = await offer(database, parties, as_of, TELKOMSEL_NUMBER)
        assert first.reply_hoped_by == today + timedelta(days=14)
        other = await offer(database, parties, as_of, FOREIGN, reply_hoped_by=today)
        assert other.reply_hoped_by == today

    @pytest.mark.parametrize("days", [-1, 366])
    async def test_of_a_reply_date_that_nobody_can_mean_is_refused(self, database, parties, as_of, days):
        await join_referrals(database, parties, as_of)
        await file_verified(database, parties, as_of, [TELKOMSEL_NUMBER], **OTT)
        wanted = (as_of + timedelta(hours=7)).date() + timedelta(days=days)
        refused = await offer(database, parties, as_of, TELKOMSEL_NUMBER, reply_hoped_by=wanted)
        assert refused.code == "REFERRAL_REPLY_DATE_INVALID"

    async def test_of_a_foreign_number_is_possible_since_nothing_is_ordered(self, database, parties, as_of):
        await join_referrals(database, parties, as_of)
        [referral] = await refer(database, parties, as_of, FOREIGN)
        assert referral.e164 == FOREIGN

    async def test_by_complaints_takes_only_those(self, database, parties, as_of):
        await join_referrals(database, parties, as_of)
        first, _ = await file_verified(database, parties, as_of, [TELKOMSEL_NUMBER] * 2, **OTT)
        referral = await offer(database, parties, as_of, None, complaint_ids=(first.id,))
        assert referral.complaint_count == 1

    async def test_answers_item_by_item(self, database, parties, as_of):
        await join_referrals(database, parties, as_of)
        await file_verified(database, parties, as_of, [TELKOMSEL_NUMBER], **OTT)
        drafts = [
            OfferDraft(provider_id=parties.provider.member_id, number=number, summary=SUMMARY)
            for number in ("not a number", TELKOMSEL_NUMBER, FOREIGN, TELKOMSEL_NUMBER)
        ]
        async with database.transaction(parties.officer, as_of=as_of) as tx:
            results = await offer_referrals(tx, drafts)
        assert [getattr(each, "code", "OFFERED") for each in results] == [
            "NUMBER_INVALID", "OFFERED", "REFERRAL_UNFOUNDED", "REFERRAL_ALREADY_OPEN",
        ]  # fmt: skip


class TestAccounts:
    async def accuse(self, database, parties, as_of, *written, **more):
        filed = await file_accused(database, parties.agency, as_of, *written, **more)
        decisions = [ComplaintDecision(complaint_id=each.id, decision=Decision.VERIFY) for each in filed]
        async with database.transaction(parties.officer, as_of=as_of) as tx:
            return await decide_complaints(tx, decisions)

    async def test_are_referred_to_the_provider_that_runs_their_platform(self, database, parties, as_of):
        await join_referrals(database, parties, as_of, disclosure=Disclosure.HASHED)
        await run_platforms(database, parties, as_of, Platform.TELEGRAM)
        [complaint] = await self.accuse(database, parties, as_of, ("Telegram", "@prizes_here", None))
        referral = await offer(database, parties, as_of, None, account_id=complaint.account_id)
        assert (referral.account_id, referral.e164) == (complaint.account_id, None)
        async with database.reading(parties.provider, as_of=as_of) as tx:
            seen = (await load_accounts(tx, [complaint.account_id]))[complaint.account_id]
        assert (seen.handle, seen.complaint_count, seen.risk) == ("prizes_here", None, None)

    async def test_are_seen_by_their_provider_only_once_they_were_referred(self, database, parties, as_of):
        await join_referrals(database, parties, as_of)
        await run_platforms(database, parties, as_of, Platform.TELEGRAM)
        [complaint] = await self.accuse(database, parties, as_of, ("Telegram", "@prizes_here", None))
        async with database.reading(parties.provider, as_of=as_of) as tx:
            assert await load_accounts(tx, [complaint.account_id]) == {}

    async def test_are_referred_to_no_other_provider(self, database, parties, as_of):
        await join_referrals(database, parties, as_of)
        [complaint] = await self.accuse(database, parties, as_of, ("Telegram", "@prizes_here", None))
        refused = await offer(database, parties, as_of, None, account_id=complaint.account_id)
        assert refused.code == "REFERRAL_PLATFORM_NOT_RUN"

    async def test_that_are_a_number_are_told_only_to_who_may_know_numbers(self, database, parties, as_of):
        await join_referrals(database, parties, as_of, disclosure=Disclosure.HASHED)
        await run_platforms(database, parties, as_of, Platform.WHATSAPP)
        [complaint] = await self.accuse(database, parties, as_of, ("WhatsApp", TELKOMSEL_NUMBER, None))
        refused = await offer(database, parties, as_of, None, account_id=complaint.account_id)
        assert refused.code == "REFERRAL_OUTSIDE_TERMS"

    async def test_that_are_a_known_number_stand_beside_its_order(self, database, parties, as_of):
        await join_referrals(database, parties, as_of)
        await run_platforms(database, parties, as_of, Platform.WHATSAPP)
        [complaint] = await self.accuse(database, parties, as_of, ("WhatsApp", None, None), number=TELKOMSEL_NUMBER)
        referral = await offer(database, parties, as_of, None, complaint_ids=(complaint.id,))
        assert (referral.account_id, referral.e164) == (complaint.account_id, TELKOMSEL_NUMBER)
        async with database.reading(parties.officer, as_of=as_of) as tx:
            assert (await get_number(tx, TELKOMSEL_NUMBER)).account_standing is AccountStanding.ASKED

    async def test_of_two_complaints_must_be_one(self, database, parties, as_of):
        await join_referrals(database, parties, as_of)
        complaints = await self.accuse(
            database, parties, as_of, ("Telegram", "@first_one", None), ("Telegram", "@second_one", None)
        )
        refused = await offer(database, parties, as_of, None, complaint_ids=tuple(each.id for each in complaints))
        assert refused.code == "REFERRAL_GROUNDS_UNCLEAR"


class TestRefusals:
    @pytest.mark.parametrize("viewer", ["agency", "telkomsel", "provider"])
    async def test_no_other_party_can_offer(self, database, parties, as_of, viewer):
        with pytest.raises(ForbiddenError):
            async with database.transaction(getattr(parties, viewer), as_of=as_of) as tx:
                await offer_referrals(tx, [OfferDraft(provider_id="x", summary="x", number=TELKOMSEL_NUMBER)])

    async def test_a_machine_of_the_regulator_cannot_offer(self, database, parties, as_of):
        with pytest.raises(OfficerRequiredError):
            async with database.transaction(parties.regulator, as_of=as_of) as tx:
                await offer_referrals(tx, [OfferDraft(provider_id="x", summary="x", number=TELKOMSEL_NUMBER)])

    @pytest.mark.parametrize(("count", "error"), [(0, NoItemsError), (1001, TooManyItemsError)])
    async def test_a_batch_has_one_to_a_thousand_items(self, database, parties, as_of, count, error):
        with pytest.raises(error):
            async with database.transaction(parties.officer, as_of=as_of) as tx:
                await offer_referrals(tx, [OfferDraft(provider_id="x", summary="x")] * count)

    async def test_nothing_is_referred_to_a_provider_that_takes_no_part(self, database, parties, as_of):
        await file_verified(database, parties, as_of, [TELKOMSEL_NUMBER], **OTT)
        refused = await offer(database, parties, as_of, TELKOMSEL_NUMBER)
        assert refused.code == "PROVIDER_NOT_TAKING_PART"

    @pytest.mark.parametrize("member", ["telkomsel", "agency"])
    async def test_nothing_is_referred_to_a_carrier_or_an_agency(self, database, parties, as_of, member):
        await file_verified(database, parties, as_of, [TELKOMSEL_NUMBER], **OTT)
        refused = await offer(database, parties, as_of, TELKOMSEL_NUMBER, getattr(parties, member))
        assert refused.code == "PROVIDER_NOT_TAKING_PART"

    async def test_nothing_is_referred_to_a_provider_that_left(self, database, parties, as_of):
        participation = await join_referrals(database, parties, as_of)
        await file_verified(database, parties, as_of, [TELKOMSEL_NUMBER], **OTT)
        await leave(database, parties, as_of, participation)
        assert (await offer(database, parties, as_of, TELKOMSEL_NUMBER)).code == "PROVIDER_NOT_TAKING_PART"

    async def test_a_category_outside_the_terms_is_refused(self, database, parties, as_of):
        await join_referrals(database, parties, as_of, categories=(Category.EXTORTION,))
        await file_verified(database, parties, as_of, [TELKOMSEL_NUMBER], **OTT)
        assert (await offer(database, parties, as_of, TELKOMSEL_NUMBER)).code == "REFERRAL_OUTSIDE_TERMS"

    async def test_a_provider_whose_terms_allow_hashes_alone_is_told_no_number(self, database, parties, as_of):
        await join_referrals(database, parties, as_of, disclosure=Disclosure.HASHED)
        await file_verified(database, parties, as_of, [TELKOMSEL_NUMBER], **OTT)
        refused = await offer(database, parties, as_of, TELKOMSEL_NUMBER)
        assert (refused.code, refused.field) == ("REFERRAL_OUTSIDE_TERMS", "number")

    async def test_an_unverified_complaint_supports_nothing(self, database, parties, as_of):
        await join_referrals(database, parties, as_of)
        async with database.transaction(parties.agency, as_of=as_of) as tx:
            [filed] = await file_complaints(
                tx, [ComplaintDraft(number=TELKOMSEL_NUMBER, category=Category.FRAUD, source_reference="1", **OTT)]
            )
        assert (await offer(database, parties, as_of, TELKOMSEL_NUMBER)).code == "REFERRAL_UNFOUNDED"
        by_id = await offer(database, parties, as_of, None, complaint_ids=(filed.complaint.id,))
        assert by_id.code == "INCOMPATIBLE_STATE"

    async def test_complaints_of_an_earlier_subscriber_support_nothing(self, database, parties, as_of):
        await join_referrals(database, parties, as_of)
        await file_verified(database, parties, as_of, [TELKOMSEL_NUMBER], **OTT)
        later = as_of + timedelta(days=1)
        await recycle(database, parties, parties.telkomsel, later, TELKOMSEL_NUMBER, at=later)
        assert (await offer(database, parties, later, TELKOMSEL_NUMBER)).code == "REFERRAL_UNFOUNDED"

    async def test_a_summary_is_needed(self, database, parties, as_of):
        await join_referrals(database, parties, as_of)
        await file_verified(database, parties, as_of, [TELKOMSEL_NUMBER], **OTT)
        refused = await offer(database, parties, as_of, TELKOMSEL_NUMBER, summary=" \u200b ")
        assert refused.code == "REFERRAL_SUMMARY_MISSING"

    async def test_what_a_provider_acted_on_is_not_referred_again(self, database, parties, as_of):
        await join_referrals(database, parties, as_of)
        [referral] = await refer(database, parties, as_of, TELKOMSEL_NUMBER)
        await respond(database, parties.provider, as_of, referral)
        await file_verified(database, parties, as_of, [TELKOMSEL_NUMBER], **OTT)
        assert (await offer(database, parties, as_of, TELKOMSEL_NUMBER)).code == "REFERRAL_ALREADY_OPEN"


class TestTransfer:
    async def test_is_recorded_with_its_ground_and_the_facts_that_were_given(self, database, parties, as_of):
        participation = await join_referrals(database, parties, as_of)
        [referral] = await refer(database, parties, as_of, TELKOMSEL_NUMBER)
        async with database.reading(parties.regulator, as_of=as_of) as tx:
            [transfer] = (await list_transfers(tx, PageRequest())).items
            counted = [(await count_transfers(tx, TransferFilter(is_abroad=abroad))).total for abroad in (True, False)]
        assert (transfer.referral_id, transfer.provider_id) == (referral.id, parties.provider.member_id)
        assert (transfer.ground, transfer.participation_id, transfer.sent_at) == (ABROAD, participation.id, as_of)
        assert set(transfer.fields) == set(TransferredField) - {
            TransferredField.INCIDENT_DAY,
            TransferredField.ACCOUNT,
        }
        assert counted == [1, 0]

    async def test_within_the_country_has_no_ground(self, database, parties, as_of):
        await join_referrals(database, parties, as_of, transfer_ground=None)
        await refer(database, parties, as_of, TELKOMSEL_NUMBER)
        async with database.reading(parties.regulator, as_of=as_of) as tx:
            [transfer] = (await list_transfers(tx, PageRequest())).items
        assert (transfer.ground, transfer.is_abroad) == (None, False)

    @pytest.mark.parametrize("viewer", ["agency", "telkomsel", "provider"])
    async def test_is_read_by_the_regulator_alone(self, database, parties, as_of, viewer):
        with pytest.raises(ForbiddenError):
            async with database.reading(getattr(parties, viewer), as_of=as_of) as tx:
                await list_transfers(tx, PageRequest())


class TestConcurrentOffers:
    async def test_of_one_number_to_one_provider_lead_to_one_referral(self, database, parties, as_of):
        await join_referrals(database, parties, as_of)
        await file_verified(database, parties, as_of, [TELKOMSEL_NUMBER], **OTT)
        results = await asyncio.gather(*(offer(database, parties, as_of, TELKOMSEL_NUMBER) for _ in range(4)))
        offered = [each for each in results if isinstance(each, Referral)]
        assert len(offered) == 1
        assert {each.code for each in results if isinstance(each, Problem)} == {"REFERRAL_ALREADY_OPEN"}

    async def test_to_two_providers_lead_to_one_each(self, database, parties, as_of):
        other = await admit_provider(database, parties, as_of)
        await join_referrals(database, parties, as_of)
        await join_referrals(database, parties, as_of, other)
        await file_verified(database, parties, as_of, [TELKOMSEL_NUMBER], **OTT)
        results = await asyncio.gather(
            offer(database, parties, as_of, TELKOMSEL_NUMBER), offer(database, parties, as_of, TELKOMSEL_NUMBER, other)
        )
        assert {each.provider_id for each in results} == {parties.provider.member_id, other.member_id}

    async def test_beside_a_leaving_provider_leave_nothing_open(self, database, parties, as_of):
        participation = await join_referrals(database, parties, as_of)
        await file_verified(database, parties, as_of, [TELKOMSEL_NUMBER], **OTT)
        offered, _ = await asyncio.gather(
            offer(database, parties, as_of, TELKOMSEL_NUMBER), leave(database, parties, as_of, participation)
        )
        assert isinstance(offered, Referral) or offered.code == "PROVIDER_NOT_TAKING_PART"
        async with database.system(Role.TRANSITION, as_of=as_of) as tx:
            await withdraw_from_departed(tx)
        async with database.reading(parties.officer, as_of=as_of) as tx:
            page = await list_referrals(tx, PageRequest(), ReferralFilter(states=tuple(PENDING_STATES)))
        assert page.items == []
