"""Uploads become evidence once, expire otherwise, and stay readable under a new key."""

import asyncio
import hashlib
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text

from ledger.complaints.contents import CHUNK_BYTES, digest_content
from ledger.complaints.decisions import ComplaintDecision, Decision, decide_complaints
from ledger.complaints.evidence import load_evidence
from ledger.complaints.evidence_drafts import EvidenceDraft
from ledger.complaints.filing import file_complaints
from ledger.complaints.supplements import Supplement, supply_information
from ledger.complaints.uploads import UploadDraft, begin_upload, delete_expired_uploads, end_upload
from ledger.errors import Problem
from ledger.storage.database import Database
from ledger.storage.rekeying import rotate_keys
from ledger.storage.roles import Role
from ledger.storage.sealing import Keyring, sealed_key_id
from migrations.metadata import metadata
from tests.support.evidence import upload
from tests.support.journeys import complaint_draft

CONTENT = b"Send the code. " * (CHUNK_BYTES // 10)
DAY = timedelta(hours=24)


async def file(database, viewer, as_of, *drafts):
    async with database.transaction(viewer, as_of=as_of) as tx:
        return await file_complaints(tx, drafts)


def a_draft(upload_id, number="+6281200000001", **more):
    return complaint_draft(number, evidence=(EvidenceDraft(upload_id=upload_id),), **more)


async def count(database, as_of, table):
    async with database.system(Role.TRANSITION, as_of=as_of) as tx:
        return (await tx.execute(text(f"SELECT count(*) FROM {table}"))).scalar_one()


async def expire(database, as_of):
    async with database.system(Role.RETENTION, as_of=as_of) as tx:
        return await delete_expired_uploads(tx)


class TestExpiry:
    async def test_deletes_what_became_no_evidence_with_its_bytes_and_nothing_else(self, database, parties, as_of):
        kept = await upload(database, parties.agency, as_of, CONTENT)
        await upload(database, parties.agency, as_of, CONTENT)
        await file(database, parties.agency, as_of, a_draft(kept.id))
        assert await expire(database, as_of + DAY - timedelta(seconds=1)) == 0
        before = await count(database, as_of, "evidence_chunks")
        assert await expire(database, as_of + DAY) == 1
        assert await expire(database, as_of + DAY) == 0
        assert await count(database, as_of, "evidence_contents") == 1
        assert await count(database, as_of, "evidence_chunks") == before / 2
        async with database.reading(parties.agency, as_of=as_of) as tx:
            assert await digest_content(tx, kept.id, len(CONTENT)) == hashlib.sha256(CONTENT).hexdigest()

    async def test_leaves_one_that_was_ended_to_the_job_and_to_nobody_else(self, database, parties, as_of):
        begun = await upload(database, parties.agency, as_of, CONTENT)
        async with database.transaction(parties.agency, as_of=as_of) as tx:
            await end_upload(tx, begun.id)
        [refused] = await file(database, parties.agency, as_of, a_draft(begun.id))
        assert refused.code == "EVIDENCE_UPLOAD_UNKNOWN"
        assert await expire(database, as_of) == 1

    async def test_makes_an_upload_unknown_before_it_is_deleted(self, database, parties, as_of):
        late = await upload(database, parties.agency, as_of, CONTENT)
        [refused] = await file(database, parties.agency, as_of + DAY, a_draft(late.id))
        assert refused.code == "EVIDENCE_UPLOAD_UNKNOWN"


class TestFiling:
    async def test_of_two_complaints_at_once_one_gets_the_upload(self, database, parties, as_of):
        one = await upload(database, parties.agency, as_of, CONTENT)
        drafts = [a_draft(one.id, f"+628120000000{place}") for place in range(4)]
        results = await asyncio.gather(*(file(database, parties.agency, as_of, draft) for draft in drafts))
        refused = [result[0] for result in results if isinstance(result[0], Problem)]
        assert [problem.code for problem in refused] == ["EVIDENCE_UPLOAD_USED"] * 3
        assert await count(database, as_of, "complaints") == await count(database, as_of, "evidence") == 1

    async def test_names_no_upload_twice(self, database, parties, as_of):
        one = await upload(database, parties.agency, as_of, CONTENT)
        twice = replace(a_draft(one.id), evidence=(EvidenceDraft(upload_id=one.id),) * 2)
        [refused] = await file(database, parties.agency, as_of, twice)
        assert refused.code == "EVIDENCE_UPLOAD_USED"

    async def test_refuses_what_is_not_whole(self, database, parties, as_of):
        async with database.transaction(parties.agency, as_of=as_of) as tx:
            begun = await begin_upload(tx, UploadDraft(media_type="text/plain", size_bytes=5))
        [refused] = await file(database, parties.agency, as_of, a_draft(begun.id))
        assert refused.code == "EVIDENCE_UPLOAD_UNFINISHED"

    async def test_refuses_content_beside_an_upload(self, database, parties, as_of):
        one = await upload(database, parties.agency, as_of, CONTENT)
        both = EvidenceDraft(upload_id=one.id, media_type="text/plain", content=b"Pay.")
        [refused] = await file(database, parties.agency, as_of, replace(a_draft(one.id), evidence=(both,)))
        assert refused.code == "EVIDENCE_FORM"

    async def test_takes_uploads_in_an_answer_too(self, database, parties, as_of):
        [filed] = await file(database, parties.agency, as_of, complaint_draft("+6281200000001"))
        complaint_id = filed.complaint.id
        async with database.transaction(parties.officer, as_of=as_of) as tx:
            asked = ComplaintDecision(complaint_id=complaint_id, decision=Decision.ASK_INFO, note="A picture?")
            await decide_complaints(tx, [asked])
        one = await upload(database, parties.agency, as_of, CONTENT)
        async with database.transaction(parties.agency, as_of=as_of) as tx:
            more = Supplement(complaint_id=complaint_id, evidence=(EvidenceDraft(upload_id=one.id),))
            await supply_information(tx, [more])
            [piece] = (await load_evidence(tx, [complaint_id]))[complaint_id]
        assert (piece.content_id, piece.sha256) == (one.id, hashlib.sha256(CONTENT).hexdigest())


async def test_a_new_key_reaches_every_chunk(database, parties, as_of, keyring):
    one = await upload(database, parties.agency, as_of, CONTENT)
    both = Keyring({"new": b"n" * 32, **keyring.keys}, "new", keyring.reference_key)
    rekeyed = Database(database.engine, database.settings, both)
    done = await rotate_keys(rekeyed, as_of=as_of, tables=metadata.sorted_tables)
    assert done["evidence_chunks.content_sealed"] == await count(database, as_of, "evidence_chunks") > 1
    async with rekeyed.system(Role.JOBS, as_of=as_of) as tx:
        values = (await tx.execute(text("SELECT content_sealed FROM evidence_chunks"))).scalars().all()
    assert {sealed_key_id(bytes(value)) for value in values} == {"new"}
    alone = Database(database.engine, database.settings, replace(both, keys={"new": both.keys["new"]}))
    async with alone.reading(parties.agency, as_of=as_of) as tx:
        assert await digest_content(tx, one.id, len(CONTENT)) == hashlib.sha256(CONTENT).hexdigest()


@pytest.mark.parametrize("size", [1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1])
async def test_of_any_size_is_read_as_it_was_written(database, parties, as_of, size):
    content = b"a" * size
    one = await upload(database, parties.agency, as_of, content)
    assert one.sha256 == hashlib.sha256(content).hexdigest()
