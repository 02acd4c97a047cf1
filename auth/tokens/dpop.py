"""DPoP proofs: a client shows with each request that it holds the key that its token is bound to.

A proof is valid for one method, one URI, a short time and one use. The use is recorded in the database, so that a proof
used in one process is refused by every other. The nonce is an HMAC of the current time window that every process
computes alike, so that no proof can be created long before it is sent. No claim is trusted before the signature is
verified.

Source: RFC 9449 sections 4.2, 4.3 (what is checked), 8 and 9 (nonces), 11.1 (replay), 11.2 (pre-generation).
"""

import base64
import binascii
import hashlib
import hmac
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

from authlib.oauth2.rfc6749 import OAuth2Error
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey
from joserfc.jws import JWSRegistry
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.sql.dml import ReturningInsert

from auth.clients.keys import STRONG_ALGORITHMS, import_public_key
from auth.errors import ClientKeysInvalidError
from auth.settings import AuthSettings
from auth.tokens.table import used_proofs
from ledger.storage.sealing import Keyring

NONCE_SECONDS = 300
"""How often the nonce of proofs changes."""

_COMPACT = re.compile(r"^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\Z")
_THUMBPRINT = re.compile(r"^[A-Za-z0-9_-]{43}\Z")
_PROOF_LENGTH_MAX = 4_096
_JTI_LENGTH_MAX = 256
_DEFAULT_PORTS = {"https": 443, "http": 80}


class _ProofRegistry(JWSRegistry):
    """Allows an RSA key in the header."""

    max_header_length = _PROOF_LENGTH_MAX


class ProofFault(StrEnum):
    """Why a proof is refused."""

    INVALID = "PROOF_INVALID"
    NONCE = "PROOF_NONCE_NEEDED"


@dataclass(frozen=True, slots=True)
class Proof:
    """A verified proof; whether it is unused is checked separately."""

    key_thumbprint: str
    use_hash: bytes
    expires_at: datetime


class InvalidDpopProofError(OAuth2Error):  # type: ignore[misc]
    """The proof is missing, malformed, already used, or for another request (section 5)."""

    error = "invalid_dpop_proof"
    description = "The DPoP proof is not valid for this request."


class UseDpopNonceError(OAuth2Error):  # type: ignore[misc]
    """The proof must contain the nonce in the response's DPoP-Nonce header (section 8)."""

    error = "use_dpop_nonce"
    description = "Create the DPoP proof with the nonce in the DPoP-Nonce header."


def issue_nonce(keyring: Keyring, *, as_of: datetime) -> str:
    """Return the current nonce, valid until the end of the next window."""
    return _nonce_of(keyring, _window(as_of))


def verify_proof(
    proof: str,
    *,
    method: str,
    uri: str,
    access_token: str | None,
    keyring: Keyring,
    settings: AuthSettings,
    as_of: datetime,
) -> Proof | ProofFault:
    """Verify a proof by the checks of section 4.3, except for replay.

    Shapes: uri is the endpoint's own by our settings. access_token is the token sent with the proof, if any.
    """
    signed = _read_signed(proof)
    if signed is None or not _is_for(signed[1], method=method, uri=uri, access_token=access_token):
        return ProofFault.INVALID
    key, claims = signed
    jti, made_at = claims.get("jti"), _read_time(claims.get("iat"))
    if not isinstance(jti, str) or not 1 <= len(jti) <= _JTI_LENGTH_MAX or made_at is None:
        return ProofFault.INVALID
    skew = timedelta(seconds=settings.token_skew_seconds)
    lifetime = timedelta(seconds=settings.proof_seconds) + skew
    # Compared on our side: beyond the year 9999 the client's time could not be added to.
    if not as_of - lifetime < made_at <= as_of + skew:
        return ProofFault.INVALID
    if not _is_good_nonce(claims.get("nonce"), keyring, as_of):
        return ProofFault.NONCE
    thumbprint = key.thumbprint()
    use = hashlib.sha256(f"{thumbprint}:{jti}".encode("utf-8", "surrogatepass")).digest()
    return Proof(thumbprint, use, made_at + lifetime)


