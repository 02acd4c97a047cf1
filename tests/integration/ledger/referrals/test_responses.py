"""Responses: append-only, idempotent, welcome however late, and worth nothing on another provider's referral."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from ledger.complaints.reading import load_complaints
from ledger.complaints.states import ComplaintState
from ledger.complaints.vocabulary import ComplaintOutcome
from ledger.errors import ForbiddenError, NoItemsError, Problem, TooManyItemsError
from ledger.numbers.reading import get_number
from ledger.numbers.vocabulary import AccountStanding
from ledger.participations.taking_part import ParticipationMissingError
from ledger.referrals.ending import Withdrawal, lapse_referrals, withdraw_referrals
from ledger.referrals.reading import load_referral_grounds, load_referrals, load_responses
from ledger.referrals.response_rules import ResponseDraft
from ledger.referrals.responses import RESPONSES_MAX, AnsweredReferral, respond_to_referrals
from ledger.referrals.states import ReferralState
from ledger.referrals.vocabulary import (
    DeclineReason,
    ReferralAction,
    ReferralGround,
    ResponseKind,
    ResponseMark,
    WithdrawalGround,
)
from ledger.storage.roles import Role
from tests.support.journeys import TELKOMSEL_NUMBER
from tests.support.referral_journeys import ACTED, join_referrals, refer, respond
from tests.support.signal_journeys import admit_provider, leave

HOUR = timedelta(hours=1)
LATER = timedelta(days=30)


@pytest.fixture
async def referral(database, parties, as_of):
    await join_referrals(database, parties, as_of)
    [referral] = await refer(database, parties, as_of, TELKOMSEL_NUMBER)
    return referral


async def read_complaint(database, parties, as_of, referral):
    async with database.reading(parties.officer, as_of=as_of) as tx:
        [behind] = (await load_referral_grounds(tx, [referral.id]))[referral.id]
        return (await load_complaints(tx, [behind.complaint_id]))[behind.complaint_id]


async def lapse(database, as_of):
    async with database.system(Role.TRANSITION, as_of=as_of) as tx:
        return await lapse_referrals(tx)


class TestRespond:
    async def test_an_action_resolves_the_complaint_and_shows_on_the_number(self, database, parties, as_of, referral):
        done = await respond(database, parties.provider, as_of, referral)
        assert (done.referral.state, done.referral.action, done.referral.ground) == (
            ReferralState.ACTIONED, ReferralAction.BANNED, ReferralGround.OWN_TERMS,
        )  # fmt: skip
        complaint = await read_complaint(database, parties, as_of, referral)
        assert (complaint.state, complaint.outcome) == (ComplaintState.RESOLVED, ComplaintOutcome.ACCOUNT_ACTIONED)
        assert (complaint.referral_outcome, complaint.order_outcome) == (ComplaintOutcome.ACCOUNT_ACTIONED, None)
        async with database.reading(parties.officer, as_of=as_of) as tx:
            assert (await get_number(tx, TELKOMSEL_NUMBER)).account_standing is AccountStanding.ACTIONED

    @pytest.mark.parametrize(
        ("said", "state", "outcome"),
        [
            ({"kind": ResponseKind.DECLINED}, ReferralState.DECLINED, ComplaintOutcome.NOT_ACTIONABLE),
            (
                {"kind": ResponseKind.DECLINED, "reason": DeclineReason.PRIVACY},
                ReferralState.DECLINED,
                ComplaintOutcome.NOT_ACTIONABLE,
            ),
            ({"kind": ResponseKind.NO_ACCOUNT}, ReferralState.NO_ACCOUNT, ComplaintOutcome.NO_ACCOUNT),
        ],
    )
    async def test_no_is_an_answer_with_or_without_a_reason(
        self, database, parties, as_of, referral, said, state, outcome
    ):
        done = await respond(database, parties.provider, as_of, referral, **said)
        assert (done.referral.state, done.referral.decline_reason) == (state, said.get("reason"))
        complaint = await read_complaint(database, parties, as_of, referral)
        assert (complaint.state, complaint.outcome) == (ComplaintState.RESOLVED, outcome)

    async def test_a_receipt_is_optional_and_resolves_nothing(self, database, parties, as_of, referral):
        done = await respond(database, parties.provider, as_of, referral, kind=ResponseKind.RECEIVED)
        assert (done.referral.state, done.referral.received_at) == (ReferralState.RECEIVED, as_of)
        assert (await read_complaint(database, parties, as_of, referral)).state is ComplaintState.ESCALATED

    async def test_by_number_is_the_same_as_by_id(self, database, parties, as_of, referral):
        async with database.transaction(parties.provider, as_of=as_of) as tx:
            draft = ResponseDraft(referral_no=referral.referral_no.lower(), reference="r", **ACTED)
            [done] = await respond_to_referrals(tx, [draft])
        assert done.referral.id == referral.id

    async def test_again_answers_the_first_recording(self, database, parties, as_of, referral):
        first = await respond(database, parties.provider, as_of, referral)
        again = await respond(database, parties.provider, as_of + HOUR, referral)
        assert (again.was_known, again.response) == (True, first.response)

    async def test_another_content_under_the_same_reference_is_a_conflict(self, database, parties, as_of, referral):
        await respond(database, parties.provider, as_of, referral)
        changed = await respond(database, parties.provider, as_of, referral, **ACTED | {"ground": ReferralGround.LAW})
        assert changed.code == "REFERRAL_RESPONSE_CONFLICT"

    async def test_the_same_said_under_another_reference_is_kept_and_moves_nothing(
        self, database, parties, as_of, referral
    ):
        await respond(database, parties.provider, as_of, referral)
        again = await respond(database, parties.provider, as_of + HOUR, referral, reference="WA-2")
        assert (again.response.mark, again.response.moved_state) == (ResponseMark.STATE_UNMOVED, False)
        assert again.referral.answered_at == as_of

    async def test_an_answer_can_not_be_taken_back_by_another(self, database, parties, as_of, referral):
        await respond(database, parties.provider, as_of, referral)
        refused = await respond(database, parties.provider, as_of, referral, kind=ResponseKind.DECLINED)
        assert (refused.code, refused.field) == ("INCOMPATIBLE_STATE", "kind")

    async def test_a_reversal_is_one_more_and_both_are_kept(self, database, parties, as_of, referral):
        await respond(database, parties.provider, as_of, referral)
        done = await respond(database, parties.provider, as_of + HOUR, referral, kind=ResponseKind.REVERSED)
        assert (done.referral.state, done.referral.action) == (ReferralState.REVERSED, ReferralAction.BANNED)
        async with database.reading(parties.officer, as_of=as_of) as tx:
            kinds = [each.kind for each in (await load_responses(tx, [referral.id]))[referral.id]]
            standing = (await get_number(tx, TELKOMSEL_NUMBER)).account_standing
        assert kinds == [ResponseKind.ACTIONED, ResponseKind.REVERSED]
        assert standing is AccountStanding.NOT_ACTIONED

    async def test_nothing_that_was_not_done_can_be_reversed(self, database, parties, as_of, referral):
        refused = await respond(database, parties.provider, as_of, referral, kind=ResponseKind.REVERSED)
        assert refused.code == "INCOMPATIBLE_STATE"

    @pytest.mark.parametrize(
        ("said", "field"),
        [
            ({"kind": ResponseKind.ACTIONED}, "action"),
            ({"kind": ResponseKind.ACTIONED, "action": ReferralAction.WARNED}, "ground"),
            ({"kind": ResponseKind.DECLINED, "ground": ReferralGround.LAW}, "ground"),
            ({"kind": ResponseKind.RECEIVED, "action": ReferralAction.WARNED}, "action"),
            ({"kind": ResponseKind.NO_ACCOUNT, "reason": DeclineReason.PRIVACY}, "reason"),
        ],
    )
    async def test_each_kind_takes_its_own_values_alone(self, database, parties, as_of, referral, said, field):
        refused = await respond(database, parties.provider, as_of, referral, **said)
        assert (refused.code, refused.field) == ("REFERRAL_RESPONSE_INVALID", field)

    async def test_the_clock_may_be_a_little_fast_and_no_more(self, database, parties, as_of, referral):
        skew = timedelta(seconds=300)
        refused = await respond(
            database, parties.provider, as_of, referral, effective_at=as_of + skew + timedelta(microseconds=1)
        )
        assert refused.code == "REFERRAL_RESPONSE_TIME_INVALID"
        done = await respond(database, parties.provider, as_of, referral, effective_at=as_of + skew)
        assert done.referral.effective_at == as_of + skew

    async def test_what_it_did_before_it_was_asked_counts(self, database, parties, as_of, referral):
        before = as_of - timedelta(days=9)
        done = await respond(database, parties.provider, as_of, referral, effective_at=before)
        assert done.referral.effective_at == before

    async def test_later_items_see_what_earlier_ones_changed(self, database, parties, as_of, referral):
        drafts = [
            ResponseDraft(referral_id=referral.id, reference="1", kind=ResponseKind.RECEIVED),
            ResponseDraft(referral_id=referral.id, reference="1", **ACTED),
            ResponseDraft(referral_id=referral.id, reference="1", kind=ResponseKind.RECEIVED),
        ]
        async with database.transaction(parties.provider, as_of=as_of) as tx:
            results = await respond_to_referrals(tx, drafts)
        assert [each.was_known for each in results] == [False, False, True]
        assert {each.referral.state for each in results} == {ReferralState.ACTIONED}

    async def test_retries_under_ever_new_references_are_bounded(self, database, parties, as_of, referral):
        drafts = [
            ResponseDraft(referral_id=referral.id, reference=str(place), kind=ResponseKind.RECEIVED)
            for place in range(RESPONSES_MAX + 1)
        ]
        async with database.transaction(parties.provider, as_of=as_of) as tx:
            results = await respond_to_referrals(tx, drafts)
        assert results[-1].code == "TOO_MANY_REFERRAL_RESPONSES"
        assert not any(isinstance(each, Problem) for each in results[:-1])


class TestLateAnswers:
    async def test_a_lapse_ends_the_waiting_and_blames_nobody(self, database, parties, as_of, referral):
        assert await lapse(database, as_of + timedelta(days=14)) == 0
        assert await lapse(database, as_of + timedelta(days=15)) == 1
        assert await lapse(database, as_of + timedelta(days=15)) == 0
        complaint = await read_complaint(database, parties, as_of, referral)
        assert (complaint.state, complaint.outcome) == (ComplaintState.RESOLVED, ComplaintOutcome.NOT_ACTIONABLE)

    async def test_are_welcome_and_change_the_outcome(self, database, parties, as_of, referral):
        await lapse(database, as_of + LATER)
        done = await respond(database, parties.provider, as_of + 2 * LATER, referral)
        assert (done.referral.state, done.response.mark, done.referral.ended_at) == (ReferralState.ACTIONED, None, None)
        complaint = await read_complaint(database, parties, as_of, referral)
        assert (complaint.state, complaint.outcome) == (ComplaintState.RESOLVED, ComplaintOutcome.ACCOUNT_ACTIONED)

    async def test_a_receipt_after_the_lapse_is_kept_and_moves_nothing(self, database, parties, as_of, referral):
        await lapse(database, as_of + LATER)
        done = await respond(database, parties.provider, as_of + LATER, referral, kind=ResponseKind.RECEIVED)
        assert (done.referral.state, done.response.mark) == (ReferralState.LAPSED, ResponseMark.STATE_UNMOVED)


class TestStrangers:
    async def test_another_providers_referral_looks_like_none(self, database, parties, as_of, referral):
        other = await admit_provider(database, parties, as_of)
        await join_referrals(database, parties, as_of, other)
        refused = await respond(database, other, as_of, referral)
        assert (refused.code, refused.field) == ("NOT_FOUND", "referralId")

    @pytest.mark.parametrize("viewer", ["agency", "telkomsel", "officer", "regulator"])
    async def test_no_other_party_can_answer(self, database, parties, as_of, referral, viewer):
        with pytest.raises(ForbiddenError):
            await respond(database, getattr(parties, viewer), as_of, referral)

    async def test_a_provider_that_left_can_not_answer(self, database, parties, as_of):
        participation = await join_referrals(database, parties, as_of)
        [referral] = await refer(database, parties, as_of, TELKOMSEL_NUMBER)
        await leave(database, parties, as_of, participation)
        with pytest.raises(ParticipationMissingError):
            await respond(database, parties.provider, as_of, referral)

    @pytest.mark.parametrize(("count", "error"), [(0, NoItemsError), (1001, TooManyItemsError)])
    async def test_a_batch_has_one_to_a_thousand_items(self, database, parties, as_of, referral, count, error):
        drafts = [ResponseDraft(referral_id=referral.id, reference="r", **ACTED)] * count
        with pytest.raises(error):
            async with database.transaction(parties.provider, as_of=as_of) as tx:
                await respond_to_referrals(tx, drafts)

    @pytest.mark.parametrize("verb", ["UPDATE referral_responses SET note = 'x'", "DELETE FROM referral_responses"])
    @pytest.mark.parametrize("role", [Role.PROVIDER, Role.REGULATOR, Role.TRANSITION])
    async def test_a_recorded_response_can_not_be_changed(self, database, parties, as_of, referral, verb, role):
        await respond(database, parties.provider, as_of, referral)
        with pytest.raises(DBAPIError, match="permission denied"):
            async with database.system(role, as_of=as_of) as tx:
                await tx.execute(text(verb))


class TestWithdrawal:
    async def withdraw(self, database, parties, as_of, referral, **more):
        item = Withdrawal(referral_id=referral.id, reason=WithdrawalGround.OFFERED_IN_ERROR, **more)
        async with database.transaction(parties.officer, as_of=as_of) as tx:
            return (await withdraw_referrals(tx, [item]))[0]

    async def test_ends_a_referral_with_a_reason_that_its_provider_reads(self, database, parties, as_of, referral):
        withdrawn = await self.withdraw(database, parties, as_of, referral, note="Wrong number.")
        assert (withdrawn.state, withdrawn.withdrawal_note) == (ReferralState.WITHDRAWN, "Wrong number.")
        async with database.reading(parties.provider, as_of=as_of) as tx:
            seen = (await load_referrals(tx, [referral.id]))[referral.id]
        assert (seen.withdrawal_reason, seen.withdrawal_note, seen.withdrawn_by) == (
            WithdrawalGround.OFFERED_IN_ERROR, None, None,
        )  # fmt: skip
        assert (await read_complaint(database, parties, as_of, referral)).outcome is ComplaintOutcome.WITHDRAWN

    async def test_of_an_answered_referral_is_refused(self, database, parties, as_of, referral):
        await respond(database, parties.provider, as_of, referral)
        assert (await self.withdraw(database, parties, as_of, referral)).code == "INCOMPATIBLE_STATE"

    async def test_an_answer_to_a_withdrawn_referral_is_kept_and_moves_nothing(
        self, database, parties, as_of, referral
    ):
        await self.withdraw(database, parties, as_of, referral)
        done = await respond(database, parties.provider, as_of, referral)
        assert (done.referral.state, done.response.mark) == (ReferralState.WITHDRAWN, ResponseMark.REFERRAL_WITHDRAWN)

    @pytest.mark.parametrize("viewer", ["agency", "telkomsel", "provider"])
    async def test_no_other_party_can_withdraw(self, database, parties, as_of, referral, viewer):
        item = Withdrawal(referral_id=referral.id, reason=WithdrawalGround.OFFERED_IN_ERROR)
        with pytest.raises(ForbiddenError):
            async with database.transaction(getattr(parties, viewer), as_of=as_of) as tx:
                await withdraw_referrals(tx, [item])


class TestRaces:
    async def test_two_responses_at_once_give_one_answer(self, database, parties, as_of, referral):
        results = await asyncio.gather(
            respond(database, parties.provider, as_of, referral),
            respond(database, parties.provider, as_of, referral, kind=ResponseKind.DECLINED),
        )
        answered = [each for each in results if isinstance(each, AnsweredReferral)]
        refused = [each.code for each in results if isinstance(each, Problem)]
        assert (len(answered), refused) == (1, ["INCOMPATIBLE_STATE"])

    async def test_the_same_response_sent_twice_at_once_is_recorded_once(self, database, parties, as_of, referral):
        results = await asyncio.gather(*(respond(database, parties.provider, as_of, referral) for _ in range(4)))
        assert sorted(each.was_known for each in results) == [False, True, True, True]
        assert len({each.response.id for each in results}) == 1

    async def test_a_response_and_a_withdrawal_at_once_leave_one_of_them(self, database, parties, as_of, referral):
        said, withdrawn = await asyncio.gather(
            respond(database, parties.provider, as_of, referral),
            TestWithdrawal().withdraw(database, parties, as_of, referral),
        )
        if isinstance(withdrawn, Problem):
            assert (withdrawn.code, said.referral.state) == ("INCOMPATIBLE_STATE", ReferralState.ACTIONED)
        else:
            assert said.response.mark is ResponseMark.REFERRAL_WITHDRAWN
        async with database.reading(parties.officer, as_of=as_of) as tx:
            assert len((await load_responses(tx, [referral.id]))[referral.id]) == 1

    async def test_a_response_and_a_lapse_at_once_end_in_the_response(self, database, parties, as_of, referral):
        late = as_of + LATER
        said, _ = await asyncio.gather(respond(database, parties.provider, late, referral), lapse(database, late))
        assert said.referral.state is ReferralState.ACTIONED
        complaint = await read_complaint(database, parties, late, referral)
        assert (complaint.state, complaint.outcome) == (ComplaintState.RESOLVED, ComplaintOutcome.ACCOUNT_ACTIONED)
