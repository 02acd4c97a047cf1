"""`jembatan follow` as a process beside the real server: what it prints, how it comes back, and how it ends."""

import asyncio
import json
import signal
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from joserfc.jwk import ECKey

from auth.clients.registration import PRIVATE_KEY_JWT, ClientDraft, create_client
from ledger.storage.roles import Role
from ledger.viewer import Viewer
from tests.support.country import Parties
from tests.support.follow_process import READ_SECONDS_MAX, read_note, run_follow
from tests.support.station import Station
from tests.support.waiting import until

ORDERS = "subscription { blockRequestEvents { cursor event { position subject: blockOrderId } } }"


@dataclass
class Cable:
    """What lies between a client and the server, and may be cut."""

    url: str
    ends: list[asyncio.StreamWriter] = field(default_factory=list)

    @classmethod
    @asynccontextmanager
    async def lay(cls, port: int) -> "AsyncIterator[Cable]":
        cable = cls("")

        async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
            cable.ends += [writer, far_writer]
            await asyncio.gather(_copy(reader, far_writer), _copy(far_reader, writer))

        server = await asyncio.start_server(carry, "127.0.0.1", 0)
        cable.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        try:
            yield cable
        finally:
            server.close()
            cable.cut()

    def cut(self) -> None:
        for end in self.ends:
            end.transport.abort()
        self.ends.clear()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    writer.close()


async def read_events(process: Process, count: int) -> list[str]:
    """What so many next lines are about."""
    assert process.stdout is not None
    async with asyncio.timeout(READ_SECONDS_MAX):
        lines = [await process.stdout.readline() for _ in range(count)]
    return [json.loads(line)["event"]["subject"] for line in lines]


async def read_end(process: Process) -> tuple[int, str, str]:
    """Exit status, and the rest of stdout and stderr."""
    async with asyncio.timeout(READ_SECONDS_MAX):
        out, err = await process.communicate()
    assert "Traceback" not in err.decode()
    return process.returncode or 0, out.decode(), err.decode()


@pytest.fixture
def carrier(parties: Parties) -> Viewer:
    return parties.telkomsel


@pytest.fixture
async def login(station: Station, carrier: Viewer) -> str:
    """A carrier's client, as the environment has it."""
    await station.token(carrier)
    return ":".join(station.clients[f"{carrier.member_id}-{carrier.brand_id}"])


@pytest.fixture
def document(tmp_path: Path) -> str:
    path = tmp_path / "orders.graphql"
    path.write_text(ORDERS)
    return str(path)


