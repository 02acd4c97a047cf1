"""Retention of what complaints contain: it goes on schedule, the log proves it, and nothing else goes."""

from dataclasses import dataclass
from datetime import timedelta

import asyncpg
import pytest
from sqlalchemy import text

from gateway.process.jobs import Job, run_to_end
from ledger.complaints import contents
from ledger.complaints.complainant_drafts import ComplainantDraft
from ledger.complaints.complainants import load_reveals, reveal_complainant
from ledger.complaints.decisions import ComplaintDecision, Decision, decide_complaints
from ledger.complaints.erased import ComplaintErasedError, EvidenceErasedError
from ledger.complaints.evidence import load_evidence, open_evidence
from ledger.complaints.evidence_drafts import EvidenceDraft
from ledger.complaints.filing import file_complaints
from ledger.complaints.notes import NoteDraft, load_notes, note_complaints
from ledger.complaints.reading import get_complaint, read_chronology
from ledger.complaints.vocabulary import RejectionReason
from ledger.errors import DatabaseUnavailableError, Problem, UnknownError
from ledger.extracts import retention
from ledger.extracts.cuts import Cuts, TextRange
from ledger.extracts.making import keep_extract, open_original
from ledger.extracts.reading import open_extract
from ledger.extracts.releasing import ReleaseDraft, release_extract
from ledger.extracts.retention import ContentRetention, erase_old_content
from ledger.feed.legal_holds import LegalHoldDraft, place_legal_hold, release_legal_hold
from ledger.feed.replay import Difference
from ledger.feed.vocabulary import HoldSubject
from ledger.storage.database import Database
from ledger.storage.rekeying import rotate_keys
from ledger.storage.roles import Role
from ledger.storage.sealing import Keyring
from migrations.metadata import metadata
from tests.support.audited import compare_now
from tests.support.evidence import make_extract, upload
from tests.support.journeys import TELKOMSEL_NUMBER, complaint_draft, issue_orders
from tests.support.signal_journeys import take_part

KEPT_DAYS = 30
PERSON = ComplainantDraft(name="Anisimova", identity_number="3171010101010001")
INLINE = EvidenceDraft(media_type="text/plain", content=b"Send the code.", file_name="anisimova.txt")
PURGED = {
    "complainants": "identity_sealed <> '' OR identity_digest IS NOT NULL",
    "complainant_reveals": "purpose_sealed <> '' OR purpose_digest IS NOT NULL",
    "complaint_notes": "text_sealed <> '' OR text_digest IS NOT NULL",
    "evidence": "content_sealed <> '' OR content_id IS NOT NULL OR file_name IS NOT NULL OR erased_at IS NULL",
    "evidence_extracts": "content_id IS NOT NULL OR erased_at IS NULL",
    "complaints": "chronology_sealed IS NOT NULL OR chronology_digest IS NOT NULL OR complainant_ref IS NOT NULL "
    "OR info_request IS NOT NULL OR decision_note IS NOT NULL OR erased_at IS NULL",
}
"""What a row of each table still has of its content."""


@dataclass(frozen=True)
class Case:
    """A complaint that has all that one can have, and what was made of it."""

    id: str
    uploaded: str
    inline: str
    extract: str


async def file_case(database, parties, as_of, *, number=TELKOMSEL_NUMBER, reject=True) -> Case:
    """File it, look into it, release an extract, and, if told, reject it."""
    content = await upload(database, parties.agency, as_of, b"Send the code. " * 30_000)
    pieces = (EvidenceDraft(upload_id=content.id, file_name="chat-anisimova.txt"), INLINE)
    draft = complaint_draft(number, complainant=PERSON, chronology="He called me at home.", evidence=pieces)
    async with database.transaction(parties.agency, as_of=as_of) as tx:
        [filed] = await file_complaints(tx, [draft])
        found = (await load_evidence(tx, [filed.complaint.id]))[filed.complaint.id]
    uploaded = next(piece for piece in found if piece.content_id is not None)
    inline = next(piece for piece in found if piece.content_id is None)
    extract = await make_extract(database, parties.officer, as_of, uploaded.id, (0, 4))
    async with database.transaction(parties.officer, as_of=as_of) as tx:
        await reveal_complainant(tx, filed.complaint.id, purpose="To call Anisimova back.")
        await note_complaints(tx, [NoteDraft(complaint_id=filed.complaint.id, text="Anisimova called.")])
        said = ReleaseDraft(extract_id=extract.id, member_id=parties.provider.member_id, reason="About Anisimova.")
        await release_extract(tx, said)
        if reject:
            await decide(tx, filed.complaint.id, Decision.REJECT, reason=RejectionReason.NOT_MISUSE, note="Her nephew.")
    return Case(filed.complaint.id, uploaded.id, inline.id, extract.id)


