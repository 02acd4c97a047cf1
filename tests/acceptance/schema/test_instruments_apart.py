"""Carrier and provider never see each other's part: the whole graph, walked as either, is the same with and without it.

The walk asks every root field for all that it has, two objects deep, so that a field, a count or an error that is added
later is walked as well.
"""

import re

import orjson
import pytest
from graphql import (
    GraphQLInterfaceType,
    GraphQLNonNull,
    GraphQLObjectType,
    get_named_type,
    get_nullable_type,
    is_leaf_type,
)

from ledger.complaints.vocabulary import Medium, Remedy
from ledger.orders.approval import approve_block_orders
from ledger.referrals.vocabulary import ResponseKind
from schema.graph import schema
from tests.support.graph_site import Site
from tests.support.journeys import acknowledge, approval_of, draft_orders, file_verified
from tests.support.referral_journeys import join_referrals, offer, respond

GRAPH = schema._schema
NUMBER = "+6281200000001"
_REQUEST = re.compile(r'"requestId":"[^"]*"')
UNKNOWN = "01900000-0000-7000-8000-000000000000"
OF_THE_WHOLE_LOG = {"checkpoint", "checkpoints", "feed", "consistencyProof", "inclusionProof", "_service", "lookups"}
"""What all members see of the one log: hashes and sizes. And how much the viewer itself has looked up, which grows."""


def select(kind, levels):
    parts = []
    for name, field in kind.fields.items():
        if name in OF_THE_WHOLE_LOG or any(
            isinstance(argument.type, GraphQLNonNull) for argument in field.args.values()
        ):
            continue
        inner = get_named_type(field.type)
        if is_leaf_type(inner):
            parts.append(name)
        elif isinstance(inner, GraphQLObjectType | GraphQLInterfaceType) and levels:
            chosen = select(inner, levels - 1)
            if chosen:
                parts.append(f"{name} {{ {chosen} }}")
    return " ".join(parts)


def list_operations(ids):
    """Each root field with what it needs, for every id that there is."""
    known = {
        "blockOrder": [f'id: "{each}"' for each in ids],
        "referral": [f'id: "{each}"' for each in ids],
        "complaint": [f'id: "{each}"' for each in ids],
        "number": [f'e164: "{NUMBER}"'],
        "member": [f'id: "{each}"' for each in ids],
    }
    for name, field in GRAPH.query_type.fields.items():
        kind = get_named_type(field.type)
        if name in OF_THE_WHOLE_LOG or not isinstance(get_nullable_type(kind), GraphQLObjectType):
            continue
        needs = any(isinstance(argument.type, GraphQLNonNull) for argument in field.args.values())
        for arguments in known.get(name, [] if needs else [""]):
            call = f"({arguments})" if arguments else ""
            yield f"{{ {name}{call} {{ {select(kind, 2)} }} }}"


def walk(site: Site, token, ids) -> list[str]:
    """All answers, one an operation, without what differs from one request to the next."""
    answers = [site.post(token, each) for each in list_operations(ids)]
    return [_REQUEST.sub("", orjson.dumps(each, option=orjson.OPT_SORT_KEYS).decode()) for each in answers]


def differences(before, after) -> list[str]:
    return [new for old, new in zip(before, after, strict=True) if old != new]


def tells(answers, *words) -> list[str]:
    return [word for word in words if any(word in each for each in answers)]


@pytest.fixture
async def issued(site: Site):
    """An order of the number and a provider that takes part; a complaint that asks for both."""
    parties, as_of = site.parties, site.as_of
    await join_referrals(site.database, parties, as_of)
    await file_verified(site.database, parties, as_of, [NUMBER], medium=Medium.OTT, remedy=Remedy.BOTH)
    [draft] = await draft_orders(site.database, parties, as_of, [NUMBER])
    async with site.database.transaction(parties.other_officer, as_of=as_of) as tx:
        [order] = await approve_block_orders(tx, [approval_of(draft)])
    return order


