"""Settings: read from the environment, bounded, and refused in words that help and tell no secret."""

import base64

import pytest

from gateway.settings import Settings, SettingsError, list_unknown_variables, load_settings


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for name in [name for name in os.environ if name.startswith("JEMBATAN_")]:
        monkeypatch.delenv(name)


class TestLoadSettings:
    def test_needs_nothing_to_be_set(self) -> None:
        assert load_settings().base_url == "http://127.0.0.1:8000"

    def test_reads_a_variable_by_its_name(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("JEMBATAN_PORT", "9000")
        monkeypatch.setenv("JEMBATAN_CORS_ORIGINS", "https://a.example, https://b.example/")
        settings = load_settings()
        assert (settings.port, settings.cors_origins) == (9000, ("https://a.example", "https://b.example"))

    def test_takes_an_empty_variable_as_unset(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("JEMBATAN_DATABASE_URL", "")
        assert load_settings().database_url is None

    @pytest.mark.parametrize(
        ("variable", "value"),
        [
            ("JEMBATAN_PORT", "many"),
            ("JEMBATAN_PORT", "70000"),
            ("JEMBATAN_COST_MAX", "0"),
            ("JEMBATAN_LOG_LEVEL", "LOUD"),
            ("JEMBATAN_PUBLIC_URL", "graph.example.id"),
            ("JEMBATAN_CORS_ORIGINS", "*"),
            ("JEMBATAN_DATABASE_URL", "mysql://user:hunter2@host/db"),
            ("JEMBATAN_ROLE_PREFIX", "Robert'); DROP"),
            ("JEMBATAN_GRAPHIQL", "perhaps"),
        ],
    )
    def test_refuses_a_bad_value_in_one_line_that_names_the_variable(
        self, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
    ) -> None:
        monkeypatch.setenv(variable, value)
        with pytest.raises(SettingsError) as refused:
            load_settings()
        assert str(refused.value).startswith(f"{variable}: ")
        assert "\n" not in str(refused.value)
        assert "hunter2" not in str(refused.value)

    def test_refuses_a_piece_of_evidence_that_no_body_holds(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("JEMBATAN_EVIDENCE_BYTES_MAX", "10485760")
        with pytest.raises(SettingsError) as refused:
            load_settings()
        needed = len(base64.b64encode(bytes(10_485_760))) + 131_072
        assert str(refused.value) == (
            f"JEMBATAN_EVIDENCE_BYTES_MAX: in base64, such a piece needs JEMBATAN_BODY_BYTES_MAX to be {needed} or more"
        )
        monkeypatch.setenv("JEMBATAN_BODY_BYTES_MAX", str(needed - 1))
        with pytest.raises(SettingsError):
            load_settings()
        monkeypatch.setenv("JEMBATAN_BODY_BYTES_MAX", str(needed))
        assert load_settings().evidence_bytes_max == 10_485_760

    def test_names_every_bad_variable_at_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("JEMBATAN_PORT", "x")
        monkeypatch.setenv("JEMBATAN_COST_MAX", "x")
        with pytest.raises(SettingsError) as refused:
            load_settings()
        assert len(str(refused.value).splitlines()) == 2

    def test_hides_secrets_from_its_own_text(self) -> None:
        settings = Settings(
            encryption_keys="k:secret", reference_key="secret", database_url="postgresql://u:secret@h/d"
        )
        assert "secret" not in repr(settings)

    def test_finds_misspelt_variables(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("JEMBATAN_PROT", "1")
        assert list_unknown_variables() == ["JEMBATAN_PROT"]
