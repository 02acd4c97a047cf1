"""Officers of members other than the regulator, at the graph: even a token with every scope makes none of them one.

The desk asks past the check of scopes, as a forged or mistaken token would: what refuses here is the ledger.
"""

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    get_named_type,
    is_required_input_field,
)

from auth.scopes import BY_KIND
from ledger.identifiers import new_id
from ledger.viewer import MemberKind
from schema.graph import schema
from tests.support.declared_scopes import read_alternatives
from tests.support.desk import Desk
from tests.support.graph_operations import print_literal
from tests.support.graph_values import EnumName
from tests.support.journeys import TELKOMSEL_NUMBER
from tests.support.signing_journeys import appoint

TEXTS = {"E164": TELKOMSEL_NUMBER, "DateTime": "2026-03-02T03:00:00Z", "Boolean": True, "Int": 1, "Base64": "eA=="}
NAMED = {
    "slug": "new-slug", "scopes": ["numbers:read"], "language": "id", "url": "https://a.example",
    "verifierKey": "w+1+a", "csv": "prefix,holder\n",
}  # fmt: skip
graph = schema._schema
NEEDS = read_alternatives(schema.as_str())
KINDS = {"provider": MemberKind.OTT_PROVIDER, "telkomsel": MemberKind.CARRIER, "agency": MemberKind.AGENCY}
FOREIGN = [
    (party, name)
    for party, kind in KINDS.items()
    for name in graph.mutation_type.fields
    # The ledger lets a member's officer add others to an office of the member's own, and to no other.
    if name != "addOfficer" and not any(needed <= BY_KIND[kind] for needed in NEEDS[f"Mutation.{name}"])
]
"""Every mutation that a member's kind can never have the scopes of."""


def value_of(name, type_):
    """Something that the type accepts, with an id of nothing where an id is wanted."""
    if isinstance(type_, GraphQLNonNull):
        return value_of(name, type_.of_type)
    if name in NAMED:
        return NAMED[name]
    if isinstance(type_, GraphQLList):
        return [value_of(name, type_.of_type)]
    if isinstance(type_, GraphQLEnumType):
        return EnumName(next(iter(type_.values)))
    if isinstance(type_, GraphQLInputObjectType):
        return {key: value_of(key, field.type) for key, field in type_.fields.items() if is_required_input_field(field)}
    kind = get_named_type(type_).name
    return new_id() if kind == "ID" else TEXTS.get(kind, "x")


def render(name):
    """A mutation with an input that is of the right form and names things that don't exist."""
    definition = graph.mutation_type.fields[name]
    (argument,) = definition.args.values()
    return f"mutation {{ {name}(input: {print_literal(value_of('input', argument.type))}) {{ __typename }} }}"


class TestMutations:
    def test_of_the_regulator_are_many(self):
        foreign = {name for party, name in FOREIGN if party == "provider"}
        assert foreign >= {
            "approveBlockOrders", "decideComplaints", "revealComplainant", "confirmReassignments", "revokeSignals",
            "countersignParticipation", "publishParticipationTerms", "admitMember", "placeLegalHold",
            "approveNumberOverrides", "approveForwarding", "draftBlockOrders", "startParticipation",
        }  # fmt: skip

    @pytest.mark.parametrize(("party", "name"), FOREIGN)
    async def test_of_another_kind_refuse_a_members_officer_whatever_the_token_says(self, desk: Desk, party, name):
        officer = await appoint(desk.database, desk.as_of, getattr(desk.parties, party))
        answer = await desk.ask(officer, render(name))
        assert answer.data is None or answer.data[name] is None
        assert answer.problems == ["FORBIDDEN"], answer.errors


INVITE = """mutation ($input: InviteOfficerInput!) {
  inviteOfficer(input: $input) { url expiresAt officer { id displayName scopes officeId } } }"""
AGAIN = "mutation ($id: ID!) { inviteOfficerAgain(input: {officerId: $id}) { url } }"
SCOPES = """mutation ($id: ID!, $scopes: [String!]!) {
  changeOfficerScopes(input: {officerId: $id, scopes: $scopes}) { officer { scopes } warnings } }"""
DISABLE = "mutation ($id: ID!) { disableOfficer(input: {officerId: $id}) { memberOfficer { disabledAt } } }"
ADD = """mutation ($office: ID!) {
  addOfficer(input: {officeId: $office, displayName: "Eve", scopes: ["orders:read"]}) { officer { id } } }"""
OFFICERS = "query ($id: ID) { memberOfficers(memberId: $id) { nodes { displayName scopes } } }"


@pytest.fixture
async def administrator(desk: Desk):
    return await appoint(desk.database, desk.as_of, desk.parties.telkomsel, "Dewi")


async def invite(desk, viewer, name="Eko", scopes=("orders:read", "orders:acknowledge"), **more):
    answer = await desk.ask(viewer, INVITE, input={"displayName": name, "scopes": list(scopes), **more})
    return answer.data["inviteOfficer"] if answer.data else None, answer.problems


