"""Leaving and narrowing: one side alone, at once; and what is deleted afterwards is confirmed, and asked for once."""

import asyncio
import json
from dataclasses import replace
from datetime import timedelta

import pytest

from ledger.errors import ForbiddenError, OfficerRequiredError, StateConflictError, UnknownError
from ledger.feed.events import EventDraft
from ledger.feed.vocabulary import EventKind, Subject
from ledger.pages import PageRequest
from ledger.participations import parting
from ledger.participations.agreements import end_due_participations
from ledger.participations.keys import list_signal_keys, rotate_signal_key
from ledger.participations.leaving import (
    DeletionConfirmedError,
    DeletionTimeError,
    confirm_deletion,
    leave_participation,
    remind_of_deletions,
)
from ledger.participations.narrowing import Narrowing, NotNarrowerError, narrow_participation
from ledger.participations.reading import ParticipationFilter, list_participations, list_proposals, list_terms
from ledger.participations.states import ParticipationState, ProposalState
from ledger.participations.taking_part import ParticipationMissingError
from ledger.participations.terms import CategoriesMissingError, ParticipationTermError
from ledger.participations.vocabulary import AgreedOn, Disclosure, ParticipationEndReason, Party, PermittedUse
from ledger.signals.filling import fill_keys
from ledger.signals.reading import load_clear_numbers
from ledger.storage.roles import Role
from ledger.viewer import OPERATOR
from ledger.vocabulary import Category
from tests.support.journeys import TELKOMSEL_NUMBER, file_verified
from tests.support.signal_journeys import DAY, admit_provider, read_signals, take_part
from tests.support.signal_journeys import leave as end_for
from tests.support.signing_journeys import KEYS_IN_USE, appoint, offer, publish, read_signing_events, request, sign


@pytest.fixture
async def signatory(database, parties, as_of):
    return await appoint(database, as_of, parties.provider)


@pytest.fixture
async def signed(database, parties, as_of, signatory):
    await publish(database, parties, as_of)
    return await sign(database, parties, signatory, as_of)


async def leave(database, viewer, as_of, participation_id=None):
    async with database.transaction(viewer, as_of=as_of) as tx:
        return await leave_participation(tx, participation_id)


async def confirm(database, viewer, as_of, participation, deleted_at=None, note=None):
    async with database.transaction(viewer, as_of=as_of) as tx:
        return await confirm_deletion(tx, participation.id, deleted_at or as_of, note)


async def narrow(database, viewer, as_of, participation, **narrowing):
    async with database.transaction(viewer, as_of=as_of) as tx:
        return await narrow_participation(tx, participation.id, Narrowing(**narrowing), fill=fill_keys)


async def read_participations(database, viewer, as_of, **where):
    async with database.reading(viewer, as_of=as_of) as tx:
        return (await list_participations(tx, PageRequest(), ParticipationFilter(**where))).items


async def remind(database, as_of):
    async with database.system(Role.TRANSITION, as_of=as_of) as tx:
        return await remind_of_deletions(tx)


