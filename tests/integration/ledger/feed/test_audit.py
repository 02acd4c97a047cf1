"""Exporting the log and verifying the export: whatever the database's owner changes is found, and named."""

import random
from dataclasses import replace

import orjson
import pytest

from ledger.feed.audit_files import Header, parse_line, render_line
from ledger.feed.comparison import compare_with_database
from ledger.feed.export import ExportRangeError, NothingSignedError, Range, open_export
from ledger.feed.notes import Checkpoint, NoteSigner, render_checkpoint, sign_note
from ledger.feed.verification import (
    KeptCheckpointError,
    Tampering,
    parse_keys,
    verify_export,
)
from tests.support.audited import ORIGIN, export_lines, find_finding, read_now, verify_now


async def fill_three(audited, parties, as_of):
    """Entries of several kinds under three checkpoints; the sizes of those."""
    named = {"audience": [parties.telkomsel.member_id], "brand_id": parties.brands["byu"]}
    return [await audited.fill(parties.officer, as_of, count=4, **named) for _ in range(3)]


class TestExport:
    async def test_verifies_with_nothing_but_itself_and_the_key(self, audited, parties, as_of):
        size = await audited.fill(parties.officer, as_of, count=700, audience=[parties.agency.member_id])
        account = await verify_now(audited)
        assert account.finding is None
        assert (account.entries, account.with_content, account.header.until) == (size, size, size)
        assert not account.is_key_from_export
        assert account.root == await audited.owner.fetchval(
            "SELECT root_hash FROM feed_checkpoints WHERE tree_size = $1", size
        )

    async def test_says_when_the_key_was_taken_from_the_export(self, audited):
        lines = await export_lines(audited)
        assert verify_export(iter(lines)).is_key_from_export

    async def test_of_a_range_verifies_against_the_newest_checkpoint(self, audited, parties, as_of):
        await audited.fill(parties.officer, as_of, count=600)
        for after, until in ((0, 1), (1, 2), (5, 300), (255, 513), (256, 257), (511, None)):
            account = await verify_now(audited, await export_lines(audited, after=after, until=until, batch_entries=7))
            assert account.finding is None, (after, until, account.finding)

    @pytest.mark.parametrize(("after", "until"), [(5, 5), (9, 3), (0, 10**7), (10**7, None)])
    async def test_of_a_range_that_is_none_is_refused(self, audited, after, until):
        with pytest.raises(ExportRangeError):
            await export_lines(audited, after=after, until=until)

    async def test_needs_a_signed_checkpoint(self, database, as_of):
        with pytest.raises(NothingSignedError):
            async with open_export(database, Range(), now=read_now):
                pass

    async def test_shows_held_entries_as_any_others(self, audited, parties, as_of):
        await audited.owner.execute(
            "INSERT INTO legal_holds (id, reason, placed_by, placed_at) VALUES (gen_random_uuid(), 'Court', $1, now())",
            parties.officer.officer_id,
        )
        account = await verify_now(audited)
        assert account.finding is None
        assert account.with_content == account.entries > 0


_ROW = "(SELECT event_id FROM feed WHERE position = $1)"
COLUMNS_OF_EVENTS = {
    "kind": ("'ORDER_ENDED'", Tampering.CONTENT),
    "subject": ("'COMPLAINT'", Tampering.CONTENT),
    "subject_id": ("'another'", Tampering.CONTENT),
    "state": ("'CLOSED'", Tampering.CONTENT),
    "payload": ("""'{"orderNo": "forged"}'::jsonb""", Tampering.CONTENT),
    "recorded_at": ("recorded_at - interval '1 microsecond'", Tampering.CONTENT),
    "salt": ("sha256('forged')", Tampering.CONTENT),
    "actor_member_id": ("(SELECT id FROM members WHERE slug = 'telkomsel')", Tampering.RESERVED),
    "actor_officer_id": ("(SELECT id FROM officers WHERE display_name = 'Budi')", Tampering.RESERVED),
    "actor_client_id": ("'another'", Tampering.RESERVED),
    "audience": ("'{}'", Tampering.RESERVED),
    "brand_id": ("NULL", Tampering.RESERVED),
    "reserved_salt": ("sha256('forged')", Tampering.RESERVED),
    "erased_at": ("now()", Tampering.ERASURE_MARK),
}


