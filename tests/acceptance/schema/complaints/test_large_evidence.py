"""The largest piece of evidence that is allowed fits into a body that is allowed, by the defaults of all settings."""

import base64
from typing import Any

import pytest

from gateway.settings import Settings
from tests.support.graph_site import Site

BYTES_MAX = Settings().evidence_bytes_max
FILE = """
mutation FileComplaints($complaints: [ComplaintInput!]!) {
  fileComplaints(input: { complaints: $complaints }) {
    problemCount
    results {
      wasKnown
      problem { code message field hint }
      complaint { id ticketNo state filedAt evidence { id mediaType sizeBytes } }
    }
  }
}"""


@pytest.fixture
def bounds() -> dict[str, Any]:
    default = Settings()
    return {"rate_burst": default.rate_burst, "rate_per_second": default.rate_per_second}


def file_with(site: Site, *contents: bytes) -> Any:
    pieces = [
        {"mediaType": "image/jpeg", "content": base64.b64encode(content).decode(), "fileName": "tangkapan layar.jpg"}
        for content in contents
    ]
    complaint = {
        "number": "+628120000001",
        "medium": "OTT",
        "category": "FRAUD",
        "sourceReference": "LP/1",
        "chronology": "Pelaku mengaku dari bank. " * 1_000,
        "evidence": pieces,
    }
    return site.send(site.token(site.parties.agency), FILE, complaints=[complaint])


class TestEvidence:
    def test_of_the_largest_size_is_taken(self, site: Site) -> None:
        reply = file_with(site, b"\xff\xd8" + b"\xff" * (BYTES_MAX - 2))
        assert reply.status == 200, reply.body
        [result] = reply.body["data"]["fileComplaints"]["results"]
        assert result["problem"] is None
        assert [piece["sizeBytes"] for piece in result["complaint"]["evidence"]] == [BYTES_MAX]

    def test_of_a_byte_more_is_refused_by_the_setting_that_bounds_it(self, site: Site) -> None:
        reply = file_with(site, b"\xff" * (BYTES_MAX + 1))
        [result] = reply.body["data"]["fileComplaints"]["results"]
        assert (result["problem"]["code"], result["problem"]["field"]) == ("EVIDENCE_TOO_LARGE", "evidence.content")
        assert "JEMBATAN_EVIDENCE_BYTES_MAX" in result["problem"]["hint"]

    def test_that_no_body_holds_is_refused_by_the_setting_that_bounds_that(self, site: Site) -> None:
        reply = file_with(site, b"\xff\xd8" + b"\xff" * (BYTES_MAX - 2), b"\xff\xd8" + b"\xff" * (BYTES_MAX - 2))
        assert (reply.status, reply.problems) == (413, ["BODY_TOO_LARGE"])
        assert "JEMBATAN_BODY_BYTES_MAX" in reply.body["errors"][0]["extensions"]["hint"]