class TestLeaving:
    async def test_by_the_providers_system_ends_everything_at_once(
        self, database, parties, as_of, signed, owner_connection
    ):
        left = await leave(database, parties.provider, as_of + DAY)
        assert (left.id, left.state, left.ended_reason, left.ended_at) == (
            signed.id, ParticipationState.ENDED, ParticipationEndReason.PROVIDER_LEFT, as_of + DAY,
        )  # fmt: skip
        courtesy = timedelta(days=database.policies.deletion_courtesy_days)
        assert left.deletion_expected_by == as_of + DAY + courtesy
        assert left.recorded_by is None
        with pytest.raises(ParticipationMissingError):
            await read_signals(database, parties.provider, as_of + DAY)
        with pytest.raises(ParticipationMissingError):
            async with database.reading(parties.provider, as_of=as_of + DAY) as tx:
                await list_signal_keys(tx)
        *_, event = await read_signing_events(owner_connection, "PARTICIPATION")
        assert (event["kind"], event["audience"]) == ("PARTICIPATION_ENDED", [parties.provider.member_id])

    async def test_again_returns_what_was_left_and_tells_nothing_more(
        self, database, parties, as_of, signatory, signed, owner_connection
    ):
        first = await leave(database, signatory, as_of, signed.id)
        told = await read_signing_events(owner_connection)
        for again in (None, signed.id):
            assert await leave(database, parties.provider, as_of + DAY, again) == first
        assert await read_signing_events(owner_connection) == told

    async def test_withdraws_what_waits_for_a_signature(self, database, parties, as_of, signed):
        await offer(database, parties, as_of)
        await leave(database, parties.provider, as_of)
        async with database.reading(parties.officer, as_of=as_of) as tx:
            newest = (await list_proposals(tx, PageRequest())).items[0]
        assert (newest.state, newest.ended_at) == (ProposalState.REFUSED, as_of)

    async def test_again_withdraws_what_was_asked_for_since_unless_it_names_what_was_left(
        self, database, parties, as_of, signatory, signed
    ):
        left = await leave(database, parties.provider, as_of)
        async with database.reading(parties.officer, as_of=as_of) as tx:
            (terms,) = (await list_terms(tx, PageRequest())).items
        await request(database, signatory, as_of, terms)
        for named, state in ((signed.id, ProposalState.ACCEPTED), (None, ProposalState.WITHDRAWN)):
            assert await leave(database, parties.provider, as_of, named) == left
            async with database.reading(parties.officer, as_of=as_of) as tx:
                newest = (await list_proposals(tx, PageRequest())).items[0]
            assert newest.state is state

    async def test_is_the_providers_alone(self, database, parties, as_of, signed):
        stranger = await admit_provider(database, parties, as_of)
        for viewer in (parties.officer, parties.regulator, parties.telkomsel, parties.agency, OPERATOR):
            with pytest.raises(ForbiddenError):
                await leave(database, viewer, as_of)
        for named in (None, signed.id):
            with pytest.raises(UnknownError):
                await leave(database, stranger, as_of, named)

    async def test_of_terms_that_others_replaced_is_refused(self, database, parties, as_of, signed):
        narrower = await narrow(database, parties.provider, as_of, signed, disclosure=Disclosure.HASHED)
        with pytest.raises(StateConflictError):
            await leave(database, parties.provider, as_of, signed.id)
        assert (await leave(database, parties.provider, as_of)).id == narrower.id

    async def test_while_keys_rotate_leaves_none_in_use(self, database, parties, as_of, signed):
        later = as_of + DAY

        async def rotate():
            async with database.transaction(parties.provider, as_of=later) as tx:
                await rotate_signal_key(tx, fill=fill_keys)

        rotated, left = await asyncio.gather(rotate(), leave(database, parties.provider, later), return_exceptions=True)
        assert rotated is None or isinstance(rotated, ParticipationMissingError)
        assert left.state is ParticipationState.ENDED
        async with database.system(Role.TRANSITION, as_of=later) as tx:
            in_use = await tx.execute(KEYS_IN_USE, {"at": later})
            assert in_use.scalar_one() == 0

    async def test_runs_what_other_nouns_registered_in_every_way_of_ending(
        self, database, parties, as_of, signed, monkeypatch, owner_connection
    ):
        withdrawn = []

        async def withdraw(tx, member_ids):
            withdrawn.append(list(member_ids))
            assert tx.present_role is Role.TRANSITION
            return [EventDraft(kind=EventKind.MEMBER_CHANGED, subject=Subject.MEMBER, subject_id=member_ids[0])]

        monkeypatch.setattr(parting, "_withdrawals", [])
        assert parting.withdraw_on_parting(withdraw) is withdraw
        parting.withdraw_on_parting(withdraw)
        await narrow(database, parties.provider, as_of, signed, retention_days=30)
        assert withdrawn == []
        await leave(database, parties.provider, as_of)
        await leave(database, parties.provider, as_of)
        assert withdrawn == [[parties.provider.member_id]]
        taken = await take_part(database, parties, as_of)
        await end_for(database, parties, as_of, taken)
        await take_part(database, parties, as_of, ends_at=as_of + DAY)
        async with database.system(Role.TRANSITION, as_of=as_of + DAY) as tx:
            assert await end_due_participations(tx) == 1
        assert withdrawn == [[parties.provider.member_id]] * 3
        told = await owner_connection.fetchval(
            "SELECT count(*) FROM events WHERE kind = 'MEMBER_CHANGED' AND subject_id = $1 AND audience = '{}'",
            parties.provider.member_id,
        )
        assert told == 3


