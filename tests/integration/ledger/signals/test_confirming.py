"""Revocations and their recipients: who was told, who confirmed, and who has yet to."""

import asyncio
from dataclasses import replace

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from ledger.complaints.decisions import ComplaintDecision, Decision, decide_complaints
from ledger.complaints.vocabulary import RejectionReason
from ledger.errors import ForbiddenError, NoItemsError, TooManyItemsError
from ledger.feed.vocabulary import EventKind
from ledger.signals.reading import load_signals
from ledger.signals.vocabulary import SignalBasis, SignalRevokedReason
from ledger.viewer import OPERATOR
from ledger.vocabulary import Category
from tests.support.journeys import INDOSAT_NUMBER, TELKOMSEL_NUMBER
from tests.support.signal_journeys import (
    DAY,
    admit_provider,
    complain,
    confirm,
    leave,
    read_events,
    read_notices,
    read_signals,
    reopen,
    revoke,
    take_part,
)

NUMBER = TELKOMSEL_NUMBER
UNKNOWN = "01900000-0000-7000-8000-000000000000"


@pytest.fixture
async def other(database, parties, as_of):
    """Another provider that takes part, for extortion alone."""
    provider = await admit_provider(database, parties, as_of)
    await take_part(database, parties, as_of, provider, categories=(Category.EXTORTION,))
    return provider


@pytest.fixture
async def revoked(database, parties, as_of, other):
    """A signal that only parties.provider was sent, and that an officer revoked a day later."""
    await take_part(database, parties, as_of)
    await complain(database, parties, as_of, NUMBER)
    (signal,) = await read_signals(database, parties.provider, as_of)
    await revoke(database, parties, as_of + DAY, signal)
    return signal


class TestNotices:
    async def test_go_to_everybody_that_was_sent_the_signal_and_to_nobody_else(
        self, database, parties, as_of, revoked, other
    ):
        (mine,) = await read_notices(database, parties.provider, as_of)
        assert (mine.signal_id, mine.member_id, mine.reason, mine.revoked_at, mine.confirmed_at) == (
            revoked.id, parties.provider.member_id, SignalRevokedReason.FALSE_POSITIVE, as_of + DAY, None,
        )  # fmt: skip
        assert await read_notices(database, other, as_of) == []
        assert await read_notices(database, parties.officer, as_of) == [mine]
        (signal,) = await read_signals(database, parties.provider, as_of)
        assert signal.basis is SignalBasis.NOTHING

    async def test_are_written_when_complaints_fall_away(self, database, parties, as_of):
        await take_part(database, parties, as_of)
        complaints = await complain(database, parties, as_of, NUMBER)
        await reopen(database, parties, as_of, *complaints)
        async with database.transaction(parties.officer, as_of=as_of) as tx:
            rejection = {"decision": Decision.REJECT, "reason": RejectionReason.NOT_MISUSE, "note": "No."}
            await decide_complaints(tx, [ComplaintDecision(complaint_id=complaints[0].id, **rejection)])
        (notice,) = await read_notices(database, parties.provider, as_of)
        assert notice.reason is SignalRevokedReason.COMPLAINTS_REJECTED

    async def test_are_not_sent_to_who_left_before(self, database, parties, as_of):
        taken = await take_part(database, parties, as_of)
        await complain(database, parties, as_of, NUMBER)
        (signal,) = await read_signals(database, parties.provider, as_of)
        await leave(database, parties, as_of, taken)
        await revoke(database, parties, as_of, signal)
        assert await read_notices(database, parties.officer, as_of) == []

    async def test_tell_the_regulator_who_has_not_confirmed_since_when(self, database, parties, as_of, revoked, other):
        await complain(database, parties, as_of, INDOSAT_NUMBER, category=Category.EXTORTION)
        (both,) = await read_signals(database, other, as_of)
        await revoke(database, parties, as_of + 2 * DAY, both)
        await confirm(database, parties.provider, as_of + 3 * DAY, revoked.id)
        waiting = await read_notices(database, parties.officer, as_of, is_confirmed=False)
        assert [(each.signal_id, each.revoked_at) for each in waiting] == [(both.id, as_of + 2 * DAY)] * 2
        assert {each.member_id for each in waiting} == {parties.provider.member_id, other.member_id}
        of_other = await read_notices(database, parties.officer, as_of, is_confirmed=False, member_id=other.member_id)
        assert [each.signal_id for each in of_other] == [both.id]
        (done,) = await read_notices(database, parties.officer, as_of, is_confirmed=True)
        assert (done.signal_id, done.confirmed_at) == (revoked.id, as_of + 3 * DAY)
        assert (done.confirmed_by, done.confirmed_by_client) == (None, parties.provider.client_id)
        pending = await read_notices(database, parties.provider, as_of, is_confirmed=False)
        assert [each.signal_id for each in pending] == [both.id]
        assert {each.confirmed_by_client for each in await read_notices(database, parties.provider, as_of)} == {None}


