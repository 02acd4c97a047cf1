"""All settings of the gateway, read from the environment: one variable each, with its range, unit and default.

Each package declares its own settings as sections (ledger/settings.py, ledger/policies.py, auth/settings.py and the
settings.py of gateway's packages); this module combines them and must declare none. They are read once, at startup, and
passed on as one object, which each function types as the section that it reads; nothing reads the environment later.
An invalid value stops startup with a line that names the variable and never repeats the value.
`docs/settings.md` and `.env.example` are generated from this class (`python -m gateway.settings_reference`).
"""

import os
from typing import Any
from urllib.parse import urlsplit

from pydantic import ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from auth.settings import AuthSettings
from gateway.evidence.settings import TransferSettings
from gateway.operations.settings import OperationSettings
from gateway.process.settings import ProcessSettings
from gateway.streams.settings import StreamSettings
from ledger.sections import PREFIX
from ledger.settings import LedgerSettings

_BESIDE_EVIDENCE_BYTES = 131_072
"""What a body has beside one piece of evidence: the document, and the rest of the complaint."""


class SettingsError(Exception):
    """A setting is invalid; each line names a variable and what is wrong with it."""


class Settings(
    ProcessSettings, StreamSettings, TransferSettings, OperationSettings, AuthSettings, LedgerSettings, BaseSettings
):
    """All settings; an attribute's variable is JEMBATAN_ followed by its name in upper case."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True)

    @property
    def feed_origin(self) -> str:
        """CHECKPOINT_ORIGIN, or PUBLIC_URL's host followed by /feed: without a port, so the same in all processes."""
        return self.checkpoint_origin or f"{urlsplit(self.base_url).hostname}/feed"


def variable_name(field_name: str) -> str:
    """The environment variable of a setting."""
    return f"{PREFIX}{field_name.upper()}"


def load_settings(**overrides: Any) -> Settings:
    """Read all settings from the environment; overrides take precedence.

    Errors: SettingsError, with one line per invalid variable, without its value; SignalWeightsInvalidError.
    """
    try:
        settings = Settings(**overrides)
    except ValidationError as error:
        lines = [_line(item["loc"], item["msg"]) for item in error.errors(include_url=False, include_input=False)]
        raise SettingsError("\n".join(lines)) from None
    _check_evidence_fits(settings)
    return settings


def list_unknown_variables() -> list[str]:
    """JEMBATAN_ variables in the environment that no setting reads, most likely misspelt."""
    known = {variable_name(name) for name in Settings.model_fields}
    return sorted(name for name in os.environ if name.startswith(PREFIX) and name not in known)


def _check_evidence_fits(settings: Settings) -> None:
    """Refuse a piece of evidence that is allowed and that no body may hold. Errors: SettingsError."""
    needed = base64_length(settings.evidence_bytes_max) + _BESIDE_EVIDENCE_BYTES
    if needed > settings.body_bytes_max:
        raise SettingsError(
            f"{variable_name('evidence_bytes_max')}: in base64, such a piece needs {variable_name('body_bytes_max')} "
            f"to be {needed} or more"
        )


def base64_length(size: int) -> int:
    """Return how many characters so many bytes have in base64, with padding."""
    return (size + 2) // 3 * 4


def _line(location: tuple[int | str, ...], message: str) -> str:
    text = message.removeprefix("Value error, ")
    return f"{variable_name(str(location[0]))}: {text}" if location else text