async def decide(tx, complaint_id, decision, **more):
    return await decide_complaints(tx, [ComplaintDecision(complaint_id=complaint_id, decision=decision, **more)])


async def erase(database, as_of, *, days=KEPT_DAYS, later=KEPT_DAYS + 1, **more) -> int:
    async with database.system(Role.RETENTION, as_of=as_of + timedelta(days=later)) as tx:
        return (await erase_old_content(tx, kept_days=days, **more))[0]


async def list_left(owner, *, of: str) -> set[str]:
    """The tables that still have something of a complaint."""
    left = set()
    for table, condition in PURGED.items():
        key = "id" if table == "complaints" else "complaint_id"
        if await owner.fetchval(f"SELECT count(*) FROM {table} WHERE {key} = $1 AND ({condition})", of):
            left.add(table)
    return left


@pytest.fixture
async def ready(audited, parties, as_of):
    await take_part(audited.database, parties, as_of)
    return audited


class TestWhatIsErased:
    async def test_is_all_that_a_complaint_contains_and_not_what_was_decided(self, ready, parties, as_of):
        database = ready.database
        case = await file_case(database, parties, as_of)
        assert await list_left(ready.owner, of=case.id) == PURGED.keys()
        before = await ready.owner.fetchrow("SELECT * FROM complaints WHERE id = $1", case.id)
        assert await erase(database, as_of) == 1
        assert await list_left(ready.owner, of=case.id) == set()
        for table in ("evidence_chunks", "evidence_contents"):
            assert await ready.owner.fetchval(f"SELECT count(*) FROM {table}") == 0
        assert await ready.owner.fetchval("SELECT count(*) FROM extract_releases WHERE reason IS NOT NULL") == 0
        after = await ready.owner.fetchrow("SELECT * FROM complaints WHERE id = $1", case.id)
        changed = {name for name, value in before.items() if after[name] != value}
        assert changed == {"chronology_sealed", "chronology_digest", "complainant_ref", "decision_note", "erased_at"}

    async def test_can_not_be_read_by_anybody_and_the_rest_can(self, ready, parties, as_of):
        database = ready.database
        case = await file_case(database, parties, as_of)
        await erase(database, as_of)
        async with database.transaction(parties.officer, as_of=as_of) as tx:
            complaint = await get_complaint(tx, case.id)
            assert (complaint.state, complaint.erased_at) == ("REJECTED", as_of + timedelta(days=KEPT_DAYS + 1))
            assert await read_chronology(tx, [case.id]) == {}
            assert (await load_notes(tx, [case.id]))[case.id] == []
            [reveal] = (await load_reveals(tx, [case.id]))[case.id]
            assert (reveal.purpose, reveal.purpose_salt, reveal.officer_id) == ("", b"", parties.officer.officer_id)
            for piece in (case.uploaded, case.inline):
                with pytest.raises(EvidenceErasedError):
                    await open_evidence(tx, piece)
            with pytest.raises(ComplaintErasedError):
                await reveal_complainant(tx, case.id, purpose="To call back.")
        for viewer in (parties.officer, parties.provider):
            async with database.reading(viewer, as_of=as_of) as tx:
                with pytest.raises(EvidenceErasedError):
                    await open_extract(tx, case.extract)

    async def test_is_told_to_its_source_and_to_whoever_got_an_extract(self, ready, parties, as_of):
        case = await file_case(ready.database, parties, as_of)
        await erase(ready.database, as_of)
        told = await ready.owner.fetch(
            "SELECT kind, subject_id, audience, actor_member_id, payload::text FROM events WHERE kind LIKE '%_ERASED'"
        )
        assert {(row["kind"], row["subject_id"], tuple(map(str, row["audience"]))) for row in told} == {
            ("COMPLAINT_ERASED", case.id, (parties.agency.member_id,)),
            ("EXTRACT_ERASED", case.extract, (parties.provider.member_id,)),
        }
        assert {(row["actor_member_id"], row["payload"]) for row in told} == {(None, "{}")}

    async def test_is_of_complaints_that_ended_long_enough_ago(self, ready, parties, as_of):
        database = ready.database
        ended = await file_case(database, parties, as_of)
        await file_case(database, parties, as_of, number="+6281200000033", reject=False)
        assert await erase(database, as_of, later=KEPT_DAYS) == 0
        assert await erase(database, as_of, days=0, later=40_000) == 0
        assert await erase(database, as_of, later=40_000) == 1
        assert await list_left(ready.owner, of=ended.id) == set()
        assert await erase(database, as_of, later=40_000) == 0

    async def test_is_in_statements_of_so_many_chunks(self, ready, parties, as_of, monkeypatch):
        await file_case(ready.database, parties, as_of)
        assert await ready.owner.fetchval("SELECT count(*) FROM evidence_chunks") > 2
        monkeypatch.setattr(contents, "_DELETED_CHUNKS", 1)
        assert await erase(ready.database, as_of) == 1
        assert await ready.owner.fetchval("SELECT count(*) FROM evidence_chunks") == 0

    async def test_is_found_by_an_index_of_what_is_not_erased_yet(self, ready, as_of):
        asked = retention._LOOK.bindparams(before=as_of, after_at=as_of, after_id=retention._FIRST_ID, limit=20)
        async with ready.database.system(Role.RETENTION, as_of=as_of) as tx:
            await tx.execute(text("SET LOCAL enable_seqscan = off"))
            await tx.execute(text("SET LOCAL enable_sort = off"))
            plan = (
                await tx.execute(text(f"EXPLAIN {asked.compile(compile_kwargs={'literal_binds': True})}"))
            ).scalars()
            told = "\n".join(plan)
        assert "ix_complaints_unerased" in told
        assert "Index Cond: ((GREATEST(" in told
        assert "Sort" not in told

    async def test_leaves_another_complaints_evidence_and_uploads_under_way(self, ready, parties, as_of):
        database = ready.database
        other = await file_case(database, parties, as_of, number="+6281200000033", reject=False)
        waiting = await upload(database, parties.agency, as_of, b"Still needed. " * 100)
        await file_case(database, parties, as_of)
        assert await erase(database, as_of) == 1
        assert await list_left(ready.owner, of=other.id) == PURGED.keys()
        assert await ready.owner.fetchval("SELECT count(*) FROM evidence_contents") == 3
        assert await ready.owner.fetchval("SELECT count(*) FROM evidence_chunks WHERE content_id = $1", waiting.id) == 1

    async def test_is_rotated_past_by_new_keys(self, ready, parties, as_of, keyring):
        case = await file_case(ready.database, parties, as_of)
        await erase(ready.database, as_of)
        both = Keyring({"new": b"n" * 32, **keyring.keys}, "new", keyring.reference_key)
        rekeyed = Database(ready.database.engine, ready.database.settings, both)
        await rotate_keys(rekeyed, as_of=as_of, tables=metadata.sorted_tables)
        assert await list_left(ready.owner, of=case.id) == set()


