"""Extracts: what is cut out is gone, members see extracts that were released to them, and nobody an original."""

import asyncio
import io
import json
import resource
import struct
import zlib

import pytest
from PIL import Image
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from ledger.complaints.evidence_drafts import EvidenceDraft
from ledger.complaints.filing import file_complaints
from ledger.extracts.cuts import RedactionTooLargeError, RedactionUnreadableError, Region, cut_image
from ledger.orders.table import BlockOrder
from ledger.policies import RedactionPolicy
from ledger.storage.roles import Role
from tests.support.desk import Desk
from tests.support.journeys import TELKOMSEL_NUMBER, issue_orders
from tests.support.signal_journeys import take_part

REDACT = """mutation($input: RedactEvidenceInput!) {
  redactEvidence(input: $input) { extract { id mediaType sizeBytes sha256 originalSha256 cuts evidenceId } } }"""
RELEASE = """mutation($input: ReleaseExtractInput!) {
  releaseExtract(input: $input) { release { id orderId member { slug } } } }"""
WITHDRAW = "mutation($id: ID!) { withdrawExtract(input: { releaseId: $id }) { release { withdrawnAt } } }"
READ = "{ evidenceExtracts(first: 10) { nodes { id sha256 originalSha256 mediaType link { url } } } }"
OF_EVIDENCE = """query($id: ID!) { complaint(id: $id) { evidence { id sha256 link { url }
  extracts { sha256 officer { displayName } releases { reason member { slug } } } } } }"""
SECRET = "Ani Kusuma, 3171"
POLICY = RedactionPolicy()


def photo(size: tuple[int, int] = (64, 32), fmt: str = "JPEG", **more: object) -> bytes:
    picture = Image.new("RGB", size, "white")
    picture.paste((250, 10, 10), (8, 8, 24, 24))
    written = io.BytesIO()
    exif = Image.Exif()
    exif[0x010E] = SECRET
    picture.save(written, fmt, exif=exif, **more)
    return written.getvalue()


@pytest.fixture
async def order(desk: Desk) -> BlockOrder:
    [issued] = await issue_orders(desk.database, desk.parties, desk.as_of, [TELKOMSEL_NUMBER])
    return issued


@pytest.fixture
async def complaint_id(desk: Desk, order: BlockOrder) -> str:
    async with desk.database.system(Role.TRANSITION, as_of=desk.as_of) as tx:
        return str((await tx.execute(text("SELECT complaint_id FROM order_complaints"))).scalar_one())


async def add_evidence(desk: Desk, complaint_id: str, media_type: str, content: bytes) -> str:
    """File another complaint with the evidence, and put it behind the order."""
    from tests.support.journeys import complaint_draft

    draft = complaint_draft(TELKOMSEL_NUMBER, evidence=(EvidenceDraft(media_type=media_type, content=content),))
    async with desk.database.transaction(desk.parties.agency, as_of=desk.as_of) as tx:
        [filed] = await file_complaints(tx, [draft])
    async with desk.database.system(Role.TRANSITION, as_of=desk.as_of) as tx:
        await tx.execute(
            text(
                "INSERT INTO order_complaints SELECT order_id, CAST(:new AS uuid), joined_at FROM order_complaints "
                "WHERE complaint_id = CAST(:old AS uuid)"
            ),
            {"new": filed.complaint.id, "old": complaint_id},
        )
        found = await tx.execute(
            text("SELECT id FROM evidence WHERE complaint_id = CAST(:id AS uuid)"), {"id": filed.complaint.id}
        )
        return str(found.scalar_one())


def png_chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(width: int, height: int, *more: bytes, data: bytes | None = None) -> bytes:
    """A grey PNG of this size, by its head; with what there is of it."""
    head = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    rows = zlib.compress(data if data is not None else bytes((width + 1) * height))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(more) + png_chunk(b"IDAT", rows) + png_chunk(b"IEND", b"")


def gif(width: int, height: int, frames: int) -> bytes:
    """A GIF of this screen with as many frames of one pixel each."""
    frame = b"\x2c" + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02\x44\x01\x00"
    head = b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + b"\x00\x00\x00\xff\xff\xff"
    return head + frame * frames + b"\x3b"


