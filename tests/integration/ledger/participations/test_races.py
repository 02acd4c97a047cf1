"""Signatories, officers and systems that act at the same moment: one of them is heard, and nothing is half done."""

import asyncio

import pytest

from ledger.errors import ForbiddenError, StateConflictError
from ledger.members.acting import OfficerDisabledError
from ledger.members.admission import OfficerDraft, add_officer, disable_officer
from ledger.pages import PageRequest
from ledger.participations.leaving import DeletionConfirmedError, confirm_deletion, leave_participation
from ledger.participations.narrowing import Narrowing, narrow_participation
from ledger.participations.reading import ParticipationFilter, list_participations, list_proposals
from ledger.participations.signing import ProposalOpenError, TermsSupersededError
from ledger.participations.states import ParticipationState, ProposalState
from ledger.participations.vocabulary import Party
from ledger.signals.filling import fill_keys
from ledger.storage.roles import Role
from tests.support.signal_journeys import DAY
from tests.support.signing_journeys import (
    KEYS_IN_USE,
    accept,
    appoint,
    countersign,
    offer,
    publish,
    read_signing_events,
    refuse,
    request,
    sign,
    withdraw,
)


@pytest.fixture(autouse=True, params=range(3))
def _rounds() -> None:
    """Chance decides who is first, so each race is run more than once."""


@pytest.fixture
async def signatories(database, parties, as_of):
    """Two officers of the same provider, who may both sign."""
    return [await appoint(database, as_of, parties.provider, name) for name in ("Citra", "Dewi")]


@pytest.fixture
async def terms(database, parties, as_of):
    return await publish(database, parties, as_of)


async def at_once(*tries):
    """What came of each try, and the errors among it."""
    done = await asyncio.gather(*tries, return_exceptions=True)
    return [each for each in done if not isinstance(each, Exception)], [
        each for each in done if isinstance(each, Exception)
    ]


async def leave(database, viewer, as_of, participation_id=None):
    async with database.transaction(viewer, as_of=as_of) as tx:
        return await leave_participation(tx, participation_id)


async def confirm(database, viewer, as_of, participation, note=None):
    async with database.transaction(viewer, as_of=as_of) as tx:
        return await confirm_deletion(tx, participation.id, participation.ended_at, note)


async def narrow(database, viewer, as_of, participation, **narrowing):
    async with database.transaction(viewer, as_of=as_of) as tx:
        return await narrow_participation(tx, participation.id, Narrowing(**narrowing), fill=fill_keys)


async def read_proposals(database, viewer, as_of):
    async with database.reading(viewer, as_of=as_of) as tx:
        return (await list_proposals(tx, PageRequest())).items


async def read_in_force(database, viewer, as_of):
    async with database.reading(viewer, as_of=as_of) as tx:
        return (await list_participations(tx, PageRequest(), ParticipationFilter(is_in_force=True))).items


