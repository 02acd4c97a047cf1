"""`jembatan client`: the systems that members connect with. A secret is shown only once, when it is created."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from auth.clients.policies import ClientPolicy
from cli.acting import ReasonNeeded, name_operator
from cli.printing import JsonFlag, note, print_json, print_record, print_result, print_table
from cli.times import parse_duration

if TYPE_CHECKING:
    from auth.clients.registration import ClientDraft
    from ledger.operator_acts.recording import Operator
    from ledger.operator_acts.vocabulary import Act
    from ledger.storage.database import Transaction

clients = typer.Typer(no_args_is_help=True, help="Register members' systems, disable them, rotate secrets and keys.")

ClientArgument = Annotated[str, typer.Argument(metavar="CLIENT_ID", help="The client's id.")]
Overlap = Annotated[
    timedelta | None,
    typer.Option(
        parser=parse_duration,
        metavar="DURATION",
        help="How long the previous one is still accepted: 30m, 24h, 7d. Unset: not at all.",
    ),
]
Policies = Annotated[
    list[ClientPolicy] | None, typer.Option("--policy", help="A security measure it must use; may be repeated.")
]
_KEYS_BYTES_MAX = 65_536


@clients.command(
    "add",
    epilog="Examples: jembatan client add telkomsel --name 'Blocking system' --reason 'Agreement 12'\n\n"
    "jembatan client add indosat --name 'Blocking system' --public-keys jwks.json --reason 'Agreement 13'\n\n"
    "jembatan client add komdigi --name Console --redirect-uri https://console.example.id/callback --offline "
    "--reason 'The new console'",
)
def add_client(
    *,
    member: Annotated[str, typer.Argument(metavar="MEMBER", help="The member's slug.")],
    name: Annotated[str, typer.Option(help="Its name on the login page and in lists.")],
    reason: ReasonNeeded,
    scope: Annotated[
        list[str] | None, typer.Option(help="What it may do; may be repeated. Unset: all that its kind may have.")
    ] = None,
    brand: Annotated[str | None, typer.Option(help="Restrict it to one of the member's brands.")] = None,
    public_keys: Annotated[
        Path | None, typer.Option(help="JWK set of its public keys: it then signs assertions and has no secret.")
    ] = None,
    redirect_uri: Annotated[
        list[str] | None, typer.Option(help="Officers log in through it and are sent back here; may be repeated.")
    ] = None,
    post_logout_redirect_uri: Annotated[
        list[str] | None, typer.Option(help="Officers may be sent here after they log out; may be repeated.")
    ] = None,
    offline: Annotated[
        bool, typer.Option("--offline", help="With --redirect-uri: it may have refresh tokens (offline_access).")
    ] = False,
    machine: Annotated[bool, typer.Option("--machine", help="With --redirect-uri: it also acts for itself.")] = False,
    public: Annotated[
        bool, typer.Option("--public", help="It can't keep a secret (an application in a browser or on a phone).")
    ] = False,
    native: Annotated[bool, typer.Option("--native", help="The port of its loopback redirect URI may vary.")] = False,
    policy: Policies = None,
    as_json: JsonFlag = False,
) -> None:
    """Register a client of a member. Its secret is printed once and can't be retrieved later."""
    from auth.clients.registration import PRIVATE_KEY_JWT, PUBLIC, SECRET_BASIC, ClientDraft
    from auth.scopes import BY_KIND, OFFICER_ONLY
    from cli.lookups import get_brand, get_member

    if public and public_keys is not None:
        raise typer.BadParameter("A public client can't have keys.", param_hint="--public")
    keys = _read_keys(public_keys) if public_keys is not None else None
    redirects = tuple(redirect_uri or ())

    async def draft(tx: "Transaction") -> ClientDraft:
        owner = await get_member(tx, member)
        allowed = BY_KIND[owner.kind] - (frozenset() if redirects else OFFICER_ONLY)
        return ClientDraft(
            member_id=owner.id,
            name=name,
            scopes=tuple(scope) if scope else tuple(sorted(allowed)),
            grant_types=_choose_grants(for_officers=bool(redirects), offline=offline, machine=machine),
            auth_method=PUBLIC if public else PRIVATE_KEY_JWT if keys is not None else SECRET_BASIC,
            redirect_uris=redirects,
            post_logout_redirect_uris=tuple(post_logout_redirect_uri or ()),
            public_keys=keys,
            brand_id=(await get_brand(tx, owner, brand)).id if brand else None,
            is_native=native,
            policies=tuple(policy or ()),
        )

    _print_created(_create(draft, reason=reason), as_json=as_json)