class TestTheLog:
    async def test_commits_to_what_is_left(self, ready, parties, as_of):
        await file_case(ready.database, parties, as_of)
        await erase(ready.database, as_of)
        await ready.settle()
        account = await compare_now(ready)
        assert account.finding is None
        assert (account.erased, account.uncommitted) == (0, 0)

    @pytest.mark.parametrize(
        ("table", "change"),
        [
            ("complaint_notes", "text_sealed = '', text_digest = NULL"),
            ("complainants", "identity_sealed = '', identity_digest = NULL"),
            ("evidence", "content_sealed = '', content_id = NULL, erased_at = now()"),
            ("evidence_extracts", "content_id = NULL, erased_at = now()"),
            ("complaints", "chronology_sealed = NULL, chronology_digest = NULL, erased_at = now()"),
        ],
    )
    async def test_names_what_an_insider_erased_under_the_pretence_of_retention(
        self, ready, parties, as_of, table, change
    ):
        await file_case(ready.database, parties, as_of)
        await ready.settle()
        await ready.owner.execute(f"UPDATE {table} SET {change}")
        finding = (await compare_now(ready)).finding
        assert finding is not None
        assert (finding.difference, finding.table) == (Difference.CONTENT, table)

    async def test_names_content_that_an_insider_put_back(self, ready, parties, as_of):
        await file_case(ready.database, parties, as_of)
        kept = await ready.owner.fetchrow("SELECT text_sealed, text_digest FROM complaint_notes")
        await erase(ready.database, as_of)
        await ready.settle()
        for change, values in (
            ("text_sealed = $1", [kept["text_sealed"]]),
            ("text_sealed = $1, text_digest = $2", [kept["text_sealed"], kept["text_digest"]]),
        ):
            await ready.owner.execute(f"UPDATE complaint_notes SET {change}", *values)
            finding = (await compare_now(ready)).finding
            assert finding is not None
            assert (finding.difference, finding.table) == (Difference.CONTENT, "complaint_notes")


