"""`jembatan member`, `brand` and `office`: admit members, as the operator."""

from typing import TYPE_CHECKING, Annotated

import typer

from cli.acting import Reason, ReasonNeeded, name_operator
from cli.printing import JsonFlag, note, print_json, print_record, print_result, print_table
from ledger.viewer import MemberKind

if TYPE_CHECKING:
    from ledger.accounts.table import MemberPlatform
    from ledger.identifiers import MemberId
    from ledger.operator_acts.recording import Operator
    from ledger.operator_acts.vocabulary import Act
    from ledger.storage.database import Transaction

members = typer.Typer(no_args_is_help=True, help="Admit members and list them.")
brands = typer.Typer(no_args_is_help=True, help="Add brands to members and list them.")
offices = typer.Typer(no_args_is_help=True, help="Add offices to members and list them.")

KindOption = Annotated[MemberKind | None, typer.Option("--kind", case_sensitive=False, help="Members of one kind.")]
MemberArgument = Annotated[str, typer.Argument(metavar="MEMBER", help="The member's slug.")]
SlugArgument = Annotated[str, typer.Argument(metavar="SLUG", help="Lower-case letters, digits and dashes.")]


@members.command("add", epilog='Example: jembatan member add telkomsel --kind carrier --name "PT Telkomsel"')
def add_member(
    *,
    slug: SlugArgument,
    kind: Annotated[MemberKind, typer.Option(case_sensitive=False, help="Its kind.")],
    name: Annotated[str, typer.Option(help="Its legal name.")],
    internet_access: Annotated[
        bool, typer.Option("--internet-access", help="It provides internet access and can block a service.")
    ] = False,
    contact_name: Annotated[str | None, typer.Option(help="Who can be reached, day and night.")] = None,
    contact_email: Annotated[str | None, typer.Option(help="Their e-mail address.")] = None,
    contact_phone: Annotated[str | None, typer.Option(help="Their telephone number.")] = None,
    reason: Reason = None,
    as_json: JsonFlag = False,
) -> None:
    """Admit a member to the shared view."""
    from cli.session import Session, run_session
    from ledger.members.admission import MemberDraft, admit_member
    from ledger.members.table import Member
    from ledger.operator_acts.vocabulary import Act

    operator = name_operator(reason)
    draft = MemberDraft(
        slug=slug,
        kind=kind,
        legal_name=name,
        internet_access=internet_access,
        contact_name=contact_name,
        contact_email=contact_email,
        contact_phone=contact_phone,
    )

    async def work(session: Session) -> Member:
        async with session.writing() as tx:
            admitted = await admit_member(tx, draft)
            await _record(tx, operator, Act.MEMBER_ADMITTED, admitted.id)
            return admitted

    member = run_session(work)
    if as_json:
        print_json(member)
        return
    print_record({"id": member.id, "slug": member.slug, "kind": member.kind.value, "legal name": member.legal_name})
    if kind is MemberKind.CARRIER:
        note("Load the numbering plan again, so that this carrier's ranges are assigned to it.")


@members.command("list", epilog="Example: jembatan member list --kind carrier --json")
def list_all_members(*, kind: KindOption = None, as_json: JsonFlag = False) -> None:
    """List the members."""
    from cli.lookups import read_pages
    from cli.session import Session, run_session
    from ledger.members.reading import list_members
    from ledger.members.table import Member

    async def work(session: Session) -> list[Member]:
        async with session.reading() as tx:
            return await read_pages(lambda page: list_members(tx, page, kind=kind))

    found = run_session(work)
    if as_json:
        print_json(found)
        return
    rows = [(item.slug, item.kind.value, item.legal_name, item.admitted_at, item.suspended_at) for item in found]
    print_table("", ("slug", "kind", "legal name", "admitted", "suspended"), rows)


@members.command("platforms", epilog="Example: jembatan member platforms another-messenger")
def list_member_platforms(*, member: MemberArgument, as_json: JsonFlag = False) -> None:
    """List the platforms that a messaging firm runs."""
    from cli.lookups import get_member
    from cli.session import Session, run_session
    from ledger.accounts.reading import load_platforms_by_member

    async def work(session: Session) -> "list[MemberPlatform]":
        async with session.reading() as tx:
            member_id = (await get_member(tx, member)).id
            return (await load_platforms_by_member(tx, [member_id]))[member_id]

    _print_platforms(run_session(work), as_json=as_json)


