"""A party at its own desk: it gets a token as it would in reality, and queries the graph with it, only over HTTP."""

import base64
import hashlib
import html
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import aiohttp
from joserfc import jwt
from joserfc.jwk import ECKey
from yarl import URL

from demo.cast import REDIRECT_URI, Credentials

_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_ASSERTION_SECONDS = 60
_TIMEOUT_SECONDS = 30
_HIDDEN = re.compile(r'<input type="hidden" name="(\w+)" value="([^"]*)">')


class StepFailedError(Exception):
    """Something did not turn out as the step expects; the text says what."""


def expect(is_so: object, what: str) -> None:
    """Check an expectation. Errors: StepFailedError with what was expected."""
    if not is_so:
        raise StepFailedError(what)


@dataclass(frozen=True, slots=True)
class Answer:
    """The graph's answer."""

    status: int
    data: Mapping[str, Any] | None
    errors: list[Mapping[str, Any]] = field(default_factory=list)

    @property
    def codes(self) -> list[str]:
        """The extensions.code of each error."""
        return [error.get("extensions", {}).get("code", "") for error in self.errors]

    @property
    def problems(self) -> list[str]:
        """The extensions.problem of each error that has one."""
        return [error.get("extensions", {}).get("problem", "") for error in self.errors]

    def refusal_of(self, name: str) -> str | None:
        """Return the code of the error at a root field, if there is one."""
        for error in self.errors:
            if error.get("path") == [name]:
                return str(error.get("extensions", {}).get("code"))
        return None


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to a plain request. Headers are found in whatever case."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


