"""An OTT provider and the regulator sign terms, it looks up a number, and another one leaves."""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from typing import Any

from demo.cast import LEAVER, PROVIDER
from demo.documents import (
    ACCEPT_PARTICIPATION,
    AWAITING_DELETION,
    CONFIRM_DELETION,
    COUNTERSIGN_PARTICIPATION,
    LEAVE_PARTICIPATION,
    OFFER_PARTICIPATION,
    PROPOSALS,
    PUBLISH_TERMS,
    SIGNAL_KEYS,
    SIGNALS,
    START_PARTICIPATION,
)
from demo.made_up import TELKOMSEL_NUMBER
from demo.parties import expect
from demo.story import Story
from demo.telling import Told

_CATEGORIES = ("EXTORTION", "FRAUD", "IMPERSONATION", "VOICE_PHISHING")
_TERMS = (
    ("id", "Ketentuan keikutsertaan sukarela (demo): sinyal hanya untuk melindungi pengguna dari penipuan."),
    ("en", "Terms of voluntary participation (demo): signals are only for protecting users from fraud."),
)
_HARMLESS_NUMBER = "+6289011119999"


async def take_part(story: Story, told: Told) -> None:
    """Without terms it gets nothing; with them it gets hashes under its own key, and no numbers."""
    refused = await story.provider.ask(SIGNALS)
    expect(refused.problems == ["PARTICIPATION_MISSING"], f"no signals without terms, not {refused}")
    told.say("chatting", "asks for fraud signals: PARTICIPATION_MISSING, since there are no terms yet")
    started = await _sign(story, told)
    expect(started["state"] == "IN_FORCE", f"IN_FORCE, not {started['state']}")
    expect(started["agreedOn"] == "BOTH_SIGNED", f"BOTH_SIGNED, not {started['agreedOn']}")
    (key,) = await story.provider.do(SIGNAL_KEYS)
    signals = (await story.provider.do(SIGNALS))["nodes"]
    expect(signals, "the provider gets the signals in force")
    expect(all(signal["e164"] is None and len(signal["hashes"]) == 1 for signal in signals), "hashes and no numbers")
    expect({signal["category"] for signal in signals} <= set(_CATEGORIES), "only the categories that the terms name")
    told.say("chatting", f"fetches its key, and {len(signals)} signals: each a hash under that key, none with a number")
    secret = base64.b64decode(key["key"])
    for number, wanted_risks in ((TELKOMSEL_NUMBER, ["MEDIUM", "MEDIUM"]), (_HARMLESS_NUMBER, [])):
        digest = hmac.new(secret, number.encode(), hashlib.sha256).hexdigest()
        found = (await story.provider.do(SIGNALS, filter={"hashes": [digest]}))["nodes"]
        risks = sorted(signal["risk"] for signal in found)
        expect(risks == wanted_risks, f"{number} has the signals {wanted_risks}, not {risks}")
        said = ", ".join(f"{signal['category']} {signal['risk']}" for signal in found) or "no signals"
        told.say("chatting", f"hashes a user's number and looks up {digest[:8]}...: {said}")


