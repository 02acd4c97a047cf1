"""The settings of the authorization server: addresses, tokens, logins, and the regulator's own OpenID provider."""

import ipaddress
from collections.abc import Iterable
from datetime import timedelta
from typing import ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from auth.errors import IssuerInvalidError, ProviderInvalidError
from auth.scopes import SECOND_FACTOR_SCOPES
from ledger.sections import SettingsSection


class AddressSettings(SettingsSection):
    """Where the server listens, and the URL that clients use, which is also the issuer of tokens."""

    title: ClassVar[str] = "Address"

    host: str = Field("127.0.0.1", description="Address that the gateway listens on.")
    port: int = Field(8000, ge=0, le=65_535, description="Port that the gateway listens on; 0 picks a free one.")
    public_url: str | None = Field(
        None,
        description="The URL that clients use; also the issuer of tokens. An origin without a path, since the gateway "
        "can't live under a prefix of another site. Unset: http://HOST:PORT.",
    )

    @field_validator("public_url")
    @classmethod
    def _check_public_url(cls, value: str | None) -> str | None:
        return None if value is None else check_url(value).rstrip("/")

    @property
    def base_url(self) -> str:
        """PUBLIC_URL, or the URL formed from HOST and PORT."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return self.public_url or f"http://{host}:{self.port}"


class TokenSettings(AddressSettings):
    """How long tokens are valid, how soon a revocation takes effect, and how often tokens may be requested."""

    title: ClassVar[str] = "Tokens"

    audience: str | None = Field(None, description="Audience of access tokens. Unset: PUBLIC_URL/graphql.")
    access_token_seconds: int = Field(600, ge=30, le=86_400, description="Lifetime of an access token.")
    authorization_code_seconds: int = Field(60, ge=5, le=600, description="Lifetime of an authorization code.")
    refresh_token_seconds: int = Field(
        2_592_000, ge=60, le=31_536_000, description="Longest time for which a login can be refreshed."
    )
    refresh_idle_seconds: int = Field(
        604_800, ge=60, le=31_536_000, description="How long a refresh token may remain unused before it expires."
    )
    refresh_double_seconds: float = Field(
        5, ge=0, le=60, description="A refresh token that is reused later than this after its first use ends its login."
    )
    pushed_request_seconds: int = Field(540, ge=30, lt=600, description="Lifetime of a pushed authorization request.")
    proof_seconds: int = Field(60, ge=5, le=300, description="How long after its creation a DPoP proof is accepted.")
    assertion_seconds_max: int = Field(300, ge=10, le=3600, description="Longest lifetime of a client assertion.")
    token_skew_seconds: int = Field(10, ge=0, le=300, description="Clock skew allowed in tokens and assertions.")
    standing_check_seconds: float = Field(
        5, ge=0, le=300, description="How long a disabled client or officer may still be accepted."
    )
    revocation_check_seconds: float = Field(
        0.5, ge=0, le=60, description="How long a revoked token may still be accepted by any process."
    )
    signing_keys_refresh_seconds: float = Field(
        60, gt=0, le=3600, description="How often a process checks for new signing keys."
    )
    token_cache_entries: int = Field(
        10_000, ge=0, le=10_000_000, description="Verified tokens that each process caches."
    )
    token_event_days: int = Field(400, ge=1, le=36_500, description="How long the record of token requests is kept.")
    oauth_window_seconds: int = Field(
        60, ge=1, le=86_400, description="Window of the rate limits of OAuth requests, which each process counts."
    )
    token_requests_per_client: int = Field(
        120,
        ge=1,
        description="Token requests per window and process from one client; of a public client, from each address.",
    )
    token_requests_per_address: int = Field(
        600, ge=1, description="Token requests per window from one address, in each process."
    )
    token_refusals_per_address: int = Field(
        5, ge=0, le=10_000, description="Unproved token requests per window and address that each process records."
    )
    token_refusals_recorded: int = Field(
        20,
        ge=0,
        le=10_000,
        description="Unproved token requests per window that each process records, from all addresses.",
    )
    authorize_requests_per_address: int = Field(
        600, ge=1, description="Requests to the login page per window from one address, in each process."
    )

    @property
    def issuer(self) -> str:
        """The public origin, exactly as it appears in tokens and metadata, without a trailing slash."""
        return self.base_url

    @property
    def token_audience(self) -> str:
        """The only audience of access tokens: AUDIENCE, or the URL of the GraphQL endpoint."""
        return self.audience or f"{self.base_url}/graphql"

    @property
    def is_secure(self) -> bool:
        """Whether browsers connect over HTTPS, so that cookies can be marked Secure."""
        return self.issuer.startswith("https://")

    @property
    def signing_key_overlap(self) -> timedelta:
        """How long tokens of a retired key can still be valid; other processes may sign with it a little longer."""
        return timedelta(
            seconds=self.access_token_seconds + self.signing_keys_refresh_seconds + 2 * self.token_skew_seconds
        )

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


class LoginSettings(SettingsSection):
    """How officers log in: sessions, limits of failed logins, second factors, passwords."""

    title: ClassVar[str] = "Logins"

    service_name: str = Field("Jembatan", min_length=1, max_length=80, description="Name that the login page shows.")
    login_session_seconds: int = Field(
        28_800, ge=60, le=604_800, description="Lifetime of a session at the login page."
    )
    login_window_seconds: int = Field(
        900, ge=1, le=86_400, description="Window of the limits of failed logins, which are counted over all processes."
    )
    login_attempts_per_source: int = Field(
        10,
        ge=1,
        description="Failed logins of a name per window, over all processes, from one address or one known browser.",
    )
    login_attempts_per_login: int = Field(
        50,
        ge=1,
        description="Failed logins of a name per window, over all processes, from all browsers not known for it.",
    )
    login_attempts_per_address: int = Field(
        50, ge=1, description="Failed logins per window from one address, over all processes."
    )
    login_device_days: int = Field(
        180, ge=1, le=400, description="How long a browser stays known for a name that logged in from it."
    )
    second_factor: Literal["optional", "privileged", "required"] = Field(
        "privileged",
        description="Which officers who log in by password must have a second factor (TOTP): none, those who may "
        "approve, lift, reveal or manage, or all.",
    )
    second_factor_attempts: int = Field(
        5, ge=1, le=100, description="Wrong second factors of a name per window, over all processes."
    )
    second_factor_seconds: int = Field(
        600, ge=60, le=3600, description="How long after the password the second factor may be entered."
    )
    invitation_hours: int = Field(
        72, ge=1, le=720, description="How long the link is valid with which an invited officer chooses a login."
    )
    password_length_min: int = Field(12, ge=8, le=128, description="Shortest password that an officer may set.")
    password_hash_rounds: int = Field(3, ge=1, le=100, description="Argon2 time cost.")
    password_hash_memory_kib: int = Field(65_536, ge=8, le=4_194_304, description="Argon2 memory cost, in KiB.")
    password_hash_threads: int = Field(4, ge=1, le=64, description="Argon2 parallelism.")
    password_hashes_at_once: int = Field(2, ge=1, le=64, description="Passwords that one process hashes concurrently.")
    password_wait_seconds: float = Field(
        3, gt=0, le=60, description="How long a password may wait to be hashed; then the answer is 503."
    )

    def needs_second_factor(self, scopes: Iterable[str]) -> bool:
        """Whether an officer who logs in by password needs a second factor for any of these scopes, or for all."""
        if self.second_factor == "privileged":
            return not SECOND_FACTOR_SCOPES.isdisjoint(scopes)
        return self.second_factor == "required"

    @property
    def login_device_seconds(self) -> int:
        """LOGIN_DEVICE_DAYS in seconds, as cookies need it."""
        return self.login_device_days * 86_400


class OpenIdSettings(SettingsSection):
    """The regulator's own OpenID provider, which authenticates its officers."""

    title: ClassVar[str] = "The regulator's own OpenID provider"

    openid_issuer: str = Field(
        "", description="Issuer through which the regulator's officers log in instead of by password. Unset: none."
    )
    openid_client_id: str = Field(
        "", description="Client id registered there, with the redirect URI PUBLIC_URL/oauth/provider/callback."
    )
    openid_client_secret: str = Field("", repr=False, description="Client secret (client_secret_basic).")
    openid_audience: str = Field("", description="Audience of the provider's ID tokens. Unset: OPENID_CLIENT_ID.")
    openid_name: str = Field(
        "OpenID", min_length=1, max_length=80, description="The provider's name on the login page."
    )
    openid_scope: str = Field("openid", pattern=r"^openid( [!-~]+)*$", description="Scopes to request.")
    openid_subject_claim: str = Field(
        "sub",
        min_length=1,
        max_length=80,
        description="Claim that identifies a person; officers are linked by its value.",
    )
    openid_required_claim: str = Field("", max_length=80, description="Claim to require, such as acr or groups.")
    openid_required_value: str = Field(
        "", max_length=255, description="Value that the required claim must equal, or contain if it is a list."
    )
    openid_passwords: bool = Field(default=False, description="Also let the regulator's officers log in by password.")
    openid_timeout_seconds: float = Field(5, gt=0, le=60, description="Time limit of one request to the provider.")


