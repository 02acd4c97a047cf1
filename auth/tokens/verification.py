"""Verification of access tokens: a verdict, never an exception, for whatever a caller sends as its bearer token.

It must never accept a token that is not exactly ours: our algorithm, our type, our issuer, our audience. A verified
token is remembered until it expires; its status is checked again every few seconds, and a revocation by any process
takes effect within one.

Source: RFC 9068 section 4, RFC 8725 sections 3.1, 3.2, 3.8, 3.9 and 3.11 (JWT best practices), RFC 6750.
"""

import binascii
import hashlib
import json
import re
from base64 import urlsafe_b64decode
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from auth.scopes import parse_scope
from auth.settings import AuthSettings
from auth.tokens.principal import Principal
from auth.tokens.revocation_watch import RevocationWatch
from auth.tokens.signing_keys import ALGORITHM, SigningKeys, SigningKeyStore
from auth.tokens.token_status import is_active
from ledger.bounds.recent import Recent
from ledger.identifiers import BrandId, ClientId, MemberId, OfficeId, OfficerId
from ledger.storage.database import Database
from ledger.storage.roles import Role
from ledger.viewer import MemberKind

TOKEN_TYPE = "at+jwt"  # noqa: S105 - the media type of RFC 9068, no secret
TOKEN_BYTES_MAX = 8_192
_COMPACT = re.compile(r"^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\Z")
_HEADERS_TAKEN = {"alg", "typ", "kid"}


class Refusal(StrEnum):
    """Why a token is refused. Each is a stable code."""

    MALFORMED = "TOKEN_MALFORMED"
    SIGNATURE = "TOKEN_SIGNATURE_INVALID"
    TYPE = "TOKEN_TYPE_WRONG"
    ISSUER = "TOKEN_ISSUER_WRONG"
    AUDIENCE = "TOKEN_AUDIENCE_WRONG"
    EXPIRED = "TOKEN_EXPIRED"
    NOT_YET_VALID = "TOKEN_NOT_YET_VALID"
    REVOKED = "TOKEN_REVOKED"
    PROOF_MISSING = "TOKEN_PROOF_MISSING"
    PROOF_INVALID = "TOKEN_PROOF_INVALID"
    PROOF_NONCE = "TOKEN_PROOF_NONCE_NEEDED"


@dataclass(frozen=True, slots=True)
class Success:
    """The token is valid."""

    principal: Principal

    def __bool__(self) -> bool:
        return True


@dataclass(frozen=True, slots=True)
class Failure:
    """The token is refused."""

    reason: Refusal

    def __bool__(self) -> bool:
        return False


Verdict = Success | Failure


@dataclass(slots=True)
class _Remembered:
    kid: str
    principal: Principal
    status_checked_at: datetime | None


class TokenVerifier:
    """Verifies bearer tokens. One per process; owned by the event loop's thread."""

    def __init__(self, database: Database, keys: SigningKeyStore, settings: AuthSettings) -> None:
        """Start with nothing remembered."""
        self._database = database
        self._keys = keys
        self._settings = settings
        self.watch = RevocationWatch(database, settings)
        """The recent revocations; everything in this process shares this one watch."""
        self._remembered: Recent[bytes, _Remembered] = Recent(settings.token_cache_entries)

    async def verify(self, bearer: str, as_of: datetime) -> Verdict:
        """Return the verdict on a bearer token; one that is bound to a key is always refused (RFC 9449 section 7.2).

        Errors: DatabaseUnavailableError, if status or keys can't be read: no token is accepted then.
        """
        verdict = await self.judge(bearer, as_of)
        if isinstance(verdict, Success) and verdict.principal.key_thumbprint is not None:
            return Failure(Refusal.PROOF_MISSING)
        return verdict

    async def judge(self, bearer: str, as_of: datetime) -> Verdict:
        """Do the same as verify, for a caller that requires a proof if the principal has a key_thumbprint."""
        if len(bearer) > TOKEN_BYTES_MAX or not _COMPACT.match(bearer):
            return Failure(Refusal.MALFORMED)
        digest = hashlib.sha256(bearer.encode("ascii")).digest()
        known = await self._recall(digest, as_of) or await self._read(bearer, as_of)
        if isinstance(known, Failure):
            return known
        refusal = await self._find_refusal(known, as_of)
        if refusal is not None:
            self._remembered.forget(digest)
            return Failure(refusal)
        self._remembered.keep(digest, known)
        return Success(known.principal)

    async def _find_refusal(self, known: _Remembered, as_of: datetime) -> Refusal | None:
        """Return why a verified token is refused now, if it is; notes when its status was checked."""
        principal = known.principal
        if principal.expires_at <= as_of:
            return Refusal.EXPIRED
        if known.status_checked_at is not None:
            await self.watch.catch_up(as_of)
        if self.watch.names(principal.token_id, principal.family_id):
            return Refusal.REVOKED
        if self._is_status_due(known.status_checked_at, as_of):
            async with self._database.system(Role.AUTH, as_of=as_of) as tx:
                is_still_active = await is_active(tx, principal, settings=self._settings)
            if not is_still_active:
                return Refusal.REVOKED
            known.status_checked_at = as_of
        return None

    def _is_status_due(self, asked_at: datetime | None, as_of: datetime) -> bool:
        if asked_at is None or not self.watch.has_all_since(asked_at):
            return True
        return abs((as_of - asked_at).total_seconds()) >= self._settings.standing_check_seconds

    async def _read(self, bearer: str, as_of: datetime) -> _Remembered | Failure:
        kid = _find_kid(bearer)
        if isinstance(kid, Failure):
            return kid
        key = await self._keys.find_public_key(kid, as_of=as_of)
        verdict = _verify_signed(bearer, key, self._settings, as_of=as_of)
        return verdict if isinstance(verdict, Failure) else _Remembered(kid, verdict.principal, None)

    async def _recall(self, digest: bytes, as_of: datetime) -> _Remembered | None:
        """Return what is remembered of the token, as long as the key that signed it is published."""
        remembered = self._remembered.find(digest)
        if remembered is None:
            return None
        keys = await self._keys.get(as_of=as_of)
        if remembered.kid in keys.public:
            return remembered
        self._remembered.forget(digest)
        return None


