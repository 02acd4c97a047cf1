"""How orders end: rerouting, withdrawing, lateness, lifting, outcomes; one query seen by five parties."""

import hashlib
from collections import Counter
from typing import Any

from demo.cast import AGENCY, INDOSAT, PROVIDER, TELKOMSEL, XLSMART
from demo.clock import BEHIND
from demo.documents import (
    ACKNOWLEDGE,
    APPROVE_ORDERS,
    APPROVE_OVERRIDE,
    DRAFT_LIFTS,
    DRAFT_ORDERS,
    MY_ORDERS,
    OUTCOMES,
    PROPOSE_OVERRIDE,
    RECORD_INFORMED,
    WHOLE_PICTURE,
    WITHDRAW_ORDERS,
    WRONG_HOLDERS,
)
from demo.made_up import APPEALED_NUMBER, AXIS_NUMBER, SMARTFREN_NUMBER, TELKOMSEL_NUMBER, XL_NUMBER
from demo.parties import Answer, expect
from demo.story import LEGAL_BASIS, SUBSCRIBER_NOTICE, Story, read_approval, taken
from demo.telling import Told, tell_moment

_UNAUTHORIZED = 401


async def reroute(story: Story, told: Told) -> None:
    """A carrier does not hold the number: two officers correct the plan and a new order supersedes the old one."""
    old_id = story.order_ids[XL_NUMBER]
    said = {"orderId": old_id, "kind": "IMPOSSIBLE", "reason": "WRONG_RANGE_HOLDER", "reference": "XLS-1"}
    (impossible,) = taken((await story.xlsmart.do(ACKNOWLEDGE, items=[said]))["results"], "it is accepted")
    expect(impossible["state"] == "IMPOSSIBLE", f"IMPOSSIBLE, not {impossible['state']}")
    told.say("xlsmart", f"says of {impossible['orderNo']}: IMPOSSIBLE, WRONG_RANGE_HOLDER")
    await _move_number(story, told, old_id)
    draft = {
        "supersedesId": old_id,
        "legalBasis": LEGAL_BASIS,
        "summary": "One verified complaint of fraud; rerouted.",
        "subscriberNotice": SUBSCRIBER_NOTICE,
    }
    (new,) = taken((await story.ana.do(DRAFT_ORDERS, drafts=[draft]))["results"], "the new order is drafted")
    told.say("ana", f"drafts {new['orderNo']}, which supersedes {impossible['orderNo']}")
    approved = await story.budi.do(APPROVE_ORDERS, approvals=[await read_approval(story, new["id"])])
    (issued,) = taken(approved["results"], "the new order is issued")
    expect(issued["carrier"]["slug"] == TELKOMSEL, "the new order goes to the other carrier")
    expect(issued["supersedes"] == {"orderNo": impossible["orderNo"], "state": "CLOSED"}, "the old one is closed")
    done = {"orderId": new["id"], "kind": "EXECUTED", "reference": "TSEL-4"}
    taken((await story.telkomsel.do(ACKNOWLEDGE, items=[done]))["results"], "the other carrier executes it")
    told.say("budi", f"approves it; {impossible['orderNo']} is closed")
    told.say("telkomsel", f"executes {new['orderNo']}")


async def _move_number(story: Story, told: Told, order_id: str) -> None:
    """One officer proposes an override of the numbering plan, another approves it by the hash of its text."""
    waiting = (await story.ana.do(WRONG_HOLDERS))["nodes"]
    expect([order["id"] for order in waiting] == [order_id], "the order waits for an officer to correct the plan")
    override = {
        "number": waiting[0]["e164"],
        "holderId": story.cast.member_ids[TELKOMSEL],
        "orderId": order_id,
        "reason": "XLSmart does not serve it; Telkomsel does.",
    }
    (proposal,) = [
        result["proposal"] for result in (await story.ana.do(PROPOSE_OVERRIDE, overrides=[override]))["results"]
    ]
    expect(proposal["number"]["holder"]["slug"] == XLSMART, "a proposal moves nothing")
    told.say("ana", f"proposes that {XL_NUMBER} is Telkomsel's; nothing moves yet")
    computed = hashlib.sha256(proposal["content"].encode()).hexdigest()
    approval = {"proposalId": proposal["id"], "contentHash": computed}
    (own,) = (await story.ana.do(APPROVE_OVERRIDE, approvals=[approval]))["results"]
    expect((own["problem"] or {}).get("code") == "FOUR_EYES", f"FOUR_EYES, not {own}")
    (approved,) = (await story.budi.do(APPROVE_OVERRIDE, approvals=[approval]))["results"]
    expect(approved["proposal"]["number"]["holder"]["slug"] == TELKOMSEL, "the plan names the other carrier")
    told.say("budi", f"hashes the text that he reads and approves {computed[:16]}...: the number moves")


