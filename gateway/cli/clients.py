"""`jembatan client`: the systems that members connect with. A secret is shown once, when it is made."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.printing import JsonFlag, note, print_json, print_record, print_table

if TYPE_CHECKING:
    from auth.clients import ClientDraft
    from ledger.storage.database import Transaction

clients = typer.Typer(no_args_is_help=True, help="Register members' systems, disable them, renew their secrets.")

ClientArgument = Annotated[str, typer.Argument(metavar="CLIENT_ID", help="The client's id.")]
_KEYS_BYTES_MAX = 65_536


@clients.command(
    "add",
    epilog="Examples: jembatan client add telkomsel --name 'Blocking system'\n\n"
    "jembatan client add indosat --name 'Blocking system' --public-keys jwks.json\n\n"
    "jembatan client add komdigi --name Console --redirect-uri https://console.example.id/callback",
)
def add_client(
    *,
    member: Annotated[str, typer.Argument(metavar="MEMBER", help="The member's slug.")],
    name: Annotated[str, typer.Option(help="What it is called, for the login page and lists.")],
    scope: Annotated[
        list[str] | None, typer.Option(help="What it may do; repeat it. Unset: all that its kind may have.")
    ] = None,
    brand: Annotated[str | None, typer.Option(help="Narrow it to one of the member's brands.")] = None,
    public_keys: Annotated[
        Path | None, typer.Option(help="JWK set of its public keys: it then signs assertions and has no secret.")
    ] = None,
    redirect_uri: Annotated[
        list[str] | None, typer.Option(help="Officers log in through it and are sent back here; repeat it.")
    ] = None,
    machine: Annotated[bool, typer.Option("--machine", help="With --redirect-uri: it also acts for itself.")] = False,
    public: Annotated[
        bool, typer.Option("--public", help="It can keep no secret (an application in a browser or on a phone).")
    ] = False,
    native: Annotated[bool, typer.Option("--native", help="The port of its loopback redirect URI may vary.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Register a client of a member. Its secret is printed once and can't be read again."""
    from auth.clients import PRIVATE_KEY_JWT, PUBLIC, SECRET_BASIC, ClientDraft
    from auth.registered_clients import AUTHORIZATION_CODE, CLIENT_CREDENTIALS
    from auth.scopes import BY_KIND, OFFICER_ONLY
    from gateway.cli.lookups import get_brand, get_member

    if public and public_keys is not None:
        raise typer.BadParameter("A public client has no keys.", param_hint="--public")
    keys = _read_keys(public_keys) if public_keys is not None else None
    redirects = tuple(redirect_uri or ())
    grants = ((AUTHORIZATION_CODE,) if redirects else ()) + ((CLIENT_CREDENTIALS,) if machine or not redirects else ())

    async def draft(tx: "Transaction") -> ClientDraft:
        owner = await get_member(tx, member)
        allowed = BY_KIND[owner.kind] - (frozenset() if redirects else OFFICER_ONLY)
        return ClientDraft(
            member_id=owner.id,
            name=name,
            scopes=tuple(scope) if scope else tuple(sorted(allowed)),
            grant_types=grants,
            auth_method=PUBLIC if public else PRIVATE_KEY_JWT if keys is not None else SECRET_BASIC,
            redirect_uris=redirects,
            public_keys=keys,
            brand_id=(await get_brand(tx, owner, brand)).id if brand else None,
            is_native=native,
        )

    created = _create(draft)
    if as_json:
        print_json(created)
        return
    print_record({name: value for name, value in created.items() if value is not None})
    if created["clientSecret"] is not None:
        note("The secret is shown this once. Hand it over by a safe way.")


