"""Registration of clients: creating, listing and disabling them, and rotating their secrets and keys.

A client must never be registered with a scope that its member's kind may not have, and a secret is shown only once.
Everything here runs under the AUTH role: `database.system(Role.AUTH, as_of=...)`.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Update, insert, select, update

from auth.clients.keys import check_public_keys
from auth.clients.policies import ClientPolicy
from auth.clients.redirect_uris import check_redirect_uri
from auth.clients.registered_clients import AUTHORIZATION_CODE, CLIENT_CREDENTIALS, REFRESH_TOKEN
from auth.clients.table import clients
from auth.errors import ClientInvalidError, ClientUnknownError, MemberUnknownError
from auth.hashed_secrets import generate_secret, hash_secret
from auth.rows import columns_of, make_record
from auth.scopes import check_scopes
from ledger.identifiers import BrandId, ClientId, MemberId, new_id, parse_id
from ledger.members.table import brands, members
from ledger.storage.database import Transaction
from ledger.viewer import MemberKind

SECRET_BASIC = "client_secret_basic"  # noqa: S105 - the name of a method, no secret
PRIVATE_KEY_JWT = "private_key_jwt"
PUBLIC = "none"

_METHODS = (SECRET_BASIC, PRIVATE_KEY_JWT, PUBLIC)
_GRANTS = (CLIENT_CREDENTIALS, AUTHORIZATION_CODE, REFRESH_TOKEN)
_NAME_LENGTH_MAX = 120
_REDIRECT_URIS_MAX = 20
_Contradiction = tuple[bool, str, str]
"""Whether it applies, the field at fault, and the message."""


class CreatedClient(NamedTuple):
    """A new client and its secret, which can't be read again; None if it has keys or is public."""

    client_id: ClientId
    secret: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientDraft:
    """The registration of a client to be created.

    Shapes: public_keys is a JWK set, required for auth_method private_key_jwt and otherwise None. redirect_uris are
    required for the grant authorization_code and otherwise empty; post_logout_redirect_uris are allowed only with
    them. is_native lets the port of a loopback redirect URI vary.
    """

    member_id: MemberId
    name: str
    scopes: Sequence[str]
    grant_types: Sequence[str] = (CLIENT_CREDENTIALS,)
    auth_method: str = SECRET_BASIC
    redirect_uris: Sequence[str] = ()
    post_logout_redirect_uris: Sequence[str] = ()
    public_keys: Mapping[str, Any] | None = None
    brand_id: BrandId | None = None
    is_native: bool = False
    policies: Sequence[ClientPolicy] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientSummary:
    """A client as it is listed for an operator."""

    client_id: ClientId
    member_id: MemberId
    brand_id: BrandId | None
    name: str
    auth_method: str
    grant_types: Sequence[str]
    redirect_uris: Sequence[str]
    scopes: Sequence[str]
    policies: Sequence[str]
    created_at: datetime
    disabled_at: datetime | None


async def create_client(tx: Transaction, draft: ClientDraft) -> CreatedClient:
    """Register a client.

    Errors: MemberUnknownError, ScopeUnknownError, ScopeForbiddenError, MachineScopeError, ClientInvalidError,
    RedirectUriInvalidError, ClientKeysInvalidError, with nothing written.
    """
    kind = await _get_member_kind(tx, draft)
    _check_shape(draft)
    is_machine_only = AUTHORIZATION_CODE not in draft.grant_types
    scopes = check_scopes(draft.scopes, kind=kind, is_machine_only=is_machine_only)
    secret = generate_secret() if draft.auth_method == SECRET_BASIC else None
    client_id = ClientId(new_id())
    row = {
        "id": client_id,
        "member_id": draft.member_id,
        "brand_id": draft.brand_id,
        "name": draft.name,
        "auth_method": draft.auth_method,
        "secret_hash": hash_secret(secret) if secret is not None else None,
        "public_keys": check_public_keys(draft.public_keys) if draft.public_keys is not None else None,
        "grant_types": sorted(set(draft.grant_types)),
        "redirect_uris": [check_redirect_uri(uri, is_native=draft.is_native) for uri in draft.redirect_uris],
        "post_logout_redirect_uris": [
            check_redirect_uri(uri, is_native=draft.is_native) for uri in draft.post_logout_redirect_uris
        ],
        "scopes": scopes,
        "is_native": draft.is_native,
        "policies": sorted(set(draft.policies)),
        "created_at": tx.as_of,
        "secret_set_at": tx.as_of if secret is not None else None,
    }
    await tx.execute(insert(clients).values(row))
    return CreatedClient(client_id, secret)


