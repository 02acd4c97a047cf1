"""Evidence is uploaded by the tus protocol, resumed, filed and shown, and every attack on it is refused."""

import asyncio
import base64
import hashlib
import http.client
import threading
from typing import Any

import pytest

from ledger.complaints.contents import CHUNK_BYTES, CHUNK_BYTES_MIN
from tests.support.graph_site import Site
from tests.support.uploader import PNG, TUS, Uploader, picture, plain


@pytest.fixture
def agency(site: Site) -> Uploader:
    return Uploader(site, site.token(site.parties.agency))


@pytest.fixture
def officer(site: Site) -> Uploader:
    return Uploader(site, site.token(site.parties.officer))


class TestUpload:
    def test_is_filed_and_read_back_with_its_hash(self, agency: Uploader, officer: Uploader) -> None:
        content = picture(3 * CHUNK_BYTES + 17)
        upload_id = agency.upload(content)
        told = agency.head(upload_id)
        assert told.headers["Upload-Offset"] == told.headers["Upload-Length"] == str(len(content))
        digest = base64.b64encode(hashlib.sha256(content).digest()).decode()
        assert told.headers["Repr-Digest"] == f"sha-256=:{digest}:"
        filed = agency.file(upload_id)
        assert filed["problem"] is None
        [piece] = filed["complaint"]["evidence"]
        assert (piece["sha256"], piece["sizeBytes"]) == (hashlib.sha256(content).hexdigest(), len(content))
        for viewer in (agency, officer):
            shown = viewer.send("GET", viewer.link(filed["complaint"]["id"]))
            assert (shown.status, shown.body) == (200, content)

    def test_goes_on_from_where_it_stopped(self, agency: Uploader) -> None:
        content = picture(CHUNK_BYTES + 2 * CHUNK_BYTES_MIN + 5)
        upload_id = agency.begun(len(content))
        stop = CHUNK_BYTES_MIN + 3
        assert agency.patch(upload_id, 0, content[:stop]).headers["Upload-Offset"] == str(stop)
        assert agency.head(upload_id).headers["Upload-Offset"] == str(stop)
        assert agency.patch(upload_id, 0, content).problem == "UPLOAD_OFFSET"
        assert agency.patch(upload_id, stop, content[stop:]).status == 204
        filed = agency.file(upload_id)
        assert filed["complaint"]["evidence"][0]["sha256"] == hashlib.sha256(content).hexdigest()

    def test_of_the_same_key_is_the_same_upload(self, agency: Uploader) -> None:
        first = agency.begun(100, Idempotency_Key="a")
        assert agency.begun(100, Idempotency_Key="a") == first
        assert agency.begin(101, Idempotency_Key="a").problem == "UPLOAD_KEY_REUSED"
        assert agency.begun(100, Idempotency_Key="b") != first

    def test_filed_again_is_the_same_complaint_and_in_another_is_refused(self, agency: Uploader) -> None:
        upload_id = agency.upload(picture(100))
        first = agency.file(upload_id, reference="a")
        again = agency.file(upload_id, reference="a")
        assert (again["wasKnown"], again["complaint"]["id"]) == (True, first["complaint"]["id"])
        assert agency.file(upload_id, reference="b")["problem"] == {
            "code": "EVIDENCE_UPLOAD_USED", "field": "evidence.uploadId",
        }  # fmt: skip

    def test_tells_what_it_can_without_a_token(self, site: Site) -> None:
        told = Uploader(site, None).send("OPTIONS", "/evidence")
        assert (told.status, told.headers["Tus-Version"], told.headers["Tus-Max-Size"]) == (204, "1.0.0", "50000000")


