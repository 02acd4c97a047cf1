"""The follower: every entry once, in order, whatever happens to its connection; and the memory of the latest ones."""

import pytest

from ledger.errors import DatabaseUnavailableError
from ledger.feed.cursors import find_ends
from ledger.feed.follower import APPLICATION_NAME, Follower
from ledger.feed.vocabulary import EventKind, Subject
from tests.support.running import running
from tests.support.waiting import until


class Heard:
    """What a subscriber of this process was called with."""

    def __init__(self, follower):
        self.positions = []
        self.entries = []
        self.resets = 0
        self.stop = follower.add_listener(self.note, on_reset=self.reset)

    def note(self, entries):
        self.entries += entries
        self.positions += [entry.position for entry in entries]

    def reset(self):
        self.resets += 1


class TestFollowing:
    async def test_tells_each_new_entry_once_in_order_with_who_may_get_it(self, sequenced, follower, parties, as_of):
        before, heard = follower.head, Heard(follower)
        assert before == await sequenced.head()
        for count in (1, 3, 700, 1):
            await sequenced.append(
                parties.officer, as_of, count, audience=[parties.xlsmart.member_id], brand_id=parties.brands["axis"]
            )
        await until(lambda: follower.head == before + 705, "it has followed")
        assert heard.positions == list(range(before + 1, before + 706))
        entry = heard.entries[0]
        assert (entry.kind, entry.subject, entry.subject_id) == (
            EventKind.ORDER_ISSUED, Subject.BLOCK_ORDER, "subject-0",
        )  # fmt: skip
        assert (entry.audience, entry.brand_id) == ((parties.xlsmart.member_id,), parties.brands["axis"])
        assert (entry.payload, entry.recorded_at) == ({"version": 0}, as_of)
        assert follower.status.is_connected

    async def test_a_listener_that_was_removed_or_fails_disturbs_no_other(self, sequenced, follower, parties, as_of):
        removed, kept, before = Heard(follower), Heard(follower), follower.head

        def fail(_entries):
            raise ZeroDivisionError

        stop = follower.add_listener(fail)
        removed.stop()
        await sequenced.append(parties.officer, as_of, 2)
        await until(lambda: follower.head == before + 2)
        stop()
        assert (removed.positions, kept.positions) == ([], [before + 1, before + 2])

    async def test_goes_on_where_it_was_after_its_session_was_ended(
        self, sequenced, follower, parties, as_of, administrator
    ):
        before, heard = follower.head, Heard(follower)
        for _ in range(4):
            await sequenced.append(parties.officer, as_of, 40)
            assert await administrator.end_sessions(APPLICATION_NAME)
            await sequenced.append(parties.officer, as_of, 40)
            await until(lambda: follower.status.is_connected, "it is back")
        await sequenced.wait()
        await until(lambda: follower.head == before + 320, "it has caught up")
        assert heard.positions == list(range(before + 1, before + 321))
        assert heard.resets == 0

    async def test_without_notices_it_looks_by_itself(self, sequenced, follower_settings, parties, as_of, monkeypatch):
        monkeypatch.setattr("ledger.feed.follower.FEED_CHANNEL", "jembatan_silence")
        follower = Follower(follower_settings, poll_seconds=0.1)
        async with running(follower):
            await follower.wait_ready()
            before, heard = follower.head, Heard(follower)
            await sequenced.append(parties.officer, as_of, 1)
            await until(lambda: follower.head == before + 1)
        assert heard.positions == [before + 1]