class Party:
    """One party with its HTTP session and its token."""

    def __init__(self, credentials: Credentials, *, base_url: str, now: Callable[[], datetime]) -> None:
        """Send nothing yet. now is the clock that dates assertions."""
        self.credentials = credentials
        self.scopes: frozenset[str] = frozenset()
        self.token = ""
        self.base_url = base_url
        self._now = now
        # Loopback addresses are not domains: without unsafe, the login page's cookies would be dropped.
        self._http = aiohttp.ClientSession(
            cookie_jar=aiohttp.CookieJar(unsafe=True), timeout=aiohttp.ClientTimeout(total=_TIMEOUT_SECONDS)
        )

    async def close(self) -> None:
        """Close the session."""
        await self._http.close()

    async def get_token(self) -> str:
        """Get a token and return how it was obtained. Errors: StepFailedError."""
        credentials = self.credentials
        form = {"grant_type": "client_credentials"}
        if credentials.login is not None:
            form, way = await self._obtain_code(), "authorization code with PKCE, at the login page"
            granted = await self._post_token(form)
        elif credentials.private_key is not None:
            assertion = self._sign_assertion(ECKey.import_key(credentials.private_key))
            form |= {"client_assertion_type": _ASSERTION_TYPE, "client_assertion": assertion}
            granted, way = await self._post_token(form), "private_key_jwt"
        else:
            basic = aiohttp.encode_basic_auth(credentials.client_id, credentials.secret or "")
            granted, way = await self._post_token(form, authorization=basic), "client_secret_basic"
        self.token = granted["access_token"]
        self.scopes = frozenset(granted.get("scope", "").split())
        return way

    async def ask(self, document: str, **variables: Any) -> Answer:
        """Send one operation with the token."""
        headers = {"Authorization": f"Bearer {self.token}", "Accept": "application/graphql-response+json"}
        body = {"query": document, "variables": variables}
        async with self._http.post(f"{self.base_url}/graphql", json=body, headers=headers) as response:
            answer = await response.json(content_type=None)
            return Answer(response.status, answer.get("data"), answer.get("errors", []))

    async def do(self, document: str, **variables: Any) -> Any:
        """Send one operation that must succeed entirely; return its only root field. Errors: StepFailedError."""
        answer = await self.ask(document, **variables)
        if answer.errors or answer.data is None:
            said = "; ".join(f"{error.get('message')} {error.get('extensions')}" for error in answer.errors)
            raise StepFailedError(f"{self.credentials.party} got {answer.status}: {said[:500]}")
        return next(iter(answer.data.values()))

    async def send(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        is_anonymous: bool = False,
    ) -> Reply:
        """Send one plain request, with the token unless it is anonymous."""
        named = dict(headers or {}) | ({} if is_anonymous else {"Authorization": f"Bearer {self.token}"})
        async with self._http.request(method, f"{self.base_url}{path}", headers=named, data=body) as response:
            return Reply(response.status, response.headers, await response.read())

    async def open_events(self, document: str, *, after: str | None) -> aiohttp.ClientResponse:
        """Subscribe over text/event-stream, as a browser would, after a cursor or from now. The caller closes it."""
        headers = {"Authorization": f"Bearer {self.token}", "Accept": "text/event-stream"}
        if after is not None:
            headers["Last-Event-ID"] = after
        response = await self._http.post(
            f"{self.base_url}/graphql",
            json={"query": document},
            headers=headers,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=_TIMEOUT_SECONDS),
        )
        if response.status != 200:  # noqa: PLR2004
            said = (await response.text())[:300]
            raise StepFailedError(f"{self.credentials.party} can subscribe, not {response.status}: {said}")
        return response

    async def revoke_token(self) -> None:
        """Revoke the token (RFC 7009). Errors: StepFailedError."""
        basic = aiohttp.encode_basic_auth(self.credentials.client_id, self.credentials.secret or "")
        form, headers = {"token": self.token}, {"Authorization": basic}
        async with self._http.post(f"{self.base_url}/oauth/revoke", data=form, headers=headers) as response:
            expect(response.status == 200, "the token is revoked")  # noqa: PLR2004

    async def _post_token(self, form: Mapping[str, str], *, authorization: str | None = None) -> Mapping[str, Any]:
        headers = {"Authorization": authorization} if authorization else {}
        async with self._http.post(f"{self.base_url}/oauth/token", data=form, headers=headers) as response:
            answer: dict[str, Any] = await response.json(content_type=None)
            expect(response.status == 200, f"{self.credentials.party} gets a token, not {answer}")  # noqa: PLR2004
            return answer

    def _sign_assertion(self, key: ECKey) -> str:
        issued_at = int(self._now().timestamp())
        claims = {
            "iss": self.credentials.client_id,
            "sub": self.credentials.client_id,
            "aud": self.base_url,
            "jti": secrets.token_urlsafe(16),
            "iat": issued_at,
            "exp": issued_at + _ASSERTION_SECONDS,
        }
        return jwt.encode({"alg": "ES256", "kid": str(key.kid)}, claims, key)

    async def _obtain_code(self) -> dict[str, str]:
        """Log in as a person does in a browser; return the form that redeems the code."""
        verifier, state = secrets.token_urlsafe(48), secrets.token_urlsafe(12)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
        query = {
            "response_type": "code",
            "client_id": self.credentials.client_id,
            "redirect_uri": REDIRECT_URI,
            "state": state,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        back = await self._pass_login_page(f"{self.base_url}/oauth/authorize?{urlencode(query)}")
        sent = dict(parse_qsl(urlsplit(back).query))
        expect(back.startswith(REDIRECT_URI) and sent.get("state") == state, "the login page sends the browser back")
        expect("code" in sent, "the login page gives a code")
        return {
            "grant_type": "authorization_code",
            "code": sent["code"],
            "redirect_uri": REDIRECT_URI,
            "code_verifier": verifier,
            "client_id": self.credentials.client_id,
        }

    async def _pass_login_page(self, url: str) -> str:
        """Return where the browser is sent in the end. An earlier session skips the login."""
        async with self._http.get(URL(url, encoded=True), allow_redirects=False) as response:
            if response.status in {302, 303}:
                return response.headers["Location"]
            page = await response.text()
        if 'action="/oauth/consent' in page:
            return await self._agree(page)
        action = re.search(r'action="([^"]+)"', page)
        token = re.search(r'name="csrf_token" value="([^"]+)"', page)
        if action is None or token is None:
            raise StepFailedError("the login page shows its form")
        form = {
            "login": self.credentials.login,
            "password": self.credentials.password,
            "csrf_token": html.unescape(token[1]),
        }
        target = URL(f"{self.base_url}{html.unescape(action[1])}", encoded=True)
        headers = {"Origin": self.base_url}
        async with self._http.post(target, data=form, headers=headers, allow_redirects=False) as response:
            expect(response.status == 303, f"{self.credentials.login} can log in")  # noqa: PLR2004
            onward = response.headers["Location"]
        onward = onward if onward.startswith("http") else f"{self.base_url}{onward}"
        async with self._http.get(URL(onward, encoded=True), allow_redirects=False) as response:
            if response.status in {302, 303}:
                return response.headers.get("Location", "")
            page = await response.text()
        return await self._agree(page)

    async def _agree(self, page: str) -> str:
        """Give the consent that the page asks for; return where the browser is sent then."""
        action = re.search(r'action="(/oauth/consent[^"]*)"', page)
        if action is None:
            raise StepFailedError("the consent page shows its form")
        form = {name: html.unescape(value) for name, value in _HIDDEN.findall(page.split("</form>", maxsplit=1)[0])}
        target = URL(f"{self.base_url}{html.unescape(action[1])}", encoded=True)
        headers = {"Origin": self.base_url}
        answer = {**form, "decision": "allow"}
        async with self._http.post(target, data=answer, headers=headers, allow_redirects=False) as response:
            return response.headers.get("Location", "")
