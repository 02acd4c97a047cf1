"""Fraud signals over the graph: each party's view, what a stream of them tells, and what nobody gets by any field."""

import base64
import hashlib
import hmac
import json
from datetime import timedelta

import pytest

from ledger.feed.vocabulary import EventKind
from ledger.numbers.vocabulary import RiskTier
from ledger.participations.vocabulary import Disclosure
from ledger.vocabulary import Category
from resolvers.signals import KINDS, make_source
from resolvers.sources import EventBatch
from tests.support.desk import Desk
from tests.support.journeys import INDOSAT_NUMBER, TELKOMSEL_NUMBER, file_verified
from tests.support.signal_journeys import admit_provider, complain, contribute, leave, reopen, take_part

NUMBER = TELKOMSEL_NUMBER
SIGNALS = """query($filter: FraudSignalFilter, $first: Int, $after: String) {
  fraudSignals(filter: $filter, first: $first, after: $after) { pageInfo { hasNextPage endCursor } nodes {
    id category risk state firstSeenOn lastSeenOn validUntil corroborationCount revokedReason e164
    hashes { keyId hash } } } }"""
STAFF = """{ fraudSignals { nodes { score revocationNote number { e164 risk } revokedBy { displayName }
  contributors { contributionCount member { slug } } recipients { numberDisclosedAt member { slug } } } } }"""
KEYS = "{ signalKeys { id key createdAt retiredAt filledAt } }"
TERMS = {
    "termsReference": "PKS-7/2026", "categories": ["FRAUD"], "purpose": "Protect users.",
    "controllerRoles": "Controllers each.", "disclosure": "HASHED",
}  # fmt: skip
START = """mutation($input: StartParticipationInput!) { startParticipation(input: $input) {
  participation { id state categories disclosure member { slug } recordedBy { displayName } } } }"""
CHANGE = """mutation($input: ChangeParticipationInput!) { changeParticipation(input: $input) {
  participation { id state disclosure } } }"""
END = """mutation($input: EndParticipationInput!) { endParticipation(input: $input) {
  participation { state endedReason } } }"""
ROTATE = """mutation($input: RotateSignalKeyInput!) { rotateSignalKey(input: $input) {
  id previousId previousRetiredAt } }"""
CONTRIBUTE = """mutation($input: ContributeSignalsInput!) { contributeSignals(input: $input) { problemCount results {
  wasKnown contribution { id e164 category reference } problem { code field } } } }"""
REVOKE = """mutation($input: RevokeSignalsInput!) { revokeSignals(input: $input) { problemCount results {
  signal { id state revokedReason revocationNote } problem { code } } } }"""
EVENTS = """subscription($categories: [Category!], $minimumRisk: Risk) {
  fraudSignals(categories: $categories, minimumRisk: $minimumRisk) { cursor event {
    kind state category risk riskBefore revokedReason recordedAt signalId
    signal { id state risk e164 hashes { hash } corroborationCount number { e164 } } } } }"""


def nodes(answer):
    assert answer.errors == []
    return answer.data["fraudSignals"]["nodes"]


async def tell(desk: Desk, sequenced, viewer, **filters):
    """What a stream with these filters tells the viewer of all that happened so far."""
    await sequenced.wait()
    source = make_source(
        categories=[Category(item) for item in filters.get("categories", ())],
        minimum_risk=RiskTier(filters["minimumRisk"]) if "minimumRisk" in filters else None,
    )
    told = await desk.read_history(viewer, source)
    batch = EventBatch([message for message in told if source.takes(message.entry)])
    stream = await desk.follow(viewer, EVENTS, batch, **filters)
    assert stream.errors == []
    return [message["fraudSignals"]["event"] for message in stream.messages]


