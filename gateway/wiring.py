"""The real parts: settings turned into each package's own, and the application over the ledger's database.

The command line calls `create_gateway`; tests hand other parts to `create_app` instead. It opens no connection
before the application starts and starts no server.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

from starlette.applications import Starlette
from strawberry.federation import Schema

from auth.login.passwords import Passwords
from auth.routes import create_auth_routes
from auth.settings import AuthSettings, OpenIdSettings
from auth.tokens.bound_tokens import BoundTokenVerifier
from auth.tokens.open_tokens import OpenTokens
from auth.tokens.principal import Principal
from auth.tokens.signing_keys import SigningKeyStore
from auth.tokens.verification import TokenVerifier
from gateway.app import create_app, read_clock
from gateway.process.feed_tasks import make_follower, make_sequencer, running_feed
from gateway.process.jobs import list_jobs, running_jobs
from gateway.settings import Settings
from ledger.feed.checkpoints import make_signer
from ledger.policies import FilingPolicy, GuardPolicy, Policies, RiskPolicy, SignalPolicy
from ledger.signals.rules import parse_category_weights
from ledger.storage.database import Database, DatabaseSettings
from ledger.storage.sealing import Keyring
from migrations.run import check_schema
from resolvers.context import Context


def create_gateway(
    settings: Settings, *, database: Database, schema: Schema, now: Callable[[], datetime] = read_clock
) -> Starlette:
    """The application over a database; it closes the database's pool when it ends.

    Errors: SchemaUnsafeError, IssuerInvalidError.
    """
    auth_settings = read_auth_settings(settings)
    keys = SigningKeyStore(database, auth_settings)
    verifier = TokenVerifier(database, keys, auth_settings)

    def make_context(principal: Principal | None, as_of: datetime, request_id: str) -> Context:
        return Context(database=database, principal=principal, as_of=as_of, request_id=request_id)

    async def check_schema_now() -> None:
        await check_schema(database, as_of=now())

    follower = make_follower(settings, database_url=database.settings.url)
    sign = make_signer(origin=settings.feed_origin, keyring=database.keyring, now=now)
    sequencer = make_sequencer(settings, database_url=database.settings.url, sign=sign)

    open_tokens = OpenTokens(database, auth_settings, verifier.watch, now=now)

    @asynccontextmanager
    async def run(_app: Starlette) -> AsyncIterator[None]:
        try:
            jobs = list_jobs(
                token_event_days=settings.token_event_days, feed_retention_days=settings.feed_retention_days
            )
            async with (
                running_feed(
                    follower,
                    sequencer,
                    ready_seconds_max=settings.database_connect_timeout_seconds,
                    others=(open_tokens.run,),
                ),
                running_jobs(database, now=now, beat_seconds=settings.job_seconds, jobs=jobs),
            ):
                yield
        finally:
            await database.close()

    app = create_app(
        settings,
        schema=schema,
        verify_token=verifier.verify,
        bound_tokens=BoundTokenVerifier(database, verifier, auth_settings),
        make_context=make_context,
        auth_routes=create_auth_routes(
            database, keys=keys, passwords=Passwords(auth_settings), settings=auth_settings, clock=now
        ),
        ready_checks={"database": database.ping, "schema": check_schema_now},
        read_pools=lambda: {"database": _count_connections(database)},
        lifespan=run,
        follower=follower,
        open_tokens=open_tokens,
        now=now,
    )
    app.state.follower = follower
    app.state.metrics.watch_feed(follower.status, sequencer.status if sequencer else None)
    return app


def connect_database(settings: Settings, *, url: str, keyring: Keyring) -> Database:
    """A pool on the database at a URL, with the settings' bounds and policies; connects when first used."""
    return Database.connect(
        DatabaseSettings(
            url=url,
            role_prefix=settings.role_prefix,
            pool_size=settings.database_pool_size,
            pool_overflow_max=settings.database_pool_overflow,
            pool_timeout_s=settings.database_pool_timeout_seconds,
            connect_timeout_s=settings.database_connect_timeout_seconds,
            statement_timeout_ms=settings.statement_timeout_ms,
            retries_max=settings.transaction_retries_max,
        ),
        keyring,
        read_policies(settings),
    )