REFUSED = (RedactionUnreadableError, RedactionTooLargeError)
ZEROS = zlib.compress(bytes(200_000_000), 9)
BOMBS: dict[str, tuple[bytes, tuple[type[Exception], ...]]] = {
    "pixels": (png(60_000, 60_000, data=bytes(10_000_000)), (RedactionTooLargeError,)),
    "one endless line": (png(2_000_000_000, 1, data=b""), (RedactionTooLargeError,)),
    "more data than pixels": (png(8, 8, data=bytes(200_000_000)), ()),
    "a text": (png(8, 8, png_chunk(b"zTXt", b"a\x00\x00" + ZEROS)), REFUSED),
    "a profile": (
        png(8, 8, png_chunk(b"iCCP", b"a\x00\x00" + ZEROS)),
        (RedactionUnreadableError, RedactionTooLargeError),
    ),
    "a screen": (gif(65_535, 65_535, 1), (RedactionTooLargeError,)),
    "frames": (gif(100, 100, 50_000), ()),
}
"""Small files that grow when they are decoded, and how each is refused; not at all if it comes to little."""
WORKER_BYTES_MAX = 1_100_000_000


async def redact(desk: Desk, evidence_id: str, **cuts: object):
    return await desk.ask(desk.parties.officer, REDACT, input={"evidenceId": evidence_id, **cuts})


class TestPicture:
    @pytest.mark.parametrize("fmt", ["JPEG", "PNG", "WEBP", "GIF"])
    async def test_is_black_where_it_was_cut_and_has_no_metadata(self, fmt: str) -> None:
        content = photo(fmt=fmt)
        assert fmt == "GIF" or SECRET.encode() in content
        cut = await cut_image(content, [Region(x=8, y=8, width=16, height=16)], POLICY)
        assert SECRET.encode() not in cut
        with Image.open(io.BytesIO(cut)) as left:
            assert (left.format, left.size, dict(left.getexif()), left.info) == ("PNG", (64, 32), {}, {})
            assert {left.getpixel((x, y)) for x in range(8, 24) for y in range(8, 24)} == {(0, 0, 0)}
            assert min(left.getpixel((40, 16))) > 240

    async def test_is_cut_as_it_is_shown_and_not_as_it_is_stored(self) -> None:
        picture = Image.new("RGB", (40, 20), "white")
        picture.paste((250, 10, 10), (0, 0, 10, 10))
        exif = Image.Exif()
        exif[0x0112] = 6  # shown turned by 90 degrees: what is stored at the left is shown above
        written = io.BytesIO()
        picture.save(written, "PNG", exif=exif)
        cut = await cut_image(written.getvalue(), [Region(x=10, y=0, width=10, height=10)], POLICY)
        with Image.open(io.BytesIO(cut)) as left:
            assert left.size == (20, 40)
            assert not [p for p in left.get_flattened_data() if p[0] > 200 and p[1] < 100]

    @pytest.mark.parametrize("name", BOMBS)
    async def test_that_is_a_decompression_bomb_is_refused_or_costs_nothing(self, name: str) -> None:
        bomb, refusals = BOMBS[name]
        assert len(bomb) < 1_000_000
        before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        try:
            cut = await cut_image(bomb, [Region(x=0, y=0, width=1, height=1)], POLICY)
        except refusals:
            pass
        else:
            assert refusals == (), "it was shown"
            assert len(cut) < 100_000
        used = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        assert used == before or used * 1024 < WORKER_BYTES_MAX

    async def test_of_many_pixels_that_are_allowed_is_cut_in_the_memory_that_there_is(self) -> None:
        picture = Image.new("L", (8_000, 5_000), 200)
        assert picture.width * picture.height == POLICY.redaction_pixels_max
        written = io.BytesIO()
        picture.save(written, "PNG")
        cut = await cut_image(written.getvalue(), [Region(x=0, y=0, width=8_000, height=10)], POLICY)
        with Image.open(io.BytesIO(cut)) as left:
            assert (left.size, left.getpixel((5, 5)), left.getpixel((5, 11))) == ((8_000, 5_000), (0,) * 3, (200,) * 3)

    async def test_that_can_not_be_decoded_is_refused(self) -> None:
        with pytest.raises(RedactionUnreadableError):
            await cut_image(photo()[:200], [Region(x=0, y=0, width=1, height=1)], POLICY)