async def _sign(story: Story, told: Told) -> Mapping[str, Any]:
    """The regulator offers, the provider's signatory accepts, the regulator countersigns; each by the hash."""
    texts = [{"language": language, "text": text} for language, text in _TERMS]
    published = (await story.ana.do(PUBLISH_TERMS, texts=texts))["terms"]
    told.say("ana", f"publishes version {published['version']} of the terms: {published['termsHash'][:8]}...")
    content = {
        "categories": list(_CATEGORIES),
        "permittedUses": ["REVIEW_ACCOUNTS", "WARN_USERS"],
        "purpose": "To protect its users from fraud.",
        "controllerRoles": "Each is an independent controller.",
        "disclosure": "HASHED",
        "transferBasis": "BINDING_SAFEGUARDS",
        "transferGround": "Clause 7 of the contract.",
        "retentionDays": 90,
        "breachContact": "privacy@chatting.example",
    }
    wanted = {"memberId": story.cast.member_ids[PROVIDER], "content": content}
    await story.ana.do(OFFER_PARTICIPATION, input=wanted)
    (offered,) = (await story.citra.do(PROPOSALS))["nodes"]
    signed = {"proposalId": offered["id"], "contentHash": _hash_content(offered)}
    forged = await story.provider.ask(ACCEPT_PARTICIPATION, input=signed)
    expect(forged.data is None or not any(forged.data.values()), "a machine signs nothing")
    accepted = (await story.citra.do(ACCEPT_PARTICIPATION, input=signed))["proposal"]
    expect(accepted["state"] == "ACCEPTED", f"ACCEPTED, not {accepted['state']}")
    told.say(
        "citra", f"reads what the regulator offers, and signs its hash {signed['contentHash'][:8]}... for Chatting"
    )
    (waiting,) = (await story.ana.do(PROPOSALS))["nodes"]
    countersigned = {"proposalId": waiting["id"], "contentHash": _hash_content(waiting)}
    participation: Mapping[str, Any] = (await story.ana.do(COUNTERSIGN_PARTICIPATION, input=countersigned))[
        "participation"
    ]
    told.say("ana", f"countersigns the same hash: {len(_CATEGORIES)} categories, HASHED, now in force")
    return participation


def _hash_content(proposal: Mapping[str, Any]) -> str:
    """The hash of what is read, as the signatory's own browser computes it. Errors: StepFailedError."""
    computed = hashlib.sha256(proposal["contentText"].encode()).hexdigest()
    expect(computed == proposal["contentHash"], "the hash is that of the text that is read")
    return computed


async def leave(story: Story, told: Told) -> None:
    """A provider on paper terms leaves by itself, at once, and confirms that it deleted what it was sent."""
    terms = {
        "termsReference": "PKS-7/2026",
        "categories": list(_CATEGORIES),
        "purpose": "To protect its users from fraud.",
        "controllerRoles": "Each is an independent controller.",
        "disclosure": "HASHED",
    }
    wanted = {"memberId": story.cast.member_ids[LEAVER], "terms": terms}
    recorded = (await story.ana.do(START_PARTICIPATION, input=wanted))["participation"]
    expect(recorded["agreedOn"] == "PAPER", f"PAPER, not {recorded['agreedOn']}")
    signals = (await story.leaver.do(SIGNALS))["nodes"]
    told.say("ana", f"records terms that {LEAVER} signed on paper: PAPER; it is sent {len(signals)} signals, hashed")
    left = (await story.leaver.do(LEAVE_PARTICIPATION))["participation"]
    expect(left["endedReason"] == "PROVIDER_LEFT", f"PROVIDER_LEFT, not {left['endedReason']}")
    refused = await story.leaver.ask(SIGNALS)
    expect(refused.problems == ["PARTICIPATION_MISSING"], f"no signals after leaving, not {refused}")
    told.say(LEAVER, "leaves, without asking anyone: it can read no more signals from this moment on")
    waiting = (await story.ana.do(AWAITING_DELETION))["nodes"]
    expect([item["id"] for item in waiting] == [left["id"]], "the regulator sees whose confirmation is missing")
    expected = waiting[0]["deletionExpectedBy"][:10]
    told.say("ana", f"sees whose confirmation of deletion is missing; a reminder goes out on {expected}")
    said = {"participationId": left["id"], "deletedAt": left["endedAt"], "note": "Nothing is kept."}
    confirmed = (await story.leaver.do(CONFIRM_DELETION, input=said))["participation"]
    expect(confirmed["deletionConfirmedAt"], "the confirmation is recorded")
    expect(not (await story.ana.do(AWAITING_DELETION))["nodes"], "nobody's confirmation is missing")
    told.say(LEAVER, "confirms that it deleted what it was sent")
