"""Taking part: terms in their time, keys that rotate with an overlap, and what starting, changing and leaving do."""

import asyncio
import hashlib
import hmac
from dataclasses import replace
from datetime import timedelta

import pytest

from ledger.errors import ForbiddenError, StateConflictError, UnknownError
from ledger.feed.vocabulary import EventKind
from ledger.identifiers import new_id
from ledger.pages import PageRequest
from ledger.participations.agreements import (
    NotAProviderError,
    begin_due_participations,
    change_participation,
    end_due_participations,
    start_participation,
)
from ledger.participations.keys import KeyRotatedLatelyError, list_signal_keys, rotate_signal_key
from ledger.participations.periods import ParticipationExistsError
from ledger.participations.reading import ParticipationFilter, list_participations
from ledger.participations.states import ParticipationState
from ledger.participations.taking_part import ParticipationMissingError, require_signal_reader
from ledger.participations.terms import CategoriesMissingError, ParticipationTermError, TermsMissingError
from ledger.participations.vocabulary import Disclosure, ParticipationEndReason
from ledger.signals import filling
from ledger.signals.filling import fill_keys, fill_signal_keys
from ledger.signals.reading import load_clear_numbers, load_signal_hashes
from ledger.storage.database import Database
from ledger.storage.rekeying import rotate_keys
from ledger.storage.roles import Role
from ledger.storage.sealing import Keyring
from ledger.viewer import OPERATOR
from ledger.vocabulary import Category
from migrations.metadata import metadata
from tests.support.journeys import INDOSAT_NUMBER, TELKOMSEL_NUMBER, file_verified
from tests.support.signal_journeys import (
    DAY,
    TERMS,
    admit_provider,
    complain,
    leave,
    read_events,
    read_signals,
    revoke,
    take_part,
)

HOUR = timedelta(hours=1)


async def list_mine(database, viewer, as_of, **where):
    async with database.reading(viewer, as_of=as_of) as tx:
        return (await list_participations(tx, PageRequest(), ParticipationFilter(**where))).items


async def read_keys(database, provider, as_of):
    async with database.reading(provider, as_of=as_of) as tx:
        return await list_signal_keys(tx)


async def read_hashes(database, provider, as_of, *signals):
    async with database.reading(provider, as_of=as_of) as tx:
        return await load_signal_hashes(tx, [signal.id for signal in signals])


async def read_numbers(database, provider, as_of):
    signals = await read_signals(database, provider, as_of)
    async with database.reading(provider, as_of=as_of) as tx:
        return sorted((await load_clear_numbers(tx, [signal.id for signal in signals])).values())


async def rotate(database, viewer, as_of, **options):
    async with database.transaction(viewer, as_of=as_of) as tx:
        return await rotate_signal_key(tx, **options, fill=fill_keys)


async def change(database, parties, as_of, participation, **terms):
    async with database.transaction(parties.officer, as_of=as_of) as tx:
        return await change_participation(tx, participation.id, replace(TERMS, **terms), fill=fill_keys)


