"""Signals over their life: raised, changed, ended, and never raised again by what an officer said was wrong."""

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ledger.complaints.decisions import ComplaintDecision, Decision, decide_complaints
from ledger.complaints.filing import file_complaints
from ledger.errors import ForbiddenError, OfficerRequiredError
from ledger.feed.vocabulary import EventKind
from ledger.identifiers import new_id
from ledger.numbers.vocabulary import RiskTier
from ledger.participations.agreements import change_participation
from ledger.policies import Policies
from ledger.signals.contributions import contribute_signals
from ledger.signals.filling import fill_keys
from ledger.signals.reading import load_signals
from ledger.signals.revocation import Revocation, expire_signals, revoke_signals
from ledger.signals.settling import settle_next_signals, settle_signals
from ledger.signals.states import SignalState
from ledger.signals.targets import ContributionDraft
from ledger.signals.vocabulary import SignalRevocationGround, SignalRevokedReason
from ledger.storage.roles import Role
from ledger.viewer import OPERATOR
from ledger.vocabulary import Category
from tests.support.journeys import INDOSAT_NUMBER, TELKOMSEL_NUMBER, complaint_draft, file_verified, recycle
from tests.support.signal_journeys import (
    DAY,
    TERMS,
    admit_provider,
    complain,
    leave,
    read_events,
    read_signals,
    reopen,
    revoke,
    take_part,
)
from tests.support.statements import count_statements

NUMBER = TELKOMSEL_NUMBER


async def expire(database, as_of):
    async with database.system(Role.TRANSITION, as_of=as_of) as tx:
        return await expire_signals(tx)


