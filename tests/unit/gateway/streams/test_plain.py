"""Messages answered without an executor: the same bytes as from it, and only where nothing but attributes is asked."""

import asyncio
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from graphql import GraphQLObjectType, get_named_type, is_leaf_type, parse

from auth.scopes import BY_KIND
from auth.tokens.principal import Principal
from gateway.operations.executor import prepare_schema
from gateway.operations.progress import Document
from gateway.operations.services import Services, make_services
from gateway.process.metrics import Metrics
from gateway.settings import Settings
from gateway.streams import execution as streams_execution
from gateway.streams.counts import StreamCounts
from gateway.streams.delivery import Delivery
from gateway.streams.execution import Operation, SharedExecution
from gateway.streams.plain import find_plain
from ledger.bounds.backoff import Backoff
from ledger.feed.entries import Entry
from ledger.feed.vocabulary import EventKind, Subject
from ledger.identifiers import ClientId, MemberId, Position
from ledger.storage.database import Database
from ledger.storage.sealing import Keyring
from ledger.viewer import MemberKind
from resolvers.context import Context
from resolvers.sources import EventBatch, Message
from schema.graph import schema

NOON = datetime(2026, 3, 2, 12, 0, 0, 120, tzinfo=UTC)
PRINCIPAL = Principal(
    client_id=ClientId("01a2021c-6975-7159-a6ca-000000000003"),
    member_id=MemberId("01a2021c-6975-7159-a6ca-000000000001"),
    member_kind=MemberKind.REGULATOR,
    scopes=frozenset(BY_KIND[MemberKind.REGULATOR]),
    token_id="token",
    expires_at=NOON,
)
ROOTS = ("blockRequestEvents", "complaintEvents", "feed")
SAID: dict[str, Any] = {
    "orderNo": "O-2026-0000001", "version": 2, "dueAt": "2026-03-03T12:00:00+00:00", "late": True,
    "reason": 'Ünknown \u2028 "reason"', "acknowledgement": "EXECUTED", "acknowledgementId": "a", "emergency": False,
}  # fmt: skip


def entry(position: int, **changes: Any) -> Entry:
    known: dict[str, Any] = {
        "kind": EventKind.ORDER_ISSUED, "subject": Subject.BLOCK_ORDER, "state": "ISSUED", "payload": SAID,
    }  # fmt: skip
    return Entry(
        position=Position(position), leaf_hash=position.to_bytes(32, "big"), subject_id="01a2021c", recorded_at=NOON,
        **known | changes,
    )  # fmt: skip


ENTRIES = [
    entry(1),
    entry(2, payload={}, state=None),
    entry(3, payload={}, erased_at=NOON),
    entry(4, payload={"dueAt": "no time", "late": "no truth", "version": "no number"}),
    entry(5, state="UNHEARD_OF"),
    entry(6, kind=EventKind.OTHER, subject=Subject.OTHER),
    entry(7, kind=EventKind.COMPLAINT_FILED, subject=Subject.COMPLAINT, state="RECEIVED", payload={"count": 3}),
]


@pytest.fixture(scope="module")
def services() -> Iterator[Services]:
    settings = Settings(database_url="postgresql://nobody@127.0.0.1:1/nothing")
    database = Database.connect(settings, Keyring.from_text(*Keyring.generate_text()))

    def make_context(principal: Principal | None, as_of: datetime, request_id: str) -> Context:
        return Context(
            database=database, auth_settings=settings, principal=principal, as_of=as_of, request_id=request_id
        )

    yield make_services(
        settings,
        prepare_schema(schema),
        verify_token=SimpleNamespace(),  # type: ignore[arg-type] # nobody logs in
        make_context=make_context,
        metrics=Metrics(),
    )
    asyncio.run(database.close())


def list_plain_fields(services: Services, root: str) -> tuple[str, str]:
    """The field of a root's message that holds the event, and every attribute of it that isn't an object."""
    assert services.graph.subscription_type is not None
    message = get_named_type(services.graph.subscription_type.fields[root].type)
    assert isinstance(message, GraphQLObjectType)
    [name] = set(message.fields) - {"cursor"}
    event = get_named_type(message.fields[name].type)
    assert isinstance(event, GraphQLObjectType)
    plain = [
        key
        for key, field in event.fields.items()
        if is_leaf_type(get_named_type(field.type))
        and find_plain(
            parse(f"subscription {{ {root} {{ {name} {{ {key} }} }} }}"),
            None,
            graph=services.graph,
            protection=services.protection,
            scopes=PRINCIPAL.scopes,
        )
    ]
    return name, " ".join(plain)


@pytest.fixture(scope="module")
def plain_fields(services: Services) -> dict[str, tuple[str, str]]:
    return {root: list_plain_fields(services, root) for root in ROOTS}


def make_execution(services: Services, text: str) -> SharedExecution:
    operation = Operation(document=Document(text, parse(text)), operation_name=None, variables={}, principal=PRINCIPAL)
    return SharedExecution(operation, services, gate=asyncio.Semaphore(1), counts=StreamCounts(), now=lambda: NOON)