class TestStarting:
    async def test_records_the_terms_and_holds_from_now(self, database, parties, as_of, owner_connection):
        taken = await take_part(database, parties, as_of, categories=(Category.FRAUD,), transfer_ground="Adequacy")
        assert (taken.state, taken.began_at, taken.categories) == (
            ParticipationState.IN_FORCE, as_of, (Category.FRAUD,),
        )  # fmt: skip
        assert taken.recorded_by == parties.officer.officer_id
        (seen,) = await list_mine(database, parties.provider, as_of)
        assert seen == replace(taken, recorded_by=None, recorded_by_client=None)
        (event,) = await read_events(owner_connection)
        assert (event["kind"], event["audience"]) == ("PARTICIPATION_STARTED", [parties.provider.member_id])

    async def test_may_lie_ahead_and_comes_by_the_job(self, database, parties, as_of, owner_connection):
        taken = await take_part(database, parties, as_of, starts_at=as_of + DAY)
        assert taken.state is ParticipationState.AGREED
        with pytest.raises(ParticipationMissingError):
            await read_signals(database, parties.provider, as_of)
        for later, begun in ((as_of, 0), (as_of + DAY, 1), (as_of + DAY, 0)):
            async with database.system(Role.TRANSITION, as_of=later) as tx:
                assert await begin_due_participations(tx) == begun
        assert await read_signals(database, parties.provider, as_of + DAY) == []
        assert len(await read_keys(database, parties.provider, as_of + DAY)) == 1
        assert [event["state"] for event in await read_events(owner_connection)] == ["AGREED", "IN_FORCE"]

    async def test_of_one_provider_twice_is_refused(self, database, parties, as_of):
        await take_part(database, parties, as_of)
        with pytest.raises(ParticipationExistsError):
            await take_part(database, parties, as_of)

    async def test_twice_at_once_starts_one(self, database, parties, as_of):
        tries = await asyncio.gather(*(take_part(database, parties, as_of) for _ in range(4)), return_exceptions=True)
        assert sum(isinstance(item, ParticipationExistsError) for item in tries) == 3
        assert len(await list_mine(database, parties.officer, as_of)) == 1

    @pytest.mark.parametrize(
        ("terms", "error"),
        [
            ({"categories": ()}, CategoriesMissingError),
            ({"purpose": "  "}, TermsMissingError),
            ({"terms_reference": ""}, TermsMissingError),
            ({"controller_roles": ""}, TermsMissingError),
        ],
    )
    async def test_needs_whole_terms(self, database, parties, as_of, terms, error):
        with pytest.raises(error):
            await take_part(database, parties, as_of, **terms)

    async def test_ends_after_it_starts(self, database, parties, as_of):
        for terms in ({"ends_at": as_of}, {"starts_at": as_of + 2 * DAY, "ends_at": as_of + DAY}):
            with pytest.raises(ParticipationTermError):
                await take_part(database, parties, as_of, **terms)

    async def test_is_for_providers_and_by_an_officer_or_the_operator(self, database, parties, as_of):
        for viewer in (parties.officer, OPERATOR):
            with pytest.raises(NotAProviderError):
                async with database.transaction(viewer, as_of=as_of) as tx:
                    await start_participation(tx, parties.telkomsel.member_id, TERMS, fill=fill_keys)
        for viewer in (parties.regulator, parties.provider, parties.telkomsel, parties.agency):
            with pytest.raises(ForbiddenError):
                async with database.transaction(viewer, as_of=as_of) as tx:
                    await start_participation(tx, parties.provider.member_id, TERMS, fill=fill_keys)
        with pytest.raises(UnknownError):
            async with database.transaction(parties.officer, as_of=as_of) as tx:
                await start_participation(tx, new_id(), TERMS, fill=fill_keys)

    async def test_sends_the_signals_of_now_and_no_other_category(self, database, parties, as_of):
        await file_verified(database, parties, as_of, [TELKOMSEL_NUMBER])
        await complain(database, parties, as_of, INDOSAT_NUMBER, category=Category.EXTORTION)
        await take_part(database, parties, as_of, categories=(Category.FRAUD,))
        (signal,) = await read_signals(database, parties.provider, as_of)
        assert signal.category is Category.FRAUD
        (key,) = await read_keys(database, parties.provider, as_of)
        assert key.filled_at == as_of

    async def test_sends_many_in_batches_by_the_job(self, database, parties, as_of, monkeypatch):
        monkeypatch.setattr(filling, "_FILL_ROWS", 3)
        numbers = [f"+6281200{serial:05d}" for serial in range(10)]
        await file_verified(database, parties, as_of, numbers)
        await take_part(database, parties, as_of)
        assert len(await read_signals(database, parties.provider, as_of)) == 3
        async with database.system(Role.TRANSITION, as_of=as_of) as tx:
            assert await fill_signal_keys(tx) == 7
        assert len(await read_signals(database, parties.provider, as_of)) == 10
        async with database.system(Role.TRANSITION, as_of=as_of) as tx:
            assert await fill_signal_keys(tx) == 0

    async def test_misses_no_signal_that_is_raised_at_the_same_time(self, database, parties, as_of):
        numbers = [f"+6281200{serial:05d}" for serial in range(6)]
        await asyncio.gather(
            *(file_verified(database, parties, as_of, [number]) for number in numbers[:3]),
            take_part(database, parties, as_of),
            *(file_verified(database, parties, as_of, [number]) for number in numbers[3:]),
        )
        assert len(await read_signals(database, parties.provider, as_of)) == 6


