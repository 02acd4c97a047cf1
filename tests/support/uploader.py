"""A client of the endpoint for evidence, over plain HTTP, and what it uploads."""

import base64
import http.client
import json
from dataclasses import dataclass
from typing import Any

from tests.support.graph_site import Site

FILE = """
mutation($evidence: [EvidenceInput!]!, $reference: String) {
  fileComplaints(input: { complaints: [
    { number: "+628120000001", medium: OTT, category: FRAUD, sourceReference: $reference, evidence: $evidence }
  ] }) { results { wasKnown problem { code field } complaint { id evidence { id sha256 sizeBytes fileName } } } }
}"""
LINK = "query($id: ID!) { complaint(id: $id) { evidence { id link { url expiresAt } } } }"
PNG = b"\x89PNG\r\n\x1a\n"
TUS = {"Tus-Resumable": "1.0.0"}
PATCH = {**TUS, "Content-Type": "application/offset+octet-stream"}


@dataclass
class Answer:
    status: int
    headers: Any
    body: bytes

    @property
    def problem(self) -> str:
        return json.loads(self.body)["errors"][0]["extensions"]["problem"]


class Uploader:
    """A client of the endpoint, with one token."""

    def __init__(self, site: Site, token: str | None) -> None:
        self.site, self.token = site, token

    def send(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.token is not None:
            named["Authorization"] = f"Bearer {self.token}"
        connection = http.client.HTTPConnection("127.0.0.1", self.site.port, timeout=20)
        try:
            connection.request(method, path, body, named)
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        finally:
            connection.close()

    def begin(self, size: int, kind: str = "image/png", name: str = "layar.png", **more: str) -> Answer:
        said = ",".join(
            f"{key} {base64.b64encode(value.encode()).decode()}"
            for key, value in (("filetype", kind), ("filename", name))
        )
        return self.send("POST", "/evidence", Upload_Length=str(size), Upload_Metadata=said, **plain(TUS), **more)

    def begun(self, size: int, kind: str = "image/png", name: str = "layar.png", **more: str) -> str:
        answer = self.begin(size, kind, name, **more)
        assert answer.status == 201, answer.body
        return answer.headers["Location"].rpartition("/")[2]

    def patch(self, upload_id: str, offset: int, body: bytes) -> Answer:
        return self.send("PATCH", f"/evidence/{upload_id}", body, Upload_Offset=str(offset), **plain(PATCH))

    def head(self, upload_id: str) -> Answer:
        return self.send("HEAD", f"/evidence/{upload_id}", **plain(TUS))

    def upload(self, content: bytes, kind: str = "image/png", name: str = "layar.png") -> str:
        upload_id = self.begun(len(content), kind, name)
        answer = self.patch(upload_id, 0, content)
        assert answer.status == 204, answer.body
        return upload_id

    def file(self, *uploads: str, reference: str | None = None, **more: Any) -> Any:
        evidence = [{"uploadId": upload, **more} for upload in uploads]
        answer = self.site.post(self.token, FILE, evidence=evidence, reference=reference)
        assert "errors" not in answer, answer
        return answer["data"]["fileComplaints"]["results"][0]

    def link(self, complaint_id: str) -> str:
        answer = self.site.post(self.token, LINK, id=complaint_id)
        [piece] = answer["data"]["complaint"]["evidence"]
        return "/evidence/" + piece["link"]["url"].partition("/evidence/")[2]


def plain(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("-", "_"): value for name, value in headers.items()}


def picture(size: int) -> bytes:
    return PNG + (bytes(range(251)) * (size // 251 + 1))[: size - len(PNG)]
