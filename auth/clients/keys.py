"""A client's public keys: which may be registered, and which one an assertion was signed with.

Source: RFC 7517 section 5; RFC 8725 section 3.5 (key strength); FAPI 2.0 section 5.4.
"""

import json
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from auth.errors import ClientKeysInvalidError

ALGORITHMS = ("ES256", "PS256", "RS256")
"""What assertions may be signed with. No HS*: a public key must never be used as a shared secret."""
STRONG_ALGORITHMS = ("ES256", "PS256")
"""What DPoP proofs, and assertions under FAPI 2.0, may be signed with (RFC 9449 11.6; FAPI 2.0 5.4.1)."""

_KEYS_MAX = 8
_BYTES_MAX = 16_384
_RSA_BITS_MIN = 2_048
_RSA_BITS_MAX = 8_192
_PRIVATE_PARTS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_KID_LENGTH_MAX = 128


def check_public_keys(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the JWK set as it is stored. Errors: ClientKeysInvalidError."""
    keys = document.get("keys")
    if not isinstance(keys, list) or not 1 <= len(keys) <= _KEYS_MAX:
        raise ClientKeysInvalidError(f"A JWK set holds 1 to {_KEYS_MAX} keys.", field="publicKeys")
    if len(json.dumps(document)) > _BYTES_MAX:
        raise ClientKeysInvalidError("The JWK set is too large.", field="publicKeys")
    kids = [_check_public_key(key) for key in keys]
    if len(set(kids)) != len(kids):
        raise ClientKeysInvalidError("Two keys have the same kid.", field="publicKeys")
    return {"keys": keys}


def find_key(document: Mapping[str, Any], *, kid: str | None, algorithm: str) -> ECKey | RSAKey | None:
    """Return the key with this kid or, without a kid, the only key; None if there is none for the algorithm."""
    keys = [key for key in document["keys"] if kid is None or key["kid"] == kid]
    if len(keys) != 1 or algorithm not in ALGORITHMS:
        return None
    key = keys[0]
    if key.get("alg", algorithm) != algorithm or (key["kty"] == "EC") != (algorithm == "ES256"):
        return None
    return ECKey.import_key(key) if key["kty"] == "EC" else RSAKey.import_key(key)


def import_public_key(key: Any, *, algorithm: str | None = None) -> ECKey | RSAKey:
    """Import a strong enough public JWK, for the algorithm if one is given. Errors: ClientKeysInvalidError."""
    if not isinstance(key, dict) or _PRIVATE_PARTS & set(key):
        raise ClientKeysInvalidError(field="publicKeys")
    if algorithm is not None and (key.get("kty") == "EC") != (algorithm == "ES256"):
        raise ClientKeysInvalidError(field="publicKeys")
    try:
        if key.get("kty") == "EC" and key.get("crv") == "P-256":
            return ECKey.import_key(key)
        if key.get("kty") == "RSA":
            modulus = urlsafe_b64decode(key["n"] + "=" * (-len(key["n"]) % 4))
            if _RSA_BITS_MIN <= int.from_bytes(modulus, "big").bit_length() <= _RSA_BITS_MAX:
                return RSAKey.import_key(key)
    except (JoseError, ValueError, TypeError, KeyError):
        pass
    raise ClientKeysInvalidError(field="publicKeys")


def _check_public_key(key: Any) -> str:
    import_public_key(key)
    kid = key.get("kid")
    if not isinstance(kid, str) or not 1 <= len(kid) <= _KID_LENGTH_MAX or not (kid.isascii() and kid.isprintable()):
        raise ClientKeysInvalidError("Each key needs a kid in ASCII.", field="publicKeys")
    if key.get("use", "sig") != "sig":
        raise ClientKeysInvalidError("A key for encryption can't sign.", field="publicKeys")
    return kid
