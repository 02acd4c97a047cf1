"""Complaints are filed by the thousand, each once, whole or not at all."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import event, text

from ledger.complaints import filing
from ledger.complaints.complainant_drafts import ComplainantDraft
from ledger.complaints.drafts import ComplaintDraft
from ledger.complaints.evidence import load_evidence, open_evidence
from ledger.complaints.evidence_drafts import EvidenceDraft
from ledger.complaints.filing import FiledComplaint, file_complaints
from ledger.complaints.reading import get_complaint, read_chronology
from ledger.complaints.states import ComplaintState
from ledger.complaints.vocabulary import Medium, Remedy
from ledger.errors import ForbiddenError, NoItemsError, Problem, TooManyItemsError
from ledger.numbers.reading import get_number
from ledger.numbers.vocabulary import HolderStatus, ProtectedReason
from ledger.policies import Policies
from ledger.storage.roles import Role
from ledger.vocabulary import Category, HoldReason
from tests.support.statements import count_statements

NUMBER = "0811 9000 0001"
E164 = "+6281190000001"
PNG = b"\x89PNG\r\n\x1a\n"


def a_draft(**changes):
    return ComplaintDraft(**{"medium": Medium.VOICE, "category": Category.FRAUD, "number": NUMBER, **changes})


async def file(database, viewer, as_of, *drafts, **options):
    async def work(tx):
        return await file_complaints(tx, drafts, **options)

    return await database.run(viewer, as_of=as_of, work=work)


async def count_rows(database, as_of, table):
    async with database.system(Role.TRANSITION, as_of=as_of) as tx:
        return (await tx.execute(text(f"SELECT count(*) FROM {table}"))).scalar_one()


class TestFileComplaints:
    async def test_keeps_all_that_was_said(self, database, parties, as_of):
        draft = a_draft(
            source_reference="case-1",
            medium=Medium.OTT,
            category=Category.IMPERSONATION,
            remedy=Remedy.BOTH,
            account_platform="Messenger",
            account_handle="@bank",
            account_url="https://messenger.example/bank",
            incident_at=as_of - timedelta(days=1),
            chronology="  Seseorang menelepon.\nDia minta OTP. ",
            loss_rupiah=2_500_000,
            complainant=ComplainantDraft(name="Ani", identity_number="3171 0101 0101 0001"),
            evidence=(EvidenceDraft(media_type="image/png", content=PNG, file_name="layar.png"),),
        )
        (filed,) = await file(database, parties.agency, as_of, draft)
        complaint = filed.complaint
        assert not filed.was_known
        assert complaint.ticket_no == "T-2026-0000001"
        assert (complaint.source_id, complaint.source_reference) == (parties.agency.member_id, "case-1")
        assert (complaint.e164, complaint.epoch, complaint.epoch_uncertain) == (E164, 1, False)
        assert (complaint.medium, complaint.category, complaint.remedy) == (
            Medium.OTT,
            Category.IMPERSONATION,
            Remedy.BOTH,
        )
        assert (complaint.account_platform, complaint.account_handle) == ("Messenger", "@bank")
        assert (complaint.incident_at, complaint.loss_rupiah) == (as_of - timedelta(days=1), 2_500_000)
        assert complaint.state is ComplaintState.SUBMITTED
        assert (complaint.filed_at, complaint.complete_at) == (as_of, as_of)
        assert complaint.verification_due_at == as_of + timedelta(hours=24)
        async with database.transaction(parties.regulator, as_of=as_of) as tx:
            read = await get_complaint(tx, complaint.id)
            assert read.chronology_digest is not None
            assert replace(read, chronology_digest=None, is_claimed=None) == complaint
            assert await read_chronology(tx, [complaint.id]) == {complaint.id: "Seseorang menelepon.\nDia minta OTP."}
            (piece,) = (await load_evidence(tx, [complaint.id]))[complaint.id]
            assert (piece.media_type, piece.file_name, piece.size_bytes) == ("image/png", "layar.png", 8)
            found, opened = await open_evidence(tx, piece.id)
            assert (found, await opened.read(tx, 0), await opened.read(tx, 3)) == (piece, PNG, PNG[3:])

    async def test_sends_evidence_as_bytes_that_are_never_written_out_as_text(self, database, parties, as_of):
        texts = []

        def note(_connection, _cursor, _statement, parameters, *_):
            texts.extend(value for value in parameters if isinstance(value, str))

        content = PNG + bytes(range(256)) * 64
        event.listen(database.engine.sync_engine, "before_cursor_execute", note)
        (filed,) = await file(
            database, parties.agency, as_of, a_draft(evidence=(EvidenceDraft(media_type="image/png", content=content),))
        )
        event.remove(database.engine.sync_engine, "before_cursor_execute", note)
        assert max(map(len, texts)) < len(content)
        async with database.transaction(parties.agency, as_of=as_of) as tx:
            (piece,) = (await load_evidence(tx, [filed.complaint.id]))[filed.complaint.id]
            _, opened = await open_evidence(tx, piece.id)
            assert await opened.read(tx, 0) == content

    async def test_stores_nothing_personal_in_clear(self, database, parties, as_of):
        draft = a_draft(
            chronology="uangnyahilang",
            complainant=ComplainantDraft(name="Anisimova", identity_number="3171010101010001"),
            evidence=(EvidenceDraft(media_type="text/plain", content=b"rahasiabesar"),),
        )
        await file(database, parties.agency, as_of, draft)
        async with database.system(Role.TRANSITION, as_of=as_of) as tx:
            rows = str((await tx.execute(text("SELECT to_jsonb(c) FROM complaints c"))).all())
        async with database.system(Role.VERIFIER, as_of=as_of) as tx:
            events = str((await tx.execute(text("SELECT to_jsonb(e) FROM events e"))).all())
        async with database.system(Role.JOBS, as_of=as_of) as tx:
            sealed = (await tx.execute(text("SELECT identity_sealed FROM complainants"))).scalar_one()
            content = (await tx.execute(text("SELECT content_sealed FROM evidence"))).scalar_one()
        assert b"Anisimova" not in sealed
        assert b"rahasiabesar" not in content
        for secret in ("uangnyahilang", b"uangnyahilang".hex(), "Anisimova", "3171010101010001"):
            assert secret not in rows
            assert secret not in events

    async def test_knows_a_reference_again(self, database, parties, as_of):
        first = await file(
            database, parties.agency, as_of, a_draft(source_reference="a"), a_draft(source_reference="b")
        )
        again = await file(
            database, parties.agency, as_of, a_draft(source_reference="b"), a_draft(source_reference="c")
        )
        assert [item.was_known for item in (*first, *again)] == [False, False, True, False]
        assert again[0].complaint == first[1].complaint
        assert await count_rows(database, as_of, "complaints") == 3

    async def test_refuses_another_content_under_a_known_reference(self, database, parties, as_of):
        results = await file(
            database,
            parties.agency,
            as_of,
            a_draft(source_reference="a"),
            a_draft(source_reference="a", chronology="another"),
        )
        again = await file(database, parties.agency, as_of, a_draft(source_reference="a", loss_rupiah=1))
        assert isinstance(results[0], FiledComplaint)
        assert [results[1].code, again[0].code] == ["SOURCE_REFERENCE_REUSED"] * 2

    async def test_knows_a_content_again_and_counts_occurrences_apart(self, database, parties, as_of):
        first = await file(database, parties.agency, as_of, a_draft(), a_draft(occurrence=2), a_draft(occurrence=1))
        again = await file(database, parties.agency, as_of, a_draft(occurrence=2), a_draft())
        assert [item.was_known for item in (*first, *again)] == [False, False, True, True, True]
        assert first[2].complaint.id == first[0].complaint.id != first[1].complaint.id
        assert await count_rows(database, as_of, "complaints") == 2

    async def test_keeps_two_sources_apart(self, database, parties, as_of):
        (ours,) = await file(database, parties.agency, as_of, a_draft(source_reference="a"))
        (theirs,) = await file(database, parties.other_agency, as_of, a_draft(source_reference="a"))
        assert not theirs.was_known
        assert ours.complaint.id != theirs.complaint.id

    async def test_knows_the_same_person_by_one_reference(self, database, parties, as_of):
        spellings = (
            ComplainantDraft(name="Ani", identity_number="3171-0101-0101-0001"),
            ComplainantDraft(name="ANI S.", identity_number="3171010101010001", phone="0811"),
            ComplainantDraft(name="Ani", identity_number="3171010101010002"),
        )
        drafts = [a_draft(complainant=complainant) for complainant in spellings]
        filed = await file(database, parties.agency, as_of, *drafts)
        references = [item.complaint.complainant_ref for item in filed]
        assert references[0] == references[1] != references[2]

    async def test_counts_a_numbers_complaints(self, database, parties, as_of):
        await file(database, parties.agency, as_of, a_draft(), a_draft(occurrence=2), a_draft(number="+1 202 555 0143"))
        await file(database, parties.other_agency, as_of, a_draft(), a_draft())
        async with database.transaction(parties.regulator, as_of=as_of) as tx:
            number, foreign = await get_number(tx, NUMBER), await get_number(tx, "+12025550143")
        assert (number.complaint_count, number.verified_complaint_count) == (3, 0)
        assert (foreign.complaint_count, foreign.holder_status) == (1, HolderStatus.FOREIGN)

    async def test_keeps_a_protected_number_with_a_mark(self, database, parties, as_of):
        (filed,) = await file(database, parties.agency, as_of, a_draft(number="159"))
        assert (filed.complaint.e164, filed.complaint.marks) == ("+62159", (HoldReason.SPOOFED_CLI_SUSPECTED,))
        async with database.transaction(parties.regulator, as_of=as_of) as tx:
            assert (await get_number(tx, "159")).protected_reason is ProtectedReason.REGULATOR_HOTLINE

    async def test_takes_an_account_without_a_number(self, database, parties, as_of):
        draft = a_draft(number=None, account_platform="Messenger", account_handle="@bank")
        (filed,) = await file(database, parties.agency, as_of, draft)
        assert (filed.complaint.e164, filed.complaint.epoch) == (None, None)

    async def test_binds_to_the_epoch_of_the_incident(self, database, parties, as_of):
        await file(database, parties.agency, as_of, a_draft(incident_at=as_of))
        async with database.system(Role.TRANSITION, as_of=as_of) as tx:
            await tx.execute(
                text("INSERT INTO number_epochs (e164, epoch, starts_at, recorded_at) VALUES (:e164, 2, :at, :at)"),
                {"e164": E164, "at": as_of},
            )
            await tx.execute(text("UPDATE phone_numbers SET epoch = 2"))
        filed = await file(
            database,
            parties.agency,
            as_of,
            a_draft(incident_at=as_of - timedelta(seconds=1)),
            a_draft(incident_at=as_of + timedelta(seconds=1)),
            a_draft(),
        )
        assert [(item.complaint.epoch, item.complaint.epoch_uncertain) for item in filed] == [
            (1, False),
            (2, False),
            (2, True),
        ]

    async def test_answers_a_bad_draft_in_its_place_and_files_the_others(self, database, parties, as_of, monkeypatch):
        monkeypatch.setattr(filing, "EVIDENCE_CALL_BYTES_MAX", 10)
        database.policies = Policies(chronology_characters_max=10, evidence_bytes_max=4)
        piece = EvidenceDraft(media_type="text/plain", content=b"1234")
        bad = {
            "NUMBER_MISSING": a_draft(number="  "),
            "NUMBER_INVALID": a_draft(number="saidpress1"),
            "REGION_INVALID": a_draft(region="XX"),
            "ACCOUNT_INCOMPLETE": a_draft(account_platform="Messenger"),
            "ACCOUNT_URL_INVALID": a_draft(account_platform="M", account_url="javascript:alert(1)"),
            "TIME_INVALID": a_draft(incident_at=as_of + timedelta(hours=1)),
            "TEXT_TOO_LONG": a_draft(chronology="x" * 11),
            "TEXT_INVALID": a_draft(chronology="a\x00b"),
            "LOSS_INVALID": a_draft(loss_rupiah=-1),
            "OCCURRENCE_INVALID": a_draft(occurrence=0),
            "COMPLAINANT_INCOMPLETE": a_draft(complainant=ComplainantDraft(name=" ")),
            "EVIDENCE_TYPE_UNKNOWN": a_draft(evidence=(EvidenceDraft(media_type="text/html", content=b"1"),)),
            "EVIDENCE_TYPE_MISMATCH": a_draft(evidence=(EvidenceDraft(media_type="image/png", content=b"1"),)),
            "EVIDENCE_FORM": a_draft(evidence=(EvidenceDraft(media_type="image/png"),)),
            "EVIDENCE_UPLOAD_UNKNOWN": a_draft(evidence=(EvidenceDraft(upload_id="1"),)),
            "EVIDENCE_EMPTY": a_draft(evidence=(EvidenceDraft(media_type="image/png", content=b""),)),
            "EVIDENCE_TOO_LARGE": a_draft(evidence=(EvidenceDraft(media_type="text/plain", content=b"12345"),)),
            "EVIDENCE_TOO_MANY": a_draft(evidence=(EvidenceDraft(media_type="image/png", content=b""),) * 11),
        }
        results = await file(database, parties.agency, as_of, a_draft(), *bad.values(), a_draft(occurrence=2))
        assert [item.code for item in results[1:-1]] == list(bad)
        assert [item.was_known for item in (results[0], results[-1])] == [False, False]
        results = await file(
            database, parties.agency, as_of, *(a_draft(occurrence=n, evidence=(piece,)) for n in (1, 2, 3))
        )
        assert [isinstance(item, Problem) for item in results] == [False, False, True]

    @pytest.mark.parametrize("text_", ["a\ud800b", "bad\x0btab", "a\x07b"])
    async def test_refuses_texts_that_break(self, database, parties, as_of, text_):
        (result,) = await file(database, parties.agency, as_of, a_draft(chronology=text_))
        assert result.code == "TEXT_INVALID"

    async def test_takes_1_to_1000(self, database, parties, as_of):
        with pytest.raises(NoItemsError):
            await file(database, parties.agency, as_of)
        with pytest.raises(TooManyItemsError):
            await file(database, parties.agency, as_of, *[a_draft()] * 1001)

    async def test_is_for_those_who_file(self, database, parties, as_of):
        for viewer in (parties.telkomsel, parties.provider):
            with pytest.raises(ForbiddenError):
                await file(database, viewer, as_of, a_draft())
        (filed,) = await file(database, parties.regulator, as_of, a_draft(complainant=ComplainantDraft(name="Ani")))
        assert filed.complaint.source_id == parties.regulator.member_id

    async def test_tells_the_source_and_nobody_else(self, database, parties, as_of):
        (filed,) = await file(database, parties.agency, as_of, a_draft())
        statement = text("SELECT kind, subject_id, state, payload FROM events WHERE subject = 'COMPLAINT'")
        for viewer, is_told in ((parties.agency, True), (parties.other_agency, False), (parties.telkomsel, False)):
            async with database.transaction(viewer, as_of=as_of) as tx:
                rows = (await tx.execute(statement)).all()
            assert [(row.kind, row.subject_id) for row in rows] == (
                [("COMPLAINT_FILED", filed.complaint.id)] if is_told else []
            )

    async def test_files_1000_in_as_many_statements_as_one(self, database, parties, as_of):
        async def count(*drafts):
            statements = []
            stop = count_statements(database, statements.append)
            await file(database, parties.agency, as_of, *drafts)
            stop()
            return [line for line in statements if "set_config" not in line]

        complainant = ComplainantDraft(name="Ani")
        png = (EvidenceDraft(media_type="image/png", content=PNG),)
        one = await count(a_draft(complainant=complainant, evidence=png))
        drafts = [
            a_draft(number=f"0811 9000 {n:04}", complainant=complainant, evidence=png, source_reference=f"r{n}")
            for n in range(1000)
        ]
        thousand = await count(*drafts)
        assert len(one) == len(thousand) == 9
        assert len(await count(*drafts)) == 2


class TestTwoFilersAtOnce:
    async def test_file_the_same_complaints_once(self, database, parties, as_of):
        drafts = [a_draft(number=f"0811 9000 {n:04}", source_reference=f"r{n}") for n in range(50)]
        drafts += [a_draft(number=None, account_platform="M", account_handle=f"h{n}") for n in range(50)]
        results = await asyncio.gather(
            *(file(database, parties.agency, as_of, *(drafts if n % 2 else drafts[::-1])) for n in range(6))
        )
        filed = [item for result in results for item in result if not item.was_known]
        assert len(filed) == 100
        assert await count_rows(database, as_of, "complaints") == 100
        assert await count_rows(database, as_of, "events WHERE kind = 'COMPLAINT_FILED'") == 100
        async with database.transaction(parties.regulator, as_of=as_of) as tx:
            assert (await get_number(tx, "0811 9000 0007")).complaint_count == 1

    async def test_count_one_numbers_complaints_right(self, database, parties, as_of):
        await asyncio.gather(
            *(
                file(database, parties.agency, as_of, *(a_draft(source_reference=f"{n}-{m}") for m in range(20)))
                for n in range(6)
            )
        )
        async with database.transaction(parties.regulator, as_of=as_of) as tx:
            assert (await get_number(tx, NUMBER)).complaint_count == 120