class TestFollowing:
    async def test_prints_a_line_an_event_from_now_on_and_ends_after_so_many(
        self,
        station: Station,
        carrier: Viewer,
        login: str,
        document: str,
    ) -> None:
        await station.write(carrier, 2)
        async with run_follow(station, "--document", document, "--exit-after", "2", JEMBATAN_CLIENT=login) as process:
            await read_note(process, "Following from now.")
            await until(station.counts.open.total, "it has subscribed")
            await station.write(carrier, 3, first=2)
            assert await read_events(process, 2) == ["order-2", "order-3"]
            status, out, _ = await read_end(process)
        assert (status, out) == (0, "")

    async def test_killed_and_started_again_with_its_cursor_file_loses_nothing(
        self,
        station: Station,
        carrier: Viewer,
        login: str,
        document: str,
        tmp_path: Path,
    ) -> None:
        arguments = ("--document", document, "--cursor-file", str(tmp_path / "orders.cursor"))
        async with run_follow(station, *arguments, JEMBATAN_CLIENT=login) as process:
            await until((tmp_path / "orders.cursor").exists, "the place is kept before anything happened")
            await station.write(carrier, 300)
            received = await read_events(process, 20)
            process.kill()
            assert process.stdout is not None
            rest = (await process.stdout.read()).decode().split("\n")
            # What stands behind the last line break was never a line.
            received += [json.loads(line)["event"]["subject"] for line in rest[:-1]]
        await station.write(carrier, 100, first=300)
        async with run_follow(station, *arguments, JEMBATAN_CLIENT=login) as process:
            again = await read_events(process, 1)
            if again[0] == received[-1]:
                again = await read_events(process, 1)
            received += again
            received += await read_events(process, 400 - len(received))
        assert received == [f"order-{number}" for number in range(400)]

    async def test_renews_a_token_that_has_expired_and_goes_on(
        self,
        station: Station,
        carrier: Viewer,
        login: str,
        document: str,
    ) -> None:
        async with run_follow(station, "--document", document, JEMBATAN_CLIENT=login) as process:
            await read_note(process, "Following from now.")
            await until(station.counts.open.total, "it has subscribed")
            await station.write(carrier, 1)
            assert await read_events(process, 1) == ["order-0"]
            station.clock.ahead = timedelta(minutes=20)
            await read_note(process, "TOKEN_EXPIRED")
            await station.write(carrier, 2, first=1)
            assert await read_events(process, 2) == ["order-1", "order-2"]

    async def test_comes_back_by_itself_however_often_its_connection_is_cut(
        self, station: Station, carrier: Viewer, login: str, document: str
    ) -> None:
        async with Cable.lay(station.port) as cable:
            arguments = ("--document", document, "--exit-after", "60")
            async with run_follow(cable, *arguments, JEMBATAN_CLIENT=login) as process:
                await read_note(process, "Following from now.")
                await until(station.counts.open.total, "it has subscribed")
                received = []
                for first in range(0, 60, 20):
                    await station.write(carrier, 20, first=first)
                    received += await read_events(process, 10)
                    cable.cut()
                received += await read_events(process, 30)
                status, out, _ = await read_end(process)
        assert received == [f"order-{number}" for number in range(60)]
        assert (status, out) == (0, "")

    async def test_signs_assertions_with_a_private_key(
        self,
        station: Station,
        carrier: Viewer,
        tmp_path: Path,
    ) -> None:
        key = ECKey.generate_key("P-256", {"use": "sig", "alg": "ES256"}, private=True, auto_kid=True)
        draft = ClientDraft(
            member_id=carrier.member_id, name="signing", scopes=["orders:read"], auth_method=PRIVATE_KEY_JWT,
            public_keys={"keys": [dict(key.as_dict(private=False))]},
        )  # fmt: skip
        async with station.database.system(Role.AUTH, as_of=datetime.now(UTC)) as tx:
            client = await create_client(tx, draft)
        (tmp_path / "key.json").write_text(json.dumps(key.as_dict(private=True)))
        arguments = ("orders", "--private-key", str(tmp_path / "key.json"))
        async with run_follow(station, *arguments, JEMBATAN_CLIENT=client.client_id) as process:
            await read_note(process, "Following from now.")

    @pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
    async def test_ends_with_0_when_it_is_told_to(self, station: Station, login: str, sent: int) -> None:
        async with run_follow(station, "orders", JEMBATAN_CLIENT=login) as process:
            await read_note(process, "Following from now.")
            process.send_signal(sent)
            status, out, err = await read_end(process)
        assert (status, out) == (0, "")
        assert "Stopped after 0 events." in err


class TestRefusals:
    async def test_of_a_client_are_told_without_its_secret(self, station: Station, login: str) -> None:
        wrong = login.partition(":")[0] + ":hunter2"
        async with run_follow(station, "orders", JEMBATAN_CLIENT=wrong) as process:
            status, _, err = await read_end(process)
        assert status == 1
        assert "error: LOGIN_REFUSED: " in err
        assert "hunter2" not in err

    async def test_end_it_when_a_given_token_is_over(
        self,
        station: Station,
        carrier: Viewer,
    ) -> None:
        async with run_follow(station, "orders", JEMBATAN_TOKEN=await station.token(carrier)) as process:
            await read_note(process, "Following from now.")
            await until(station.counts.open.total, "it has subscribed")
            station.clock.ahead = timedelta(minutes=20)
            status, _, err = await read_end(process)
        assert status == 1
        assert "error: TOKEN_EXPIRED: " in err

    async def test_of_a_subscription_are_told_in_the_gateways_code(
        self,
        station: Station,
        login: str,
        tmp_path: Path,
    ) -> None:
        (tmp_path / "wrong.graphql").write_text("subscription { nothing }")
        async with run_follow(station, "--document", str(tmp_path / "wrong.graphql"), JEMBATAN_CLIENT=login) as process:
            status, _, err = await read_end(process)
        assert status == 1
        assert "error: DOCUMENT_INVALID: " in err

    async def test_of_a_kind_that_the_member_may_not_follow(self, station: Station, login: str) -> None:
        async with run_follow(station, "complaints", JEMBATAN_CLIENT=login) as process:
            status, _, err = await read_end(process)
        assert status == 1
        assert "error: SCOPES_MISSING: " in err


class TestDocuments:
    @pytest.mark.parametrize("what", ["orders", "feed"])
    async def test_are_taken_by_the_gateway(
        self,
        station: Station,
        carrier: Viewer,
        login: str,
        what: str,
    ) -> None:
        async with run_follow(station, what, "--exit-after", "1", JEMBATAN_CLIENT=login) as process:
            await read_note(process, "Following from now.")
            await until(station.counts.open.total, "it has subscribed")
            await station.write(carrier, 1, subject_id="0199f0c1-1111-7000-8000-000000000000")
            status, out, err = await read_end(process)
        assert status == 0, err
        told = json.loads(out)
        assert set(told) == {"cursor", "entry" if what == "feed" else "event"}, told
