"""Members, their brands, and the regulator's offices and officers; and who the caller is."""

from datetime import datetime
from typing import Annotated

import strawberry
import strawberry.federation as fed
from strawberry import UNSET, Private

from auth.scopes import render_scope
from ledger.identifiers import BrandId, OfficeId
from ledger.members import admission as members
from ledger.viewer import MemberKind
from resolvers import members as resolve
from resolvers.context import Context
from schema.authority import MEMBER_STAFF, MEMBERS_MANAGE, MEMBERS_READ
from schema.fields import field
from schema.info import Info
from schema.models import copy_model, optional
from schema.pages import PAGED, QUERIED, After, Connection, First, few, page_request
from schema.texts import CHECKED


@fed.type(description="A name under which a member serves the public.")
class Brand:
    id: strawberry.ID = strawberry.field(description="Its ID.")
    slug: str = strawberry.field(description="Short name, unique within the member.")
    name: str = strawberry.field(description="Name as the public knows it.")

    @classmethod
    def of(cls, brand: members.Brand) -> "Brand":
        return copy_model(cls, brand)


@fed.type(
    description="A desk of a member. Drafts belong to it, so that an officer's absence holds nothing up.",
    requires_scopes=MEMBER_STAFF,
)
class Office:
    id: strawberry.ID = strawberry.field(description="Its ID.")
    slug: str = strawberry.field(description="Short name, unique within the member.")
    name: str = strawberry.field(description="Name of the office.")

    @classmethod
    def of(cls, office: members.Office) -> "Office":
        return copy_model(cls, office)


@fed.type(description="A person who decides for the regulator.", requires_scopes=MEMBER_STAFF)
class Officer:
    id: strawberry.ID = strawberry.field(description="Its ID; all logins of one person lead to the same officer.")
    display_name: str = strawberry.field(description="Name as colleagues read it.")
    created_at: datetime = strawberry.field(description="When the officer was added.")
    disabled_at: datetime | None = strawberry.field(
        description="When the officer was disabled; an officer can do nothing from then on."
    )
    scopes: list[str] | None = fed.field(
        description="What the officer may do.", requires_scopes=MEMBERS_MANAGE, directives=[few(13)]
    )
    office_id: Private[OfficeId]

    @field("The office that the officer's drafts belong to.")
    async def office(self, info: Info) -> Office | None:
        return await find_office(info.context, self.office_id)

    @classmethod
    def of(cls, officer: members.Officer) -> "Officer":
        return copy_model(cls, officer)


@fed.type(description="One page of officers.", requires_scopes=MEMBER_STAFF)
class OfficerConnection(Connection[Officer]):
    pass


@fed.type(description="Whom to reach, day and night.", requires_scopes=MEMBER_STAFF)
class Contact:
    name: str | None = strawberry.field(description="The person or desk to contact.")
    email: str | None = strawberry.field(description="E-mail address.")
    phone: str | None = strawberry.field(description="Telephone number as provided.")


@fed.type(
    description="A party to the shared view: the regulator, an agency, a carrier or a messaging firm.",
    keys=["id"],
    requires_scopes=MEMBERS_READ,
)
class Member:
    id: strawberry.ID = strawberry.field(description="Its ID.")
    slug: str = strawberry.field(description="Short name, unique among members.")
    kind: MemberKind = strawberry.field(description="What kind of member it is.")
    legal_name: str = strawberry.field(description="Name as registered.")
    internet_access: bool = strawberry.field(
        name="hasInternetAccess", description="Whether it provides internet access and can block a service."
    )
    admitted_at: datetime = strawberry.field(description="When it was admitted.")
    suspended_at: datetime | None = strawberry.field(
        description="When it was suspended; it can do nothing from then on."
    )
    contact_name: Private[str | None]
    contact_email: Private[str | None]
    contact_phone: Private[str | None]

    @field("Whom to reach, day and night.", needs=MEMBER_STAFF)
    def contact(self) -> Contact | None:
        if self.contact_name is None and self.contact_email is None and self.contact_phone is None:
            return None
        return Contact(name=self.contact_name, email=self.contact_email, phone=self.contact_phone)

    @field("Its brands, as far as you may see them.", directives=[few(5)])
    async def brands(self, info: Info) -> list[Brand]:
        return [Brand.of(brand) for brand in await info.context.loaders.brands_by_member.load(self.id) or []]

    @field("Its officers, oldest first.", needs=MEMBER_STAFF, directives=[PAGED, QUERIED])
    async def officers(self, info: Info, first: First = UNSET, after: After = UNSET) -> OfficerConnection | None:
        """One statement a member; for one member at a time."""
        page = await resolve.list_officers(info.context, page_request(first, after), member_id=self.id)
        return OfficerConnection.of(page, Officer.of, after=after)

    @classmethod
    def of(cls, member: members.Member) -> "Member":
        return copy_model(cls, member)

    @classmethod
    async def resolve_reference(cls, info: Info, id: strawberry.ID) -> "Member":  # noqa: A002 - the key's name
        return cls.of(await resolve.get_member(info.context, id))


