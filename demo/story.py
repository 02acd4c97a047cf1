"""What the steps of the journey share: the parties, the clock, and the results so far."""

import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from demo.cast import AGENCY, INDOSAT, LEAVER, MESSENGER, PROVIDER, SIGNATORY, TELKOMSEL, XLSMART, Cast
from demo.clock import DemoClock
from demo.documents import APPROVE_FORWARDING, CONTENT, DECIDE_COMPLAINTS, FILE_COMPLAINTS, FORWARD
from demo.made_up import MadeUp
from demo.parties import Party, expect
from demo.streams import Follower

LEGAL_BASIS = "PM Kominfo 5/2021, Lampiran XII"
SUBSCRIBER_NOTICE = "Blocked after verified complaints of misuse. Appeal with your operator's help desk."


@dataclass(frozen=True, slots=True)
class Receipt:
    """An event that a follower received, and when: before it was cut off, missed while away, or live again."""

    when: str
    event: Mapping[str, Any]


@dataclass(slots=True, kw_only=True)
class Story:
    """Owned by the task that runs the journey.

    order_ids is keyed by number, referral_ids by the account's handle, complaint_ids and uploads by the agency's
    reference. followers, received and first_cursors are keyed by party. audit exports the log as its operator would,
    verifies it, and returns the result.
    """

    cast: Cast
    clock: DemoClock
    parties: Mapping[str, Party]
    complaint_ids: dict[str, str] = field(default_factory=dict)
    uploads: dict[str, str] = field(default_factory=dict)
    order_ids: dict[str, str] = field(default_factory=dict)
    order_nos: dict[str, str] = field(default_factory=dict)
    referral_ids: dict[str, str] = field(default_factory=dict)
    run: dict[str, Any] = field(default_factory=dict)
    followers: dict[str, Follower] = field(default_factory=dict)
    first_cursors: dict[str, str] = field(default_factory=dict)
    received: dict[str, list[Receipt]] = field(default_factory=dict)
    audit: Callable[[], Awaitable[str]] | None = None

    @property
    def ana(self) -> Party:
        """The officer who drafts."""
        return self.parties["ana"]

    @property
    def budi(self) -> Party:
        """The officer who approves."""
        return self.parties["budi"]

    @property
    def agency(self) -> Party:
        """The agency's system."""
        return self.parties[AGENCY]

    @property
    def telkomsel(self) -> Party:
        """One carrier's system."""
        return self.parties[TELKOMSEL]

    @property
    def indosat(self) -> Party:
        """A second carrier's system, which signs assertions."""
        return self.parties[INDOSAT]

    @property
    def xlsmart(self) -> Party:
        """A third carrier's system."""
        return self.parties[XLSMART]

    @property
    def messenger(self) -> Party:
        """The messaging firm's system, which answers referrals."""
        return self.parties[MESSENGER]

    @property
    def provider(self) -> Party:
        """The OTT provider's system."""
        return self.parties[PROVIDER]

    @property
    def leaver(self) -> Party:
        """The system of another OTT provider, which leaves."""
        return self.parties[LEAVER]

    @property
    def citra(self) -> Party:
        """The OTT provider's officer, who signs for it."""
        return self.parties[SIGNATORY]

    async def close(self) -> None:
        """Close everything that is followed."""
        for follower in self.followers.values():
            await follower.close()


async def report(story: Story, complaints: Sequence[MadeUp]) -> list[str]:
    """File the complaints as the agency, and verify every one as Ana; return their ids. Errors: StepFailedError."""
    now = story.clock.read()
    sent = [complaint.render(now=now) for complaint in complaints]
    filed = await story.agency.do(FILE_COMPLAINTS, complaints=sent)
    expect(filed["problemCount"] == 0, f"every complaint is accepted, not {filed}")
    ids = [result["complaint"]["id"] for result in filed["results"]]
    decided = await story.ana.do(DECIDE_COMPLAINTS, decisions=[{"complaintId": i, "decision": "VERIFY"} for i in ids])
    expect(decided["problemCount"] == 0, f"every complaint is verified, not {decided}")
    return ids


async def order(story: Story) -> dict[str, Mapping[str, Any]]:
    """Forward what is verified and approve it; return the issued orders by number. Errors: StepFailedError."""
    wanted = {"legalBasis": LEGAL_BASIS, "subscriberNotice": SUBSCRIBER_NOTICE}
    run = (await story.ana.do(FORWARD, input=wanted))["run"]
    items = {item["blockOrder"]["id"]: item["e164"] for item in run["items"]["nodes"] if item["blockOrder"]}
    approval = {"runId": run["id"], "manifestHash": run["manifestHash"]}
    approved = await story.budi.do(APPROVE_FORWARDING, input=approval)
    expect(approved["problemCount"] == 0, f"every draft is approved, not {approved}")
    orders = taken(approved["results"], "every order is issued")
    return {items[issued["id"]]: issued for issued in orders}


async def read_approval(story: Story, order_id: str) -> dict[str, str]:
    """Read what Budi may approve of an order, and hash it as his browser would. Errors: StepFailedError."""
    read = await story.budi.do(CONTENT, id=order_id)
    content = read["proposal"] or read
    computed = hashlib.sha256(content["contentText"].encode()).hexdigest()
    expect(computed == content["contentHash"], "the hash is that of the text that is read")
    return {"orderId": order_id, "contentHash": computed}


def taken(results: list[dict[str, Any]], what: str) -> list[dict[str, Any]]:
    """Return the orders of a bulk answer in which nothing was refused. Errors: StepFailedError."""
    refused = [result["problem"] for result in results if result["problem"]]
    expect(not refused, f"{what}, not {refused}")
    return [result["blockOrder"] for result in results]