def find_for(services: Services, text: str, *, scopes: frozenset[str] = PRINCIPAL.scopes) -> object:
    return find_plain(parse(text), None, graph=services.graph, protection=services.protection, scopes=scopes)


async def run_both(
    services: Services, text: str, messages: Sequence[tuple[Position, Message]], monkeypatch: pytest.MonkeyPatch
) -> tuple[list[Delivery], list[Delivery], int]:
    """What both ways give, and how many batches the first gave to the executor."""
    monkeypatch.setattr(streams_execution, "_BACKOFF", Backoff(0.001, 0.001))
    execution = make_execution(services, text)
    asked: list[int] = []
    execute = execution._execute

    async def count(batch: EventBatch, request_id: str) -> list[Any]:
        asked.append(len(batch.messages))
        return await execute(batch, request_id)

    monkeypatch.setattr(execution, "_execute", count)
    await execution.probe()
    asked.clear()
    plain, executions = await execution.run(messages), len(asked)
    monkeypatch.setattr(execution, "_plain", None)
    return plain, await execution.run(messages), executions


def list_payloads(deliveries: Sequence[Delivery]) -> list[bytes]:
    """Without the id of the request, which an internal error has and which differs each time."""
    return [re.sub(rb'"requestId":"[^"]*"', b"", each.payload) for each in deliveries]


class TestAnswer:
    @pytest.mark.parametrize("root", ROOTS)
    @pytest.mark.parametrize("entry_", [None, *ENTRIES], ids=lambda each: "place" if each is None else each.position)
    async def test_is_the_executors_byte_by_byte(
        self,
        services: Services,
        plain_fields: dict[str, tuple[str, str]],
        root: str,
        entry_: Entry | None,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        name, fields = plain_fields[root]
        assert {"position", "kind", "recordedAt"} <= set(fields.split())
        text = f"subscription {{ told: {root} {{ cursor {name} {{ {fields} again: kind __typename }} __typename }} }}"
        messages = [(Position(1), Message("CURSOR", entry_))]
        plain, ordinary, _ = await run_both(services, text, messages, monkeypatch)
        assert list_payloads(plain) == list_payloads(ordinary)

    async def test_of_a_batch_asks_no_executor(self, services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
        text = "subscription { blockRequestEvents { cursor event { kind state orderNo recordedAt dueAt } } }"
        messages = [(each.position, Message("CURSOR", each)) for each in ENTRIES[:3]]
        plain, ordinary, executions = await run_both(services, text, messages, monkeypatch)
        assert (list_payloads(plain), executions) == (list_payloads(ordinary), 0)

    async def test_that_fits_no_type_is_the_executors(
        self, services: Services, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        text = "subscription { blockRequestEvents { event { state } } }"
        messages = [(Position(5), Message("CURSOR", ENTRIES[4]))]
        plain, ordinary, executions = await run_both(services, text, messages, monkeypatch)
        assert executions >= 1
        assert b'"data":null' in plain[0].payload
        assert b'"data":null' in ordinary[0].payload

    @pytest.mark.parametrize(("bytes_max", "count"), [(1_000, 4), (100, None)])
    async def test_larger_than_an_answer_may_be_is_the_executors(
        self, services: Services, bytes_max: int, count: int | None
    ) -> None:
        settings = services.settings.model_copy(update={"answer_bytes_max": bytes_max})
        execution = make_execution(replace(services, settings=settings), "subscription { feed { cursor } }")
        await execution.probe()
        answered = execution._answer_plain([(Position(position), Message("C" * 44)) for position in range(4)])
        assert (None if answered is None else len(answered)) == count


class TestPlain:
    @pytest.mark.parametrize(
        "text",
        [
            "subscription { blockRequestEvents { event { blockOrder { id } } } }",
            "subscription { blockRequestEvents { ... on BlockRequestMessage { cursor } } }",
            "subscription { blockRequestEvents { ...F } } fragment F on BlockRequestMessage { cursor }",
            "subscription ($a: Boolean!) { blockRequestEvents { cursor @include(if: $a) } }",
            "subscription { blockRequestEvents { cursor cursor } }",
            "subscription { feed { entry { inclusionProof { treeSize } } } }",
            "subscription { fraudSignals { cursor } }",
            "subscription { ... on Subscription { feed { cursor } } }",
        ],
    )
    def test_is_nothing_unusual(self, services: Services, text: str) -> None:
        assert find_for(services, text) is None

    def test_is_nothing_whose_scope_the_channel_lacks(self, services: Services) -> None:
        text = "subscription { blockRequestEvents { cursor } }"
        assert find_for(services, text) is not None
        assert find_for(services, text, scopes=frozenset({"feed:read"})) is None

    def test_is_a_cursor_that_differs_by_subscriber(self, services: Services) -> None:
        assert find_for(services, "subscription ($c: FeedCursor) { feed(after: $c) { cursor } }") is not None
