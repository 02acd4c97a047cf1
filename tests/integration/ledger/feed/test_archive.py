"""Archiving by the command, on a live feed: nothing is dropped that isn't in a verified file; killed, it goes on."""

import asyncio
import gzip
import json
import os
import sys
from datetime import UTC, datetime, timedelta

import pytest

from ledger.access_records.recording import ShownBy, record_accesses
from ledger.access_records.sealing import seal_access_records
from ledger.accesses import Accesses, AccessKind
from ledger.errors import CursorExpiredError
from ledger.feed.archive import EntriesHeldError, NotSignedError, drop_entries, find_last_before
from ledger.feed.cursors import FeedCursor, resolve_cursor
from ledger.feed.legal_holds import LegalHoldDraft, place_legal_hold, release_legal_hold
from ledger.feed.merkle import verify_inclusion
from ledger.feed.proofs import compute_root, prove_consistency, prove_inclusion
from ledger.feed.vocabulary import EventKind, HoldSubject, Subject
from ledger.identifiers import Position
from ledger.storage.roles import Role
from tests.support.audited import ORIGIN, read_now, verify_now
from tests.support.cluster import ROLE_PREFIX
from tests.support.commands import run_command
from tests.support.operator import render_keys
from tests.support.places import ROOT
from tests.support.restored import restore_backup

SNIPPET = ROOT / "docs" / "audit.md"