async def list_clients(tx: Transaction, *, member_id: MemberId | None = None) -> list[ClientSummary]:
    """List every client, or every client of a member, oldest first, including disabled ones."""
    statement = select(*columns_of(ClientSummary, clients, client_id="id")).order_by(clients.c.id)
    if member_id is not None:
        statement = statement.where(clients.c.member_id == member_id)
    return [make_record(ClientSummary, row) for row in await tx.execute(statement)]


async def disable_client(tx: Transaction, client_id: ClientId) -> None:
    """Disable a client permanently: it gets no more tokens, and its tokens stop working within seconds.

    Errors: ClientUnknownError. Disabling a client again keeps the first time.
    """
    canonical = _check_id(client_id)
    changed = await tx.execute(
        update(clients).where(clients.c.id == canonical, clients.c.disabled_at.is_(None)).values(disabled_at=tx.as_of)
    )
    if changed.rowcount != 1:
        found = await tx.execute(select(clients.c.id).where(clients.c.id == canonical))
        if found.first() is None:
            raise ClientUnknownError(field="clientId")


async def rotate_secret(tx: Transaction, client_id: ClientId, *, overlap: timedelta = timedelta(0)) -> str:
    """Give the client a new secret, shown once; the previous one is accepted until the overlap ends.

    Errors: ClientUnknownError, also for a client without a secret and a disabled one.
    """
    secret = generate_secret()
    statement = _update_active(client_id, SECRET_BASIC).values(
        secret_hash=hash_secret(secret),
        secret_set_at=tx.as_of,
        previous_secret_hash=clients.c.secret_hash if overlap else None,
        previous_ends_at=tx.as_of + overlap if overlap else None,
    )
    if (await tx.execute(statement)).rowcount != 1:
        raise ClientUnknownError("There is no active client with a secret under this id.", field="clientId")
    return secret


async def rotate_public_keys(
    tx: Transaction, client_id: ClientId, document: Mapping[str, Any], *, overlap: timedelta = timedelta(0)
) -> None:
    """Give the client a new JWK set; the previous keys are accepted until the overlap ends.

    A key in the new set replaces an old one with the same kid at once.
    Errors: ClientUnknownError, also for a client without keys and a disabled one; ClientKeysInvalidError.
    """
    statement = _update_active(client_id, PRIVATE_KEY_JWT).values(
        public_keys=check_public_keys(document),
        previous_public_keys=clients.c.public_keys if overlap else None,
        previous_ends_at=tx.as_of + overlap if overlap else None,
    )
    if (await tx.execute(statement)).rowcount != 1:
        raise ClientUnknownError("There is no active client with keys under this id.", field="clientId")


async def set_policies(tx: Transaction, client_id: ClientId, policies: Collection[ClientPolicy]) -> None:
    """Replace the client's policies with these.

    Errors: ClientUnknownError; ClientInvalidError, if a policy doesn't fit its grants or authentication method.
    """
    statement = select(clients).where(clients.c.id == _check_id(client_id), clients.c.disabled_at.is_(None))
    row = (await tx.execute(statement)).first()
    if row is None:
        raise ClientUnknownError(field="clientId")
    _raise_first(_contradicting_policies(policies, grant_types=row.grant_types, auth_method=row.auth_method))
    await tx.execute(update(clients).where(clients.c.id == row.id).values(policies=sorted(set(policies))))


