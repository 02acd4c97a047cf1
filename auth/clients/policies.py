"""Policies: what one client must or may do beyond the rules for every client, as a list in its registration.

Source: RFC 9126 section 6 (require_pushed_authorization_requests), RFC 9449 section 5.2
(dpop_bound_access_tokens), FAPI 2.0 Security Profile section 5.3.
"""

from enum import StrEnum


class ClientPolicy(StrEnum):
    """One policy."""

    REFRESH_ALWAYS = "refresh_always"
    """Every code yields a refresh token, whether offline_access was requested or not."""
    REQUIRE_PAR = "require_par"
    """Authorization requests must be pushed, never sent through the browser."""
    REQUIRE_DPOP = "require_dpop"
    """Every token is bound to a key of the client."""
    FAPI_2 = "fapi_2"
    """The whole profile: pushed requests, bound tokens, and private_key_jwt with ES256 or PS256 only."""
    INTROSPECT_ANY = "introspect_any"
    """May introspect the tokens of other clients; for a router or a service run by the regulator."""


FAPI_2_MEASURES = frozenset({ClientPolicy.REQUIRE_PAR, ClientPolicy.REQUIRE_DPOP})