class TestReading:
    async def test_shows_each_party_its_own_side(self, desk: Desk):
        database, parties, as_of = desk.database, desk.parties, desk.as_of
        await take_part(database, parties, as_of)
        await complain(database, parties, as_of, NUMBER)
        (mine,) = nodes(await desk.ask(parties.provider, SIGNALS))
        assert (mine["e164"], len(mine["hashes"])) == (None, 1)
        assert (mine["category"], mine["risk"], mine["state"]) == ("FRAUD", "MEDIUM", "ACTIVE")
        assert (mine["firstSeenOn"], mine["validUntil"]) == ("2026-03-02", "2026-05-31T17:00:00Z")
        for viewer in (parties.officer, parties.telkomsel):
            (seen,) = nodes(await desk.ask(viewer, SIGNALS))
            assert (seen["e164"], seen["hashes"]) == (NUMBER, [])
        assert nodes(await desk.ask(parties.indosat, SIGNALS)) == []
        assert (await desk.ask(parties.agency, SIGNALS)).data["fraudSignals"] is None

    async def test_gives_the_number_in_clear_as_the_terms_say(self, desk: Desk):
        await take_part(desk.database, desk.parties, desk.as_of, disclosure=Disclosure.CLEAR)
        await complain(desk.database, desk.parties, desk.as_of, NUMBER)
        (seen,) = nodes(await desk.ask(desk.parties.provider, SIGNALS))
        assert (seen["e164"], len(seen["hashes"])) == (NUMBER, 1)

    async def test_finds_by_a_hash_that_the_provider_made_itself(self, desk: Desk):
        await take_part(desk.database, desk.parties, desk.as_of)
        await file_verified(desk.database, desk.parties, desk.as_of, [TELKOMSEL_NUMBER, INDOSAT_NUMBER])
        (key,) = (await desk.ask(desk.parties.provider, KEYS)).data["signalKeys"]
        own = hmac.new(base64.b64decode(key["key"]), NUMBER.encode(), hashlib.sha256).hexdigest()
        found = nodes(await desk.ask(desk.parties.provider, SIGNALS, filter={"hashes": [own]}))
        assert [[item["hash"] for item in signal["hashes"]] for signal in found] == [[own]]

    async def test_by_pages_meets_each_once(self, desk: Desk):
        numbers = [f"+6281200{serial:05d}" for serial in range(7)]
        await file_verified(desk.database, desk.parties, desk.as_of, numbers)
        seen, after = [], None
        while True:
            page = await desk.ask(desk.parties.telkomsel, SIGNALS, first=3, after=after)
            seen += [signal["e164"] for signal in nodes(page)]
            info = page.data["fraudSignals"]["pageInfo"]
            after = info["endCursor"]
            if not info["hasNextPage"]:
                break
        assert sorted(seen) == numbers

    async def test_shows_staff_who_contributed_and_who_was_sent_it(self, desk: Desk):
        await take_part(desk.database, desk.parties, desk.as_of, disclosure=Disclosure.CLEAR)
        await complain(desk.database, desk.parties, desk.as_of, NUMBER)
        await contribute(desk.database, desk.parties.indosat, desk.as_of, NUMBER)
        (seen,) = nodes(await desk.ask(desk.parties.officer, STAFF))
        assert seen["score"] == 100
        assert seen["number"] == {"e164": NUMBER, "risk": "MEDIUM"}
        assert seen["contributors"] == [{"contributionCount": 1, "member": {"slug": "indosat"}}]
        assert [item["member"]["slug"] for item in seen["recipients"]] == ["provider"]
        assert seen["recipients"][0]["numberDisclosedAt"] is not None

    async def test_of_500_takes_the_statements_of_one(self, desk: Desk):
        await take_part(desk.database, desk.parties, desk.as_of)
        numbers = [f"+6281200{serial:05d}" for serial in range(500)]
        await file_verified(desk.database, desk.parties, desk.as_of, numbers)
        few = await desk.ask(desk.parties.provider, SIGNALS, first=1)
        many = await desk.ask(desk.parties.provider, SIGNALS, first=500)
        assert len(nodes(many)) == 500
        assert len(many.statements) == len(few.statements) <= 4

    async def test_as_entities_shows_what_the_root_field_would(self, desk: Desk):
        await take_part(desk.database, desk.parties, desk.as_of)
        await file_verified(desk.database, desk.parties, desk.as_of, [TELKOMSEL_NUMBER, INDOSAT_NUMBER])
        signals = nodes(await desk.ask(desk.parties.officer, SIGNALS))
        shown = "id category risk state e164 hashes { hash }"
        entities = f"query($r: [_Any!]!) {{ _entities(representations: $r) {{ ... on FraudSignal {{ {shown} }} }} }}"
        root = f"query($id: ID!) {{ fraudSignal(id: $id) {{ {shown} }} }}"
        for viewer in desk.parties.everyone.values():
            roots = [(await desk.ask(viewer, root, id=signal["id"])).data["fraudSignal"] for signal in signals]
            asked = [{"__typename": "FraudSignal", "id": signal["id"]} for signal in signals]
            assert (await desk.ask(viewer, entities, r=asked)).data["_entities"] == roots