async def erase_and_die(database, as_of, cluster) -> None:
    """Lose the connection after everything was erased, before it is committed."""
    async with database.system(Role.RETENTION, as_of=as_of + timedelta(days=KEPT_DAYS + 1)) as tx:
        assert (await erase_old_content(tx, kept_days=KEPT_DAYS))[0] == 1
        process = (await tx.execute(text("SELECT pg_backend_pid()"))).scalar_one()
        superuser = await asyncpg.connect(cluster.urls.superuser)
        assert await superuser.fetchval("SELECT pg_terminate_backend($1, 10000)", process)
        await superuser.close()


class TestACrash:
    async def test_in_the_middle_loses_nothing_and_the_next_run_erases_all(self, ready, parties, as_of, cluster):
        """The connection dies after the last statement, and before anything is committed."""
        database = ready.database
        case = await file_case(database, parties, as_of)
        with pytest.raises(DatabaseUnavailableError):
            await erase_and_die(database, as_of, cluster)
        assert await list_left(ready.owner, of=case.id) == PURGED.keys()
        assert await ready.owner.fetchval("SELECT count(*) FROM evidence_chunks") > 0
        assert await ready.owner.fetchval("SELECT count(*) FROM events WHERE kind LIKE '%_ERASED'") == 0
        async with database.transaction(parties.officer, as_of=as_of) as tx:
            assert (await read_chronology(tx, [case.id])) == {case.id: "He called me at home."}
        assert await erase(database, as_of) == 1
        await ready.settle()
        assert (await compare_now(ready)).finding is None
        assert await list_left(ready.owner, of=case.id) == set()

    async def test_of_one_that_another_process_repeats_tells_of_it_once(self, ready, parties, as_of):
        await file_case(ready.database, parties, as_of)
        assert [await erase(ready.database, as_of), await erase(ready.database, as_of)] == [1, 0]
        assert await ready.owner.fetchval("SELECT count(*) FROM events WHERE kind = 'COMPLAINT_ERASED'") == 1


