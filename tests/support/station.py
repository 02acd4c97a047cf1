"""One serving process with a sequencer and a follower of its own, and members that follow it by HTTP."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
from starlette.applications import Starlette

from auth.clients.registration import ClientDraft, create_client
from auth.scopes import BY_KIND, OFFICER_ONLY
from ledger.feed.events import EventDraft, append_events
from ledger.feed.vocabulary import EventKind, Subject
from ledger.storage.database import Database
from ledger.storage.roles import Role
from ledger.viewer import MemberKind, Viewer
from tests.support.country import Parties
from tests.support.stream_readers import EventReader

FOLLOW = """subscription ($after: FeedCursor) {
  blockRequestEvents(after: $after) { cursor event { position blockOrderId } }
}"""


@dataclass
class Clock:
    """The server's clock, which a test may put forward."""

    ahead: timedelta = timedelta()

    def read(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@dataclass
class Station:
    """One serving process' worth of gateway, in a thread with an event loop of its own."""

    database: Database
    parties: Parties
    http: aiohttp.ClientSession
    url: str
    app: Starlette
    stop: Callable[[], None]
    count_connections: Callable[[], int]
    clock: "Clock"
    served: Database
    loops: list[asyncio.AbstractEventLoop]
    clients: dict[str, tuple[str, str]] = field(default_factory=dict)

    @property
    def counts(self) -> Any:
        return self.app.state.streams.counts

    @property
    def port(self) -> int:
        return int(self.url.rsplit(":", 1)[1])

    async def on_loop(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Run something in the server's own event loop."""
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self.loops[0]))

    async def token(self, viewer: Viewer, *, without: tuple[str, ...] = ()) -> str:
        """A token of a client of the viewer's, made when it is first asked for."""
        scopes = sorted(BY_KIND[MemberKind(viewer.kind.value)] - OFFICER_ONLY - set(without))
        name = f"{viewer.member_id}-{viewer.brand_id}"
        if name not in self.clients:
            draft = ClientDraft(member_id=viewer.member_id, brand_id=viewer.brand_id, name=name, scopes=scopes)
            async with self.database.system(Role.AUTH, as_of=datetime.now(UTC)) as tx:
                self.clients[name] = tuple(await create_client(tx, draft))
        basic = base64.b64encode(":".join(self.clients[name]).encode()).decode()
        form = {"grant_type": "client_credentials", "scope": " ".join(scopes)}
        async with self.http.post(
            f"{self.url}/oauth/token", data=form, headers={"Authorization": f"Basic {basic}"}
        ) as response:
            assert response.status == 200, await response.text()
            return (await response.json())["access_token"]

    async def write(self, viewer: Viewer, count: int = 1, *, first: int = 0, batch: int = 1_000, **named: Any) -> None:
        """Events of orders that the viewer may get, called order-0 and so on; in transactions of a bounded size."""
        for begin in range(0, count, batch):
            drafts = [
                replace(
                    EventDraft(
                        kind=EventKind.ORDER_ISSUED,
                        subject=Subject.BLOCK_ORDER,
                        subject_id=f"order-{first + number}",
                        state="ISSUED",
                        audience=(viewer.member_id,),
                        brand_id=viewer.brand_id,
                    ),
                    **named,
                )
                for number in range(begin, min(count, begin + batch))
            ]
            async with self.database.transaction(viewer, as_of=datetime.now(UTC)) as tx:
                await append_events(tx, drafts)

    def request(self, token: str | None, query: str = FOLLOW, *, accept: str = "text/event-stream", **sent: Any) -> Any:
        """The context manager of a POST; headers, variables and extensions by name."""
        headers = {"Accept": accept, **sent.pop("headers", {})}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        return self.http.post(f"{self.url}/graphql", json={"query": query, **sent}, headers=headers)

    @asynccontextmanager
    async def follow(self, token: str, query: str = FOLLOW, **sent: Any) -> AsyncIterator[EventReader]:
        """Follow by SSE; a cursor goes as last_event_id or in what is sent."""
        last_event_id = sent.pop("last_event_id", None)
        headers = {"Last-Event-ID": last_event_id} if last_event_id else {}
        async with self.request(token, query, headers=headers, **sent) as response:
            assert response.status == 200, await response.text()
            assert response.headers["Content-Type"] == "text/event-stream; charset=utf-8"
            yield EventReader(response)

    async def graph(self, token: str, query: str, **variables: Any) -> Any:
        async with self.request(token, query, accept="application/json", variables=variables) as response:
            return json.loads(await response.text())


Serve = Callable[..., Awaitable[Station]]


def orders_of(messages) -> list[str]:
    return [message["data"]["blockRequestEvents"]["event"]["blockOrderId"] for message in messages]


def names(first: int, behind: int) -> list[str]:
    return [f"order-{number}" for number in range(first, behind)]