class TestParticipating:
    async def test_starts_changes_and_ends(self, desk: Desk):
        officer, provider = desk.parties.officer, desk.parties.provider
        member = {"memberId": provider.member_id}
        started = await desk.ask(officer, START, input=member | {"terms": TERMS})
        participation = started.data["startParticipation"]["participation"]
        assert (participation["state"], participation["member"]["slug"]) == ("IN_FORCE", "provider")
        assert participation["recordedBy"]["displayName"] == "Sari"
        again = await desk.ask(officer, START, input=member | {"terms": TERMS})
        assert again.problems == ["PARTICIPATION_EXISTS"]
        changed = await desk.ask(
            officer, CHANGE, input={"participationId": participation["id"], "terms": TERMS | {"disclosure": "CLEAR"}}
        )
        current = changed.data["changeParticipation"]["participation"]
        assert (current["state"], current["disclosure"]) == ("IN_FORCE", "CLEAR")
        listed = "{ participations { nodes { id state endedReason recordedBy { displayName } } } }"
        seen = (await desk.ask(provider, listed)).data["participations"]["nodes"]
        assert [(item["state"], item["endedReason"]) for item in seen] == [
            ("IN_FORCE", None), ("ENDED", "TERMS_CHANGED"),
        ]  # fmt: skip
        ended = await desk.ask(officer, END, input={"participationId": current["id"], "reason": "PROVIDER_LEFT"})
        assert ended.data["endParticipation"]["participation"] == {"state": "ENDED", "endedReason": "PROVIDER_LEFT"}
        assert (await desk.ask(provider, SIGNALS)).problems == ["PARTICIPATION_MISSING"]

    async def test_keys_are_the_providers_alone_and_rotate(self, desk: Desk):
        parties = desk.parties
        await take_part(desk.database, parties, desk.as_of)
        rotated = await desk.ask(parties.provider, ROTATE, later=timedelta(days=1), input={})
        keys = (await desk.ask(parties.provider, KEYS, later=timedelta(days=1))).data["signalKeys"]
        made = rotated.data["rotateSignalKey"]
        assert [key["id"] for key in keys] == [made["id"], made["previousId"]]
        assert [len(base64.b64decode(key["key"])) for key in keys] == [32, 32]
        for viewer in (parties.officer, parties.telkomsel):
            assert (await desk.ask(viewer, KEYS)).problems == ["FORBIDDEN"]


