import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import asyncpg
import pytest

from auth.clients.registration import disable_client
from auth.tokens.open_tokens import OpenToken
from auth.tokens.revocations import revoke_family
from auth.tokens.verification import Refusal
from ledger.identifiers import new_id
from ledger.storage.database import Database
from tests.support.auth_world import START, World, auth_settings
from tests.support.cluster import Cluster
from tests.support.running import running
from tests.support.statements import count_statements
from tests.support.token_streams import Party, Streams, found_party, revoke
from tests.support.waiting import until

EXPIRED, REVOKED = Refusal.EXPIRED, Refusal.REVOKED


@pytest.fixture
def streams(world: World) -> Streams:
    return Streams(world, world.clock)


@pytest.fixture
def live_streams(database: Database) -> Streams:
    """By a clock that goes on by itself, and with short beats."""
    began = time.monotonic()
    world = World(database, auth_settings(revocation_check_seconds=0.01, standing_check_seconds=0.05))
    return Streams(world, lambda: START + timedelta(seconds=time.monotonic() - began))


@pytest.fixture
async def party(world: World) -> Party:
    return await found_party(world, "carrier")


@pytest.fixture
async def other(world: World) -> Party:
    return await found_party(world, "other")


class TestExpiry:
    async def test_ends_every_stream_of_the_token_at_its_time_and_not_before(
        self, streams: Streams, party: Party
    ) -> None:
        short = party.machine("short", expires_at=START + timedelta(seconds=60))
        for name in ("a", "b", "c"):
            streams.open(name, short)
        streams.open("long", party.machine("long"))
        assert await streams.later(59.999) == {}
        assert await streams.later(0.001) == {"a": EXPIRED, "b": EXPIRED, "c": EXPIRED}
        assert await streams.later(539.999) == {"a": EXPIRED, "b": EXPIRED, "c": EXPIRED}
        assert (await streams.later(0.001))["long"] is EXPIRED
        assert len(streams.tokens) == 0

    async def test_needs_neither_a_beat_nor_the_database(self, live_streams: Streams, party: Party) -> None:
        # The later one first: the one that ends first must set the time of waking anew.
        now = live_streams.now()
        ends = {"second": now + timedelta(seconds=0.08), "first": now + timedelta(seconds=0.04)}
        for name, expires_at in ends.items():
            live_streams.open(name, party.machine(name, expires_at=expires_at))
        await live_streams.world.database.close()
        await until(lambda: len(live_streams.told) == 2)
        assert list(live_streams.told.items()) == [("first", EXPIRED), ("second", EXPIRED)]
        for name, expires_at in ends.items():
            assert live_streams.told_at[name] >= expires_at

    async def test_waits_for_the_clock_where_that_is_behind(self, streams: Streams, party: Party) -> None:
        streams.open("a", party.machine("a", expires_at=START + timedelta(seconds=0.01)))
        first = streams.tokens._timer
        await until(lambda: streams.tokens._timer is not first)
        assert streams.told == {}
        streams.world.clock.advance(0.01)
        await until(lambda: streams.told == {"a": EXPIRED})

    async def test_tells_a_token_that_expired_before_it_was_held(self, streams: Streams, party: Party) -> None:
        streams.open("late", party.machine("late", expires_at=START))
        assert streams.told == {}
        await until(lambda: streams.told == {"late": EXPIRED})

    async def test_comes_to_a_token_that_claims_to_live_longer_than_ours_do(
        self, streams: Streams, party: Party
    ) -> None:
        streams.open("forged", party.machine("forged", expires_at=START + timedelta(days=3650)))
        assert await streams.later(609.9) == {}
        assert await streams.later(0.1) == {"forged": EXPIRED}

    async def test_of_a_token_that_was_let_go_is_not_that_of_the_same_one_taken_up_again(
        self, streams: Streams, party: Party
    ) -> None:
        long = party.machine("long", expires_at=START + timedelta(days=1))
        streams.open("other", party.machine("other", expires_at=START + timedelta(days=1)))
        streams.open("first", long).close()
        await streams.later(300)
        streams.open("second", long)
        assert await streams.later(310) == {"other": EXPIRED}
        assert await streams.later(300) == {"other": EXPIRED, "second": EXPIRED}

    async def test_of_tokens_that_nobody_holds_is_forgotten(
        self, streams: Streams, party: Party, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("auth.tokens.open_tokens._STALE_EXPIRIES_MAX", 3)
        streams.open("held", party.machine("held"))
        for _ in range(50):
            streams.open("passing", party.machine("passing")).close()
            assert len(streams.tokens._expiries) <= 8
        again = party.machine("passing", expires_at=START + timedelta(seconds=300))
        streams.open("passing", again)
        assert await streams.later(300) == {"passing": EXPIRED}
        assert await streams.later(300) == {"passing": EXPIRED, "held": EXPIRED}


class TestRevocation:
    async def test_of_a_token_ends_its_streams_and_no_others(
        self, streams: Streams, party: Party, other: Party
    ) -> None:
        for name in ("a", "b"):
            streams.open(name, party.machine("given-back"))
        streams.open("same client", party.machine("kept"))
        streams.open("other", other.machine("of-other"))
        assert await streams.later(0) == {}
        await revoke(streams.world, "given-back")
        assert await streams.later(0.5) == {"a": REVOKED, "b": REVOKED}
        assert await streams.later(30) == {"a": REVOKED, "b": REVOKED}

    async def test_of_a_family_ends_every_token_of_it_and_no_other(self, streams: Streams, party: Party) -> None:
        ended, kept = new_id(), new_id()
        for name, family_id in (("a", ended), ("b", ended), ("c", kept), ("d", None)):
            streams.open(name, party.officer(name, family_id=family_id))
        assert await streams.later(0) == {}
        world = streams.world
        async with world.auth() as tx:
            await tx.connection.run_sync(revoke_family, ended, settings=world.settings, as_of=world.clock())
        assert await streams.later(0.5) == {"a": REVOKED, "b": REVOKED}
        assert await streams.later(30) == {"a": REVOKED, "b": REVOKED}

    async def test_reaches_a_token_that_was_revoked_just_before_it_was_held(
        self, streams: Streams, party: Party
    ) -> None:
        await revoke(streams.world, "gone")
        streams.open("gone", party.machine("gone"))
        assert streams.told == {}
        assert await streams.later(0) == {"gone": REVOKED}
        streams.told.clear()
        streams.open("again", party.machine("gone"))
        assert await streams.later(0.25) == {"again": REVOKED}

    async def test_of_more_than_fit_makes_all_be_asked_again(
        self, streams: Streams, party: Party, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("auth.tokens.revocation_watch._REVOCATIONS_MAX", 3)
        for name in ("a", "b", "c"):
            streams.open(name, party.machine(name))
        await streams.later(0)
        for token_id in ("u", "v", "w", "x", "y", "z", "b"):
            await revoke(streams.world, token_id)
        assert await streams.later(0.5) == {"b": REVOKED}

    async def test_is_asked_once_for_streams_and_requests_together(self, streams: Streams, party: Party) -> None:
        streams.open("a", party.machine("a"))
        statements: list[str] = []
        end = count_statements(streams.world.database, statements.append)
        for _ in range(8):
            await streams.world.verifier.watch.catch_up(streams.world.clock())
            await streams.later(0.25)
        end()
        # The status statement names revoked tokens too, among the rest.
        assert sum("SELECT revoked_tokens.token_id" in statement for statement in statements) == 5

    async def test_that_the_verifier_noticed_first_ends_streams_all_the_same(
        self, streams: Streams, party: Party
    ) -> None:
        streams.open("a", party.machine("a"))
        await streams.later(0)
        await revoke(streams.world, "a")
        streams.world.clock.advance(0.5)
        await streams.world.verifier.watch.catch_up(streams.world.clock())
        assert await streams.later(0.1) == {"a": REVOKED}


class TestTokenStatus:
    async def test_of_a_disabled_client_ends_its_streams_and_no_others(
        self, streams: Streams, party: Party, other: Party
    ) -> None:
        second = await streams.world.register(party.member_id, ["orders:read"])
        streams.open("machine", party.machine("machine"))
        streams.open("officer", party.officer("officer"))
        streams.open("same member", party.machine("second", client_id=second.client_id))
        streams.open("other", other.machine("other"))
        assert await streams.later(0) == {}
        async with streams.world.auth() as tx:
            await disable_client(tx, party.client_id)
        assert await streams.later(4.9) == {}
        assert await streams.later(0.1) == {"machine": REVOKED, "officer": REVOKED}
        assert await streams.later(5) == {"machine": REVOKED, "officer": REVOKED}

    async def test_of_a_suspended_member_ends_all_that_it_has_open(
        self, streams: Streams, party: Party, other: Party
    ) -> None:
        for name, principal in (("machine", party.machine("machine")), ("officer", party.officer("officer"))):
            streams.open(name, principal)
        streams.open("other", other.officer("other"))
        await streams.later(0)
        await streams.world.suspend(party.member_id)
        assert await streams.later(5) == {"machine": REVOKED, "officer": REVOKED}

    async def test_of_a_disabled_officer_ends_the_officers_streams_and_the_clients_own_go_on(
        self, streams: Streams, party: Party, other: Party
    ) -> None:
        streams.open("machine", party.machine("machine"))
        streams.open("officer", party.officer("officer"))
        streams.open("other", other.officer("other"))
        await streams.later(0)
        await streams.world.disable_officer(party.officer_id)
        assert await streams.later(5) == {"officer": REVOKED}

    async def test_of_a_newcomer_is_asked_at_the_next_beat(self, streams: Streams, party: Party) -> None:
        streams.open("old", party.machine("old"))
        await streams.later(0)
        await streams.world.disable_officer(party.officer_id)
        streams.world.clock.advance(1)
        streams.open("new", party.officer("new"))
        assert await streams.later(0.25) == {"new": REVOKED}


class TestCost:
    async def count(self, streams: Streams) -> int:
        statements: list[str] = []
        end = count_statements(streams.world.database, statements.append)
        await streams.later(5)
        end()
        return len([statement for statement in statements if "set_config" not in statement])

    async def test_is_two_statements_a_beat_whatever_the_number_of_tokens(self, streams: Streams, party: Party) -> None:
        streams.open("first", party.machine("first"))
        assert await self.count(streams) == 2
        for number in range(500):
            for _ in range(2):
                streams.open(f"{number}", party.machine(f"token-{number}", family_id=f"family-{number}"))
        assert await self.count(streams) == 2
        assert streams.told == {}

    async def test_is_one_statement_for_each_batch_of_bounded_size(
        self, streams: Streams, party: Party, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("auth.tokens.token_status._BEARERS_MAX", 10)
        for number in range(40):
            streams.open(f"{number}", party.machine(f"token-{number}"))
        streams.open("officer", party.officer("officer"))
        await streams.world.disable_officer(party.officer_id)
        assert await self.count(streams) == 1 + 5
        assert streams.told == {"officer": REVOKED}

    async def test_is_nothing_between_two_beats_but_what_was_revoked(self, streams: Streams, party: Party) -> None:
        streams.open("a", party.machine("a"))
        await streams.later(0)
        statements: list[str] = []
        end = count_statements(streams.world.database, statements.append)
        for _ in range(18):
            await streams.later(0.25)
        end()
        assert not any("FROM clients" in statement for statement in statements)
        assert sum("FROM revoked_tokens" in statement for statement in statements) == 9


class TestRun:
    async def test_does_nothing_while_no_token_is_open_and_checks_while_one_is(
        self, live_streams: Streams, party: Party
    ) -> None:
        statements: list[str] = []
        world = live_streams.world
        async with running(live_streams.tokens):
            end = count_statements(world.database, statements.append)
            live_streams.open("a", party.machine("a")).close()
            beats = live_streams.now() + timedelta(seconds=0.1)
            await until(lambda: live_streams.now() > beats)
            end()
            assert statements == []
            live_streams.open("revoked", party.machine("revoked"))
            live_streams.open("officer", party.officer("officer"))
            await revoke(world, "revoked")
            await until(lambda: live_streams.told == {"revoked": REVOKED})
            await world.disable_officer(party.officer_id)
            await until(lambda: live_streams.told == {"revoked": REVOKED, "officer": REVOKED})


class TestClose:
    async def test_before_the_end_nothing_is_told(self, streams: Streams, party: Party) -> None:
        first = streams.open("first", party.machine("a"))
        streams.open("second", party.machine("a"))
        alone = streams.open("alone", party.officer("b", family_id="f"))
        for _ in range(2):
            first.close()
            alone.close()
        assert len(streams.tokens) == 1
        await revoke(streams.world, "a")
        await revoke(streams.world, "f")
        assert await streams.later(600) == {"second": EXPIRED}

    async def test_after_the_end_does_nothing_even_where_the_token_was_taken_up_again(
        self, streams: Streams, party: Party
    ) -> None:
        first = streams.open("first", party.machine("a"))
        await revoke(streams.world, "a")
        await streams.later(0)
        streams.open("second", party.machine("a"))
        first.close()
        assert await streams.later(0.5) == {"first": REVOKED, "second": REVOKED}

    async def test_of_the_last_forgets_everything(self, streams: Streams, party: Party) -> None:
        for hold in [streams.open(f"{number}", party.officer("a", family_id="f")) for number in range(3)]:
            hold.close()
        tokens = streams.tokens
        assert (tokens._entries, tokens._families, tokens._new_tokens, tokens._expiries) == ({}, {}, set(), [])
        assert tokens._timer is None

    async def test_by_one_who_is_told_keeps_the_others_from_being_told(self, streams: Streams, party: Party) -> None:
        holds: list[OpenToken] = []
        told: list[Refusal] = []

        def close_all(reason: Refusal) -> None:
            told.append(reason)
            for hold in holds:
                hold.close()

        holds.extend(streams.tokens.watch(party.machine("a"), close_all) for _ in range(5))
        await revoke(streams.world, "a")
        await streams.later(0)
        assert told == [REVOKED]

    async def test_one_who_fails_at_being_told_does_not_stop_the_others(
        self, streams: Streams, party: Party, caplog: pytest.LogCaptureFixture
    ) -> None:
        def fail(_reason: Refusal) -> None:
            raise RuntimeError("This stream can't be told.")

        for number in range(5):
            streams.open(f"{number}", party.machine("a"))
            streams.tokens.watch(party.machine("a"), fail)
        streams.open("b", party.machine("b"))
        await revoke(streams.world, "a")
        await revoke(streams.world, "b")
        assert set(await streams.later(0)) == {"0", "1", "2", "3", "4", "b"}
        assert sum(record.message == "open_token_end_failed" for record in caplog.records) == 5


class TestDatabaseAway:
    @asynccontextmanager
    async def away(self, cluster: Cluster, database: Database) -> AsyncIterator[None]:
        """Nobody may connect, and whoever is connected is thrown out."""
        name = database.engine.url.database
        connection = await asyncpg.connect(cluster.urls.superuser)
        try:
            await connection.execute(f"ALTER DATABASE {name} CONNECTION LIMIT 0")
            await connection.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = $1", name
            )
            yield
            await connection.execute(f"ALTER DATABASE {name} CONNECTION LIMIT -1")
        finally:
            await connection.close()

    async def test_ends_nothing_but_what_expires_and_is_made_up_for_at_its_return(
        self, streams: Streams, party: Party, cluster: Cluster, caplog: pytest.LogCaptureFixture
    ) -> None:
        world = streams.world
        for name in ("kept", "revoked"):
            streams.open(name, party.machine(name))
        streams.open("officer", party.officer("officer"))
        streams.open("short", party.machine("short", expires_at=START + timedelta(seconds=60)))
        await streams.later(0)
        await revoke(world, "revoked")
        await world.disable_officer(party.officer_id)
        caplog.set_level(logging.INFO, logger="auth.tokens.open_tokens")
        async with self.away(cluster, world.database):
            for _ in range(5):
                assert await streams.later(11.9) == {}
            assert await streams.later(0.5) == {"short": EXPIRED}
        assert await streams.later(0.5) == {"short": EXPIRED, "revoked": REVOKED, "officer": REVOKED}
        assert await streams.later(5) == {"short": EXPIRED, "revoked": REVOKED, "officer": REVOKED}
        assert [record.message for record in caplog.records] == ["open_tokens_unchecked", "open_tokens_checked_again"]
        assert caplog.records[0].__dict__["error"] == "DatabaseBusyError"
