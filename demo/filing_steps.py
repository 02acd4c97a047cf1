"""The first steps: every party gets a token, the agency files complaints, an officer decides on them."""

from auth.scopes import OFFICER_ONLY, ORDERS_APPROVE
from demo.documents import COMPLAINTS_TO_VERIFY, DECIDE_COMPLAINTS, FILE_COMPLAINTS
from demo.made_up import COMPLAINTS, FIRST_OF_REPEATED, REJECTED, REPEATED, UNREADABLE
from demo.parties import expect
from demo.story import Story
from demo.telling import Told


async def get_tokens(story: Story, told: Told) -> None:
    """Each party gets its token in its own way; only officers may ever approve."""
    for name, party in story.parties.items():
        way = await party.get_token()
        told.say(name, f"got a token by {way}: {' '.join(sorted(party.scopes))}")
    officers = (story.ana, story.budi)
    expect(all(ORDERS_APPROVE in officer.scopes for officer in officers), "officers may approve orders")
    expect(ORDERS_APPROVE not in story.citra.scopes, "an officer of another member may not")
    machines = [party for party in story.parties.values() if party not in (*officers, story.citra)]
    expect(not any(OFFICER_ONLY & party.scopes for party in machines), "no machine has an officer's scopes")


async def file_complaints(story: Story, told: Told) -> None:
    """All in one call; one has no valid number, one was sent twice."""
    now = story.clock.read()
    sent = [complaint.render(now=now) for complaint in COMPLAINTS]
    for complaint in sent:
        if complaint["sourceReference"] in story.uploads:
            complaint["evidence"] = [{"uploadId": story.uploads[complaint["sourceReference"]]}]
    answer = await story.agency.do(FILE_COMPLAINTS, complaints=[*sent, sent[0]])
    results = answer["results"]
    refused = [complaint.reference for complaint, result in zip(COMPLAINTS, results, strict=False) if result["problem"]]
    expect(refused == [UNREADABLE], f"only {UNREADABLE} is refused, not {refused}")
    problem = next(result["problem"] for result in results if result["problem"])
    expect(problem["code"] == "NUMBER_INVALID", f"NUMBER_INVALID, not {problem['code']}")
    expect(results[-1]["wasKnown"], "the one that was sent twice is known")
    for result in results:
        if result["complaint"]:
            story.complaint_ids[result["complaint"]["sourceReference"]] = result["complaint"]["id"]
    expect(len(story.complaint_ids) == len(COMPLAINTS) - 1, "every other complaint has a ticket")
    first, last = results[0]["complaint"]["ticketNo"], results[-3]["complaint"]["ticketNo"]
    told.say("antiscam", f"files {len(sent) + 1} complaints in one call; tickets {first} to {last}")
    told.say("antiscam", f"only {UNREADABLE} is refused: {problem['code']}; A-01, sent twice, keeps its first ticket")


async def decide_complaints(story: Story, told: Told) -> None:
    """An officer takes those due first, one by one: verified, a duplicate, one without evidence."""
    waiting = (await story.ana.do(COMPLAINTS_TO_VERIFY))["nodes"]
    expect(len(waiting) == len(COMPLAINTS) - 1, "every ticket awaits an officer")
    dues = [complaint["verificationDueAt"] for complaint in waiting]
    expect(dues == sorted(dues), "those due soonest come first")
    decisions = []
    for complaint in waiting:
        decision = {"complaintId": complaint["id"], "expectedState": "SUBMITTED", "decision": "VERIFY"}
        if complaint["sourceReference"] == REPEATED:
            decision |= {"decision": "MARK_DUPLICATE", "duplicateOf": story.complaint_ids[FIRST_OF_REPEATED]}
        elif complaint["sourceReference"] == REJECTED:
            decision |= {"decision": "REJECT", "reason": "EVIDENCE_MISSING"}
        decisions.append(decision)
    answer = await story.ana.do(DECIDE_COMPLAINTS, decisions=decisions)
    expect(answer["problemCount"] == 0, f"every decision is accepted, not {answer}")
    states = [result["complaint"]["state"] for result in answer["results"]]
    counts = {state: states.count(state) for state in sorted(set(states))}
    expect(counts == {"DUPLICATE": 1, "REJECTED": 1, "VERIFIED": 15}, f"15 verified, not {counts}")
    told.say("ana", "verifies 15, marks A-16 a duplicate of A-05 (same person), rejects A-17: EVIDENCE_MISSING")
    again = await story.budi.do(DECIDE_COMPLAINTS, decisions=decisions[:1])
    code = (again["results"][0]["problem"] or {}).get("code")
    expect(code == "INCOMPATIBLE_STATE", f"a second officer comes too late: INCOMPATIBLE_STATE, not {code}")
    told.say("budi", "decides on the first one too and learns that it was already decided: INCOMPATIBLE_STATE")
