"""The sequencer: what was committed gets dense positions, once each, from one process at a time."""

import asyncio
import hashlib
import random
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from ledger.feed.batches import FencedError, sequence_batch, sequence_few
from ledger.feed.direct import FAILURES, DirectSession
from ledger.feed.entries import ENTRY_TEXT, RESERVED_TEXT
from ledger.feed.events import append_events
from ledger.feed.merkle import compute_root
from ledger.feed.sequencer import APPLICATION_NAME, TRY_LOCK, Sequencer
from ledger.storage.roles import Role
from tests.support.running import running
from tests.support.sequenced import Sequenced, event_draft
from tests.support.waiting import until

_ROWS = f"""
SELECT f.*, e.*, e.salt || convert_to({ENTRY_TEXT.format(reserved_hash="f.reserved_hash")}, 'UTF8') AS leaf,
  e.reserved_salt || convert_to({RESERVED_TEXT}, 'UTF8') AS reserved
FROM feed f JOIN events e ON e.id = f.event_id ORDER BY f.position
"""


async def check_feed(owner):
    """Dense, each committed event once, and every hash made of what is shown."""
    rows = await owner.fetch(_ROWS)
    assert [row["position"] for row in rows] == list(range(1, len(rows) + 1))
    committed = await owner.fetch("SELECT id FROM events ORDER BY id")
    assert sorted(row["event_id"] for row in rows) == [event["id"] for event in committed]
    for row in rows:
        assert row["leaf_hash"] == hashlib.sha256(b"\x00" + row["leaf"]).digest()
        assert row["reserved_hash"] == hashlib.sha256(row["reserved"]).digest()
    assert await owner.fetchval("SELECT size FROM feed_head") == len(rows)
    assert await owner.fetchval("SELECT count(*) FROM feed_pending") == 0
    addressed = {(str(row["member_id"]), row["position"]) for row in await owner.fetch("SELECT * FROM feed_recipients")}
    assert addressed == {(str(member), row["position"]) for row in rows for member in row["audience"]}
    return rows


