"""Identifies the caller, by a valid access token or as anonymous. It decides nothing about what they may do.

A token is read only from the Authorization header. An invalid one refuses the request: continuing without it would
return nulls for what the client believes it may read.
Source: RFC 6750 sections 2.1 and 3; RFC 9449 section 7.
"""

import re

import structlog

from auth.tokens.principal import Principal
from auth.tokens.verification import Failure, Refusal, Verdict
from gateway.operations.errors import MalformedRequestError, TokenInvalidError
from gateway.operations.progress import Called, Received, advance
from gateway.operations.services import Services
from gateway.operations.stages.limit_rate import take_rate

_log = structlog.get_logger("gateway.authentication")
_CREDENTIALS = re.compile(r"^((?i:bearer|dpop)) +([A-Za-z0-9._~+/-]+=*)$")
_TOKEN_CHARS_MAX = 8_192
_REALM = 'Bearer realm="jembatan"'
_DPOP_ERRORS = {Refusal.PROOF_NONCE: "use_dpop_nonce", Refusal.PROOF_INVALID: "invalid_dpop_proof"}


async def authenticate_caller(received: Received, services: Services) -> Called:
    """Identify the caller. That of a WebSocket's operation was authenticated when the socket opened.

    Errors: TokenInvalidError (401 with a challenge), MalformedRequestError for two Authorization headers,
    RateLimitedError for too many bad tokens.
    """
    if isinstance(received, Called):
        return received
    return advance(received, Called, principal=await _find_principal(received, services))


async def _find_principal(received: Received, services: Services) -> Principal | None:
    if not received.authorization:
        return None
    if len(received.authorization) > 1:
        raise MalformedRequestError("The request has more than one Authorization header.")
    header = received.authorization[0].strip()
    matched = _CREDENTIALS.match(header) if len(header) <= _TOKEN_CHARS_MAX else None
    if matched is None:
        raise TokenInvalidError(
            "The Authorization header must be Bearer or DPoP, followed by an access token.",
            headers={"WWW-Authenticate": f'{_REALM}, error="invalid_request"'},
        )
    is_bound = matched.group(1).lower() == "dpop"
    if is_bound:
        verdict = await _verify_bound(received, services, matched.group(2))
    else:
        verdict = await services.verify_token(matched.group(2), received.as_of)
    if isinstance(verdict, Failure):
        # The reason is only logged, since the sender may not be the token's owner.
        _log.info("token refused", reason=str(verdict.reason))
        if verdict.reason is not Refusal.PROOF_NONCE:
            # Bad tokens count against the rate of the anonymous callers at this address.
            take_rate(services.anonymous, received.peer, received.as_of)
        raise TokenInvalidError(headers=_challenge(received, services, verdict.reason, is_bound=is_bound))
    return verdict.principal


async def _verify_bound(received: Received, services: Services, token: str) -> Verdict:
    """Return the verdict on a token that is bound to the caller's key (RFC 9449 section 7.1)."""
    if services.bound_tokens is None:
        raise TokenInvalidError(headers={"WWW-Authenticate": f'{_REALM}, error="invalid_request"'})
    return await services.bound_tokens.verify(
        token,
        proofs=received.proofs,
        method=received.method,
        uri=f"{services.settings.base_url}{received.path}",
        as_of=received.as_of,
    )


def _challenge(received: Received, services: Services, reason: Refusal, *, is_bound: bool) -> dict[str, str]:
    """Return the challenge: the scheme to use, and the nonce that the next proof must contain."""
    if services.bound_tokens is None or not (is_bound or reason is Refusal.PROOF_MISSING):
        return {"WWW-Authenticate": f'{_REALM}, error="invalid_token"'}
    error = _DPOP_ERRORS.get(reason, "invalid_token")
    return {
        "WWW-Authenticate": f'DPoP realm="jembatan", error="{error}", algs="ES256 PS256"',
        "DPoP-Nonce": services.bound_tokens.issue_nonce(received.as_of),
    }
