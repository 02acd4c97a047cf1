"""`referralEvents`, live and behind a cursor: a provider gets its own, in order and once, and nobody else any."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

from ledger.referrals.ending import Withdrawal, lapse_referrals, withdraw_referrals
from ledger.referrals.vocabulary import ResponseKind, WithdrawalGround
from tests.support.follow_process import read_note, run_follow
from tests.support.journeys import file_verified
from tests.support.referral_journeys import join_referrals, offer, refer, respond
from tests.support.signal_journeys import admit_provider
from tests.support.station import Station
from tests.support.waiting import until

EVENTS = """subscription { referralEvents { cursor event {
  kind referralNo state response action declineReason withdrawalReason referral { e164 }
} } }"""
NUMBERS = ("+6281200000001", "+6281200000002", "+6281200000003")


def told(messages: list[Any]) -> list[tuple[str, str, str | None]]:
    events = [message["data"]["referralEvents"]["event"] for message in messages]
    return [(event["referralNo"], event["kind"], event["response"] or event["withdrawalReason"]) for event in events]


async def make_all_moves(station: Station) -> list[tuple[str, str, str | None]]:
    """Three referrals: one acted on and reversed, one that lapses and is declined late, one withdrawn; what is told."""
    database, parties, at = station.database, station.parties, station.clock.read()
    acted, late, withdrawn = await refer(database, parties, at, *NUMBERS)
    await respond(database, parties.provider, at, acted, "WA-1", kind=ResponseKind.RECEIVED)
    await respond(database, parties.provider, at, acted, "WA-1")
    await respond(database, parties.provider, at, acted, "WA-2", kind=ResponseKind.REVERSED)
    async with database.transaction(parties.officer, as_of=at) as tx:
        item = Withdrawal(referral_id=withdrawn.id, reason=WithdrawalGround.OFFERED_IN_ERROR)
        await withdraw_referrals(tx, [item])
    async with database.transaction(parties.officer, as_of=at + timedelta(days=40)) as tx:
        assert await lapse_referrals(tx) == 1
    await respond(database, parties.provider, at + timedelta(days=41), late, "WA-3", kind=ResponseKind.DECLINED)
    answered = "REFERRAL_ANSWERED"
    return [
        *((each.referral_no, "REFERRAL_OFFERED", None) for each in (acted, late, withdrawn)),
        (acted.referral_no, answered, "RECEIVED"),
        (acted.referral_no, answered, "ACTIONED"),
        (acted.referral_no, answered, "REVERSED"),
        (withdrawn.referral_no, "REFERRAL_WITHDRAWN", "OFFERED_IN_ERROR"),
        (late.referral_no, "REFERRAL_LAPSED", None),
        (late.referral_no, answered, "DECLINED"),
    ]


class TestReferralEvents:
    async def test_tell_a_provider_each_move_as_it_happens_and_again_behind_any_cursor(self, station: Station) -> None:
        await join_referrals(station.database, station.parties, station.clock.read())
        token = await station.token(station.parties.provider)
        async with station.follow(token, EVENTS) as reader:
            first = await reader.read_next()
            assert first.data["data"]["referralEvents"]["event"] is None
            wanted = await make_all_moves(station)
            live = await reader.read_messages(len(wanted))
        assert told(live) == wanted
        for place in (0, 3, len(wanted) - 1):
            cursor = first.id if place == 0 else live[place - 1]["data"]["referralEvents"]["cursor"]
            async with station.follow(token, EVENTS, last_event_id=cursor) as reader:
                behind = await reader.read_messages(len(wanted) - place)
                assert behind == live[place:]
            assert told(behind) == wanted[place:]

    async def test_of_one_provider_reach_no_other_and_no_carrier(self, station: Station) -> None:
        at = station.clock.read()
        await join_referrals(station.database, station.parties, at)
        other = await admit_provider(station.database, station.parties, at)
        await join_referrals(station.database, station.parties, at, other)
        others = await station.token(other)
        async with station.follow(others, EVENTS) as reader:
            await reader.read_next()
            await make_all_moves(station)
            await file_verified(station.database, station.parties, at, ["+6281200000004"])
            own = await offer(station.database, station.parties, at, "+6281200000004", other)
            [message] = await reader.read_messages(1)
        assert told([message]) == [(own.referral_no, "REFERRAL_OFFERED", None)]
        carriers = await station.token(station.parties.telkomsel)
        async with station.request(carriers, EVENTS) as response:
            body = json.loads(await response.text())
        assert (response.status, body["errors"][0]["extensions"]["missingScopes"]) == (403, ["referrals:read"])


class TestFollowReferrals:
    async def test_stopped_and_started_again_with_its_cursor_file_loses_nothing(
        self, station: Station, tmp_path: Path
    ) -> None:
        provider = station.parties.provider
        await join_referrals(station.database, station.parties, station.clock.read())
        await station.token(provider)
        login = ":".join(station.clients[f"{provider.member_id}-{provider.brand_id}"])
        arguments = ("referrals", "--cursor-file", str(tmp_path / "referrals.cursor"), "--exit-after")
        async with run_follow(station, *arguments, "4", JEMBATAN_CLIENT=login) as process:
            await read_note(process, "Following from now.")
            await until(station.counts.open.total, "it has subscribed")
            wanted = await make_all_moves(station)
            printed, _ = await process.communicate()
        async with run_follow(station, *arguments, str(len(wanted) - 4), JEMBATAN_CLIENT=login) as process:
            rest, _ = await process.communicate()
        events = [json.loads(line)["event"] for line in (printed + rest).splitlines()]
        assert [(event["referralNo"], event["kind"]) for event in events] == [each[:2] for each in wanted]
        assert all(event["referral"]["e164"] in NUMBERS for event in events)