class TestPositions:
    async def test_are_dense_and_keep_the_order_within_a_transaction(self, sequenced, parties, as_of, owner_connection):
        before = await sequenced.head()
        await sequenced.append(parties.officer, as_of, 600, audience=[parties.telkomsel.member_id])
        assert await sequenced.wait(before + 600) == before + 600
        rows = await check_feed(owner_connection)
        assert [row["subject_id"] for row in rows[before:]] == [f"subject-{number}" for number in range(600)]

    async def test_of_few_at_a_time_complete_the_trees_nodes_all_the_same(
        self, sequenced, parties, as_of, owner_connection
    ):
        before = await sequenced.wait()
        head = before + (250 - before) % 256
        if head > before:
            await sequenced.append(parties.officer, as_of, head - before)
            await sequenced.wait(head)
        for place in range(12):
            await sequenced.append(parties.officer, as_of)
            assert await sequenced.wait(head + place + 1) == head + place + 1
        rows = await check_feed(owner_connection)
        nodes = await owner_connection.fetch("SELECT index, hash FROM feed_nodes WHERE level = 8 ORDER BY index")
        leaves = [row["leaf_hash"] for row in rows]
        assert [(node["index"], node["hash"]) for node in nodes] == [
            (index, compute_root(leaves[index * 256 : (index + 1) * 256])) for index in range(len(rows) // 256)
        ]
        assert nodes

    async def test_leave_no_trace_of_what_was_rolled_back(self, sequenced, parties, as_of, owner_connection):
        before = await sequenced.wait()
        with suppress(ZeroDivisionError):
            async with sequenced.database.transaction(parties.officer, as_of=as_of) as tx:
                await append_events(tx, [event_draft(1)])
                raise ZeroDivisionError
        await sequenced.append(parties.officer, as_of, subject_id="kept")
        assert await sequenced.wait(before + 1) == before + 1
        rows = await check_feed(owner_connection)
        assert rows[-1]["subject_id"] == "kept"
        assert rows[-1]["event_id"] > rows[-2]["event_id"] + 1

    async def test_a_late_commit_comes_later_and_is_not_skipped(self, sequenced, parties, as_of, owner_connection):
        before = await sequenced.wait()
        async with sequenced.database.transaction(parties.officer, as_of=as_of) as tx:
            await append_events(tx, [event_draft(subject_id="slow")])
            await sequenced.append(parties.officer, as_of, subject_id="quick")
            assert await sequenced.wait(before + 1) == before + 1
        await sequenced.wait(before + 2)
        slow, quick = sorted(await check_feed(owner_connection), key=lambda row: row["event_id"])[-2:]
        assert (slow["subject_id"], slow["position"]) == ("slow", before + 2)
        assert (quick["subject_id"], quick["position"]) == ("quick", before + 1)

    async def test_a_backlog_is_worked_off_batch_by_batch(
        self, database, parties, as_of, owner_connection, sequencer_settings
    ):
        async with database.transaction(parties.officer, as_of=as_of) as tx:
            await append_events(tx, [event_draft(number) for number in range(1_000)])
        sequencer = Sequencer(
            sequencer_settings.model_copy(update={"sequencer_lease_seconds": 60}), batch_max=37, poll_seconds=5.0
        )
        async with running(sequencer):
            waiting = "SELECT NOT EXISTS (SELECT 1 FROM feed_pending)"
            await until(lambda: owner_connection.fetchval(waiting), "nothing waits")
        rows = await check_feed(owner_connection)
        assert sequencer.status.sequenced == len(rows)

    async def test_complete_nodes_are_the_hashes_of_their_leaves(self, sequenced, parties, as_of, owner_connection):
        for _ in range(5):
            await sequenced.append(parties.officer, as_of, 130)
        await sequenced.wait()
        rows = await check_feed(owner_connection)
        nodes = await owner_connection.fetch("SELECT level, index, hash FROM feed_nodes ORDER BY index")
        assert [(node["level"], node["index"]) for node in nodes] == [(8, i) for i in range(len(rows) // 256)]
        for node in nodes:
            row = [leaf["leaf_hash"] for leaf in rows[node["index"] * 256 : (node["index"] + 1) * 256]]
            while len(row) > 1:
                row = [hashlib.sha256(b"\x01" + row[i] + row[i + 1]).digest() for i in range(0, len(row), 2)]
            assert node["hash"] == row[0]

    async def test_a_brand_is_told_to_its_own_member_alone(self, sequenced, parties, as_of, owner_connection):
        audience = [parties.xlsmart.member_id, parties.agency.member_id]
        await sequenced.append(parties.officer, as_of, audience=audience, brand_id=parties.brands["axis"])
        position = await sequenced.wait()
        told = await owner_connection.fetch("SELECT * FROM feed_recipients WHERE position = $1", position)
        assert {str(row["member_id"]): row["brand_id"] and str(row["brand_id"]) for row in told} == {
            parties.xlsmart.member_id: parties.brands["axis"],
            parties.agency.member_id: None,
        }


ACTS = st.lists(
    st.tuples(st.integers(1, 5), st.sampled_from(["commit", "commit", "commit", "roll back"]), st.integers(0, 6)),
    min_size=1,
    max_size=25,
)


class TestRandomWriters:
    @settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(acts=ACTS, seed=st.integers(0, 2**32))
    async def test_each_committed_event_gets_one_place_and_all_places_are_taken(
        self, sequenced, parties, as_of, owner_connection, acts, seed
    ):
        chance = random.Random(seed)  # noqa: S311 - a test's own
        everyone = [viewer.member_id for viewer in parties.everyone.values() if not viewer.is_regulator]
        drafts = [
            [event_draft(number, audience=chance.sample(everyone, chance.randint(0, 3))) for number in range(count)]
            for count, _, _ in acts
        ]

        async def write(act, drafted):
            _, outcome, turns = act
            async with sequenced.database.transaction(parties.officer, as_of=as_of) as tx:
                await append_events(tx, drafted)
                # Its rows are written and their ids taken: others overtake it meanwhile.
                for _ in range(turns):
                    await tx.execute(text("SELECT pg_sleep(0.002)"))
                if outcome == "roll back":
                    raise ZeroDivisionError

        before = await sequenced.wait()
        outcomes = await asyncio.gather(
            *(write(act, drafted) for act, drafted in zip(acts, drafts, strict=True)), return_exceptions=True
        )
        committed = sum(act[0] for act, outcome in zip(acts, outcomes, strict=True) if outcome is None)
        assert all(outcome is None or isinstance(outcome, ZeroDivisionError) for outcome in outcomes)
        assert await sequenced.wait() == before + committed
        await check_feed(owner_connection)


class TestWaking:
    """With a poll so rare that nothing but a notice, or looking by itself, can be why it works."""

    @pytest.fixture
    async def patient(self, sequencer_settings, database, owner_connection):
        sequencer = Sequencer(sequencer_settings.model_copy(update={"sequencer_lease_seconds": 60}), poll_seconds=10)
        async with running(sequencer):
            yield Sequenced(database, owner_connection, sequencer)

    async def test_a_notice_wakes_it_when_it_listens(self, patient, parties, as_of, owner_connection):
        await until(lambda: is_listening(owner_connection), "it listens")
        for _ in range(3):
            before = await patient.wait()
            await patient.append(parties.officer, as_of)
            await patient.wait(before + 1)

    async def test_it_sees_what_a_writer_that_gave_no_notice_commits_late(
        self, sequencer_settings, database, parties, as_of, owner_connection
    ):
        async with database.transaction(parties.officer, as_of=as_of) as tx:
            await append_events(tx, [event_draft(subject_id="unannounced")])
            sequencer = Sequencer(
                sequencer_settings.model_copy(update={"sequencer_lease_seconds": 60}), poll_seconds=10
            )
            task = asyncio.create_task(sequencer.run())
            patient = Sequenced(database, owner_connection, sequencer)
            before = await patient.wait()
            await patient.append(parties.officer, as_of)
            await patient.wait(before + 1)
            assert not await is_listening(owner_connection)
        await patient.wait(before + 2)
        await until(lambda: is_listening(owner_connection), "it listens once the writer is through")
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    async def test_a_late_commit_is_found_though_a_look_at_the_whole_queue_is_dear(
        self, patient, parties, as_of, owner_connection, monkeypatch
    ):
        await until(lambda: is_listening(owner_connection), "it listens")
        monkeypatch.setattr("ledger.feed.pending_watch.WHOLE_LOOK_REST", 300)
        for number in range(3):
            before = await patient.wait()
            async with patient.database.transaction(parties.officer, as_of=as_of) as tx:
                await append_events(tx, [event_draft(subject_id=f"slow-{number}")])
                for _ in range(5):
                    await patient.append(parties.officer, as_of, subject_id="quick")
                await patient.wait(before + 5)
            await patient.wait(before + 6)
        rows = await check_feed(owner_connection)
        assert [row["subject_id"] for row in rows][-6:] == ["quick"] * 5 + ["slow-2"]

    async def test_many_writers_give_no_notice_and_miss_nothing(self, patient, parties, as_of, owner_connection):
        before = await patient.wait()

        async def write():
            for _ in range(25):
                await patient.append(parties.officer, as_of)

        await asyncio.gather(*(write() for _ in range(6)))
        await patient.wait(before + 150)
        await check_feed(owner_connection)
        await until(lambda: is_listening(owner_connection), "it listens again when all is calm")


@pytest.fixture
def make_sequencer(sequencer_settings):
    return lambda: Sequencer(sequencer_settings, takeover_seconds=0.02)


class TestLeadership:
    async def test_one_leads_and_the_other_goes_on_when_it_is_gone(
        self, sequenced, make_sequencer, administrator, parties, as_of, owner_connection
    ):
        first, second = sequenced.sequencer, make_sequencer()
        async with running(second):
            await sequenced.append(parties.officer, as_of, 3)
            await sequenced.wait()
            assert (first.status.is_leader, second.status.is_leader) == (True, False)
            await until(lambda: candidates(owner_connection, 2), "the second stands by")
            epoch = first.status.epoch
            assert await administrator.end_sessions(APPLICATION_NAME) == 2
            await sequenced.append(parties.officer, as_of, 3)
            await sequenced.wait()
            await until(lambda: first.status.is_leader or second.status.is_leader, "one leads again")
            assert first.status.is_leader is not second.status.is_leader
            assert await owner_connection.fetchval("SELECT epoch FROM feed_head") > epoch
        await check_feed(owner_connection)

    async def test_a_leader_that_stops_leaves_its_place_at_once(
        self, make_sequencer, database, parties, as_of, owner_connection
    ):
        first, second = make_sequencer(), make_sequencer()
        async with running(first):
            await until(lambda: first.status.is_leader)
            task = asyncio.create_task(second.run())
            await until(lambda: candidates(owner_connection, 2), "the second stands by")
            assert not second.status.is_leader
        assert await candidates(owner_connection, 1)
        await until(lambda: second.status.is_leader, "the second leads")
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert not second.status.is_leader

    async def test_a_leader_that_was_replaced_writes_nothing_more(
        self, direct, database, parties, as_of, owner_connection
    ):
        async with database.transaction(parties.officer, as_of=as_of) as tx:
            await append_events(tx, [event_draft(number) for number in range(3)])
        old = await DirectSession.open(direct, Role.SEQUENCER, application_name="frozen")
        before = await sequence_batch(old, epoch=0, batch_max=1)
        await owner_connection.execute("UPDATE feed_head SET epoch = 1")
        waiting = await owner_connection.fetchval("SELECT count(*) FROM feed_pending")
        with pytest.raises(FencedError):
            await sequence_batch(old, epoch=0, batch_max=1)
        await old.close()
        assert await owner_connection.fetchval("SELECT size FROM feed_head") == before.size_after
        assert await owner_connection.fetchval("SELECT count(*) FROM feed_pending") == waiting > 0

    async def test_a_leader_that_was_replaced_writes_not_even_a_few(
        self, direct, database, parties, as_of, owner_connection
    ):
        async with database.transaction(parties.officer, as_of=as_of) as tx:
            await append_events(tx, [event_draft(number) for number in range(3)])
        old = await DirectSession.open(direct, Role.SEQUENCER, application_name="frozen")
        before = await sequence_few(old, epoch=0, size=0, count_max=1)
        waiting = await owner_connection.fetchval("SELECT count(*) FROM feed_pending")
        with pytest.raises(FencedError):
            await sequence_few(old, epoch=0, size=before.size_after + 1, count_max=1)
        await owner_connection.execute("UPDATE feed_head SET epoch = 1")
        with pytest.raises(FencedError):
            await sequence_few(old, epoch=0, size=before.size_after, count_max=1)
        with pytest.raises(ValueError, match="node"):
            await sequence_few(old, epoch=1, size=before.size_after, count_max=256 - before.size_after)
        await old.close()
        assert await owner_connection.fetchval("SELECT size FROM feed_head") == before.size_after == 1
        assert await owner_connection.fetchval("SELECT count(*) FROM feed_pending") == waiting > 0

    async def test_a_replaced_leader_waits_for_its_successor_and_then_writes_nothing(
        self, direct, database, parties, as_of, owner_connection
    ):
        """The worst moment: its batch has begun when the other takes over, and sees the head of before."""
        async with database.transaction(parties.officer, as_of=as_of) as tx:
            await append_events(tx, [event_draft(1)])
        old = await DirectSession.open(direct, Role.SEQUENCER, application_name="frozen")
        async with owner_connection.transaction():
            await owner_connection.execute("UPDATE feed_head SET epoch = epoch + 1")
            late = asyncio.create_task(sequence_batch(old, epoch=0, batch_max=10))
            await until(lambda: waits_for_lock(owner_connection, old.process_id), "it waits for the head")
        with pytest.raises(FencedError):
            await late
        await old.close()
        assert await owner_connection.fetchval("SELECT count(*) FROM feed") == 0

    async def test_the_database_ends_a_leader_that_is_silent_for_its_lease(
        self, make_sequencer, sequencer_settings, database, parties, as_of, owner_connection
    ):
        frozen = await DirectSession.open(sequencer_settings, Role.SEQUENCER, application_name="frozen")
        assert await frozen.fetch_value(TRY_LOCK, "500")
        async with database.transaction(parties.officer, as_of=as_of) as tx:
            await append_events(tx, [event_draft(1)])
        successor = make_sequencer()
        async with running(successor):
            await until(lambda: successor.status.sequenced, "the successor leads")
        with pytest.raises(FAILURES):
            await sequence_batch(frozen, epoch=0, batch_max=10)
        await frozen.close()
        await check_feed(owner_connection)

    async def test_a_batch_that_fails_is_tried_again_and_nothing_is_lost(
        self, sequenced, parties, as_of, owner_connection
    ):
        before = await sequenced.wait()
        await owner_connection.execute("ALTER TABLE feed ADD CONSTRAINT closed CHECK (position < 0) NOT VALID")
        await sequenced.append(parties.officer, as_of, 5)
        takeovers = sequenced.sequencer.status.takeovers
        await until(lambda: sequenced.sequencer.status.takeovers >= takeovers + 2, "it tried again")
        await owner_connection.execute("ALTER TABLE feed DROP CONSTRAINT closed")
        assert await sequenced.wait(before + 5) == before + 5
        await check_feed(owner_connection)


class TestSigning:
    async def test_is_asked_of_the_leader_when_the_feed_grew_and_not_otherwise(
        self, database, parties, as_of, sequencer_settings
    ):
        signed = []

        async def sign(session):
            signed.append(await session.fetch_value("SELECT size FROM feed_head"))
            if len(signed) == 1:
                raise ZeroDivisionError

        sequencer = Sequencer(sequencer_settings, sign=sign)
        async with running(sequencer):
            await until(lambda: len(signed) >= 2, "a failed signature is tried again")
            async with database.transaction(parties.officer, as_of=as_of) as tx:
                await append_events(tx, [event_draft(1)])
            await until(lambda: len(signed) >= 3, "what was added is signed")
        assert signed[0] == signed[1] == signed[2] - 1


class TestStatus:
    async def test_tells_what_waits_and_for_how_long(self, make_sequencer, direct, database, parties, as_of):
        leader = await DirectSession.open(direct, Role.SEQUENCER, application_name="another")
        assert await leader.fetch_value(TRY_LOCK, "60000")
        async with database.transaction(parties.officer, as_of=as_of) as tx:
            await append_events(tx, [event_draft(1)])
        candidate = make_sequencer()
        async with running(candidate):
            await until(lambda: candidate.status.pending, "it has looked")
            assert candidate.status.lag_s > 0
            assert not candidate.status.is_leader
        await leader.close()


async def is_listening(owner):
    return await owner.fetchval(
        "SELECT EXISTS (SELECT 1 FROM pg_locks, hashtextextended('jembatan.sequencer.listening', 0) AS key "
        "WHERE locktype = 'advisory' AND mode = 'ExclusiveLock' AND granted AND objsubid = 1 "
        "AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) "
        "AND (classid::bigint << 32 | objid::bigint) = key)"
    )


async def candidates(owner, count):
    return count == await owner.fetchval(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = $1",
        APPLICATION_NAME,
    )


async def waits_for_lock(owner, process_id):
    return await owner.fetchval("SELECT cardinality(pg_blocking_pids($1)) > 0", process_id)
