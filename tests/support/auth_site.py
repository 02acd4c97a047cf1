"""The authorization server as a browser and a client's system meet it: over HTTP alone."""

import base64
import json
import re
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import aiohttp
from starlette.applications import Starlette
from yarl import URL

from auth.clients.registration import CreatedClient
from auth.routes import create_auth_routes
from auth.tokens.verification import Success
from ledger.identifiers import MemberId, OfficerId
from tests.support.auth_world import CALLBACK, PASSWORD, World, challenge_of

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
MACHINE = {"grant_type": "client_credentials"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    text: str
    json: Any

    @property
    def error(self) -> str:
        return str(self.json["error"])

    @property
    def sent_back(self) -> dict[str, str]:
        """The parameters with which the browser is sent back to the client."""
        return dict(parse_qsl(urlsplit(self.headers["Location"]).query))


@dataclass
class Site:
    world: World
    issuer: str
    http: aiohttp.ClientSession
    regulator: MemberId
    carrier: MemberId
    officer: OfficerId
    machine: CreatedClient

    @classmethod
    @asynccontextmanager
    async def open(cls, world: World, issuer: str, **parts: Any) -> AsyncIterator["Site"]:
        async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as http:
            yield cls(world, issuer, http, **parts)

    async def send(self, method: str, path: str, **more: Any) -> Reply:
        url = URL(f"{self.issuer}{path}", encoded=True)
        async with self.http.request(method, url, allow_redirects=False, **more) as response:
            text = await response.text()
            is_json = response.content_type == "application/json"
            return Reply(response.status, response.headers, text, await response.json() if is_json else None)

    async def post(self, path: str, client: CreatedClient | None, **form: str) -> Reply:
        """A form to an endpoint for clients, by Basic or, without a client, with what the form says."""
        return await self._post_form(path, form, basic=client)

    async def post_token(self, form: Any, *, headers: Any = None, basic: CreatedClient | None = None) -> Reply:
        return await self._post_form("/oauth/token", form, headers=headers, basic=basic)

    async def _post_form(
        self, path: str, form: Any, *, headers: Any = None, basic: CreatedClient | None = None
    ) -> Reply:
        body = urlencode(form) if isinstance(form, dict | list) else form
        more = {"Authorization": basic_of(basic.client_id, basic.secret or "")} if basic is not None else {}
        return await self.send("POST", path, data=body, headers=headers or {**FORM, **more})

    async def officers_client(self, scopes: list[str] | None = None, **more: Any) -> CreatedClient:
        """A client through which officers log in."""
        given = {"grant_types": ["authorization_code"], "redirect_uris": [CALLBACK], **more}
        return await self.world.register(self.regulator, scopes or ["orders:read", "orders:approve"], **given)

    def request(self, client: CreatedClient, verifier: str | None = None, **changes: str | None) -> dict[str, str]:
        """The parameters of an authorization request."""
        parameters = {
            "response_type": "code",
            "client_id": client.client_id,
            "redirect_uri": CALLBACK,
            "state": "st-1",
            "code_challenge": challenge_of(verifier or secrets.token_urlsafe(32)),
            "code_challenge_method": "S256",
        } | changes
        return {name: value for name, value in parameters.items() if value is not None}

    async def authorize(self, parameters: Any, **more: Any) -> Reply:
        return await self.send("GET", f"/oauth/authorize?{urlencode(parameters)}", **more)

    async def log_in(
        self, parameters: dict[str, str], login: str = "ana", password: str = PASSWORD, **more: Any
    ) -> Reply:
        """Open the page and send its form."""
        page = await self.authorize(parameters)
        assert page.status == 200, page.text
        form = {"login": login, "password": password, "csrf_token": csrf_of(page), **more.pop("form", {})}
        return await self.send_form(action_of(page), form, **more)

    async def send_form(self, action: str, form: Mapping[str, str], **more: Any) -> Reply:
        headers = {**FORM, "Origin": self.issuer, **more.pop("headers", {})}
        return await self.send("POST", action, data=urlencode(form), headers=headers, **more)

    async def obtain_code(self, client: CreatedClient, verifier: str, **changes: str | None) -> str:
        parameters = self.request(client, verifier, **changes)
        after = await self.log_in(parameters)
        assert after.status == 303, after.text
        back = await self.go_on(after)
        assert back.status == 302, back.text
        return back.sent_back["code"]

    async def go_on(self, after: Reply, **form: str) -> Reply:
        """Follow the redirect of a login, and agree to what is asked (or say what the form says instead)."""
        page = await self.send("GET", after.headers["Location"])
        if 'name="decision"' not in page.text:
            return page
        return await self.send_form(action_of(page), {**consent_of(page), **form})

    async def redeem(self, client: CreatedClient, code: str, verifier: str | None, **changes: str) -> Reply:
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK} | changes
        if verifier is not None:
            form["code_verifier"] = verifier
        return await self.post_token(form, basic=client)

    async def verdict(self, reply: Reply) -> Any:
        """What another process says of the access token now."""
        return await self.world.verifier.verify(reply.json["access_token"], self.world.clock())

    async def principal(self, reply: Reply) -> Any:
        verdict = await self.verdict(reply)
        assert isinstance(verdict, Success), verdict
        return verdict.principal


def make_auth_app(world: World) -> Starlette:
    """The authorization server of this world, with nothing beside it."""
    return Starlette(
        routes=create_auth_routes(
            world.database, keys=world.keys, passwords=world.passwords, settings=world.settings, clock=world.clock
        )
    )


def basic_of(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def csrf_of(page: Reply) -> str:
    found = re.search(r'name="csrf_token" value="([0-9a-f]+)"', page.text)
    assert found is not None
    return found[1]


def consent_of(page: Reply, decision: str = "allow") -> dict[str, str]:
    """What the consent page's form sends."""
    found = re.search(r'name="scope" value="([^"]+)"', page.text)
    assert found is not None
    return {"csrf_token": csrf_of(page), "scope": found[1], "decision": decision}


def action_of(page: Reply) -> str:
    found = re.search(r'action="([^"]+)"', page.text)
    assert found is not None
    return found[1].replace("&amp;", "&")


def claims_of(token: str, part: int = 1) -> dict[str, Any]:
    """What a token says, or, as part 0, its header; nothing is verified."""
    encoded = token.split(".")[part]
    return json.loads(base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)))
