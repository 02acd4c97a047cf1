"""Steps 9, 10, 14 and the last: a messaging firm is asked about accounts, and answers as it likes, or not at all."""

import asyncio
import time
from collections.abc import Mapping
from typing import Any

from demo.cast import AGENCY, INDOSAT, MESSENGER, TELKOMSEL
from demo.documents import (
    ACKNOWLEDGE,
    APPROVE_FORWARDING,
    BOTH_INSTRUMENTS,
    FORWARD,
    MY_REFERRALS,
    OFFER_REFERRALS,
    ONE_REFERRAL,
    OUTCOMES,
    RESPOND,
    SEEN_OF_BOTH,
    START_PARTICIPATION,
)
from demo.made_up import (
    ACCUSED,
    ACCUSED_FIRST,
    ACCUSED_LAST,
    BOTH_NUMBER,
    DECLINED_HANDLE,
    LAPSED_HANDLE,
    OPEN_HANDLE,
    REVERSED_HANDLE,
)
from demo.parties import expect
from demo.story import LEGAL_BASIS, SUBSCRIBER_NOTICE, Story, report, taken
from demo.telling import Told
from ledger.legal_time import LEGAL_ZONE

_LAPSE_SECONDS_MAX, _POLL_SECONDS = 30, 0.2
_ASKED = {BOTH_NUMBER, DECLINED_HANDLE, REVERSED_HANDLE}


async def refer(story: Story, told: Told) -> None:
    """The firm's terms, an offer by one officer, and a run whose manifest has orders and offers alike."""
    terms = {
        "termsReference": "PKS-9/2026",
        "categories": ["FRAUD"],
        "purpose": "To look at accounts that people complain of.",
        "controllerRoles": "Each is an independent controller.",
        "disclosure": "CLEAR",
        "transferGround": "Binding safeguards, clause 9 of the terms",
    }
    wanted = {"memberId": story.cast.member_ids[MESSENGER], "terms": terms}
    started = (await story.ana.do(START_PARTICIPATION, input=wanted))["participation"]
    told.say("ana", f"records {MESSENGER}'s signed terms {started['termsReference']}; it runs TELEGRAM and WHATSAPP")
    today = story.clock.read().astimezone(LEGAL_ZONE).date().isoformat()
    offered = await offer(story, LAPSED_HANDLE, ACCUSED_FIRST, until_day=today)
    told.say("ana", f"verifies a complaint about t.me/{LAPSED_HANDLE} and offers it: {offered['referralNo']}")
    told.say("ana", f"hopes for a reply by {offered['replyHopedBy']}, which obliges nobody")
    await report(story, ACCUSED)
    request = {"legalBasis": LEGAL_BASIS, "subscriberNotice": SUBSCRIBER_NOTICE}
    run = (await story.ana.do(FORWARD, input=request))["run"]
    items = run["items"]["nodes"]
    results = sorted(item["result"] for item in items if item["result"] in {"DRAFTED", "OFFERED", "NO_PROVIDER"})
    expect(results == ["DRAFTED", "NO_PROVIDER", *["OFFERED"] * 3], f"one draft and three offers, not {results}")
    rows = [
        (item["place"], item["e164"] or "-", _name(item["account"]), item["result"],
         (item["carrier"] or item["provider"] or {}).get("slug"))
        for item in items
    ]  # fmt: skip
    told.show("One manifest for both instruments", ("place", "number", "account", "result", "addressee"), rows)
    await _approve(story, told, run, items)