def _choose_grants(*, for_officers: bool, offline: bool, machine: bool) -> tuple[str, ...]:
    from auth.clients.registered_clients import AUTHORIZATION_CODE, CLIENT_CREDENTIALS, REFRESH_TOKEN

    wanted = {
        AUTHORIZATION_CODE: for_officers,
        REFRESH_TOKEN: offline,
        CLIENT_CREDENTIALS: machine or not for_officers,
    }
    return tuple(grant for grant, is_wanted in wanted.items() if is_wanted)


def _print_created(created: Mapping[str, object], *, as_json: bool) -> None:
    if as_json:
        print_json(created)
        return
    print_record({name: value for name, value in created.items() if value not in (None, [])})
    if created["clientSecret"] is not None:
        note("The secret is shown only this once. Hand it over securely.")


def _create(draft: "Callable[[Transaction], Awaitable[ClientDraft]]", *, reason: str) -> dict[str, object]:
    from auth.clients.registration import create_client
    from cli.session import Session, run_session
    from ledger.operator_acts.vocabulary import Act
    from ledger.storage.roles import Role

    operator = name_operator(reason)

    async def work(session: Session) -> dict[str, object]:
        async with session.writing() as tx:
            wanted = await draft(tx)
            async with tx.role(Role.AUTH):
                created = await create_client(tx, wanted)
            await _record(tx, operator, Act.CLIENT_ADDED, created.client_id)
        return {
            "clientId": created.client_id,
            "clientSecret": created.secret,
            "authMethod": wanted.auth_method,
            "grantTypes": list(wanted.grant_types),
            "scopes": list(wanted.scopes),
            "policies": list(wanted.policies),
            "tokenEndpoint": f"{session.settings.base_url}/oauth/token",
        }

    return run_session(work)


async def _record(tx: "Transaction", operator: "Operator", act: "Act", client_id: str) -> None:
    from ledger.feed.vocabulary import Subject
    from ledger.identifiers import parse_id
    from ledger.operator_acts.recording import record_act

    await record_act(tx, operator, act, subject=Subject.CLIENT, subject_id=parse_id(client_id) or client_id)


