"""Settings that can be read and served but are unsafe, or contradict each other: what an operator should know of them.

A value that can't be served at all is refused where it is read or used, never here. Each rule is one line of data.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from auth.settings import is_loopback
from gateway.settings import Settings, variable_name

# OWASP's least for Argon2id, as of 2025.
_HASH_MEMORY_KIB_MIN = 19_456
_REVOCATION_SECONDS_MAX = 1.0


@dataclass(frozen=True, slots=True)
class Rule:
    """A setting, when its value is questionable, why, and what to do."""

    setting: str
    applies: Callable[[Settings], bool]
    why: str
    advice: str


@dataclass(frozen=True, slots=True)
class Advice:
    """A rule that applies; the variable's value is never repeated."""

    variable: str
    why: str
    advice: str


def _has_plain_origin(settings: Settings) -> bool:
    parts = [urlsplit(origin) for origin in settings.cors_origins]
    return any(part.scheme == "http" and not is_loopback(part.hostname or "") for part in parts)


RULES = (
    Rule("second_factor", lambda s: s.second_factor == "optional",
         "Officers can approve, lift and reveal by a password alone.", "Set it to privileged."),
    Rule("openid_passwords", lambda s: bool(s.openid_issuer) and s.openid_passwords,
         "Passwords get past the regulator's own OpenID provider.", "Unset it once every officer is linked."),
    Rule("password_hash_memory_kib", lambda s: s.password_hash_memory_kib < _HASH_MEMORY_KIB_MIN,
         "A stolen table of password hashes is cheap to search.", f"Set it to {_HASH_MEMORY_KIB_MIN} or more."),
    Rule("trusted_proxies", lambda s: "*" in s.trusted_proxies,
         "Any caller can claim any address, so limits by address mean nothing.", "Name your proxies' addresses."),
    Rule("metrics_host", lambda s: s.metrics_port != 0 and not is_loopback(s.metrics_host),
         "Whoever reaches that address reads the metrics.", "See that only your monitoring reaches it."),
    Rule("introspection_public", lambda s: s.introspection_public,
         "Anyone can read the whole schema.", "Unset it unless that is meant."),
    Rule("cors_origins", _has_plain_origin,
         "Pages of an http origin can be changed on their way, and then use their visitors' tokens.",
         "Name https origins only."),
    Rule("revocation_check_seconds", lambda s: s.revocation_check_seconds > _REVOCATION_SECONDS_MAX,
         "A revoked token is accepted for longer than a second.", "Set it to 1 or less."),
    Rule("sequencing", lambda s: not s.sequencing,
         "This process gives no event its place in the log; without another that does, no subscriber gets anything.",
         "Set it in at least one process, better in two."),
    Rule("job_seconds", lambda s: s.job_seconds == 0,
         "This process lets no deadline pass and erases nothing; another one must.", "Set it in one process at least."),
    Rule("database_direct_url", lambda s: s.database_direct_url is not None and s.database_direct_url == s.database_url,
         "The address around the pooler is the pooler's own.", "Set it to PostgreSQL's own address, or unset it."),
    Rule("database_pool_timeout_seconds", lambda s: s.database_pool_timeout_seconds >= s.operation_timeout_seconds,
         "An operation that waits for a connection ends with 504 before it is told 503.",
         "Set it to less than OPERATION_TIMEOUT_SECONDS."),
    Rule("statement_timeout_ms", lambda s: s.statement_timeout_ms > s.operation_timeout_seconds * 1000,
         "Operations end before their statements may.", "Set it to at most OPERATION_TIMEOUT_SECONDS."),
    Rule("drain_seconds", lambda s: s.drain_seconds < s.operation_timeout_seconds,
         "A process that is told to stop may cut off operations that are still allowed to run.",
         "Set it to at least OPERATION_TIMEOUT_SECONDS."),
    Rule("body_anonymous_bytes_max", lambda s: s.body_anonymous_bytes_max > s.body_bytes_max,
         "It is more than BODY_BYTES_MAX, which holds all the same.", "Set it to less."),
    Rule("connections_per_address_max", lambda s: s.connections_per_address_max > s.connections_max,
         "It is more than CONNECTIONS_MAX, so one address can take all.", "Set it to less."),
    Rule("at_once_per_client_max", lambda s: s.at_once_per_client_max >= s.in_flight_max,
         "It is as much as IN_FLIGHT_MAX, so one client can take all.", "Set it to less."),
    Rule("refresh_idle_seconds", lambda s: s.refresh_idle_seconds > s.refresh_token_seconds,
         "It is more than REFRESH_TOKEN_SECONDS, which ends a login first.", "Set it to less."),
    Rule("risk_high_complainants", lambda s: not (
         s.risk_medium_complainants < s.risk_high_complainants < s.risk_very_high_complainants),
         "The levels of risk don't follow each other, so one of them is never reached.",
         "Let RISK_MEDIUM_COMPLAINANTS, RISK_HIGH_ and RISK_VERY_HIGH_COMPLAINANTS rise."),
)  # fmt: skip


def list_advice(settings: Settings) -> Iterator[Advice]:
    """Yield what is questionable, in the order of the rules."""
    for rule in RULES:
        if rule.applies(settings):
            yield Advice(variable_name(rule.setting), rule.why, rule.advice)
