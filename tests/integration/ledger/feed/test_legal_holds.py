"""Legal holds: who may place and release them, and what they are on."""

import asyncio

import pytest

from ledger.errors import (
    CursorInvalidError,
    ForbiddenError,
    NumberInvalidError,
    OfficerRequiredError,
    StateConflictError,
    TextTooLongError,
    UnknownError,
)
from ledger.feed.legal_holds import (
    HoldReasonError,
    HoldSubjectError,
    LegalHoldDraft,
    list_legal_holds,
    place_legal_hold,
    release_legal_hold,
)
from ledger.feed.vocabulary import HoldSubject
from ledger.identifiers import new_id
from ledger.pages import PageRequest
from ledger.storage.roles import Role
from tests.support.journeys import TELKOMSEL_NUMBER, file_verified
from tests.support.waiting import until


async def place(database, viewer, as_of, **draft):
    async with database.transaction(viewer, as_of=as_of) as tx:
        return await place_legal_hold(tx, LegalHoldDraft(**({"reason": "Court order 12/2026"} | draft)))


class TestPlaceLegalHold:
    async def test_is_an_officers_alone(self, database, parties, as_of):
        for name, viewer in parties.everyone.items():
            if name == "officer":
                continue
            with pytest.raises(OfficerRequiredError if name == "regulator" else ForbiddenError):
                await place(database, viewer, as_of)

    async def test_takes_a_number_as_written_known_or_not(self, database, parties, as_of):
        hold = await place(database, parties.officer, as_of, subject=HoldSubject.NUMBER, subject_id="0812-0000-0001")
        assert hold.subject_id == TELKOMSEL_NUMBER
        with pytest.raises(NumberInvalidError):
            await place(database, parties.officer, as_of, subject=HoldSubject.NUMBER, subject_id="no number")

    async def test_takes_a_thing_that_there_is(self, database, parties, as_of):
        [complaint] = await file_verified(database, parties, as_of, [TELKOMSEL_NUMBER])
        held = {HoldSubject.COMPLAINT: complaint.id, HoldSubject.MEMBER: parties.telkomsel.member_id}
        for subject, subject_id in held.items():
            assert (await place(database, parties.officer, as_of, subject=subject, subject_id=subject_id)).subject_id
        for subject in HoldSubject:
            for unknown in (new_id(), "x" * 200):
                with pytest.raises((UnknownError, NumberInvalidError)):
                    await place(database, parties.officer, as_of, subject=subject, subject_id=unknown)

    @pytest.mark.parametrize(
        ("draft", "refusal"),
        [
            ({"subject": HoldSubject.NUMBER}, HoldSubjectError),
            ({"subject_id": "x"}, HoldSubjectError),
            ({"reason": "  "}, HoldReasonError),
            ({"reason": "x" * 2_001}, TextTooLongError),
        ],
    )
    async def test_refuses_what_is_half_said(self, database, parties, as_of, draft, refusal):
        with pytest.raises(refusal):
            await place(database, parties.officer, as_of, **draft)

    async def test_tells_the_log_that_and_never_what_or_why(self, database, owner_connection, parties, as_of):
        hold = await place(
            database, parties.officer, as_of, subject=HoldSubject.NUMBER, subject_id=TELKOMSEL_NUMBER, reason="Secret"
        )
        row = await owner_connection.fetchrow("SELECT * FROM events ORDER BY id DESC LIMIT 1")
        assert (row["kind"], row["subject_id"], row["payload"], row["audience"]) == (
            "LEGAL_HOLD_PLACED",
            hold.id,
            "{}",
            [],
        )

    async def test_waits_for_an_erasure_that_is_under_way(self, database, owner_connection, parties, as_of):
        from ledger.feed.legal_holds import LOCK_HOLDS

        async with database.system(Role.RETENTION, as_of=as_of) as tx:
            await tx.execute(LOCK_HOLDS)
            placing = asyncio.create_task(place(database, parties.officer, as_of))

            async def is_waiting():
                return await owner_connection.fetchval(
                    "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted "
                    "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
                )

            await until(is_waiting, "the hold waits")
            assert await owner_connection.fetchval("SELECT count(*) FROM legal_holds") == 0
        assert (await placing).released_at is None


class TestReleaseLegalHold:
    async def test_ends_it_once(self, database, parties, as_of):
        hold = await place(database, parties.officer, as_of)
        async with database.transaction(parties.other_officer, as_of=as_of) as tx:
            released = await release_legal_hold(tx, hold.id)
        assert (released.released_by, released.released_at) == (parties.other_officer.officer_id, as_of)
        with pytest.raises(StateConflictError):
            async with database.transaction(parties.officer, as_of=as_of) as tx:
                await release_legal_hold(tx, hold.id)
        for unknown in (new_id(), "nothing"):
            with pytest.raises(UnknownError):
                async with database.transaction(parties.officer, as_of=as_of) as tx:
                    await release_legal_hold(tx, unknown)

    async def test_is_an_officers_alone(self, database, parties, as_of):
        hold = await place(database, parties.officer, as_of)
        for viewer in (parties.regulator, parties.telkomsel, parties.agency, parties.provider):
            with pytest.raises(ForbiddenError):
                async with database.transaction(viewer, as_of=as_of) as tx:
                    await release_legal_hold(tx, hold.id)


class TestListLegalHolds:
    async def test_goes_by_pages_newest_first(self, database, parties, as_of):
        holds = [await place(database, parties.officer, as_of) for _ in range(3)]
        async with database.transaction(parties.officer, as_of=as_of) as tx:
            await release_legal_hold(tx, holds[1].id)
        async with database.reading(parties.regulator, as_of=as_of) as tx:
            page = await list_legal_holds(tx, PageRequest(first=2))
            rest = await list_legal_holds(tx, PageRequest(first=2, after=page.cursors[-1]))
            active = await list_legal_holds(tx, PageRequest(), is_active=True)
            released = await list_legal_holds(tx, PageRequest(), is_active=False)
            with pytest.raises(CursorInvalidError):
                await list_legal_holds(tx, PageRequest(after="x"))
        found = [*page.items, *rest.items]
        assert [hold.id for hold in found] == [hold.id for hold in reversed(holds)]
        assert page.has_next_page
        assert not rest.has_next_page
        assert {hold.id for hold in active.items} == {holds[0].id, holds[2].id}
        assert [hold.id for hold in released.items] == [holds[1].id]

    async def test_is_the_regulators_alone(self, database, parties, as_of):
        for viewer in (parties.telkomsel, parties.agency, parties.provider):
            with pytest.raises(ForbiddenError):
                async with database.reading(viewer, as_of=as_of) as tx:
                    await list_legal_holds(tx, PageRequest())