class TestTwoSignatories:
    async def test_who_accept_at_once_sign_once(self, database, parties, as_of, signatories, terms, owner_connection):
        offered = await offer(database, parties, as_of)
        done, failed = await at_once(*(accept(database, each, as_of, offered) for each in signatories))
        assert [type(each) for each in failed] == [StateConflictError]
        (proposal,) = await read_proposals(database, parties.officer, as_of)
        assert (proposal.state, proposal.accepted_by) == (ProposalState.ACCEPTED, done[0].accepted_by)
        told = await read_signing_events(owner_connection, "PARTICIPATION_PROPOSAL")
        assert [event["officer_id"] for event in told if event["kind"] == "TERMS_ACCEPTED"] == [proposal.accepted_by]

    async def test_who_ask_at_once_leave_one_proposal(self, database, parties, as_of, signatories, terms):
        done, failed = await at_once(*(request(database, each, as_of, terms) for each in signatories))
        assert [type(each) for each in failed] == [ProposalOpenError]
        (proposal,) = await read_proposals(database, parties.officer, as_of)
        assert proposal.id == done[0].id

    async def test_of_whom_one_accepts_and_one_refuses_say_one_thing(
        self, database, parties, as_of, signatories, terms
    ):
        offered = await offer(database, parties, as_of)
        one, other = signatories
        done, failed = await at_once(accept(database, one, as_of, offered), refuse(database, other, as_of, offered))
        # Who refuses what a colleague has just signed would refuse in the regulator's place.
        assert [type(each) for each in failed] in ([StateConflictError], [ForbiddenError])
        (proposal,) = await read_proposals(database, parties.officer, as_of)
        assert proposal.state is done[0].state

    async def test_of_whom_one_withdraws_while_the_regulator_countersigns_leave_one_of_the_two(
        self, database, parties, as_of, signatories, terms
    ):
        requested = await request(database, signatories[0], as_of, terms)
        _, failed = await at_once(
            countersign(database, parties.officer, as_of, requested),
            withdraw(database, signatories[1], as_of, requested),
        )
        assert [type(each) for each in failed] == [StateConflictError]
        (proposal,) = await read_proposals(database, parties.officer, as_of)
        standing = await read_in_force(database, parties.officer, as_of)
        assert len(standing) == (proposal.state is ProposalState.COUNTERSIGNED)

    async def test_sign_no_version_that_was_superseded_at_that_moment(
        self, database, parties, as_of, signatories, terms
    ):
        offered = await offer(database, parties, as_of)
        await at_once(
            accept(database, signatories[0], as_of, offered),
            publish(database, parties, as_of, ("id", "Ketentuan baru.")),
        )
        (proposal,) = await read_proposals(database, parties.officer, as_of)
        # Signed before the new version or not at all; in force under the old one in neither case.
        expected = TermsSupersededError if proposal.state is ProposalState.ACCEPTED else StateConflictError
        with pytest.raises(expected):
            await countersign(database, parties.officer, as_of, offered)


class TestLeavingAtOnce:
    async def test_with_a_countersignature_leaves_nothing_in_force(self, database, parties, as_of, signatories, terms):
        await sign(database, parties, signatories[0], as_of)
        renewed = await offer(database, parties, as_of)
        await accept(database, signatories[0], as_of, renewed)
        _, failed = await at_once(
            countersign(database, parties.officer, as_of, renewed), leave(database, parties.provider, as_of)
        )
        assert [type(each) for each in failed] in ([], [StateConflictError])
        assert await read_in_force(database, parties.officer, as_of) == []
        async with database.system(Role.TRANSITION, as_of=as_of) as tx:
            assert (await tx.execute(KEYS_IN_USE, {"at": as_of})).scalar_one() == 0

    async def test_by_the_officer_and_the_system_is_one_end(
        self, database, parties, as_of, signatories, terms, owner_connection
    ):
        await sign(database, parties, signatories[0], as_of)
        done, failed = await at_once(*(leave(database, each, as_of) for each in (signatories[0], parties.provider)))
        assert (failed, done[0]) == ([], done[1])
        told = await read_signing_events(owner_connection, "PARTICIPATION")
        assert [event["kind"] for event in told].count("PARTICIPATION_ENDED") == 1

    async def test_with_a_narrowing_ends_what_became_of_it(self, database, parties, as_of, signatories, terms):
        signed = await sign(database, parties, signatories[0], as_of)
        _, failed = await at_once(
            narrow(database, parties.officer, as_of, signed, retention_days=1), leave(database, parties.provider, as_of)
        )
        assert [type(each) for each in failed] in ([], [StateConflictError])
        assert await read_in_force(database, parties.officer, as_of) == []

    async def test_confirmations_that_differ_are_one_and_a_conflict(
        self, database, parties, as_of, signatories, terms, owner_connection
    ):
        await sign(database, parties, signatories[0], as_of)
        left = await leave(database, parties.provider, as_of)
        tries = (confirm(database, each, as_of + DAY, left, each.officer_id) for each in signatories)
        done, failed = await at_once(*tries)
        assert [type(each) for each in failed] == [DeletionConfirmedError]
        assert done[0].deletion_note == done[0].deletion_confirmed_by
        told = await read_signing_events(owner_connection, "PARTICIPATION")
        assert [event["kind"] for event in told].count("PARTICIPATION_DELETION_CONFIRMED") == 1