class TestRedacting:
    async def test_keeps_an_extract_with_its_own_hash_and_the_originals(self, desk: Desk, complaint_id: str) -> None:
        evidence_id = await add_evidence(desk, complaint_id, "image/jpeg", photo())
        answer = await redact(desk, evidence_id, regions=[{"x": 8, "y": 8, "width": 16, "height": 16}])
        extract = answer.data["redactEvidence"]["extract"]
        assert (extract["mediaType"], extract["evidenceId"]) == ("image/png", evidence_id)
        assert json.loads(extract["cuts"])["regions"] == [{"height": 16, "width": 16, "x": 8, "y": 8}]
        assert extract["sha256"] != extract["originalSha256"]

    async def test_cuts_text_and_says_where(self, desk: Desk, complaint_id: str) -> None:
        evidence_id = await add_evidence(desk, complaint_id, "text/plain", "Ani \U0001f600 paid 100.".encode())
        answer = await redact(desk, evidence_id, ranges=[{"start": 0, "end": 5}])
        extract = answer.data["redactEvidence"]["extract"]
        assert extract["sizeBytes"] == len("[\u2026] paid 100.".encode())

    @pytest.mark.parametrize(
        ("kind", "content", "cuts", "problem"),
        [
            ("text/plain", b"Pay.", {"ranges": [{"start": 0, "end": 5}]}, "REDACTION_INVALID"),
            ("text/plain", b"Pay.", {"ranges": []}, "REDACTION_INVALID"),
            ("text/plain", b"Pay.", {"regions": [{"x": 0, "y": 0, "width": 1, "height": 1}]}, "REDACTION_INVALID"),
            ("image/jpeg", photo(), {"regions": [{"x": 64, "y": 0, "width": 1, "height": 1}]}, "REDACTION_INVALID"),
            ("image/jpeg", photo(), {"regions": [{"x": -1, "y": 0, "width": 9, "height": 1}]}, "REDACTION_INVALID"),
            ("application/pdf", b"%PDF-1.7", {"ranges": [{"start": 0, "end": 1}]}, "REDACTION_TYPE"),
        ],
    )
    async def test_that_cuts_nothing_or_the_wrong_way_is_refused(
        self, desk: Desk, complaint_id: str, kind: str, content: bytes, cuts: dict, problem: str
    ) -> None:
        evidence_id = await add_evidence(desk, complaint_id, kind, content)
        assert (await redact(desk, evidence_id, **cuts)).problems == [problem]

    async def test_is_for_officers_alone(self, desk: Desk, complaint_id: str) -> None:
        evidence_id = await add_evidence(desk, complaint_id, "text/plain", b"Ani paid.")
        asked = {"evidenceId": evidence_id, "ranges": [{"start": 0, "end": 3}]}
        assert (await desk.ask(desk.parties.regulator, REDACT, input=asked)).problems == ["OFFICER_REQUIRED"]
        assert (await desk.ask(desk.parties.agency, REDACT, input=asked)).problems == ["FORBIDDEN"]


@pytest.fixture
async def extract(desk: Desk, complaint_id: str) -> dict:
    evidence_id = await add_evidence(desk, complaint_id, "text/plain", b"Ani paid.")
    return (await redact(desk, evidence_id, ranges=[{"start": 0, "end": 3}])).data["redactEvidence"]["extract"]


async def release(desk: Desk, extract: dict, member_id: str, **more: object):
    asked = {"extractId": extract["id"], "memberId": member_id, "reason": "It disputes the order.", **more}
    return await desk.ask(desk.parties.officer, RELEASE, input=asked)


