"""`jembatan audit witness` beside the real server: what it cosigns, what it keeps, and what it shouts at."""

import json
from pathlib import Path

import asyncpg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger.feed.cosigning import is_cosigned, parse_cosignature, parse_witness_key
from ledger.feed.notes import NoteSigner
from ledger.feed.restorations import announce_restore
from ledger.feed.witnesses import WitnessDraft, register_witness
from ledger.viewer import OPERATOR, Viewer
from tests.support.audited import read_now
from tests.support.commands import clean_environment, run_command
from tests.support.country import Parties
from tests.support.restored import restore_backup
from tests.support.station import Station
from tests.support.waiting import until

NAME = "witness.telkomsel.example"
CHECKPOINT = "{ checkpoint { treeSize note cosignedNote cosignatures { witness time line } } }"


class Post:
    """A carrier's witness on a machine of its own: its files, and how it is run."""

    def __init__(self, station: Station, carrier: Viewer, owner: asyncpg.Connection, folder: Path) -> None:
        self.station = station
        self.carrier = carrier
        self.owner = owner
        self.folder = folder
        self.state = folder / "witness.state"

    async def run(self, *arguments: str, status: int = 0, **environment: str) -> tuple[str, str]:
        files = ("--key-file", str(self.folder / "witness.key"))
        ended, out, err = await run_command(
            "audit", "witness", *files, *arguments, environment=clean_environment(**environment), seconds_max=90
        )
        assert (ended, "Traceback" in err) == (status, False), err
        return out, err

    async def prepare(self) -> str:
        """Make the key and have it registered; its public part."""
        out, _ = await self.run("--generate", NAME)
        async with self.station.database.transaction(OPERATOR, as_of=read_now()) as tx:
            await register_witness(tx, WitnessDraft(key=out.strip(), member_id=self.carrier.member_id))
        await self.settle()
        return out.strip()

    async def look(self, *, status: int = 0, key: str | None = None) -> str:
        """Look once at the log; what it noted."""
        await self.station.token(self.carrier)
        login = ":".join(self.station.clients[f"{self.carrier.member_id}-{self.carrier.brand_id}"])
        logs = key or await self.owner.fetchval("SELECT verifier_key FROM feed_keys")
        asked = ("--url", self.station.url, "--key", logs, "--state-file", str(self.state), "--once")
        _, err = await self.run(*asked, status=status, JEMBATAN_CLIENT=login)
        return err

    async def settle(self) -> int:
        """Wait until everything is signed; the log's size."""

        async def is_signed() -> bool:
            pending = await self.owner.fetchval("SELECT EXISTS (SELECT 1 FROM feed_pending)")
            signed = await self.owner.fetchval("SELECT max(tree_size) FROM feed_checkpoints")
            return not pending and signed == await self.owner.fetchval("SELECT size FROM feed_head")

        await until(is_signed, "everything is signed")
        return await self.owner.fetchval("SELECT size FROM feed_head")

    async def write(self, count: int) -> int:
        await self.station.write(self.carrier, count)
        return await self.settle()

    async def shown(self) -> dict:
        answer = await self.station.graph(await self.station.token(self.station.parties.indosat), CHECKPOINT)
        return answer["data"]["checkpoint"]

    @property
    def evidence(self) -> list[dict]:
        return [json.loads(path.read_text()) for path in sorted(self.folder.glob("witness.state.evidence-*"))]


@pytest.fixture
async def post(station: Station, parties: Parties, owner_connection: asyncpg.Connection, tmp_path: Path) -> Post:
    return Post(station, parties.telkomsel, owner_connection, tmp_path)