class TestTamperingOfTheDatabasesOwner:
    @pytest.mark.parametrize("column", COLUMNS_OF_EVENTS)
    async def test_with_a_column_of_events_is_named(self, audited, parties, as_of, column):
        sizes = await fill_three(audited, parties, as_of)
        value, expected = COLUMNS_OF_EVENTS[column]
        position = sizes[1] - 1
        await audited.owner.execute(f"UPDATE events SET {column} = {value} WHERE id = {_ROW}", position)
        assert find_finding(await verify_now(audited)) == (expected, position)

    @pytest.mark.parametrize(
        ("statement", "expected", "shift"),
        [
            ("UPDATE feed SET leaf_hash = sha256('forged') WHERE position = $1", Tampering.LEAF_HASH, 0),
            ("UPDATE feed SET reserved_hash = sha256('forged') WHERE position = $1", Tampering.RESERVED_HASH, 0),
            ("DELETE FROM feed WHERE position = $1", Tampering.ENTRY_MISSING, 0),
            (f"DELETE FROM events WHERE id = {_ROW}", Tampering.CONTENT_MISSING, 0),
            (f"UPDATE events SET salt = NULL WHERE id = {_ROW}", Tampering.CONTENT_MISSING, 0),
            (f"UPDATE events SET reserved_salt = NULL WHERE id = {_ROW}", Tampering.RESERVED, 0),
            ("UPDATE feed SET event_id = event_id + 1000000 WHERE position = $1", Tampering.CONTENT_MISSING, 0),
            (
                f"UPDATE events SET salt = NULL, erased_at = now() WHERE id = {_ROW}",
                Tampering.ERASURE_UNRECORDED,
                0,
            ),
            ("UPDATE feed_head SET oldest_position = $1::bigint + 1", None, 0),
        ],
    )
    async def test_with_the_feed_is_named(self, audited, parties, as_of, statement, expected, shift):
        sizes = await fill_three(audited, parties, as_of)
        position = sizes[1] - 1
        await audited.owner.execute(statement, position)
        found = find_finding(await verify_now(audited))
        assert found == (None if expected is None else (expected, position + shift))

    async def test_with_what_was_never_archived_is_named(self, audited, parties, as_of):
        sizes = await fill_three(audited, parties, as_of)
        await audited.owner.execute("UPDATE feed_head SET oldest_position = $1", sizes[1])
        await audited.owner.execute(f"DELETE FROM events WHERE id = {_ROW}", sizes[0])
        assert find_finding(await verify_now(audited)) == (Tampering.ARCHIVE_UNRECORDED, 1)

    async def test_that_makes_the_leaf_anew_is_found_by_the_next_checkpoint(self, audited, parties, as_of):
        sizes = await fill_three(audited, parties, as_of)
        position = sizes[1] - 1
        await audited.owner.execute(f"UPDATE events SET kind = 'ORDER_ENDED' WHERE id = {_ROW}", position)
        line = next(
            line for line in map(parse_line, await export_lines(audited)) if getattr(line, "position", 0) == position
        )
        from ledger.feed.merkle import hash_leaf

        forged = hash_leaf(line.salt + line.entry.encode())
        await audited.owner.execute("UPDATE feed SET leaf_hash = $2 WHERE position = $1", position, forged)
        account = await verify_now(audited)
        assert account.finding.tampering is Tampering.ROOT
        assert account.finding.first <= position <= account.finding.last
        assert account.finding.last == sizes[1]

    async def test_that_swaps_two_entries_is_named(self, audited, parties, as_of):
        sizes = await fill_three(audited, parties, as_of)
        first = sizes[0] - 2
        await audited.owner.execute(
            "UPDATE feed SET event_id = -event_id WHERE position IN ($1::bigint, $1::bigint + 1)", first
        )
        await audited.owner.execute(
            "UPDATE feed f SET event_id = -o.event_id FROM feed o WHERE f.position IN ($1::bigint, $1::bigint + 1) "
            "AND o.position = 2 * $1::bigint + 1 - f.position",
            first,
        )
        assert find_finding(await verify_now(audited)) == (Tampering.CONTENT, first)

    @pytest.mark.parametrize(
        ("change", "expected"),
        [
            ("note = replace(note, E'\\n\\n', E'x\\n\\n')", Tampering.CHECKPOINT),
            ("root_hash = sha256('forged')", Tampering.CHECKPOINT),
            ("tree_size = tree_size - 1", Tampering.CHECKPOINT),
        ],
    )
    async def test_with_a_checkpoint_is_named(self, audited, parties, as_of, change, expected):
        sizes = await fill_three(audited, parties, as_of)
        await audited.owner.execute(f"UPDATE feed_checkpoints SET {change} WHERE tree_size = $1", sizes[1])
        account = await verify_now(audited)
        assert account.finding.tampering is expected
        assert account.finding.first in {sizes[1], sizes[1] - 1}

    async def test_forged_checkpoint_of_another_key_is_no_proof(self, audited, parties, as_of):
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        sizes = await fill_three(audited, parties, as_of)
        trusted = await audited.keys()
        forger = NoteSigner(name=ORIGIN, private_key=Ed25519PrivateKey.generate())
        note = sign_note(render_checkpoint(Checkpoint(origin=ORIGIN, size=sizes[2], root=bytes(32))), [forger])
        await audited.owner.execute("UPDATE feed_checkpoints SET note = $2 WHERE tree_size = $1", sizes[2], note)
        account = await verify_now(audited, keys=trusted)
        assert account.finding.tampering is Tampering.CHECKPOINT

    async def test_export_made_anew_by_a_forger_needs_a_trusted_key_to_be_found(self, audited, parties, as_of):
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        await fill_three(audited, parties, as_of)
        trusted = await audited.keys()
        lines = [line for line in await export_lines(audited) if b'"checkpoint":' not in line[:14]]
        lines[-1] = render_line(replace(parse_line(lines[-1]), checkpoints=0))
        forger = NoteSigner(name=ORIGIN, private_key=Ed25519PrivateKey.generate())
        header = parse_line(lines[0])
        root = verify_export(iter(lines)).root
        note = sign_note(render_checkpoint(Checkpoint(origin=ORIGIN, size=header.until, root=root)), [forger])
        forged = replace(header, keys=[forger.verifier_key.render()], checkpoint=note)
        lines[0] = render_line(forged)
        assert verify_export(iter(lines)).finding is None
        assert verify_export(iter(lines)).is_key_from_export
        account = verify_export(iter(lines), keys=parse_keys(trusted))
        assert account.finding.tampering is Tampering.CHECKPOINT


