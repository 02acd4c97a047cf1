"""Attacks on what an export's verdict says: erasures, cuts, times, recipients. Each is named after what is tried."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ledger.feed.audit_files import CheckpointLine, EntryLine, Footer, parse_line, render_line
from ledger.feed.events import RECORD_SUBJECT_ID
from ledger.feed.findings import Tampering
from ledger.feed.retention import erase_old_entries
from ledger.feed.unhashed_comparison import compare_unhashed
from ledger.feed.vocabulary import EventKind, Subject
from ledger.storage.roles import Role
from tests.support.audited import export_lines, find_finding, read_now, verify_now

_EVENT = "(SELECT event_id FROM feed WHERE position = $1)"
_ERASE = f"UPDATE events SET payload = '{{}}', salt = NULL, reserved_salt = NULL, erased_at = $2 WHERE id = {_EVENT}"


async def erase(audited):
    async with audited.database.system(Role.RETENTION, as_of=read_now()) as tx:
        return await erase_old_entries(tx, kept_days=30)


def edit(lines, position, **changes):
    """The export with some of an entry's values changed."""
    parsed = [parse_line(line) for line in lines]
    return [
        render_line(replace(line, **changes)) if getattr(line, "position", None) == position else raw
        for raw, line in zip(lines, parsed, strict=True)
    ]


class TestErasure:
    async def test_erased_at_in_2099_counts_for_nothing(self, audited, parties, as_of):
        size = await audited.fill(parties.officer, as_of, count=5)
        await audited.owner.execute(_ERASE, size - 1, datetime(2099, 1, 1, tzinfo=UTC))
        assert find_finding(await verify_now(audited)) == (Tampering.ERASURE_TIME, size - 1)

    @pytest.mark.parametrize("age", [timedelta(0), timedelta(minutes=30), timedelta(days=2)])
    async def test_erasure_without_a_record_counts_for_nothing_however_recent(self, audited, parties, as_of, age):
        size = await audited.fill(parties.officer, as_of, count=5)
        await audited.owner.execute(_ERASE, size - 1, read_now() - age)
        assert find_finding(await verify_now(audited)) == (Tampering.ERASURE_UNRECORDED, size - 1)

    async def test_erasure_at_another_time_than_its_record_tells_is_named(self, audited, parties, as_of):
        size = await audited.fill(parties.officer, as_of, count=5)
        await erase(audited)
        await audited.settle()
        await audited.owner.execute(
            f"UPDATE events SET erased_at = erased_at - '1 microsecond'::interval WHERE id = {_EVENT}", size - 1
        )
        assert find_finding(await verify_now(audited)) == (Tampering.ERASURE_TIME, size - 1)

    async def test_erasure_record_by_an_officer_counts_for_nothing(self, audited, parties, as_of):
        size = await audited.fill(parties.officer, as_of, count=5)
        moment = read_now()
        record = {"kind": EventKind.ENTRIES_ERASED, "subject": Subject.FEED, "subject_id": RECORD_SUBJECT_ID}
        payload = {"ranges": [[size - 1, size - 1]], "count": 1}
        await audited.fill(parties.officer, moment, state=None, payload=payload, **record)
        await audited.owner.execute(_ERASE, size - 1, moment)
        assert find_finding(await verify_now(audited)) == (Tampering.ERASURE_UNRECORDED, size - 1)

    async def test_erasure_record_from_before_the_entry_counts_for_nothing(self, audited, parties, as_of):
        moment = read_now()
        size = await audited.settle()
        payload = f'{{"ranges": [[{size + 2}, {size + 2}]], "count": 1}}'
        await audited.owner.execute(
            "INSERT INTO events (kind, subject, subject_id, audience, payload, recorded_at) "
            "VALUES ('ENTRIES_ERASED', 'FEED', 'entries', '{}', $1::jsonb, $2)",
            payload,
            moment,
        )
        assert await audited.settle() == size + 1
        await audited.fill(parties.officer, as_of, count=3)
        await audited.owner.execute(_ERASE, size + 2, moment)
        assert find_finding(await verify_now(audited)) == (Tampering.ERASURE_UNRECORDED, size + 2)

    async def test_what_retention_erases_while_an_export_is_written_is_in_it_as_it_was(self, audited, parties, as_of):
        from ledger.feed.export import Range, open_export

        await audited.fill(parties.officer, as_of, count=20)
        async with open_export(audited.database, Range(), now=read_now) as export:
            chunks = []
            async for chunk in export.render(batch_entries=5):
                chunks.append(chunk)
                if len(chunks) == 2:
                    assert (await erase(audited)).count > 20
        account = await verify_now(audited, b"".join(chunks).splitlines(keepends=True))
        assert (account.finding, account.erased, account.is_cut) == (None, 0, False)


