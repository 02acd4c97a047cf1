"""Admitting members, and adding brands, offices and officers."""

from typing import Annotated

import strawberry
import strawberry.federation as fed
from strawberry import UNSET

from ledger.members.admission import (
    MemberDraft,
    OfficerDraft,
    add_brand,
    add_office,
    add_officer,
    admit_member,
    disable_officer,
)
from ledger.viewer import MemberKind
from resolvers.warnings import StandingWarning, log_warnings
from schema.authority import MEMBERS_MANAGE
from schema.fields import field
from schema.info import Info
from schema.members.types import Brand, Member, Office, Officer
from schema.models import given
from schema.pages import few
from schema.texts import CHECKED


@fed.input(description="A member to be admitted.")
class AdmitMemberInput:
    slug: str = strawberry.field(description="Short name: lower-case letters, digits and hyphens.")
    kind: MemberKind = strawberry.field(description="What kind of member it is.")
    legal_name: str = strawberry.field(description="Name as registered.")
    has_internet_access: bool | None = strawberry.field(
        description="Whether it provides internet access and can block a service.", default=UNSET
    )
    contact_name: str | None = strawberry.field(description="The contact, available day and night.", default=UNSET)
    contact_email: str | None = strawberry.field(description="The contact's e-mail address.", default=UNSET)
    contact_phone: str | None = strawberry.field(description="The contact's telephone number.", default=UNSET)


@fed.input(description="A brand to be added.")
class AddBrandInput:
    member_id: strawberry.ID = strawberry.field(description="The member.")
    slug: str = strawberry.field(description="Short name, unique within the member.")
    name: str = strawberry.field(description="Name as the public knows it.")


@fed.input(description="An office to be added.")
class AddOfficeInput:
    member_id: strawberry.ID = strawberry.field(description="The member.")
    slug: str = strawberry.field(description="Short name, unique within the member.")
    name: str = strawberry.field(description="Name of the office.")


@fed.input(description="An officer to be added. Logins are created on the command line, never here.")
class AddOfficerInput:
    office_id: strawberry.ID = strawberry.field(description="The office.")
    display_name: str = strawberry.field(description="Name as colleagues read it.")
    scopes: list[str] | None = strawberry.field(description="What the officer may do.", default=UNSET)


@fed.input(description="An officer to be disabled.")
class DisableOfficerInput:
    officer_id: strawberry.ID = strawberry.field(description="The officer.")


@fed.type(description="The result of admitMember.")
class AdmitMemberPayload:
    member: Member | None = strawberry.field(description="The member.")


@fed.type(description="The result of addBrand.")
class AddBrandPayload:
    brand: Brand | None = strawberry.field(description="The brand.")


@fed.type(description="The result of addOffice.")
class AddOfficePayload:
    office: Office | None = strawberry.field(description="The office.")


@fed.type(description="The result of addOfficer.")
class AddOfficerPayload:
    officer: Officer | None = strawberry.field(description="The officer.")


@fed.type(description="The result of disableOfficer.")
class DisableOfficerPayload:
    officer: Officer | None = strawberry.field(description="The disabled officer.")
    warnings: list[StandingWarning] | None = strawberry.field(
        description="What stands in the way of the regulator's work since then.", directives=[few(1)]
    )


@fed.type
class MemberMutations:
    @field("Admit a member.", needs=MEMBERS_MANAGE, extensions=[CHECKED])
    async def admit_member(
        self,
        info: Info,
        input: Annotated[AdmitMemberInput, strawberry.argument(description="The member.")],  # noqa: A002
    ) -> AdmitMemberPayload | None:
        values = given(input, without=("has_internet_access",))
        draft = MemberDraft(**values, internet_access=bool(input.has_internet_access))
        return AdmitMemberPayload(member=Member.of(await info.context.write(admit_member, draft)))

    @field("Add a brand to a member.", needs=MEMBERS_MANAGE, extensions=[CHECKED])
    async def add_brand(
        self,
        info: Info,
        input: Annotated[AddBrandInput, strawberry.argument(description="The brand.")],  # noqa: A002
    ) -> AddBrandPayload | None:
        brand = await info.context.write(add_brand, input.member_id, slug=input.slug, name=input.name)
        return AddBrandPayload(brand=Brand.of(brand))

    @field("Add an office to a member.", needs=MEMBERS_MANAGE, extensions=[CHECKED])
    async def add_office(
        self,
        info: Info,
        input: Annotated[AddOfficeInput, strawberry.argument(description="The office.")],  # noqa: A002
    ) -> AddOfficePayload | None:
        office = await info.context.write(add_office, input.member_id, slug=input.slug, name=input.name)
        return AddOfficePayload(office=Office.of(office))

    @field("Add an officer to an office.", needs=MEMBERS_MANAGE, extensions=[CHECKED])
    async def add_officer(
        self,
        info: Info,
        input: Annotated[AddOfficerInput, strawberry.argument(description="The officer.")],  # noqa: A002
    ) -> AddOfficerPayload | None:
        draft = OfficerDraft(
            office_id=input.office_id, display_name=input.display_name, scopes=tuple(input.scopes or ())
        )
        officer = await info.context.write(add_officer, draft)
        return AddOfficerPayload(officer=Officer.of(officer))

    @field(
        "Disable an officer; what the officer drafted stays with the office.",
        needs=MEMBERS_MANAGE,
        extensions=[CHECKED],
    )
    async def disable_officer(
        self,
        info: Info,
        input: Annotated[DisableOfficerInput, strawberry.argument(description="Which one.")],  # noqa: A002
    ) -> DisableOfficerPayload | None:
        officer = await info.context.write(disable_officer, input.officer_id)
        return DisableOfficerPayload(officer=Officer.of(officer), warnings=await log_warnings(info.context))
