"""The real graph behind a real uvicorn, each party with a token of its own; only tokens are stand-ins here."""

import http.client
import json
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from auth.tokens.open_tokens import OnEnd
from auth.tokens.principal import Principal
from auth.tokens.verification import Failure, Refusal, Success, Verdict
from ledger.storage.database import Database
from ledger.viewer import Viewer
from tests.support.country import Parties
from tests.support.desk import principal_of
from tests.support.sample_gateway import Reply


@dataclass(eq=False)
class Hold:
    """That something open depends on a token."""

    site: "Site"
    principal: Principal
    on_end: OnEnd

    def close(self) -> None:
        self.site.holds.remove(self)


class Site:
    """A running gateway, asked by HTTP alone."""

    def __init__(self, database: Database, parties: Parties, as_of: datetime) -> None:
        self.database = database
        self.parties = parties
        self.as_of = as_of
        self.tokens: dict[str, Principal] = {}
        self.holds: list[Hold] = []
        self.port = 0
        self.app: Any = None

    def count(self, metric: str, **labels: str) -> float:
        """The value of one of the gateway's metrics."""
        return float(self.app.state.metrics.registry.get_sample_value(metric, labels) or 0)

    def token(self, viewer: Viewer, *, without: tuple[str, ...] = ()) -> str:
        principal = principal_of(viewer, self.as_of)
        token = f"token-{len(self.tokens)}"
        self.tokens[token] = replace(principal, scopes=principal.scopes - set(without))
        return token

    def watch(self, principal: Principal, on_end: OnEnd) -> "Hold":
        """Hold a token as OpenTokens does."""
        hold = Hold(self, principal, on_end)
        self.holds.append(hold)
        return hold

    def revoke(self, token: str) -> None:
        """End a token, for what it was used to open too."""
        principal = self.tokens.pop(token)
        for hold in [hold for hold in self.holds if hold.principal is principal]:
            hold.on_end(Refusal.REVOKED)

    async def verify(self, bearer: str, as_of: datetime) -> Verdict:
        principal = self.tokens.get(bearer)
        return Failure(Refusal.REVOKED) if principal is None else Success(principal)

    def post(self, token: str | None, query: str, **variables: Any) -> Any:
        return self.send(token, query, **variables).body

    def send(self, token: str | None, query: str, **variables: Any) -> Reply:
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request("POST", "/graphql", json.dumps({"query": query, "variables": variables}), headers)
            response = connection.getresponse()
            return Reply(response.status, response.headers, response.read())
        finally:
            connection.close()
