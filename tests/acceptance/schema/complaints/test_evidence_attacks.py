"""Attacks on uploads and links, each tried over the wire against the whole gateway."""

import asyncio
import base64
import hashlib
import http.client
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from ledger.complaints.contents import CHUNK_BYTES, CHUNK_BYTES_MIN
from ledger.complaints.uploads import delete_expired_uploads
from ledger.storage.roles import Role
from tests.support.graph_site import Site
from tests.support.uploader import PATCH, PNG, TUS, Answer, Uploader, picture, plain

LINK_SECONDS = 300
PDF_WITH_JAVASCRIPT = (
    b"%PDF-1.7\n1 0 obj <</Type/Catalog/Pages 2 0 R/OpenAction<</S/JavaScript/JS(app.alert\\(1\\))>>>> endobj\n%%EOF"
)


@pytest.fixture
def agency(site: Site) -> Uploader:
    return Uploader(site, site.token(site.parties.agency))


@pytest.fixture
def officer(site: Site) -> Uploader:
    return Uploader(site, site.token(site.parties.officer))


@pytest.fixture
def filed(agency: Uploader) -> str:
    return agency.file(agency.upload(picture(300_000)))["complaint"]["id"]


def show(viewer: Uploader, source: Uploader, content: bytes, kind: str, name: str) -> Answer:
    complaint_id = source.file(source.upload(content, kind, name))["complaint"]["id"]
    return viewer.send("GET", viewer.link(complaint_id))


def at_once(*calls: Callable[[], Any]) -> list[Any]:
    """Make the calls at once; what each returned."""
    found: list[Any] = []
    threads = [threading.Thread(target=lambda call=call: found.append(call())) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def digest_header(content: bytes) -> str:
    return f"sha-256=:{base64.b64encode(hashlib.sha256(content).digest()).decode()}:"


class TestALink:
    def test_is_of_no_use_once_it_has_expired(self, site: Site, officer: Uploader, filed: str) -> None:
        link = officer.link(filed)
        site.as_of += timedelta(seconds=LINK_SECONDS - 1)
        assert officer.send("GET", link).status == 200
        site.as_of += timedelta(seconds=1)
        assert (answer := officer.send("GET", link)).status == 404, answer.body
        assert answer.problem == "EVIDENCE_LINK_INVALID"
        assert officer.send("GET", officer.link(filed)).status == 200

    def test_is_of_no_use_once_its_viewers_token_was_revoked(self, site: Site, officer: Uploader, filed: str) -> None:
        link = officer.link(filed)
        site.revoke(officer.token or "")
        assert (answer := officer.send("GET", link)).status == 401, answer.body
        again = Uploader(site, site.token(site.parties.officer))
        assert again.send("GET", link).status == 200

    def test_is_of_no_use_to_its_viewer_without_the_scope(self, site: Site, officer: Uploader, filed: str) -> None:
        scopes = ("complaints:read", "evidence:read")
        narrowed = Uploader(site, site.token(site.parties.officer, without=scopes))
        assert narrowed.send("GET", officer.link(filed)).problem == "SCOPES_MISSING"

    def test_to_an_extract_leads_to_no_evidence_and_the_reverse(self, officer: Uploader, filed: str) -> None:
        kind, piece, until, signature = officer.link(filed).rpartition("/")[2].split(".")
        assert kind == "evidence"
        assert officer.send("GET", f"/evidence/content/extract.{piece}.{until}.{signature}").status == 404

    def test_is_no_upload_and_takes_no_other_method(self, officer: Uploader, agency: Uploader, filed: str) -> None:
        link = officer.link(filed)
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            assert officer.send(method, link, b"x", **plain(PATCH)).status == 405
        assert agency.head(link.rpartition("/")[2]).status == 404

    def test_ends_a_download_under_way_with_its_viewers_token(
        self, site: Site, officer: Uploader, agency: Uploader
    ) -> None:
        content = picture(24_000_000)
        link = officer.link(agency.file(agency.upload(content))["complaint"]["id"])
        connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=20)
        connection.request("GET", link, headers={"Authorization": f"Bearer {officer.token}"})
        answer = connection.getresponse()
        assert (answer.status, len(answer.read(65_536))) == (200, 65_536)
        site.revoke(officer.token or "")
        with pytest.raises((http.client.IncompleteRead, ConnectionError)) as cut:
            answer.read()
        if isinstance(cut.value, http.client.IncompleteRead):
            assert len(cut.value.partial) < len(content) - 65_536
        connection.close()
        assert site.holds == []

    def test_does_not_say_whether_there_is_such_evidence(self, officer: Uploader, filed: str) -> None:
        kind, piece, until, signature = officer.link(filed).rpartition("/")[2].split(".")
        unknown = "018f0000-0000-7000-8000-000000000000"
        told = {
            (answer.status, answer.problem)
            for answer in (
                officer.send("GET", f"/evidence/content/{kind}.{each}.{until}.{signature[::-1]}")
                for each in (piece, unknown)
            )
        }
        assert told == {(404, "EVIDENCE_LINK_INVALID")}

    def test_with_an_endless_time_or_odd_digits_leads_nowhere(self, officer: Uploader, filed: str) -> None:
        kind, piece, _, signature = officer.link(filed).rpartition("/")[2].split(".")
        for until in ("9" * 30, "9" * 150, "-1", "%D9%A1", "1e9", "", "0x1"):
            assert officer.send("GET", f"/evidence/content/{kind}.{piece}.{until}.{signature}").status == 404