class TestApart:
    async def test_a_carrier_sees_the_same_whatever_a_provider_is_asked_and_answers(self, site: Site, issued):
        token, ids = site.token(site.parties.telkomsel), [issued.id, UNKNOWN]
        before = walk(site, token, ids)
        assert tells(before, issued.order_no)
        referral = await offer(site.database, site.parties, site.as_of, NUMBER)
        await respond(site.database, site.parties.provider, site.as_of, referral, kind=ResponseKind.RECEIVED)
        await respond(site.database, site.parties.provider, site.as_of, referral, reference="WA-SECRET")
        assert differences(before, walk(site, token, ids)) == []
        named = walk(site, token, [referral.id, UNKNOWN])
        assert tells(named, referral.referral_no, "WA-SECRET", "ACTIONED", "A Messenger") == []

    async def test_a_provider_sees_the_same_whatever_a_carrier_is_ordered_and_does(self, site: Site, issued):
        referral = await offer(site.database, site.parties, site.as_of, NUMBER)
        token, ids = site.token(site.parties.provider), [referral.id, UNKNOWN]
        before = walk(site, token, ids)
        assert tells(before, referral.referral_no)
        await acknowledge(site.database, site.parties.telkomsel, site.as_of, issued, reference="TT-SECRET")
        assert differences(before, walk(site, token, ids)) == []
        named = walk(site, token, [issued.id, UNKNOWN])
        assert tells(named, issued.order_no, "TT-SECRET", "EXECUTED", "Telkomsel") == []

    async def test_an_agency_sees_the_outcomes_of_its_complaints_alone(self, site: Site, issued):
        referral = await offer(site.database, site.parties, site.as_of, NUMBER)
        await respond(site.database, site.parties.provider, site.as_of, referral, reference="WA-SECRET")
        await acknowledge(site.database, site.parties.telkomsel, site.as_of, issued, reference="TT-SECRET")
        seen = walk(site, site.token(site.parties.agency), [referral.id, issued.id])
        told = (referral.referral_no, referral.id, issued.order_no, issued.id, "WA-SECRET", "TT-SECRET", "A Messenger")
        assert tells(seen, *told) == []
        query = "{ complaints { nodes { outcome orderOutcome referralOutcome } } }"
        assert site.post(site.token(site.parties.agency), query)["data"]["complaints"]["nodes"] == [
            {"outcome": "BLOCKED", "orderOutcome": "BLOCKED", "referralOutcome": "ACCOUNT_ACTIONED"}
        ]

    async def test_the_others_instrument_is_an_error_like_what_does_not_exist(self, site: Site, issued):
        referral = await offer(site.database, site.parties, site.as_of, NUMBER)
        acknowledging = """mutation($id: ID!) { acknowledgeBlockOrders(input: { acknowledgements: [
          { orderId: $id, kind: EXECUTED, reference: "x" }] }) { results { problem { code message hint } } } }"""
        responding = """mutation($id: ID!) { respondToReferrals(input: { responses: [
          { referralId: $id, kind: NO_ACCOUNT, reference: "x" }] }) { results { problem { code message hint } } } }"""
        carrier, provider = site.token(site.parties.telkomsel), site.token(site.parties.provider)
        assert site.post(carrier, acknowledging, id=referral.id) == site.post(carrier, acknowledging, id=UNKNOWN)
        assert site.post(provider, responding, id=issued.id) == site.post(provider, responding, id=UNKNOWN)
        for token, mutation in ((carrier, responding), (provider, acknowledging)):
            refused = site.post(token, mutation, id=UNKNOWN)
            assert [each["extensions"]["code"] for each in refused["errors"]] == ["UNAUTHORIZED_FIELD_OR_TYPE"]

    async def test_no_event_of_the_one_is_for_the_other(self, site: Site, issued, owner_connection):
        referral = await offer(site.database, site.parties, site.as_of, NUMBER)
        await respond(site.database, site.parties.provider, site.as_of, referral)
        await acknowledge(site.database, site.parties.telkomsel, site.as_of, issued)
        rows = await owner_connection.fetch("SELECT subject, audience, payload::text FROM events")
        for subject, member in (("REFERRAL", site.parties.telkomsel), ("BLOCK_ORDER", site.parties.provider)):
            found = [row for row in rows if row["subject"] == subject]
            assert found
            assert not [row for row in found if str(member.member_id) in map(str, row["audience"])]
        assert not [row for row in rows if row["subject"] == "REFERRAL" and NUMBER in row["payload"]]
