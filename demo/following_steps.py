"""Steps 18 to 20: a carrier and an OTT provider follow events, are cut off, and resume without losing any."""

from collections.abc import Mapping, Sequence
from typing import Any

from cli.follow.socket import StreamEndedError
from demo.cast import PROVIDER, TELKOMSEL
from demo.documents import (
    ACKNOWLEDGE,
    FOLLOW_ORDERS,
    FOLLOW_SIGNALS,
    REGULATORS_FEED,
    REVOKE_SIGNALS,
    SIGNALS,
    WITHDRAW_ORDERS,
)
from demo.made_up import (
    BEFORE_CUT,
    FIRST_LIVE_NUMBER,
    GRAVE_NUMBER,
    LIVE_AGAIN,
    NEXT_NUMBER,
    OTHERS_NUMBER,
    WHILE_AWAY,
)
from demo.parties import expect
from demo.story import Receipt, Story, order, report, taken
from demo.streams import Follower
from demo.telling import Told
from ledger.feed.cursors import FeedCursor

_SUBJECTS = {TELKOMSEL: "BLOCK_ORDER", PROVIDER: "FRAUD_SIGNAL"}
BEFORE, MISSED, LIVE = "live", "missed while away", "live again"
_SAID = {BEFORE: "as it happens", MISSED: "that it had missed", LIVE: "as it happens again"}


async def follow(story: Story, told: Told) -> None:
    """Both subscribe from now: the first message has only a cursor, and events follow."""
    story.followers[TELKOMSEL] = Follower(story.telkomsel, FOLLOW_ORDERS, is_event_stream=False)
    story.followers[PROVIDER] = Follower(story.provider, FOLLOW_SIGNALS, is_event_stream=True)
    ways = {TELKOMSEL: "blockRequestEvents, over a WebSocket", PROVIDER: "fraudSignals, over an event stream (SSE)"}
    for name, follower in story.followers.items():
        await follower.open()
        first = await follower.hear()
        expect(first.event is None, "the first message has only a cursor")
        told.say(name, f"follows {ways[name]}, after position {_place(first.cursor)}")
    story.first_cursors = {name: str(follower.cursor) for name, follower in story.followers.items()}
    await report(story, BEFORE_CUT)
    issued = await order(story)
    told.say("antiscam", f"files a complaint about {FIRST_LIVE_NUMBER}; ana verifies it, budi approves the order")
    story.order_ids |= {number: item["id"] for number, item in issued.items()}
    await _hear(story, told, {TELKOMSEL: 1, PROVIDER: 1}, when=BEFORE)
    await _check(story, story.first_cursors)


async def cut_off(story: Story, told: Told) -> None:
    """The carrier loses its connection and the provider its token, and events continue without them."""
    carrier, provider = story.followers[TELKOMSEL], story.followers[PROVIDER]
    carrier.cut()
    try:
        await carrier.hear()
    except StreamEndedError:
        told.say(TELKOMSEL, f"loses its connection; its last cursor is that of {_place(carrier.cursor)}")
    else:
        expect(False, "the carrier's connection is lost")  # noqa: FBT003 - it always fails
    await provider.party.revoke_token()
    try:
        await provider.hear()
    except StreamEndedError as ended:
        expect(ended.problem == "TOKEN_REVOKED", f"TOKEN_REVOKED, not {ended.problem}")
        expect(ended.cursor == provider.cursor, "the end has the last cursor")
        told.say(
            PROVIDER, f"has its token revoked: TOKEN_REVOKED, with the last cursor, that of {_place(provider.cursor)}"
        )
    else:
        expect(False, "the provider's stream ends with its token")  # noqa: FBT003 - it always fails
    await report(story, WHILE_AWAY)
    issued = await order(story)
    expect(set(issued) == {GRAVE_NUMBER, NEXT_NUMBER, OTHERS_NUMBER}, f"three more orders, not {set(issued)}")
    story.order_ids |= {number: item["id"] for number, item in issued.items()}
    told.say(
        "ana", f"verifies {len(WHILE_AWAY)} complaints about 3 numbers; budi approves their orders, one for Indosat"
    )
    note = {"orderId": story.order_ids[NEXT_NUMBER], "note": "The complainant mistyped the number."}
    taken((await story.ana.do(WITHDRAW_ORDERS, orders=[note]))["results"], "it is withdrawn")
    signals = (await story.ana.do(SIGNALS, filter={"e164s": [FIRST_LIVE_NUMBER]}))["nodes"]
    revocation = {"id": signals[0]["id"], "reason": "FALSE_POSITIVE", "note": "It is a courier's own number."}
    revoked = await story.ana.do(REVOKE_SIGNALS, revocations=[revocation])
    expect(revoked["problemCount"] == 0, f"the signal is revoked, not {revoked}")
    told.say("ana", f"withdraws one order, and revokes the signal on {FIRST_LIVE_NUMBER}: FALSE_POSITIVE")


