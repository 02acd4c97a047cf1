"""The public address: whether it can be an issuer, its certificate, and whether what answers there is ours.

What answers is read as any client reads it; a server that isn't running is no failure.
Source: RFC 8414 section 3; RFC 7517 section 5.
"""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import orjson

from auth.errors import AuthError
from auth.protocol.metadata import render_metadata
from auth.settings import AuthSettings, check_auth_settings
from auth.tokens.signing_keys import SigningKeys
from cli.diagnosis.findings import Finding, fail, find_well, warn

_SECONDS_MAX = 5.0
_ANSWER_BYTES_MAX = 1 << 20
_DAY_SECONDS = 86_400
_DAYS_GOOD = 21
_HTTPS_PORT = 443
_AWAY = "Start `jembatan serve`, or see that name and proxy lead to it."


async def check_issuer(settings: AuthSettings, keys: SigningKeys | None) -> AsyncIterator[Finding]:
    """Yield what was found. keys are those of the database; None where they aren't known."""
    try:
        check_auth_settings(settings)
    except AuthError as error:
        yield fail("issuer", f"{error.code}: {error.message}", error.hint or "See docs/errors.md.")
        return
    if settings.is_secure:
        tls, is_taken = await _check_certificate(settings.issuer)
        yield tls
        if not is_taken:
            return
    else:
        yield find_well("tls", "None, since the issuer is on loopback.")
    try:
        told = await _fetch(f"{settings.issuer}/.well-known/oauth-authorization-server")
        yield _compare_metadata(told, settings)
        if keys is not None:
            yield _compare_keys(await _fetch(f"{settings.issuer}/oauth/jwks"), keys)
    except (aiohttp.ClientError, OSError, ValueError) as error:
        yield warn("issuer", f"Nothing of ours answers at {settings.issuer} ({type(error).__name__}).", _AWAY)


def judge_certificate(ends_at: float, *, now: float) -> Finding:
    """Judge a valid certificate by its end; both in seconds since 1970."""
    days = int((ends_at - now) // _DAY_SECONDS)
    if days < _DAYS_GOOD:
        return warn("tls", f"The issuer's certificate ends in {days} days.", "Renew it.")
    return find_well("tls", f"The issuer's certificate is valid for {days} days more.")


async def _check_certificate(issuer: str) -> tuple[Finding, bool]:
    """Return what was found, and whether a client would take it."""
    parts = urlsplit(issuer)
    host = parts.hostname or ""
    try:
        async with asyncio.timeout(_SECONDS_MAX):
            _, writer = await asyncio.open_connection(
                host, parts.port or _HTTPS_PORT, ssl=ssl.create_default_context(), server_hostname=host
            )
    except ssl.SSLCertVerificationError as error:
        said = f"The issuer's certificate is not valid: {error.verify_message}."
        return fail("tls", said, "Renew it, or set SSL_CERT_FILE if its authority is your own."), False
    except OSError as error:
        return warn("tls", f"{issuer} can't be reached ({type(error).__name__}).", _AWAY), False
    try:
        shown: Any = writer.get_extra_info("ssl_object").getpeercert()
        return judge_certificate(ssl.cert_time_to_seconds(shown["notAfter"]), now=time.time()), True
    finally:
        writer.transport.abort()


async def _fetch(url: str) -> Any:
    """Return the JSON at a URL, without following redirects. Errors: ClientError, OSError, ValueError."""
    timeout = aiohttp.ClientTimeout(total=_SECONDS_MAX)
    async with (
        aiohttp.ClientSession(timeout=timeout) as http,
        http.get(url, allow_redirects=False, raise_for_status=True, ssl=ssl.create_default_context()) as response,
    ):
        return orjson.loads(await response.content.read(_ANSWER_BYTES_MAX))


def _compare_metadata(told: Any, settings: AuthSettings) -> Finding:
    ours = render_metadata(settings)
    differing = [name for name, value in ours.items() if not isinstance(told, dict) or told.get(name) != value]
    if "issuer" in differing:
        said = f"What answers at {settings.issuer} names another issuer."
        return fail("issuer", said, "Give every process the same JEMBATAN_PUBLIC_URL.")
    if differing:
        said = f"Its metadata differs from ours in {', '.join(differing)}."
        return warn("issuer", said, "Another version, or another product, answers there; upgrade every process.")
    return find_well("issuer", f"{settings.issuer} answers, and its metadata is ours.")


def _compare_keys(told: Any, keys: SigningKeys) -> Finding:
    listed = told.get("keys") if isinstance(told, dict) else None
    shown = {str(key.get("kid")) for key in listed or [] if isinstance(key, dict)}
    if str(keys.current.kid) not in shown:
        said = "The issuer doesn't publish the key that this database's tokens are signed with."
        return fail("published keys", said, "What answers there uses another database: compare JEMBATAN_DATABASE_URL.")
    return find_well("published keys", "The issuer publishes this database's keys.")
