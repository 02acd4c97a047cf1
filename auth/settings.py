"""The settings of the authorization server, passed in at startup. Every bound of auth is a field here.

Units: seconds where a name ends in _s, bytes in _bytes_max, attempts or requests per window otherwise.
"""

import ipaddress
from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import urlsplit

from auth.errors import IssuerInvalidError, ProviderInvalidError


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenIdSettings:
    """The regulator's own OpenID provider, which authenticates its officers.

    Errors: ProviderInvalidError.
    """

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    audience: str
    """The audience that an ID token must have; usually the client id."""
    name: str = "OpenID"
    scope: str = "openid"
    subject_claim: str = "sub"
    """The claim that identifies a person permanently."""
    required_claim: str = ""
    """A claim that must equal required_value or, if it is a list, contain it; empty for none."""
    required_value: str = ""
    is_beside_passwords: bool = False
    """Whether the regulator's officers may also log in by password."""
    timeout_s: float = 5.0
    response_bytes_max: int = 262_144
    refresh_s: float = 3_600.0

    def __post_init__(self) -> None:
        """Refuse a provider that can't be used safely."""
        parts = urlsplit(self.issuer)
        is_safe = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname or ""))
        is_plain = not parts.query and not parts.fragment and "@" not in parts.netloc and self.issuer[-1:] != "/"
        if not (is_safe and is_plain and parts.hostname and self.client_id and self.client_secret):
            raise ProviderInvalidError


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthSettings:
    """Settings of the authorization server and of token verification.

    Errors: IssuerInvalidError.
    """

    issuer: str
    """Our public origin, exactly as it appears in tokens and metadata, without a trailing slash."""
    audience: str
    """The only audience of our tokens."""
    service_name: str = "Jembatan"

    access_token_lifetime_s: int = 600
    code_lifetime_s: int = 60
    refresh_lifetime_s: int = 30 * 86_400
    """The longest that a family of refresh tokens lasts, however often it is used."""
    refresh_idle_s: int = 7 * 86_400
    refresh_double_s: float = 5.0
    """A used refresh token that is sent again within this time is refused; later, it also revokes its family."""
    pushed_request_lifetime_s: int = 540
    """Long enough to log in; less than the ten minutes that FAPI 2.0 allows."""
    proof_lifetime_s: int = 60
    proof_nonce_lifetime_s: int = 300
    session_lifetime_s: int = 8 * 3600
    login_page_lifetime_s: int = 3600
    assertion_lifetime_max_s: int = 300
    clock_skew_s: int = 10

    standing_check_s: float = 5.0
    """How long the token of a disabled client or officer may still be accepted."""
    revocation_check_s: float = 0.5
    """How long a revoked token may still be accepted, in every process."""
    verified_tokens_max: int = 10_000
    signing_keys_refresh_s: float = 60.0
    """How long a process may keep signing with a retired key."""
    unknown_key_refresh_s: float = 5.0
    """The shortest time between reads of the keys caused by tokens that name an unknown key."""

    request_bytes_max: int = 16_384
    token_bytes_max: int = 8_192
    token_requests_per_client: int = 120
    token_requests_per_address: int = 600
    authorize_requests_per_address: int = 600
    request_window_s: int = 60
    limited_parties_max: int = 10_000

    login_attempts_per_source: int = 10
    """For a login from one address, or from one browser that it was used in before."""
    login_attempts_per_login: int = 50
    """For a login from all browsers that it was not used in before."""
    login_attempts_per_address: int = 50
    login_window_s: int = 900
    is_second_factor_required: bool = False
    """Whether officers who log in by password need a second factor, to be set up at the next login."""
    second_factor_attempts: int = 5
    second_factor_lifetime_s: int = 600
    """How long after the password the second factor is accepted."""
    device_lifetime_s: int = 180 * 86_400
    """How long a browser stays known after a login."""

    openid: OpenIdSettings | None = None

    password_length_min: int = 12
    password_hash_time_cost: int = 3
    password_hash_memory_kib: int = 65_536
    password_hash_parallelism: int = 4
    password_hashes_at_once: int = 2
    password_hashes_waiting_max: int = 100

    def __post_init__(self) -> None:
        """Refuse an issuer that tokens and cookies can't be bound to."""
        if not _is_origin(self.issuer):
            raise IssuerInvalidError

    @property
    def is_secure(self) -> bool:
        """Whether browsers reach us over https, so that cookies can be marked secure."""
        return self.issuer.startswith("https://")

    @property
    def signing_key_overlap(self) -> timedelta:
        """How long tokens of a retired key can still be valid: other processes sign with it a little longer."""
        return timedelta(seconds=self.access_token_lifetime_s + self.signing_keys_refresh_s + 2 * self.clock_skew_s)

    @property
    def token_endpoint(self) -> str:
        """The token endpoint's URL."""
        return f"{self.issuer}/oauth/token"

    @property
    def revocation_endpoint(self) -> str:
        """The revocation endpoint's URL."""
        return f"{self.issuer}/oauth/revoke"

    @property
    def introspection_endpoint(self) -> str:
        """The introspection endpoint's URL."""
        return f"{self.issuer}/oauth/introspect"

    @property
    def pushed_request_endpoint(self) -> str:
        """The pushed authorization request endpoint's URL."""
        return f"{self.issuer}/oauth/par"

    @property
    def authorization_endpoint(self) -> str:
        """The authorization endpoint's URL."""
        return f"{self.issuer}/oauth/authorize"


def _is_origin(issuer: str) -> bool:
    try:
        parts = urlsplit(issuer)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    if not host or not issuer.isascii() or issuer != f"{parts.scheme}://{parts.netloc}" or "@" in parts.netloc:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host))


def is_loopback(host: str) -> bool:
    """Return whether a host name or address is the loopback interface."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