class TestConfirmingDeletion:
    async def test_is_tracked_until_the_provider_says_when(
        self, database, parties, as_of, signatory, signed, owner_connection
    ):
        assert await read_participations(database, parties.officer, as_of, awaits_deletion=True) == []
        left = await leave(database, parties.provider, as_of)
        (waiting,) = await read_participations(database, parties.officer, as_of, awaits_deletion=True)
        assert waiting.id == left.id
        confirmed = await confirm(database, signatory, as_of + DAY, left, as_of + DAY / 2, "Backups follow in May.")
        assert (confirmed.deleted_at, confirmed.deletion_note, confirmed.deletion_confirmed_at) == (
            as_of + DAY / 2, "Backups follow in May.", as_of + DAY,
        )  # fmt: skip
        assert confirmed.deletion_confirmed_by == signatory.officer_id
        assert await read_participations(database, parties.officer, as_of, awaits_deletion=True) == []
        assert len(await read_participations(database, parties.officer, as_of, awaits_deletion=False)) == 1
        *_, event = await read_signing_events(owner_connection, "PARTICIPATION")
        assert event["kind"] == "PARTICIPATION_DELETION_CONFIRMED"
        assert "deletedAt" in json.loads(event["payload"])

    async def test_again_is_harmless_and_otherwise_a_conflict(self, database, parties, as_of, signed):
        left = await leave(database, parties.provider, as_of)
        first = await confirm(database, parties.provider, as_of, left)
        assert await confirm(database, parties.provider, as_of + DAY, left, as_of) == first
        with pytest.raises(DeletionConfirmedError):
            await confirm(database, parties.provider, as_of + DAY, left, as_of, "More.")

    async def test_follows_the_end_and_lies_not_ahead(self, database, parties, as_of, signed):
        with pytest.raises(StateConflictError):
            await confirm(database, parties.provider, as_of, signed)
        left = await leave(database, parties.provider, as_of)
        for wrong in (as_of - timedelta(seconds=1), as_of + DAY):
            with pytest.raises(DeletionTimeError):
                await confirm(database, parties.provider, as_of, left, wrong)

    async def test_is_nobody_elses(self, database, parties, as_of, signed):
        left = await leave(database, parties.provider, as_of)
        for viewer in (parties.officer, parties.regulator, parties.telkomsel, OPERATOR):
            with pytest.raises(ForbiddenError):
                await confirm(database, viewer, as_of, left)
        with pytest.raises(UnknownError):
            await confirm(database, await admit_provider(database, parties, as_of), as_of, left)

    async def test_is_asked_for_once_when_the_courtesy_date_has_come(
        self, database, parties, as_of, signed, owner_connection
    ):
        left = await leave(database, parties.provider, as_of)
        due = left.deletion_expected_by
        assert [await remind(database, at) for at in (due - DAY, due, due + DAY)] == [0, 1, 0]
        *_, event = await read_signing_events(owner_connection, "PARTICIPATION")
        assert (event["kind"], event["audience"], event["officer_id"]) == (
            "PARTICIPATION_DELETION_AWAITED", [parties.provider.member_id], None,
        )  # fmt: skip
        (still,) = await read_participations(database, parties.officer, due, awaits_deletion=True)
        assert still.deletion_reminded_at == due
        assert (await confirm(database, parties.provider, due + 9 * DAY, left)).deletion_confirmed_at is not None

    async def test_is_not_asked_of_what_never_began(self, database, parties, as_of):
        await take_part(database, parties, as_of, starts_at=as_of + DAY)
        assert (await leave(database, parties.provider, as_of)).deletion_expected_by is None