async def withdraw(story: Story, told: Told) -> None:
    """An officer withdraws an order before the carrier acts."""
    note = {"orderId": story.order_ids[AXIS_NUMBER], "note": "The complainant named the wrong number."}
    (order,) = taken((await story.ana.do(WITHDRAW_ORDERS, orders=[note]))["results"], "it is withdrawn")
    expect(order["state"] == "WITHDRAWN", f"WITHDRAWN, not {order['state']}")
    told.say("ana", f"withdraws {order['orderNo']}")
    seen = (await story.xlsmart.do(MY_ORDERS, filter={"states": ["WITHDRAWN"]}))["nodes"]
    expect([item["e164"] for item in seen] == [AXIS_NUMBER], "the carrier sees that it is withdrawn")
    told.say("xlsmart", "sees that it no longer has to act on it")


async def be_late(story: Story, told: Told) -> None:
    """The server's clock, which ran 26 hours behind, is set to the present: one order is overdue."""
    story.clock.catch_up()
    hours = int(BEHIND.total_seconds() // 3600)
    told.say("the demo", f"began yesterday: its server's clock ran {hours} hours behind; now it is set to the present")
    stale = await story.xlsmart.ask(MY_ORDERS, filter={"isOverdue": True})
    expect(
        stale.status == _UNAUTHORIZED and stale.codes == ["UNAUTHENTICATED"],
        f"yesterday's token has expired, not {stale}",
    )
    for party in story.parties.values():
        await party.get_token()
    told.say("everyone", "finds that yesterday's token has expired (401) and gets a new one")
    overdue = (await story.ana.do(MY_ORDERS, filter={"isOverdue": True}))["nodes"]
    found = [order["e164"] for order in overdue]
    expect(found == [SMARTFREN_NUMBER], f"one order is overdue, not {found}")
    told.say("ana", f"asks which orders are overdue: {overdue[0]['orderNo']}, {overdue[0]['carrier']['slug']}'s")
    item = {"orderId": story.order_ids[SMARTFREN_NUMBER], "kind": "EXECUTED", "reference": "XLS-2"}
    answer = (await story.xlsmart.do(ACKNOWLEDGE, items=[item]))["results"][0]
    expect(answer["problem"] is None and answer["acknowledgement"]["isLate"], "it is accepted, and marked late")
    expect(answer["blockOrder"]["state"] == "EXECUTED" and answer["blockOrder"]["wasLate"], "the order stays late")
    told.say("xlsmart", f"executes {answer['blockOrder']['orderNo']}: it counts, and stays marked late")


async def lift(story: Story, told: Told) -> None:
    """An appeal succeeds: two officers lift the block, under a number and deadline of its own."""
    wanted = {"orderId": story.order_ids[APPEALED_NUMBER], "basis": "APPEAL", "note": "The holder was impersonated."}
    (order,) = taken((await story.ana.do(DRAFT_LIFTS, lifts=[wanted]))["results"], "the lift is drafted")
    expect(order["state"] == "EXECUTED", f"the block stands, not {order['state']}")
    told.say("ana", f"grants an appeal and drafts the lift of {order['orderNo']}; the block stands meanwhile")
    seen = await read_approval(story, order["id"])
    own = (await story.ana.do(APPROVE_ORDERS, approvals=[seen]))["results"][0]
    expect((own["problem"] or {}).get("code") == "FOUR_EYES", f"FOUR_EYES, not {own}")
    told.say("ana", "tries to approve her own lift: FOUR_EYES")
    (order,) = taken((await story.budi.do(APPROVE_ORDERS, approvals=[seen]))["results"], "the lift is issued")
    expect(order["state"] == "LIFT_ISSUED" and order["liftNo"], f"LIFT_ISSUED with a number, not {order}")
    told.say("budi", f"approves it by its hash: lift {order['liftNo']}, due {tell_moment(order['dueAt'])} UTC")
    done = {"orderId": order["id"], "kind": "LIFTED", "reference": "TSEL-5"}
    (lifted,) = taken((await story.telkomsel.do(ACKNOWLEDGE, items=[done]))["results"], "the lift is acknowledged")
    expect(lifted["state"] == "LIFTED", f"LIFTED, not {lifted['state']}")
    told.say("telkomsel", "lifts the block and says so")


async def tell_outcomes(story: Story, told: Told) -> None:
    """The agency sees the outcome of its complaints; the officer records that complainants were informed."""
    nodes = (await story.agency.do(OUTCOMES))["nodes"]
    resolved = [node["id"] for node in nodes if node["state"] == "RESOLVED"]
    informed = await story.ana.do(RECORD_INFORMED, ids=resolved)
    expect(informed["problemCount"] == 0, f"every complainant is recorded as informed, not {informed}")
    nodes = sorted((await story.agency.do(OUTCOMES))["nodes"], key=lambda node: str(node["sourceReference"]))
    ends = Counter(node["outcome"] or node["state"] for node in nodes)
    wanted = {"BLOCKED": 13, "ACCOUNT_ACTIONED": 1, "NOT_ACTIONABLE": 2, "NO_PROVIDER": 1, "WITHDRAWN": 1,
              "ESCALATED": 1, "DUPLICATE": 1, "REJECTED": 1, "VERIFIED": 2}  # fmt: skip
    expect(ends == wanted, f"{wanted}, not {dict(ends)}")
    expect(all(node["complainantInformedAt"] for node in nodes if node["outcome"]), "all of them were informed")
    told.say("ana", f"records that {len(resolved)} complainants were informed of the outcome")
    told.say("antiscam", "reads the outcome of its complaints: 13 blocked, without any carrier's name or order")
    rows = [(node["sourceReference"], node["ticketNo"], node["state"], node["outcome"] or node["rejectionReason"])
            for node in nodes]  # fmt: skip
    told.show("The agency's view", ("its reference", "ticket", "state", "outcome"), rows)


async def compare_views(story: Story, told: Told) -> None:
    """Five parties send the same query."""
    parties = {"regulator": "ana", "range holder": TELKOMSEL, "other carrier": INDOSAT, "agency": AGENCY,
               "OTT provider": PROVIDER}  # fmt: skip
    answers = {
        title: await story.parties[party].ask(WHOLE_PICTURE, e164=TELKOMSEL_NUMBER) for title, party in parties.items()
    }
    views = {title: _read_view(answer) for title, answer in answers.items()}
    expect(views["regulator"]["orders"] != "none" and views["regulator"]["complaints"] != "none", "officers see all")
    expect(views["range holder"]["orders"] == views["regulator"]["orders"], "the range holder sees its order")
    expect(views["range holder"]["complaints"].startswith("refused"), "the range holder sees no complaint")
    expect(views["other carrier"]["orders"] == "none", "another carrier sees none of its orders")
    expect(views["other carrier"]["status"] == "-", "another carrier sees the risk and nothing else")
    expect(views["agency"]["complaints"] == views["regulator"]["complaints"], "the agency sees its own complaints")
    expect(views["agency"]["orders"].startswith("refused"), "the agency sees no order")
    provider = views["OTT provider"]
    expect(provider["orders"].startswith("refused"), "the OTT provider sees no order")
    expect(provider["complaints"].startswith("refused"), "the OTT provider sees no complaint")
    expect(provider["status"] == "-", f"the OTT provider sees no status, not {provider['status']}")
    rows = [(name, *(view[name] for view in views.values())) for name in next(iter(views.values()))]
    told.say("everyone", f"sends exactly the same query about {TELKOMSEL_NUMBER}")
    told.show("What the same query shows each party", ("", *views), rows)


def _read_view(answer: Answer) -> dict[str, str]:
    """Return what one party was shown, a line for each subject."""
    data: dict[str, Any] = dict(answer.data or {})
    number = data.get("number")
    view = {"number": answer.refusal_of("number") or "-", "risk": "-", "status": "-", "complaints verified": "-"}
    for name, key in zip(view, ("e164", "risk", "status", "verifiedComplaintCount"), strict=True):
        if number is not None and number.get(key) is not None:
            view[name] = str(number[key])
    holder = (number or {}).get("holder") or {}
    view["range holder"] = holder.get("slug", "-")
    for name, root, text in (("orders", "blockOrders", "orderNo"), ("complaints", "complaints", "ticketNo")):
        nodes = (data.get(root) or {}).get("nodes")
        if nodes is None:
            view[name] = f"refused: {_short(answer.refusal_of(root))}"
        else:
            shown = sorted(f"{node[text]} {node.get('outcome') or node['state']}" for node in nodes)
            view[name] = "\n".join(shown) or "none"
    return view


def _short(code: str | None) -> str:
    return "no scope for it" if code == "UNAUTHORIZED_FIELD_OR_TYPE" else str(code)