def _read_signed(proof: str) -> tuple[ECKey | RSAKey, dict[str, Any]] | None:
    """Return the key and the claims of a proof of the right type, signed by its own key (checks 2 to 7)."""
    header = _read_header(proof)
    # The algorithm is ours to choose, and we support no extension that must be understood (`crit`).
    if header is None or header.get("typ") != "dpop+jwt" or header["alg"] not in STRONG_ALGORITHMS or "crit" in header:
        return None
    try:
        key = import_public_key(header.get("jwk"), algorithm=header["alg"])
        registry = _ProofRegistry(algorithms=[header["alg"]])
        return key, jwt.decode(proof, key, registry=registry).claims
    except (ClientKeysInvalidError, JoseError, ValueError, RecursionError):
        return None


def _is_for(claims: dict[str, Any], *, method: str, uri: str, access_token: str | None) -> bool:
    """Return whether the proof was created for this request and this token (checks 8, 9 and 12)."""
    if claims.get("htm") != method or _normalise(claims.get("htu")) != _normalise(uri):
        return False
    return access_token is None or claims.get("ath") == hash_access_token(access_token)


def use_statement(proof: Proof) -> ReturningInsert[Any]:
    """Return the statement that uses the proof up; it returns a row for the first use only."""
    row = {"proof_hash": proof.use_hash, "expires_at": proof.expires_at}
    return (
        insert(used_proofs)
        .values(row)
        .on_conflict_do_nothing(index_elements=[used_proofs.c.proof_hash])
        .returning(used_proofs.c.proof_hash)
    )


def hash_access_token(access_token: str) -> str:
    """Return the `ath` claim of a proof for the token (section 4.2)."""
    digest = hashlib.sha256(access_token.encode("ascii", "replace")).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def is_thumbprint(text: str) -> bool:
    """Return whether the text can be a key's thumbprint (RFC 7638, SHA-256)."""
    return _THUMBPRINT.match(text) is not None


def _read_header(proof: str) -> dict[str, Any] | None:
    if len(proof) > _PROOF_LENGTH_MAX or not _COMPACT.match(proof):
        return None
    encoded = proof.split(".", 1)[0]
    try:
        header = json.loads(base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        return None
    return header if isinstance(header, dict) and isinstance(header.get("alg"), str) else None


def _normalise(uri: object) -> str | None:
    """Return the URI without query and fragment, normalised (check 9; RFC 3986 sections 6.2.2 and 6.2.3)."""
    if not isinstance(uri, str):
        return None
    try:
        parts = urlsplit(uri)
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    if host is None or "@" in parts.netloc:
        return None
    shown = "" if port in {None, _DEFAULT_PORTS.get(parts.scheme)} else f":{port}"
    return f"{parts.scheme}://{host}{shown}{parts.path or '/'}"


def _read_time(value: object) -> datetime | None:
    # In Python, a Boolean is an integer.
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    try:
        return datetime.fromtimestamp(value, UTC)
    except (OverflowError, ValueError, OSError):
        return None


def _window(as_of: datetime) -> int:
    return int(as_of.timestamp() // NONCE_SECONDS)


def _nonce_of(keyring: Keyring, window: int) -> str:
    return keyring.reference(f"dpop-nonce:{window}")[:32]


def _is_good_nonce(nonce: object, keyring: Keyring, as_of: datetime) -> bool:
    if not isinstance(nonce, str) or not nonce.isascii():
        return False
    window = _window(as_of)
    # One window ahead as well: another machine's clock may be ahead.
    return any(hmac.compare_digest(nonce, _nonce_of(keyring, near)) for near in (window, window - 1, window + 1))
