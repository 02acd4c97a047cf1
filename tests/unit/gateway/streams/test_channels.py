"""A channel and its subscribers against whatever order of events, pauses and forgetting: all of it, in order, once."""

import asyncio
import random
from collections.abc import Sequence
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from gateway.settings import Settings
from gateway.streams import channel as channels
from gateway.streams import encodings, window
from gateway.streams.catch_up import CatchUps
from gateway.streams.channel import Channel
from gateway.streams.counts import StreamCounts
from gateway.streams.delivery import Delivery
from gateway.streams.ends import StreamEnded
from gateway.streams.keys import ChannelKey
from gateway.streams.shared import Shared
from gateway.streams.subscription import Subscription
from ledger.feed.entries import Entry
from ledger.feed.reading import Slice
from ledger.feed.vocabulary import EventKind, Subject
from ledger.identifiers import MemberId, Position
from ledger.viewer import Viewer, ViewerKind
from resolvers.sources import Message, Source
from tests.support.waiting import until, yield_turn

FEED_ID = "01a2021c-6975-7159-a6ca-07629e9d1796"
MINE, OTHERS = MemberId("01a2021c-6975-7159-a6ca-000000000001"), MemberId("01a2021c-6975-7159-a6ca-000000000002")
VIEWER = Viewer(kind=ViewerKind.CARRIER, member_id=MINE)
SOURCE = Source(kinds=frozenset({EventKind.ORDER_ISSUED}))


def entry(position: int, *, mine: bool) -> Entry:
    return Entry(
        position=Position(position),
        leaf_hash=position.to_bytes(32, "big"),
        kind=EventKind.ORDER_ISSUED,
        subject=Subject.BLOCK_ORDER,
        subject_id=f"order-{position}",
        state="ISSUED",
        payload={},
        recorded_at=datetime(2026, 3, 2, tzinfo=UTC),
        audience=(MINE if mine else OTHERS,),
    )


class Log:
    """What a follower has in memory and what the database has behind it, without either."""

    def __init__(self, tail: int) -> None:
        self.entries: list[Entry] = []
        self.tail = tail
        self.feed_id = FEED_ID

    @property
    def head(self) -> Position:
        return Position(len(self.entries))

    def slice(self, after: Position) -> Sequence[Entry] | None:
        return None if after < len(self.entries) - self.tail else self.entries[after:]


class Execution:
    """Takes its time, and counts what it executes."""

    def __init__(self, chance: random.Random) -> None:
        self.counts = StreamCounts()
        self.chance = chance
        self.executed: list[int] = []

    async def probe(self) -> Source:
        return SOURCE

    async def run(self, messages: Sequence[tuple[Position, Message]]) -> list[Delivery]:
        await yield_turn(self.chance.randrange(4))
        self.executed += [position for position, _ in messages]
        made_at = asyncio.get_running_loop().time()
        return [Delivery(position, message.cursor, b"%d" % position, made_at) for position, message in messages]


class CatchUpsOfLog(CatchUps):
    """Reads history from the log where it would from the database."""

    async def _read_from_database(self, channel: Channel, after: Position) -> Slice:
        log: Any = self._follower
        await yield_turn()
        mine = [item for item in log.entries[after:] if MINE in item.audience]
        kept = mine[: self._batch_max]
        return Slice(kept, kept[-1].position if len(kept) == self._batch_max else log.head)


class Reader:
    """A transport that reads now and then."""

    def __init__(self, subscription: Subscription, *, after: int) -> None:
        self.subscription, self.after = subscription, after
        self.taken: list[int] = []

    def take(self, most: int) -> None:
        for _ in range(most):
            delivery = self.subscription.take_nowait()
            if delivery is None:
                return
            self.taken.append(int(delivery.payload))


def make_channel(log: Log, execution: Execution, **settings: Any) -> Channel:
    catch_ups = CatchUpsOfLog(log, Settings(**settings), execution.counts)  # type: ignore[arg-type]
    key = ChannelKey("", None, b"", VIEWER, frozenset())
    return Channel(key, VIEWER, execution, batch_max=5, catch_up=catch_ups.run)  # type: ignore[arg-type]


