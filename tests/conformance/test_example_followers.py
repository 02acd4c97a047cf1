"""A provider's followers, as docs/clients.md prints them: what they keep is what the provider may see."""

import json
import signal
import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from auth.clients.registration import CreatedClient
from ledger.feed.cursors import FeedCursor
from ledger.identifiers import Position, new_id
from tests.support.example_site import Site
from tests.support.examples import PROVIDERS, Example
from tests.support.journeys import file_verified
from tests.support.signal_journeys import complain, leave, read_signals, revoke, take_part
from tests.support.tapped_line import tap
from tests.support.waiting import until

pytestmark = [
    pytest.mark.conformance,
    pytest.mark.timeout(900),
    pytest.mark.parametrize("example", PROVIDERS, indirect=True),
]
BURST = 300


def make_numbers(count: int, begin: int = 0) -> list[str]:
    return [f"+62812000{begin + place:05d}" for place in range(count)]


async def raise_signals(site: Site, numbers: list[str]) -> None:
    await file_verified(site.database, site.parties, datetime.now(UTC), numbers)


async def read_active(site: Site) -> dict[str, str]:
    """The active signals by id, with their risk, as the provider may see them."""
    signals = await read_signals(site.database, site.parties.provider, datetime.now(UTC))
    return {each.id: each.risk.value for each in signals if each.state.value == "ACTIVE"}


def read_kept(file: Path) -> dict[str, str]:
    """The same, as an example keeps them: in SQLite or in lines of JSON."""
    if not file.exists():
        return {}
    if file.read_bytes()[:6] == b"SQLite":
        with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as kept:
            return dict(kept.execute("SELECT id, risk FROM signals WHERE state = 'ACTIVE'"))
    known: dict[str, dict[str, Any]] = {}
    for line in list_lines(file):
        known |= {each["id"]: each for each in line["signals"]}
    return {each["id"]: each["risk"] for each in known.values() if each["state"] == "ACTIVE"}


def list_lines(file: Path) -> list[dict[str, Any]]:
    """The whole lines of a journal."""
    return [json.loads(line) for line in file.read_text().split("\n")[:-1]]


async def until_kept(site: Site) -> None:
    """Wait until the example keeps exactly what the provider may see."""
    expected = await read_active(site)
    await until(lambda: read_kept(site.state_file) == expected, "it keeps what there is")


async def test_it_starts_with_what_is_active_and_follows_what_happens(site: Site, example: Example) -> None:
    await take_part(site.database, site.parties, datetime.now(UTC))
    await raise_signals(site, make_numbers(250))
    async with site.run(example) as follower:
        await until(lambda: "started with 250 active signals" in follower.said, "it has started")
        await until_kept(site)
        await raise_signals(site, make_numbers(2, begin=250))
        await complain(site.database, site.parties, datetime.now(UTC), make_numbers(1)[0], "Ani", "Budi")
        [wrong] = await read_signals(
            site.database, site.parties.officer, datetime.now(UTC), e164s=make_numbers(1, begin=251)
        )
        await revoke(site.database, site.parties, datetime.now(UTC), wrong)
        await until_kept(site)
        kept = read_kept(site.state_file)
        assert len(kept) == 251
        assert wrong.id not in kept
        assert sorted(set(kept.values())) == ["HIGH", "MEDIUM"]
        assert await follower.end(signal.SIGTERM) == 0, follower.said