class TestNarrowingAtOnce:
    async def test_by_both_sides_is_one_sides(self, database, parties, as_of, signatories, terms):
        signed = await sign(database, parties, signatories[0], as_of)
        done, failed = await at_once(
            narrow(database, parties.officer, as_of, signed, retention_days=30),
            narrow(database, signatories[0], as_of, signed, retention_days=20),
        )
        assert [type(each) for each in failed] == [StateConflictError]
        (standing,) = await read_in_force(database, parties.officer, as_of)
        assert (standing.state, standing.id) == (ParticipationState.IN_FORCE, done[0].id)
        days = {Party.REGULATOR: 30, Party.PROVIDER: 20}
        assert standing.retention_days == days[done[0].narrowed_by]


async def disable(database, administrator, as_of, officer):
    async with database.transaction(administrator, as_of=as_of) as tx:
        return await disable_officer(tx, officer.officer_id)


class TestDisabledOfficer:
    async def test_signs_nothing_with_a_token_that_is_still_good(self, database, parties, as_of, signatories, terms):
        """As in the seconds before every process has noticed."""
        one, other = signatories
        offered = await offer(database, parties, as_of)
        await disable(database, other, as_of, one)
        for sent in (accept(database, one, as_of, offered), request(database, one, as_of, terms)):
            with pytest.raises(OfficerDisabledError):
                await sent
        await accept(database, other, as_of, offered)
        async with database.transaction(parties.other_officer, as_of=as_of) as tx:
            await disable_officer(tx, parties.officer.officer_id)
        for sent in (countersign(database, parties.officer, as_of, offered), offer(database, parties, as_of)):
            with pytest.raises(OfficerDisabledError):
                await sent
        await countersign(database, parties.other_officer, as_of, offered)

    async def test_looks_after_no_officers_with_a_token_that_is_still_good(
        self, database, parties, as_of, signatories, owner_connection
    ):
        one, other = signatories
        await disable(database, other, as_of, one)
        with pytest.raises(OfficerDisabledError):
            await disable(database, one, as_of, other)
        with pytest.raises(OfficerDisabledError):
            async with database.transaction(one, as_of=as_of) as tx:
                await add_officer(tx, OfficerDraft(office_id=one.office_id, display_name="Eve"))
        assert await owner_connection.fetchval("SELECT count(*) FROM officers WHERE display_name = 'Eve'") == 0

    async def test_and_another_who_disable_each_other_at_once_are_not_both_gone(
        self, database, parties, as_of, signatories, owner_connection
    ):
        one, other = signatories
        _, failed = await at_once(disable(database, one, as_of, other), disable(database, other, as_of, one))
        assert [type(each) for each in failed] == [OfficerDisabledError]
        remaining = "SELECT count(*) FROM officers WHERE member_id = $1 AND disabled_at IS NULL"
        assert await owner_connection.fetchval(remaining, parties.provider.member_id) == 1

    async def test_whose_signature_is_being_written_is_disabled_after_it(
        self, database, parties, as_of, signatories, terms
    ):
        one, other = signatories
        offered = await offer(database, parties, as_of)
        _, failed = await at_once(accept(database, one, as_of, offered), disable(database, other, as_of, one))
        assert [type(each) for each in failed] in ([], [OfficerDisabledError])
        (proposal,) = await read_proposals(database, parties.officer, as_of)
        assert (proposal.state is ProposalState.ACCEPTED) == (failed == [])
