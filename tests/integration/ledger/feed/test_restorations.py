"""A restore from a backup: announced in the log, shown to clients and verifiers, and no excuse for anything else."""

import pytest

from ledger.errors import CursorExpiredError, ForbiddenError
from ledger.feed.cursors import FeedCursor, LogRestoredError, resolve_cursor
from ledger.feed.findings import Tampering
from ledger.feed.restorations import (
    RestorePositionError,
    RestoreReasonError,
    announce_restore,
    list_lost_histories,
)
from ledger.feed.vocabulary import EventKind, Subject
from ledger.identifiers import Position
from ledger.viewer import OPERATOR
from tests.support.audited import find_finding, read_now, verify_now
from tests.support.restored import restore_backup


async def announce(audited, *, viewer=OPERATOR, **named):
    async with audited.database.transaction(viewer, as_of=read_now()) as tx:
        return await announce_restore(tx, **({"reason": "Disk failure", "operator_name": "root"} | named))


@pytest.fixture
async def restored(audited, parties, as_of):
    """A log of which the last entries were lost: the size of the backup, a kept note, and a cursor, both after it."""
    size = await audited.fill(parties.officer, as_of, count=5)
    kept_size = await audited.fill(parties.officer, as_of, count=5)
    note = await audited.note(kept_size)
    row = await audited.owner.fetchrow("SELECT leaf_hash, feed_id FROM feed, feed_head WHERE position = $1", kept_size)
    cursor = FeedCursor.of(str(row["feed_id"]), Position(kept_size), row["leaf_hash"]).render()
    await restore_backup(audited.owner, size)
    return size, kept_size, note, cursor


class TestAnnouncement:
    async def test_explains_a_kept_checkpoint_and_names_what_is_lost(self, audited, parties, as_of, restored):
        size, kept_size, note, _ = restored
        assert (await announce(audited)).restored_to == size
        position = await audited.settle()
        short = await verify_now(audited, kept=[note])
        assert find_finding(short) == (Tampering.RESTORED, size + 1)
        assert (short.finding.last, f"at entry {position}" in short.finding.detail) == (kept_size, True)
        # The same once the new history is longer than the old one.
        await audited.fill(parties.officer, as_of, count=20)
        longer = await verify_now(audited, kept=[note])
        assert (find_finding(longer), longer.finding.last) == ((Tampering.RESTORED, size + 1), kept_size)

    async def test_missing_leaves_a_bare_split_view(self, audited, parties, as_of, restored):
        _, kept_size, note, _ = restored
        assert (await verify_now(audited, kept=[note])).finding.tampering is Tampering.ROLLED_BACK
        await audited.fill(parties.officer, as_of, count=20)
        account = await verify_now(audited, kept=[note])
        assert (account.finding.tampering, account.finding.last) == (Tampering.SPLIT_VIEW, kept_size)

    async def test_excuses_no_tampering_beside_it(self, audited, parties, as_of, restored):
        _, _, note, _ = restored
        await announce(audited)
        last = await audited.fill(parties.officer, as_of, count=20)
        await audited.owner.execute(
            "UPDATE events SET state = 'CLOSED' WHERE id = (SELECT event_id FROM feed WHERE position = $1)", last - 2
        )
        assert find_finding(await verify_now(audited, kept=[note])) == (Tampering.CONTENT, last - 2)

    async def test_explains_nothing_that_it_says_was_kept(self, audited, parties, as_of):
        size = await audited.fill(parties.officer, as_of, count=5)
        note = await audited.note(size)
        await restore_backup(audited.owner, size - 3)
        await audited.fill(parties.officer, as_of, count=5)
        # Announced for a position after the kept checkpoint: up to there nothing was lost, it claims.
        await announce(audited, restored_to=size + 1)
        await audited.settle()
        assert (await verify_now(audited, kept=[note])).finding.tampering is Tampering.SPLIT_VIEW

    async def test_for_a_position_beyond_the_log_is_refused(self, audited):
        size = await audited.settle()
        for position in (size + 1, -1):
            with pytest.raises(RestorePositionError):
                await announce(audited, restored_to=position)
        with pytest.raises(RestoreReasonError):
            await announce(audited, reason=" ")

    async def test_by_anyone_but_the_operator_is_refused_and_explains_nothing(self, audited, parties, as_of, restored):
        size, _, note, _ = restored
        for viewer in (parties.officer, parties.telkomsel):
            with pytest.raises(ForbiddenError):
                await announce(audited, viewer=viewer)
        forged = {"kind": EventKind.LOG_RESTORED, "subject": Subject.FEED, "payload": {"restoredTo": size}}
        await audited.fill(parties.officer, as_of, count=20, **forged)
        assert (await verify_now(audited, kept=[note])).finding.tampering is Tampering.SPLIT_VIEW


class TestCursor:
    async def test_of_a_lost_entry_says_where_to_read_on(self, audited, parties, as_of, restored):
        size, _, _, cursor = restored
        await announce(audited)
        position = await audited.fill(parties.officer, as_of, count=20) - 20
        async with audited.database.reading(parties.telkomsel, as_of=as_of) as tx:
            with pytest.raises(LogRestoredError) as refused:
                await resolve_cursor(tx, cursor)
            told = refused.value.details
            assert (told["restoredTo"], told["announcedIn"]) == (str(size), str(position))
            assert f"announced at entry {position}" in refused.value.message
            assert (await resolve_cursor(tx, told["restoredCursor"])).position == size
            [lost] = await list_lost_histories(tx)
        assert (lost.restored_to, lost.announced_in) == (size, position)

    async def test_without_an_announcement_has_expired(self, audited, parties, as_of, restored):
        async with audited.database.reading(parties.telkomsel, as_of=as_of) as tx:
            with pytest.raises(CursorExpiredError) as refused:
                await resolve_cursor(tx, restored[3])
        assert refused.value.code == "CURSOR_EXPIRED"

    async def test_of_an_entry_in_the_backup_is_good(self, audited, parties, as_of, restored):
        size = restored[0]
        await announce(audited)
        row = await audited.owner.fetchrow("SELECT leaf_hash, feed_id FROM feed, feed_head WHERE position = $1", size)
        cursor = FeedCursor.of(str(row["feed_id"]), Position(size), row["leaf_hash"]).render()
        async with audited.database.reading(parties.telkomsel, as_of=as_of) as tx:
            assert (await resolve_cursor(tx, cursor)).position == size

    async def test_reason_and_operator_are_the_regulators(self, audited, parties, as_of):
        await announce(audited)
        for viewer, is_shown in ((parties.regulator, True), (parties.telkomsel, False)):
            async with audited.database.reading(viewer, as_of=as_of) as tx:
                found = await tx.connection.exec_driver_sql(
                    "SELECT has_column_privilege('log_restorations', 'reason', 'SELECT'), "
                    "has_column_privilege('log_restorations', 'operator_name', 'SELECT')"
                )
                assert tuple(found.one()) == (is_shown, is_shown)