class TestCut:
    async def test_cut_export_presented_as_the_whole_says_what_it_lacks(self, audited, parties, as_of):
        size = await audited.fill(parties.officer, as_of, count=20)
        whole = await verify_now(audited)
        assert (whole.is_cut, whole.signed_size) == (False, size)
        until = await verify_now(audited, await export_lines(audited, until=size - 3))
        assert (until.finding, until.is_cut, until.header.until, until.signed_size) == (None, True, size - 3, size)
        after = await verify_now(audited, await export_lines(audited, after=3))
        assert (after.finding, after.is_cut, after.header.after) == (None, True, 3)

    async def test_end_cut_off_with_a_new_footer_is_found(self, audited, parties, as_of):
        await audited.fill(parties.officer, as_of, count=5)
        size = await audited.fill(parties.officer, as_of, count=5)
        lines = await export_lines(audited)
        header = parse_line(lines[0])
        kept = [raw for raw in lines[1:-1] if getattr(parse_line(raw), "position", 0) < size]
        kept = [raw for raw in kept if getattr(parse_line(raw), "tree_size", 0) < size]
        footer = Footer(entries=size - 1, until=size - 1, checkpoints=None)
        # The checkpoint of the header does not continue from the shorter end without a proof, which only the log has.
        forged = [render_line(replace(header, until=size - 1)), *kept, render_line(footer)]
        assert (await verify_now(audited, forged)).finding.tampering is Tampering.ROOT

    async def test_erasures_told_only_after_the_cut_are_counted(self, audited, parties, as_of):
        size = await audited.fill(parties.officer, as_of, count=5)
        erased = (await erase(audited)).count
        await audited.settle()
        account = await verify_now(audited, await export_lines(audited, until=size))
        assert (account.finding, account.is_cut, account.erasures_untold) == (None, True, erased)

    async def test_stored_checkpoint_left_out_of_the_file_is_found(self, audited, parties, as_of):
        sizes = [await audited.fill(parties.officer, as_of, count=4) for _ in range(3)]
        lines = await export_lines(audited)
        without = [raw for raw in lines if getattr(parse_line(raw), "tree_size", None) != sizes[1]]
        account = await verify_now(audited, without)
        assert account.finding.tampering is Tampering.CHECKPOINT_MISSING
        assert "1 of " in account.finding.detail

    async def test_stored_checkpoint_left_out_with_a_new_count_is_found_beside_the_database(
        self, audited, parties, as_of
    ):
        sizes = [await audited.fill(parties.officer, as_of, count=4) for _ in range(3)]
        lines = await export_lines(audited)
        without = [raw for raw in lines if getattr(parse_line(raw), "tree_size", None) != sizes[1]]
        without[-1] = render_line(replace(parse_line(lines[-1]), checkpoints=None))
        assert (await verify_now(audited, without)).finding is None
        finding = await compare_unhashed(iter(without), audited.database, now=read_now)
        assert (finding.tampering, finding.first) == (Tampering.CHECKPOINT_MISSING, sizes[1])

    async def test_old_export_presented_as_todays_is_found_beside_the_database(self, audited, parties, as_of):
        size = await audited.fill(parties.officer, as_of, count=4)
        lines = await export_lines(audited)
        later = await audited.fill(parties.officer, as_of, count=4)
        # An export that was true when it was written stays true.
        assert await compare_unhashed(iter(lines), audited.database, now=read_now) is None
        dated = replace(parse_line(lines[0]), exported_at=read_now() + timedelta(hours=1))
        finding = await compare_unhashed(iter([render_line(dated), *lines[1:]]), audited.database, now=read_now)
        assert (finding.tampering, finding.first, finding.last) == (Tampering.CHECKPOINT_MISSING, size + 1, later)


