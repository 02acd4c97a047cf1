"""How fields about members get their values."""

from ledger.errors import UnknownError
from ledger.identifiers import MemberId, OfficeId, OfficerId, parse_id
from ledger.members import admission as members
from ledger.members.admission import Brand, Member, MemberDraft, Office, Officer, OfficerDraft
from ledger.pages import Page, PageRequest
from ledger.viewer import MemberKind
from resolvers.context import Context


async def get_member(context: Context, member_id: str) -> Member:
    """One member, batched with others of the operation. Errors: UnknownError."""
    known = parse_id(member_id)
    member = await context.loaders.members.load(known) if known else None
    if member is None:
        raise UnknownError(field="id")
    return member


async def list_members(context: Context, page: PageRequest, *, kind: MemberKind | None) -> Page[Member]:
    """A page of the members that the viewer may see."""
    return await context.read(lambda tx: members.list_members(tx, page, kind=kind))


async def list_officers(context: Context, page: PageRequest, *, member_id: str) -> Page[Officer]:
    """A page of a member's officers."""
    return await context.read(lambda tx: members.list_officers(tx, page, member_id=member_id))


async def admit_member(context: Context, draft: MemberDraft) -> Member:
    """Admit a member."""
    return await context.write(lambda tx: members.admit_member(tx, draft))


async def add_brand(context: Context, member_id: str, *, slug: str, name: str) -> Brand:
    """Add a brand to a member."""
    known = MemberId(_known(member_id, field="memberId"))
    return await context.write(lambda tx: members.add_brand(tx, known, slug=slug, name=name))


async def add_office(context: Context, member_id: str, *, slug: str, name: str) -> Office:
    """Add an office to a member."""
    known = MemberId(_known(member_id, field="memberId"))
    return await context.write(lambda tx: members.add_office(tx, known, slug=slug, name=name))


async def add_officer(context: Context, office_id: str, *, display_name: str, scopes: tuple[str, ...]) -> Officer:
    """Add an officer to an office."""
    office = OfficeId(_known(office_id, field="officeId"))
    draft = OfficerDraft(office_id=office, display_name=display_name, scopes=scopes)
    return await context.write(lambda tx: members.add_officer(tx, draft))


async def disable_officer(context: Context, officer_id: str) -> Officer:
    """Disable an officer."""
    known = OfficerId(_known(officer_id, field="officerId"))
    return await context.write(lambda tx: members.disable_officer(tx, known))


def _known(text: str, *, field: str) -> str:
    """The id in its canonical form. Errors: UnknownError for what can't be one."""
    known = parse_id(text)
    if known is None:
        raise UnknownError(field=field)
    return known