def verify_access_token(bearer: str, keys: SigningKeys, settings: AuthSettings, *, as_of: datetime) -> Verdict:
    """Return the verdict on a token by its signature and claims only: status and revocation are not checked."""
    if len(bearer) > TOKEN_BYTES_MAX or not _COMPACT.match(bearer):
        return Failure(Refusal.MALFORMED)
    kid = _find_kid(bearer)
    if isinstance(kid, Failure):
        return kid
    verdict = _verify_signed(bearer, keys.public.get(kid), settings, as_of=as_of)
    if isinstance(verdict, Success) and verdict.principal.expires_at <= as_of:
        return Failure(Refusal.EXPIRED)
    return verdict


def _find_kid(bearer: str) -> str | Failure:
    """Return the id of the key that the token names, if its header is one of ours."""
    header = _read_header(bearer)
    # Exactly these three are allowed: no `crit`, and no key, or URL of one, that the token itself supplies.
    if header is None or set(header) != _HEADERS_TAKEN or not isinstance(header["kid"], str):
        return Failure(Refusal.MALFORMED)
    # RFC 8725 section 3.1: the algorithm is ours to choose, never the token's.
    if header["alg"] != ALGORITHM:
        return Failure(Refusal.SIGNATURE)
    if header["typ"] != TOKEN_TYPE:
        return Failure(Refusal.TYPE)
    return header["kid"]


def _verify_signed(bearer: str, key: ECKey | None, settings: AuthSettings, *, as_of: datetime) -> Verdict:
    """Return the verdict on a token whose header was checked, except for its expiry."""
    if key is None:
        return Failure(Refusal.SIGNATURE)
    try:
        claims = jwt.decode(bearer, key, algorithms=[ALGORITHM]).claims
    except (JoseError, ValueError, RecursionError):
        return Failure(Refusal.SIGNATURE)
    return _judge_claims(claims, settings, as_of=as_of)


def _judge_claims(claims: dict[str, Any], settings: AuthSettings, *, as_of: datetime) -> Verdict:
    if claims.get("iss") != settings.issuer:
        return Failure(Refusal.ISSUER)
    if claims.get("aud") != settings.token_audience:
        return Failure(Refusal.AUDIENCE)
    try:
        starts_at = datetime.fromtimestamp(claims["nbf"], UTC)
        principal = _read_principal(claims)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, OSError):
        return Failure(Refusal.MALFORMED)
    # We are the issuer: skew is only between our own machines, and never extends a token's lifetime.
    if starts_at > as_of + timedelta(seconds=settings.token_skew_seconds):
        return Failure(Refusal.NOT_YET_VALID)
    return Success(principal)


def _read_header(bearer: str) -> dict[str, Any] | None:
    encoded = bearer.split(".", 1)[0]
    try:
        header = json.loads(urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        return None
    return header if isinstance(header, dict) else None


def _read_principal(claims: dict[str, Any]) -> Principal:
    officer_id = claims.get("officer_id")
    return Principal(
        client_id=ClientId(claims["client_id"]),
        member_id=MemberId(claims["member_id"]),
        member_kind=MemberKind(claims["member_kind"]),
        scopes=parse_scope(claims["scope"]),
        token_id=claims["jti"],
        expires_at=datetime.fromtimestamp(claims["exp"], UTC),
        officer_id=OfficerId(officer_id) if officer_id is not None else None,
        office_id=OfficeId(claims["office_id"]) if officer_id is not None else None,
        brand_id=BrandId(claims["brand_id"]) if claims.get("brand_id") is not None else None,
        family_id=claims.get("family_id"),
        key_thumbprint=str(claims["cnf"]["jkt"]) if "cnf" in claims else None,
    )