class TestRaising:
    async def test_raises_one_for_each_category_of_verified_complaints(self, database, parties, as_of):
        await complain(database, parties, as_of, NUMBER)
        await complain(database, parties, as_of, NUMBER, category=Category.SPAM_ADVERT)
        signals = await read_signals(database, parties.officer, as_of)
        assert {signal.category for signal in signals} == {Category.FRAUD, Category.SPAM_ADVERT}
        assert {signal.e164 for signal in signals} == {NUMBER}
        assert {signal.state for signal in signals} == {SignalState.ACTIVE}

    async def test_raises_none_for_a_complaint_that_is_not_verified(self, database, parties, as_of):
        async with database.transaction(parties.agency, as_of=as_of) as tx:
            await file_complaints(tx, [complaint_draft(NUMBER)])
        assert await read_signals(database, parties.officer, as_of) == []

    async def test_raises_none_for_a_protected_number(self, database, parties, as_of):
        await complain(database, parties, as_of, "110")
        assert await read_signals(database, parties.officer, as_of) == []

    async def test_raises_one_for_a_foreign_number(self, database, parties, as_of):
        await complain(database, parties, as_of, "+12025550123")
        (signal,) = await read_signals(database, parties.officer, as_of)
        assert (signal.holder_id, signal.e164) == (None, "+12025550123")

    async def test_rises_with_distinct_complainants_and_counts_the_nameless_once_a_source(
        self, database, parties, as_of
    ):
        await complain(database, parties, as_of, NUMBER)
        await complain(database, parties, as_of, NUMBER)
        (signal,) = await read_signals(database, parties.officer, as_of)
        assert (signal.score, signal.risk) == (100, RiskTier.MEDIUM)
        await complain(database, parties, as_of, NUMBER, "Ani", "Budi", "Ani")
        (signal,) = await read_signals(database, parties.officer, as_of)
        assert (signal.score, signal.risk) == (300, RiskTier.HIGH)

    async def test_shows_days_in_jakarta_and_no_hours(self, database, parties, as_of):
        late = datetime(2026, 2, 27, 18, 0, tzinfo=UTC)
        await complain(database, parties, as_of, NUMBER, incident_at=late)
        await complain(database, parties, as_of, NUMBER, "Ani", incident_at=as_of)
        (signal,) = await read_signals(database, parties.officer, as_of)
        assert (str(signal.first_seen_on), str(signal.last_seen_on)) == ("2026-02-28", "2026-03-02")
        assert signal.valid_until == datetime(2026, 5, 31, 17, 0, tzinfo=UTC)

    async def test_each_confirmation_moves_the_end(self, database, parties, as_of):
        await complain(database, parties, as_of, NUMBER)
        await complain(database, parties, as_of + 3 * DAY, NUMBER)
        (signal,) = await read_signals(database, parties.officer, as_of)
        assert signal.valid_until == datetime(2026, 6, 3, 17, 0, tzinfo=UTC)

    async def test_weighs_categories_by_the_settings(self, database, parties, as_of):
        database.policies = Policies(signal_category_weights={Category.SPAM_ADVERT: 50})
        await complain(database, parties, as_of, NUMBER, "Ani", category=Category.SPAM_ADVERT)
        assert await read_signals(database, parties.officer, as_of) == []
        await complain(database, parties, as_of, NUMBER, "Budi", category=Category.SPAM_ADVERT)
        (signal,) = await read_signals(database, parties.officer, as_of)
        assert signal.score == 100

    async def test_two_verifications_at_once_raise_one(self, database, parties, as_of):
        async with database.transaction(parties.agency, as_of=as_of) as tx:
            filed = await file_complaints(tx, [complaint_draft(NUMBER) for _ in range(6)])
        ids = [item.complaint.id for item in filed]

        async def verify(complaint_id):
            decisions = [ComplaintDecision(complaint_id=complaint_id, decision=Decision.VERIFY)]
            return await database.run(parties.officer, as_of=as_of, work=lambda tx: decide_complaints(tx, decisions))

        await asyncio.gather(*(verify(complaint_id) for complaint_id in ids))
        assert len(await read_signals(database, parties.officer, as_of)) == 1

    async def test_of_many_numbers_takes_no_more_statements_than_of_one(self, database, parties, as_of):
        await take_part(database, parties, as_of)
        numbers = [f"+6281200{serial:05d}" for serial in range(300)]
        counts = []
        for wanted in (numbers[:1], numbers[1:]):
            async with database.transaction(parties.agency, as_of=as_of) as tx:
                filed = await file_complaints(tx, [complaint_draft(number) for number in wanted])
            decisions = [ComplaintDecision(complaint_id=item.complaint.id, decision=Decision.VERIFY) for item in filed]
            statements = []
            stop = count_statements(database, statements.append)
            async with database.transaction(parties.officer, as_of=as_of) as tx:
                await decide_complaints(tx, decisions)
            stop()
            counts.append(sum("set_config" not in statement for statement in statements))
        assert counts[0] == counts[1] <= 16
        assert len(await read_signals(database, parties.officer, as_of)) == 300

    async def test_again_changes_nothing(self, database, parties, as_of, owner_connection):
        await complain(database, parties, as_of, NUMBER)
        before = await read_events(owner_connection)
        async with database.system(Role.TRANSITION, as_of=as_of) as tx:
            assert await settle_signals(tx, [NUMBER], actor=OPERATOR) == 0
        assert await read_events(owner_connection) == before


class TestSettlingAnew:
    async def test_raises_what_an_upgrade_or_other_settings_left_to_be_done(self, database, parties, as_of):
        database.policies = Policies(signal_category_weights={Category.FRAUD: 0})
        await file_verified(database, parties, as_of, [TELKOMSEL_NUMBER, INDOSAT_NUMBER])
        assert await read_signals(database, parties.officer, as_of) == []
        for weight, changed in ((100, 2), (100, 0), (0, 2)):
            database.policies = Policies(signal_category_weights={Category.FRAUD: weight})
            async with database.system(Role.TRANSITION, as_of=as_of) as tx:
                assert await settle_next_signals(tx, after=None) == (changed, INDOSAT_NUMBER)
                assert await settle_next_signals(tx, after=INDOSAT_NUMBER) == (0, None)
        assert {item.state for item in await read_signals(database, parties.officer, as_of)} == {SignalState.REVOKED}


