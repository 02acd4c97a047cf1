"""Settings that can be served, and that an operator should know better of."""

from typing import Any

import pytest

from gateway.settings import Settings
from gateway.settings_advice import RULES, list_advice

QUESTIONABLE: dict[str, dict[str, Any]] = {
    "second_factor": {"second_factor": "optional"},
    "openid_passwords": {"openid_issuer": "https://id.example", "openid_passwords": True},
    "password_hash_memory_kib": {"password_hash_memory_kib": 64},
    "trusted_proxies": {"trusted_proxies": "*"},
    "metrics_host": {"metrics_host": "0.0.0.0"},  # noqa: S104 - what the rule is about
    "introspection_public": {"introspection_public": True},
    "cors_origins": {"cors_origins": ("https://desk.example", "http://desk.example")},
    "revocation_check_seconds": {"revocation_check_seconds": 2},
    "sequencing": {"sequencing": False},
    "job_seconds": {"job_seconds": 0},
    "database_direct_url": {"database_url": "postgresql://a/b", "database_direct_url": "postgresql://a/b"},
    "database_pool_timeout_seconds": {"database_pool_timeout_seconds": 20},
    "statement_timeout_ms": {"statement_timeout_ms": 20_001},
    "drain_seconds": {"drain_seconds": 19},
    "body_anonymous_bytes_max": {"body_anonymous_bytes_max": 4_194_305},
    "connections_per_address_max": {"connections_per_address_max": 20_001},
    "at_once_per_client_max": {"at_once_per_client_max": 256},
    "refresh_idle_seconds": {"refresh_idle_seconds": 2_592_001},
    "risk_high_complainants": {"risk_high_complainants": 10},
}


class TestAdvice:
    def test_is_not_needed_for_the_defaults(self) -> None:
        assert list(list_advice(Settings())) == []

    @pytest.mark.parametrize("setting", [rule.setting for rule in RULES])
    def test_names_the_setting_that_is_questionable_and_no_other(self, setting: str) -> None:
        found = list(list_advice(Settings(**QUESTIONABLE[setting])))
        assert [advice.variable for advice in found] == [f"JEMBATAN_{setting.upper()}"]
        assert found[0].advice

    def test_is_silent_on_an_unencrypted_origin_of_ones_own_machine(self) -> None:
        assert list(list_advice(Settings(cors_origins=("http://localhost:5173",)))) == []
