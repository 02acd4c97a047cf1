"""A registered client, with the methods that Authlib's grants call.

Everything here is synchronous: Authlib's calls run inside the connection's run_sync.

Source: RFC 6749 section 2; the methods are those of authlib.oauth2.rfc6749.ClientMixin.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select

from auth.clients.policies import FAPI_2_MEASURES, ClientPolicy
from auth.clients.redirect_uris import matches_redirect_uri
from auth.clients.table import clients
from auth.hashed_secrets import matches_secret
from auth.scopes import OFFLINE_ACCESS, WORDS, parse_scope, render_scope
from ledger.identifiers import BrandId, ClientId, MemberId, parse_id
from ledger.members.table import members
from ledger.viewer import MemberKind

CLIENT_CREDENTIALS = "client_credentials"
AUTHORIZATION_CODE = "authorization_code"
REFRESH_TOKEN = "refresh_token"  # noqa: S105 - the name of a grant, no secret


# Built once: constructing the statement costs more than sending it.
_FIND_CLIENT = (
    select(clients, members.c.kind.label("member_kind"))
    .join(members, members.c.id == clients.c.member_id)
    .where(clients.c.id == bindparam("client_id"), clients.c.disabled_at.is_(None), members.c.suspended_at.is_(None))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredClient:
    """A client that may act now: neither disabled nor of a suspended member."""

    client_id: ClientId
    member_id: MemberId
    member_kind: MemberKind
    brand_id: BrandId | None
    name: str
    auth_method: str
    secret_hashes: Sequence[bytes]
    """The hash of the secret and, during an overlap, of the previous one."""
    public_keys: Mapping[str, Any] | None
    grant_types: Sequence[str]
    redirect_uris: Sequence[str]
    scopes: Sequence[str]
    is_native: bool
    policies: frozenset[ClientPolicy] = frozenset()

    def get_client_id(self) -> str:
        """Return the client's id."""
        return self.client_id

    def get_default_redirect_uri(self) -> None:
        """Return None: a redirect URI must always be sent (OAuth 2.1 section 4.1.1)."""

    def get_allowed_scope(self, scope: str | None) -> str | None:
        """Return the part of the requested scope that the client holds, or None if it names an unknown scope."""
        requested = parse_scope(scope or "") - {OFFLINE_ACCESS}
        # offline_access alone, like no scope at all, asks for everything that the client holds.
        if not requested:
            return render_scope(self.scopes)
        return render_scope(requested & frozenset(self.scopes)) if requested <= frozenset(WORDS) else None

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        """Return whether the URI is registered, compared character by character."""
        return any(
            matches_redirect_uri(redirect_uri, registered, is_native=self.is_native)
            for registered in self.redirect_uris
        )

    def check_client_secret(self, client_secret: str) -> bool:
        """Return whether the secret is the client's."""
        return any(matches_secret(client_secret, known) for known in self.secret_hashes)

    def check_endpoint_auth_method(self, method: str, _endpoint: str) -> bool:
        """Return whether the client was registered with this method."""
        return method == self.auth_method

    def check_response_type(self, response_type: str) -> bool:
        """Return whether officers may log in through the client."""
        return response_type == "code" and AUTHORIZATION_CODE in self.grant_types

    def is_assured(self, redirect_uri: str) -> bool:
        """Return whether an answer to the URI reaches this very client (RFC 8252 section 8.6).

        A public client shows nothing else of itself, and any program of the device can listen at a loopback port or
        claim a scheme.
        """
        return self.auth_method != "none" or redirect_uri.startswith("https://")

    def must(self, policy: ClientPolicy) -> bool:
        """Return whether the policy applies to the client, by name or as part of FAPI 2.0."""
        return policy in self.policies or (policy in FAPI_2_MEASURES and ClientPolicy.FAPI_2 in self.policies)

    def check_grant_type(self, grant_type: str) -> bool:
        """Return whether the client was registered for the grant."""
        return grant_type in self.grant_types


def find_client(connection: Connection, client_id: str, *, as_of: datetime) -> RegisteredClient | None:
    """Return the client with exactly this id, unless it is disabled or its member suspended."""
    # Only the canonical form of an id identifies a client, and no unchecked text reaches the database.
    if parse_id(client_id) != client_id:
        return None
    row = connection.execute(_FIND_CLIENT, {"client_id": client_id}).first()
    return _client_of(row, as_of) if row is not None else None


def _client_of(row: Row[Any], as_of: datetime) -> RegisteredClient:
    is_overlapping = row.previous_ends_at is not None and as_of < row.previous_ends_at
    hashes = (row.secret_hash, row.previous_secret_hash if is_overlapping else None)
    public_keys = row.public_keys
    if is_overlapping and row.previous_public_keys is not None:
        kids = {key["kid"] for key in public_keys["keys"]}
        earlier = [key for key in row.previous_public_keys["keys"] if key["kid"] not in kids]
        public_keys = {"keys": [*public_keys["keys"], *earlier]}
    return RegisteredClient(
        client_id=row.id,
        member_id=row.member_id,
        member_kind=MemberKind(row.member_kind),
        brand_id=row.brand_id,
        name=row.name,
        auth_method=row.auth_method,
        secret_hashes=tuple(known for known in hashes if known is not None),
        public_keys=public_keys,
        grant_types=tuple(row.grant_types),
        redirect_uris=tuple(row.redirect_uris),
        scopes=tuple(row.scopes),
        is_native=row.is_native,
        policies=frozenset(ClientPolicy(policy) for policy in row.policies),
    )