class TestRandomTampering:
    async def test_of_random_logs_is_found_where_it_is(self, audited, parties, as_of):
        draw = random.Random(29)  # noqa: S311 - what is written and changed
        sizes = [
            await audited.fill(
                draw.choice([parties.officer, parties.other_officer]),
                as_of,
                count=draw.randint(1, 40),
                audience=draw.sample([parties.telkomsel.member_id, parties.agency.member_id], draw.randint(0, 2)),
            )
            for _ in range(6)
        ]
        keys = await audited.keys()
        changes = [("events", column, value) for column, (value, _) in COLUMNS_OF_EVENTS.items()]
        changes += [("feed", column, "sha256('forged')") for column in ("leaf_hash", "reserved_hash")]
        found = 0
        for _ in range(60):
            table, column, value = draw.choice(changes)
            position = draw.randint(1, sizes[-1])
            key = "id = (SELECT event_id FROM feed WHERE position = $1)" if table == "events" else "position = $1"
            before = await audited.owner.fetchval(f"SELECT {column} FROM {table} WHERE {key}", position)
            await audited.owner.execute(f"UPDATE {table} SET {column} = {value} WHERE {key}", position)
            after = await audited.owner.fetchval(f"SELECT {column} FROM {table} WHERE {key}", position)
            account = await verify_now(audited, keys=keys)
            assert (account.finding.first if account.finding else None) == (position if before != after else None)
            found += before != after
            await audited.owner.execute(
                f"UPDATE {table} SET {column} = $2 WHERE {key}",
                position,
                before,
            )
        assert found > 30
        assert (await verify_now(audited, keys=keys)).finding is None