class TestNarrowing:
    async def test_by_the_provider_alone_holds_at_once(self, database, parties, as_of, signed, owner_connection):
        [complaint] = await file_verified(database, parties, as_of, [TELKOMSEL_NUMBER])
        assert complaint
        (signal,) = await read_signals(database, parties.provider, as_of)
        narrower = await narrow(
            database, parties.provider, as_of, signed, disclosure=Disclosure.HASHED, retention_days=30,
            permitted_uses=(PermittedUse.WARN_USERS,), ends_at=as_of + DAY,
        )  # fmt: skip
        assert (narrower.previous_id, narrower.narrowed_by, narrower.agreed_on) == (
            signed.id, Party.PROVIDER, AgreedOn.BOTH_SIGNED,
        )  # fmt: skip
        assert (narrower.proposal_id, narrower.terms_hash) == (signed.proposal_id, signed.terms_hash)
        assert (narrower.disclosure, narrower.retention_days, narrower.permitted_uses, narrower.ends_at) == (
            Disclosure.HASHED, 30, (PermittedUse.WARN_USERS,), as_of + DAY,
        )  # fmt: skip
        async with database.reading(parties.provider, as_of=as_of) as tx:
            assert await load_clear_numbers(tx, [signal.id]) == {}
        *_, ended, begun = await read_signing_events(owner_connection, "PARTICIPATION")
        assert (ended["kind"], ended["state"], begun["kind"], begun["state"]) == (
            "PARTICIPATION_NARROWED", "ENDED", "PARTICIPATION_NARROWED", "IN_FORCE",
        )  # fmt: skip
        assert json.loads(begun["payload"])["party"] == "PROVIDER"

    async def test_by_the_regulators_officer_alone_holds_as_well(self, database, parties, as_of, signed):
        narrower = await narrow(database, parties.officer, as_of, signed, categories=(Category.FRAUD,))
        assert (narrower.categories, narrower.narrowed_by) == ((Category.FRAUD,), Party.REGULATOR)

    @pytest.mark.parametrize(
        "wider",
        [
            {},
            {"categories": tuple(Category)},
            {"permitted_uses": tuple(PermittedUse)},
            {"permitted_uses": ()},
            {"retention_days": 91},
            {"categories": (Category.FRAUD, Category.IMPERSONATION), "disclosure": Disclosure.CLEAR},
        ],
    )
    async def test_widens_nothing(self, database, parties, as_of, signed, wider):
        for viewer in (parties.provider, parties.officer):
            with pytest.raises(NotNarrowerError):
                await narrow(database, viewer, as_of, signed, **wider)

    async def test_widens_nothing_after_it_narrowed(self, database, parties, as_of, signed):
        narrower = await narrow(
            database, parties.provider, as_of, signed, disclosure=Disclosure.HASHED, ends_at=as_of + DAY
        )
        for wider in ({"disclosure": Disclosure.CLEAR}, {"ends_at": as_of + 2 * DAY}):
            with pytest.raises(NotNarrowerError):
                await narrow(database, parties.officer, as_of, narrower, **wider)

    async def test_to_nothing_is_leaving(self, database, parties, as_of, signed):
        with pytest.raises(CategoriesMissingError):
            await narrow(database, parties.provider, as_of, signed, categories=())
        with pytest.raises(ParticipationTermError):
            await narrow(database, parties.provider, as_of, signed, ends_at=as_of)

    async def test_of_terms_ahead_keeps_their_start(self, database, parties, as_of):
        taken = await take_part(database, parties, as_of, starts_at=as_of + DAY)
        narrower = await narrow(database, parties.provider, as_of, taken, categories=(Category.FRAUD,))
        assert (narrower.state, narrower.starts_at, narrower.agreed_on) == (
            ParticipationState.AGREED, as_of + DAY, AgreedOn.PAPER,
        )  # fmt: skip

    async def test_is_not_a_strangers_nor_a_machines_of_the_regulator(self, database, parties, as_of, signed):
        less = {"retention_days": 1}
        with pytest.raises(OfficerRequiredError):
            await narrow(database, parties.regulator, as_of, signed, **less)
        for viewer in (parties.telkomsel, parties.agency, await appoint(database, as_of, parties.telkomsel)):
            with pytest.raises(ForbiddenError):
                await narrow(database, viewer, as_of, signed, **less)
        with pytest.raises(UnknownError):
            await narrow(database, await admit_provider(database, parties, as_of), as_of, signed, **less)

    async def test_of_one_that_ended_is_refused(self, database, parties, as_of, signed):
        left = await leave(database, parties.provider, as_of)
        with pytest.raises(StateConflictError):
            await narrow(database, parties.provider, as_of, left, retention_days=1)
        assert replace(left, state=ParticipationState.ENDED) == left