@fed.type(description="One page of members.", requires_scopes=MEMBERS_READ)
class MemberConnection(Connection[Member]):
    pass


@fed.type(description="Who you are, according to your access token.")
class Viewer:
    member_id: strawberry.ID = strawberry.field(description="The member you act for.")
    member_kind: MemberKind = strawberry.field(description="What kind of member that is.")
    client_id: strawberry.ID = strawberry.field(description="The client that the token was issued to.")
    officer_id: strawberry.ID | None = strawberry.field(description="The officer who logged in, if one did.")
    office_id: strawberry.ID | None = strawberry.field(description="The officer's office.")
    brand_id: strawberry.ID | None = strawberry.field(description="The brand that the client is restricted to.")
    scopes: list[str] = strawberry.field(description="The scopes of the token.", directives=[few(13)])
    expires_at: datetime = strawberry.field(description="When the token expires.")

    @field("The member you act for.")
    async def member(self, info: Info) -> Member | None:
        return await find_member(info.context, self.member_id)

    @classmethod
    def of(cls, context: Context) -> "Viewer | None":
        principal = context.principal
        if principal is None:
            return None
        scopes = render_scope(principal.scopes).split()
        return copy_model(cls, principal, scopes=scopes)


async def find_member(context: Context, member_id: str | None) -> Member | None:
    """The member of that id, if the viewer may see it; batched over the operation."""
    member = await context.loaders.members.load(member_id) if member_id else None
    return Member.of(member) if member else None


async def find_brand(context: Context, brand_id: BrandId | None) -> Brand | None:
    """The brand of that id, if the viewer may see it; batched over the operation."""
    brand = await context.loaders.brands.load(brand_id) if brand_id else None
    return Brand.of(brand) if brand else None


async def find_office(context: Context, office_id: OfficeId | None) -> Office | None:
    """The office of that id, if the viewer may see it; batched over the operation."""
    office = await context.loaders.offices.load(office_id) if office_id else None
    return Office.of(office) if office else None


async def find_officer(context: Context, officer_id: str | None) -> Officer | None:
    """The officer of that id, if the viewer may see it; batched over the operation."""
    officer = await context.loaders.officers.load(officer_id) if officer_id else None
    return Officer.of(officer) if officer else None


@fed.type
class MemberQueries:
    @field("Who you are. It requires a token but no scope.", authenticated=True)
    def viewer(self, info: Info) -> Viewer | None:
        return Viewer.of(info.context)

    @field("One member that you may see.", needs=MEMBERS_READ, extensions=[CHECKED])
    async def member(
        self,
        info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="Its ID.")],  # noqa: A002 - the graph's name
    ) -> Member | None:
        """Errors: NOT_FOUND."""
        return Member.of(await resolve.get_member(info.context, id))

    @field(
        "Members that you may see, in the order of their short names.",
        needs=MEMBERS_READ,
        directives=[PAGED],
        extensions=[CHECKED],
    )
    async def members(
        self,
        info: Info,
        kind: Annotated[MemberKind | None, strawberry.argument(description="Only those of this kind.")] = UNSET,
        first: First = UNSET,
        after: After = UNSET,
    ) -> MemberConnection | None:
        page = await resolve.list_members(info.context, page_request(first, after), kind=optional(kind))
        return MemberConnection.of(page, Member.of, after=after)