@clients.command("list", epilog="Example: jembatan client list telkomsel")
def list_all_clients(
    *,
    member: Annotated[str | None, typer.Argument(metavar="[MEMBER]", help="Only this member's clients.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """List clients, including disabled ones. Secrets are not kept and can't be listed."""
    from auth.clients.registration import ClientSummary, list_clients
    from cli.lookups import get_member
    from cli.session import Session, run_session
    from ledger.members.reading import load_members
    from ledger.members.table import Member
    from ledger.storage.roles import Role

    async def work(session: Session) -> tuple[list[ClientSummary], dict[str, Member]]:
        async with session.writing() as tx:
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
         client.policies, client.disabled_at)
        for client in found
    ]  # fmt: skip
    print_table("", ("id", "member", "name", "authentication", "scopes", "policies", "disabled"), rows)


@clients.command("disable", epilog="Example: jembatan client disable 0199f0c1-... --reason 'Agreement 12 has ended'")
def disable_by_id(*, client_id: ClientArgument, reason: ReasonNeeded) -> None:
    """Disable a client permanently; its tokens, including refresh tokens, stop working within seconds."""
    from auth.clients.registration import disable_client
    from auth.protocol.ended_grants import end_client_grants
    from cli.session import Session, run_session
    from ledger.identifiers import ClientId
    from ledger.operator_acts.vocabulary import Act
    from ledger.storage.roles import Role

    operator = name_operator(reason)

    async def work(session: Session) -> None:
        async with session.system(Role.AUTH) as tx:
            await disable_client(tx, ClientId(client_id))
            await end_client_grants(tx, ClientId(client_id), settings=session.settings)
            await _record(tx, operator, Act.CLIENT_DISABLED, client_id)

    run_session(work)
    note(f"The client {client_id} is disabled.")


@clients.command(
    "rotate-secret",
    epilog="Examples: jembatan client rotate-secret 0199f0c1-... --reason 'Found in a mail' --json\n\n"
    "jembatan client rotate-secret 0199f0c1-... --reason Yearly --overlap 24h",
)
def rotate_client_secret(
    *, client_id: ClientArgument, reason: ReasonNeeded, overlap: Overlap = None, as_json: JsonFlag = False
) -> None:
    """Give a client a new secret, printed once; the old one ends immediately, or after the overlap."""
    from auth.clients.registration import rotate_secret
    from cli.session import Session, run_session
    from ledger.identifiers import ClientId
    from ledger.operator_acts.vocabulary import Act
    from ledger.storage.roles import Role

    operator = name_operator(reason)

    async def work(session: Session) -> dict[str, object]:
        async with session.system(Role.AUTH) as tx:
            secret = await rotate_secret(tx, ClientId(client_id), overlap=overlap or timedelta(0))
            await _record(tx, operator, Act.CLIENT_SECRET_ROTATED, client_id)
            ends_at = tx.as_of + overlap if overlap else None
        return {"clientId": client_id, "clientSecret": secret, "previousEndsAt": ends_at}

    renewed = run_session(work)
    _print_created(renewed, as_json=as_json)


@clients.command(
    "rotate-keys",
    epilog="Example: jembatan client rotate-keys 0199f0c1-... jwks.json --reason Yearly --overlap 24h",
)
def rotate_client_keys(
    *,
    client_id: ClientArgument,
    jwks_file: Annotated[Path, typer.Argument(metavar="JWKS_FILE", help="JWK set of its public keys.")],
    reason: ReasonNeeded,
    overlap: Overlap = None,
    as_json: JsonFlag = False,
) -> None:
    """Give a client that signs assertions new public keys; the old ones end immediately, or after the overlap."""
    from auth.clients.registration import rotate_public_keys
    from cli.session import Session, run_session
    from ledger.identifiers import ClientId
    from ledger.operator_acts.vocabulary import Act
    from ledger.storage.roles import Role

    operator = name_operator(reason)

    document = _read_keys(jwks_file)

    async def work(session: Session) -> dict[str, object]:
        async with session.system(Role.AUTH) as tx:
            await rotate_public_keys(tx, ClientId(client_id), document, overlap=overlap or timedelta(0))
            await _record(tx, operator, Act.CLIENT_KEYS_ROTATED, client_id)
            return {"clientId": client_id, "previousEndsAt": tx.as_of + overlap if overlap else None}

    renewed = run_session(work)
    print_result(renewed, {name: value for name, value in renewed.items() if value is not None}, as_json=as_json)


@clients.command(
    "set-policies",
    epilog="Example: jembatan client set-policies 0199f0c1-... --policy require_par --policy require_dpop "
    "--reason 'Agreement 12'",
)
def set_client_policies(
    *, client_id: ClientArgument, reason: ReasonNeeded, policy: Policies = None, as_json: JsonFlag = False
) -> None:
    """Require exactly these measures of a client from now on; without --policy, none."""
    from auth.clients.registration import set_policies
    from cli.session import Session, run_session
    from ledger.identifiers import ClientId
    from ledger.operator_acts.vocabulary import Act
    from ledger.storage.roles import Role

    operator = name_operator(reason)

    policies = sorted(set(policy or ()))

    async def work(session: Session) -> None:
        async with session.system(Role.AUTH) as tx:
            await set_policies(tx, ClientId(client_id), policies)
            await _record(tx, operator, Act.CLIENT_POLICIES_SET, client_id)

    run_session(work)
    changed = {"clientId": client_id, "policies": policies}
    print_result(changed, as_json=as_json)


def _read_keys(path: Path) -> dict[str, Any]:
    """Read a JWK set from a file. Errors: FileUnreadableError."""
    import orjson

    from cli.failures import FileUnreadableError

    try:
        with path.open("rb") as stream:
            document = orjson.loads(stream.read(_KEYS_BYTES_MAX))
    except (OSError, orjson.JSONDecodeError) as error:
        raise FileUnreadableError(f"{path} can't be read as JSON.") from error
    if not isinstance(document, dict):
        raise FileUnreadableError(f"{path} contains no JWK set.", hint='A JWK set is {"keys": [...]}.')
    return document
