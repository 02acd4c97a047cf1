"""All settings of the gateway, read from the environment: one variable each, with its bound, unit and default.

Each package declares its own as sections (ledger/settings.py, ledger/policies.py, auth/settings.py and those of
gateway's rooms); here they come together, and nothing is declared. They are read once, at start, and the one object is
handed on, typed as the section that a part reads; nothing reads the environment later.
A bad value stops the start with one line that names the variable and never repeats a secret.
`docs/settings.md` and `.env.example` are rendered from this class (`python -m gateway.settings_reference`).
"""

import os
from typing import Any
from urllib.parse import urlsplit

from pydantic import ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from auth.settings import AuthSettings
from gateway.operations.settings import OperationSettings
from gateway.process.settings import ProcessSettings
from gateway.streams.settings import StreamSettings
from ledger.settings import LedgerSettings

PREFIX = "JEMBATAN_"


class SettingsError(Exception):
    """A setting can't be taken; each line names a variable and what is wrong with it."""


class Settings(ProcessSettings, StreamSettings, OperationSettings, AuthSettings, LedgerSettings, BaseSettings):
    """All settings; an attribute's variable is its name in capitals behind JEMBATAN_."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True)

    @property
    def feed_origin(self) -> str:
        """CHECKPOINT_ORIGIN, or the host of PUBLIC_URL and /feed: one name for all processes, so without a port."""
        return self.checkpoint_origin or f"{urlsplit(self.base_url).hostname}/feed"


def variable_name(field_name: str) -> str:
    """The environment variable of a setting."""
    return f"{PREFIX}{field_name.upper()}"


def load_settings(**overrides: Any) -> Settings:
    """Read all settings from the environment; an override wins.

    Errors: SettingsError, one line per variable that can't be taken, without its value; SignalWeightsInvalidError.
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