class TestContributing:
    async def test_answers_item_by_item_and_the_same_again_with_the_first(self, desk: Desk):
        good = {"number": "0812 0000 0001", "category": "FRAUD", "reference": "R-1"}
        items = [good, {"number": "x", "category": "FRAUD", "reference": "R-2"}, good | {"category": "EXTORTION"}]
        answer = await desk.ask(desk.parties.telkomsel, CONTRIBUTE, input={"contributions": items})
        first, unknown, conflict = answer.data["contributeSignals"]["results"]
        assert (first["wasKnown"], first["contribution"]["e164"]) == (False, NUMBER)
        assert unknown["problem"] == {"code": "NUMBER_INVALID", "field": "number"}
        assert conflict["problem"] == {"code": "CONTRIBUTION_CONFLICT", "field": "reference"}
        again = await desk.ask(desk.parties.telkomsel, CONTRIBUTE, input={"contributions": [good]})
        (result,) = again.data["contributeSignals"]["results"]
        assert (result["wasKnown"], result["contribution"]) == (True, first["contribution"])

    async def test_of_a_provider_needs_a_participation(self, desk: Desk):
        item = {"number": NUMBER, "category": "FRAUD", "reference": "R-1"}
        refused = await desk.ask(desk.parties.provider, CONTRIBUTE, input={"contributions": [item]})
        assert refused.problems == ["PARTICIPATION_MISSING"]


class TestRevoking:
    async def test_answers_item_by_item(self, desk: Desk):
        await complain(desk.database, desk.parties, desk.as_of, NUMBER)
        (signal,) = nodes(await desk.ask(desk.parties.officer, SIGNALS))
        item = {"id": signal["id"], "reason": "FALSE_POSITIVE", "note": "Nomor kantor."}
        answer = await desk.ask(desk.parties.officer, REVOKE, input={"revocations": [item, item]})
        done, repeated = answer.data["revokeSignals"]["results"]
        revoked = {"state": "REVOKED", "revokedReason": "FALSE_POSITIVE", "revocationNote": "Nomor kantor."}
        assert done["signal"] == revoked | {"id": signal["id"]}
        assert repeated["problem"]["code"] == "ITEM_REPEATED"


class TestFollowing:
    async def test_tells_how_it_was_then_and_gives_the_signal_as_it_is_now(self, desk: Desk, sequenced):
        database, parties, as_of = desk.database, desk.parties, desk.as_of
        await take_part(database, parties, as_of)
        complaints = await complain(database, parties, as_of, NUMBER, "Ani", "Budi", "Cici")
        await contribute(database, parties.agency, as_of, NUMBER)
        await reopen(database, parties, as_of, *complaints)
        for viewer in (parties.provider, parties.telkomsel, parties.officer):
            events = await tell(desk, sequenced, viewer)
            assert [(event["kind"], event["risk"]) for event in events] == [
                ("SIGNAL_RAISED", "MEDIUM"), ("SIGNAL_CHANGED", "HIGH"), ("SIGNAL_CORROBORATED", "HIGH"),
                ("SIGNAL_REVOKED", "HIGH"),
            ]  # fmt: skip
            assert {event["signal"]["state"] for event in events} == {"REVOKED"}
            assert events[-1]["revokedReason"] == "COMPLAINTS_REJECTED"
        for viewer in (parties.indosat, parties.agency):
            await sequenced.wait()
            assert await desk.read_history(viewer, make_source(categories=None, minimum_risk=None)) == []

    async def test_filters_all_but_endings_and_a_risk_that_falls(self, desk: Desk, sequenced):
        database, parties, as_of = desk.database, desk.parties, desk.as_of
        await take_part(database, parties, as_of)
        spam = await complain(database, parties, as_of, INDOSAT_NUMBER, category=Category.SPAM_ADVERT)
        fraud = await complain(database, parties, as_of, NUMBER, "Ani", "Budi", "Cici")
        await reopen(database, parties, as_of, fraud[0])
        await reopen(database, parties, as_of, *spam)
        grave = await tell(desk, sequenced, parties.provider, minimumRisk="HIGH")
        assert [(event["kind"], event["risk"], event["riskBefore"]) for event in grave] == [
            ("SIGNAL_CHANGED", "HIGH", "MEDIUM"),
            ("SIGNAL_CHANGED", "MEDIUM", "HIGH"),
            ("SIGNAL_REVOKED", "MEDIUM", None),
        ]
        chosen = await tell(desk, sequenced, parties.provider, categories=["SPAM_ADVERT"])
        assert [event["kind"] for event in chosen] == ["SIGNAL_RAISED", "SIGNAL_REVOKED"]

    async def test_of_many_signals_takes_the_statements_of_one(self, desk: Desk, sequenced):
        await take_part(desk.database, desk.parties, desk.as_of)
        numbers = [f"+6281200{serial:05d}" for serial in range(50)]
        await file_verified(desk.database, desk.parties, desk.as_of, numbers)
        await sequenced.wait()
        told = await desk.read_history(desk.parties.provider, make_source(categories=None, minimum_risk=None))
        one = await desk.follow(desk.parties.provider, EVENTS, EventBatch(told[:1]))
        all_ = await desk.follow(desk.parties.provider, EVENTS, EventBatch(told))
        assert len(all_.messages) == 50
        assert len(all_.statements) == len(one.statements)

    async def test_is_refused_before_anything_streams_without_a_participation(self, desk: Desk):
        for viewer, code in ((desk.parties.provider, "PARTICIPATION_MISSING"), (desk.parties.agency, "FORBIDDEN")):
            batch = EventBatch()
            stream = await desk.follow(viewer, EVENTS, batch)
            assert stream.messages in ([], [None], [{"fraudSignals": None}])
            assert [error.original_error.code for error in stream.errors] == [code]
            assert batch.source.kinds == KINDS