async def _approve(story: Story, told: Told, run: Mapping[str, Any], items: list[Mapping[str, Any]]) -> None:
    """Budi approves orders and offers by one hash; what nobody can be asked about ends with an outcome that says so."""
    approval = {"runId": run["id"], "manifestHash": run["manifestHash"]}
    answer = await story.budi.do(APPROVE_FORWARDING, input=approval)
    expect(answer["problemCount"] == 0, f"everything is approved, not {answer}")
    [issued] = answer["results"]
    story.order_ids[BOTH_NUMBER] = issued["blockOrder"]["id"]
    made = [result["referral"] for result in answer["referralResults"]]
    story.referral_ids |= {each["account"]["handle"]: each["id"] for each in made}
    expect(story.referral_ids.keys() >= _ASKED, f"each is referred, not {story.referral_ids}")
    told.say(
        "budi", f"approves one hash: {issued['blockOrder']['orderNo']} is issued, {len(made)} referrals are offered"
    )
    unasked = next(item for item in items if item["result"] == "NO_PROVIDER")
    outcome = await _find_outcome(story, "C-05")
    expect(outcome["outcome"] == "NO_PROVIDER", f"NO_PROVIDER, not {outcome}")
    told.say(
        "antiscam", f"reads of C-05, about {_name(unasked['account'])}, which no firm that takes part runs: NO_PROVIDER"
    )


async def answer(story: Story, told: Told) -> None:
    """In its own words, in bulk, safe to repeat; nobody else learns of it."""
    mine = (await story.messenger.do(MY_REFERRALS, states=["OFFERED"]))["nodes"]
    expect({each["id"] for each in mine} == set(story.referral_ids.values()), "the firm gets its referrals")
    told.say(MESSENGER, f"fetches {len(mine)} referrals: account, category, day, a summary, and no complaint")
    said = [
        _say(story, BOTH_NUMBER, "RECEIVED", "NG-1"),
        _say(story, BOTH_NUMBER, "ACTIONED", "NG-1", action="BANNED", ground="OWN_TERMS"),
        _say(story, DECLINED_HANDLE, "DECLINED", "NG-2"),
        _say(story, REVERSED_HANDLE, "ACTIONED", "NG-3", action="LIMITED", ground="OWN_TERMS"),
    ]
    done = await story.messenger.do(RESPOND, responses=said)
    states = {result["referral"]["id"]: result["referral"]["state"] for result in done["results"]}
    wanted = {BOTH_NUMBER: "ACTIONED", DECLINED_HANDLE: "DECLINED", REVERSED_HANDLE: "ACTIONED"}
    expect(states == {story.referral_ids[name]: state for name, state in wanted.items()}, f"{wanted}, not {states}")
    told.say(
        MESSENGER,
        "answers in one call: one account BANNED, one LIMITED by its own terms, one DECLINED without a reason",
    )
    again = await story.messenger.do(RESPOND, responses=said)
    expect(all(result["wasKnown"] for result in again["results"]), "repeats are answered with the first results")
    told.say(MESSENGER, "sends the same again, as after a lost response: nothing is recorded twice")
    anothers = await story.provider.ask(ONE_REFERRAL, id=story.referral_ids[BOTH_NUMBER])
    expect(anothers.codes == ["NOT_FOUND"], f"NOT_FOUND, not {anothers}")
    told.say("chatting", f"asks for {MESSENGER}'s referral: NOT_FOUND")
    refused = await story.telkomsel.ask(ONE_REFERRAL, id=story.referral_ids[BOTH_NUMBER])
    expect(refused.refusal_of("referral") is not None, "a carrier reads no referral")
    told.say(TELKOMSEL, "asks for it as well, and is refused: no carrier reads any")
    item = {"orderId": story.order_ids[BOTH_NUMBER], "kind": "EXECUTED", "reference": "TSEL-31"}
    taken((await story.telkomsel.do(ACKNOWLEDGE, items=[item]))["results"], "the order beside it is executed")
    told.say(TELKOMSEL, f"blocks the SIM of {BOTH_NUMBER}, by its order")