class TestAToken:
    def test_that_ends_ends_an_upload_under_way(self, site: Site, agency: Uploader) -> None:
        content = picture(3 * CHUNK_BYTES)
        upload_id = agency.begun(len(content))
        token = agency.token or ""
        connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=20)
        head = {**PATCH, "Upload-Offset": "0", "Content-Length": str(len(content)), "Authorization": f"Bearer {token}"}
        connection.putrequest("PATCH", f"/evidence/{upload_id}")
        for name, value in head.items():
            connection.putheader(name, value)
        connection.endheaders(content[:CHUNK_BYTES])
        again = Uploader(site, site.token(site.parties.agency))
        while again.head(upload_id).headers["Upload-Offset"] != str(CHUNK_BYTES):
            pass
        site.revoke(token)
        connection.send(content[CHUNK_BYTES:])
        answer = connection.getresponse()
        assert (answer.status, b"TOKEN_INVALID" in answer.read()) == (401, True)
        connection.close()
        assert again.head(upload_id).headers["Upload-Offset"] == str(CHUNK_BYTES)


class TestContentThatWouldRun:
    def test_javascript_in_a_pdf_is_saved_and_never_opened_here(self, officer: Uploader, agency: Uploader) -> None:
        shown = show(officer, agency, PDF_WITH_JAVASCRIPT, "application/pdf", "surat.pdf")
        assert (shown.status, shown.body) == (200, PDF_WITH_JAVASCRIPT)
        assert shown.headers["Content-Disposition"].startswith("attachment; ")
        assert shown.headers["Content-Security-Policy"].startswith("sandbox; default-src 'none'")

    def test_a_page_behind_a_pictures_head_is_a_picture_by_every_name(
        self, officer: Uploader, agency: Uploader
    ) -> None:
        """Too far behind for a browser to look, it would still run if a file of it were opened as a page."""
        content = PNG + bytes(5_000) + b"<html><script>alert(1)</script>"
        for name in ("a.html", "a.svg", "a.png.htm", "a.js", "a", "a.hta.", "png.\u202elmth", "a.html\u200b"):
            shown = show(officer, agency, content, "image/png", name)
            assert shown.headers["Content-Type"] == "image/png"
            assert shown.headers["X-Content-Type-Options"] == "nosniff"
            said = shown.headers["Content-Disposition"]
            assert said.rpartition('"')[0].endswith(".png"), said
            assert said.endswith(".png"), said
            assert "%E2%80" not in said

    def test_a_page_in_utf_16_is_no_recording(self, agency: Uploader) -> None:
        page = "\ufeff<html><script>alert(1)</script>".encode("utf-16-le")
        for kind in ("audio/mpeg", "audio/aac", "text/plain"):
            upload_id = agency.begun(len(page), kind)
            assert agency.patch(upload_id, 0, page).problem == "EVIDENCE_TYPE_MISMATCH"

    def test_an_svg_by_any_declared_type_is_refused(self, agency: Uploader) -> None:
        svg = b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'
        for kind in ("image/png", "image/webp", "text/plain", "application/pdf", "image/gif"):
            upload_id = agency.begun(len(svg), kind)
            assert agency.patch(upload_id, 0, svg).problem == "EVIDENCE_TYPE_MISMATCH"