class TestAtOnce:
    """What everybody does to the same few numbers at the same time, without a deadlock and with nothing lost."""

    async def test_leaves_one_active_signal_each_that_everybody_was_sent(
        self, database, parties, as_of, owner_connection
    ):
        numbers = [TELKOMSEL_NUMBER, "+6281200000002", "+6281200000003"]
        other = await admit_provider(database, parties, as_of)
        taken = await take_part(database, parties, as_of)
        await file_verified(database, parties, as_of, numbers)
        signals = await read_signals(database, parties.officer, as_of)
        later = as_of + DAY

        async def run(viewer, work, at=later):
            return await database.run(viewer, as_of=at, work=work)

        async def leave_and_come_back():
            await leave(database, parties, later, taken)
            await take_part(database, parties, later)

        def contributing(viewer):
            return lambda tx: contribute_signals(
                tx, [ContributionDraft(number=n, category=Category.FRAUD, reference=n) for n in reversed(numbers)]
            )

        revocations = [Revocation(signal_id=item.id, reason=SignalRevocationGround.COURT) for item in signals[:2]]
        await asyncio.gather(
            *(file_verified(database, parties, later + DAY, order) for order in (numbers, numbers[::-1], numbers)),
            run(parties.officer, lambda tx: revoke_signals(tx, revocations)),
            *(run(viewer, contributing(viewer)) for viewer in (parties.agency, parties.telkomsel, parties.indosat)),
            leave_and_come_back(),
            take_part(database, parties, later, other),
            *(expire(database, later) for _ in range(3)),
        )
        # By the clocks of this test the complaints were verified after the revocations, whichever came first.
        async with database.system(Role.TRANSITION, as_of=later + DAY) as tx:
            await settle_next_signals(tx, after=None)
        active = await read_signals(database, parties.officer, as_of, states=(SignalState.ACTIVE,))
        assert sorted(item.e164 for item in active) == numbers
        assert {item.corroboration_count for item in active} == {3}
        for provider in (parties.provider, other):
            seen = await read_signals(database, provider, as_of, states=(SignalState.ACTIVE,))
            assert {item.id for item in seen} == {item.id for item in active}
        revoked = await read_events(owner_connection, EventKind.SIGNAL_REVOKED)
        assert len(revoked) == 2


class TestFalling:
    async def test_a_risk_may_fall(self, database, parties, as_of, owner_connection):
        complaints = await complain(database, parties, as_of, NUMBER, "Ani", "Budi", "Cici")
        await reopen(database, parties, as_of, complaints[0])
        (signal,) = await read_signals(database, parties.officer, as_of)
        assert (signal.state, signal.risk, signal.score) == (SignalState.ACTIVE, RiskTier.MEDIUM, 200)
        *_, event = await read_events(owner_connection)
        assert event["kind"] == "SIGNAL_CHANGED"
        assert json.loads(event["payload"]) == {"category": "FRAUD", "risk": "MEDIUM", "riskBefore": "HIGH"}

    async def test_is_revoked_when_no_complaint_stands(self, database, parties, as_of):
        complaints = await complain(database, parties, as_of, NUMBER)
        await reopen(database, parties, as_of, *complaints)
        (signal,) = await read_signals(database, parties.officer, as_of)
        assert (signal.state, signal.revoked_reason) == (SignalState.REVOKED, SignalRevokedReason.COMPLAINTS_REJECTED)
        assert signal.revoked_by is None

    async def test_is_raised_again_when_the_complaint_is_verified_again(self, database, parties, as_of):
        complaints = await complain(database, parties, as_of, NUMBER)
        await reopen(database, parties, as_of, *complaints)
        async with database.transaction(parties.officer, as_of=as_of) as tx:
            await decide_complaints(tx, [ComplaintDecision(complaint_id=complaints[0].id, decision=Decision.VERIFY)])
        signals = await read_signals(database, parties.officer, as_of)
        assert [signal.state for signal in signals] == [SignalState.ACTIVE, SignalState.REVOKED]


