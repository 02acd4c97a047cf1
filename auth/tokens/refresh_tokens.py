"""Refresh tokens, in families: the chain of tokens that one authorization code led to.

Each refresh token is used once and is replaced by the next. If a used one is sent again it has been copied, and since
nobody can tell by whom, the whole family is revoked. Synchronous; runs inside the connection's run_sync.

Source: RFC 9700 section 4.14.2 (rotation and reuse), RFC 6749 sections 6 and 10.4.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, insert, select, update

from auth.hashed_secrets import generate_secret, hash_secret
from auth.rows import read_record
from auth.settings import AuthSettings
from auth.tokens.table import refresh_tokens, token_families


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshToken:
    """A refresh token as it is stored, with its family. Only `is_live` tells whether it can be used."""

    token_hash: bytes
    family_id: str
    client_id: str
    officer_id: str
    scope: str
    key_thumbprint: str | None
    created_at: datetime
    expires_at: datetime
    family_expires_at: datetime
    used_at: datetime | None
    is_revoked: bool

    def is_live(self, as_of: datetime) -> bool:
        """Return whether the token can still be used."""
        return not self.is_revoked and self.used_at is None and as_of < min(self.expires_at, self.family_expires_at)

    def check_client(self, client: object) -> bool:
        """Return whether the token was issued to this client."""
        return self.client_id == getattr(client, "client_id", None)

    def get_scope(self) -> str:
        """Return the scope that the officer granted; a refresh may request less, never more."""
        return self.scope


def open_family(
    connection: Connection,
    *,
    family_id: str,
    client_id: str,
    officer_id: str,
    scope: str,
    key_thumbprint: str | None,
    settings: AuthSettings,
    as_of: datetime,
) -> str:
    """Create a family and return its first refresh token, which can't be read again."""
    expires_at = as_of + timedelta(seconds=settings.refresh_token_seconds)
    row = {
        "id": family_id,
        "client_id": client_id,
        "officer_id": officer_id,
        "scope": scope,
        "key_thumbprint": key_thumbprint,
        "created_at": as_of,
        "expires_at": expires_at,
    }
    connection.execute(insert(token_families).values(row))
    return _insert_token(connection, family_id, family_expires_at=expires_at, settings=settings, as_of=as_of)


def find_refresh_token(connection: Connection, token: str) -> RefreshToken | None:
    """Return the token, used or not, locked with its family until this transaction ends."""
    row = connection.execute(
        select(
            refresh_tokens,
            token_families.c.client_id,
            token_families.c.officer_id,
            token_families.c.scope,
            token_families.c.key_thumbprint,
            token_families.c.revoked_at.is_not(None).label("is_revoked"),
            token_families.c.expires_at.label("family_expires_at"),
        )
        .join(token_families, token_families.c.id == refresh_tokens.c.family_id)
        .where(refresh_tokens.c.token_hash == hash_secret(token))
        # Both rows: whoever waited for the lock must see what its holder wrote to either.
        .with_for_update()
    ).first()
    return read_record(RefreshToken, row)


def rotate_refresh_token(
    connection: Connection, token: RefreshToken, *, settings: AuthSettings, as_of: datetime
) -> str:
    """Use up a live token that this transaction has locked, and return the next one of its family."""
    changed = connection.execute(
        update(refresh_tokens)
        .where(refresh_tokens.c.token_hash == token.token_hash, refresh_tokens.c.used_at.is_(None))
        .values(used_at=as_of)
    )
    if changed.rowcount != 1:
        raise RuntimeError("A refresh token that was locked has changed.")
    return _insert_token(
        connection, token.family_id, family_expires_at=token.family_expires_at, settings=settings, as_of=as_of
    )


def _insert_token(
    connection: Connection, family_id: str, *, family_expires_at: datetime, settings: AuthSettings, as_of: datetime
) -> str:
    token = generate_secret()
    row = {
        "token_hash": hash_secret(token),
        "family_id": family_id,
        "created_at": as_of,
        "expires_at": min(as_of + timedelta(seconds=settings.refresh_idle_seconds), family_expires_at),
    }
    connection.execute(insert(refresh_tokens).values(row))
    return token