class TestAFileName:
    @pytest.mark.parametrize(
        "name",
        ["../../etc/passwd.png", "..\\..\\windows\\a.png", "/etc/passwd", "C:\\a.png", "%2e%2e%2fa.png", ".htaccess",
         "a;b.png", 'a"; x="b.png', "con.png", "a\u2028b.png", "\u202egnp.exe", "\u00e9" * 100 + ".png"],
    )  # fmt: skip
    def test_of_a_path_is_only_a_name(self, officer: Uploader, agency: Uploader, name: str) -> None:
        said = show(officer, agency, picture(100), "image/png", name).headers["Content-Disposition"]
        quoted, _, encoded = said.removeprefix('inline; filename="').partition("\"; filename*=UTF-8''")
        assert encoded
        for each in (quoted, encoded):
            assert each.endswith(".png")
            assert not each.startswith(".")
            assert not set(each) & set('/\\":;<>|*?\r\n')
        assert encoded.isascii()
        assert not any(each in encoded.upper() for each in ("%2F", "%5C", "%22", "%0A", "%0D", "%00"))

    @pytest.mark.parametrize("name", ["a\x00.png", "a\r\nX-Evil: 1.png", "a" * 10_000])
    def test_that_no_file_has_is_refused(self, agency: Uploader, name: str) -> None:
        assert agency.begin(100, name=name).status == 400


class TestAnOffset:
    @pytest.mark.parametrize(
        "offset", ["-1", "+0", "0x0", "0.0", " ", "", "1e3", "\u0660".encode().decode("latin-1"), "9" * 16, "0,0"]
    )
    def test_that_is_no_number_of_bytes_is_refused(self, agency: Uploader, offset: str) -> None:
        upload_id = agency.begun(100)
        answer = agency.send("PATCH", f"/evidence/{upload_id}", picture(100), Upload_Offset=offset, **plain(PATCH))
        assert (answer.status, answer.problem) == (400, "UPLOAD_HEADER")
        assert agency.head(upload_id).headers["Upload-Offset"] == "0"

    def test_that_leaves_a_hole_or_goes_back_is_refused(self, agency: Uploader) -> None:
        content = picture(3 * CHUNK_BYTES_MIN)
        upload_id = agency.begun(len(content))
        assert agency.patch(upload_id, 1, content[1:]).problem == "UPLOAD_OFFSET"
        assert agency.patch(upload_id, len(content), b"").problem == "UPLOAD_OFFSET"
        assert agency.patch(upload_id, 0, content[:CHUNK_BYTES_MIN]).status == 204
        for offset in (0, CHUNK_BYTES_MIN - 1, CHUNK_BYTES_MIN + 1, 999_999_999_999_999):
            assert agency.patch(upload_id, offset, content[CHUNK_BYTES_MIN:]).problem == "UPLOAD_OFFSET"
        assert agency.patch(upload_id, CHUNK_BYTES_MIN, content[CHUNK_BYTES_MIN:]).status == 204
        assert agency.file(upload_id)["complaint"]["evidence"][0]["sha256"] == hashlib.sha256(content).hexdigest()

    @pytest.mark.parametrize("length", ["0", "-5", "1e9", "99999999999999999999", "", "50000001"])
    def test_behind_an_impossible_length_is_never_reached(self, agency: Uploader, length: str) -> None:
        said = f"filetype {base64.b64encode(b'image/png').decode()}"
        answer = agency.send("POST", "/evidence", Upload_Length=length, Upload_Metadata=said, **plain(TUS))
        assert answer.status in {400, 413}

    def test_of_a_body_that_says_less_than_it_sends_is_refused(self, site: Site, agency: Uploader) -> None:
        """A chunked body has no length to compare."""
        upload_id = agency.begun(CHUNK_BYTES)
        connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=20)
        headers = {**PATCH, "Upload-Offset": "0", "Authorization": f"Bearer {agency.token}"}
        parts = iter([picture(CHUNK_BYTES), b"one more"])
        connection.request("PATCH", f"/evidence/{upload_id}", parts, headers, encode_chunked=True)
        assert connection.getresponse().status == 413
        connection.close()
        assert agency.file(upload_id)["problem"]["code"] == "EVIDENCE_UPLOAD_UNFINISHED"

    def test_in_a_compressed_body_is_refused(self, agency: Uploader) -> None:
        upload_id = agency.begun(100)
        answer = agency.send(
            "PATCH", f"/evidence/{upload_id}", bytes(100), Upload_Offset="0", Content_Encoding="gzip", **plain(PATCH)
        )
        assert answer.status == 415