class TestALegalHold:
    @pytest.mark.parametrize("subject", ["COMPLAINT", "NUMBER", None])
    async def test_keeps_everything_until_it_is_released(self, ready, parties, as_of, subject):
        database = ready.database
        case = await file_case(database, parties, as_of)
        named = {"COMPLAINT": case.id, "NUMBER": TELKOMSEL_NUMBER, None: None}[subject]
        draft = LegalHoldDraft(reason="Court.", subject=HoldSubject(subject) if subject else None, subject_id=named)
        async with database.transaction(parties.officer, as_of=as_of) as tx:
            hold = await place_legal_hold(tx, draft)
        assert await erase(database, as_of) == 0
        assert await list_left(ready.owner, of=case.id) == PURGED.keys()
        async with database.transaction(parties.officer, as_of=as_of) as tx:
            await release_legal_hold(tx, hold.id)
        assert await erase(database, as_of) == 1

    async def test_on_an_order_keeps_what_it_was_ordered_on(self, ready, parties, as_of):
        database = ready.database
        [order] = await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
        await ready.owner.execute("UPDATE complaints SET state = 'RESOLVED', resolved_at = $1", as_of)
        async with database.transaction(parties.officer, as_of=as_of) as tx:
            draft = LegalHoldDraft(reason="Court.", subject=HoldSubject.BLOCK_ORDER, subject_id=order.id)
            hold = await place_legal_hold(tx, draft)
        assert await erase(database, as_of) == 0
        async with database.transaction(parties.officer, as_of=as_of) as tx:
            await release_legal_hold(tx, hold.id)
        assert await erase(database, as_of) > 0

    @pytest.mark.parametrize("is_held", [True, False], ids=["held", "open"])
    async def test_is_kept_by_row_level_security_too(self, ready, parties, as_of, is_held):
        """A statement of retention's role that forgets the rule changes nothing."""
        database = ready.database
        case = await file_case(database, parties, as_of, reject=is_held)
        if is_held:
            draft = LegalHoldDraft(reason="Court.", subject=HoldSubject.COMPLAINT, subject_id=case.id)
            async with database.transaction(parties.officer, as_of=as_of) as tx:
                await place_legal_hold(tx, draft)
        statements = (
            "UPDATE complaints SET erased_at = now()",
            "UPDATE complainants SET identity_sealed = ''",
            "UPDATE complainant_reveals SET purpose_sealed = ''",
            "UPDATE complaint_notes SET text_sealed = ''",
            "UPDATE evidence SET content_sealed = ''",
            "UPDATE evidence_extracts SET content_id = NULL",
            "UPDATE extract_releases SET reason = NULL",
            "DELETE FROM evidence_chunks",
            "DELETE FROM evidence_contents",
        )
        for statement in statements:
            async with database.system(Role.RETENTION, as_of=as_of) as tx:
                assert (await tx.execute(text(statement))).rowcount == 0, statement
        assert await list_left(ready.owner, of=case.id) == PURGED.keys()

    async def test_on_many_keeps_no_other_from_being_erased(self, ready, parties, as_of):
        database = ready.database
        numbers = [f"+62812000000{place:02}" for place in range(40, 45)]
        cases = [await file_case(database, parties, as_of, number=number) for number in numbers]
        async with database.transaction(parties.officer, as_of=as_of) as tx:
            for case in cases[:4]:
                draft = LegalHoldDraft(reason="Court.", subject=HoldSubject.COMPLAINT, subject_id=case.id)
                await place_legal_hold(tx, draft)
        batches = ContentRetention(KEPT_DAYS, limit=1)
        job = Job(name="x", role=Role.RETENTION, work=batches.erase_batch, has_more=lambda: batches.has_more)
        later = as_of + timedelta(days=KEPT_DAYS + 1)
        assert await run_to_end(job, database, now=lambda: later, seconds_max=60) == 1
        assert await list_left(ready.owner, of=cases[4].id) == set()


class TestNothingIsAddedAfterwards:
    async def test_by_a_note_a_review_or_a_release(self, ready, parties, as_of):
        database = ready.database
        case = await file_case(database, parties, as_of)
        await erase(database, as_of)
        async with database.transaction(parties.officer, as_of=as_of) as tx:
            noted = await note_complaints(tx, [NoteDraft(complaint_id=case.id, text="Anisimova again.")])
            reopened = await decide(tx, case.id, Decision.REOPEN, note="Again.")
            for [refused] in (noted, reopened):
                assert isinstance(refused, Problem)
                assert refused.code == "COMPLAINT_ERASED"
            said = ReleaseDraft(extract_id=case.extract, member_id=parties.provider.member_id, reason="Again.")
            with pytest.raises(EvidenceErasedError):
                await release_extract(tx, said)
        assert await list_left(ready.owner, of=case.id) == set()

    async def test_by_an_extract_that_was_being_made(self, ready, parties, as_of):
        database, cuts = ready.database, Cuts(ranges=(TextRange(start=0, end=5),))
        case = await file_case(database, parties, as_of)
        async with database.transaction(parties.officer, as_of=as_of) as tx:
            original = await open_original(tx, case.uploaded, cuts)
        await erase(database, as_of)
        with pytest.raises(ComplaintErasedError):
            async with database.transaction(parties.officer, as_of=as_of) as tx:
                await keep_extract(tx, original, cuts, b"the code.")
        assert await ready.owner.fetchval("SELECT count(*) FROM evidence_chunks") == 0

    async def test_and_an_unknown_complaint_is_unknown(self, ready, parties, as_of):
        async with ready.database.transaction(parties.officer, as_of=as_of) as tx:
            with pytest.raises(UnknownError):
                await reveal_complainant(tx, parties.officer.officer_id, purpose="To call back.")