class TestAttack:
    def test_another_members_upload_is_unknown(self, site: Site, agency: Uploader) -> None:
        upload_id = agency.begun(200_000)
        for viewer in (site.parties.other_agency, site.parties.officer):
            other = Uploader(site, site.token(viewer))
            assert other.head(upload_id).status == 404
            assert other.patch(upload_id, 0, picture(200_000)).problem == "NOT_FOUND"
            assert other.send("DELETE", f"/evidence/{upload_id}", **plain(TUS)).problem == "NOT_FOUND"
        finished = agency.upload(picture(100))
        other = Uploader(site, site.token(site.parties.other_agency))
        assert other.file(finished)["problem"]["code"] == "EVIDENCE_UPLOAD_UNKNOWN"

    def test_who_may_not_file_uploads_nothing(self, site: Site) -> None:
        assert Uploader(site, None).begin(100).status == 401
        assert Uploader(site, site.token(site.parties.telkomsel)).begin(100).status == 403
        token = site.token(site.parties.agency, without=("complaints:file",))
        assert Uploader(site, token).begin(100).problem == "SCOPES_MISSING"

    @pytest.mark.parametrize(
        ("kind", "content"),
        [
            ("image/png", b"GIF89a" + bytes(5_000)),
            ("image/png", b"MZ" + bytes(5_000)),
            ("image/jpeg", b"<html><script>alert(1)</script>"),
            ("text/plain", b"  <!DOCTYPE html><p>hello"),
            ("text/plain", b"<svg onload=alert(1)>"),
            ("text/plain", b"\xff\xfe\x00a"),
            ("application/pdf", b"<svg>%PDF-1.7"),
        ],
    )
    def test_a_type_that_lies_is_refused(self, agency: Uploader, kind: str, content: bytes) -> None:
        upload_id = agency.begun(len(content), kind)
        answer = agency.patch(upload_id, 0, content)
        assert (answer.status, answer.problem) == (415, "EVIDENCE_TYPE_MISMATCH")
        # What has arrived whole can become nothing else, and is ended.
        is_whole = agency.head(upload_id).status == 404
        expected = "EVIDENCE_UPLOAD_UNKNOWN" if is_whole else "EVIDENCE_UPLOAD_UNFINISHED"
        assert agency.file(upload_id)["problem"]["code"] == expected

    @pytest.mark.parametrize(
        ("kind", "content"),
        [
            ("image/gif", b"GIF89a" + b"=1;<script>alert(1)</script>"),
            ("image/jpeg", b"\xff\xd8\xff\xe0 %PDF-1.4" + bytes(5_000)),
            ("image/png", PNG + bytes(70_000) + b"PK\x05\x06" + bytes(16) + b"\x02\x00" + b"ok"),
        ],
    )
    def test_a_polyglot_is_refused(self, agency: Uploader, kind: str, content: bytes) -> None:
        upload_id = agency.begun(len(content), kind)
        assert agency.patch(upload_id, 0, content).problem == "EVIDENCE_AMBIGUOUS"

    def test_a_type_that_lies_in_parts_is_refused_when_it_is_whole(self, agency: Uploader) -> None:
        content = b"a" * CHUNK_BYTES_MIN + b"\xff" * CHUNK_BYTES_MIN
        upload_id = agency.begun(len(content), "text/plain")
        assert agency.patch(upload_id, 0, content[:CHUNK_BYTES_MIN]).status == 204
        assert agency.patch(upload_id, CHUNK_BYTES_MIN, content[CHUNK_BYTES_MIN:]).problem == "EVIDENCE_TYPE_MISMATCH"
        # It can become nothing else, so that nobody has it looked at again and again.
        assert agency.head(upload_id).status == 404

    def test_svg_and_html_are_no_types_of_evidence(self, agency: Uploader) -> None:
        for kind in ("image/svg+xml", "text/html", "application/zip", ""):
            assert (agency.begin(100, kind).status, agency.begin(100, kind).problem) == (415, "EVIDENCE_TYPE_UNKNOWN")

    def test_more_than_the_bound_is_refused_with_its_setting(self, agency: Uploader) -> None:
        answer = agency.begin(50_000_001)
        assert (answer.status, answer.problem) == (413, "EVIDENCE_TOO_LARGE")
        assert b"JEMBATAN_UPLOAD_BYTES_MAX" in answer.body

    def test_more_bytes_than_were_declared_are_refused(self, agency: Uploader) -> None:
        upload_id = agency.begun(100)
        assert (answer := agency.patch(upload_id, 0, picture(101))).status == 413, answer.body
        assert agency.head(upload_id).headers["Upload-Offset"] == "0"

    def test_an_upload_in_single_bytes_is_refused(self, agency: Uploader) -> None:
        upload_id = agency.begun(100_000)
        assert agency.patch(upload_id, 0, PNG[:1]).problem == "UPLOAD_PART_SMALL"
        assert agency.head(upload_id).headers["Upload-Offset"] == "0"

    def test_of_two_that_continue_at_once_one_wins(self, agency: Uploader) -> None:
        content = picture(2 * CHUNK_BYTES)
        upload_id = agency.begun(len(content))
        statuses: list[int] = []
        both = [
            threading.Thread(target=lambda: statuses.append(agency.patch(upload_id, 0, content).status)) for _ in "ab"
        ]
        for each in both:
            each.start()
        for each in both:
            each.join()
        assert sorted(statuses) == [204, 409]
        assert agency.file(upload_id)["complaint"]["evidence"][0]["sha256"] == hashlib.sha256(content).hexdigest()

    def test_a_file_name_that_would_split_a_header_is_refused(self, agency: Uploader) -> None:
        assert agency.begin(100, name="a.png\r\nSet-Cookie: x").problem == "TEXT_INVALID"

    def test_an_upload_that_was_ended_is_gone(self, agency: Uploader) -> None:
        upload_id = agency.begun(100_000)
        assert agency.send("DELETE", f"/evidence/{upload_id}", **plain(TUS)).status == 204
        assert agency.head(upload_id).status == 404

    def test_without_the_protocols_version_nothing_is_taken(self, agency: Uploader) -> None:
        answer = agency.send("POST", "/evidence", Upload_Length="10")
        assert (answer.status, answer.headers["Tus-Version"]) == (412, "1.0.0")


