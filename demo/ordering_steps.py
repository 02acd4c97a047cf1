"""Ordering: forwarding with a manifest, four eyes, what each carrier fetches and answers."""

import hashlib
from collections import Counter

from demo.cast import INDOSAT, TELKOMSEL, XLSMART
from demo.documents import (
    ACKNOWLEDGE,
    APPROVE_FORWARDING,
    APPROVE_ORDERS,
    FORWARD,
    MY_ORDERS,
    ONE_ORDER,
    REVISE_ORDERS,
)
from demo.made_up import (
    APPEALED_NUMBER,
    AXIS_NUMBER,
    BYU_NUMBER,
    EMERGENCY_NUMBER,
    FOREIGN_NUMBER,
    INDOSAT_NUMBER,
    SMARTFREN_NUMBER,
    TELKOMSEL_NUMBER,
    TRI_NUMBER,
    XL_NUMBER,
)
from demo.parties import expect
from demo.story import LEGAL_BASIS, SUBSCRIBER_NOTICE, Story, read_approval, taken
from demo.telling import Told, tell_moment

_ISSUED_TO = {
    TELKOMSEL: {TELKOMSEL_NUMBER, BYU_NUMBER, APPEALED_NUMBER},
    INDOSAT: {INDOSAT_NUMBER, TRI_NUMBER},
    XLSMART: {XL_NUMBER, AXIS_NUMBER, SMARTFREN_NUMBER},
}
_ORDERS = 8


async def forward(story: Story, told: Told) -> None:
    """Verified complaints become drafts; what can't be ordered has a reason."""
    wanted = {"legalBasis": LEGAL_BASIS, "subscriberNotice": SUBSCRIBER_NOTICE}
    story.run = (await story.ana.do(FORWARD, input=wanted))["run"]
    items = story.run["items"]["nodes"]
    results = {item["e164"]: item["result"] for item in items}
    expect(results.get(FOREIGN_NUMBER) == "NOT_DOMESTIC", "a foreign number can't be ordered: NOT_DOMESTIC")
    expect(results.get(EMERGENCY_NUMBER) == "PROTECTED", "110 can't be ordered: PROTECTED")
    expect(results.get(APPEALED_NUMBER) == "HELD", "three equal texts are held by the guard")
    for item in items:
        if item["blockOrder"]:
            story.order_ids[item["e164"]] = item["blockOrder"]["id"]
            story.order_nos[item["e164"]] = item["blockOrder"]["orderNo"]
    expect(len(story.order_ids) == _ORDERS, f"{_ORDERS} drafts, not {len(story.order_ids)}")
    told.say("ana", f"forwards {story.run['complaintCount']} complaints; manifest {story.run['manifestHash'][:16]}...")
    rows = [
        (item["place"], item["e164"], item["result"], " ".join(item["holdReasons"]) or None,
         (item["carrier"] or {}).get("slug"), item["complaintCount"], item["complainantCount"],
         (item["blockOrder"] or {}).get("orderNo"))
        for item in items
    ]  # fmt: skip
    titles = ("place", "number", "result", "held because", "carrier", "complaints", "complainants", "draft")
    told.show("The manifest", titles, rows)


async def approve(story: Story, told: Told) -> None:
    """Not by the officer who drafted, not by another hash, and not what changed since it was read."""
    override = {"orderId": story.order_ids[APPEALED_NUMBER], "note": "Three victims, one script; checked by telephone."}
    approval = {
        "runId": story.run["id"],
        "manifestHash": story.run["manifestHash"],
        "overrides": [override],
    }
    own = await story.ana.do(APPROVE_FORWARDING, input=approval)
    codes = {(result["problem"] or {}).get("code") for result in own["results"]}
    expect(codes == {"FOUR_EYES"} and own["run"]["state"] == "PROPOSED", f"FOUR_EYES for every draft, not {codes}")
    told.say("ana", "tries to approve her own drafts: FOUR_EYES, nothing is issued")
    changed = await story.budi.ask(APPROVE_FORWARDING, input=approval | {"manifestHash": "0" * 64})
    expect(changed.problems == ["MANIFEST_CHANGED"], f"another hash is refused: MANIFEST_CHANGED, not {changed}")
    told.say("budi", "approves a hash other than this manifest's: MANIFEST_CHANGED")
    computed = hashlib.sha256(story.run["canonicalText"].encode()).hexdigest()
    expect(computed == story.run["manifestHash"], "the manifest's hash is that of the text that is read")
    told.say("budi", "reads the manifest's canonical text and computes its SHA-256 himself: it is the manifest's hash")
    change = {"orderId": story.order_ids[TRI_NUMBER], "scope": "ALL_SERVICES"}
    taken((await story.ana.do(REVISE_ORDERS, revisions=[change]))["results"], "the draft is revised")
    told.say("ana", f"changes the scope of {story.order_nos[TRI_NUMBER]} after Budi read the manifest")
    done = await story.budi.do(APPROVE_FORWARDING, input=approval)
    states = Counter((result["blockOrder"] or result["problem"]).get("state", "CONTENT_CHANGED")
                     for result in done["results"])  # fmt: skip
    expect(states == {"ISSUED": _ORDERS - 1, "CONTENT_CHANGED": 1}, f"all but one are issued, not {done['results']}")
    due = next(result["blockOrder"]["dueAt"] for result in done["results"] if result["blockOrder"])
    told.say("budi", "approves the manifest by its hash and overrides the held draft in writing")
    told.say("budi", f"{_ORDERS - 1} are issued, due in 24 hours, at {tell_moment(due)} UTC; one is CONTENT_CHANGED")
    seen = await read_approval(story, story.order_ids[TRI_NUMBER])
    taken((await story.budi.do(APPROVE_ORDERS, approvals=[seen]))["results"], "what was changed is issued once read")
    told.say("budi", f"reads {story.order_nos[TRI_NUMBER]} again, and approves it by the hash of what he read")