@members.command(
    "run", epilog='Example: jembatan member run another-messenger whatsapp "Bigo Live" --reason "Its letter"'
)
def set_platforms(
    *,
    member: MemberArgument,
    platforms: Annotated[
        list[str] | None,
        typer.Argument(metavar="[PLATFORM]...", help="All that it runs, by name or domain; none ends what it ran."),
    ] = None,
    reason: ReasonNeeded,
    as_json: JsonFlag = False,
) -> None:
    """Record which platforms a messaging firm runs: what is asked about an account goes to who runs its platform.

    A platform is run by one firm at a time. It runs no others than those that are named. Safe to repeat.
    """
    from cli.lookups import get_member
    from cli.session import Session, run_session
    from ledger.accounts.forms import name_platform
    from ledger.accounts.running import NamedPlatform, set_member_platforms
    from ledger.operator_acts.vocabulary import Act

    operator = name_operator(reason)
    named = [NamedPlatform(platform, name or None) for platform, name in map(name_platform, platforms or ())]

    async def work(session: Session) -> "list[MemberPlatform]":
        async with session.writing() as tx:
            member_id = (await get_member(tx, member)).id
            run = await set_member_platforms(tx, member_id, named)
            await _record(tx, operator, Act.MEMBER_PLATFORMS_SET, member_id)
            return run

    _print_platforms(run_session(work), as_json=as_json)


def _print_platforms(run: "list[MemberPlatform]", *, as_json: bool) -> None:
    if as_json:
        print_json({"platforms": run})
        return
    print_table("", ("platform", "since"), [(each.other_name or each.platform.value, each.began_at) for each in run])


@brands.command("add", epilog='Example: jembatan brand add xlsmart axis --name "Axis"')
def add_member_brand(
    *,
    member: MemberArgument,
    slug: SlugArgument,
    name: Annotated[str, typer.Option(help="The name by which the public knows it.")],
    reason: Reason = None,
    as_json: JsonFlag = False,
) -> None:
    """Add a brand to a member."""
    from cli.lookups import get_member
    from cli.session import Session, run_session
    from ledger.members.admission import add_brand
    from ledger.members.table import Brand
    from ledger.operator_acts.vocabulary import Act

    operator = name_operator(reason)

    async def work(session: Session) -> Brand:
        async with session.writing() as tx:
            added = await add_brand(tx, (await get_member(tx, member)).id, slug=slug, name=name)
            await _record(tx, operator, Act.BRAND_ADDED, added.member_id)
            return added

    brand = run_session(work)
    print_result(brand, {"id": brand.id, "member": member, "slug": brand.slug, "name": brand.name}, as_json=as_json)


@brands.command("list", epilog="Example: jembatan brand list xlsmart")
def list_member_brands(*, member: MemberArgument, as_json: JsonFlag = False) -> None:
    """List a member's brands."""
    from cli.lookups import get_member
    from cli.session import Session, run_session
    from ledger.members.reading import load_brands_by_member
    from ledger.members.table import Brand

    async def work(session: Session) -> list[Brand]:
        async with session.reading() as tx:
            member_id = (await get_member(tx, member)).id
            return (await load_brands_by_member(tx, [member_id]))[member_id]

    found = run_session(work)
    if as_json:
        print_json(found)
    else:
        print_table("", ("slug", "name", "id"), [(brand.slug, brand.name, brand.id) for brand in found])


@offices.command("add", epilog='Example: jembatan office add komdigi help-desk --name "Help desk"')
def add_member_office(
    *,
    member: MemberArgument,
    slug: SlugArgument,
    name: Annotated[str, typer.Option(help="The name of the office.")],
    reason: Reason = None,
    as_json: JsonFlag = False,
) -> None:
    """Add an office to a member; every officer and draft belongs to one."""
    from cli.lookups import get_member
    from cli.session import Session, run_session
    from ledger.members.admission import add_office
    from ledger.members.table import Office
    from ledger.operator_acts.vocabulary import Act

    operator = name_operator(reason)

    async def work(session: Session) -> Office:
        async with session.writing() as tx:
            added = await add_office(tx, (await get_member(tx, member)).id, slug=slug, name=name)
            await _record(tx, operator, Act.OFFICE_ADDED, added.member_id)
            return added

    office = run_session(work)
    print_result(office, {"id": office.id, "member": member, "slug": office.slug, "name": office.name}, as_json=as_json)


@offices.command("list", epilog="Example: jembatan office list komdigi")
def list_member_offices(*, member: MemberArgument, as_json: JsonFlag = False) -> None:
    """List a member's offices."""
    from cli.lookups import get_member
    from cli.session import Session, run_session
    from ledger.members.reading import list_offices
    from ledger.members.table import Office

    async def work(session: Session) -> list[Office]:
        async with session.reading() as tx:
            return await list_offices(tx, (await get_member(tx, member)).id)

    found = run_session(work)
    if as_json:
        print_json(found)
    else:
        print_table("", ("slug", "name", "id"), [(office.slug, office.name, office.id) for office in found])


async def _record(tx: "Transaction", operator: "Operator", act: "Act", member_id: "MemberId") -> None:
    from ledger.feed.vocabulary import Subject
    from ledger.operator_acts.recording import record_act

    await record_act(tx, operator, act, subject=Subject.MEMBER, subject_id=member_id)
