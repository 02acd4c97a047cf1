"""Whether the settings can be read, and what is unsafe or contradictory among them."""

from collections.abc import Iterator

from cli.diagnosis.findings import Finding, fail, find_well, warn
from gateway.settings import Settings, SettingsError, list_unknown_variables, load_settings
from gateway.settings_advice import list_advice

CHECK = "settings"


def check_settings() -> tuple[Settings | None, list[Finding]]:
    """Return the settings, None if they can't be read, and what was found."""
    try:
        settings = load_settings()
    except SettingsError as error:
        return None, [fail(CHECK, line, "Correct it: docs/settings.md.") for line in str(error).splitlines()]
    findings = list(_list_findings(settings))
    return settings, findings or [find_well(CHECK, "All can be read, and none contradicts another.")]


def _list_findings(settings: Settings) -> Iterator[Finding]:
    for name in list_unknown_variables():
        yield warn(CHECK, f"{name} is not a setting of Jembatan.", "Is it misspelt?")
    for advice in list_advice(settings):
        yield warn(CHECK, f"{advice.variable}: {advice.why}", advice.advice)