def _create(draft: "Callable[[Transaction], Awaitable[ClientDraft]]") -> dict[str, object]:
    from auth.clients import create_client
    from gateway.cli.session import Session, read_clock, run_session
    from ledger.storage.roles import Role
    from ledger.viewer import OPERATOR

    async def work(session: Session) -> dict[str, object]:
        async with session.database.transaction(OPERATOR, as_of=read_clock()) as tx:
            wanted = await draft(tx)
            async with tx.role(Role.AUTH):
                created = await create_client(tx, wanted)
        return {
            "clientId": created.client_id,
            "clientSecret": created.secret,
            "authMethod": wanted.auth_method,
            "grantTypes": list(wanted.grant_types),
            "scopes": list(wanted.scopes),
            "tokenEndpoint": f"{session.settings.base_url}/oauth/token",
        }

    return run_session(work)


@clients.command("list", epilog="Example: jembatan client list telkomsel")
def list_all_clients(
    *,
    member: Annotated[str | None, typer.Argument(metavar="[MEMBER]", help="Only this member's.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """List clients, disabled ones too. Secrets are not kept and can't be listed."""
    from auth.clients import ClientSummary, list_clients
    from gateway.cli.lookups import get_member
    from gateway.cli.session import Session, read_clock, run_session
    from ledger.members import Member, load_members
    from ledger.storage.roles import Role
    from ledger.viewer import OPERATOR

    async def work(session: Session) -> tuple[list[ClientSummary], dict[str, Member]]:
        async with session.database.transaction(OPERATOR, as_of=read_clock()) as tx:
            member_id = (await get_member(tx, member)).id if member is not None else None
            async with tx.role(Role.AUTH):
                found = await list_clients(tx, member_id=member_id)
            return found, await load_members(tx, [client.member_id for client in found])

    found, owners = run_session(work)
    if as_json:
        print_json(found)
        return
    rows = [
        (client.client_id, owners[client.member_id].slug, client.name, client.auth_method, client.scopes,
         client.disabled_at)
        for client in found
    ]  # fmt: skip
    print_table("", ("id", "member", "name", "authentication", "scopes", "disabled"), rows)


@clients.command("disable", epilog="Example: jembatan client disable 0199f0c1-...")
def disable_by_id(*, client_id: ClientArgument) -> None:
    """Disable a client for good; its tokens end within seconds."""
    from auth.clients import disable_client
    from gateway.cli.session import Session, read_clock, run_session
    from ledger.identifiers import ClientId
    from ledger.storage.roles import Role

    async def work(session: Session) -> None:
        async with session.database.system(Role.AUTH, as_of=read_clock()) as tx:
            await disable_client(tx, ClientId(client_id))

    run_session(work)
    note(f"The client {client_id} is disabled.")


@clients.command("rotate-secret", epilog="Example: jembatan client rotate-secret 0199f0c1-... --json")
def rotate_client_secret(*, client_id: ClientArgument, as_json: JsonFlag = False) -> None:
    """Give a client another secret, printed once; the one before ends at once."""
    from auth.clients import rotate_secret
    from gateway.cli.session import Session, read_clock, run_session
    from ledger.identifiers import ClientId
    from ledger.storage.roles import Role

    async def work(session: Session) -> str:
        async with session.database.system(Role.AUTH, as_of=read_clock()) as tx:
            return await rotate_secret(tx, ClientId(client_id))

    secret = run_session(work)
    if as_json:
        print_json({"clientId": client_id, "clientSecret": secret})
        return
    print_record({"clientId": client_id, "clientSecret": secret})
    note("The secret is shown this once. Hand it over by a safe way.")


def _read_keys(path: Path) -> dict[str, Any]:
    """A JWK set out of a file. Errors: FileUnreadableError."""
    import orjson

    from gateway.cli.failures import FileUnreadableError

    try:
        with path.open("rb") as stream:
            document = orjson.loads(stream.read(_KEYS_BYTES_MAX))
    except (OSError, orjson.JSONDecodeError) as error:
        raise FileUnreadableError(f"{path} can't be read as JSON.") from error
    if not isinstance(document, dict):
        raise FileUnreadableError(f"{path} holds no JWK set.", hint='A JWK set is {"keys": [...]}.')
    return document
