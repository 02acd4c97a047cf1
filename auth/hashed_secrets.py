"""Random secrets that we issue, and the only form in which they are stored.

A secret generated here holds 256 random bits, which makes a plain SHA-256 safe to store. Passwords, which people
choose, must never be stored this way: see login/passwords.py.
"""

import hashlib
import secrets

from sqlalchemy import CheckConstraint


def generate_secret() -> str:
    """Generate a secret of characters that need no escaping in a URL, a header or a form."""
    return secrets.token_urlsafe(32)


def hash_secret(secret: str) -> bytes:
    """Return what is stored of a secret: 32 bytes."""
    return hashlib.sha256(secret.encode()).digest()


def matches_secret(candidate: str, stored_hash: bytes) -> bool:
    """Return whether the secret is the stored one, in constant time."""
    return secrets.compare_digest(hash_secret(candidate), stored_hash)


def hashed(column: str) -> CheckConstraint:
    """Constrain a column whose name ends in `_hash` to 32 bytes."""
    return CheckConstraint(f"octet_length({column}) = 32", name=f"{column}ed")