class TestVerify:
    async def test_finds_a_file_that_was_cut_anywhere(self, audited, parties, as_of):
        await fill_three(audited, parties, as_of)
        lines = await export_lines(audited)
        draw = random.Random(3)  # noqa: S311 - where the file is cut
        for _ in range(40):
            whole = b"".join(lines)
            cut = whole[: draw.randrange(len(lines[0]) + 1, len(whole) - 1)].splitlines(keepends=True)
            account = await verify_now(audited, cut)
            assert account.finding.tampering is Tampering.TRUNCATED

    @pytest.mark.parametrize("position", [2, 9])
    async def test_names_what_was_left_out_doubled_or_moved(self, audited, parties, as_of, position):
        await fill_three(audited, parties, as_of)
        lines = await export_lines(audited)
        place = next(i for i, line in enumerate(lines) if getattr(parse_line(line), "position", None) == position)
        later = next(i for i, line in enumerate(lines) if getattr(parse_line(line), "position", None) == position + 1)
        without = lines[:place] + lines[place + 1 :]
        assert find_finding(await verify_now(audited, without)) == (Tampering.ENTRY_MISSING, position)
        doubled = lines[: place + 1] + lines[place:]
        assert find_finding(await verify_now(audited, doubled)) == (Tampering.ENTRY_DOUBLED, position)
        moved = list(lines)
        moved[place], moved[later] = lines[later], lines[place]
        assert find_finding(await verify_now(audited, moved)) == (Tampering.ENTRY_OUT_OF_ORDER, position)
        garbage = [*lines[:place], b"no json\n", *lines[place:]]
        assert find_finding(await verify_now(audited, garbage)) == (Tampering.LINE, position)

    async def test_random_changes_of_a_file_are_found(self, audited, parties, as_of):
        await fill_three(audited, parties, as_of)
        lines = await export_lines(audited)
        keys = await audited.keys()
        draw = random.Random(11)  # noqa: S311 - what is changed
        for _ in range(300):
            place = draw.randrange(1, len(lines) - 1)
            value = orjson.loads(lines[place])
            # Times that are not hashed prove nothing; that implausible ones are found is TestTimes'.
            name = draw.choice(sorted(value.keys() - {"sequencedAt", "signedAt"}))
            part = value[name]
            if isinstance(part, int):
                value[name] = part + draw.choice((-1, 1))
            elif name == "checkpoint":
                at = draw.randrange(len(part.partition("\n\n")[0]))
                value[name] = part[:at] + chr((ord(part[at]) - 32 + 1) % 90 + 32) + part[at + 1 :]
            else:
                at = draw.randrange(len(part))
                value[name] = part[:at] + ("A" if part[at] != "A" else "B") + part[at + 1 :]
            changed = [*lines[:place], orjson.dumps(value) + b"\n", *lines[place + 1 :]]
            account = await verify_now(audited, changed, keys=keys)
            is_ignored = account.checkpoints_of_unknown_keys > 0
            assert account.finding is not None or is_ignored, (name, part, value[name])

    async def test_rolled_back_log_is_found_by_a_kept_checkpoint(self, audited, parties, as_of):
        sizes = await fill_three(audited, parties, as_of)
        kept = await audited.note(sizes[2])
        await audited.owner.execute("DELETE FROM feed_checkpoints WHERE tree_size > $1", sizes[1])
        account = await verify_now(audited, kept=[kept])
        assert account.finding.tampering is Tampering.ROLLED_BACK
        assert (account.finding.first, account.finding.last) == (sizes[1] + 1, sizes[2])

    async def test_split_view_is_found_by_a_kept_checkpoint(self, audited, keyring, parties, as_of):
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        sizes = await fill_three(audited, parties, as_of)
        row = await audited.owner.fetchrow("SELECT key_id, private_sealed FROM feed_keys")
        secret = keyring.open(row["private_sealed"], f"feed_keys.private:{row['key_id']}")
        owner = NoteSigner(name=ORIGIN, private_key=Ed25519PrivateKey.from_private_bytes(secret))
        other = Checkpoint(origin=ORIGIN, size=sizes[1], root=bytes(32))
        account = await verify_now(audited, kept=[sign_note(render_checkpoint(other), [owner])])
        assert account.finding.tampering is Tampering.SPLIT_VIEW
        assert account.finding.last == sizes[1]
        good = await verify_now(audited, kept=[await audited.note(size) for size in sizes])
        assert (good.finding, good.kept_checkpoints) == (None, 3)

    async def test_kept_checkpoint_of_another_key_or_range_is_unusable(self, audited, parties, as_of):
        sizes = await fill_three(audited, parties, as_of)
        lines = await export_lines(audited, after=sizes[1])
        for kept in (await audited.note(sizes[0]), "no note"):
            with pytest.raises(KeptCheckpointError):
                await verify_now(audited, lines, kept=[kept])

    async def test_checkpoints_of_a_retired_key_do_not_stop_who_knows_the_newer_only(self, audited, parties, as_of):
        from ledger.feed.checkpoints import add_checkpoint_key
        from ledger.storage.roles import Role

        await fill_three(audited, parties, as_of)
        async with audited.database.system(Role.SEQUENCER, as_of=read_now()) as tx:
            newer = await add_checkpoint_key(tx, origin=ORIGIN)
        await audited.settle()
        account = await verify_now(audited, keys=[newer])
        assert account.finding is None
        assert account.checkpoints_of_unknown_keys > 0