class TestChanging:
    async def test_ends_the_terms_of_before_and_begins_others_at_one_moment(
        self, database, parties, as_of, owner_connection
    ):
        before = await take_part(database, parties, as_of)
        after = await change(database, parties, as_of + DAY, before, disclosure=Disclosure.CLEAR)
        new, old = await list_mine(database, parties.provider, as_of)
        assert (old.id, old.state, old.ended_reason) == (
            before.id, ParticipationState.ENDED, ParticipationEndReason.TERMS_CHANGED,
        )  # fmt: skip
        assert (new.id, new.state, new.began_at, old.ended_at) == (
            after.id, ParticipationState.IN_FORCE, as_of + DAY, as_of + DAY,
        )  # fmt: skip
        assert [
            (event["kind"], event["subject_id"], event["state"]) for event in await read_events(owner_connection)
        ] == [
            ("PARTICIPATION_STARTED", before.id, "IN_FORCE"),
            ("PARTICIPATION_CHANGED", before.id, "ENDED"),
            ("PARTICIPATION_CHANGED", after.id, "IN_FORCE"),
        ]
        with pytest.raises(StateConflictError):
            await change(database, parties, as_of + DAY, before)

    async def test_to_clear_sends_numbers_and_to_hashed_hides_them_at_once(self, database, parties, as_of):
        await file_verified(database, parties, as_of, [TELKOMSEL_NUMBER])
        taken = await take_part(database, parties, as_of)
        assert await read_numbers(database, parties.provider, as_of) == []
        taken = await change(database, parties, as_of, taken, disclosure=Disclosure.CLEAR)
        await file_verified(database, parties, as_of, [INDOSAT_NUMBER])
        assert await read_numbers(database, parties.provider, as_of) == [TELKOMSEL_NUMBER, INDOSAT_NUMBER]
        await change(database, parties, as_of, taken)
        assert await read_numbers(database, parties.provider, as_of) == []

    async def test_of_categories_sends_those_that_are_new_and_hides_numbers_of_the_others(
        self, database, parties, as_of
    ):
        await file_verified(database, parties, as_of, [TELKOMSEL_NUMBER])
        await complain(database, parties, as_of, INDOSAT_NUMBER, category=Category.EXTORTION)
        clear = {"disclosure": Disclosure.CLEAR}
        taken = await take_part(database, parties, as_of, categories=(Category.FRAUD,), **clear)
        await change(database, parties, as_of, taken, categories=(Category.EXTORTION,), **clear)
        assert len(await read_signals(database, parties.provider, as_of)) == 2
        assert await read_numbers(database, parties.provider, as_of) == [INDOSAT_NUMBER]


class TestEnding:
    async def test_ends_reading_at_once_and_with_it_the_keys(self, database, parties, as_of, owner_connection):
        await file_verified(database, parties, as_of, [TELKOMSEL_NUMBER])
        taken = await take_part(database, parties, as_of)
        ended = await leave(database, parties, as_of, taken)
        assert (ended.state, ended.ended_reason) == (
            ParticipationState.ENDED, ParticipationEndReason.PROVIDER_LEFT,
        )  # fmt: skip
        for read in (read_signals, read_keys):
            with pytest.raises(ParticipationMissingError):
                await read(database, parties.provider, as_of)
        *_, event = await read_events(owner_connection)
        assert (event["kind"], event["audience"]) == ("PARTICIPATION_ENDED", [parties.provider.member_id])
        with pytest.raises(StateConflictError):
            await leave(database, parties, as_of, taken)

    async def test_comes_by_the_job_at_the_agreed_time(self, database, parties, as_of):
        await take_part(database, parties, as_of, ends_at=as_of + DAY)
        for later, ended in ((as_of, 0), (as_of + DAY, 1), (as_of + DAY, 0)):
            async with database.system(Role.TRANSITION, as_of=later) as tx:
                assert await end_due_participations(tx) == ended
        (over,) = await list_mine(database, parties.provider, as_of, is_in_force=False)
        assert over.ended_reason is ParticipationEndReason.TERM_OVER

    async def test_one_who_comes_back_has_another_key(self, database, parties, as_of):
        await file_verified(database, parties, as_of, [TELKOMSEL_NUMBER])
        taken = await take_part(database, parties, as_of)
        (old,) = await read_keys(database, parties.provider, as_of)
        await leave(database, parties, as_of, taken)
        await take_part(database, parties, as_of + HOUR)
        (new,) = await read_keys(database, parties.provider, as_of + HOUR)
        assert old.key != new.key
        (signal,) = await read_signals(database, parties.provider, as_of + HOUR)
        hashes = await read_hashes(database, parties.provider, as_of + HOUR, signal)
        assert [item.key_id for item in hashes[signal.id]] == [new.id]