class TestAtOnce:
    def test_many_that_send_the_same_part_leave_one(self, agency: Uploader) -> None:
        content = picture(4 * CHUNK_BYTES + 1)
        upload_id = agency.begun(len(content))
        statuses = at_once(*[lambda: agency.patch(upload_id, 0, content).status] * 4)
        assert sorted(statuses) == [204, 409, 409, 409]
        assert agency.file(upload_id)["complaint"]["evidence"][0]["sha256"] == hashlib.sha256(content).hexdigest()

    def test_two_that_send_different_bytes_mix_nothing(self, agency: Uploader) -> None:
        one, other = picture(3 * CHUNK_BYTES), PNG + b"o" * (3 * CHUNK_BYTES - len(PNG))
        upload_id = agency.begun(len(one))
        at_once(lambda: agency.patch(upload_id, 0, one), lambda: agency.patch(upload_id, 0, other))
        digests = {hashlib.sha256(each).hexdigest() for each in (one, other)}
        assert agency.file(upload_id)["complaint"]["evidence"][0]["sha256"] in digests

    def test_finishing_twice_is_finishing_once(self, agency: Uploader) -> None:
        content = picture(2 * CHUNK_BYTES_MIN)
        upload_id = agency.begun(len(content))
        assert agency.patch(upload_id, 0, content[:CHUNK_BYTES_MIN]).status == 204
        last = lambda: agency.patch(upload_id, CHUNK_BYTES_MIN, content[CHUNK_BYTES_MIN:]).status  # noqa: E731
        assert sorted(at_once(last, last)) == [204, 409]
        assert last() == 409
        assert agency.head(upload_id).headers["Repr-Digest"] == digest_header(content)
        assert agency.patch(upload_id, len(content), b"").problem == "UPLOAD_OFFSET"

    def test_two_complaints_that_name_one_upload_share_nothing(self, agency: Uploader) -> None:
        upload_id = agency.upload(picture(1_000))
        told = at_once(*[lambda name=name: agency.file(upload_id, reference=name) for name in "abc"])
        codes = sorted((each["problem"] or {"code": ""})["code"] for each in told)
        assert codes == ["", "EVIDENCE_UPLOAD_USED", "EVIDENCE_UPLOAD_USED"]

    def test_one_that_is_filed_and_ended_at_once_keeps_its_bytes_or_was_never_filed(
        self, agency: Uploader, officer: Uploader
    ) -> None:
        content = picture(1_000)
        upload_id = agency.upload(content)
        end = lambda: agency.send("DELETE", f"/evidence/{upload_id}", **plain(TUS))  # noqa: E731
        told = at_once(lambda: agency.file(upload_id), end)
        [result] = [each for each in told if isinstance(each, dict)]
        if result["complaint"] is not None:
            assert officer.send("GET", officer.link(result["complaint"]["id"])).body == content
            assert end().status == 404


