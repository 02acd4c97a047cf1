"""The keys that sign our access tokens, sealed at rest, and each process's copy of them.

There is one current key however many processes start at once, which a unique index guarantees. A retired key stays
published, so that tokens signed with it can be verified until they expire.

Source: RFC 7517 (JWK sets), RFC 7518 section 3.4 (ES256), RFC 7638 (the kid is the key's thumbprint).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from joserfc.jwk import ECKey
from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert

from auth.settings import AuthSettings
from auth.tokens.table import signing_keys
from ledger.identifiers import new_id
from ledger.storage.database import Database, Transaction
from ledger.storage.roles import Role

ALGORITHM = "ES256"
UNKNOWN_KEY_REFRESH_SECONDS = 5.0
"""How often, at most, a token that names an unknown key makes a process look for new ones."""
_CURVE = "P-256"
_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class SigningKeys:
    """The current key, and every public key that a valid token may have been signed with, by kid."""

    current: ECKey
    public: Mapping[str, ECKey]

    def render_jwks(self) -> dict[str, list[dict[str, object]]]:
        """Return the public keys as a JWK set."""
        return {"keys": [dict(key.as_dict(private=False)) for key in self.public.values()]}


async def ensure_signing_key(tx: Transaction) -> None:
    """Create the current signing key if there is none. Concurrent processes end up with the same one.

    Runs under the AUTH role.
    """
    found = await tx.execute(select(signing_keys.c.id).where(signing_keys.c.retired_at.is_(None)))
    if found.first() is not None:
        return
    key = ECKey.generate_key(_CURVE, {"use": "sig", "alg": ALGORITHM}, private=True, auto_kid=True)
    key_id = new_id()
    row = {
        "id": key_id,
        "algorithm": ALGORITHM,
        "public_key": key.as_dict(private=False),
        "private_key": tx.keyring.seal(json.dumps(key.as_dict(private=True)).encode(), _place(key_id)),
        "created_at": tx.as_of,
    }
    # The second of two processes waits here for the first to commit, and then does nothing.
    await tx.execute(
        insert(signing_keys)
        .values(row)
        .on_conflict_do_nothing(
            index_elements=[signing_keys.c.algorithm], index_where=signing_keys.c.retired_at.is_(None)
        )
    )


async def rotate_signing_key(tx: Transaction) -> str:
    """Retire the current key and create a new one; returns its kid. Concurrent rotations run one after the other.

    Tokens of the retired key are valid until they expire. Runs under the AUTH role.
    """
    await tx.execute(update(signing_keys).where(signing_keys.c.retired_at.is_(None)).values(retired_at=tx.as_of))
    await ensure_signing_key(tx)
    current = await tx.execute(select(signing_keys.c.public_key).where(signing_keys.c.retired_at.is_(None)))
    return str(current.scalar_one()["kid"])


async def withdraw_retired_keys(tx: Transaction) -> int:
    """End the overlap of every retired key at once, after a key has leaked; returns how many there were.

    Rotate first. Every process refuses tokens of these keys within signing_keys_refresh_seconds. Runs under
    the AUTH role.
    """
    changed = await tx.execute(
        update(signing_keys)
        .where(signing_keys.c.retired_at.is_not(None), signing_keys.c.retired_at > _LONG_AGO)
        .values(retired_at=_LONG_AGO)
    )
    return changed.rowcount


async def load_signing_keys(tx: Transaction, *, overlap: timedelta = timedelta(days=1)) -> SigningKeys:
    """Load the current key, created if there is none, and those retired less than the overlap ago.

    Errors: EncryptionKeyError.
    """
    await ensure_signing_key(tx)
    keys = await read_signing_keys(tx, overlap=overlap)
    if keys is None:
        raise RuntimeError("The signing key that was just created is not there.")
    return keys


async def read_signing_keys(tx: Transaction, *, overlap: timedelta) -> SigningKeys | None:
    """Read the current key, and those retired less than the overlap ago; None if there is no current one.

    Runs under the AUTH role. Errors: EncryptionKeyError.
    """
    is_published = signing_keys.c.retired_at.is_(None) | (signing_keys.c.retired_at > tx.as_of - overlap)
    rows = (await tx.execute(select(signing_keys).where(is_published).order_by(signing_keys.c.id))).all()
    current = next((row for row in rows if row.retired_at is None), None)
    if current is None:
        return None
    private = json.loads(tx.keyring.open(current.private_key, _place(current.id)))
    public = [ECKey.import_key(row.public_key) for row in rows]
    return SigningKeys(current=ECKey.import_key(private), public={str(key.kid): key for key in public})


class SigningKeyStore:
    """This process's copy of the signing keys. One per process."""

    def __init__(self, database: Database, settings: AuthSettings) -> None:
        """Start with nothing read."""
        self._database = database
        self._settings = settings
        self._keys: SigningKeys | None = None
        self._read_at: datetime | None = None

    async def get(self, *, as_of: datetime) -> SigningKeys:
        """Return the keys, read again if the copy is old. Errors: DatabaseUnavailableError, EncryptionKeyError."""
        if self._keys is None or self._is_older(self._settings.signing_keys_refresh_seconds, as_of):
            return await self._read(as_of)
        return self._keys

    async def find_public_key(self, kid: str, *, as_of: datetime) -> ECKey | None:
        """Return the public key with this kid; an unknown kid causes another read, at a limited rate."""
        keys = await self.get(as_of=as_of)
        if kid not in keys.public and self._is_older(UNKNOWN_KEY_REFRESH_SECONDS, as_of):
            keys = await self._read(as_of)
        return keys.public.get(kid)

    async def _read(self, as_of: datetime) -> SigningKeys:
        async with self._database.system(Role.AUTH, as_of=as_of) as tx:
            self._keys = await load_signing_keys(tx, overlap=self._settings.signing_key_overlap)
        self._read_at = as_of
        return self._keys

    def _is_older(self, seconds: float, as_of: datetime) -> bool:
        return self._read_at is None or abs((as_of - self._read_at).total_seconds()) >= seconds


def _place(key_id: str) -> str:
    return f"signing_keys.private_key:{key_id}"
