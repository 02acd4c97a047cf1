"""Every setting is documented as it is, and every documented one exists."""

import re

from gateway.settings import Settings, variable_name
from gateway.settings_reference import list_groups, render_example, render_reference
from tests.support.places import ROOT

PACKAGES = ("ledger", "auth", "schema", "resolvers", "gateway", "cli", "demo", "migrations")
OF_MEMBERS = {"JEMBATAN_CLIENT", "JEMBATAN_TOKEN"}
"""What a member's own commands read; they are no settings of a gateway."""
STALE = "Run `python -m gateway.settings_reference`."


class TestSettingsReference:
    def test_names_every_setting_and_no_other(self) -> None:
        documented = set(re.findall(r"^\| `(JEMBATAN_\w+)` \|", (ROOT / "docs/settings.md").read_text(), re.MULTILINE))
        assert documented == {variable_name(name) for name in Settings.model_fields}

    def test_says_what_the_settings_say(self) -> None:
        assert (ROOT / "docs/settings.md").read_text() == render_reference(), STALE

    def test_describes_every_setting(self) -> None:
        assert [name for name, field in Settings.model_fields.items() if not field.description] == []

    def test_puts_every_setting_under_a_heading(self) -> None:
        assert [name for _, _, names in list_groups() for name in names] == list(Settings.model_fields)


class TestNamesInTheCode:
    def test_are_those_of_settings(self) -> None:
        """An error that names the setting that bounds it must not send an operator after one that doesn't exist."""
        known = {variable_name(name) for name in Settings.model_fields} | OF_MEMBERS
        texts = [path.read_text() for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
        named = {name for text in texts for name in re.findall(r"JEMBATAN_[A-Z][A-Z_]*[A-Z]", text)}
        assert named - known == set()


class TestEnvExample:
    def test_holds_every_setting_at_its_default(self) -> None:
        assert (ROOT / ".env.example").read_text() == render_example(), STALE