class TestWitness:
    async def test_cosigns_each_checkpoint_that_continues_the_last_for_everyone_to_see(self, post: Post) -> None:
        key = parse_witness_key(await post.prepare())
        assert key is not None
        assert (post.folder / "witness.key").stat().st_mode & 0o077 == 0
        for _ in range(2):
            size = await post.write(5)
            assert f"{size} entries" in await post.look()
            shown = await post.shown()
            [told] = shown["cosignatures"]
            cosignature = parse_cosignature(told["line"])
            assert cosignature is not None
            assert (shown["treeSize"], told["witness"]) == (str(size), NAME)
            assert is_cosigned(shown["note"].partition("\n\n")[0] + "\n", cosignature, key)
            assert shown["cosignedNote"] == f"{shown['note']}{told['line']}\n"
            assert json.loads(post.state.read_text())["size"] == size
        assert post.evidence == []

    async def test_killed_after_keeping_and_before_sending_cosigns_when_it_is_back(self, post: Post) -> None:
        await post.prepare()
        await post.look()
        size = await post.write(3)
        shown = await post.shown()
        state = json.loads(post.state.read_text()) | {"size": size, "note": shown["note"]}
        post.state.write_text(json.dumps(state | {"root": shown["note"].split("\n")[2]}))
        await post.look()
        assert len((await post.shown())["cosignatures"]) == 1

    async def test_key_is_never_made_twice(self, post: Post) -> None:
        await post.prepare()
        before = (post.folder / "witness.key").read_text()
        _, err = await post.run("--generate", NAME, status=1)
        assert "FILE_UNWRITABLE" in err
        assert (post.folder / "witness.key").read_text() == before

    async def test_unregistered_key_is_refused(self, post: Post) -> None:
        await post.run("--generate", NAME)
        await post.write(1)
        assert "WITNESS_UNKNOWN" in await post.look(status=1)


class TestAlarm:
    async def test_log_that_was_rolled_back_is_shouted_at_and_never_cosigned(self, post: Post) -> None:
        await post.prepare()
        backup = await post.write(5)
        lost = await post.write(5)
        await post.look()
        await restore_backup(post.owner, backup)
        assert "ROLLED_BACK" in await post.look(status=1)
        [evidence] = post.evidence
        assert evidence["code"] == "ROLLED_BACK"
        assert evidence["kept"].split("\n")[1] == str(lost)
        assert evidence["presented"].split("\n")[1] == str(backup)

    async def test_split_view_is_shouted_at_with_both_notes_as_evidence(self, post: Post) -> None:
        await post.prepare()
        backup = await post.write(5)
        lost = await post.write(5)
        await post.look()
        await restore_backup(post.owner, backup)
        longer = await post.write(30)
        assert "SPLIT_VIEW" in await post.look(status=1)
        assert [note.split("\n")[1] for note in (post.evidence[0]["kept"], post.evidence[0]["presented"])] == [
            str(lost),
            str(longer),
        ]
        assert json.loads(post.state.read_text())["size"] == lost
        assert (await post.shown())["cosignatures"] == []

    async def test_announced_restore_is_named_and_still_stops_it(self, post: Post) -> None:
        await post.prepare()
        backup = await post.write(5)
        lost = await post.write(5)
        await post.look()
        await restore_backup(post.owner, backup)
        async with post.station.database.transaction(OPERATOR, as_of=read_now()) as tx:
            await announce_restore(tx, reason="Disk failure", operator_name="root")
        await post.write(30)
        err = await post.look(status=1)
        assert "RESTORED" in err
        assert f"entries {backup + 1} to {lost} are lost" in " ".join(err.split())
        assert post.evidence[0]["code"] == "RESTORED"

    async def test_checkpoint_of_a_forged_log_key_is_not_cosigned(self, post: Post) -> None:
        await post.prepare()
        await post.write(1)
        logs = await post.owner.fetchval("SELECT verifier_key FROM feed_keys")
        forger = NoteSigner(name=logs.partition("+")[0], private_key=Ed25519PrivateKey.generate())
        assert "CHECKPOINT_WRONG" in await post.look(status=1, key=forger.verifier_key.render())
        assert (await post.shown())["cosignatures"] == []
        assert not post.state.exists()

    async def test_damaged_state_is_not_taken_for_a_beginning(self, post: Post) -> None:
        await post.prepare()
        await post.look()
        post.state.write_text("{}")
        assert "FILE_UNREADABLE" in await post.look(status=1)


class TestFollowing:
    async def test_from_a_lost_cursor_says_that_a_backup_was_restored(self, post: Post) -> None:
        backup = await post.write(5)
        await post.write(5)
        token = await post.station.token(post.carrier)
        answer = await post.station.graph(token, "{ feed(first: 50) { pageInfo { endCursor } } }")
        cursor = answer["data"]["feed"]["pageInfo"]["endCursor"]
        await restore_backup(post.owner, backup)
        async with post.station.database.transaction(OPERATOR, as_of=read_now()) as tx:
            await announce_restore(tx, reason="Disk failure", operator_name="root")
        await post.write(30)
        status, _, err = await run_command(
            *("follow", "feed", "--url", post.station.url, "--after", cursor),
            environment=clean_environment(JEMBATAN_TOKEN=token),
            seconds_max=60,
        )
        assert (status, "LOG_RESTORED" in err) == (1, True), err
        assert f"after entry {backup} was replaced by a restore" in " ".join(err.split())