class TestKeys:
    async def test_a_hash_is_what_the_provider_computes_itself(self, database, parties, as_of):
        await take_part(database, parties, as_of)
        await file_verified(database, parties, as_of, [TELKOMSEL_NUMBER])
        (key,) = await read_keys(database, parties.provider, as_of)
        own = hmac.new(key.key, b"+6281200000001", hashlib.sha256).hexdigest()
        (signal,) = await read_signals(database, parties.provider, as_of, hashes=(own,))
        (item,) = (await read_hashes(database, parties.provider, as_of, signal))[signal.id]
        assert (item.key_id, item.hash) == (key.id, own)

    async def test_rotating_leaves_the_older_one_for_the_overlap(self, database, parties, as_of):
        await take_part(database, parties, as_of)
        await file_verified(database, parties, as_of, [TELKOMSEL_NUMBER])
        later = as_of + DAY
        rotated = await rotate(database, parties.provider, later)
        assert rotated.previous_retired_at == later + timedelta(days=database.policies.signal_key_overlap_days)
        await file_verified(database, parties, later, [INDOSAT_NUMBER])
        keys = await read_keys(database, parties.provider, later)
        assert [key.id for key in keys] == [rotated.id, rotated.previous_id]
        signals = await read_signals(database, parties.provider, later)
        hashes = await read_hashes(database, parties.provider, later, *signals)
        for signal in signals:
            assert [item.key_id for item in hashes[signal.id]] == [rotated.id, rotated.previous_id]
        after = later + timedelta(days=database.policies.signal_key_overlap_days)
        assert [key.id for key in await read_keys(database, parties.provider, after)] == [rotated.id]
        hashes = await read_hashes(database, parties.provider, after, *signals)
        assert {item.key_id for each in hashes.values() for item in each} == {rotated.id}

    async def test_rotating_again_ends_the_oldest_and_not_within_the_hour(self, database, parties, as_of):
        await take_part(database, parties, as_of)
        with pytest.raises(KeyRotatedLatelyError):
            await rotate(database, parties.provider, as_of + HOUR / 2)
        first = await rotate(database, parties.provider, as_of + HOUR)
        second = await rotate(database, parties.provider, as_of + 2 * HOUR)
        keys = await read_keys(database, parties.provider, as_of + 2 * HOUR)
        assert [key.id for key in keys] == [second.id, first.id]

    async def test_the_regulator_rotates_and_never_reads(self, database, parties, as_of):
        await take_part(database, parties, as_of)
        made = await rotate(database, parties.officer, as_of + DAY, member_id=parties.provider.member_id)
        assert made.member_id == parties.provider.member_id
        for viewer in (parties.officer, parties.telkomsel, parties.agency):
            with pytest.raises(ForbiddenError):
                await read_keys(database, viewer, as_of)

    async def test_nobody_rotates_anothers(self, database, parties, as_of):
        other = await admit_provider(database, parties, as_of)
        await take_part(database, parties, as_of)
        await take_part(database, parties, as_of, other)
        with pytest.raises(UnknownError):
            await rotate(database, other, as_of + DAY, member_id=parties.provider.member_id)
        for viewer in (parties.telkomsel, parties.agency):
            with pytest.raises(ForbiddenError):
                await rotate(database, viewer, as_of + DAY, member_id=parties.provider.member_id)

    async def test_are_sealed_anew_with_everything_else(self, database, parties, as_of, keyring):
        await take_part(database, parties, as_of)
        (before,) = await read_keys(database, parties.provider, as_of)
        fresh = Keyring.from_text(*Keyring.generate_text())
        both = Keyring({**fresh.keys, **keyring.keys}, fresh.current_key_id, keyring.reference_key)
        rotating = Database(database.engine, database.settings, both)
        assert (await rotate_keys(rotating, as_of=as_of, tables=metadata.sorted_tables))["signal_keys.key_sealed"] == 1
        alone = Database(database.engine, database.settings, fresh)
        (after,) = await read_keys(alone, parties.provider, as_of)
        assert after.key == before.key


class TestReaders:
    async def test_are_those_who_take_part_the_carriers_and_the_regulator(self, database, parties, as_of):
        for viewer in (parties.officer, parties.telkomsel):
            async with database.reading(viewer, as_of=as_of) as tx:
                await require_signal_reader(tx)
        for viewer, error in ((parties.provider, ParticipationMissingError), (parties.agency, ForbiddenError)):
            with pytest.raises(error):
                async with database.reading(viewer, as_of=as_of) as tx:
                    await require_signal_reader(tx)

    async def test_a_provider_that_left_gets_no_revocation_any_more(self, database, parties, as_of, owner_connection):
        taken = await take_part(database, parties, as_of)
        await file_verified(database, parties, as_of, [TELKOMSEL_NUMBER])
        await leave(database, parties, as_of, taken)
        (signal,) = await read_signals(database, parties.officer, as_of)
        await revoke(database, parties, as_of, signal)
        (event,) = await read_events(owner_connection, EventKind.SIGNAL_REVOKED)
        assert event["audience"] == [parties.telkomsel.member_id]
