"""What is asked of one client beyond what is asked of every client, as a list on its registration.

Source: RFC 9126 section 6 (require_pushed_authorization_requests), RFC 9449 section 5.2
(dpop_bound_access_tokens), FAPI 2.0 Security Profile section 5.3.
"""

from enum import StrEnum


class ClientPolicy(StrEnum):
    """One measure."""

    REFRESH_ALWAYS = "refresh_always"
    """A refresh token comes with every code, whether offline_access was asked or not."""
    REQUIRE_PAR = "require_par"
    """Authorization requests are pushed, never sent through the browser."""
    REQUIRE_DPOP = "require_dpop"
    """Every token is bound to a key of the client's."""
    FAPI_2 = "fapi_2"
    """The whole profile: pushed requests, bound tokens, private_key_jwt by ES256 or PS256 and nothing else."""
    INTROSPECT_ANY = "introspect_any"
    """May introspect tokens of other clients: a router or a service that the regulator runs."""


FAPI_2_MEASURES = frozenset({ClientPolicy.REQUIRE_PAR, ClientPolicy.REQUIRE_DPOP})
