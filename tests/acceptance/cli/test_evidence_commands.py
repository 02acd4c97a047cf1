"""`jembatan evidence` against a serving process of its own, whose memory is looked at while 50 MB go through."""

import base64
import hashlib
import http.client
import json
import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.support.commands import COMMAND, SECONDS_MAX, clean_environment
from tests.support.operator import WHY, Operator

SIZE = 50_000_000
MEMORY_BYTES_MAX = 24 << 20
"""What is promised is 64 MiB above idle; a whole copy of what goes through would fit into that, and not into this."""
READERS = 4
"""As many as one client may have at once."""
LINK = "query($id: ID!) { complaint(id: $id) { evidence { link { url } } } }"
FILE = """mutation($id: ID!) { fileComplaints(input: { complaints: [
  { number: "+628110000001", medium: VOICE, category: FRAUD, evidence: [{ uploadId: $id }] }
] }) { results { problem { code } complaint { id evidence { sha256 } } } } }"""


@dataclass
class Served:
    url: str
    environment: dict[str, str]
    process_id: int

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [*COMMAND, "evidence", *arguments, "--url", self.url],
            env=self.environment, capture_output=True, text=True, timeout=SECONDS_MAX, check=False,
        )  # fmt: skip

    def ask(self, document: str, **variables: Any) -> Any:
        """Ask the graph with the client's own login."""
        import asyncio

        from cli.follow.client_tokens import read_login
        from cli.follow.graph_client import GraphClient

        tokens = read_login(self.url, self.environment, private_key=None)
        return asyncio.run(GraphClient(url=self.url, tokens=tokens).ask(document, **variables))

    def get_token(self) -> str:
        basic = base64.b64encode(self.environment["JEMBATAN_CLIENT"].encode()).decode()
        asked = self._connect()
        form = {
            "Content-Type": "application/x-www-form-urlencoded",
            "Authorization": f"Basic {basic}",
            "Connection": "close",
        }
        asked.request("POST", "/oauth/token", "grant_type=client_credentials", form)
        return str(json.loads(asked.getresponse().read())["access_token"])

    def open_request(
        self, method: str, path: str, token: str, body: bytes | None = None, **headers: str
    ) -> http.client.HTTPConnection:
        """A connection on which a request was sent, and whose answer is to be read."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection = self._connect()
        # Then the answer owns the socket, and closes it at its end.
        connection.request(method, path, body, {**named, "Authorization": f"Bearer {token}", "Connection": "close"})
        return connection

    def upload_at_once(self, content: bytes, media_type: str, token: str) -> str:
        """Upload all bytes in one request; the upload's id."""
        metadata = f"filetype {base64.b64encode(media_type.encode()).decode()}"
        begun = self.open_request(
            "POST", "/evidence", token,
            Tus_Resumable="1.0.0", Upload_Length=str(len(content)), Upload_Metadata=metadata,
        ).getresponse()  # fmt: skip
        assert begun.status == 201, begun.read()
        begun.read()
        path = urlsplit(begun.headers["Location"]).path
        sent = self.open_request(
            "PATCH", path, token, content,
            Tus_Resumable="1.0.0", Upload_Offset="0", Content_Type="application/offset+octet-stream",
        ).getresponse()  # fmt: skip
        assert (sent.status, sent.read()) == (204, b"")
        return path.rpartition("/")[2]

    def _connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", urlsplit(self.url).port or 0, timeout=60)

    def forget_peak(self) -> int:
        """Begin to watch the process's memory anew; returns what it takes at rest, in bytes."""
        Path(f"/proc/{self.process_id}/clear_refs").write_text("5")
        return self._read("VmRSS")

    def read_peak(self) -> int:
        return self._read("VmHWM")

    def _read(self, name: str) -> int:
        lines = Path(f"/proc/{self.process_id}/status").read_text().splitlines()
        [value] = [line.split()[1] for line in lines if line.startswith(f"{name}:")]
        return int(value) * 1024