@pytest.fixture
def command(database_url, keyring, tmp_path):
    """Runs `jembatan audit ...` as a process: its status, what it said, and what it noted."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("JEMBATAN_")}
    environment |= {
        "JEMBATAN_DATABASE_URL": database_url,
        "JEMBATAN_ROLE_PREFIX": ROLE_PREFIX,
        "JEMBATAN_CHECKPOINT_ORIGIN": ORIGIN,
    } | render_keys(keyring)

    async def run(*arguments, status=0, **more):
        ended, out, err = await run_command(
            "audit", *map(str, arguments), environment=environment | more, seconds_max=90
        )
        assert ended == status, (out, err)
        assert "Traceback" not in err
        return out, err

    return run


async def list_content(audited):
    rows = await audited.owner.fetch("SELECT position FROM feed f JOIN events e ON e.id = f.event_id ORDER BY position")
    return [row["position"] for row in rows]


async def oldest(audited):
    return await audited.owner.fetchval("SELECT oldest_position FROM feed_head")


class TestArchive:
    async def test_drops_what_stands_in_a_verified_file_and_keeps_every_proof(
        self,
        audited,
        command,
        parties,
        as_of,
        tmp_path,
    ):
        size = await audited.fill(parties.officer, as_of, count=300, audience=[parties.telkomsel.member_id])
        async with audited.database.reading(parties.telkomsel, as_of=as_of) as tx:
            root = await compute_root(tx, size)
            feed_id = str(await audited.owner.fetchval("SELECT feed_id FROM feed_head"))
            proof = await prove_inclusion(tx, 100, size)
            cursor = FeedCursor.of(feed_id, Position(100), proof.leaf_hash).render()
            assert (await resolve_cursor(tx, cursor)).position == 100
        out = tmp_path / "old.jsonl.gz"
        told, _ = await command("archive", "--until", 200, "--out", out, "--json")
        assert json.loads(told)["dropped"] == 200
        assert await oldest(audited) == 201
        assert (await list_content(audited))[0] == 201
        assert await audited.owner.fetchval("SELECT count(*) FROM feed_recipients WHERE position <= 200") == 0
        assert out.read_bytes()[:2] == b"\x1f\x8b"
        told, err = await command("verify", out, "--key", (await audited.keys())[0], "--json", status=3)
        assert json.loads(told)["result"] == "CUT"
        await command("verify", out, "--key", (await audited.keys())[0], "--part")
        await audited.settle()
        account = await verify_now(audited)
        assert (account.finding, account.archived) == (None, 200)
        async with audited.database.reading(parties.telkomsel, as_of=as_of) as tx:
            assert await compute_root(tx, size) == root
            proof = await prove_inclusion(tx, 100, size)
            await prove_consistency(tx, 100, size)
            with pytest.raises(CursorExpiredError) as expired:
                await resolve_cursor(tx, cursor)
        assert expired.value.details["oldestPosition"] == "201"
        assert verify_inclusion(leaf_hash=proof.leaf_hash, index=99, size=size, proof=proof.hashes, root=root)
        told, err = await command("archive", "--until", 200, "--out", out, "--json")
        assert json.loads(told)["dropped"] == 0
        assert "nothing left" in err

    async def test_killed_in_the_middle_goes_on_where_it_was(
        self,
        audited,
        command,
        database_url,
        parties,
        as_of,
        tmp_path,
    ):
        await audited.fill(parties.officer, as_of, count=300)
        out = tmp_path / "old.jsonl"
        await command("export", "--until", 250, "--out", out)
        for _ in range(3):
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "tests.support.archiver", database_url, "250"),
                cwd=ROOT,
                stdout=asyncio.subprocess.PIPE,
            )
            async with asyncio.timeout(60):
                for _ in range(4):
                    assert await process.stdout.readline()
                process.kill()
                await process.wait()
            content = await list_content(audited)
            # A batch is there whole or not at all.
            assert content[0] == await oldest(audited)
            assert content == list(range(content[0], content[-1] + 1))
            assert 1 < content[0] < 250
        before = await oldest(audited)
        told, _ = await command("archive", "--until", 250, "--out", out, "--json")
        assert json.loads(told)["dropped"] == 251 - before
        assert await oldest(audited) == 251
        await audited.settle()
        assert (await verify_now(audited)).finding is None

    async def test_is_stopped_by_a_legal_hold_before_anything_is_written(
        self,
        audited,
        command,
        parties,
        as_of,
        tmp_path,
    ):
        from ledger.feed.vocabulary import Subject

        number = "+62890000009"
        await audited.fill(parties.officer, as_of, count=20)
        held = await audited.fill(parties.officer, as_of, subject=Subject.NUMBER, subject_id=number)
        async with audited.database.transaction(parties.officer, as_of=as_of) as tx:
            hold = await place_legal_hold(
                tx, LegalHoldDraft(reason="Court", subject=HoldSubject.NUMBER, subject_id=number)
            )
        out = tmp_path / "old.jsonl"
        _, err = await command("archive", "--until", held, "--out", out, status=1)
        assert "ENTRIES_HELD" in err
        assert f"position {held}" in err
        assert not out.exists()
        with pytest.raises(EntriesHeldError):
            await drop_entries(audited.database, until=held, sha256="0" * 64, now=read_now, batch_entries=1_000)
        assert await oldest(audited) == 1
        await command("archive", "--until", held - 1, "--out", out)
        assert await oldest(audited) == held
        async with audited.database.transaction(parties.officer, as_of=as_of) as tx:
            await release_legal_hold(tx, hold.id)
        await command("archive", "--until", held, "--out", tmp_path / "rest.jsonl")
        assert await oldest(audited) == held + 1

    async def test_drops_nothing_of_a_log_that_was_tampered_with(self, audited, command, parties, as_of, tmp_path):
        await audited.fill(parties.officer, as_of, count=20)
        await audited.owner.execute(
            "UPDATE events SET state = 'CLOSED' WHERE id = (SELECT event_id FROM feed WHERE position = 7)"
        )
        _, err = await command("archive", "--until", 15, "--out", tmp_path / "old.jsonl", status=1)
        assert "ARCHIVE_UNVERIFIED" in err
        assert await oldest(audited) == 1

    async def test_refuses_a_file_of_another_range(self, audited, command, parties, as_of, tmp_path):
        await audited.fill(parties.officer, as_of, count=20)
        out = tmp_path / "other.jsonl"
        await command("export", "--after", 5, "--out", out)
        _, err = await command("archive", "--until", 15, "--out", out, status=1)
        assert "ARCHIVE_OTHER_FILE" in err
        assert await oldest(audited) == 1

    async def test_takes_a_date(self, audited, command, parties, as_of, tmp_path):
        size = await audited.fill(parties.officer, as_of, count=20)
        await audited.owner.execute(
            "UPDATE feed SET sequenced_at = sequenced_at - interval '200 days' WHERE position <= 11"
        )
        async with audited.database.system(Role.ARCHIVE, as_of=read_now()) as tx:
            assert await find_last_before(tx, read_now() + timedelta(days=1)) == size
            assert await find_last_before(tx, datetime(2020, 1, 1, tzinfo=UTC)) == 0
        before = (read_now() - timedelta(days=100)).date().isoformat()
        await command("archive", "--before", before, "--out", tmp_path / "old.jsonl")
        assert await oldest(audited) == 12

    async def test_drops_only_what_a_checkpoint_has(self, audited):
        size = await audited.settle()
        with pytest.raises(NotSignedError):
            await drop_entries(audited.database, until=size + 5, sha256="0" * 64, now=read_now, batch_entries=size + 5)
        assert await oldest(audited) == 1


OF_NO_ROW = {"kind": EventKind.NUMBERING_LOADED, "subject": Subject.NUMBERING_PLAN, "state": None}


class TestCommands:
    @pytest.mark.long
    async def test_export_and_verify_with_kept_checkpoint_and_database(
        self, audited, command, parties, as_of, tmp_path
    ):
        await audited.fill(parties.officer, as_of, count=5, **OF_NO_ROW)
        kept = tmp_path / "kept.txt"
        note, _ = await command("checkpoint")
        kept.write_text(note)
        assert note == await audited.note()
        key = tmp_path / "key.txt"
        key.write_text((await audited.keys())[0])
        await audited.fill(parties.officer, as_of, count=5, **OF_NO_ROW)
        out = tmp_path / "feed.jsonl.gz"
        await command("export", "--out", out)
        assert [path.name for path in tmp_path.iterdir() if "partial" in path.name] == []
        assert out.stat().st_mode & 0o077 == 0
        told, err = await command("verify", out, "--key", key, "--checkpoint", kept, "--database", "--json")
        assert json.loads(told)["result"] == "GOOD"
        assert json.loads(told)["keptCheckpoints"] == 1
        assert json.loads(told)["rowsCompared"] == await audited.owner.fetchval(
            "SELECT (SELECT count(*) FROM members) + (SELECT count(*) FROM brands) + (SELECT count(*) FROM offices) "
            "+ (SELECT count(*) FROM officers)"
        )
        assert "taken from the export itself" not in err
        _, err = await command("verify", out, JEMBATAN_DATABASE_URL="postgresql://nobody@127.0.0.1:1/none")
        assert "taken from the export itself" in err
        _, err = await command("export", "--out", out, status=1)
        assert "FILE_UNWRITABLE" in err
        await audited.owner.execute("UPDATE members SET legal_name = 'Another' WHERE slug = 'indosat'")
        told, err = await command("verify", out, "--key", key, "--database", status=1)
        assert "TAMPERED" in told
        assert "CONTENT_DIFFERS: members" in err
        await audited.owner.execute("UPDATE feed SET leaf_hash = sha256('forged') WHERE position = 4")
        told, _ = await command("verify", out, "--key", key, "--database", "--json", status=1)
        assert json.loads(told)["finding"]["tampering"] == "DATABASE_DIFFERS"
        assert json.loads(told)["finding"]["first"] == 4

    async def test_verify_tells_tampered_from_unusable(self, audited, command, parties, as_of, tmp_path):
        await audited.fill(parties.officer, as_of, count=5)
        out = tmp_path / "feed.jsonl"
        await command("export", "--out", out)
        changed = tmp_path / "changed.jsonl"
        changed.write_bytes(out.read_bytes().replace(b"ORDER_ISSUED", b"ORDER_ENDED_", 1))
        told, err = await command("verify", changed, "--json", status=1)
        assert json.loads(told)["finding"]["tampering"] == "CONTENT_CHANGED"
        assert "CONTENT_CHANGED" not in err
        cut = tmp_path / "cut.jsonl.gz"
        cut.write_bytes(gzip.compress(out.read_bytes())[:-40])
        told, _ = await command("verify", cut, "--json", status=1)
        assert json.loads(told)["finding"]["tampering"] == "TRUNCATED"
        for unusable in (("verify", tmp_path / "none"), ("verify", __file__), ("verify", out, "--key", "a+b+c")):
            await command(*unusable, status=1 if unusable[1] == tmp_path / "none" else 2)

    async def test_proof_of_one_entry_is_verified_alone(self, audited, command, parties, as_of, tmp_path):
        size = await audited.fill(parties.officer, as_of, count=40, payload={"orderNo": "1"})
        out = tmp_path / "proof.json"
        [key] = await audited.keys()
        await command("proof", "--position", size - 3, "--out", out)
        assert parties.officer.officer_id not in out.read_text()
        told, _ = await command("verify-proof", out, "--key", key, "--json")
        assert json.loads(told)["isProved"]
        bundle = json.loads(out.read_text())
        for name, value in (
            ("position", bundle["position"] - 1),
            ("treeSize", bundle["treeSize"] - 1),
            ("entry", bundle["entry"].replace("ISSUED", "CLOSED")),
            ("hashes", bundle["hashes"][:-1]),
        ):
            forged = tmp_path / f"{name}.json"
            forged.write_text(json.dumps(bundle | {name: value}))
            told, _ = await command("verify-proof", forged, "--key", key, "--json", status=1)
            assert not json.loads(told)["isProved"]
        other = tmp_path / "other.json"
        other.write_text("{}")
        await command("verify-proof", other, status=2)

    async def test_member_makes_a_bundle_that_the_snippet_of_the_manual_verifies(
        self,
        audited,
        command,
        parties,
        as_of,
        tmp_path,
    ):
        size = await audited.fill(parties.officer, as_of, count=40)
        out = tmp_path / "proof.json"
        await command("proof", "--position", size - 3, "--out", out)
        # The graph writes positions as texts.
        bundle = json.loads(out.read_text())
        bundle |= {"position": str(bundle["position"]), "treeSize": str(bundle["treeSize"])}
        out.write_text(json.dumps(bundle))
        snippet = tmp_path / "verify.py"
        snippet.write_text(SNIPPET.read_text().partition("```python\n")[2].partition("```")[0])
        assert len(snippet.read_text().splitlines()) <= 30

        async def run(path, key):
            process = await asyncio.create_subprocess_exec(
                sys.executable, snippet, path, key, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
            )
            out, _ = await process.communicate()
            return process.returncode, out.decode()

        [key] = await audited.keys()
        status, told = await run(out, key)
        assert status == 0
        assert f"position {size - 3}" in told
        for name, value in (("entry", "{}"), ("position", str(size - 4)), ("hashes", bundle["hashes"][1:])):
            forged = tmp_path / "forged.json"
            forged.write_text(json.dumps(bundle | {name: value}))
            assert (await run(forged, key))[0] != 0

    @pytest.mark.long
    async def test_rotate_key_adds_one_and_retires_the_older(self, audited, command):
        await command("rotate-key")
        await audited.settle()
        told, _ = await command("keys", "--json")
        assert [key["retiredAt"] for key in json.loads(told)] == [None, None]
        _, err = await command("rotate-key", status=1)
        assert "KEY_OVERLAP" in err
        await command("rotate-key", "--retire-older")
        told, _ = await command("keys", "--json")
        assert [key["retiredAt"] is None for key in json.loads(told)] == [False, True]
        await audited.settle()
        await command("checkpoint")

    async def test_keys_writes_the_file_that_key_reads(self, audited, command, parties, as_of, tmp_path):
        await audited.fill(parties.officer, as_of, count=5)
        await command("rotate-key")
        await audited.settle()
        await command("rotate-key", "--retire-older")
        await audited.settle()
        told, err = await command("keys")
        assert told.splitlines() == await audited.keys()
        assert "was retired" in err
        keys, out = tmp_path / "keys.txt", tmp_path / "feed.jsonl"
        keys.write_text(told)
        await command("export", "--out", out)
        told, _ = await command("verify", out, "--key", keys, "--json")
        account = json.loads(told)
        # Also the checkpoints that only the retired key signed are verified.
        assert (account["result"], account["checkpointsOfUnknownKeys"]) == ("GOOD", 0)
        assert account["keys"] == await audited.keys()
        keys.write_text("\n")
        _, err = await command("verify", out, "--key", keys, status=2)
        assert "contains no key" in err

    async def test_verify_names_the_seal_of_a_record_of_accesses_that_was_deleted(
        self, audited, command, parties, as_of, tmp_path
    ):
        accesses = Accesses()
        accesses.note(AccessKind.CHRONOLOGY, ["a complaint"])
        async with audited.database.system(Role.TRANSITION, as_of=as_of) as tx:
            shown_by = ShownBy(request_id="r", document="{ complaints { nodes { chronology } } }")
            await record_accesses(tx, accesses, viewer=parties.officer, shown_by=shown_by)
        async with audited.database.system(Role.JOBS, as_of=as_of + timedelta(hours=2)) as tx:
            await seal_access_records(tx)
        size = await audited.settle()
        keys, out = tmp_path / "keys.txt", tmp_path / "feed.jsonl"
        keys.write_text("\n".join(await audited.keys()))
        await command("export", "--out", out)
        await command("verify", out, "--key", keys, "--database")
        await audited.owner.execute("DELETE FROM access_records")
        await command("verify", out, "--key", keys)
        told, _ = await command("verify", out, "--key", keys, "--database", "--json", status=1)
        finding = json.loads(told)["finding"]
        assert (finding["tampering"], finding["first"], finding["last"]) == ("ACCESS_RECORDS_ALTERED", size, size)
        _, err = await command("verify", out, "--key", keys, "--database", status=1)
        assert "ACCESS_RECORDS_ALTERED" in err

    async def test_verify_says_what_its_verdict_is_of(self, audited, command, parties, as_of, tmp_path):
        size = await audited.fill(parties.officer, as_of, count=20, **OF_NO_ROW)
        keys, out, part = tmp_path / "keys.txt", tmp_path / "feed.jsonl", tmp_path / "part.jsonl"
        keys.write_text("\n".join(await audited.keys()))
        await command("export", "--out", out)
        told, _ = await command("verify", out, "--key", keys, "--database", "--json")
        assert (json.loads(told)["result"], json.loads(told)["cut"]) == ("GOOD", [])
        await command("export", "--out", part, "--after", 3, "--until", size - 2)
        told, _ = await command("verify", part, "--key", keys, "--database", "--json", status=3)
        account = json.loads(told)
        assert (account["result"], account["signedSize"], account["finding"]) == ("CUT", size, None)
        assert account["cut"] == [
            "entries 1 to 3 are not in this file",
            f"entries {size - 1} to {size}, which are signed, are not in this file",
        ]
        _, err = await command("verify", part, "--key", keys, status=3)
        assert f"CUT: entries {size - 1} to {size}" in " ".join(err.split())
        await command("verify", part, "--key", keys, "--part")
        await audited.owner.execute(
            "DELETE FROM feed_recipients WHERE position = (SELECT min(position) FROM feed_recipients)"
        )
        told, _ = await command("verify", out, "--key", keys, "--database", "--json", status=1)
        assert json.loads(told)["finding"]["tampering"] == "RECIPIENTS_DIFFER"

    async def test_announced_restore_is_shown_by_verify_with_a_code_of_its_own(
        self, audited, command, parties, as_of, tmp_path
    ):
        backup = await audited.fill(parties.officer, as_of, count=5)
        await audited.fill(parties.officer, as_of, count=5)
        kept, out = tmp_path / "kept.txt", tmp_path / "feed.jsonl"
        kept.write_text(await audited.note())
        await restore_backup(audited.owner, backup)
        _, err = await command("announce-restore", "--reason", "Disk", "--position", backup + 1, status=1)
        assert "RESTORE_POSITION_INVALID" in err
        told, _ = await command("announce-restore", "--reason", "Disk failure", "--json")
        assert json.loads(told)["restoredTo"] == backup
        await audited.fill(parties.officer, as_of, count=20)
        await command("export", "--out", out)
        told, _ = await command("verify", out, "--checkpoint", kept, "--json", status=1)
        account = json.loads(told)
        assert (account["result"], account["finding"]["tampering"]) == ("RESTORED", "RESTORED")
        assert account["finding"]["first"] == backup + 1
