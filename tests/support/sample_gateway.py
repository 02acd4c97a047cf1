"""A gateway over the sample graph as a client meets it over HTTP, and the tokens that it takes."""

import http.client
import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from auth.protocol.requests import read_form
from auth.tokens.principal import Principal
from auth.tokens.verification import Failure, Refusal, Success, Verdict
from ledger.identifiers import ClientId, MemberId, OfficerId
from ledger.viewer import MemberKind

GRAPHQL_RESPONSE = "application/graphql-response+json"


async def take_form(request: Request) -> Response:
    """Stand in for an OAuth endpoint: it reads a form as they all do."""
    return JSONResponse(await read_form(request))


FORM_ROUTES = (Route("/oauth/token", endpoint=take_form, methods=["POST"]),)


async def verify_sample(bearer: str, as_of: datetime) -> Verdict:
    """A token is client~scope~scope; `expired` and whatever has no ~ is none."""
    client_id, *scopes = bearer.split("~")
    if not scopes or client_id == "expired":
        return Failure(Refusal.EXPIRED)
    principal = Principal(
        client_id=ClientId(client_id),
        member_id=MemberId("member"),
        member_kind=MemberKind.CARRIER,
        scopes=frozenset(scope.replace("_", ":") for scope in scopes if scope),
        token_id=bearer,
        expires_at=as_of + timedelta(hours=1),
        officer_id=OfficerId("an-officer") if client_id == "console" else None,
    )
    return Success(principal)


def token(*scopes: str, client: str = "client") -> str:
    return "~".join([client, *(scope.replace(":", "_") for scope in scopes)]) + ("" if scopes else "~")


@dataclass
class Reply:
    status: int
    headers: http.client.HTTPMessage
    content: bytes

    @property
    def body(self) -> Any:
        return json.loads(self.content)

    @property
    def codes(self) -> list[str]:
        return [error["extensions"]["code"] for error in self.body.get("errors", [])]

    @property
    def problems(self) -> list[str]:
        return [error["extensions"].get("problem") for error in self.body.get("errors", [])]


@dataclass
class Gateway:
    port: int
    app: Any
    calls: list[str] = field(default_factory=list)

    def send(self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> Reply:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request(method, path, body=body, headers=headers or {})
            response = connection.getresponse()
            return Reply(response.status, response.headers, response.read())
        finally:
            connection.close()

    def post(
        self,
        query: str,
        variables: Any = None,
        *,
        bearer: str | None = None,
        accept: str | None = GRAPHQL_RESPONSE,
        **more: Any,
    ) -> Reply:
        body = {"query": query, **({"variables": variables} if variables is not None else {}), **more}
        return self.post_bytes(json.dumps(body).encode(), bearer=bearer, accept=accept)

    def post_bytes(
        self, body: bytes, *, bearer: str | None = None, accept: str | None = GRAPHQL_RESPONSE, **headers: str
    ) -> Reply:
        sent = {"Content-Type": "application/json", **{k.replace("_", "-"): v for k, v in headers.items()}}
        if accept is not None:
            sent["Accept"] = accept
        if bearer is not None:
            sent["Authorization"] = f"Bearer {bearer}"
        return self.send("POST", "/graphql", body, sent)