class TestAttacks:
    async def test_a_provider_that_left_resumes_its_stream(self, desk: Desk, sequenced):
        database, parties, as_of = desk.database, desk.parties, desk.as_of
        taken = await take_part(database, parties, as_of)
        await complain(database, parties, as_of, NUMBER)
        await leave(database, parties, as_of, taken)
        await sequenced.wait()
        assert await desk.read_history(parties.provider, make_source(categories=None, minimum_risk=None)) == []

    async def test_a_hashed_provider_gets_the_number_by_any_field(self, desk: Desk, sequenced):
        database, parties, as_of = desk.database, desk.parties, desk.as_of
        await take_part(database, parties, as_of)
        await complain(database, parties, as_of, NUMBER)
        everything = """{ fraudSignals { nodes { id e164 hashes { hash } number { e164 } } }
          viewer { memberId } participations { nodes { id purpose } } }"""
        shown = [(await desk.ask(parties.provider, everything)).data]
        shown += await tell(desk, sequenced, parties.provider)
        found = await desk.ask(parties.provider, SIGNALS, filter={"e164s": [NUMBER]})
        assert nodes(found) == []
        assert NUMBER.removeprefix("+62") not in json.dumps(shown)

    async def test_another_member_asks_for_staff_fields(self, desk: Desk):
        """Whatever scopes its token says: the ledger gives none of it to another member."""
        other = await admit_provider(desk.database, desk.parties, desk.as_of)
        await take_part(desk.database, desk.parties, desk.as_of, other)
        await complain(desk.database, desk.parties, desk.as_of, NUMBER)
        await contribute(desk.database, desk.parties.indosat, desk.as_of, NUMBER)
        for viewer in (other, desk.parties.telkomsel):
            (seen,) = nodes(await desk.ask(viewer, STAFF))
            hidden = ("score", "revocationNote", "revokedBy")
            assert [seen[name] for name in hidden] == [None] * len(hidden)
            assert (seen["contributors"], seen["recipients"]) == ([], [])

    @pytest.mark.parametrize(
        "kind",
        [
            EventKind.SIGNAL_CONTRIBUTED,
            EventKind.SIGNAL_CONTRIBUTION_WITHDRAWN,
            EventKind.SIGNAL_CONTRIBUTION_REPLACED,
            EventKind.SIGNAL_REVOCATION_CONFIRMED,
        ],
    )
    def test_a_stream_of_signals_tells_who_contributed(self, kind):
        assert kind not in KINDS
