"""Queries and mutations of a command that acts as a client; each failure comes with a remedy."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
import orjson

from cli.follow.client_tokens import Tokens
from cli.follow.socket import Remedy, StreamEndedError, read_end

_TIMEOUT_SECONDS = 30
_ANSWER_BYTES_MAX = 1 << 22


@dataclass(slots=True, kw_only=True)
class GraphClient:
    """Owned by the command's task. The token is renewed when the gateway no longer accepts it."""

    url: str
    tokens: Tokens
    _token: str | None = None

    async def ask(self, document: str, **variables: Any) -> Mapping[str, Any]:
        """Return an operation's data. Errors: StreamEndedError, with the code of the first error in the answer."""
        if self._token is None:
            self._token = await self.tokens.obtain()
        headers = {"Authorization": f"Bearer {self._token}", "Accept": "application/json"}
        body = {"query": document, "variables": variables}
        timeout = aiohttp.ClientTimeout(total=_TIMEOUT_SECONDS)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout, trust_env=True) as http,
                http.post(f"{self.url}/graphql", json=body, headers=headers) as response,
            ):
                content = await response.content.read(_ANSWER_BYTES_MAX)
                while len(content) < _ANSWER_BYTES_MAX and (more := await response.content.read(_ANSWER_BYTES_MAX)):
                    content += more
        except (aiohttp.ClientError, OSError, TimeoutError) as failure:
            said = f"The gateway can't be reached ({type(failure).__name__})."
            raise StreamEndedError("CONNECTION_REFUSED", said, Remedy.COME_BACK) from failure
        return self._read(content)

    def _read(self, content: bytes) -> Mapping[str, Any]:
        try:
            answer = orjson.loads(content)
        except orjson.JSONDecodeError as failure:
            said = "The gateway sent something other than JSON."
            raise StreamEndedError("PROTOCOL", said, Remedy.COME_BACK) from failure
        match answer:
            case {"errors": [dict() as error, *_]}:
                ended = read_end(error)
                if ended.remedy is Remedy.RENEW:
                    self._token = None
                raise ended
            case {"data": dict() as data}:
                return data
        raise StreamEndedError("PROTOCOL", "The gateway's answer has no data.", Remedy.COME_BACK)
