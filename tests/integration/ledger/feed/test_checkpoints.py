"""Checkpoints: signed by the one that leads, of a history that only grows, by keys that can be replaced."""

import asyncpg
import pytest

from ledger.feed.checkpoints import (
    HistoryChangedError,
    KeyOverlapError,
    NotLeadingError,
    add_checkpoint_key,
    find_checkpoint,
    list_checkpoints,
    list_verifier_keys,
    retire_older_checkpoint_keys,
    sign_checkpoint,
)
from ledger.feed.direct import DirectSession
from ledger.feed.merkle import compute_root as hash_whole
from ledger.feed.proofs import compute_root
from ledger.storage.database import Database
from ledger.storage.rekeying import rotate_keys
from ledger.storage.roles import Role
from ledger.storage.sealing import Keyring
from migrations.metadata import metadata
from tests.support.audited import ORIGIN, read_now
from tests.support.sequenced import event_draft
from tests.support.waiting import until


@pytest.fixture
async def session(direct):
    session = await DirectSession.open(direct, Role.SEQUENCER, application_name="signer of a test")
    yield session
    await session.close()


class TestCheckpoints:
    async def test_say_size_and_root_of_the_feed_and_are_signed(self, audited, parties, as_of):
        size = await audited.fill(parties.officer, as_of, count=300)
        leaves = [row["leaf_hash"] for row in await audited.owner.fetch("SELECT leaf_hash FROM feed ORDER BY position")]
        for viewer in (parties.officer, parties.telkomsel, parties.agency, parties.provider):
            async with audited.database.reading(viewer, as_of=as_of) as tx:
                latest = await find_checkpoint(tx)
                keys = await list_verifier_keys(tx)
                root = await compute_root(tx, size)
            assert (latest.tree_size, latest.root_hash) == (size, root) == (size, hash_whole(leaves))
            signed = await audited.verify(latest.note, keys=[key.verifier_key for key in keys])
            assert signed
            assert (signed.checkpoint.size, signed.checkpoint.root) == (size, root)

    async def test_are_kept_one_by_one(self, audited, parties, as_of):
        sizes = [await audited.fill(parties.officer, as_of, count=3) for _ in range(3)]
        async with audited.database.reading(parties.agency, as_of=as_of) as tx:
            found = await list_checkpoints(tx, after=sizes[0], until=sizes[2], limit=10)
            assert [checkpoint.tree_size for checkpoint in found][-1] == sizes[2]
            assert {sizes[1]} <= {checkpoint.tree_size for checkpoint in found}
            assert (await find_checkpoint(tx, sizes[1])).tree_size == sizes[1]
            assert await find_checkpoint(tx, 10**9) is None

    async def test_are_not_signed_again_while_nothing_is_added(
        self, database, owner_connection, session, keyring, parties, as_of
    ):
        assert await sign_checkpoint(session, origin=ORIGIN, keyring=keyring, as_of=as_of) is None
        assert await owner_connection.fetchval("SELECT count(*) FROM feed_keys") == 0

    async def test_key_is_sealed_and_members_read_its_public_half_alone(self, audited, parties, as_of):
        sealed = await audited.owner.fetchval("SELECT private_sealed FROM feed_keys")
        assert len(sealed) > 32
        with pytest.raises(Exception, match="permission denied"):
            async with audited.database.reading(parties.officer, as_of=as_of) as tx:
                await tx.connection.exec_driver_sql("SELECT private_sealed FROM feed_keys")