class TestMemory:
    async def test_keeps_the_latest_and_says_where_it_ends(self, sequenced, follower_settings, parties, as_of):
        follower = Follower(follower_settings.model_copy(update={"feed_tail_entries": 16}), poll_seconds=0.1)
        async with running(follower):
            await follower.wait_ready()
            before = follower.head
            await sequenced.append(parties.officer, as_of, 100)
            await until(lambda: follower.head == before + 100)
            assert 16 <= follower.head + 1 - follower.oldest <= 20
            assert follower.slice(follower.oldest - 2) is None
            kept = follower.slice(follower.oldest - 1)
            assert [entry.position for entry in kept] == list(range(follower.oldest, follower.head + 1))
            assert follower.slice(follower.head - 3, limit=2) == kept[-3:-1]
            assert follower.slice(follower.head) == []
            assert follower.slice(follower.head + 5) == []

    async def test_begins_with_the_latest_so_that_a_restart_reads_them_once(
        self, sequenced, follower_settings, parties, as_of
    ):
        await sequenced.append(parties.officer, as_of, 50)
        head = await sequenced.wait()
        follower = Follower(follower_settings.model_copy(update={"feed_tail_entries": 20}), poll_seconds=0.1)
        async with running(follower):
            await follower.wait_ready()
            assert (follower.oldest, follower.head) == (head - 19, head)

    async def test_forgets_what_was_read_before_an_erasure(self, sequenced, follower, parties, as_of):
        await sequenced.append(parties.officer, as_of, 5)
        await sequenced.append(parties.officer, as_of, kind=EventKind.ENTRIES_ERASED, subject=Subject.FEED, payload={})
        head = await sequenced.wait()
        await until(lambda: follower.head == head)
        assert follower.oldest == head
        assert follower.slice(head - 2) is None
        assert follower.cursor_at(head - 1) is not None

    async def test_cursors_are_those_of_the_database(self, sequenced, follower, parties, as_of, database):
        await sequenced.append(parties.officer, as_of, 3)
        head = await sequenced.wait()
        await until(lambda: follower.head == head)
        async with database.reading(parties.officer, as_of=as_of) as tx:
            first, last = await find_ends(tx)
        assert (follower.cursor_at(0), follower.cursor_at(head)) == (first, last)
        assert follower.cursor_at(follower.slice(head - 2)[0].position).position == head - 1
        assert follower.cursor_at(head + 1) is None

    def test_refuses_while_the_feed_was_never_reached(self, follower_settings):
        follower = Follower(follower_settings, poll_seconds=0.1)
        for ask in (lambda: follower.head, lambda: follower.feed_id, lambda: follower.slice(0)):
            with pytest.raises(DatabaseUnavailableError):
                ask()


REPLACED = {
    "another feed's id": "UPDATE feed_head SET feed_id = gen_random_uuid()",
    "a shorter feed": "WITH gone AS (DELETE FROM feed WHERE position = (SELECT size FROM feed_head)) "
    "UPDATE feed_head SET size = size - 1",
    "another entry there": "UPDATE feed SET leaf_hash = sha256('x') WHERE position = (SELECT size FROM feed_head)",
}


class TestRestoredDatabase:
    @pytest.mark.parametrize("how", REPLACED)
    async def test_is_noticed_and_told(self, how, sequenced, follower, parties, as_of, owner_connection):
        await sequenced.append(parties.officer, as_of, 2)
        head = await sequenced.wait()
        await until(lambda: follower.head == head)
        heard = Heard(follower)
        await owner_connection.execute(REPLACED[how])
        await until(lambda: heard.resets == 1, "it noticed")
        await follower.wait_ready()
        assert follower.status.resets == 1
        assert heard.positions == []
        row = await owner_connection.fetchrow("SELECT feed_id::text, size FROM feed_head")
        assert (follower.feed_id, follower.head) == (row["feed_id"], row["size"])

    async def test_that_has_grown_past_what_was_read_is_noticed_too(
        self, sequenced, follower, parties, as_of, owner_connection
    ):
        """A notice of new entries must not keep it from seeing that they continue another history."""
        await sequenced.append(parties.officer, as_of, 2)
        head = await sequenced.wait()
        await until(lambda: follower.head == head)
        heard = Heard(follower)
        async with owner_connection.transaction():
            await owner_connection.execute("LOCK TABLE feed IN SHARE ROW EXCLUSIVE MODE")
            await owner_connection.execute(REPLACED["another entry there"])
            await sequenced.append(parties.officer, as_of, 3)
        await sequenced.wait()
        await until(lambda: heard.resets == 1, "it noticed")
        assert heard.positions == []
