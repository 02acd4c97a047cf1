"""Step 17: an OTT provider participates in fraud signals, and looks up a number that it may not see in clear."""

import base64
import hashlib
import hmac

from demo.cast import PROVIDER
from demo.documents import SIGNAL_KEYS, SIGNALS, START_PARTICIPATION
from demo.made_up import TELKOMSEL_NUMBER
from demo.parties import expect
from demo.story import Story
from demo.telling import Told

_CATEGORIES = ("EXTORTION", "FRAUD", "IMPERSONATION", "VOICE_PHISHING")
_HARMLESS_NUMBER = "+6289011119999"


async def take_part(story: Story, told: Told) -> None:
    """Without terms it gets nothing; with them it gets hashes under its own key, and no numbers."""
    refused = await story.provider.ask(SIGNALS)
    expect(refused.problems == ["PARTICIPATION_MISSING"], f"no signals without terms, not {refused}")
    told.say("chatting", "asks for fraud signals: PARTICIPATION_MISSING, since there are no terms yet")
    terms = {
        "termsReference": "PKS-7/2026",
        "categories": list(_CATEGORIES),
        "purpose": "To protect its users from fraud.",
        "controllerRoles": "Each is an independent controller.",
        "disclosure": "HASHED",
    }
    wanted = {"memberId": story.cast.member_ids[PROVIDER], "terms": terms}
    started = (await story.ana.do(START_PARTICIPATION, input=wanted))["participation"]
    expect(started["state"] == "IN_FORCE", f"IN_FORCE, not {started['state']}")
    told.say("ana", f"records its signed terms {started['termsReference']}: {len(_CATEGORIES)} categories, HASHED")
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