class TestSigner:
    async def test_fenced_sequencer_signs_nothing(self, audited, session, keyring, parties, as_of):
        await audited.fill(parties.officer, as_of)
        before = await audited.owner.fetchval("SELECT count(*) FROM feed_checkpoints")
        with pytest.raises(NotLeadingError):
            await sign_checkpoint(session, origin=ORIGIN, keyring=keyring, as_of=as_of)
        assert await audited.owner.fetchval("SELECT count(*) FROM feed_checkpoints") == before

    async def test_changed_leaf_is_never_signed_over(self, audited, parties, as_of):
        size = await audited.fill(parties.officer, as_of, count=5)
        await audited.owner.execute("UPDATE feed SET leaf_hash = sha256('forged') WHERE position = $1", size - 2)
        await audited.append(parties.officer, as_of, payload={})
        await audited.wait()
        status = audited.sequencer.status
        done = status.sequenced
        await audited.append(parties.officer, as_of, payload={})
        await until(lambda: status.sequenced > done, "the feed goes on without a signature")
        assert await audited.owner.fetchval("SELECT max(tree_size) FROM feed_checkpoints") == size

    @pytest.mark.parametrize(
        "damage",
        [
            "UPDATE feed_nodes SET hash = sha256('forged')",
            "DELETE FROM feed_nodes",
            "UPDATE feed_checkpoints SET root_hash = sha256('forged')",
            "UPDATE feed_checkpoints SET note = replace(note, 'graph', 'grape') || 'x'",
            "UPDATE feed_checkpoints SET tree_size = tree_size + 100000",
            "UPDATE feed_head SET size = size - 1",
        ],
    )
    async def test_refuses_a_history_that_is_not_the_signed_one(
        self, database, owner_connection, direct, session, keyring, parties, as_of, damage
    ):
        from ledger.feed.batches import sequence_batch
        from ledger.feed.events import append_events

        await session.execute("UPDATE feed_head SET epoch = 1")

        async def grow(count):
            async with database.transaction(parties.officer, as_of=as_of) as tx:
                await append_events(tx, [event_draft(number, payload={}) for number in range(count)])
            await sequence_batch(session, epoch=1, batch_max=10_000)

        await grow(600)
        first = await sign_checkpoint(session, origin=ORIGIN, keyring=keyring, as_of=as_of)
        await owner_connection.execute(damage)
        if "feed_head" not in damage:
            await grow(5)
        refused = "note" in damage and "grape" in damage
        if refused:
            # The origin of a note may change by setting; its size and root may not.
            assert await sign_checkpoint(session, origin=ORIGIN, keyring=keyring, as_of=as_of)
            return
        with pytest.raises(HistoryChangedError):
            await sign_checkpoint(session, origin=ORIGIN, keyring=keyring, as_of=as_of)
        assert await owner_connection.fetchval("SELECT count(*) FROM feed_checkpoints") == 1
        assert first is not None

    async def test_second_root_for_a_size_is_refused_by_the_database(self, audited, session):
        with pytest.raises(asyncpg.UniqueViolationError):
            await session.execute(
                "INSERT INTO feed_checkpoints (tree_size, root_hash, note, signed_at) "
                "SELECT tree_size, sha256('forged'), note, signed_at FROM feed_checkpoints LIMIT 1"
            )
        for statement in ("UPDATE feed_checkpoints SET note = ''", "DELETE FROM feed_checkpoints"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await session.execute(statement)


class TestKeys:
    async def test_key_of_another_origin_signs_nothing_here(self, audited, parties, as_of):
        async with audited.database.system(Role.SEQUENCER, as_of=read_now()) as tx:
            foreign = await add_checkpoint_key(tx, origin="other.example.id/feed")
        await audited.settle()
        note = await audited.note()
        assert not await audited.verify(note, keys=[foreign])
        assert "other.example.id" not in note

    async def test_older_and_newer_both_sign_until_the_older_is_retired(self, audited, parties, as_of):
        [older] = await audited.keys()
        async with audited.database.system(Role.SEQUENCER, as_of=read_now()) as tx:
            newer = await add_checkpoint_key(tx, origin=ORIGIN)
        await audited.settle()
        note = await audited.note()
        assert await audited.verify(note, keys=[older])
        assert await audited.verify(note, keys=[newer])
        with pytest.raises(KeyOverlapError):
            async with audited.database.system(Role.SEQUENCER, as_of=read_now()) as tx:
                await add_checkpoint_key(tx, origin=ORIGIN)
        async with audited.database.system(Role.SEQUENCER, as_of=read_now()) as tx:
            [retired] = await retire_older_checkpoint_keys(tx, origin=ORIGIN)
        assert retired in older
        await audited.settle()
        note = await audited.note()
        assert not await audited.verify(note, keys=[older])
        assert await audited.verify(note, keys=[newer])
        async with audited.database.reading(parties.agency, as_of=as_of) as tx:
            assert [key.retired_at is None for key in await list_verifier_keys(tx)] == [False, True]

    async def test_keys_are_sealed_anew_with_everything_else(self, audited, keyring, parties, as_of):
        fresh, _ = Keyring.generate_text()
        name, _, secret = fresh.partition(":")
        import base64

        both = Keyring({name: base64.b64decode(secret), **keyring.keys}, name, keyring.reference_key)
        other = Database.connect(audited.database.settings, both)
        sealed_anew = await rotate_keys(other, as_of=as_of, tables=metadata.sorted_tables)
        assert sealed_anew["feed_keys.private_sealed"] == 1
        await other.close()