class TestChannel:
    @pytest.mark.parametrize("seed", range(25))
    async def test_tells_each_subscriber_its_events_in_order_and_once(
        self, seed: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        chance = random.Random(seed)  # noqa: S311 - no secret
        monkeypatch.setattr(window, "KEPT_MAX", chance.choice([1, 3, 20]))
        monkeypatch.setattr(encodings, "KEPT_MAX", chance.choice([1, 3, 20]))
        monkeypatch.setattr(channels, "_PENDING_MAX", chance.choice([4, 1_000]))
        log = Log(tail=chance.choice([0, 5, 1_000]))
        execution = Execution(chance)
        channel = make_channel(log, execution, catch_up_batch_max=4, catch_up_per_second=1_000_000)
        log.entries += [entry(position, mine=chance.random() < 0.5) for position in range(1, 30)]
        await channel.prove(lambda: (FEED_ID, log.head))
        readers: list[Reader] = []
        for _ in range(200):
            await yield_turn()
            act = chance.random()
            if act < 0.1 and len(readers) < 12:
                after = chance.randrange(log.head + 1)
                reader = Reader(channel.open(position=Position(after), cursor=""), after=after)
                if chance.random() < 0.7:
                    reader.subscription.on_ready = lambda reader=reader: reader.take(chance.choice([1, 100]))
                channel.feed(reader.subscription, Position(after))
                readers.append(reader)
            elif act < 0.5:
                fresh = [
                    entry(log.head + 1 + place, mine=chance.random() < 0.5) for place in range(chance.randrange(1, 8))
                ]
                log.entries += fresh
                channel.offer(fresh)
            elif act < 0.6:
                channel.trim()
            elif readers:
                chance.choice(readers).take(chance.choice([1, 3, 100]))

        def expected(reader: Reader) -> list[int]:
            return [item.position for item in log.entries[reader.after :] if MINE in item.audience]

        def all_is_taken() -> bool:
            for reader in readers:
                reader.take(100)
                assert reader.taken == expected(reader)[: len(reader.taken)]
            return all(reader.taken == expected(reader) for reader in readers)

        await until(all_is_taken, "every reader has what is its own")
        channel.close()

    async def test_executes_nothing_for_what_nobody_here_may_get(self) -> None:
        log = Log(tail=10)
        execution = Execution(random.Random(1))  # noqa: S311 - no secret
        channel = make_channel(log, execution)
        await channel.prove(lambda: (FEED_ID, log.head))
        subscription = channel.open(position=Position(0), cursor="")
        channel.feed(subscription, Position(0))
        channel.offer([entry(position, mine=False) for position in range(1, 5)])
        await yield_turn()
        assert execution.executed == []

    async def test_ends_who_fails_and_goes_on_for_the_others(self) -> None:
        log = Log(tail=10)
        channel = make_channel(log, Execution(random.Random(1)))  # noqa: S311 - no secret
        await channel.prove(lambda: (FEED_ID, log.head))
        failing, going = (channel.open(position=Position(0), cursor="") for _ in range(2))
        for subscription in (failing, going):
            channel.feed(subscription, Position(0))

        def fail() -> None:
            raise RuntimeError

        failing.on_ready = fail
        waiting = asyncio.create_task(going.next())
        log.entries.append(entry(1, mine=True))
        channel.offer(log.entries)
        assert (await waiting).position == 1
        with pytest.raises(StreamEnded) as ended:
            failing.take_nowait()
        assert ended.value.problem == "STREAM_FAILED"

    async def test_that_could_not_be_executed_is_no_events_to_skip_for_who_comes_then(self) -> None:
        class FailingOnce(Execution):
            async def run(self, messages: Sequence[tuple[Position, Message]]) -> list[Delivery]:
                if not self.executed:
                    self.executed.append(0)
                    raise RuntimeError
                return await super().run(messages)

        log = Log(tail=10)
        channel = make_channel(log, FailingOnce(random.Random(1)))  # noqa: S311 - no secret
        await channel.prove(lambda: (FEED_ID, log.head))
        ended, coming = (channel.open(position=Position(0), cursor="") for _ in range(2))
        channel.feed(ended, Position(0))
        waiting = asyncio.create_task(ended.next())
        log.entries += [entry(1, mine=True), entry(2, mine=True)]
        channel.offer(log.entries)
        with pytest.raises(StreamEnded):
            await waiting
        channel.feed(coming, Position(0))
        async with asyncio.timeout(5):
            assert [(await coming.next()).position for _ in range(2)] == [1, 2]
        channel.close()


class TestShared:
    async def test_makes_once_for_all_who_wait_and_for_those_who_come_soon(self) -> None:
        made: list[int] = []
        go = asyncio.Event()

        async def make() -> int:
            made.append(1)
            await go.wait()
            return len(made)

        shared: Shared[int] = Shared(entries_max=2, seconds=60)
        waiting = [asyncio.create_task(shared.get("key", make)) for _ in range(3)]
        await yield_turn()
        waiting[0].cancel()
        go.set()
        assert await asyncio.gather(*waiting[1:]) == [1, 1]
        assert await shared.get("key", make) == 1

    async def test_tells_a_failure_to_all_who_wait_and_keeps_it_for_nobody(self) -> None:
        made = SimpleNamespace(count=0)

        async def make() -> int:
            made.count += 1
            await yield_turn()
            if made.count == 1:
                raise ValueError
            return made.count

        shared: Shared[int] = Shared(entries_max=2, seconds=60)
        outcomes = await asyncio.gather(*(shared.get("key", make) for _ in range(2)), return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [ValueError, ValueError]
        assert await shared.get("key", make) == 2

    async def test_keeps_no_more_than_it_may(self) -> None:
        async def make() -> int:
            return 1

        shared: Shared[int] = Shared(entries_max=2, seconds=60)
        for key in range(5):
            await shared.get(key, make)
        await yield_turn()
        assert len(shared._tasks) == 2
