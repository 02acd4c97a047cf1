"""A client of /evidence: it uploads by tus 1.0.0 and resumes, and downloads by links, in small blocks."""

import asyncio
import base64
import hashlib
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp

from cli.failures import CommandError
from cli.follow.client_tokens import Tokens
from cli.follow.graph_client import GraphClient

_PART_BYTES = 8_388_608
"""Of one request: small enough to arrive in the time that a body may take, over a slow line too."""
_BLOCK_BYTES = 65_536
_TRIES = 5
_WAIT_SECONDS = 1.0
_TUS = {"Tus-Resumable": "1.0.0"}
_DONE, _CREATED, _NO_CONTENT, _UNAUTHORIZED, _CONFLICT, _SERVER_ERRORS = 200, 201, 204, 401, 409, 500


class TransferRefusedError(CommandError):
    """The gateway refused the upload or download."""

    code = "TRANSFER_REFUSED"


class TransferBrokenError(CommandError):
    """The connection broke too often; running the command again goes on from where it stopped."""

    code = "TRANSFER_BROKEN"


class DownloadDiffersError(CommandError):
    """What was downloaded has another SHA-256 than was recorded; it was not kept."""

    code = "DOWNLOAD_DIFFERS"


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A file to be uploaded."""

    path: Path
    media_type: str
    size_bytes: int
    sha256: str
    key: str

    @classmethod
    def of(cls, path: Path, *, media_type: str, key: str | None) -> "Upload":
        """Read the file once, to know its hash. Errors: TransferRefusedError for one that can't be read."""
        digest, size = hashlib.sha256(), 0
        try:
            with path.open("rb") as stream:
                while block := stream.read(_BLOCK_BYTES):
                    digest.update(block)
                    size += len(block)
        except OSError as error:
            raise TransferRefusedError(f"{path} can't be read.") from error
        return cls(
            path=path, media_type=media_type, size_bytes=size, sha256=digest.hexdigest(), key=key or digest.hexdigest()
        )

    def metadata(self) -> str:
        """Upload-Metadata."""
        said = {"filetype": self.media_type, "filename": self.path.name}
        return ",".join(f"{name} {base64.b64encode(value.encode()).decode()}" for name, value in said.items())

    async def read(self, begins: int, report: Callable[[int], None]) -> AsyncIterator[bytes]:
        """Yield the bytes of one request."""
        left = _PART_BYTES
        with self.path.open("rb") as stream:
            stream.seek(begins)
            while left and (block := stream.read(min(_BLOCK_BYTES, left))):
                left -= len(block)
                yield block
                report(len(block))


@dataclass(slots=True, kw_only=True)
class Transfers:
    """Uploads and downloads with one login; the token is renewed when the gateway no longer accepts it."""

    url: str
    tokens: Tokens
    graph: GraphClient = field(init=False)
    _token: str | None = None

    def __post_init__(self) -> None:
        """Ask the graph with the same login."""
        self.graph = GraphClient(url=self.url, tokens=self.tokens)

    async def upload(self, wanted: Upload, report: Callable[[int], None]) -> str:
        """Upload a file and return the upload's id. Errors: TransferRefusedError, TransferBrokenError."""
        async with aiohttp.ClientSession(trust_env=True) as http:
            head = {"Upload-Length": str(wanted.size_bytes), "Upload-Metadata": wanted.metadata()}
            begun = await self._send(
                http, "POST", f"{self.url}/evidence", {**head, "Idempotency-Key": wanted.key}, _CREATED
            )
            # The id alone is taken from the answer: a token is sent nowhere else than to the address that was given.
            upload_id = begun["Location"].rpartition("/")[2]
            offset = int(begun["Upload-Offset"])
            report(offset)
            place, failures = f"{self.url}/evidence/{upload_id}", 0
            while offset < wanted.size_bytes:
                try:
                    told = await self._patch(http, place, wanted, offset, report)
                    offset, failures = int(told["Upload-Offset"]), 0
                except (aiohttp.ClientError, TimeoutError, TransferBrokenError) as error:
                    failures += 1
                    if failures == _TRIES:
                        raise TransferBrokenError from error
                    await asyncio.sleep(_WAIT_SECONDS * failures)
                    offset = int((await self._send(http, "HEAD", place, {}, _DONE))["Upload-Offset"])
            return upload_id

    async def download(self, link: str, target: Path, *, sha256: str, report: Callable[[int], None]) -> None:
        """Write what a link leads to. Errors: TransferRefusedError, DownloadDiffersError, OSError."""
        digest = hashlib.sha256()
        part = target.with_name(f"{target.name}.part")
        headers = await self._headers()
        async with (
            aiohttp.ClientSession(trust_env=True) as http,
            http.get(f"{self.url}{urlsplit(link).path}", headers=headers, allow_redirects=False) as answer,
        ):
            if answer.status != _DONE:
                raise await _refusal(answer)
            with part.open("xb") as stream:
                async for block in answer.content.iter_chunked(_BLOCK_BYTES):
                    digest.update(block)
                    stream.write(block)
                    report(len(block))
        if digest.hexdigest() != sha256:
            part.unlink()
            raise DownloadDiffersError
        _keep(part, target)

    async def _patch(
        self, http: aiohttp.ClientSession, place: str, wanted: Upload, offset: int, report: Callable[[int], None]
    ) -> Mapping[str, str]:
        headers = {
            **(await self._headers()),
            **_TUS,
            "Content-Type": "application/offset+octet-stream",
            "Upload-Offset": str(offset),
            "Repr-Digest": f"sha-256=:{base64.b64encode(bytes.fromhex(wanted.sha256)).decode()}:",
        }
        async with http.patch(place, headers=headers, data=wanted.read(offset, report)) as answer:
            if answer.status == _UNAUTHORIZED and self.tokens.is_renewable:
                self._token = None
            if answer.status == _NO_CONTENT:
                return answer.headers
            if answer.status in {_UNAUTHORIZED, _CONFLICT} or answer.status >= _SERVER_ERRORS:
                raise TransferBrokenError
            raise await _refusal(answer)

    async def _send(
        self, http: aiohttp.ClientSession, method: str, place: str, more: dict[str, str], expected: int
    ) -> Mapping[str, str]:
        headers = {**(await self._headers()), **_TUS, **more}
        try:
            async with http.request(method, place, headers=headers, allow_redirects=False) as answer:
                if answer.status != expected:
                    raise await _refusal(answer)
                return answer.headers
        except aiohttp.ClientError as error:
            raise TransferBrokenError("The gateway can't be reached.") from error

    async def _headers(self) -> dict[str, str]:
        if self._token is None:
            self._token = await self.tokens.obtain()
        return {"Authorization": f"Bearer {self._token}"}


def _keep(part: Path, target: Path) -> None:
    """Give a file its name, unless another has it. Errors: TransferRefusedError."""
    try:
        target.hardlink_to(part)
    except FileExistsError:
        raise TransferRefusedError(f"{target} is there already.") from None
    finally:
        part.unlink()


async def _refusal(answer: aiohttp.ClientResponse) -> TransferRefusedError:
    """Return the gateway's own words, if they are its own."""
    try:
        [error] = (await answer.json(content_type=None))["errors"]
        said = error["extensions"]
        return TransferRefusedError(f"{said.get('problem', said['code'])}: {error['message']}", hint=said.get("hint"))
    except (ValueError, KeyError, TypeError, aiohttp.ClientError):
        return TransferRefusedError(f"The gateway answered {answer.status}.")