def read_auth_settings(settings: Settings) -> AuthSettings:
    """Auth's own settings."""
    return AuthSettings(
        issuer=settings.base_url,
        audience=settings.audience or f"{settings.base_url}/graphql",
        service_name=settings.service_name,
        access_token_lifetime_s=settings.access_token_seconds,
        code_lifetime_s=settings.authorization_code_seconds,
        refresh_lifetime_s=settings.refresh_token_seconds,
        refresh_idle_s=settings.refresh_idle_seconds,
        refresh_double_s=settings.refresh_double_seconds,
        pushed_request_lifetime_s=settings.pushed_request_seconds,
        proof_lifetime_s=settings.proof_seconds,
        proof_nonce_lifetime_s=settings.proof_nonce_seconds,
        session_lifetime_s=settings.login_session_seconds,
        login_page_lifetime_s=settings.login_page_seconds,
        assertion_lifetime_max_s=settings.assertion_seconds_max,
        clock_skew_s=settings.token_skew_seconds,
        standing_check_s=settings.standing_check_seconds,
        revocation_check_s=settings.revocation_check_seconds,
        verified_tokens_max=settings.token_cache_entries,
        signing_keys_refresh_s=settings.signing_keys_refresh_seconds,
        unknown_key_refresh_s=settings.unknown_key_refresh_seconds,
        request_bytes_max=settings.oauth_request_bytes_max,
        token_bytes_max=settings.token_bytes_max,
        token_requests_per_client=settings.token_requests_per_client,
        token_requests_per_address=settings.token_requests_per_address,
        authorize_requests_per_address=settings.authorize_requests_per_address,
        request_window_s=settings.oauth_window_seconds,
        limited_parties_max=settings.oauth_parties_max,
        login_attempts_per_source=settings.login_attempts_per_source,
        login_attempts_per_login=settings.login_attempts_per_login,
        login_attempts_per_address=settings.login_attempts_per_address,
        login_window_s=settings.login_window_seconds,
        device_lifetime_s=settings.login_device_days * 86_400,
        is_second_factor_required=settings.second_factor == "required",
        second_factor_attempts=settings.second_factor_attempts,
        second_factor_lifetime_s=settings.second_factor_seconds,
        openid=read_openid_settings(settings),
        password_length_min=settings.password_length_min,
        password_hash_time_cost=settings.password_hash_rounds,
        password_hash_memory_kib=settings.password_hash_memory_kib,
        password_hash_parallelism=settings.password_hash_threads,
        password_hashes_at_once=settings.password_hashes_at_once,
    )


def read_openid_settings(settings: Settings) -> OpenIdSettings | None:
    """The regulator's own provider, where there is one. Errors: ProviderInvalidError."""
    if settings.openid_issuer is None:
        return None
    return OpenIdSettings(
        issuer=settings.openid_issuer,
        client_id=settings.openid_client_id,
        client_secret=settings.openid_client_secret,
        audience=settings.openid_audience or settings.openid_client_id,
        name=settings.openid_name,
        scope=settings.openid_scope,
        subject_claim=settings.openid_subject_claim,
        required_claim=settings.openid_required_claim,
        required_value=settings.openid_required_value,
        is_beside_passwords=settings.openid_passwords,
        timeout_s=settings.openid_timeout_seconds,
        response_bytes_max=settings.openid_response_bytes_max,
        refresh_s=settings.openid_refresh_seconds,
    )


def read_policies(settings: Settings) -> Policies:
    """The ledger's policies. Errors: SignalWeightsInvalidError."""
    return Policies(
        order_due=timedelta(hours=settings.order_due_hours),
        lift_due=timedelta(hours=settings.lift_due_hours),
        acknowledgement_skew=timedelta(seconds=settings.acknowledgement_skew_seconds),
        extension_max=timedelta(days=settings.extension_days_max),
        information_due=timedelta(days=settings.information_due_days),
        filing=FilingPolicy(
            chronology_characters_max=settings.chronology_characters_max,
            evidence_bytes_max=settings.evidence_bytes_max,
            evidence_items_max=settings.evidence_items_max,
            verification_due=timedelta(hours=settings.verification_due_hours),
        ),
        risk=RiskPolicy(
            medium_complainants_min=settings.risk_medium_complainants,
            high_complainants_min=settings.risk_high_complainants,
            very_high_complainants_min=settings.risk_very_high_complainants,
        ),
        guard=GuardPolicy(
            complainants_min=settings.guard_complainants_min,
            burst_count=settings.guard_burst_count,
            burst_window=timedelta(minutes=settings.guard_burst_minutes),
            same_text_count=settings.guard_same_text_count,
            same_source_count=settings.guard_same_source_count,
        ),
        signals=SignalPolicy(
            category_weights=parse_category_weights(settings.signal_category_weights),
            medium_score_min=settings.signal_score_medium,
            high_score_min=settings.signal_score_high,
            very_high_score_min=settings.signal_score_very_high,
            valid=timedelta(days=settings.signal_valid_days),
            key_overlap=timedelta(days=settings.signal_key_overlap_days),
        ),
    )


def _count_connections(database: Database) -> Mapping[str, int]:
    pool: Any = database.engine.pool
    return {"used": pool.checkedout(), "idle": pool.checkedin(), "overflow": max(pool.overflow(), 0)}