class TestExpiring:
    async def test_ends_what_nothing_confirmed_in_time(self, database, parties, as_of, owner_connection):
        await complain(database, parties, as_of, NUMBER)
        (signal,) = await read_signals(database, parties.officer, as_of)
        assert await expire(database, signal.valid_until - timedelta(seconds=1)) == 0
        assert await expire(database, signal.valid_until) == 1
        assert await expire(database, signal.valid_until) == 0
        (signal,) = await read_signals(database, parties.officer, as_of)
        assert signal.state is SignalState.EXPIRED
        *_, event = await read_events(owner_connection)
        assert (event["kind"], event["actor_member_id"]) == ("SIGNAL_EXPIRED", None)

    async def test_a_new_complaint_raises_a_new_one(self, database, parties, as_of):
        await complain(database, parties, as_of, NUMBER, "Ani")
        await expire(database, as_of + 100 * DAY)
        await complain(database, parties, as_of + 101 * DAY, NUMBER, "Budi")
        new, old = await read_signals(database, parties.officer, as_of)
        assert (new.state, old.state) == (SignalState.ACTIVE, SignalState.EXPIRED)
        assert new.score == 200

    async def test_a_reassigned_number_starts_without(self, database, parties, as_of, owner_connection):
        await complain(database, parties, as_of, NUMBER)
        later = as_of + DAY
        await recycle(database, parties, parties.telkomsel, later, NUMBER)
        (signal,) = await read_signals(database, parties.officer, later)
        assert (signal.state, signal.epoch) == (SignalState.EXPIRED, 1)
        await complain(database, parties, later + DAY, NUMBER, incident_at=as_of)
        assert len(await read_signals(database, parties.officer, later)) == 1
        await complain(database, parties, later + DAY, NUMBER, incident_at=later + DAY)
        new, _ = await read_signals(database, parties.officer, later)
        assert (new.state, new.epoch, new.score) == (SignalState.ACTIVE, 2, 100)


class TestRevoking:
    async def test_says_who_and_why_to_the_regulator_alone(self, database, parties, as_of):
        await complain(database, parties, as_of, NUMBER)
        (signal,) = await read_signals(database, parties.officer, as_of)
        async with database.transaction(parties.officer, as_of=as_of) as tx:
            wanted = Revocation(signal_id=signal.id, reason=SignalRevocationGround.COURT, note="Putusan 7/2026")
            (revoked,) = await revoke_signals(tx, [wanted])
        assert (revoked.state, revoked.revoked_reason) == (SignalState.REVOKED, SignalRevokedReason.COURT)
        assert (revoked.revoked_by, revoked.revocation_note) == (parties.officer.officer_id, "Putusan 7/2026")
        (seen,) = await read_signals(database, parties.telkomsel, as_of)
        assert (seen.revoked_reason, seen.revoked_by, seen.revocation_note) == (SignalRevokedReason.COURT, None, None)

    async def test_answers_item_by_item(self, database, parties, as_of):
        await complain(database, parties, as_of, NUMBER)
        (signal,) = await read_signals(database, parties.officer, as_of)
        ground = SignalRevocationGround.FALSE_POSITIVE
        ids = [signal.id, signal.id, new_id(), "x"]
        async with database.transaction(parties.officer, as_of=as_of) as tx:
            first, *others = await revoke_signals(tx, [Revocation(signal_id=item, reason=ground) for item in ids])
        assert first.state is SignalState.REVOKED
        assert [problem.code for problem in others] == ["ITEM_REPEATED", "NOT_FOUND", "NOT_FOUND"]
        (again,) = await revoke(database, parties, as_of, signal)
        assert again.code == "INCOMPATIBLE_STATE"

    async def test_needs_an_officer(self, database, parties, as_of):
        wanted = [Revocation(signal_id=new_id(), reason=SignalRevocationGround.COURT)]
        for viewer, error in (
            (parties.regulator, OfficerRequiredError),
            (parties.provider, ForbiddenError),
            (parties.telkomsel, ForbiddenError),
            (parties.agency, ForbiddenError),
        ):
            with pytest.raises(error):
                async with database.transaction(viewer, as_of=as_of) as tx:
                    await revoke_signals(tx, wanted)

    async def test_the_same_complaints_raise_it_never_again(self, database, parties, as_of):
        first = await complain(database, parties, as_of, NUMBER, "Ani", "Budi")
        (signal,) = await read_signals(database, parties.officer, as_of)
        await revoke(database, parties, as_of + DAY, signal)
        async with database.system(Role.TRANSITION, as_of=as_of + DAY) as tx:
            await settle_signals(tx, [NUMBER], actor=OPERATOR)
        assert len(await read_signals(database, parties.officer, as_of)) == 1
        await complain(database, parties, as_of + 2 * DAY, NUMBER, "Cici")
        new, old = await read_signals(database, parties.officer, as_of)
        assert (new.state, new.score, old.state) == (SignalState.ACTIVE, 100, SignalState.REVOKED)
        assert first

    async def test_reaches_every_member_that_was_sent_it_whatever_it_follows_by_now(
        self, database, parties, as_of, owner_connection
    ):
        taken = await take_part(database, parties, as_of)
        other = await admit_provider(database, parties, as_of)
        await take_part(database, parties, as_of, other, categories=(Category.SPAM_ADVERT,))
        await complain(database, parties, as_of, NUMBER)
        async with database.transaction(parties.officer, as_of=as_of) as tx:
            await change_participation(tx, taken.id, replace(TERMS, categories=(Category.EXTORTION,)), fill=fill_keys)
        (signal,) = await read_signals(database, parties.officer, as_of)
        await revoke(database, parties, as_of, signal)
        raised, revoked = await read_events(owner_connection, EventKind.SIGNAL_RAISED, EventKind.SIGNAL_REVOKED)
        assert set(raised["audience"]) == {parties.provider.member_id, parties.telkomsel.member_id}
        assert set(revoked["audience"]) == set(raised["audience"])
        (seen,) = await read_signals(database, parties.provider, as_of)
        assert seen.state is SignalState.REVOKED