class TestRelease:
    async def test_shows_an_extract_to_the_orders_carrier_until_it_is_withdrawn(
        self, desk: Desk, order: BlockOrder, extract: dict
    ) -> None:
        parties = desk.parties
        assert (await desk.ask(parties.telkomsel, READ)).data["evidenceExtracts"]["nodes"] == []
        released = await release(desk, extract, parties.telkomsel.member_id, orderId=order.id)
        release_id = released.data["releaseExtract"]["release"]["id"]
        [seen] = (await desk.ask(parties.telkomsel, READ)).data["evidenceExtracts"]["nodes"]
        assert (seen["sha256"], seen["originalSha256"]) == (extract["sha256"], extract["originalSha256"])
        for other in (parties.indosat, parties.provider):
            assert (await desk.ask(other, READ)).data["evidenceExtracts"]["nodes"] == []
        again = await release(desk, extract, parties.telkomsel.member_id, orderId=order.id)
        assert again.problems == ["RELEASED_ALREADY"]
        withdrawn = await desk.ask(parties.officer, WITHDRAW, id=release_id)
        assert withdrawn.data["withdrawExtract"]["release"]["withdrawnAt"]
        assert (await desk.ask(parties.telkomsel, READ)).data["evidenceExtracts"]["nodes"] == []

    async def test_goes_to_a_provider_only_while_it_takes_part(self, desk: Desk, extract: dict) -> None:
        provider = desk.parties.provider
        assert (await release(desk, extract, provider.member_id)).problems == ["RELEASE_RECIPIENT"]
        await take_part(desk.database, desk.parties, desk.as_of)
        assert (await release(desk, extract, provider.member_id)).problems == []
        assert len((await desk.ask(provider, READ)).data["evidenceExtracts"]["nodes"]) == 1

    async def test_goes_to_nobody_else(self, desk: Desk, order: BlockOrder, extract: dict) -> None:
        parties = desk.parties
        for member_id, order_id in (
            (parties.telkomsel.member_id, None),
            (parties.indosat.member_id, order.id),
            (parties.agency.member_id, None),
            (parties.agency.member_id, order.id),
        ):
            more = {"orderId": order_id} if order_id else {}
            assert (await release(desk, extract, member_id, **more)).problems == ["RELEASE_RECIPIENT"]
        assert (await release(desk, extract, parties.telkomsel.member_id, orderId=order.id, reason=" ")).problems == [
            "RELEASE_REASON"
        ]

    async def test_tells_its_recipient_and_says_nothing_of_the_complaint(
        self, desk: Desk, order: BlockOrder, extract: dict
    ) -> None:
        await release(desk, extract, desk.parties.telkomsel.member_id, orderId=order.id)
        said = text("SELECT subject_id, payload::text FROM events WHERE kind = 'EXTRACT_RELEASED'")
        async with desk.database.reading(desk.parties.telkomsel, as_of=desk.as_of) as tx:
            [event] = (await tx.execute(said)).all()
        assert event.subject_id == extract["id"]
        for column in ("complaint_id", "evidence_id", "cuts", "made_by"):
            with pytest.raises(DBAPIError, match="permission denied"):
                async with desk.database.reading(desk.parties.telkomsel, as_of=desk.as_of) as tx:
                    await tx.execute(text(f"SELECT {column} FROM evidence_extracts"))

    async def test_is_shown_to_the_regulator_beside_the_evidence(
        self, desk: Desk, order: BlockOrder, extract: dict
    ) -> None:
        await release(desk, extract, desk.parties.telkomsel.member_id, orderId=order.id)
        async with desk.database.reading(desk.parties.officer, as_of=desk.as_of) as tx:
            complaint_id = (await tx.execute(text("SELECT complaint_id FROM evidence_extracts"))).scalar_one()
        [piece] = (await desk.ask(desk.parties.officer, OF_EVIDENCE, id=complaint_id)).data["complaint"]["evidence"]
        assert piece["extracts"][0]["releases"] == [
            {"reason": "It disputes the order.", "member": {"slug": "telkomsel"}}
        ]

    async def test_of_extracts_no_role_of_a_member_reads_an_originals_chunks(
        self, desk: Desk, order: BlockOrder, extract: dict
    ) -> None:
        await release(desk, extract, desk.parties.telkomsel.member_id, orderId=order.id)
        chunks = text("SELECT count(*) FROM evidence_chunks")
        for viewer, count in ((desk.parties.telkomsel, 1), (desk.parties.indosat, 0), (desk.parties.provider, 0)):
            async with desk.database.reading(viewer, as_of=desk.as_of) as tx:
                assert (await tx.execute(chunks)).scalar_one() == count
            with pytest.raises(DBAPIError, match="permission denied"):
                async with desk.database.reading(viewer, as_of=desk.as_of) as tx:
                    await tx.execute(text("SELECT 1 FROM evidence"))


async def test_two_officers_redact_at_once(desk: Desk, complaint_id: str) -> None:
    evidence_id = await add_evidence(desk, complaint_id, "image/jpeg", photo())
    cut = [{"x": 8, "y": 8, "width": 16, "height": 16}]
    answers = await asyncio.gather(*(redact(desk, evidence_id, regions=cut) for _ in range(3)))
    assert [answer.problems for answer in answers] == [[], [], []]
