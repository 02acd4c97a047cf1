"""Members, their brands, offices and officers, and the caller itself."""

from datetime import datetime
from typing import Annotated

import strawberry
import strawberry.federation as fed
from strawberry import UNSET

from auth.scopes import render_scope
from auth.tokens.principal import Principal
from ledger.accounts.reading import load_platforms_by_member
from ledger.accounts.table import MemberPlatform as MemberPlatformRecord
from ledger.errors import UnknownError
from ledger.identifiers import ClientId, parse_id
from ledger.members import table
from ledger.members.reading import (
    MEMBERS,
    list_members,
    list_officers,
    load_brands_by_member,
    load_members,
    load_offices,
)
from ledger.numbers.lookups import find_lookups
from ledger.viewer import MemberKind
from ledger.vocabulary import Platform
from resolvers.context import Context
from resolvers.warnings import StandingWarning, list_warnings
from schema.authority import MEMBER_STAFF, MEMBERS_MANAGE, MEMBERS_READ
from schema.fields import field
from schema.info import Info
from schema.models import Shown, copy_model, optional
from schema.pages import PAGED, QUERIED, After, Connection, First, few, page_request
from schema.reads import Listed, Named, many, one, part
from schema.texts import CHECKED


@fed.type(description="A name under which a member serves the public.")
class Brand(Shown[table.Brand]):
    id: strawberry.ID = strawberry.field(description="Its ID.")
    slug: str = strawberry.field(description="Short name, unique within the member.")
    name: str = strawberry.field(description="Name as the public knows it.")


@fed.type(description="A platform that a messaging firm runs.")
class MemberPlatform(Shown[MemberPlatformRecord]):
    id: strawberry.ID = strawberry.field(description="Its ID.")
    platform: Platform = strawberry.field(description="The platform.")
    other_name: str | None = strawberry.field(
        name="name", description="The name or the domain of a platform that is OTHER."
    )
    began_at: datetime = strawberry.field(description="Since when it is recorded as the firm's.")


@fed.type(
    description="A desk of a member. Drafts belong to it, so that an officer's absence holds nothing up.",
    requires_scopes=MEMBER_STAFF,
)
class Office(Shown[table.Office]):
    id: strawberry.ID = strawberry.field(description="Its ID.")
    slug: str = strawberry.field(description="Short name, unique within the member.")
    name: str = strawberry.field(description="Name of the office.")


@fed.type(description="A person who decides for the regulator.", requires_scopes=MEMBER_STAFF)
class Officer(Shown[table.Officer]):
    id: strawberry.ID = strawberry.field(description="Its ID; all logins of one person lead to the same officer.")
    display_name: str = strawberry.field(description="Name as colleagues read it.")
    created_at: datetime = strawberry.field(description="When the officer was added.")
    disabled_at: datetime | None = strawberry.field(
        description="When the officer was disabled; an officer can do nothing from then on."
    )
    scopes: list[str] | None = fed.field(
        description="What the officer may do.", requires_scopes=MEMBERS_MANAGE, directives=[few(13)]
    )

    office: Office | None = one("The office that the officer's drafts belong to.", Office, load_offices, by="office_id")


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
class Member(Shown[table.Member]):
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

    contact: Contact | None = part(
        "Whom to reach, day and night.",
        Contact,
        given=["contact_name", "contact_email", "contact_phone"],
        name="contact_name",
        email="contact_email",
        phone="contact_phone",
    )

    brands: list[Brand] = many(
        "Its brands, as far as you may see them.", Brand, load_brands_by_member, directives=[few(5)]
    )

    platforms: list[MemberPlatform] = many(
        "The platforms that it runs, as far as you may see them.",
        MemberPlatform,
        load_platforms_by_member,
        directives=[few(3)],
    )

    @field("Its officers, oldest first.", directives=[PAGED, QUERIED])
    async def officers(self, info: Info, first: First = UNSET, after: After = UNSET) -> OfficerConnection | None:
        """Runs one statement per member; meant to be read for one member at a time."""
        page = await info.context.read(list_officers, page_request(first, after), member_id=self.row.id)
        return OfficerConnection.of(page, Officer.of, after=after)

    @classmethod
    async def resolve_reference(cls, info: Info, id: strawberry.ID) -> "Member":  # noqa: A002 - the key's name
        return await get_member(info.context, id)


@fed.type(description="One page of members.", requires_scopes=MEMBERS_READ)
class MemberConnection(Connection[Member]):
    pass


@fed.type(
    description="How many numbers your client may look up by their value in a day. Each number or hash that a query "
    "names counts, found or not, except those of your own ranges."
)
class Lookups:
    limit: int = strawberry.field(description="How many in a day.")
    used: int = strawberry.field(description="How many it has looked up today, this operation's included.")
    resets_at: datetime = strawberry.field(description="When the next day begins, in Jakarta.")


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

    @field("The numbers that your client may look up today; null for the regulator, whose look-ups don't count.")
    async def lookups(self, info: Info) -> Lookups | None:
        today = await info.context.read(find_lookups, ClientId(self.client_id))
        return copy_model(Lookups, today) if today else None

    @field("What stands in the way of the regulator's work; for its officers only.", directives=[QUERIED, few(1)])
    async def warnings(self, info: Info) -> list[StandingWarning] | None:
        return await list_warnings(info.context)

    @classmethod
    def of(cls, principal: Principal) -> "Viewer":
        return copy_model(cls, principal, scopes=render_scope(principal.scopes).split())


async def find_member(context: Context, member_id: str | None) -> Member | None:
    """The member with that id, or None if the viewer may not see it; look-ups of an operation are batched."""
    member = await context.loaders.members.load(member_id) if member_id else None
    return Member.of(member) if member else None


async def get_member(context: Context, member_id: str) -> Member:
    """The member with that id; look-ups of an operation are batched. Errors: UnknownError."""
    member = await find_member(context, parse_id(member_id))
    if member is None:
        raise UnknownError(field="id")
    return member


async def find_officer(context: Context, officer_id: str | None) -> Officer | None:
    """The officer with that id, or None if the viewer may not see it; look-ups of an operation are batched."""
    officer = await context.loaders.officers.load(officer_id) if officer_id else None
    return Officer.of(officer) if officer else None


@fed.type
class MemberQueries:
    @field("Who you are. It requires a token but no scope.", authenticated=True)
    def viewer(self, info: Info) -> Viewer | None:
        principal = info.context.principal
        return Viewer.of(principal) if principal else None

    @field("One member that you may see.", needs=MEMBERS_READ, extensions=[CHECKED], reads=Named(load_members))
    async def member(
        self,
        info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="Its ID.")],  # noqa: A002 - the graph's name
    ) -> Member | None:
        """Errors: NOT_FOUND."""
        return await get_member(info.context, id)

    @field(
        "Members that you may see, in the order of their short names.",
        needs=MEMBERS_READ,
        directives=[PAGED],
        extensions=[CHECKED],
        reads=Listed(MEMBERS),
    )
    async def members(
        self,
        info: Info,
        kind: Annotated[MemberKind | None, strawberry.argument(description="Only those of this kind.")] = UNSET,
        first: First = UNSET,
        after: After = UNSET,
    ) -> MemberConnection | None:
        page = await info.context.read(list_members, page_request(first, after), kind=optional(kind))
        return MemberConnection.of(page, Member.of, after=after)