class TestReading:
    async def test_shows_each_its_own(self, database, parties, as_of):
        await take_part(database, parties, as_of)
        await file_verified(database, parties, as_of, [TELKOMSEL_NUMBER, INDOSAT_NUMBER])
        assert len(await read_signals(database, parties.officer, as_of)) == 2
        assert len(await read_signals(database, parties.provider, as_of)) == 2
        for carrier, number in ((parties.telkomsel, TELKOMSEL_NUMBER), (parties.indosat, INDOSAT_NUMBER)):
            (signal,) = await read_signals(database, carrier, as_of)
            assert (signal.e164, signal.score) == (number, None)
        with pytest.raises(ForbiddenError):
            await read_signals(database, parties.agency, as_of)

    async def test_filters(self, database, parties, as_of):
        await complain(database, parties, as_of, TELKOMSEL_NUMBER, "Ani", "Budi", "Cici")
        await complain(database, parties, as_of, INDOSAT_NUMBER, category=Category.EXTORTION)
        officer = parties.officer
        for where, numbers in (
            ({"categories": (Category.EXTORTION,)}, [INDOSAT_NUMBER]),
            ({"minimum_risk": RiskTier.HIGH}, [TELKOMSEL_NUMBER]),
            ({"minimum_risk": RiskTier.MEDIUM}, [INDOSAT_NUMBER, TELKOMSEL_NUMBER]),
            ({"states": (SignalState.EXPIRED,)}, []),
            ({"e164s": (INDOSAT_NUMBER,)}, [INDOSAT_NUMBER]),
            ({"e164s": ()}, []),
            ({"hashes": ("0" * 64,)}, []),
        ):
            assert [signal.e164 for signal in await read_signals(database, officer, as_of, **where)] == numbers
        for where in ({"e164s": (INDOSAT_NUMBER,)}, {"hashes": ("0" * 64,)}):
            assert await read_signals(database, parties.telkomsel, as_of, **where) == []

    async def test_one_by_its_id_or_nothing(self, database, parties, as_of):
        await complain(database, parties, as_of, NUMBER)
        (signal,) = await read_signals(database, parties.officer, as_of)
        async with database.reading(parties.telkomsel, as_of=as_of) as tx:
            assert (await load_signals(tx, [signal.id]))[signal.id].e164 == NUMBER

    async def test_a_brands_client_sees_its_brands_alone(self, database, parties, as_of):
        await file_verified(database, parties, as_of, ["+6281700000001", "+6283100000001"])
        for brand, e164 in (("xl", "+6281700000001"), ("axis", "+6283100000001")):
            narrowed = replace(parties.xlsmart, brand_id=parties.brands[brand])
            (signal,) = await read_signals(database, narrowed, as_of)
            assert signal.e164 == e164