class TestAdministrator:
    async def test_looks_after_the_officers_of_its_own_member(self, desk: Desk, administrator, owner_connection):
        made, _ = await invite(desk, administrator)
        assert made["url"].startswith(f"{desk.auth_settings.issuer}/oauth/invitation?token=")
        assert made["officer"]["scopes"] == ["orders:acknowledge", "orders:read"]
        assert made["officer"]["officeId"] == administrator.office_id
        officer_id = made["officer"]["id"]
        changed = await desk.ask(administrator, SCOPES, id=officer_id, scopes=["signals:read"])
        assert changed.data["changeOfficerScopes"] == {"officer": {"scopes": ["signals:read"]}, "warnings": []}
        for named in (administrator.member_id, None):
            seen = await desk.ask(administrator, OFFICERS, id=named)
            assert [each["displayName"] for each in seen.data["memberOfficers"]["nodes"]] == ["Dewi", "Eko"]
        disabled = await desk.ask(administrator, DISABLE, id=officer_id)
        assert disabled.data["disableOfficer"]["memberOfficer"]["disabledAt"]
        told = await owner_connection.fetch(
            "SELECT payload->>'change' AS change, array(SELECT unnest(audience)::text) AS audience FROM events "
            "WHERE kind = 'OFFICER_CHANGED' AND subject_id = $1 ORDER BY id",
            officer_id,
        )
        assert [row["change"] for row in told] == ["ADDED", "INVITED", "SCOPES_CHANGED", "DISABLED"]
        assert {tuple(row["audience"]) for row in told} == {(administrator.member_id,)}

    async def test_reaches_no_officer_or_office_of_another_member(self, desk: Desk, administrator):
        strangers = [desk.parties.officer, await appoint(desk.database, desk.as_of, desk.parties.indosat)]
        for stranger in strangers:
            for asked in (AGAIN, DISABLE):
                assert (await desk.ask(administrator, asked, id=stranger.officer_id)).problems == ["NOT_FOUND"]
            changed = await desk.ask(administrator, SCOPES, id=stranger.officer_id, scopes=["signals:read"])
            assert changed.problems == ["NOT_FOUND"]
            assert (await invite(desk, administrator, officeId=stranger.office_id))[1] == ["NOT_FOUND"]
            assert (await desk.ask(administrator, ADD, office=stranger.office_id)).problems == ["NOT_FOUND"]
            seen = await desk.ask(administrator, OFFICERS, id=stranger.member_id)
            assert seen.data["memberOfficers"]["nodes"] == []

    async def test_gives_no_scope_that_its_kind_can_not_have(self, desk: Desk, administrator):
        problem = "SCOPE_INVALID"
        for scope in ("orders:approve", "complaints:decide", "participations:accept", "members:manage", "all:things"):
            assert (await invite(desk, administrator, scopes=[scope]))[1] == [problem]
            made, _ = await invite(desk, administrator)
            changed = await desk.ask(administrator, SCOPES, id=made["officer"]["id"], scopes=[scope])
            assert changed.problems == [problem]

    async def test_neither_disables_nor_promotes_itself(self, desk: Desk, administrator):
        own = administrator.officer_id
        assert (await desk.ask(administrator, DISABLE, id=own)).problems == ["OWN_ACCOUNT"]
        assert (await desk.ask(administrator, SCOPES, id=own, scopes=["orders:read"])).problems == ["OWN_ACCOUNT"]

    async def test_is_an_officer_and_no_machine(self, desk: Desk):
        machine = desk.parties.telkomsel
        assert (await invite(desk, machine))[1] == ["NOT_FOUND"]
        office = (await appoint(desk.database, desk.as_of, machine)).office_id
        assert (await invite(desk, machine, officeId=office))[1] == ["OFFICER_REQUIRED"]

    async def test_is_first_invited_by_the_regulators_officer(self, desk: Desk, administrator):
        office = administrator.office_id
        made, _ = await invite(desk, desk.parties.officer, scopes=["officers:manage"], officeId=office)
        assert made["officer"]["scopes"] == ["officers:manage"]
        assert (await invite(desk, desk.parties.regulator, officeId=office))[1] == ["OFFICER_REQUIRED"]

    async def test_the_regulators_own_officers_are_not_invited(self, desk: Desk):
        own = desk.parties.officer
        assert (await invite(desk, own, scopes=["orders:read"], officeId=own.office_id))[1] == ["INVITATION_REFUSED"]

    async def test_adding_an_officer_checks_the_kind_of_the_member(self, desk: Desk, administrator):
        asked = ADD.replace("orders:read", "orders:approve")
        answer = await desk.ask(desk.parties.officer, asked, office=administrator.office_id)
        assert answer.problems == ["SCOPE_INVALID"]
