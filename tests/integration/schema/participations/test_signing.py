"""Signing, narrowing and leaving at the graph: both sides by their officers, told to both as it happens."""

import hashlib

import pytest

from resolvers.participations import PARTICIPATIONS
from resolvers.sources import EventBatch
from tests.support.desk import Desk
from tests.support.signing_journeys import appoint

PUBLISH = """mutation ($texts: [ParticipationTermsTextInput!]!) {
  publishParticipationTerms(input: {texts: $texts}) { terms { version termsHash } } }"""
OFFER = """mutation ($input: OfferParticipationInput!) {
  offerParticipation(input: $input) { proposal { id state contentText contentHash } } }"""
REQUEST = """mutation ($input: RequestParticipationInput!) {
  requestParticipation(input: $input) { proposal { id state contentHash } } }"""
ACCEPT = """mutation ($input: AcceptParticipationInput!) {
  acceptParticipation(input: $input) { proposal { state acceptedBy { displayName } } } }"""
COUNTERSIGN = """mutation ($input: CountersignParticipationInput!) {
  countersignParticipation(input: $input) { participation { id state agreedOn } proposal { state } } }"""
REFUSE = """mutation ($id: ID!) {
  refuseParticipation(input: {proposalId: $id, note: "Too long."}) { proposal { state endNote } } }"""
NARROW = """mutation ($id: ID!) {
  narrowParticipation(input: {participationId: $id, retentionDays: 30}) {
    participation { id retentionDays narrowedBy previous { id retentionDays state } } } }"""
LEAVE = "mutation { leaveParticipation(input: {}) { participation { id state endedReason endedAt } } }"
CONFIRM = """mutation ($id: ID!, $at: DateTime!) {
  confirmDeletion(input: {participationId: $id, deletedAt: $at}) { participation { deletedAt } } }"""
EVENTS = """subscription { participationEvents { event {
  kind participationId proposalId termsId participationState proposalState endedReason party contentHash } } }"""
CONTENT = {
    "categories": ["FRAUD"],
    "permittedUses": ["WARN_USERS"],
    "purpose": "Protect users.",
    "controllerRoles": "Each its own.",
    "disclosure": "HASHED",
    "transferBasis": "NO_TRANSFER",
    "retentionDays": 90,
    "breachContact": "privacy@messenger.example",
}


@pytest.fixture
async def signatory(desk: Desk):
    return await appoint(desk.database, desk.as_of, desk.parties.provider)


async def do(desk, viewer, document, **variables):
    answer = await desk.ask(viewer, document, **variables)
    assert answer.errors == [], answer.errors
    return next(iter(answer.data.values()))


async def publish(desk):
    texts = [{"language": "id", "text": "Ketentuan."}]
    return (await do(desk, desk.parties.officer, PUBLISH, texts=texts))["terms"]


async def follow(desk, sequenced, viewer):
    await sequenced.wait()
    stream = await desk.follow(viewer, EVENTS, EventBatch(await desk.read_history(viewer, PARTICIPATIONS)))
    assert stream.errors == []
    return [message["participationEvents"]["event"] for message in stream.messages]


class TestJourney:
    async def test_from_the_offer_to_the_confirmation_is_told_to_both_sides(self, desk: Desk, signatory, sequenced):
        officer, provider = desk.parties.officer, desk.parties.provider
        await publish(desk)
        wanted = {"memberId": provider.member_id, "content": CONTENT}
        offered = (await do(desk, officer, OFFER, input=wanted))["proposal"]
        computed = hashlib.sha256(offered["contentText"].encode()).hexdigest()
        assert computed == offered["contentHash"]
        signed = {"proposalId": offered["id"], "contentHash": computed}
        accepted = (await do(desk, signatory, ACCEPT, input=signed))["proposal"]
        assert accepted == {"state": "ACCEPTED", "acceptedBy": {"displayName": "Citra"}}
        both = await do(desk, officer, COUNTERSIGN, input=signed)
        participation = both["participation"]
        assert (participation["state"], participation["agreedOn"], both["proposal"]["state"]) == (
            "IN_FORCE", "BOTH_SIGNED", "COUNTERSIGNED",
        )  # fmt: skip
        narrower = (await do(desk, provider, NARROW, id=participation["id"]))["participation"]
        assert narrower["previous"] == {"id": participation["id"], "retentionDays": 90, "state": "ENDED"}
        assert (narrower["retentionDays"], narrower["narrowedBy"]) == (30, "PROVIDER")
        left = (await do(desk, provider, LEAVE))["participation"]
        assert (left["id"], left["endedReason"]) == (narrower["id"], "PROVIDER_LEFT")
        await do(desk, provider, CONFIRM, id=left["id"], at=left["endedAt"])
        told = await follow(desk, sequenced, provider)
        assert [(event["kind"], event["proposalState"] or event["participationState"]) for event in told] == [
            ("TERMS_PUBLISHED", None),
            ("TERMS_PROPOSED", "OFFERED"),
            ("TERMS_ACCEPTED", "ACCEPTED"),
            ("TERMS_COUNTERSIGNED", "COUNTERSIGNED"),
            ("PARTICIPATION_STARTED", "IN_FORCE"),
            ("PARTICIPATION_NARROWED", "ENDED"),
            ("PARTICIPATION_NARROWED", "IN_FORCE"),
            ("PARTICIPATION_ENDED", "ENDED"),
            ("PARTICIPATION_DELETION_CONFIRMED", "ENDED"),
        ]
        assert told[3] == told[3] | {"participationId": participation["id"], "contentHash": computed}
        assert (told[6]["party"], told[7]["endedReason"]) == ("PROVIDER", "PROVIDER_LEFT")
        assert await follow(desk, sequenced, officer) == told
        for other in (desk.parties.telkomsel, desk.parties.agency):
            assert await follow(desk, sequenced, other) == []

    async def test_of_a_request_that_is_refused_says_why(self, desk: Desk, signatory):
        terms = await publish(desk)
        wanted = {"termsHash": terms["termsHash"], "content": CONTENT}
        requested = (await do(desk, signatory, REQUEST, input=wanted))["proposal"]
        assert requested["state"] == "ACCEPTED"
        refused = (await do(desk, desk.parties.officer, REFUSE, id=requested["id"]))["proposal"]
        assert refused == {"state": "REFUSED", "endNote": "Too long."}

    async def test_tells_clients_what_is_wrong_by_code_and_field(self, desk: Desk, signatory):
        await publish(desk)
        content = CONTENT | {"transferBasis": "CONSENT"}
        answer = await desk.ask(
            desk.parties.officer, OFFER, input={"memberId": desk.parties.provider.member_id, "content": content}
        )
        assert answer.problems == ["TERMS_MISSING"]
        assert answer.errors[0].original_error.field == "transferGround"
        wrong = {"termsHash": "0" * 64, "content": CONTENT}
        assert (await desk.ask(signatory, REQUEST, input=wrong)).problems == ["TERMS_HASH_MISMATCH"]
        assert (await desk.ask(desk.parties.provider, LEAVE)).problems == ["NOT_FOUND"]