def _update_active(client_id: ClientId, auth_method: str) -> Update:
    return update(clients).where(
        clients.c.id == _check_id(client_id), clients.c.auth_method == auth_method, clients.c.disabled_at.is_(None)
    )


async def _get_member_kind(tx: Transaction, draft: ClientDraft) -> MemberKind:
    found = await tx.execute(select(members.c.kind).where(members.c.id == parse_id(draft.member_id)))
    kind = found.scalar_one_or_none()
    if kind is None:
        raise MemberUnknownError(field="memberId")
    if draft.brand_id is not None:
        brand = select(brands.c.id).where(
            brands.c.id == parse_id(draft.brand_id), brands.c.member_id == draft.member_id
        )
        if (await tx.execute(brand)).first() is None:
            raise MemberUnknownError(field="brandId")
    return MemberKind(kind)


def _check_shape(draft: ClientDraft) -> None:
    for_officers = AUTHORIZATION_CODE in draft.grant_types
    is_named = 1 <= len(draft.name) <= _NAME_LENGTH_MAX and draft.name.isprintable()
    contradictions = (
        (not is_named, "name", "A name is 1 to 120 printable characters."),
        (not draft.grant_types or not set(draft.grant_types) <= set(_GRANTS), "grantTypes", "There is no such grant."),
        (draft.auth_method not in _METHODS, "authMethod", "There is no such authentication method."),
        (
            draft.auth_method == PUBLIC and CLIENT_CREDENTIALS in draft.grant_types,
            "authMethod",
            "A public client acts for officers only, never for itself.",
        ),
        (
            (draft.auth_method == PRIVATE_KEY_JWT) != (draft.public_keys is not None),
            "publicKeys",
            "Public keys belong to private_key_jwt.",
        ),
        (
            REFRESH_TOKEN in draft.grant_types and not for_officers,
            "grantTypes",
            "refresh_token follows authorization_code; a machine asks for another token instead.",
        ),
        (for_officers != bool(draft.redirect_uris), "redirectUris", "Redirect URIs belong to authorization_code."),
        (len(draft.redirect_uris) > _REDIRECT_URIS_MAX, "redirectUris", "A client has at most 20 redirect URIs."),
        (
            len(draft.post_logout_redirect_uris) > (_REDIRECT_URIS_MAX if for_officers else 0),
            "postLogoutRedirectUris",
            "A client through which officers log in has at most 20 of these, and any other none.",
        ),
        (not draft.scopes, "scopes", "A client needs at least one scope."),
    )
    policies = _contradicting_policies(draft.policies, grant_types=draft.grant_types, auth_method=draft.auth_method)
    _raise_first((*contradictions, *policies))


def _contradicting_policies(
    policies: Collection[str], *, grant_types: Collection[str], auth_method: str
) -> Sequence[_Contradiction]:
    return (
        (
            ClientPolicy.REFRESH_ALWAYS in policies and REFRESH_TOKEN not in grant_types,
            "policies",
            "The policy refresh_always belongs to the grant refresh_token.",
        ),
        (
            ClientPolicy.FAPI_2 in policies and auth_method != PRIVATE_KEY_JWT,
            "policies",
            "The policy fapi_2 needs private_key_jwt.",
        ),
        (
            ClientPolicy.INTROSPECT_ANY in policies and auth_method == PUBLIC,
            "policies",
            "A public client can't introspect.",
        ),
    )


def _raise_first(contradictions: Iterable[_Contradiction]) -> None:
    for is_wrong, field, message in contradictions:
        if is_wrong:
            raise ClientInvalidError(message, field=field)


def _check_id(client_id: ClientId) -> str:
    canonical = parse_id(client_id)
    if canonical is None:
        raise ClientUnknownError(field="clientId")
    return canonical