async def resume(story: Story, told: Told) -> None:
    """Each resumes from its last cursor: first what it missed, in order and once, then new events."""
    starts = {name: str(follower.cursor) for name, follower in story.followers.items()}
    missed = {name: len(await _read_feed(story, name, after=start)) for name, start in starts.items()}
    expect(missed == {TELKOMSEL: 3, PROVIDER: 4}, f"3 and 4 events were missed, not {missed}")
    await story.provider.get_token()
    for name, follower in story.followers.items():
        await follower.open()
        told.say(name, f"resumes with the cursor of {_place(starts[name])}; it missed {missed[name]} events")
    await _hear(story, told, missed, when=MISSED)
    await _check(story, starts)
    await report(story, LIVE_AGAIN)
    item = {"orderId": story.order_ids[GRAVE_NUMBER], "kind": "EXECUTED", "reference": "TSEL-6"}
    taken((await story.telkomsel.do(ACKNOWLEDGE, items=[item]))["results"], "it is acknowledged")
    told.say(TELKOMSEL, f"executes the order on {GRAVE_NUMBER}; ana verifies one more complaint")
    await _hear(story, told, {TELKOMSEL: 1, PROVIDER: 1}, when=LIVE)
    await _check(story, starts)
    await story.close()
    told.say("the demo", "compares this with the log as the regulator reads it: none lost, none repeated, in order")
    for name, title in ((TELKOMSEL, "What the carrier received"), (PROVIDER, "What the OTT provider received")):
        rows = [_row(receipt) for receipt in story.received[name]]
        told.show(title, ("position", "received", "what", "about"), rows)


async def _hear(story: Story, told: Told, counts: Mapping[str, int], *, when: str) -> None:
    for name, count in counts.items():
        events = await story.followers[name].hear_events(count)
        story.received.setdefault(name, []).extend(Receipt(when, event) for event in events)
        places = " ".join(str(event["position"]) for event in events)
        told.say(name, f"receives {count} {_SAID[when]}, at {places}")


async def _check(story: Story, starts: Mapping[str, str]) -> None:
    """Check that what came after each start is what the regulator reads there in the log, in the same order."""
    for name, start in starts.items():
        expected = await _read_feed(story, name, after=start)
        events = [receipt.event for receipt in story.received[name]]
        behind = [event for event in events if int(event["position"]) > _place(start)]
        found = [(int(event["position"]), event["kind"], event["subjectId"]) for event in behind]
        expect(found == expected, f"{name} received exactly {expected}, not {found}")


async def _read_feed(story: Story, name: str, *, after: str) -> Sequence[tuple[int, str, str]]:
    """Return the entries after a cursor that the party may receive, as the regulator sees them."""
    nodes: list[Mapping[str, Any]] = (await story.ana.do(REGULATORS_FEED, after=after))["nodes"]
    return [
        (int(node["position"]), node["kind"], node["subjectId"])
        for node in nodes
        if node["subject"] == _SUBJECTS[name] and name in {member["slug"] for member in node["audience"]}
    ]


def _place(cursor: str | None) -> int:
    return FeedCursor.parse(cursor or "").position


def _row(receipt: Receipt) -> tuple[object, ...]:
    event = receipt.event
    if event.get("orderNo"):
        about = f"{event['orderNo']}  {(event['blockOrder'] or {}).get('e164')}"
    else:
        signal = event["signal"] or {}
        hashes = [item["hash"] for item in signal.get("hashes") or []]
        about = f"{event['category']} {event['revokedReason'] or event['risk']}  {(hashes or ['-'])[0][:12]}..."
    return event["position"], receipt.when, event["kind"], about