async def lapse(story: Story, told: Told) -> None:
    """The day has passed: the referral lapses by itself. What the firm did, it may take back."""
    deadline = time.monotonic() + _LAPSE_SECONDS_MAX
    while (await story.ana.do(ONE_REFERRAL, id=story.referral_ids[LAPSED_HANDLE]))["state"] != "LAPSED":
        expect(time.monotonic() < deadline, "the unanswered referral lapses")
        await asyncio.sleep(_POLL_SECONDS)
    told.say(
        "the demo", f"lapses the referral about t.me/{LAPSED_HANDLE}: nobody is late, and an answer is still welcome"
    )
    reversal = _say(story, REVERSED_HANDLE, "REVERSED", "NG-4", note="It was the bank itself.")
    done = await story.messenger.do(RESPOND, responses=[reversal])
    expect(done["results"][0]["referral"]["state"] == "REVERSED", f"REVERSED, not {done}")
    told.say(MESSENGER, f"reverses what it did about t.me/{REVERSED_HANDLE}")
    rows = [
        (each["referralNo"], _name(each["account"]), each["state"], each["action"], each["declineReason"])
        for each in (await story.ana.do(MY_REFERRALS))["nodes"]
    ]
    told.show("The regulator's view", ("referral", "about", "state", "action", "declined because"), rows)
    await offer(story, OPEN_HANDLE, ACCUSED_LAST)
    told.say("ana", f"offers one more, about t.me/{OPEN_HANDLE}, which waits for whoever tries the firm's calls")


async def compare_instruments(story: Story, told: Told) -> None:
    """The same query for both instruments of one number: each side reads its own, the regulator both."""
    [both] = (await story.ana.do(BOTH_INSTRUMENTS, e164=BOTH_NUMBER))["nodes"]
    standing = (both["status"], both["accountStanding"], both["gap"])
    expect(standing == ("BLOCKED", "ACTIONED", None), f"SIM and account are both out of use, not {standing}")
    told.say("ana", f"reads both instruments of {BOTH_NUMBER} side by side: SIM BLOCKED, account ACTIONED")
    views = {}
    for title, party in _VIEWERS.items():
        answered = await story.parties[party].ask(SEEN_OF_BOTH, e164=BOTH_NUMBER)
        data = dict(answered.data or {})
        views[title] = [_render(data.get(root), text) for root, text in _ROOTS]
    expect(views == _VIEWS, f"{_VIEWS}, not {views}")
    rows = [(root, *(view[place] for view in views.values())) for place, (root, _) in enumerate(_ROOTS)]
    told.show("What the same query shows each party", ("", *views), rows)


async def offer(
    story: Story, handle: str, complaints: tuple[Any, ...], *, until_day: str | None = None
) -> Mapping[str, Any]:
    """Report a complaint about an account, and offer it to the firm as Ana alone. Errors: StepFailedError."""
    [complaint_id] = await report(story, complaints)
    offers = [
        {
            "providerId": story.cast.member_ids[MESSENGER],
            "complaintIds": [complaint_id],
            "summary": "One verified complaint of fraud.",
            "replyHopedBy": until_day,
        }
    ]
    done = await story.ana.do(OFFER_REFERRALS, offers=offers)
    expect(done["problemCount"] == 0, f"it is offered, not {done}")
    referral: Mapping[str, Any] = done["results"][0]["referral"]
    story.referral_ids[handle] = referral["id"]
    return referral


def _say(story: Story, about: str, kind: str, reference: str, **more: str) -> dict[str, str]:
    return {"referralId": story.referral_ids[about], "kind": kind, "reference": reference} | more


async def _find_outcome(story: Story, reference: str) -> Mapping[str, Any]:
    nodes: list[Mapping[str, Any]] = (await story.agency.do(OUTCOMES))["nodes"]
    return next(node for node in nodes if node["sourceReference"] == reference)


def _name(account: Mapping[str, Any] | None) -> str:
    return "-" if account is None else f"{account['platform']} {account['handle']}"


_ROOTS = (("blockOrders", "state"), ("referrals", "state"), ("complaints", "outcome"))
_VIEWERS = {"regulator": "ana", "range holder": TELKOMSEL, "other carrier": INDOSAT, "agency": AGENCY,
            "messaging firm": MESSENGER}  # fmt: skip
_VIEWS = {
    "regulator": ["EXECUTED", "ACTIONED", "BLOCKED"],
    "range holder": ["EXECUTED", "refused", "refused"],
    "other carrier": ["none", "refused", "refused"],
    "agency": ["refused", "refused", "BLOCKED"],
    "messaging firm": ["refused", "ACTIONED", "refused"],
}


def _render(connection: Mapping[str, Any] | None, name: str) -> str:
    if connection is None:
        return "refused"
    return " ".join(str(node[name]) for node in connection["nodes"]) or "none"
