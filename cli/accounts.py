"""`jembatan accounts`: accounts on platforms that complaints are about, read as the regulator."""

from typing import TYPE_CHECKING, Annotated

import typer

from cli.printing import JsonFlag, print_json, print_record, print_table
from ledger.accounts.vocabulary import AccountKind, AccountSort
from ledger.vocabulary import Platform

if TYPE_CHECKING:
    from ledger.accounts.table import Account

accounts = typer.Typer(no_args_is_help=True, help="Read the accounts that complaints are about.")


@accounts.command("list", epilog="Example: jembatan accounts list --platform whatsapp --sort most_complaints --json")
def list_(
    *,
    platform: Annotated[
        list[Platform] | None, typer.Option("--platform", case_sensitive=False, help="On this platform.")
    ] = None,
    kind: Annotated[
        list[AccountKind] | None,
        typer.Option("--kind", case_sensitive=False, help="Of this kind; unread are those that could not be read."),
    ] = None,
    complaints: Annotated[int | None, typer.Option("--complaints", min=1, help="With at least so many.")] = None,
    sort: Annotated[AccountSort, typer.Option(case_sensitive=False, help="The order.")] = AccountSort.NEWEST,
    as_json: JsonFlag = False,
) -> None:
    """List accounts, with how many complaints there are about each."""
    from cli.lookups import get_regulator_viewer, read_pages
    from cli.session import Session, run_session
    from ledger.accounts.reading import AccountFilter, list_accounts

    wanted = AccountFilter(platforms=tuple(platform or ()), kinds=tuple(kind or ()), minimum_complaint_count=complaints)

    async def work(session: Session) -> "list[Account]":
        async with session.reading() as tx:
            viewer = await get_regulator_viewer(tx)
        async with session.reading(viewer) as tx:
            return await read_pages(lambda page: list_accounts(tx, page, wanted, sort=sort))

    found = run_session(work)
    if as_json:
        print_json({"accounts": found})
        return
    rows = [
        (
            each.other_name or each.platform.value,
            each.handle,
            each.kind.value,
            each.complaint_count,
            each.verified_complaint_count,
            each.risk.value if each.risk else "",
            each.last_seen_at,
        )
        for each in found
    ]
    print_table("Accounts", ("platform", "handle", "kind", "complaints", "verified", "risk", "last seen"), rows)


@accounts.command(
    "show",
    epilog="Examples: jembatan accounts show telegram @budi_s\n\njembatan accounts show https://wa.me/6281200000001",
)
def show(
    *,
    platform_or_address: Annotated[
        str, typer.Argument(metavar="PLATFORM|ADDRESS", help="The platform's name, or the account's address alone.")
    ],
    handle: Annotated[str | None, typer.Argument(metavar="[HANDLE]", help="The handle, as people write it.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Show one account, however it is written."""
    from cli.lookups import get_regulator_viewer
    from cli.session import Session, run_session
    from ledger.accounts.forms import name_platform
    from ledger.accounts.reading import get_account

    async def work(session: Session) -> "Account":
        async with session.reading() as tx:
            viewer = await get_regulator_viewer(tx)
        async with session.reading(viewer) as tx:
            if handle is None:
                return await get_account(tx, url=platform_or_address)
            platform, name = name_platform(platform_or_address)
            return await get_account(tx, platform=platform, platform_name=name, handle=handle)

    account = run_session(work)
    if as_json:
        print_json(account)
        return
    print_record(
        {
            "id": account.id,
            "platform": account.other_name or account.platform.value,
            "handle": account.handle,
            "kind": account.kind.value,
            "number": account.e164,
            "address": account.url,
            "complaints": account.complaint_count,
            "verified": account.verified_complaint_count,
            "risk": account.risk.value if account.risk else None,
            "first seen": account.first_seen_at,
            "last seen": account.last_seen_at,
        }
    )
