"""Admitting members, adding brands and offices, and looking after officers: of all members, or of one's own."""

from datetime import datetime
from typing import Annotated

import strawberry
import strawberry.federation as fed
from strawberry import UNSET

from auth.login import invitations
from ledger.members.admission import (
    MemberDraft,
    OfficerDraft,
    add_brand,
    add_office,
    admit_member,
)
from ledger.viewer import MemberKind
from resolvers.warnings import StandingWarning, log_warnings
from schema.authority import MEMBERS_MANAGE, OFFICER_KEEPERS
from schema.fields import field
from schema.info import Info
from schema.members.officers import MemberOfficer
from schema.members.types import Brand, Member, Office, Officer
from schema.models import given, optional
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


@fed.input(description="A person to be invited as an officer of a member other than the regulator.")
class InviteOfficerInput:
    office_id: strawberry.ID | None = strawberry.field(
        description="The office; your own by default. The regulator has to name one.", default=UNSET
    )
    display_name: str = strawberry.field(description="Name as colleagues read it.")
    scopes: list[str] = strawberry.field(description="What the officer may do, of what the member's kind may.")


@fed.input(description="An invited officer who needs another link.")
class InviteOfficerAgainInput:
    officer_id: strawberry.ID = strawberry.field(description="The officer, who has no login yet.")


@fed.input(description="What an officer may do from now on.")
class ChangeOfficerScopesInput:
    officer_id: strawberry.ID = strawberry.field(description="The officer.")
    scopes: list[str] = strawberry.field(description="All of the officer's scopes, of what the member's kind may.")


_LINK = (
    "The link for one use, with which the officer chooses a login. It is shown this once: pass it on in a way that "
    "reaches nobody else."
)


@fed.type(description="The result of inviteOfficer.")
class InviteOfficerPayload:
    officer: MemberOfficer | None = strawberry.field(description="The officer.")
    url: str = strawberry.field(description=_LINK)
    expires_at: datetime = strawberry.field(description="When the link expires.")

    @classmethod
    def of(cls, made: invitations.Invitation) -> "InviteOfficerPayload":
        return cls(officer=MemberOfficer.of(made.officer), url=made.url, expires_at=made.expires_at)


@fed.type(description="The result of inviteOfficerAgain.")
class InviteOfficerAgainPayload:
    officer: MemberOfficer | None = strawberry.field(description="The officer.")
    url: str = strawberry.field(description=_LINK)
    expires_at: datetime = strawberry.field(description="When the link expires.")

    @classmethod
    def of(cls, made: invitations.Invitation) -> "InviteOfficerAgainPayload":
        return cls(officer=MemberOfficer.of(made.officer), url=made.url, expires_at=made.expires_at)


@fed.type(description="The result of changeOfficerScopes.")
class ChangeOfficerScopesPayload:
    officer: MemberOfficer | None = strawberry.field(description="The officer.")
    warnings: list[StandingWarning] | None = strawberry.field(
        description="What stands in the way of the regulator's work since then.", directives=[few(1)]
    )


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
    officer: Officer | None = strawberry.field(description="The disabled officer, for the regulator's staff.")
    member_officer: MemberOfficer | None = strawberry.field(description="The disabled officer.")
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
        officer = await info.context.write(invitations.admit_officer, draft)
        return AddOfficerPayload(officer=Officer.of(officer))

    @field(
        "Disable an officer of any member, or of your own; what the officer drafted stays with the office.",
        needs=OFFICER_KEEPERS,
        extensions=[CHECKED],
    )
    async def disable_officer(
        self,
        info: Info,
        input: Annotated[DisableOfficerInput, strawberry.argument(description="Which one.")],  # noqa: A002
    ) -> DisableOfficerPayload | None:
        settings = info.context.auth_settings
        officer = await info.context.write(invitations.shut_out_officer, input.officer_id, settings=settings)
        warnings = await log_warnings(info.context)
        return DisableOfficerPayload(
            officer=Officer.of(officer), member_officer=MemberOfficer.of(officer), warnings=warnings
        )

    @field(
        "Add an officer with a link for one use to choose a login: an administrator for its own member, the regulator "
        "for any other.",
        needs=OFFICER_KEEPERS,
        extensions=[CHECKED],
    )
    async def invite_officer(
        self,
        info: Info,
        input: Annotated[InviteOfficerInput, strawberry.argument(description="Whom.")],  # noqa: A002
    ) -> InviteOfficerPayload | None:
        office_id = optional(input.office_id) or info.context.viewer.office_id or ""
        draft = OfficerDraft(office_id=office_id, display_name=input.display_name, scopes=tuple(input.scopes))
        settings = info.context.auth_settings
        return InviteOfficerPayload.of(await info.context.write(invitations.invite_officer, draft, settings=settings))

    @field(
        "Make another link for an officer who has no login yet; the former link ends.",
        needs=OFFICER_KEEPERS,
        extensions=[CHECKED],
    )
    async def invite_officer_again(
        self,
        info: Info,
        input: Annotated[InviteOfficerAgainInput, strawberry.argument(description="Whom.")],  # noqa: A002
    ) -> InviteOfficerAgainPayload | None:
        settings = info.context.auth_settings
        made = await info.context.write(invitations.invite_officer_again, input.officer_id, settings=settings)
        return InviteOfficerAgainPayload.of(made)

    @field(
        "Replace what an officer may do. What applications were granted ends at once.",
        needs=OFFICER_KEEPERS,
        extensions=[CHECKED],
    )
    async def change_officer_scopes(
        self,
        info: Info,
        input: Annotated[ChangeOfficerScopesInput, strawberry.argument(description="The officer and the scopes.")],  # noqa: A002
    ) -> ChangeOfficerScopesPayload | None:
        settings = info.context.auth_settings
        officer = await info.context.write(
            invitations.change_officer_scopes, input.officer_id, input.scopes, settings=settings
        )
        return ChangeOfficerScopesPayload(officer=MemberOfficer.of(officer), warnings=await log_warnings(info.context))
