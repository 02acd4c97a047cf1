"""The regulator's own OpenID provider: its metadata, its keys, and who has logged in by its ID tokens.

Requests go only to the configured provider, over https (or loopback), without following redirects, and bounded in time
and size. An ID token is accepted only if its signature, issuer, audience, times and nonce are all valid; nothing in it
may decide what an officer may do.

Source: OpenID Connect Core 1.0 sections 3.1.3.1, 3.1.3.7 and 5.1; Discovery 1.0 sections 3 and 4; RFC 7636; RFC 9207.
"""

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import aiohttp
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from auth.errors import ProviderAwayError, ProviderRefusedError
from auth.settings import AuthSettings, is_loopback

_ALGORITHMS = {"RSA": ("RS256", "PS256"), "EC": ("ES256",)}
_KEYS_MAX = 50
_SUBJECT_LENGTH_MAX = 255
_RESPONSE_BYTES_MAX = 262_144
_REFRESH_SECONDS = 3_600.0
"""How often its metadata and keys are read again."""
_UNKNOWN_KEY_REFRESH_S = 5.0


@dataclass(frozen=True, slots=True)
class ProviderMetadata:
    """The provider's metadata."""

    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    sends_issuer: bool


class OpenIdProvider:
    """A client of the provider. One per process; metadata and keys are remembered and read again when they are old."""

    def __init__(self, settings: AuthSettings, *, redirect_uri: str) -> None:
        """Start with nothing read."""
        self.settings = settings
        self._redirect_uri = redirect_uri
        self._metadata: ProviderMetadata | None = None
        self._keys: list[RSAKey | ECKey] = []
        self._metadata_read_at: datetime | None = None
        self._keys_read_at: datetime | None = None

    async def get_metadata(self, *, as_of: datetime) -> ProviderMetadata:
        """Return the provider's metadata. Errors: ProviderAwayError."""
        if self._metadata is None or _is_older(self._metadata_read_at, _REFRESH_SECONDS, as_of):
            found = await self._fetch("GET", f"{self.settings.openid_issuer}/.well-known/openid-configuration")
            # Discovery section 4.3: the document must be the one of the issuer that we trust.
            if found.get("issuer") != self.settings.openid_issuer:
                raise ProviderAwayError("The provider's document names another issuer.")
            self._metadata = ProviderMetadata(
                _check_endpoint(found.get("authorization_endpoint")),
                _check_endpoint(found.get("token_endpoint")),
                _check_endpoint(found.get("jwks_uri")),
                found.get("authorization_response_iss_parameter_supported") is True,
            )
            self._metadata_read_at = as_of
        return self._metadata

    async def render_authorization_url(self, *, state: str, nonce: str, verifier: str, as_of: datetime) -> str:
        """Return the URL where the officer logs in. Errors: ProviderAwayError."""
        endpoint = (await self.get_metadata(as_of=as_of)).authorization_endpoint
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
        parameters = {
            "response_type": "code",
            "client_id": self.settings.openid_client_id,
            "redirect_uri": self._redirect_uri,
            "scope": self.settings.openid_scope,
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        return f"{endpoint}{'&' if urlsplit(endpoint).query else '?'}{urlencode(parameters)}"

    async def redeem(self, parameters: Mapping[str, str], *, nonce: str, verifier: str, as_of: datetime) -> str:
        """Return the subject that has logged in.

        Shapes: parameters are those of the callback. Errors: ProviderRefusedError, ProviderAwayError.
        """
        metadata = await self.get_metadata(as_of=as_of)
        issuer = parameters.get("iss")
        # RFC 9207 section 2.4: refuse a response of another server, or one that lacks a promised iss.
        if issuer != self.settings.openid_issuer and (issuer is not None or metadata.sends_issuer):
            raise ProviderRefusedError("The response is not from the expected provider.")
        code = parameters.get("code")
        if code is None:
            raise ProviderRefusedError("The provider did not log you in.")
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._redirect_uri,
            "code_verifier": verifier,
        }
        # RFC 6749 section 2.3.1: both parts are form-encoded before they are joined.
        user, password = (
            quote(part, safe="") for part in (self.settings.openid_client_id, self.settings.openid_client_secret)
        )
        basic = base64.b64encode(f"{user}:{password}".encode()).decode()
        answer = await self._fetch(
            "POST", metadata.token_endpoint, data=form, headers={"Authorization": f"Basic {basic}"}
        )
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise ProviderRefusedError("The provider returned no ID token.")
        return self._check_claims(await self._verify(token, as_of=as_of), nonce=nonce, as_of=as_of)

    async def _verify(self, token: str, *, as_of: datetime) -> dict[str, Any]:
        try:
            header = jws.extract_compact(token.encode("ascii")).headers()
        except (JoseError, ValueError, RecursionError):
            raise ProviderRefusedError("The ID token is malformed.") from None
        key = await self._find_key(header.get("kid"), as_of=as_of)
        if key is None:
            raise ProviderRefusedError("The ID token is signed with a key that the provider doesn't publish.")
        try:
            return dict(jwt.decode(token, key, algorithms=_ALGORITHMS[key.key_type]).claims)
        except (JoseError, ValueError, RecursionError):
            raise ProviderRefusedError("The ID token's signature is invalid.") from None

    async def _find_key(self, kid: object, *, as_of: datetime) -> RSAKey | ECKey | None:
        if _is_older(self._keys_read_at, _REFRESH_SECONDS, as_of):
            await self._read_keys(as_of)
        found = self._pick(kid)
        if found is None and _is_older(self._keys_read_at, _UNKNOWN_KEY_REFRESH_S, as_of):
            await self._read_keys(as_of)
            found = self._pick(kid)
        return found

    def _pick(self, kid: object) -> RSAKey | ECKey | None:
        if kid is None:
            return self._keys[0] if len(self._keys) == 1 else None
        return next((key for key in self._keys if key.kid == kid), None)

    async def _read_keys(self, as_of: datetime) -> None:
        metadata = await self.get_metadata(as_of=as_of)
        listed = (await self._fetch("GET", metadata.jwks_uri)).get("keys")
        if not isinstance(listed, list):
            raise ProviderAwayError("The provider's keys are not a JWK set.")
        self._keys = [key for item in listed[:_KEYS_MAX] if (key := _import_key(item)) is not None]
        self._keys_read_at = as_of

    def _check_claims(self, claims: Mapping[str, Any], *, nonce: str, as_of: datetime) -> str:
        settings, now, skew = self.settings, as_of.timestamp(), self.settings.token_skew_seconds
        audiences = claims.get("aud")
        audiences = [audiences] if isinstance(audiences, str) else audiences
        has_audience = (
            isinstance(audiences, list) and (settings.openid_audience or settings.openid_client_id) in audiences
        )
        is_for_us = claims.get("azp", settings.openid_client_id) == settings.openid_client_id
        subject, required = claims.get(settings.openid_subject_claim), settings.openid_required_claim
        held = claims.get(required) if required else None
        checks = (
            (claims.get("iss") == settings.openid_issuer, "The ID token is from another issuer."),
            (has_audience, "The ID token is for another audience."),
            (is_for_us and (len(audiences or ()) == 1 or "azp" in claims), "The ID token is for another client."),
            (_is_time(claims.get("exp")) and claims["exp"] > now - skew, "The ID token has expired."),
            (_is_time(claims.get("iat")) and claims["iat"] <= now + skew, "The ID token was issued in the future."),
            (_is_time(claims.get("nbf", 0)) and claims.get("nbf", 0) <= now + skew, "The ID token is not valid yet."),
            (claims.get("nonce") == nonce, "The ID token belongs to another login."),
            (
                not required or _holds(held, settings.openid_required_value),
                "Your account there may not be used here.",
            ),
            (isinstance(subject, str) and 0 < len(subject) <= _SUBJECT_LENGTH_MAX, "The ID token names no subject."),
        )
        for is_good, reason in checks:
            if not is_good:
                raise ProviderRefusedError(reason)
        return str(subject)

    async def _fetch(self, method: str, url: str, **more: Any) -> dict[str, Any]:
        """Make one bounded request. Errors: ProviderAwayError, ProviderRefusedError (4xx to a POST)."""
        timeout = aiohttp.ClientTimeout(total=self.settings.openid_timeout_seconds)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout, cookie_jar=aiohttp.DummyCookieJar()) as http,
                http.request(method, url, allow_redirects=False, **more) as response,
            ):
                body = bytearray()
                async for chunk in response.content.iter_chunked(16_384):
                    body += chunk
                    if len(body) > _RESPONSE_BYTES_MAX:
                        raise ProviderAwayError("The provider's response is too large.")
                if method == "POST" and 400 <= response.status < 500:  # noqa: PLR2004 - the class of statuses
                    raise ProviderRefusedError("The provider refused its own code.")
                if response.status != 200:  # noqa: PLR2004 - the one good status
                    raise ProviderAwayError(f"The provider responded with status {response.status}.")
            found = json.loads(bytes(body))
        except (aiohttp.ClientError, TimeoutError, ValueError, RecursionError) as error:
            raise ProviderAwayError from error
        if not isinstance(found, dict):
            raise ProviderAwayError("The provider's response is not a JSON object.")
        return found


def _check_endpoint(url: object) -> str:
    """Return the URL, if requests and officers may be sent to it. Errors: ProviderAwayError."""
    try:
        parts = urlsplit(url) if isinstance(url, str) else urlsplit("")
        is_good = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname or ""))
        is_good = is_good and bool(parts.hostname) and "@" not in parts.netloc and not parts.fragment
    except ValueError:
        is_good = False
    if not is_good:
        raise ProviderAwayError("The provider's document names an endpoint that is not https.")
    return str(url)


def _import_key(item: object) -> RSAKey | ECKey | None:
    """Return a public key of the set, unless it is of an unsupported kind."""
    if not isinstance(item, dict) or item.get("use", "sig") != "sig":
        return None
    try:
        if item.get("kty") == "RSA":
            return RSAKey.import_key(item)
        return ECKey.import_key(item) if item.get("kty") == "EC" and item.get("crv") == "P-256" else None
    except (JoseError, ValueError, TypeError):
        return None


def _holds(held: object, wanted: str) -> bool:
    return wanted in held if isinstance(held, list) else held == wanted


def _is_time(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_older(read_at: datetime | None, seconds: float, as_of: datetime) -> bool:
    return read_at is None or abs((as_of - read_at).total_seconds()) >= seconds