async def test_killed_in_the_middle_of_a_burst_it_loses_nothing_and_writes_nothing_twice(
    site: Site, example: Example
) -> None:
    await take_part(site.database, site.parties, datetime.now(UTC))
    async with site.run(example) as follower:
        await until(lambda: "started with 0 active signals" in follower.said, "it has started")
        await raise_signals(site, make_numbers(BURST))
        await until(lambda: len(read_kept(site.state_file)) > BURST // 10, "it is in the middle")
        await follower.end(signal.SIGKILL)
    # One more, which only the second can keep: the first may have kept the whole burst before it was killed.
    await raise_signals(site, make_numbers(1, begin=BURST))
    async with site.run(example) as follower:
        await until_kept(site)
        assert "started with" not in follower.said
        assert await follower.end(signal.SIGTERM) == 0, follower.said
    assert len(read_kept(site.state_file)) == BURST + 1
    if example.name.endswith("-typescript"):
        written = [each["id"] for line in list_lines(site.state_file) for each in line["signals"]]
        assert len(written) == len(set(written)) == BURST + 1


async def test_it_resumes_after_a_restart_of_the_gateway(site: Site, example: Example) -> None:
    await take_part(site.database, site.parties, datetime.now(UTC))
    async with site.run(example) as follower:
        await until(lambda: "started with" in follower.said, "it has started")
        await raise_signals(site, make_numbers(1))
        await until_kept(site)
        await site.serving.stop()
        await raise_signals(site, make_numbers(2, begin=1))
        await until(lambda: "SERVER_SHUTDOWN" in follower.said, "it was told why")
        site.serving.start()
        await until_kept(site)
        assert await follower.end(signal.SIGTERM) == 0, follower.said


async def test_it_connects_with_a_new_token_before_the_last_one_ends(site: Site, example: Example) -> None:
    await site.shorten_tokens(seconds=12)
    await take_part(site.database, site.parties, datetime.now(UTC))
    async with tap(site.serving.settings.port) as line, site.run(example, url=line.origin) as follower:
        await until(lambda: line.count(b"POST /oauth/token") >= 2, "it has a second token")
        await raise_signals(site, make_numbers(1))
        await until_kept(site)
        assert "TOKEN_EXPIRED" not in follower.said
        assert line.count_answers(401) == 0


async def test_it_starts_over_if_the_log_no_longer_has_its_place(site: Site, example: Example) -> None:
    await take_part(site.database, site.parties, datetime.now(UTC))
    await raise_signals(site, make_numbers(1))
    async with site.run(example) as follower:
        await until_kept(site)
        await follower.end(signal.SIGTERM)
    lose_place(site.state_file)
    [ended] = await read_signals(site.database, site.parties.officer, datetime.now(UTC))
    await revoke(site.database, site.parties, datetime.now(UTC), ended)
    await raise_signals(site, make_numbers(3, begin=1))
    async with site.run(example) as follower:
        await until(lambda: "started with 3 active signals" in follower.said, "it has started over")
        await until_kept(site)
        assert "CURSOR_EXPIRED" in follower.said
        assert await follower.end(signal.SIGTERM) == 0, follower.said


def lose_place(file: Path) -> None:
    """Put a cursor of another log in the place of the one that is kept."""
    cursor = FeedCursor.of(new_id(), Position(1), b"another entry").render()
    if file.read_bytes()[:6] == b"SQLite":
        with sqlite3.connect(file) as kept:
            kept.execute("UPDATE place SET cursor = ?", (cursor,))
        return
    lines = list_lines(file)
    lines[-1]["cursor"] = cursor
    file.write_text("".join(f"{json.dumps(line)}\n" for line in lines))


async def test_it_ends_with_1_when_the_participation_ends(site: Site, example: Example) -> None:
    participation = await take_part(site.database, site.parties, datetime.now(UTC))
    before = site.serving.delivered
    async with site.run(example) as follower:
        # Which of the two comes first differs between the examples.
        await until(lambda: "started with" in follower.said, "it has read what is active")
        await until(lambda: site.serving.delivered > before, "it follows")
        await leave(site.database, site.parties, datetime.now(UTC), participation)
        assert await follower.wait() == 1
        assert "PARTICIPATION_ENDED" in follower.said


async def test_it_ends_with_1_if_it_gets_no_token(site: Site, example: Example) -> None:
    site.provider = CreatedClient(client_id=site.provider.client_id, secret="wrong")
    async with site.run(example) as follower:
        assert await follower.wait() == 1
        assert "no token" in follower.said