class TestAHash:
    def test_that_the_bytes_do_not_have_ends_the_upload(self, agency: Uploader) -> None:
        content = picture(2 * CHUNK_BYTES_MIN)
        for parts in ([content], [content[:CHUNK_BYTES_MIN], content[CHUNK_BYTES_MIN:]]):
            upload_id, place = agency.begun(len(content)), 0
            for part in parts:
                answer = agency.send(
                    "PATCH", f"/evidence/{upload_id}", part, Upload_Offset=str(place),
                    Repr_Digest=digest_header(b"another"), **plain(PATCH),
                )  # fmt: skip
                place += len(part)
            assert (answer.status, answer.problem) == (400, "UPLOAD_DIGEST")
            assert agency.head(upload_id).status == 404
            assert agency.file(upload_id)["problem"]["code"] == "EVIDENCE_UPLOAD_UNKNOWN"

    def test_that_is_no_hash_is_refused_before_a_byte_is_kept(self, agency: Uploader) -> None:
        upload_id = agency.begun(100)
        for said in ("sha-256=:AAAA:", "md5=:AAAA:", "x", digest_header(b"")[:-1]):
            answer = agency.send(
                "PATCH", f"/evidence/{upload_id}", picture(100), Upload_Offset="0", Repr_Digest=said, **plain(PATCH)
            )
            assert answer.problem == "UPLOAD_HEADER"
        assert agency.head(upload_id).headers["Upload-Offset"] == "0"

    def test_of_the_bytes_is_taken(self, agency: Uploader) -> None:
        upload_id = agency.begun(100)
        answer = agency.send(
            "PATCH", f"/evidence/{upload_id}", picture(100), Upload_Offset="0",
            Repr_Digest=digest_header(picture(100)), **plain(PATCH),
        )  # fmt: skip
        assert (answer.status, answer.headers["Repr-Digest"]) == (204, digest_header(picture(100)))

    async def test_of_chunks_that_were_changed_before_they_were_whole_is_none(
        self, agency: Uploader, owner_connection
    ) -> None:
        content = picture(2 * CHUNK_BYTES_MIN)
        upload_id = await asyncio.to_thread(agency.begun, len(content))
        await asyncio.to_thread(agency.patch, upload_id, 0, content[:CHUNK_BYTES_MIN])
        await owner_connection.execute("UPDATE evidence_chunks SET content_sealed = set_byte(content_sealed, 99, 1)")
        answer = await asyncio.to_thread(agency.patch, upload_id, CHUNK_BYTES_MIN, content[CHUNK_BYTES_MIN:])
        assert (answer.status, answer.problem) == (500, "EVIDENCE_DAMAGED")


class TestRefusedContent:
    async def test_is_not_looked_at_again_and_again(self, site: Site, agency: Uploader, owner_connection) -> None:
        """Reading 50 MB anew for each HEAD would be cheap to ask and dear to answer."""
        content = b"a" * CHUNK_BYTES_MIN + b"\xff" * CHUNK_BYTES_MIN
        upload_id = await asyncio.to_thread(agency.begun, len(content), "text/plain")
        await asyncio.to_thread(agency.patch, upload_id, 0, content[:CHUNK_BYTES_MIN])
        last = await asyncio.to_thread(agency.patch, upload_id, CHUNK_BYTES_MIN, content[CHUNK_BYTES_MIN:])
        assert last.problem == "EVIDENCE_TYPE_MISMATCH"
        assert (await asyncio.to_thread(agency.head, upload_id)).status == 404
        async with site.database.system(Role.RETENTION, as_of=site.as_of) as tx:
            await tx.execute(text("SELECT 1"))
            assert await delete_expired_uploads(tx) == 1
        assert await owner_connection.fetchval("SELECT count(*) FROM evidence_chunks") == 0

    def test_of_a_key_that_was_ended_is_said_to_be(self, agency: Uploader) -> None:
        upload_id = agency.begun(100, Idempotency_Key="a")
        agency.send("DELETE", f"/evidence/{upload_id}", **plain(TUS))
        assert agency.begin(100, Idempotency_Key="a").problem == "UPLOAD_ENDED"
