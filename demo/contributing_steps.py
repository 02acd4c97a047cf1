"""An OTT provider says what it saw itself, corrects it, and confirms that it undid what a revoked signal led to."""

from demo.cast import PROVIDER
from demo.documents import (
    CONFIRM_REVOCATIONS,
    CONTRIBUTE,
    CONTRIBUTIONS,
    NOTICES,
    REPLACE_CONTRIBUTION,
    WITHDRAW_CONTRIBUTION,
)
from demo.parties import expect
from demo.story import Story
from demo.telling import Told

_ABOUT = {"category": "FRAUD"}


async def contribute(story: Story, told: Told) -> None:
    """What it contributes, it alone withdraws and replaces; the regulator sees who has not confirmed a revocation."""
    items = [
        {**_ABOUT, "account": {"platform": "Telegram", "handle": "@Menang_Undian"}, "reference": "CASE-1"},
        {**_ABOUT, "link": "https://HADIAH.example/klaim#now", "reference": "CASE-2"},
    ]
    results = (await story.provider.do(CONTRIBUTE, contributions=items))["results"]
    account, link = (result["contribution"] for result in results)
    expect(account["account"]["handle"] == "menang_undian", f"the account in its one form, not {account}")
    expect(link["link"] == "https://hadiah.example/klaim", f"the link in its one form, not {link}")
    told.say("chatting", f"contributes an account and a link: {account['account']['handle']}, {link['link']}")
    better = {**_ABOUT, "id": link["id"], "link": "https://hadiah.example/bayar", "reference": "CASE-2b"}
    (replaced,) = (await story.provider.do(REPLACE_CONTRIBUTION, replacements=[better]))["results"]
    expect(replaced["contribution"]["replaces"]["state"] == "REPLACED", f"the former one stays, not {replaced}")
    withdrawal = {"id": account["id"], "reason": "FALSE_POSITIVE"}
    (withdrawn,) = (await story.provider.do(WITHDRAW_CONTRIBUTION, withdrawals=[withdrawal]))["results"]
    expect(withdrawn["contribution"]["state"] == "WITHDRAWN", f"it is withdrawn, not {withdrawn}")
    (others,) = (await story.telkomsel.do(WITHDRAW_CONTRIBUTION, withdrawals=[withdrawal]))["results"]
    expect(others["problem"]["code"] == "NOT_FOUND", f"nobody else's to withdraw, not {others}")
    told.say("chatting", "replaces the link by a better one, and withdraws the account: FALSE_POSITIVE")
    states = [node["state"] for node in (await story.provider.do(CONTRIBUTIONS))["nodes"]]
    expect(states == ["STANDING", "REPLACED", "WITHDRAWN"], f"all it said stays visible, not {states}")
    asked = (await story.ana.do(NOTICES))["nodes"]
    waiting = [notice for notice in asked if notice["member"]["slug"] == PROVIDER]
    expect(len(waiting) == 1, f"it has yet to confirm one, not {asked}")
    told.say("ana", f"sees that chatting has not confirmed a revocation since {waiting[0]['revokedAt']}")
    confirmed = await story.provider.do(CONFIRM_REVOCATIONS, signalIds=[waiting[0]["signalId"]])
    expect(confirmed["problemCount"] == 0, f"the revocation is confirmed, not {confirmed}")
    left = [notice["member"]["slug"] for notice in (await story.ana.do(NOTICES))["nodes"]]
    expect(PROVIDER not in left, f"it has no revocation to confirm any more, unlike {left}")
    told.say("chatting", "confirms that it undid what the revoked signal led to")