class TestCompareWithDatabase:
    async def test_finds_nothing_where_nothing_was_changed(self, audited, parties, as_of):
        await audited.fill(parties.officer, as_of, count=600)
        lines = await export_lines(audited)
        await audited.fill(parties.officer, as_of, count=3)
        assert await compare_with_database(iter(lines), audited.database, now=read_now) is None

    @pytest.mark.parametrize(
        ("statement", "first"),
        [
            ("UPDATE feed SET leaf_hash = sha256('forged') WHERE position = 300", 300),
            ("DELETE FROM feed WHERE position = 300", 300),
            ("UPDATE feed_nodes SET hash = sha256('forged') WHERE index = 1", 257),
            ("DELETE FROM feed_nodes WHERE index = 1", 257),
            ("UPDATE feed_nodes SET index = 7 WHERE index = 1", 257),
            ("UPDATE feed_nodes SET level = 16 WHERE index = 1", 257),
            ("UPDATE feed_head SET feed_id = gen_random_uuid()", 1),
            ("UPDATE feed_head SET size = 400", 401),
        ],
    )
    async def test_names_the_first_place_that_differs(self, audited, parties, as_of, statement, first):
        await audited.fill(parties.officer, as_of, count=600)
        lines = await export_lines(audited)
        await audited.owner.execute(statement)
        finding = await compare_with_database(iter(lines), audited.database, now=read_now)
        assert (finding.tampering, finding.first) == (Tampering.DATABASE, first)

    async def test_finds_a_removed_checkpoint(self, audited, parties, as_of):
        sizes = await fill_three(audited, parties, as_of)
        lines = await export_lines(audited)
        assert isinstance(parse_line(lines[0]), Header)
        await audited.owner.execute("DELETE FROM feed_checkpoints WHERE tree_size = $1", sizes[1])
        finding = await compare_with_database(iter(lines), audited.database, now=read_now)
        assert finding.first == sizes[1]
