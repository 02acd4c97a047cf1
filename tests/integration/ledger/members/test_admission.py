"""Members are admitted by the regulator or the operator, and each sees itself and the regulator."""

import pytest
from sqlalchemy import text

from ledger.errors import ForbiddenError, UnknownError
from ledger.identifiers import new_id
from ledger.members.admission import MemberDraft, OfficerDraft, add_brand, add_officer, admit_member, disable_officer
from ledger.members.reading import (
    find_member_by_slug,
    get_member,
    list_members,
    list_officers,
    list_offices,
    load_brands,
    load_brands_by_member,
    load_members,
    load_officers,
    load_offices,
)
from ledger.pages import PageRequest
from ledger.viewer import OPERATOR, MemberKind


class TestAdmitMember:
    @pytest.mark.parametrize(
        ("changes", "code"),
        [
            ({"slug": "Bad Slug"}, "SLUG_INVALID"),
            ({"slug": ""}, "SLUG_INVALID"),
            ({"slug": "telkomsel"}, "SLUG_TAKEN"),
            ({"legal_name": " "}, "INVALID_INPUT"),
            ({"legal_name": "x" * 201}, "TEXT_TOO_LONG"),
            ({"contact_name": "a\x00b"}, "TEXT_INVALID"),
            ({"subgraph_url": "ftp://x"}, "URL_INVALID"),
        ],
    )
    async def test_refuses(self, database, parties, as_of, changes, code):
        draft = MemberDraft(**{"slug": "new", "kind": MemberKind.CARRIER, "legal_name": "New", **changes})
        async with database.transaction(OPERATOR, as_of=as_of) as tx:
            with pytest.raises(Exception, match=r".") as caught:
                await admit_member(tx, draft)
        assert caught.value.code == code

    async def test_is_for_the_regulator_and_the_operator(self, database, parties, as_of):
        draft = MemberDraft(slug="new", kind=MemberKind.AGENCY, legal_name="New")
        for viewer in (parties.agency, parties.telkomsel, parties.provider):
            async with database.transaction(viewer, as_of=as_of) as tx:
                with pytest.raises(ForbiddenError):
                    await admit_member(tx, draft)
        async with database.transaction(parties.regulator, as_of=as_of) as tx:
            member = await admit_member(tx, draft)
            row = (await tx.execute(text("SELECT kind, subject_id FROM events ORDER BY id DESC LIMIT 1"))).one()
        assert (member.admitted_at, row) == (as_of, ("MEMBER_ADMITTED", member.id))


class TestSeeingMembers:
    async def test_shows_all_to_the_regulator_in_pages(self, database, parties, as_of):
        async with database.transaction(parties.regulator, as_of=as_of) as tx:
            first = await list_members(tx, PageRequest(first=4))
            rest = await list_members(tx, PageRequest(first=4, after=first.cursors[-1]))
            carriers = await list_members(tx, PageRequest(), kind=MemberKind.CARRIER)
        slugs = [member.slug for member in (*first.items, *rest.items)]
        assert slugs == ["agency", "indosat", "other-agency", "provider", "regulator", "telkomsel", "xlsmart"]
        assert [member.slug for member in carriers.items] == ["indosat", "telkomsel", "xlsmart"]
        assert first.items[0].contact_email == "duty@agency.example"

    async def test_shows_another_itself_and_the_regulator_without_contacts(self, database, parties, as_of):
        for name in ("agency", "telkomsel", "provider"):
            viewer = parties.everyone[name]
            async with database.transaction(viewer, as_of=as_of) as tx:
                seen = (await list_members(tx, PageRequest())).items
                assert {member.slug for member in seen} == {name, "regulator"}
                assert {member.contact_email for member in seen} == {None}
                assert await find_member_by_slug(tx, "xlsmart") is None
                with pytest.raises(UnknownError):
                    await get_member(tx, parties.xlsmart.member_id)
                assert await load_members(tx, [parties.xlsmart.member_id, new_id(), "no id"]) == {}

    async def test_shows_brands_to_their_owner(self, database, parties, as_of):
        member_ids = [parties.xlsmart.member_id, parties.indosat.member_id]
        seen = {}
        for name in ("regulator", "xlsmart", "agency"):
            async with database.transaction(parties.everyone[name], as_of=as_of) as tx:
                by_member = await load_brands_by_member(tx, member_ids)
                seen[name] = [[brand.slug for brand in by_member[member_id]] for member_id in member_ids]
                assert set(await load_brands(tx, [parties.brands["tri"]])) == (
                    {parties.brands["tri"]} if name == "regulator" else set()
                )
        assert seen == {
            "regulator": [["axis", "smartfren", "xl"], ["tri"]],
            "xlsmart": [["axis", "smartfren", "xl"], []],
            "agency": [[], []],
        }

    async def test_refuses_a_brand_of_nobody_and_one_that_is_there(self, database, parties, as_of):
        async with database.transaction(OPERATOR, as_of=as_of) as tx:
            with pytest.raises(UnknownError):
                await add_brand(tx, new_id(), slug="a", name="A")
        async with database.transaction(OPERATOR, as_of=as_of) as tx:
            with pytest.raises(Exception, match="taken"):
                await add_brand(tx, parties.xlsmart.member_id, slug="xl", name="XL")


class TestOfficers:
    async def test_are_listed_and_disabled_once(self, database, parties, as_of):
        later = as_of.replace(year=2027)
        async with database.transaction(OPERATOR, as_of=as_of) as tx:
            disabled = await disable_officer(tx, parties.officer.officer_id)
        async with database.transaction(OPERATOR, as_of=later) as tx:
            again = await disable_officer(tx, parties.officer.officer_id)
            page = await list_officers(tx, PageRequest(first=1))
            rest = await list_officers(tx, PageRequest(first=1, after=page.cursors[-1]))
            with pytest.raises(UnknownError):
                await disable_officer(tx, new_id())
        assert disabled == again
        assert disabled.disabled_at == as_of
        assert [officer.display_name for officer in (*page.items, *rest.items)] == ["Sari", "Budi"]

    async def test_keep_their_scopes(self, database, parties, as_of):
        async with database.transaction(parties.regulator, as_of=as_of) as tx:
            (office,) = await list_offices(tx, parties.regulator.member_id)
            draft = OfficerDraft(office_id=office.id, display_name="Tuti", scopes=("orders:read", "orders:approve"))
            officer = await add_officer(tx, draft)
            assert (await load_officers(tx, [officer.id]))[officer.id] == officer
            with pytest.raises(UnknownError):
                await add_officer(tx, OfficerDraft(office_id=new_id(), display_name="X"))
            with pytest.raises(Exception, match="scopes"):
                await add_officer(tx, OfficerDraft(office_id=office.id, display_name="X", scopes=("a b",)))
        assert officer.scopes == ("orders:approve", "orders:read")

    async def test_are_nobody_elses_to_see(self, database, parties, as_of):
        async with database.transaction(parties.agency, as_of=as_of) as tx:
            assert await load_officers(tx, [parties.officer.officer_id]) == {}
            assert await load_offices(tx, [parties.officer.office_id]) == {}
            with pytest.raises(ForbiddenError):
                await list_officers(tx, PageRequest())