@pytest.fixture
def served(admitted: Operator) -> Iterator[Served]:
    made = admitted.run("client", "add", *WHY, "polri", "--name", "Cases", "--scope", "complaints:file",
                        "--scope", "complaints:read", "--json").json  # fmt: skip
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    environment = clean_environment(
        JEMBATAN_METRICS_PORT="0", JEMBATAN_CLIENT=f"{made['clientId']}:{made['clientSecret']}", **admitted.environment
    )
    command = [*COMMAND, "serve", "--port", str(port)]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr is not None
        assert any("Serving" in line for line in iter(server.stderr.readline, ""))
        yield Served(f"http://127.0.0.1:{port}", environment, server.pid)
        server.send_signal(signal.SIGTERM)
        server.stderr.read()


def write_recording(path: Path, size: int) -> str:
    """A file that looks like a recording, of so many bytes; its SHA-256."""
    content = b"OggS" + os.urandom(size - 4)
    path.write_bytes(content)
    return hashlib.sha256(content).hexdigest()


class TestEvidence:
    def test_of_50_mb_goes_through_in_bounded_memory(self, served: Served, tmp_path: Path) -> None:
        recording = tmp_path / "call.ogg"
        sha256 = write_recording(recording, SIZE)
        small = tmp_path / "small.ogg"
        write_recording(small, 100_000)
        # What the first upload of a process loads is no part of what 50 MB take.
        assert served.run("upload", str(small), "--type", "audio/ogg").returncode == 0
        at_rest = served.forget_peak()
        sent = served.run("upload", str(recording), "--type", "audio/ogg", "--json")
        assert sent.returncode == 0, sent.stderr
        upload = json.loads(sent.stdout)
        assert upload["sha256"] == sha256
        uploading = served.read_peak() - at_rest
        served.forget_peak()
        [filed] = served.ask(FILE, id=upload["uploadId"])["fileComplaints"]["results"]
        assert filed["complaint"]["evidence"] == [{"sha256": sha256}]
        into = tmp_path / "read"
        into.mkdir()
        read = served.run("download", filed["complaint"]["id"], "--into", str(into))
        assert read.returncode == 0, read.stderr
        downloading = served.read_peak() - at_rest
        [written] = into.iterdir()
        assert hashlib.sha256(written.read_bytes()).hexdigest() == sha256
        assert max(uploading, downloading) < MEMORY_BYTES_MAX

    @pytest.mark.long
    def test_of_50_mb_in_one_request_and_read_by_many_at_once_takes_no_more_memory(
        self, served: Served, tmp_path: Path
    ) -> None:
        """Sent as fast as it goes, and read back by four who ask for all of it before anybody takes a byte."""
        small, recording = tmp_path / "small.ogg", tmp_path / "call.ogg"
        write_recording(small, 100_000)
        sha256 = write_recording(recording, SIZE)
        assert served.run("upload", str(small), "--type", "audio/ogg").returncode == 0
        idle = served.forget_peak()
        token = served.get_token()
        upload_id = served.upload_at_once(recording.read_bytes(), "audio/ogg", token)
        uploading = served.read_peak() - idle
        [filed] = served.ask(FILE, id=upload_id)["fileComplaints"]["results"]
        assert filed["complaint"]["evidence"] == [{"sha256": sha256}]
        served.forget_peak()
        [piece] = served.ask(LINK, id=filed["complaint"]["id"])["complaint"]["evidence"]
        path = urlsplit(piece["link"]["url"]).path
        answers = [served.open_request("GET", path, token).getresponse() for _ in range(READERS)]
        assert {answer.status for answer in answers} == {200}
        found = {hashlib.file_digest(answer, "sha256").hexdigest() for answer in answers}
        downloading = served.read_peak() - idle
        assert found == {sha256}
        assert max(uploading, downloading) < MEMORY_BYTES_MAX, (uploading, downloading)

    def test_uploaded_again_is_the_same_upload(self, served: Served, tmp_path: Path) -> None:
        recording = tmp_path / "call.ogg"
        write_recording(recording, 300_000)
        first, again = (
            json.loads(served.run("upload", str(recording), "--type", "audio/ogg", "--json").stdout) for _ in "12"
        )
        assert first == again

    def test_that_is_refused_says_why(self, served: Served, tmp_path: Path) -> None:
        page = tmp_path / "a.html"
        page.write_text("<script>")
        refused = served.run("upload", str(page))
        assert (refused.returncode, "EVIDENCE_TYPE_UNKNOWN" in refused.stderr) == (1, True), refused.stderr
        assert served.run("redact", "x", "--region", "1,2,3").returncode == 1
