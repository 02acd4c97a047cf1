"""Who runs a platform is the regulator's to say, and a platform is run by one firm at a time."""

import asyncio
from dataclasses import replace

import pytest

from ledger.accounts.reading import load_platforms_by_member
from ledger.accounts.running import (
    NamedPlatform,
    PlatformInvalidError,
    PlatformRunnerError,
    PlatformTakenError,
    set_member_platforms,
)
from ledger.errors import ForbiddenError, UnknownError
from ledger.vocabulary import Platform
from tests.support.account_journeys import run_platforms
from tests.support.signal_journeys import admit_provider

BIGO = NamedPlatform(Platform.OTHER, "Bigo Live")


async def set_for(database, viewer, as_of, member_id, *named):
    async with database.transaction(viewer, as_of=as_of) as tx:
        return await set_member_platforms(tx, member_id, named)


async def names_of(database, viewer, as_of, member_id):
    async with database.reading(viewer, as_of=as_of) as tx:
        run = (await load_platforms_by_member(tx, [member_id]))[member_id]
    return [each.other_name or each.platform for each in run]


class TestSetMemberPlatforms:
    async def test_replaces_all_that_the_member_ran_and_repeats_without_effect(
        self, database, parties, as_of, owner_connection
    ):
        member_id = parties.provider.member_id
        await set_for(database, parties.officer, as_of, member_id, NamedPlatform(Platform.WHATSAPP), BIGO)
        await set_for(database, parties.officer, as_of, member_id, NamedPlatform(Platform.FACEBOOK), BIGO)
        events = await owner_connection.fetchval("SELECT count(*) FROM events")
        await set_for(
            database, parties.officer, as_of, member_id, NamedPlatform(Platform.OTHER, " BIGO  live"),
            NamedPlatform(Platform.FACEBOOK),
        )  # fmt: skip
        assert await names_of(database, parties.officer, as_of, member_id) == [Platform.FACEBOOK, "bigo live"]
        assert await owner_connection.fetchval("SELECT count(*) FROM events") == events
        ended = await owner_connection.fetch("SELECT platform FROM member_platforms WHERE ended_at IS NOT NULL")
        assert [row["platform"] for row in ended] == ["WHATSAPP"]

    async def test_platform_that_another_firm_runs_is_refused_and_nothing_is_written(self, database, parties, as_of):
        other = await admit_provider(database, parties, as_of)
        await run_platforms(database, parties, as_of, Platform.X)
        with pytest.raises(PlatformTakenError):
            await run_platforms(database, parties, as_of, Platform.LINE, Platform.X, provider=other)
        assert await names_of(database, parties.officer, as_of, other.member_id) == []
        await run_platforms(database, parties, as_of)
        await run_platforms(database, parties, as_of, Platform.X, provider=other)
        assert await names_of(database, parties.officer, as_of, other.member_id) == [Platform.X]

    async def test_two_firms_at_once_get_it_once(self, database, parties, as_of):
        other = await admit_provider(database, parties, as_of)
        outcomes = await asyncio.gather(
            run_platforms(database, parties, as_of, Platform.X),
            run_platforms(database, parties, as_of, Platform.X, provider=other),
            return_exceptions=True,
        )
        assert [type(each) for each in outcomes if isinstance(each, Exception)] == [PlatformTakenError]

    async def test_carrier_or_agency_runs_none(self, database, parties, as_of):
        for viewer in (parties.telkomsel, parties.agency):
            with pytest.raises(PlatformRunnerError):
                await set_for(database, parties.officer, as_of, viewer.member_id, NamedPlatform(Platform.X))

    @pytest.mark.parametrize(
        "named",
        [
            NamedPlatform(Platform.OTHER),
            NamedPlatform(Platform.OTHER, "\u200b"),
            NamedPlatform(Platform.OTHER, "WhatsApp"),
            NamedPlatform(Platform.OTHER, "https://t.me/x"),
            NamedPlatform(Platform.X, "Bigo Live"),
        ],
    )
    async def test_name_that_is_missing_or_is_a_listed_platforms_is_refused(self, database, parties, as_of, named):
        with pytest.raises(PlatformInvalidError):
            await set_for(database, parties.officer, as_of, parties.provider.member_id, named)

    async def test_member_claims_no_platform_by_itself(self, database, parties, as_of):
        for viewer in (parties.provider, parties.telkomsel, parties.agency):
            with pytest.raises(ForbiddenError):
                await set_for(database, viewer, as_of, parties.provider.member_id, NamedPlatform(Platform.X))

    async def test_unknown_member_is_refused(self, database, parties, as_of):
        with pytest.raises(UnknownError):
            await set_for(database, parties.officer, as_of, "01900000-0000-7000-8000-000000000000")

    async def test_firm_sees_its_own_platforms_and_no_others(self, database, parties, as_of):
        other = await admit_provider(database, parties, as_of)
        await run_platforms(database, parties, as_of, Platform.X)
        await run_platforms(database, parties, as_of, Platform.LINE, provider=other)
        assert await names_of(database, parties.provider, as_of, parties.provider.member_id) == [Platform.X]
        assert await names_of(database, parties.provider, as_of, other.member_id) == []
        stranger = replace(parties.provider, member_id=other.member_id)
        assert await names_of(database, stranger, as_of, parties.provider.member_id) == []