async def fetch_orders(story: Story, told: Told) -> None:
    """Each carrier's system sends the same query and gets its own orders."""
    rows = []
    for slug, numbers in _ISSUED_TO.items():
        orders = (await story.parties[slug].do(MY_ORDERS, filter={"states": ["ISSUED"]}))["nodes"]
        found = {order["e164"] for order in orders}
        expect(found == numbers, f"{slug} gets the orders of its own numbers, not {found}")
        dues = [order["dueAt"] for order in orders]
        expect(dues == sorted(dues), f"{slug} gets those due soonest first")
        told.say(slug, f"fetches {len(orders)} orders")
        rows += [
            (slug, (order["brand"] or {}).get("slug"), order["orderNo"], order["e164"], order["category"],
             order["complaintCount"], tell_moment(order["dueAt"]))
            for order in orders
        ]  # fmt: skip
    told.show("Due soonest first", ("carrier", "brand", "order", "number", "category", "complaints", "due (UTC)"), rows)


async def acknowledge(story: Story, told: Told) -> None:
    """In bulk, item by item, safe to repeat; another carrier's order looks like one that does not exist."""
    own = [
        {"orderId": story.order_ids[number], "kind": "EXECUTED", "reference": f"TSEL-{place}"}
        for place, number in enumerate((TELKOMSEL_NUMBER, BYU_NUMBER, APPEALED_NUMBER), start=1)
    ]
    foreign = {"orderId": story.order_ids[INDOSAT_NUMBER], "kind": "EXECUTED", "reference": "TSEL-9"}
    answer = await story.telkomsel.do(ACKNOWLEDGE, items=[*own, foreign])
    states = [(result["blockOrder"] or {}).get("state") for result in answer["results"]]
    expect(states == ["EXECUTED"] * 3 + [None], f"three executed, not {states}")
    expect(answer["results"][3]["problem"]["code"] == "NOT_FOUND", "another carrier's order is NOT_FOUND")
    told.say(
        "telkomsel", "acknowledges 4 in one call: 3 EXECUTED; Indosat's is NOT_FOUND and doesn't affect the others"
    )
    again = await story.telkomsel.do(ACKNOWLEDGE, items=own)
    expect(all(result["wasKnown"] for result in again["results"]), "repeats are answered with the first results")
    told.say("telkomsel", "sends the same again, as after a lost response: each is known, nothing is recorded twice")
    items = [
        {"orderId": story.order_ids[INDOSAT_NUMBER], "kind": "EXECUTED", "reference": "IOH-1"},
        {"orderNo": story.order_nos[TRI_NUMBER], "kind": "EXECUTED", "reason": "ALREADY_BLOCKED", "reference": "IOH-2"},
    ]
    said = await story.indosat.do(ACKNOWLEDGE, items=items)
    expect(said["problemCount"] == 0, f"both are accepted, not {said}")
    told.say("indosat", "acknowledges 2: EXECUTED, and EXECUTED (ALREADY_BLOCKED)")
    receipts = [
        {"orderId": story.order_ids[number], "kind": "RECEIVED", "reference": f"XLS-{number[-4:]}"}
        for number in (XL_NUMBER, AXIS_NUMBER, SMARTFREN_NUMBER)
    ]
    said = await story.xlsmart.do(ACKNOWLEDGE, items=receipts)
    states = [(result["blockOrder"] or {}).get("state") for result in said["results"]]
    expect(states == ["RECEIVED"] * 3, f"three receipts, not {states}")
    told.say("xlsmart", "acknowledges receipt of its 3, to act later")


async def read_anothers(story: Story, told: Told) -> None:
    """Another carrier's order and an id that never existed get the same answer."""
    anothers = await story.xlsmart.ask(ONE_ORDER, id=story.order_ids[TELKOMSEL_NUMBER])
    nothing = await story.xlsmart.ask(ONE_ORDER, id="01890a5d-ac96-774b-bcce-b302099a8057")
    expect(anothers.codes == ["NOT_FOUND"], f"NOT_FOUND, not {anothers}")
    told.say("xlsmart", f"asks for Telkomsel's {story.order_nos[TELKOMSEL_NUMBER]}: NOT_FOUND")
    messages = [answer.errors[0]["message"] for answer in (anothers, nothing)]
    expect(messages[0] == messages[1] and nothing.codes == anothers.codes, f"the same message for both, not {messages}")
    told.say("xlsmart", "asks for an id that never existed: exactly the same answer")