class TestTimes:
    async def test_of_an_untouched_log_are_plausible_and_the_databases(self, audited, parties, as_of):
        await audited.fill(parties.officer, as_of, count=700)
        lines = await export_lines(audited)
        parsed = [parse_line(line) for line in lines]
        assert all(line.sequenced_at for line in parsed if isinstance(line, EntryLine))
        assert all(line.signed_at for line in parsed if isinstance(line, CheckpointLine))
        assert (await verify_now(audited, lines)).finding is None
        assert await compare_unhashed(iter(lines), audited.database, now=read_now) is None

    @pytest.mark.parametrize(
        ("statement", "shift"),
        [
            ("UPDATE feed SET sequenced_at = now() + '1 day'::interval WHERE position = $1", 0),
            ("UPDATE feed SET sequenced_at = sequenced_at - '1 hour'::interval WHERE position = $1", 0),
            ("UPDATE feed SET sequenced_at = '2020-01-01' WHERE position = $1", 0),
            ("UPDATE feed_checkpoints SET signed_at = '2020-01-01' WHERE tree_size = $1", 0),
            ("UPDATE feed_checkpoints SET signed_at = now() + '1 day'::interval WHERE tree_size = $1", 0),
            ("UPDATE feed_checkpoints SET signed_at = signed_at - '1 hour'::interval WHERE tree_size = $1", 0),
        ],
    )
    async def test_implausible_time_is_named_at_the_first_entry_that_has_it(
        self, audited, parties, as_of, statement, shift
    ):
        size = await audited.fill(parties.officer, as_of, count=5)
        await audited.fill(parties.officer, as_of, count=5)
        await audited.owner.execute(statement, size)
        assert find_finding(await verify_now(audited)) == (Tampering.TIME, size + shift)

    async def test_entry_recorded_in_the_future_is_named(self, audited, parties):
        size = await audited.fill(parties.officer, datetime(2099, 1, 1, tzinfo=UTC))
        assert find_finding(await verify_now(audited)) == (Tampering.TIME, size)

    async def test_export_from_the_future_is_refused(self, audited):
        lines = await export_lines(audited)
        lines[0] = render_line(replace(parse_line(lines[0]), exported_at=datetime(2099, 1, 1, tzinfo=UTC)))
        assert (await verify_now(audited, lines)).finding.tampering is Tampering.TIME

    @pytest.mark.parametrize(
        "statement",
        [
            "UPDATE feed SET sequenced_at = sequenced_at + '1 microsecond'::interval WHERE position = $1",
            "UPDATE feed_checkpoints SET signed_at = signed_at - '1 microsecond'::interval WHERE tree_size = $1",
        ],
    )
    async def test_time_changed_after_the_export_differs_beside_the_database(self, audited, parties, as_of, statement):
        size = await audited.fill(parties.officer, as_of, count=5)
        await audited.fill(parties.officer, as_of, count=5)
        lines = await export_lines(audited)
        await audited.owner.execute(statement, size)
        finding = await compare_unhashed(iter(lines), audited.database, now=read_now)
        assert (finding.tampering, finding.first) == (Tampering.DATABASE, size)


class TestRecipients:
    @pytest.mark.parametrize(
        "statement",
        [
            "DELETE FROM feed_recipients WHERE position = $1 AND member_id = $2",
            "UPDATE feed_recipients SET brand_id = NULL WHERE position = $1 AND member_id = $2",
            "INSERT INTO feed_recipients SELECT id, $1 FROM members WHERE slug = 'indosat' AND id <> $2",
            "UPDATE feed_recipients SET position = 1 WHERE position = $1 AND member_id = $2",
        ],
    )
    async def test_row_that_the_audience_does_not_explain_is_named(self, audited, parties, as_of, statement):
        named = {"audience": [parties.telkomsel.member_id], "brand_id": parties.brands["byu"]}
        size = await audited.fill(parties.officer, as_of, count=6, **named)
        lines = await export_lines(audited)
        assert await compare_unhashed(iter(lines), audited.database, now=read_now) is None
        await audited.owner.execute(statement, size - 2, parties.telkomsel.member_id)
        finding = await compare_unhashed(iter(lines), audited.database, now=read_now)
        first = 1 if "position = 1" in statement else size - 2
        assert (finding.tampering, finding.first) == (Tampering.RECIPIENTS, first)

    async def test_rows_of_erased_entries_stay_as_they_were(self, audited, parties, as_of):
        await audited.fill(parties.officer, as_of, count=6, audience=[parties.telkomsel.member_id])
        await erase(audited)
        lines = await export_lines(audited)
        assert await compare_unhashed(iter(lines), audited.database, now=read_now) is None