class TestQuota:
    @pytest.fixture
    def bounds(self) -> dict[str, Any]:
        return {"upload_bytes_per_client_daily": 1_000, "uploads_open_max": 3, "upload_bytes_max": 900}

    def test_a_client_uploads_so_much_in_a_day_and_ending_uploads_gives_nothing_back(self, agency: Uploader) -> None:
        upload_id = agency.begun(600)
        assert agency.send("DELETE", f"/evidence/{upload_id}", **plain(TUS)).status == 204
        answer = agency.begin(500)
        assert (answer.status, answer.problem) == (429, "UPLOAD_QUOTA")
        assert agency.begin(400).status == 201

    def test_a_client_has_so_many_uploads_that_are_not_evidence(self, agency: Uploader) -> None:
        for _ in range(3):
            agency.begun(10)
        assert (answer := agency.begin(10)).problem == "UPLOADS_TOO_MANY", answer.body


class TestLink:
    @pytest.fixture
    def filed(self, agency: Uploader) -> str:
        return agency.file(agency.upload(picture(300_000), name='../../etc/pass"wd; X: y\u202egnp.html'))["complaint"][
            "id"
        ]

    def test_alone_gives_nothing(self, site: Site, officer: Uploader, agency: Uploader, filed: str) -> None:
        link = officer.link(filed)
        assert Uploader(site, None).send("GET", link).status == 401
        # Not even to others who may see the evidence.
        second = Uploader(site, site.token(site.parties.other_officer))
        for other in (agency, second, Uploader(site, site.token(site.parties.other_agency))):
            assert (answer := other.send("GET", link)).status == 404, answer.body
            assert answer.problem == "EVIDENCE_LINK_INVALID"
        assert officer.send("GET", link).status == 200

    def test_that_is_changed_leads_nowhere(self, officer: Uploader, filed: str) -> None:
        link = officer.link(filed)
        kind, piece, until, signature = link.rpartition("/")[2].split(".")
        for forged in (
            f"extract.{piece}.{until}.{signature}",
            f"{kind}.{piece}.{int(until) + 1}.{signature}",
            f"{kind}.{filed}.{until}.{signature}",
            f"{kind}.{piece}.{until}.{'0' * 64}",
            "..%2f..%2fetc%2fpasswd",
        ):
            assert officer.send("GET", f"/evidence/content/{forged}").status == 404

    def test_gives_what_runs_nothing(self, officer: Uploader, filed: str) -> None:
        shown = officer.send("GET", officer.link(filed))
        assert shown.headers["X-Content-Type-Options"] == "nosniff"
        assert shown.headers["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
        assert shown.headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert shown.headers["Cache-Control"] == "no-store"
        assert shown.headers["Content-Type"] == "image/png"

    def test_gives_a_file_name_that_is_only_a_name(self, officer: Uploader, filed: str) -> None:
        name = officer.send("GET", officer.link(filed)).headers["Content-Disposition"]
        assert name.startswith("inline; filename=")
        said = name.partition("filename=")[2].partition(";")[0].strip('"')
        assert not {"/", "\\", '"', "\r", "\n"} & set(said)
        assert ".." not in said.partition("_")[0]

    def test_takes_ranges(self, officer: Uploader, filed: str) -> None:
        link, content = officer.link(filed), picture(300_000)
        for asked, first, last in (
            ("bytes=0-0", 0, 0),
            ("bytes=262100-262200", 262_100, 262_200),
            ("bytes=299990-", 299_990, 299_999),
            ("bytes=-10", 299_990, 299_999),
            ("bytes=10-9999999", 10, 299_999),
        ):
            part = officer.send("GET", link, Range=asked)
            assert (part.status, part.body) == (206, content[first : last + 1])
            assert part.headers["Content-Range"] == f"bytes {first}-{last}/300000"
        beyond = officer.send("GET", link, Range="bytes=300000-")
        assert (beyond.status, beyond.headers["Content-Range"]) == (416, "bytes */300000")
        assert officer.send("GET", link, Range="bytes=0-1,5-6").status == 200
        assert officer.send("GET", link, Range="bytes=0-9", If_Range='"another"').status == 200
        whole = officer.send("HEAD", link)
        assert (whole.status, whole.body, whole.headers["Content-Length"]) == (200, b"", "300000")

    async def test_is_recorded_before_a_byte_leaves_whoever_asks(
        self, site: Site, officer: Uploader, agency: Uploader, filed: str, owner_connection
    ) -> None:
        links = [(each, await asyncio.to_thread(each.link, filed)) for each in (officer, agency)]
        await owner_connection.execute("DELETE FROM access_records")
        for each, link in links:
            await asyncio.to_thread(each.send, "GET", link, None)
        rows = await owner_connection.fetch(
            "SELECT member_id::text, officer_id::text, kind, subject_ids, operation_name "
            "FROM access_records ORDER BY id"
        )
        assert [(row["member_id"], row["officer_id"]) for row in rows] == [
            (site.parties.officer.member_id, site.parties.officer.officer_id), (site.parties.agency.member_id, None)
        ]  # fmt: skip
        assert {(row["kind"], row["operation_name"]) for row in rows} == {("EVIDENCE", "GET /evidence/content")}
        assert all(filed in row["subject_ids"] for row in rows)
        await owner_connection.execute("REVOKE INSERT ON access_records FROM jembatan_transition")
        answer = await asyncio.to_thread(officer.send, "GET", links[0][1], None)
        assert (answer.status, b"PNG" in answer.body) == (500, False)


class TestTampering:
    """Who changes chunks in the database is noticed by the next reader: nothing that was changed is shown."""

    @pytest.mark.parametrize(
        "change",
        [
            "UPDATE evidence_chunks SET content_sealed = set_byte(content_sealed, 100, 7)",
            "UPDATE evidence_chunks SET begins_at_byte = begins_at_byte + 1 WHERE begins_at_byte = 0",
            "DELETE FROM evidence_chunks WHERE begins_at_byte = 0",
            """UPDATE evidence_chunks a SET content_sealed = b.content_sealed FROM evidence_chunks b
               WHERE a.content_id = b.content_id AND a.begins_at_byte = 0 AND b.begins_at_byte > 0""",
            "UPDATE evidence SET size_bytes = 262144",
        ],
    )
    async def test_a_chunk_that_was_cut_swapped_or_moved_is_not_shown(
        self, agency: Uploader, owner_connection, change: str
    ) -> None:
        def prepare() -> str:
            return agency.link(agency.file(agency.upload(picture(2 * CHUNK_BYTES)))["complaint"]["id"])

        link = await asyncio.to_thread(prepare)
        assert (await asyncio.to_thread(agency.send, "GET", link, None)).status == 200
        assert await owner_connection.execute(change) != "UPDATE 0"
        try:
            answer = await asyncio.to_thread(agency.send, "GET", link, None)
        except (http.client.IncompleteRead, ConnectionError):
            return
        assert (answer.status, answer.problem) == (500, "EVIDENCE_DAMAGED")
