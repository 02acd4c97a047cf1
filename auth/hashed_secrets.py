"""Random secrets that we hand out, and the only form in which they are kept.

A secret made here holds 256 random bits, so that a plain SHA-256 can't be searched; what a person
chooses is another thing and goes through passwords.py.
"""

import hashlib
import secrets


def generate_secret() -> str:
    """A fresh secret in characters that need no escaping in a URL, a header or a form."""
    return secrets.token_urlsafe(32)


def hash_secret(secret: str) -> bytes:
    """What is stored of a secret: 32 bytes."""
    return hashlib.sha256(secret.encode()).digest()


def matches_secret(candidate: str, stored_hash: bytes) -> bool:
    """Whether the secret is the stored one, in a time that tells nothing."""
    return secrets.compare_digest(hash_secret(candidate), stored_hash)