class AuthSettings(OpenIdSettings, LoginSettings, TokenSettings):
    """All settings of the authorization server and of token verification."""


def check_auth_settings(settings: AuthSettings) -> None:
    """Refuse settings that can't be served safely; only commands that serve call this.

    Errors: IssuerInvalidError, ProviderInvalidError.
    """
    check_issuer(settings.issuer)
    if settings.openid_issuer:
        check_provider(settings)


def check_issuer(issuer: str) -> None:
    """Refuse an issuer that tokens and cookies can't be bound to. Errors: IssuerInvalidError."""
    try:
        parts = urlsplit(issuer)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise IssuerInvalidError from None
    if not host or not issuer.isascii() or issuer != f"{parts.scheme}://{parts.netloc}" or "@" in parts.netloc:
        raise IssuerInvalidError
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(host)):
        raise IssuerInvalidError


def check_provider(settings: OpenIdSettings) -> None:
    """Refuse a provider that can't be used safely. Errors: ProviderInvalidError."""
    issuer = settings.openid_issuer
    parts = urlsplit(issuer)
    is_safe = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname or ""))
    is_plain = not parts.query and not parts.fragment and "@" not in parts.netloc and issuer[-1:] != "/"
    if not (is_safe and is_plain and parts.hostname and settings.openid_client_id and settings.openid_client_secret):
        raise ProviderInvalidError


def check_url(url: str) -> str:
    """Return the URL if it is http or https, without query or fragment. Errors: ValueError."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.netloc or parts.query or parts.fragment:
        raise ValueError("must be a URL such as https://graph.example.id")
    return url


def is_loopback(host: str) -> bool:
    """Whether a host name or address is that of the loopback interface."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
