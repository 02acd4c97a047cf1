"""Every setting of the gateway: one environment variable each, with its bound, unit and default.

Settings are read once, at start, and handed on as values; nothing reads the environment later.
A bad value stops the start with one line that names the variable and never repeats a secret.
`docs/settings.md` and `.env.example` are rendered from this class (`python -m gateway.settings_reference`).
"""

import os
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from ledger.pages import PAGE_SIZE_MAX

PREFIX = "JEMBATAN_"


class SettingsError(Exception):
    """A setting can't be taken; each line names a variable and what is wrong with it."""


def _data_dir() -> Path:
    # The embedded server's wheel opens every parent folder to others when it runs as root.
    return Path("/var/lib/jembatan") if os.geteuid() == 0 else Path(".jembatan")


class Settings(BaseSettings):
    """All settings; an attribute's variable is its name in capitals behind JEMBATAN_.

    Units stand last in a name: _seconds, _ms, _hours, _bytes, _max (the most that is taken).
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_ignore_empty=True, extra="ignore", frozen=True, validate_default=True
    )

    # Database
    database_url: str | None = Field(
        None, repr=False, description="PostgreSQL of the application. Unset: an embedded server under DATA_DIR."
    )
    migration_database_url: str | None = Field(
        None, repr=False, description="The owner's login, for migrations only. Unset: DATABASE_URL."
    )
    database_direct_url: str | None = Field(
        None,
        repr=False,
        description="A connection past a transaction pooler, for LISTEN and advisory locks. Unset: DATABASE_URL.",
    )
    data_dir: Path = Field(
        default_factory=_data_dir,
        description="Where the embedded server keeps its data: ./.jembatan, as root /var/lib/jembatan.",
    )
    role_prefix: str = Field(
        "jembatan_",
        pattern=r"^[a-z][a-z0-9_]{0,30}$",
        description="Put before the names of the database roles, which belong to the whole cluster.",
    )
    database_pool_size: int = Field(
        10, ge=1, le=500, description="Connections that one process keeps open, besides two for the feed."
    )
    database_pool_overflow: int = Field(0, ge=0, le=500, description="Connections above the pool's size under load.")
    database_pool_timeout_seconds: float = Field(
        5, gt=0, le=300, description="How long an operation waits for a connection before it is refused with 503."
    )
    database_connect_timeout_seconds: float = Field(5, gt=0, le=300, description="How long one connect may take.")
    database_wait_seconds: float = Field(
        60, ge=0, le=3600, description="How long a start waits for a database that is down; it says so meanwhile."
    )
    statement_timeout_ms: int = Field(10_000, ge=10, le=3_600_000, description="The longest one SQL statement may run.")
    transaction_retries_max: int = Field(
        5, ge=0, le=50, description="Further tries of a write that meets a deadlock or a serialization failure."
    )

    # Keys
    encryption_keys: str | None = Field(
        None,
        repr=False,
        description="Keyring of the encrypted columns, id:base64,id2:base64; the first seals, all open. "
        "Unset: made once beside the embedded server's data; required with DATABASE_URL.",
    )
    reference_key: str | None = Field(
        None,
        repr=False,
        description="Base64 key of complainantRef; it never rotates. Unset: as ENCRYPTION_KEYS.",
    )

    # Listening
    host: str = Field("127.0.0.1", description="Address that the graph listens on.")
    port: int = Field(8000, ge=0, le=65_535, description="Port that the graph listens on; 0 takes a free one.")
    public_url: str | None = Field(
        None, description="The URL that clients use, also the issuer of tokens. Unset: http://HOST:PORT."
    )
    metrics_host: str = Field("127.0.0.1", description="Address that /metrics listens on.")
    metrics_port: int = Field(9464, ge=0, le=65_535, description="Port that /metrics listens on; 0 turns it off.")
    trusted_proxies: str = Field(
        "127.0.0.1", description="Proxies whose X-Forwarded-For and X-Forwarded-Proto are believed, with commas."
    )
    cors_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Origins of web frontends that may call the graph from a browser, with commas."
    )
    keep_alive_seconds: int = Field(75, ge=1, le=3600, description="How long an idle connection is kept.")
    listen_backlog: int = Field(2048, ge=1, le=65_535, description="Connections that may wait to be accepted.")
    drain_seconds: int = Field(
        20, ge=0, le=3600, description="How long a stopping process lets running operations finish."
    )

    # The graph's door
    graphiql: bool = Field(default=True, description="Serve GraphiQL to browsers at GET /graphql.")
    reject_unauthorized: bool = Field(
        default=False, description="Refuse a whole query when a scope is missing, instead of null for the field."
    )
    http_status_edition: Literal["2025-07", "2026-09"] = Field(
        "2025-07",
        description="Statuses of application/graphql-response+json: 2025-07 has 200 for a partial answer and 400 for "
        "an invalid operation; 2026-09, the specification's first edition, has 294 and 422.",
    )

    # Limits, all checked before execution
    body_bytes_max: int = Field(4_194_304, ge=1024, description="The largest request body.")
    url_bytes_max: int = Field(8_192, ge=256, le=65_536, description="The longest URL.")
    header_bytes_max: int = Field(32_768, ge=1024, le=1_048_576, description="All headers of a request together.")
    variables_depth_max: int = Field(20, ge=1, le=200, description="Nesting of variables and extensions.")
    document_tokens_max: int = Field(1_000, ge=10, le=100_000, description="Tokens of a document.")
    document_depth_max: int = Field(15, ge=1, le=100, description="Levels of fields, fragments followed.")
    document_aliases_max: int = Field(30, ge=0, le=10_000, description="Aliases in a document.")
    document_directives_max: int = Field(50, ge=0, le=10_000, description="Directives in a document.")
    document_repeats_max: int = Field(
        20, ge=1, le=10_000, description="Times that one response key may stand in one selection."
    )
    document_selections_max: int = Field(
        5_000, ge=10, le=1_000_000, description="Fields of an operation after its fragments are spread."
    )
    document_cache_entries: int = Field(
        1_000, ge=0, le=1_000_000, description="Parsed and validated documents, and plans of them, that are kept."
    )
    document_cache_text_bytes_max: int = Field(
        16_384, ge=0, le=1_048_576, description="The longest document that is kept."
    )
    page_size_max: int = Field(
        PAGE_SIZE_MAX, ge=1, le=PAGE_SIZE_MAX, description="The most that first, last or a slicing argument asks."
    )
    list_items_max: int = Field(1_000, ge=1, le=100_000, description="Items of a list argument or of a bulk mutation.")
    representations_max: int = Field(
        5_000, ge=1, le=10_000, description="Representations that one `_entities` takes, given in a variable."
    )
    cost_max: int = Field(20_000, ge=1, description="Estimated cost of an operation (IBM cost directives).")
    cost_list_size_assumed: int = Field(
        10, ge=1, le=10_000, description="Length taken for a list that declares no size of its own."
    )
    operation_timeout_seconds: float = Field(20, gt=0, le=3600, description="The longest one operation may run.")
    in_flight_max: int = Field(256, ge=1, le=100_000, description="Operations that one process runs at once.")
    rate_per_second: float = Field(50, gt=0, le=1_000_000, description="Operations of one client, per process, steady.")
    rate_burst: int = Field(200, ge=1, le=1_000_000, description="Operations of one client at once.")
    rate_anonymous_per_second: float = Field(
        10, gt=0, le=1_000_000, description="As RATE_PER_SECOND, for callers without a token, by address."
    )
    rate_anonymous_burst: int = Field(40, ge=1, le=1_000_000, description="As RATE_BURST, without a token.")
    rate_clients_max: int = Field(10_000, ge=10, le=10_000_000, description="Clients whose rate is remembered.")

    # The feed
    sequencing: bool = Field(
        default=True, description="Whether this process may give events their positions; one of all processes does."
    )
    sequencer_batch_max: int = Field(1_000, ge=1, le=5_000, description="Events that get positions at once.")
    sequencer_poll_seconds: float = Field(
        0.25, gt=0, le=10, description="How often the sequencer looks for events when no notice came."
    )
    sequencer_takeover_seconds: float = Field(
        0.25, gt=0, le=10, description="How often a process tries to take the place of a sequencer that is gone."
    )
    sequencer_lease_seconds: float = Field(
        2, ge=0.5, le=60, description="After how long the database ends the session of a sequencer that is frozen."
    )
    checkpoint_seconds: float = Field(
        1, ge=0.05, le=3600, description="How often, at most, a checkpoint of the feed is signed."
    )
    checkpoint_origin: str | None = Field(
        None,
        pattern=r"^[^\s+]{1,200}$",
        description="Name that checkpoints are signed by. Unset: host of PUBLIC_URL/feed.",
    )
    feed_tail_entries: int = Field(
        10_000, ge=16, le=10_000_000, description="Latest entries that a process keeps for its subscribers."
    )
    feed_poll_seconds: float = Field(
        0.5, gt=0, le=60, description="How often a process looks for new entries when no notice came."
    )
    feed_retention_days: int = Field(
        1_825, ge=0, le=36_500, description="After how long an entry's content is erased; 0 never erases."
    )

    # Subscriptions
    streams_max: int = Field(20_000, ge=0, le=1_000_000, description="Subscriptions that one process serves at once.")
    stream_connections_per_client: int = Field(
        64, ge=1, le=1_000_000, description="WebSocket and stream connections of one client, per process."
    )
    subscriptions_per_connection: int = Field(
        32, ge=1, le=10_000, description="Operations that run on one WebSocket at once."
    )
    stream_init_seconds: float = Field(
        5, gt=0, le=300, description="How long a WebSocket may take to send connection_init."
    )
    stream_heartbeat_seconds: float = Field(
        15, gt=0, le=3600, description="How often a stream that is silent shows that it lives."
    )
    stream_stall_seconds: float = Field(
        30,
        gt=0,
        le=3600,
        description="How long a reader may take nothing, or leave a ping unanswered, before it is ended.",
    )
    stream_buffer_bytes_max: int = Field(
        262_144, ge=4_096, le=67_108_864, description="Bytes that wait for one slow reader before it is paused."
    )
    stream_message_bytes_max: int = Field(
        65_536, ge=1024, le=16_777_216, description="The largest message that a WebSocket client may send."
    )
    stream_messages_per_second: float = Field(
        50, gt=0, le=1_000_000, description="Messages that a WebSocket client may send, steady; twice that at once."
    )
    catch_up_batch_max: int = Field(100, ge=1, le=1_000, description="Entries that a catching-up stream reads at once.")
    catch_up_per_second: int = Field(
        2_000, ge=1, le=1_000_000, description="Entries per second that one catching-up stream is sent."
    )
    catch_ups_at_once: int = Field(
        4, ge=1, le=500, description="Catching-up streams that read from the database at once, per process."
    )

    # Fraud signals
    signal_category_weights: str = Field(
        "", description="Weights of categories in hundredths, as FRAUD:100,SPAM_ADVERT:25; others weigh 100."
    )
    signal_score_medium: int = Field(
        100, ge=1, description="Weighted distinct complainants, in hundredths, for MEDIUM."
    )
    signal_score_high: int = Field(300, ge=1, description="As that, for HIGH.")
    signal_score_very_high: int = Field(1_000, ge=1, description="As that, for VERY_HIGH.")
    signal_valid_days: int = Field(
        90, ge=1, le=3_650, description="How long a signal is valid after it was last confirmed."
    )
    signal_key_overlap_days: int = Field(
        30, ge=0, le=365, description="How long hashes are also made with the key before the newest."
    )

    # Tokens and logins
    service_name: str = Field("Jembatan", min_length=1, max_length=80, description="Name that the login page shows.")
    audience: str | None = Field(None, description="Audience of access tokens. Unset: PUBLIC_URL/graphql.")
    access_token_seconds: int = Field(600, ge=30, le=86_400, description="Lifetime of an access token.")
    authorization_code_seconds: int = Field(60, ge=5, le=600, description="Lifetime of an authorization code.")
    refresh_token_seconds: int = Field(
        2_592_000, ge=60, le=31_536_000, description="How long a login can be refreshed at the most."
    )
    refresh_idle_seconds: int = Field(
        604_800, ge=60, le=31_536_000, description="How long a refresh token may lie unused."
    )
    refresh_double_seconds: float = Field(
        5, ge=0, le=60, description="A used refresh token that comes back later than this ends its whole login."
    )
    pushed_request_seconds: int = Field(
        540, ge=30, lt=600, description="How long a pushed authorization request may be used."
    )
    proof_seconds: int = Field(60, ge=5, le=300, description="How long after it was made a DPoP proof is taken.")
    proof_nonce_seconds: int = Field(300, ge=30, le=3600, description="How often the nonce of DPoP proofs changes.")
    login_session_seconds: int = Field(28_800, ge=60, le=604_800, description="Lifetime of a login at the login page.")
    login_page_seconds: int = Field(3_600, ge=60, le=86_400, description="How long a login page may be filled in.")
    assertion_seconds_max: int = Field(300, ge=10, le=3600, description="Longest lifetime of a client assertion.")
    token_skew_seconds: int = Field(10, ge=0, le=300, description="Clock difference taken in tokens and assertions.")
    standing_check_seconds: float = Field(
        5, ge=0, le=300, description="How long a disabled client or officer may still be taken."
    )
    revocation_check_seconds: float = Field(
        0.5, ge=0, le=60, description="How long a revoked token may still be taken, in every process."
    )
    signing_keys_refresh_seconds: float = Field(
        60, gt=0, le=3600, description="How often a process looks for new signing keys."
    )
    unknown_key_refresh_seconds: float = Field(
        5, gt=0, le=300, description="How often, at most, a token that names an unknown key makes it look again."
    )
    token_cache_entries: int = Field(10_000, ge=0, le=10_000_000, description="Verified tokens that are remembered.")
    token_bytes_max: int = Field(8_192, ge=512, le=65_536, description="The longest access token.")
    token_event_days: int = Field(400, ge=1, le=36_500, description="How long the record of token requests is kept.")
    oauth_request_bytes_max: int = Field(
        16_384, ge=1024, le=1_048_576, description="The largest request to an OAuth endpoint."
    )
    oauth_window_seconds: int = Field(60, ge=1, le=86_400, description="Window of the limits of OAuth requests.")
    token_requests_per_client: int = Field(120, ge=1, description="Token requests of a client in a window.")
    token_requests_per_address: int = Field(600, ge=1, description="Token requests of an address in a window.")
    authorize_requests_per_address: int = Field(600, ge=1, description="As that, for the login page.")
    oauth_parties_max: int = Field(10_000, ge=10, description="Clients and addresses whose requests are counted.")
    login_window_seconds: int = Field(900, ge=1, le=86_400, description="Window of the limits of failed logins.")
    login_attempts_per_source: int = Field(
        10, ge=1, description="Failed logins of a name in a window from one address, or from one browser known to it."
    )
    login_attempts_per_login: int = Field(
        50, ge=1, description="Failed logins of a name in a window from all browsers that are not known to it."
    )
    login_attempts_per_address: int = Field(50, ge=1, description="Failed logins of an address in a window.")
    login_device_days: int = Field(
        180, ge=1, le=400, description="How long a browser stays known to a name that logged in from it."
    )
    second_factor: Literal["optional", "required"] = Field(
        "optional", description="Whether officers who log in by password must have a second factor (TOTP)."
    )
    second_factor_attempts: int = Field(5, ge=1, le=100, description="Wrong second factors of a name in a window.")
    second_factor_seconds: int = Field(
        600, ge=60, le=3600, description="How long after the password the second factor may follow."
    )
    password_length_min: int = Field(12, ge=8, le=128, description="Shortest password of an officer.")
    password_hash_rounds: int = Field(3, ge=1, le=100, description="Argon2 time cost.")
    password_hash_memory_kib: int = Field(65_536, ge=8, le=4_194_304, description="Argon2 memory of one hash, KiB.")
    password_hash_threads: int = Field(4, ge=1, le=64, description="Argon2 lanes.")
    password_hashes_at_once: int = Field(2, ge=1, le=64, description="Passwords that one process hashes at once.")

    # The regulator's own OpenID provider
    openid_issuer: str | None = Field(
        None, description="Issuer that logs the regulator's officers in instead of passwords. Unset: no provider."
    )
    openid_client_id: str = Field(
        "", description="Our client id there, with the redirect URI PUBLIC_URL/oauth/provider/callback."
    )
    openid_client_secret: str = Field("", repr=False, description="Our client secret there (client_secret_basic).")
    openid_audience: str = Field("", description="Audience of its ID tokens. Unset: OPENID_CLIENT_ID.")
    openid_name: str = Field("OpenID", min_length=1, max_length=80, description="Its name on the login page.")
    openid_scope: str = Field("openid", pattern=r"^openid( [!-~]+)*$", description="Scopes that it is asked for.")
    openid_subject_claim: str = Field(
        "sub", min_length=1, max_length=80, description="Claim that names a person; officers are linked to its value."
    )
    openid_required_claim: str = Field("", max_length=80, description="Claim that must be there, as acr or groups.")
    openid_required_value: str = Field("", max_length=255, description="The value of that claim, or one in its list.")
    openid_passwords: bool = Field(default=False, description="Let the regulator's officers log in by password too.")
    openid_timeout_seconds: float = Field(5, gt=0, le=60, description="The longest one request to it may take.")
    openid_response_bytes_max: int = Field(262_144, ge=1024, le=16_777_216, description="Its largest answer.")
    openid_refresh_seconds: float = Field(
        3_600, ge=1, le=86_400, description="How often its metadata and keys are read again; an unknown key at once."
    )

    # Policy of the domain
    order_due_hours: int = Field(24, ge=1, le=8760, description="A block order is due this long after issue.")
    lift_due_hours: int = Field(24, ge=1, le=8760, description="A lift is due this long after issue.")
    verification_due_hours: int = Field(24, ge=1, le=8760, description="Verification is due this long after complete.")
    information_due_days: int = Field(
        14, ge=1, le=365, description="A source has this long to supply what an officer asked for; then it is rejected."
    )
    chronology_characters_max: int = Field(
        100_000, ge=1, le=10_000_000, description="The longest chronology of a complaint."
    )
    evidence_bytes_max: int = Field(10_485_760, ge=1, description="The largest piece of evidence.")
    evidence_items_max: int = Field(10, ge=1, le=1000, description="Pieces of evidence of one complaint.")
    risk_medium_complainants: int = Field(
        1, ge=1, le=10_000, description="Distinct complainants of verified complaints that make a number's risk MEDIUM."
    )
    risk_high_complainants: int = Field(3, ge=1, le=10_000, description="As that, for HIGH.")
    risk_very_high_complainants: int = Field(10, ge=1, le=10_000, description="As that, for VERY_HIGH.")
    extension_days_max: int = Field(7, ge=0, le=365, description="The longest extension that an officer can grant.")
    acknowledgement_skew_seconds: int = Field(
        300, ge=0, le=86_400, description="How far effectiveAt may lie ahead of our clock."
    )
    guard_complainants_min: int = Field(
        1, ge=1, le=1000, description="Distinct complainants that an order needs, else the guard holds the draft."
    )
    guard_burst_count: int = Field(20, ge=2, le=100_000, description="Incidents within the window that look like one.")
    guard_burst_minutes: int = Field(10, ge=1, le=10_080, description="That window.")
    guard_same_text_count: int = Field(3, ge=2, le=100_000, description="Complaints with one text that are held.")
    guard_same_source_count: int = Field(
        10, ge=2, le=100_000, description="Complaints of one source without complainants that are held."
    )

    # Jobs
    job_seconds: float = Field(
        300, ge=0, le=86_400, description="How often a process looks for scheduled work; 0 leaves it to others."
    )

    # Logs
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="Least severity logged.")
    log_format: Literal["auto", "json", "console"] = Field(
        "auto", description="auto is console on a terminal, JSON elsewhere."
    )

    @field_validator("cors_origins", mode="before")
    @classmethod
    def _split_origins(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip().rstrip("/") for part in value.split(",") if part.strip())
        return value

    @field_validator("log_level", mode="before")
    @classmethod
    def _raise_case(cls, value: object) -> object:
        return value.upper() if isinstance(value, str) else value

    @field_validator("public_url", "cors_origins")
    @classmethod
    def _check_url(cls, value: Any) -> Any:
        for url in (value,) if isinstance(value, str) else value or ():
            parts = urlsplit(url)
            if parts.scheme not in {"http", "https"} or not parts.netloc or parts.query or parts.fragment:
                raise ValueError("must be a URL such as https://graph.example.id")
        return value.rstrip("/") if isinstance(value, str) else value

    @field_validator("database_url", "migration_database_url", "database_direct_url")
    @classmethod
    def _check_database_url(cls, value: str | None) -> str | None:
        if value is not None and urlsplit(value).scheme.split("+")[0] not in {"postgresql", "postgres"}:
            raise ValueError("must begin with postgresql://")
        return value

    @property
    def base_url(self) -> str:
        """PUBLIC_URL, or what HOST and PORT make of it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return self.public_url or f"http://{host}:{self.port}"

    @property
    def feed_origin(self) -> str:
        """CHECKPOINT_ORIGIN, or the host of PUBLIC_URL and /feed: one name for all processes, so without a port."""
        return self.checkpoint_origin or f"{urlsplit(self.base_url).hostname}/feed"


def variable_name(field_name: str) -> str:
    """The environment variable of a setting."""
    return f"{PREFIX}{field_name.upper()}"


def load_settings(**overrides: Any) -> Settings:
    """Read all settings from the environment; an override wins.

    Errors: SettingsError, one line per variable that can't be taken, without its value.
    """
    try:
        return Settings(**overrides)
    except ValidationError as error:
        lines = [_line(item["loc"], item["msg"]) for item in error.errors(include_url=False, include_input=False)]
        raise SettingsError("\n".join(lines)) from None


def list_unknown_variables() -> list[str]:
    """JEMBATAN_ variables of the environment that no setting reads: most likely misspelt."""
    known = {variable_name(name) for name in Settings.model_fields}
    return sorted(name for name in os.environ if name.startswith(PREFIX) and name not in known)


def _line(location: tuple[int | str, ...], message: str) -> str:
    text = message.removeprefix("Value error, ")
    return f"{variable_name(str(location[0]))}: {text}" if location else text