class TestConfirming:
    async def test_is_recorded_once(self, database, parties, as_of, revoked, owner_connection):
        (first,) = await confirm(database, parties.provider, as_of + 2 * DAY, revoked.id)
        again = await confirm(database, parties.provider, as_of + 3 * DAY, revoked.id, revoked.id)
        assert first.confirmed_at == as_of + 2 * DAY
        assert again == [first, first]
        (event,) = await read_events(owner_connection, EventKind.SIGNAL_REVOCATION_CONFIRMED)
        assert (event["subject_id"], event["audience"]) == (revoked.id, [parties.provider.member_id])
        assert event["actor_member_id"] == parties.provider.member_id

    async def test_answers_item_by_item(self, database, parties, as_of, revoked):
        confirmed, *refused = await confirm(database, parties.provider, as_of, revoked.id, UNKNOWN, "nonsense")
        assert confirmed.confirmed_at == as_of
        assert [(each.code, each.field) for each in refused] == [("NOT_FOUND", "signalIds")] * 2

    async def test_at_once_by_many_is_one_confirmation(self, database, parties, as_of, revoked, owner_connection):
        results = await asyncio.gather(*(confirm(database, parties.provider, as_of, revoked.id) for _ in range(6)))
        assert len({each.confirmed_at for (each,) in results}) == 1
        assert len(await read_events(owner_connection, EventKind.SIGNAL_REVOCATION_CONFIRMED)) == 1

    async def test_is_possible_after_leaving_and_shows_nothing_of_the_signal(self, database, parties, as_of, revoked):
        async with database.reading(parties.officer, as_of=as_of) as tx:
            rows = await tx.execute(
                text("SELECT id FROM participations WHERE ended_at IS NULL AND member_id = CAST(:id AS uuid)"),
                {"id": parties.provider.member_id},
            )
            (taken,) = rows.all()
        await leave(database, parties, as_of, taken)
        (confirmed,) = await confirm(database, parties.provider, as_of, revoked.id)
        assert confirmed.confirmed_at == as_of
        async with database.reading(parties.provider, as_of=as_of) as tx:
            assert await load_signals(tx, [revoked.id]) == {}

    async def test_takes_no_empty_and_no_endless_batch(self, database, parties, as_of):
        with pytest.raises(NoItemsError):
            await confirm(database, parties.provider, as_of)
        with pytest.raises(TooManyItemsError):
            await confirm(database, parties.provider, as_of, *[UNKNOWN] * 1_001)


class TestAttacks:
    async def test_a_provider_confirms_what_it_never_received(self, database, parties, as_of, revoked, other):
        (refused,) = await confirm(database, other, as_of, revoked.id)
        (unknown,) = await confirm(database, other, as_of, UNKNOWN)
        assert refused == unknown
        (notice,) = await read_notices(database, parties.officer, as_of)
        assert notice.confirmed_at is None

    async def test_a_provider_confirms_what_is_not_revoked(self, database, parties, as_of):
        await take_part(database, parties, as_of)
        await complain(database, parties, as_of, NUMBER)
        (signal,) = await read_signals(database, parties.provider, as_of)
        (refused,) = await confirm(database, parties.provider, as_of, signal.id)
        assert refused.code == "NOT_FOUND"
        await revoke(database, parties, as_of, signal)
        (notice,) = await read_notices(database, parties.provider, as_of)
        assert notice.confirmed_at is None

    async def test_somebody_else_confirms_for_it(self, database, parties, as_of, revoked):
        for viewer in (parties.officer, parties.regulator, OPERATOR, parties.telkomsel, parties.agency):
            with pytest.raises(ForbiddenError):
                await confirm(database, viewer, as_of, revoked.id)

    async def test_a_carrier_or_an_agency_reads_notices(self, database, parties, as_of, revoked):
        narrowed = replace(parties.xlsmart, brand_id=parties.brands["xl"])
        for viewer in (parties.telkomsel, narrowed, parties.agency):
            with pytest.raises(ForbiddenError):
                await read_notices(database, viewer, as_of)
            with pytest.raises(DBAPIError, match="permission denied"):
                async with database.reading(viewer, as_of=as_of) as tx:
                    await tx.execute(text("SELECT 1 FROM signal_revocation_notices"))

    async def test_a_provider_writes_its_notice_itself(self, database, parties, as_of, revoked):
        for act in (
            "UPDATE signal_revocation_notices SET confirmed_at = now()",
            "DELETE FROM signal_revocation_notices",
            "INSERT INTO signal_revocation_notices (id) VALUES (gen_random_uuid())",
        ):
            with pytest.raises(DBAPIError, match="permission denied"):
                async with database.transaction(parties.provider, as_of=as_of) as tx:
                    await tx.execute(text(act))
